//! Twin of `pixel_norm`.

use rand_mt::Mt;

use super::{Case, Expected, Maps, Size, rng};
use crate::kernels;
use crate::tensor::Shape;

/// `x / sqrt(mean over channels of x^2 + 1e-8)` at each position.
pub(crate) fn pixel_norm(x: &Maps) -> Maps {
    let mut y = x.clone();
    let (channels, positions) = (x.shape.c as usize, x.shape.positions() as usize);
    for n in 0..x.shape.n as usize {
        for p in 0..positions {
            let at = |c: usize| (n * channels + c) * positions + p;
            let sum: f64 = (0..channels).map(|c| x.data[at(c)].powi(2)).sum();
            let size = (sum / channels as f64 + 1e-8).sqrt();
            (0..channels).for_each(|c| y.data[at(c)] = x.data[at(c)] / size);
        }
    }
    y
}

/// Cases of the kernel: integers, so that the sums are exact; one channel, where a zero is divided by the small constant alone.
pub(crate) fn cases() -> Vec<Case> {
    [
        (Shape::new(1, 1, 1, 1), Size::Smallest),
        (Shape::new(3, 5, 7, 11), Size::Batch),
        (Shape::new(2, 1, 13, 9), Size::Ragged),
        (Shape::new(2, 67, 3, 5), Size::Ragged),
        (Shape::new(1, 512, 16, 16), Size::Real),
        (Shape::new(1, 32, 256, 256), Size::Real),
    ]
    .map(|(shape, size)| case(shape, size))
    .into()
}

/// The kernel at a random shape.
pub(crate) fn random(rng: &mut Mt) -> Case {
    case(rng::shape(rng), Size::Ragged)
}

fn case(shape: Shape, size: Size) -> Case {
    Case::of(size, shape).reads(rng::integers(shape.len(), 1)).writes(shape.len()).flops(shape.len() * 3).case(
        move |gpu, recording, [x], [y]| kernels::pixel_norm::pixel_norm(gpu, recording, shape, x, y),
        // Two divisions of 2.5 units in the last place and a root, which WGSL takes from an inverse root of 2.
        move |[x]| [Expected::close(&pixel_norm(&x.maps(shape)), |want| want.abs() * 12.0 * 2f32.powi(-23))],
    )
}
