//! Mean over a sliding window. See `shaders/average_pool.wgsl` for the contract.

use super::max_pool::Params;
use super::{Agreement, Entry, everywhere};
use crate::error::Result;
use crate::geometry::Window;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "average_pool",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("from_y < 0 || ", ""),
        ("from_x >= i32(params.width)", "from_x > i32(params.width)"),
        ("i * params.dilation_y", "i"),
        ("row * params.stride_y", "row"),
        ("params.kernel_h * params.kernel_w)", "params.kernel_h * params.kernel_h)"),
    ],
};

fn shader() -> Shader {
    shader!("average_pool")
}

/// Appends the pooling of `x` of this shape into `y`.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the window does not fit; else as [`Recording::dispatch`].
pub fn average_pool(
    gpu: &Gpu,
    recording: &mut Recording,
    window: &Window,
    shape: Shape,
    x: &Buffer,
    y: &Buffer,
) -> Result<()> {
    let kernel = gpu.kernel(&shader())?;
    let params = Params::new(window, shape, kernel.interface.workgroup[0])?;
    let bound = [x.holding(shape.len()), y.holding(params.count as usize)];
    recording.dispatch(&kernel, &params, &bound, [params.grid_stride, 1, 1])
}
