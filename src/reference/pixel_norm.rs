//! Twin of `pixel_norm`.

use super::{Case, Data, Expected, Maps, Output, Size, Work, rng};
use crate::kernels;
use crate::tensor::{HostTensor, Shape};

/// `x / sqrt(mean over channels of x^2 + 1e-8)` at each position.
pub fn pixel_norm(x: &Maps) -> Maps {
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
pub fn cases() -> Vec<Case> {
    [
        (Shape::new(1, 1, 1, 1), Size::Smallest),
        (Shape::new(3, 5, 7, 11), Size::Batch),
        (Shape::new(2, 1, 13, 9), Size::Ragged),
        (Shape::new(2, 67, 3, 5), Size::Ragged),
        (Shape::new(1, 512, 16, 16), Size::Real),
        (Shape::new(1, 32, 256, 256), Size::Real),
    ]
    .into_iter()
    .map(|(shape, size)| case(shape, size))
    .collect()
}

/// The kernel at a random shape.
pub fn random(rng: &mut rand_mt::Mt) -> Case {
    case(rng::shape(rng), Size::Ragged)
}

fn case(shape: Shape, size: Size) -> Case {
    let x = rng::integers(shape.len(), 1);
    let host = HostTensor { shape, data: x.clone() };
    Case {
        label: shape.to_string(),
        size,
        inputs: vec![Data::F32(x)],
        outputs: vec![Output::Poisoned(shape.len())],
        record: Box::new(move |gpu, recording, inputs, outputs| {
            kernels::pixel_norm::pixel_norm(gpu, recording, shape, &inputs[0], &outputs[0])
        }),
        expected: Box::new(move || {
            let want = pixel_norm(&Maps::from(&host)).to_f32();
            // Two divisions of 2.5 units in the last place and a root, which WGSL takes from an inverse root of 2.
            let bound = want.iter().map(|value| value.abs() * 12.0 * 2f32.powi(-23)).collect();
            vec![Expected::Close { want, bound }]
        }),
        work: Work { flops: shape.len() as u64 * 3, bytes: shape.bytes() * 2 },
    }
}
