//! Twin of `edit`.

use rand_mt::Mt;

use super::{Case, Expected, Maps, Size, rng};
use crate::kernels::edit::{self, Extent};
use crate::tensor::{HostTensor, Shape};

/// `x (1 - amount) + value amount`, amounts and values repeated as `extent` says.
pub(crate) fn edit(x: &Maps, extent: Extent, amount: &[f64], value: &[f64]) -> Maps {
    let mut y = x.clone();
    let (channels, positions) = (x.shape.c as usize, x.shape.positions() as usize);
    for (i, out) in y.data.iter_mut().enumerate() {
        let (n, c, p) = (i / (channels * positions), i / positions % channels, i % positions);
        let n = if extent.per_image { n } else { 0 };
        let at = if extent.per_position { (n * channels + c) * positions + p } else { n * channels + c };
        *out = *out * (1.0 - amount[at]) + value[at] * amount[at];
    }
    y
}

/// Cases of the kernel. Amounts are quarters and values integers, so that everything is exact.
pub(crate) fn cases() -> Vec<Case> {
    let (each, all) = (Extent { per_image: true, per_position: true }, Extent::default());
    [
        (Shape::new(1, 1, 1, 1), all, Size::Smallest),
        (Shape::new(3, 5, 7, 11), all, Size::Batch),
        (Shape::new(3, 5, 7, 11), Extent { per_image: true, ..all }, Size::Batch),
        (Shape::new(2, 7, 5, 3), Extent { per_position: true, ..all }, Size::Ragged),
        (Shape::new(2, 7, 5, 3), each, Size::Ragged),
        (Shape::new(4, 512, 14, 14), all, Size::Real),
    ]
    .map(|(shape, extent, size)| case(shape, extent, size))
    .into()
}

/// The kernel at a random shape.
pub(crate) fn random(rng: &mut Mt) -> Case {
    let extent = Extent { per_image: rng::coin(rng), per_position: rng::coin(rng) };
    case(rng::shape(rng), extent, Size::Ragged)
}

fn case(shape: Shape, extent: Extent, size: Size) -> Case {
    let x = HostTensor { shape, data: rng::integers(shape.len(), 1) };
    let amount = rng::integers(extent.len(shape), 2).into_iter().map(|value| (value + 4.0).min(4.0) / 4.0);
    Case::of(size, format!("{shape}, {extent:?}"))
        .reads(amount.collect::<Vec<_>>())
        .reads(rng::integers(extent.len(shape), 3))
        .holds(x.data.clone())
        .flops(shape.len() * 3)
        .bytes(shape.bytes() * 2)
        .case(
            move |gpu, recording, [amount, value], [y]| edit::edit(gpu, recording, shape, extent, (amount, value), y),
            move |[amount, value]| [Expected::exact(&edit(&Maps::from(&x), extent, &amount.wide(), &value.wide()))],
        )
}
