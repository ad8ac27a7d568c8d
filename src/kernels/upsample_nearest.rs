//! Maps of twice the size, by repetition. See `shaders/upsample_nearest.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, walk};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub(crate) static ENTRY: Entry = Entry {
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
pub(crate) fn upsample_nearest(
    gpu: &Gpu,
    recording: &mut Recording,
    shape: Shape,
    x: &Buffer,
    y: &Buffer,
) -> Result<()> {
    let count = super::count(Shape { h: shape.h * 2, w: shape.w * 2, ..shape })?;
    walk(
        gpu,
        recording,
        &shader(),
        count,
        |grid_stride| Params { count, grid_stride, width: shape.w },
        &[x.holding(shape.len()), y.holding(count as usize)],
    )
}
