//! Maximum over a sliding window. See `shaders/max_pool.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, pool};
use crate::error::{Error, Result};
use crate::geometry::Window;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub(crate) static ENTRY: Entry = Entry {
    stem: "max_pool",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("return y >= 0 && ", "return "),
        ("x < i32(params.window.width)", "x <= i32(params.window.width)"),
        ("i * params.window.dilation_y", "i"),
        ("column * params.window.stride_x", "column"),
        ("return bitcast<f32>(bits)", "return 0.0"),
        ("max(a, b), b, is_nan(b)", "max(a, b), b, false"),
        ("a, is_nan(a)", "a, false"),
        ("> 0x7f800000", ">= 0x7f800000"),
        ("at / window.out_width % window.out_height", "at / window.out_width"),
    ],
};

fn shader() -> Shader {
    shader!("max_pool", "pool", "window", "larger")
}

/// Appends the pooling of `x` of this shape into `y`.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the window does not fit, or padding reaches half of it; else as [`Recording::dispatch`].
pub(crate) fn max_pool(
    gpu: &Gpu,
    recording: &mut Recording,
    window: &Window,
    shape: Shape,
    x: &Buffer,
    y: &Buffer,
) -> Result<()> {
    if (0..2).any(|axis| window.padding[axis] * 2 > window.kernel[axis]) {
        return Err(Error::input("padding is more than half of the window").at("max_pool"));
    }
    pool::record(gpu, recording, &shader(), window, shape, x, y)
}
