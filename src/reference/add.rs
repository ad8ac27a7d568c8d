//! Twin of `add`.

use rand_mt::Mt;

use super::{Case, Expected, Maps, Size, relu, rng};
use crate::geometry::Activation;
use crate::kernels;
use crate::tensor::Shape;

/// `y = a + b`, element by element.
pub(crate) fn add(a: &Maps, b: &Maps) -> Maps {
    Maps { shape: a.shape, data: a.data.iter().zip(&b.data).map(|(a, b)| a + b).collect() }
}

/// Cases of the kernel. A single addition is correctly rounded, so floats are exact too.
pub(crate) fn cases() -> Vec<Case> {
    [
        (1, false, Size::Smallest),
        (3 * 5 * 7 * 11, true, Size::Batch),
        (64 * 65_535 + 77, false, Size::Ragged),
        (4 * 256 * 56 * 56, false, Size::Real),
    ]
    .map(|(count, relu, size)| case(count, relu, size))
    .into()
}

/// The kernel at a random shape.
pub(crate) fn random(rng: &mut Mt) -> Case {
    case(rng::size(rng, 5000), rng::coin(rng), Size::Ragged)
}

fn case(count: u32, relu: bool, size: Size) -> Case {
    let activation = if relu { Activation::RELU } else { Activation::NONE };
    let shape = Shape::new(1, count, 1, 1);
    Case::of(size, format!("{count} elements{}", if relu { ", ReLU" } else { "" }))
        .reads(rng::lost(rng::floats(shape.len(), 1), rng::LOST))
        .reads(rng::floats(shape.len(), 2))
        .writes(shape.len())
        .flops(count)
        .case(
            move |gpu, recording, [a, b], [y]| kernels::add::add(gpu, recording, (a, b), activation, y, count),
            move |[a, b]| [Expected::exact(&relu::relu(&add(&a.maps(shape), &b.maps(shape)), activation))],
        )
}
