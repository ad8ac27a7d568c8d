//! Twin of `upsample_nearest`.

use rand_mt::Mt;

use super::{Case, Expected, Maps, Size, rng};
use crate::kernels;
use crate::tensor::Shape;

/// Every position as a block of two by two.
pub(crate) fn upsample_nearest(x: &Maps) -> Maps {
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
pub(crate) fn cases() -> Vec<Case> {
    [
        (Shape::new(1, 1, 1, 1), Size::Smallest),
        (Shape::new(3, 5, 7, 11), Size::Batch),
        (Shape::new(2, 3, 13, 17), Size::Ragged),
        (Shape::new(1, 64, 128, 128), Size::Real),
    ]
    .map(|(shape, size)| case(shape, size))
    .into()
}

/// The kernel at a random shape.
pub(crate) fn random(rng: &mut Mt) -> Case {
    case(rng::shape(rng), Size::Ragged)
}

fn case(shape: Shape, size: Size) -> Case {
    Case::of(size, shape).reads(rng::floats(shape.len(), 1)).writes(shape.len() * 4).case(
        move |gpu, recording, [x], [y]| kernels::upsample_nearest::upsample_nearest(gpu, recording, shape, x, y),
        move |[x]| [Expected::exact(&upsample_nearest(&x.maps(shape)))],
    )
}
