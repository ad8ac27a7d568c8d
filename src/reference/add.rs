//! Twin of `add`.

use super::{Case, Data, Expected, Maps, Output, Size, Work, rng};
use crate::geometry::Activation;
use crate::kernels;

/// `y = a + b`, element by element.
pub fn add(a: &Maps, b: &Maps) -> Maps {
    Maps { shape: a.shape, data: a.data.iter().zip(&b.data).map(|(a, b)| a + b).collect() }
}

/// Cases of the kernel. A single addition is correctly rounded, so floats are exact too.
pub fn cases() -> Vec<Case> {
    let sizes = [
        (1, false, Size::Smallest),
        (3 * 5 * 7 * 11, true, Size::Batch),
        (64 * 65_535 + 77, false, Size::Ragged),
        (4 * 256 * 56 * 56, false, Size::Real),
    ];
    sizes.into_iter().map(|(count, relu, size)| case(count, relu, size)).collect()
}

/// The kernel at a random shape.
pub fn random(rng: &mut rand_mt::Mt) -> Case {
    case(rng::size(rng, 5000), rng.next_u32().is_multiple_of(2), Size::Ragged)
}

fn case(count: u32, relu: bool, size: Size) -> Case {
    let (a, b) = (rng::floats(count as usize, 1), rng::floats(count as usize, 2));
    let activation = if relu { Activation::RELU } else { Activation::NONE };
    let want: Vec<f32> = a.iter().zip(&b).map(|(a, b)| if relu { (a + b).max(0.0) } else { a + b }).collect();
    Case {
        label: format!("{count} elements{}", if relu { ", ReLU" } else { "" }),
        size,
        inputs: vec![Data::F32(a), Data::F32(b)],
        outputs: vec![Output::Poisoned(count as usize)],
        record: Box::new(move |gpu, recording, inputs, outputs| {
            kernels::add::add(gpu, recording, (&inputs[0], &inputs[1]), activation, &outputs[0], count)
        }),
        expected: Box::new(move || vec![Expected::Exact(want.clone())]),
        work: Work { flops: u64::from(count), bytes: u64::from(count) * 12 },
    }
}
