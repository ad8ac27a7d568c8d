//! Softmax over channels. See `shaders/softmax.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, strided};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "softmax",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("y[i] = exp(x[i] - most) / sum", "y[i] = exp(x[i]) / sum"),
        ("- most); }", "); }"),
        ("at / params.positions * params.channels", "at / params.positions"),
        ("c < params.channels; c++) { sum", "c + 1u < params.channels; c++) { sum"),
    ],
};

fn shader() -> Shader {
    shader!("softmax")
}

crate::params! {
    Params { positions: u32, grid_stride: u32, images: u32, channels: u32 }
}

/// Appends the softmax of `x` of this shape into `y`.
///
/// # Errors
/// As [`Recording::dispatch`].
pub fn softmax(gpu: &Gpu, recording: &mut Recording, shape: Shape, x: &Buffer, y: &Buffer) -> Result<()> {
    let kernel = gpu.kernel(&shader())?;
    super::count(shape)?;
    let grid_stride = strided(shape.n * shape.positions(), kernel.interface.workgroup[0]);
    let params = Params { positions: shape.positions(), grid_stride, images: shape.n, channels: shape.c };
    let bound = [x, y].map(|buffer| buffer.holding(shape.len()));
    recording.dispatch(&kernel, &params, &bound, [grid_stride, 1, 1])
}
