//! What the twins of the two poolings share.

use rand_mt::Mt;

use super::{Case, Expected, Maps, Size, rng};
use crate::error::Result;
use crate::geometry::Window;
use crate::gpu::{Buffer, Gpu, Recording};
use crate::tensor::Shape;

/// `reduce` over the values of each window that lie in the map.
pub(super) fn pool(x: &Maps, window: &Window, reduce: impl Fn(&[f64]) -> f64) -> Result<Maps> {
    let (h, w) = window.output(x.shape.h, x.shape.w)?;
    let mut y = Maps::zeros(Shape { h, w, ..x.shape });
    let from = |at: u32, tap: u32, axis: usize, size: u32| {
        let from = i64::from(at * window.stride[axis] + tap * window.dilation[axis]) - i64::from(window.padding[axis]);
        u32::try_from(from).ok().filter(|from| *from < size)
    };
    for n in 0..x.shape.n {
        for c in 0..x.shape.c {
            for r in 0..h {
                for s in 0..w {
                    let rows = (0..window.kernel[0]).filter_map(|i| from(r, i, 0, x.shape.h));
                    let inside: Vec<f64> = rows
                        .flat_map(|i| {
                            let columns = (0..window.kernel[1]).filter_map(move |j| from(s, j, 1, x.shape.w));
                            columns.map(move |j| x.data[x.index(n, c, i, j)])
                        })
                        .collect();
                    let at = y.index(n, c, r, s);
                    y.data[at] = reduce(&inside);
                }
            }
        }
    }
    Ok(y)
}

/// A pooling: its twin, and what appends it.
#[derive(Clone, Copy)]
pub(super) struct Pooling {
    pub twin: fn(&Maps, &Window) -> Result<Maps>,
    pub record: fn(&Gpu, &mut Recording, &Window, Shape, &Buffer, &Buffer) -> Result<()>,
}

impl Pooling {
    /// The cases of a pooling.
    pub(super) fn cases(self) -> Vec<Case> {
        let uneven = Window { kernel: [3, 2], stride: [2, 3], padding: [1, 1], dilation: [2, 1] };
        [
            (Shape::new(1, 1, 2, 2), Window::square(2, 2, 0), Size::Smallest),
            (Shape::new(3, 5, 7, 11), Window::square(2, 2, 0), Size::Batch),
            (Shape::new(2, 3, 13, 17), Window::square(3, 2, 1), Size::Ragged),
            (Shape::new(2, 3, 9, 14), uneven, Size::Ragged),
            (Shape::new(1, 64, 112, 112), Window::square(2, 2, 0), Size::Real),
            (Shape::new(4, 64, 224, 224), Window::square(2, 2, 0), Size::Timed),
        ]
        .map(|(shape, window, size)| self.case(shape, window, size))
        .into()
    }

    /// A pooling at a random shape; its padding stays below half of the window.
    pub(super) fn random(self, rng: &mut Mt) -> Case {
        let shape = rng::shape(rng);
        let mut window = Window::square(1, 1, 0);
        for (axis, most) in [shape.h, shape.w].into_iter().enumerate() {
            window.kernel[axis] = rng::size(rng, most.min(5));
            window.stride[axis] = rng::size(rng, 4);
            window.padding[axis] = rng.next_u32() % (window.kernel[axis] / 2 + 1);
        }
        self.case(shape, window, Size::Ragged)
    }

    fn case(self, shape: Shape, window: Window, size: Size) -> Case {
        let (h, w) = window.output(shape.h, shape.w).unwrap_or((0, 0));
        let out = Shape { h, w, ..shape };
        Case::of(size, format!("{shape}, window {window:?}"))
            .reads(rng::lost(rng::integers(shape.len(), 1), rng::LOST))
            .writes(out.len())
            .flops(out.len() as u64 * u64::from(window.kernel[0] * window.kernel[1]))
            .case(
                move |gpu, recording, [x], [y]| (self.record)(gpu, recording, &window, shape, x, y),
                // A window that does not fit makes no answer, which no run agrees with.
                move |[x]| {
                    [(self.twin)(&x.maps(shape), &window).map_or(Expected::Exact(Vec::new()), |y| Expected::exact(&y))]
                },
            )
    }
}
