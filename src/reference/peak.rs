//! Twin of `peak`.

use rand_mt::Mt;

use super::{Case, Expected, Maps, Size, rng};
use crate::kernels;
use crate::tensor::Shape;

/// Maximum of each map, `[n, c, 1, 1]`; NaN if one of its values is not finite.
pub(crate) fn peak(x: &Maps) -> Maps {
    let maps = x.data.chunks_exact(x.shape.positions() as usize);
    let of_finite = |map: &[f64]| map.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let peak = |map: &[f64]| if map.iter().all(|value| value.is_finite()) { of_finite(map) } else { f64::NAN };
    let data = maps.map(peak).collect();
    Maps { shape: Shape { h: 1, w: 1, ..x.shape }, data }
}

/// Cases of the kernel. A maximum is exact. All values of the second are negative.
pub(crate) fn cases() -> Vec<Case> {
    [
        (Shape::new(1, 1, 1, 1), 0.0, Size::Smallest),
        (Shape::new(3, 5, 7, 11), -2.0, Size::Batch),
        (Shape::new(2, 300, 9, 15), 0.0, Size::Ragged),
        (Shape::new(4, 512, 14, 14), 0.0, Size::Real),
    ]
    .map(|(shape, offset, size)| case(shape, offset, size))
    .into()
}

/// The kernel at a random shape.
pub(crate) fn random(rng: &mut Mt) -> Case {
    case(rng::shape(rng), -0.5, Size::Ragged)
}

fn case(shape: Shape, offset: f32, size: Size) -> Case {
    Case::of(size, shape)
        .reads(rng::lost(rng::floats(shape.len(), 1).into_iter().map(|value| value + offset).collect(), rng::LOST))
        .writes((shape.n * shape.c) as usize)
        .flops(shape.len())
        .bytes(shape.bytes())
        .case(
            move |gpu, recording, [x], [y]| kernels::peak::peak(gpu, recording, shape, x, y),
            move |[x]| [Expected::exact(&peak(&x.maps(shape)))],
        )
}
