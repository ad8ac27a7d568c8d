//! Twin of `leaky_relu`.

use super::{Case, Data, Expected, Maps, Output, Size, Work, rng};
use crate::kernels;

/// `max(x, 0.2 x)`.
pub fn leaky_relu(x: &Maps) -> Maps {
    Maps { shape: x.shape, data: x.data.iter().map(|&value| value.max(0.2 * value)).collect() }
}

/// Cases of the kernel. One product is correctly rounded.
pub fn cases() -> Vec<Case> {
    let sizes = [
        (1, Size::Smallest),
        (3 * 5 * 7 * 11, Size::Batch),
        (64 * 65_535 + 77, Size::Ragged),
        (32 * 256 * 256, Size::Real),
    ];
    sizes.into_iter().map(|(count, size)| case(count, size)).collect()
}

/// The kernel at a random shape.
pub fn random(rng: &mut rand_mt::Mt) -> Case {
    case(rng::size(rng, 5000), Size::Ragged)
}

fn case(count: u32, size: Size) -> Case {
    let x = rng::floats(count as usize, 1);
    let want: Vec<f32> = x.iter().map(|&value| value.max(0.2 * value)).collect();
    Case {
        label: format!("{count} elements"),
        size,
        inputs: vec![Data::F32(x)],
        outputs: vec![Output::Poisoned(count as usize)],
        record: Box::new(move |gpu, recording, inputs, outputs| {
            kernels::leaky_relu::leaky_relu(gpu, recording, &inputs[0], &outputs[0], count)
        }),
        expected: Box::new(move || vec![Expected::Exact(want.clone())]),
        work: Work { flops: u64::from(count) * 2, bytes: u64::from(count) * 8 },
    }
}
