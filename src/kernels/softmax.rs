//! Softmax over channels. See `shaders/softmax.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, walk};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub(crate) static ENTRY: Entry = Entry {
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
pub(crate) fn softmax(gpu: &Gpu, recording: &mut Recording, shape: Shape, x: &Buffer, y: &Buffer) -> Result<()> {
    super::count(shape)?;
    let positions = shape.positions();
    let params = |grid_stride| Params { positions, grid_stride, images: shape.n, channels: shape.c };
    walk(gpu, recording, &shader(), shape.n * positions, params, &[x, y].map(|buffer| buffer.holding(shape.len())))
}
