//! Normalisation of every position over its channels. See `shaders/pixel_norm.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, walk};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub(crate) static ENTRY: Entry = Entry {
    stem: "pixel_norm",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("sum / f32(params.channels) + 1e-8", "sum / f32(params.channels)"),
        ("sum / f32(params.channels)", "sum"),
        ("fma(value, value, sum)", "sum + value"),
        ("at / params.positions * params.channels", "at / params.positions"),
        ("let value = x[first + c * params.positions]", "let value = x[first + c]"),
        ("x[i] / size", "x[i] / (sum + 1e-8)"),
    ],
};

fn shader() -> Shader {
    shader!("pixel_norm")
}

crate::params! {
    Params { positions: u32, grid_stride: u32, images: u32, channels: u32 }
}

/// Appends the normalisation of `x` of this shape into `y`.
///
/// # Errors
/// As [`Recording::dispatch`].
pub(crate) fn pixel_norm(gpu: &Gpu, recording: &mut Recording, shape: Shape, x: &Buffer, y: &Buffer) -> Result<()> {
    super::count(shape)?;
    let positions = shape.positions();
    let params = |grid_stride| Params { positions, grid_stride, images: shape.n, channels: shape.c };
    walk(gpu, recording, &shader(), shape.n * positions, params, &[x, y].map(|buffer| buffer.holding(shape.len())))
}
