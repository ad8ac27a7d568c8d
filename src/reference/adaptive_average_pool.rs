//! Twin of `adaptive_average_pool`.

use rand_mt::Mt;

use super::{Case, Expected, Maps, Size, rng};
use crate::kernels;
use crate::tensor::Shape;

/// Mean over the window `floor(i size / parts) .. ceil((i + 1) size / parts)` of each axis.
pub fn adaptive_average_pool(x: &Maps, h: u32, w: u32) -> Maps {
    let mut y = Maps::zeros(Shape { h, w, ..x.shape });
    let window = |at: u32, size: u32, parts: u32| at * size / parts..((at + 1) * size).div_ceil(parts);
    for n in 0..x.shape.n {
        for c in 0..x.shape.c {
            for r in 0..h {
                for s in 0..w {
                    let (rows, columns) = (window(r, x.shape.h, h), window(s, x.shape.w, w));
                    let count = f64::from(rows.len() as u32 * columns.len() as u32);
                    let values = rows.flat_map(|i| columns.clone().map(move |j| x.data[x.index(n, c, i, j)]));
                    let at = y.index(n, c, r, s);
                    y.data[at] = values.sum::<f64>() / count;
                }
            }
        }
    }
    y
}

/// Cases of the kernel. Sums of integers are exact, and one division is correctly rounded.
pub fn cases() -> Vec<Case> {
    [
        (Shape::new(1, 1, 1, 1), (1, 1), Size::Smallest),
        (Shape::new(3, 5, 8, 9), (7, 4), Size::Batch),
        (Shape::new(2, 3, 13, 17), (19, 5), Size::Ragged),
        // More values to a mean than software adapters make rounds.
        (Shape::new(1, 2, 257, 259), (1, 1), Size::Ragged),
        (Shape::new(2, 512, 8, 8), (7, 7), Size::Real),
    ]
    .map(|(shape, to, size)| case(shape, to, size))
    .into()
}

/// The kernel at a random shape.
pub fn random(rng: &mut Mt) -> Case {
    case(rng::shape(rng), (rng::size(rng, 23), rng::size(rng, 23)), Size::Ragged)
}

fn case(shape: Shape, (h, w): (u32, u32), size: Size) -> Case {
    Case::of(size, format!("{shape} to {h}x{w}"))
        .reads(rng::integers(shape.len(), 1))
        .writes(Shape { h, w, ..shape }.len())
        .flops(shape.len())
        .case(
            move |gpu, recording, [x], [y]| {
                kernels::adaptive_average_pool::adaptive_average_pool(gpu, recording, shape, (h, w), x, y)
            },
            move |[x]| [Expected::exact(&adaptive_average_pool(&x.maps(shape), h, w))],
        )
}
