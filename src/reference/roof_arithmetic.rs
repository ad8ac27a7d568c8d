//! Twin of `roof_arithmetic`.

use rand_mt::Mt;

use super::{Case, Expected, Maps, Size, rng};
use crate::kernels;
use crate::tensor::Shape;

/// The sum of three chains of `4 rounds` steps `s = s / 2 + 1` from each element.
pub(crate) fn roof_arithmetic(x: &Maps, rounds: u32) -> Maps {
    let chain = |start: f64| (0..4 * rounds).fold(start, |sum, _| sum * 0.5 + 1.0);
    let three = |&start: &f64| (0..3).map(|offset| chain(start + f64::from(offset))).sum();
    Maps { shape: x.shape, data: x.data.iter().map(three).collect() }
}

/// Cases of the kernel: integers and few rounds are exact; the timed one runs long enough to be compared with.
pub(crate) fn cases() -> Vec<Case> {
    [
        (1, 1, Size::Smallest),
        (35, 2, Size::Batch),
        (77, 3, Size::Ragged),
        (4096, 4, Size::Real),
        (65_536, 256, Size::Timed),
    ]
    .map(|(count, rounds, size)| case(count, rounds, size))
    .into()
}

/// The kernel at a random shape.
pub(crate) fn random(rng: &mut Mt) -> Case {
    case(rng::size(rng, 500), rng::size(rng, 3), Size::Ragged)
}

/// `count` vectors of four.
fn case(count: u32, rounds: u32, size: Size) -> Case {
    let shape = Shape::new(1, count, 1, 4);
    Case::of(size, format!("{count} x {rounds} rounds"))
        .reads(rng::integers(shape.len(), 1))
        .writes(shape.len())
        .flops(u64::from(count) * u64::from(rounds) * 96)
        .case(
            move |gpu, recording, [x], [y]| {
                kernels::roof_arithmetic::roof_arithmetic(gpu, recording, x, y, count, rounds)
            },
            move |[x]| [Expected::exact(&roof_arithmetic(&x.maps(shape), rounds))],
        )
}
