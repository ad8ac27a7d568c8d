//! Twin of `relu`, and of the activation at the end of other kernels.

use super::{Case, Data, Expected, Maps, Output, Size, Work, rng};
use crate::geometry::Activation;
use crate::kernels;

/// `max(t, slope t)`; for a slope of 0 `max(t, 0)`, since 0 times an infinite `t` is undefined.
pub fn act(Activation { slope }: Activation, t: f64) -> f64 {
    t.max(if slope == 0.0 { 0.0 } else { f64::from(slope) * t })
}

/// The activation of every element.
pub fn relu(x: &Maps, activation: Activation) -> Maps {
    Maps { shape: x.shape, data: x.data.iter().map(|&t| act(activation, t)).collect() }
}

const LEAKY: Activation = Activation { slope: 0.2 };

/// Cases of the kernel. One product is correctly rounded, and a maximum is exact.
pub fn cases() -> Vec<Case> {
    let none = Activation::NONE;
    [
        (1, Activation::RELU, Size::Smallest),
        (1, LEAKY, Size::Smallest),
        (3 * 5 * 7 * 11, Activation::RELU, Size::Batch),
        (3 * 5 * 7 * 11, LEAKY, Size::Batch),
        (5 * 7 * 11, none, Size::Ragged),
        (64 * 65_535 + 77, Activation::RELU, Size::Ragged),
        (64 * 65_535 + 77, LEAKY, Size::Ragged),
        (4 * 64 * 112 * 112, Activation::RELU, Size::Real),
        (32 * 256 * 256, LEAKY, Size::Real),
    ]
    .into_iter()
    .map(|(count, activation, size)| case(count, activation, size))
    .collect()
}

/// The kernel at a random shape.
pub fn random(rng: &mut rand_mt::Mt) -> Case {
    let activation = [Activation::RELU, LEAKY][rng::size(rng, 2) as usize - 1];
    case(rng::size(rng, 5000), activation, Size::Ragged)
}

fn case(count: u32, activation: Activation, size: Size) -> Case {
    let mut x = rng::floats(count as usize, 1);
    // The product of a slope of 0 and an infinite number is none: ReLU must not make it.
    x.iter_mut().skip(1).zip([f32::NEG_INFINITY, f32::INFINITY]).for_each(|(x, extreme)| *x = extreme);
    let leaks = activation.slope > 0.0;
    let want = x.iter().map(|&t| t.max(if leaks { activation.slope * t } else { 0.0 })).collect::<Vec<f32>>();
    Case {
        label: format!("{count} elements"),
        size,
        inputs: vec![Data::F32(x)],
        outputs: vec![Output::Poisoned(count as usize)],
        record: Box::new(move |gpu, recording, inputs, outputs| {
            kernels::relu::relu(gpu, recording, activation, &inputs[0], &outputs[0], count)
        }),
        expected: Box::new(move || vec![Expected::Exact(want.clone())]),
        work: Work { flops: u64::from(count) * if leaks { 2 } else { 1 }, bytes: u64::from(count) * 8 },
    }
}
