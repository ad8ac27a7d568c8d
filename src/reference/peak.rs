//! Twin of `peak`.

use super::{Case, Data, Expected, Maps, Output, Size, Work, rng};
use crate::kernels;
use crate::tensor::{HostTensor, Shape};

/// Maximum of each map, `[n, c]`.
pub fn peak(x: &Maps) -> Vec<f64> {
    let positions = x.shape.positions() as usize;
    x.data.chunks_exact(positions).map(|map| map.iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect()
}

/// Cases of the kernel. A maximum is exact. All values of the second are negative.
pub fn cases() -> Vec<Case> {
    [
        (Shape::new(1, 1, 1, 1), 0.0, Size::Smallest),
        (Shape::new(3, 5, 7, 11), -2.0, Size::Batch),
        (Shape::new(2, 300, 9, 15), 0.0, Size::Ragged),
        (Shape::new(4, 512, 14, 14), 0.0, Size::Real),
    ]
    .into_iter()
    .map(|(shape, offset, size)| case(shape, offset, size))
    .collect()
}

/// The kernel at a random shape.
pub fn random(rng: &mut rand_mt::Mt) -> Case {
    case(rng::shape(rng), -0.5, Size::Ragged)
}

fn case(shape: Shape, offset: f32, size: Size) -> Case {
    let x: Vec<f32> = rng::floats(shape.len(), 1).into_iter().map(|value| value + offset).collect();
    let host = HostTensor { shape, data: x.clone() };
    Case {
        label: shape.to_string(),
        size,
        inputs: vec![Data::F32(x)],
        outputs: vec![Output::Poisoned((shape.n * shape.c) as usize)],
        record: Box::new(move |gpu, recording, inputs, outputs| {
            kernels::peak::peak(gpu, recording, shape, &inputs[0], &outputs[0])
        }),
        expected: Box::new(move || {
            vec![Expected::Exact(peak(&Maps::from(&host)).into_iter().map(|value| value as f32).collect())]
        }),
        work: Work { flops: shape.len() as u64, bytes: shape.bytes() },
    }
}
