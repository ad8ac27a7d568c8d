//! What the poolings over a sliding window share. See `shaders/shared/pool.wgsl`.

use super::strided;
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
    let kernel = gpu.kernel(shader)?;
    let window = WindowParams::new(window, shape)?;
    let count = super::count(Shape { h: window.out_height, w: window.out_width, ..shape })?;
    let grid_stride = strided(count, kernel.interface.workgroup[0]);
    let bound = [x.holding(shape.len()), y.holding(count as usize)];
    recording.dispatch(&kernel, &Params { window, count, grid_stride }, &bound, [grid_stride, 1, 1])
}
