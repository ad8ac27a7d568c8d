//! Twin of `softmax`.

use rand_mt::Mt;

use super::{Case, Expected, Maps, Size, rng};
use crate::kernels;
use crate::tensor::Shape;

/// `exp(x_c - m) / sum_d exp(x_d - m)` over the channels of each position, `m` their maximum.
pub fn softmax(x: &Maps) -> Maps {
    let mut y = x.clone();
    let (channels, positions) = (x.shape.c as usize, x.shape.positions() as usize);
    for n in 0..x.shape.n as usize {
        for p in 0..positions {
            let at = |c: usize| (n * channels + c) * positions + p;
            let most = (0..channels).map(|c| x.data[at(c)]).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = (0..channels).map(|c| (x.data[at(c)] - most).exp()).sum();
            (0..channels).for_each(|c| y.data[at(c)] = (x.data[at(c)] - most).exp() / sum);
        }
    }
    y
}

/// Cases of the kernel; inputs reach 200, where a softmax without the maximum overflows.
pub fn cases() -> Vec<Case> {
    [
        (Shape::new(1, 1, 1, 1), Size::Smallest),
        (Shape::new(3, 5, 7, 11), Size::Batch),
        (Shape::new(2, 365, 1, 1), Size::Ragged),
        (Shape::new(4, 1000, 1, 1), Size::Real),
    ]
    .map(|(shape, size)| case(shape, size))
    .into()
}

/// The kernel at a random shape.
pub fn random(rng: &mut Mt) -> Case {
    case(rng::shape(rng), Size::Ragged)
}

fn case(shape: Shape, size: Size) -> Case {
    Case::of(size, shape)
        .reads(rng::lost(rng::floats(shape.len(), 1).into_iter().map(|value| value * 200.0).collect(), rng::LOST))
        .writes(shape.len())
        .flops(shape.len() * 5)
        .case(
            move |gpu, recording, [x], [y]| kernels::softmax::softmax(gpu, recording, shape, x, y),
            // WGSL allows exp an error of 3 + 2 |x| units in the last place, and differences reach 400.
            move |[x]| [Expected::close(&softmax(&x.maps(shape)), |want| want * 1000.0 * 2f32.powi(-23) + 1e-30)],
        )
}
