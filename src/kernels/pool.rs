//! What the poolings over a sliding window share. See `shaders/shared/pool.wgsl`.

use super::walk;
use super::window::WindowParams;
use crate::error::Result;
use crate::geometry::Window;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

crate::params! {
    Params { window: WindowParams, count: u32, grid_stride: u32 }
}

/// Appends the pooling of `x` of this shape into `y` by a shader with that walk.
pub(super) fn record(
    gpu: &Gpu,
    recording: &mut Recording,
    shader: &Shader,
    window: &Window,
    shape: Shape,
    x: &Buffer,
    y: &Buffer,
) -> Result<()> {
    let window = WindowParams::new(window, shape)?;
    let count = super::count(Shape { h: window.out_height, w: window.out_width, ..shape })?;
    walk(
        gpu,
        recording,
        shader,
        count,
        |grid_stride| Params { window, count, grid_stride },
        &[x.holding(shape.len()), y.holding(count as usize)],
    )
}
