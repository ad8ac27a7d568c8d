//! Mean over a sliding window. See `shaders/average_pool.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, pool};
use crate::error::Result;
use crate::geometry::Window;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub(crate) static ENTRY: Entry = Entry {
    stem: "average_pool",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("return y >= 0 && ", "return "),
        ("x < i32(params.window.width)", "x <= i32(params.window.width)"),
        ("i * params.window.dilation_y", "i"),
        ("row * params.window.stride_y", "row"),
        ("params.window.kernel_h * params.window.kernel_w)", "params.window.kernel_h * params.window.kernel_h)"),
    ],
};

fn shader() -> Shader {
    shader!("average_pool", "pool", "window")
}

/// Appends the pooling of `x` of this shape into `y`.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the window does not fit; else as [`Recording::dispatch`].
pub(crate) fn average_pool(
    gpu: &Gpu,
    recording: &mut Recording,
    window: &Window,
    shape: Shape,
    x: &Buffer,
    y: &Buffer,
) -> Result<()> {
    pool::record(gpu, recording, &shader(), window, shape, x, y)
}
