//! Twin of `edit`.

use super::{Case, Data, Expected, Maps, Output, Size, Work, rng};
use crate::geometry::Extent;
use crate::kernels::edit;
use crate::tensor::{HostTensor, Shape};

/// `x (1 - amount) + value amount`, amounts and values repeated as `extent` says.
pub fn edit(x: &Maps, extent: Extent, amount: &[f64], value: &[f64]) -> Maps {
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
pub fn cases() -> Vec<Case> {
    let (each, all) = (Extent { per_image: true, per_position: true }, Extent::default());
    [
        (Shape::new(1, 1, 1, 1), all, Size::Smallest),
        (Shape::new(3, 5, 7, 11), all, Size::Batch),
        (Shape::new(3, 5, 7, 11), Extent { per_image: true, ..all }, Size::Batch),
        (Shape::new(2, 7, 5, 3), Extent { per_position: true, ..all }, Size::Ragged),
        (Shape::new(2, 7, 5, 3), each, Size::Ragged),
        (Shape::new(4, 512, 14, 14), all, Size::Real),
    ]
    .into_iter()
    .map(|(shape, extent, size)| case(shape, extent, size))
    .collect()
}

/// The kernel at a random shape.
pub fn random(rng: &mut rand_mt::Mt) -> Case {
    let extent = Extent { per_image: rng.next_u32().is_multiple_of(2), per_position: rng.next_u32().is_multiple_of(2) };
    case(rng::shape(rng), extent, Size::Ragged)
}

fn case(shape: Shape, extent: Extent, size: Size) -> Case {
    let x = rng::integers(shape.len(), 1);
    let amount: Vec<f32> =
        rng::integers(extent.shape(shape).len(), 2).into_iter().map(|value| (value + 4.0).min(4.0) / 4.0).collect();
    let value = rng::integers(extent.shape(shape).len(), 3);
    let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
    let (host, wide_amount, wide_value) = (HostTensor { shape, data: x.clone() }, wide(&amount), wide(&value));
    Case {
        label: format!("{shape}, {extent:?}"),
        size,
        inputs: vec![Data::F32(amount), Data::F32(value)],
        outputs: vec![Output::Holding(Data::F32(x))],
        record: Box::new(move |gpu, recording, inputs, outputs| {
            edit::edit(gpu, recording, shape, extent, (&inputs[0], &inputs[1]), &outputs[0])
        }),
        expected: Box::new(move || {
            vec![Expected::Exact(edit(&Maps::from(&host), extent, &wide_amount, &wide_value).to_f32())]
        }),
        work: Work { flops: shape.len() as u64 * 3, bytes: shape.bytes() * 2 },
    }
}
