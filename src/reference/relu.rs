//! Twin of `relu`, and of the activation at the end of other kernels.

use rand_mt::Mt;

use super::{Case, Expected, Maps, Size, rng};
use crate::geometry::Activation;
use crate::kernels;
use crate::tensor::Shape;

/// `slope t` for a negative `t`, for a slope of 0 itself 0, since 0 times an infinite `t` is undefined; else `t`, NaN too.
pub(crate) fn act(Activation { slope }: Activation, t: f64) -> f64 {
    match t < 0.0 {
        true if slope == 0.0 => 0.0,
        true => f64::from(slope) * t,
        false => t,
    }
}

/// The activation of every element.
pub(crate) fn relu(x: &Maps, activation: Activation) -> Maps {
    Maps { shape: x.shape, data: x.data.iter().map(|&t| act(activation, t)).collect() }
}

const LEAKY: Activation = Activation { slope: 0.2 };

/// Cases of the kernel. One product is correctly rounded, and a maximum is exact.
pub(crate) fn cases() -> Vec<Case> {
    [
        (1, Activation::RELU, Size::Smallest),
        (1, LEAKY, Size::Smallest),
        (3 * 5 * 7 * 11, Activation::RELU, Size::Batch),
        (3 * 5 * 7 * 11, LEAKY, Size::Batch),
        (5 * 7 * 11, Activation::NONE, Size::Ragged),
        (64 * 65_535 + 77, Activation::RELU, Size::Ragged),
        (64 * 65_535 + 77, LEAKY, Size::Ragged),
        (4 * 64 * 112 * 112, Activation::RELU, Size::Real),
        (32 * 256 * 256, LEAKY, Size::Real),
    ]
    .map(|(count, activation, size)| case(count, activation, size))
    .into()
}

/// The kernel at a random shape.
pub(crate) fn random(rng: &mut Mt) -> Case {
    let activation = if rng::coin(rng) { Activation::RELU } else { LEAKY };
    case(rng::size(rng, 5000), activation, Size::Ragged)
}

fn case(count: u32, activation: Activation, size: Size) -> Case {
    let shape = Shape::new(1, count, 1, 1);
    let mut x = rng::floats(shape.len(), 1);
    // The product of a slope of 0 and an infinite number is none: ReLU must not make it, nor a number of what is none.
    let extremes = [f32::NEG_INFINITY, f32::INFINITY, f32::NAN, -f32::NAN];
    x.iter_mut().skip(1).zip(extremes).for_each(|(x, extreme)| *x = extreme);
    Case::of(size, format!("{count} elements"))
        .reads(x)
        .writes(shape.len())
        .flops(if activation.slope == 0.0 { shape.len() } else { 2 * shape.len() })
        .case(
            move |gpu, recording, [x], [y]| kernels::relu::relu(gpu, recording, activation, x, y, count),
            move |[x]| [Expected::exact(&relu(&x.maps(shape), activation))],
        )
}
