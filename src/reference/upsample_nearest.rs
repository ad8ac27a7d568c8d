//! Twin of `upsample_nearest`.

use super::{Case, Data, Expected, Maps, Output, Size, Work, rng};
use crate::kernels;
use crate::tensor::{HostTensor, Shape};

/// Every position as a block of two by two.
pub fn upsample_nearest(x: &Maps) -> Maps {
    let mut y = Maps::zeros(Shape { h: x.shape.h * 2, w: x.shape.w * 2, ..x.shape });
    for n in 0..y.shape.n {
        for c in 0..y.shape.c {
            for r in 0..y.shape.h {
                for s in 0..y.shape.w {
                    let at = y.index(n, c, r, s);
                    y.data[at] = x.data[x.index(n, c, r / 2, s / 2)];
                }
            }
        }
    }
    y
}

/// Cases of the kernel. Copies are exact.
pub fn cases() -> Vec<Case> {
    [
        (Shape::new(1, 1, 1, 1), Size::Smallest),
        (Shape::new(3, 5, 7, 11), Size::Batch),
        (Shape::new(2, 3, 13, 17), Size::Ragged),
        (Shape::new(1, 64, 128, 128), Size::Real),
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
    let x = rng::floats(shape.len(), 1);
    let host = HostTensor { shape, data: x.clone() };
    Case {
        label: shape.to_string(),
        size,
        inputs: vec![Data::F32(x)],
        outputs: vec![Output::Poisoned(shape.len() * 4)],
        record: Box::new(move |gpu, recording, inputs, outputs| {
            kernels::upsample_nearest::upsample_nearest(gpu, recording, shape, &inputs[0], &outputs[0])
        }),
        expected: Box::new(move || vec![Expected::Exact(upsample_nearest(&Maps::from(&host)).to_f32())]),
        work: Work { flops: 0, bytes: shape.bytes() * 5 },
    }
}
