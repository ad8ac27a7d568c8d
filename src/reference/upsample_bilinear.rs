//! Twin of `upsample_bilinear` and of the sampling in `shaders/shared/bilinear.wgsl`.

use rand_mt::Mt;

use super::{Case, Expected, Maps, Size, rng};
use crate::geometry::Border;
use crate::kernels;
use crate::tensor::Shape;

/// Bilinear with half-pixel centres: `src = (t + 1/2) size / target - 1/2`.
pub fn upsample_bilinear(x: &Maps, h: u32, w: u32, border: Border) -> Maps {
    let mut y = Maps::zeros(Shape { h, w, ..x.shape });
    let source = |t: u32, size: u32, target: u32| (f64::from(t) + 0.5) * (f64::from(size) / f64::from(target)) - 0.5;
    let value = |n, c, i: i64, j: i64| match border {
        Border::Zero => x.at(n, c, i, j),
        Border::Edge => x.at(n, c, i.clamp(0, i64::from(x.shape.h) - 1), j.clamp(0, i64::from(x.shape.w) - 1)),
    };
    for n in 0..x.shape.n {
        for c in 0..x.shape.c {
            for r in 0..h {
                for s in 0..w {
                    let (sy, sx) = (source(r, x.shape.h, h), source(s, x.shape.w, w));
                    let (i, j, fy, fx) = (sy.floor() as i64, sx.floor() as i64, sy - sy.floor(), sx - sx.floor());
                    let at = y.index(n, c, r, s);
                    y.data[at] = (1.0 - fy) * (1.0 - fx) * value(n, c, i, j)
                        + (1.0 - fy) * fx * value(n, c, i, j + 1)
                        + fy * (1.0 - fx) * value(n, c, i + 1, j)
                        + fy * fx * value(n, c, i + 1, j + 1);
                }
            }
        }
    }
    y
}

/// Cases of the kernel. Where sizes differ by a power of two the weights are dyadic and integers come out exact.
pub fn cases() -> Vec<Case> {
    let zero = Border::Zero;
    [
        (Shape::new(1, 1, 1, 1), (1, 1), zero, Size::Smallest),
        (Shape::new(3, 5, 7, 6), (28, 12), zero, Size::Batch),
        (Shape::new(2, 3, 14, 13), (56, 52), Border::Edge, Size::Batch),
        (Shape::new(2, 3, 24, 20), (12, 5), zero, Size::Ragged),
        (Shape::new(1, 2, 9, 13), (31, 17), zero, Size::Ragged),
        (Shape::new(1, 2, 11, 5), (7, 23), Border::Edge, Size::Ragged),
        (Shape::new(1, 512, 14, 14), (56, 56), zero, Size::Real),
    ]
    .map(|(shape, to, border, size)| case(shape, to, border, size))
    .into()
}

/// The kernel at a random shape.
pub fn random(rng: &mut Mt) -> Case {
    let border = if rng::coin(rng) { Border::Zero } else { Border::Edge };
    case(rng::shape(rng), (rng::size(rng, 40), rng::size(rng, 40)), border, Size::Ragged)
}

fn case(shape: Shape, (h, w): (u32, u32), border: Border, size: Size) -> Case {
    let out = Shape { h, w, ..shape };
    let dyadic = |from: u32, to: u32| {
        from.max(to).is_multiple_of(from.min(to)) && (from.max(to) / from.min(to)).is_power_of_two()
    };
    let exact = dyadic(shape.h, h) && dyadic(shape.w, w);
    // Coordinates up to 24 carry an error of 24 * 2^-23, weights twice that, four values of at most 4; rounding adds less.
    let bound = if exact { 0.0 } else { 4.0 * 4.0 * 2.0 * 24.0 * 2f32.powi(-23) + 16.0 * 2f32.powi(-23) };
    Case::of(size, format!("{shape} to {h}x{w}, border {border:?}"))
        .reads(rng::integers(shape.len(), 1))
        .writes(out.len())
        .flops(out.len() * 14)
        .case(
            move |gpu, recording, [x], [y]| {
                kernels::upsample_bilinear::upsample_bilinear(gpu, recording, shape, (h, w), border, x, y)
            },
            move |[x]| [Expected::close(&upsample_bilinear(&x.maps(shape), h, w, border), |_| bound)],
        )
}
