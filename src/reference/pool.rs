//! What the twins of the two poolings share.

use super::{Case, Data, Expected, Maps, Output, Size, Work, rng};
use crate::error::Result;
use crate::geometry::Window;
use crate::gpu::{Buffer, Gpu, Recording};
use crate::tensor::{HostTensor, Shape};

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

/// Appends one pooling.
pub(super) type Record = fn(&Gpu, &mut Recording, &Window, Shape, &Buffer, &Buffer) -> Result<()>;

/// The cases of a pooling.
pub(super) fn sizes(twin: fn(&Maps, &Window) -> Result<Maps>, record: Record) -> Vec<Case> {
    let uneven = Window { kernel: [3, 2], stride: [2, 3], padding: [1, 1], dilation: [2, 1] };
    [
        (Shape::new(1, 1, 2, 2), Window::square(2, 2, 0), Size::Smallest),
        (Shape::new(3, 5, 7, 11), Window::square(2, 2, 0), Size::Batch),
        (Shape::new(2, 3, 13, 17), Window::square(3, 2, 1), Size::Ragged),
        (Shape::new(2, 3, 9, 14), uneven, Size::Ragged),
        (Shape::new(1, 64, 112, 112), Window::square(2, 2, 0), Size::Real),
        (Shape::new(4, 64, 224, 224), Window::square(2, 2, 0), Size::Timed),
    ]
    .into_iter()
    .map(|(shape, window, size)| case(shape, window, size, twin, record))
    .collect()
}

/// A pooling at a random shape; its padding stays below half of the window.
pub(super) fn random(rng: &mut rand_mt::Mt, twin: fn(&Maps, &Window) -> Result<Maps>, record: Record) -> Case {
    let shape = rng::shape(rng);
    let mut window = Window::square(1, 1, 0);
    for (axis, most) in [shape.h, shape.w].into_iter().enumerate() {
        window.kernel[axis] = rng::size(rng, most.min(5));
        window.stride[axis] = rng::size(rng, 4);
        window.padding[axis] = rng.next_u32() % (window.kernel[axis] / 2 + 1);
    }
    case(shape, window, Size::Ragged, twin, record)
}

fn case(shape: Shape, window: Window, size: Size, twin: fn(&Maps, &Window) -> Result<Maps>, record: Record) -> Case {
    let x = rng::integers(shape.len(), 1);
    let (h, w) = window.output(shape.h, shape.w).unwrap_or((0, 0));
    let out = Shape { h, w, ..shape };
    let host = HostTensor { shape, data: x.clone() };
    Case {
        label: format!("{shape}, window {window:?}"),
        size,
        inputs: vec![Data::F32(x)],
        outputs: vec![Output::Poisoned(out.len())],
        record: Box::new(move |gpu, recording, inputs, outputs| {
            record(gpu, recording, &window, shape, &inputs[0], &outputs[0])
        }),
        expected: Box::new(move || {
            let y = twin(&Maps::from(&host), &window).map(|maps| maps.to_f32());
            vec![Expected::Exact(y.unwrap_or_default())]
        }),
        work: Work {
            flops: out.len() as u64 * u64::from(window.kernel[0] * window.kernel[1]),
            bytes: shape.bytes() + out.bytes(),
        },
    }
}
