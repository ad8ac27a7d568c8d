//! Maps of twice the size, by repetition. See `shaders/upsample_nearest.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, strided};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "upsample_nearest",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("column / 2u", "(column + 1u) / 2u"),
        ("row / 2u", "(row + 1u) / 2u"),
        ("i % (2u * params.width)", "i % params.width"),
        ("i < params.count", "i <= params.count"),
    ],
};

fn shader() -> Shader {
    shader!("upsample_nearest")
}

crate::params! {
    Params { count: u32, grid_stride: u32, width: u32 }
}

/// Appends the doubling of `x` of this shape into `y`.
///
/// # Errors
/// As [`Recording::dispatch`].
pub fn upsample_nearest(gpu: &Gpu, recording: &mut Recording, shape: Shape, x: &Buffer, y: &Buffer) -> Result<()> {
    let kernel = gpu.kernel(&shader())?;
    let count = super::count(Shape { h: shape.h * 2, w: shape.w * 2, ..shape })?;
    let grid_stride = strided(count, kernel.interface.workgroup[0]);
    let bound = [x.holding(shape.len()), y.holding(count as usize)];
    recording.dispatch(&kernel, &Params { count, grid_stride, width: shape.w }, &bound, [grid_stride, 1, 1])
}
