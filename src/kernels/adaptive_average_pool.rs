//! Mean over windows that cover the map. See `shaders/adaptive_average_pool.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, walk};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub(crate) static ENTRY: Entry = Entry {
    stem: "adaptive_average_pool",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("(row + 1u) * params.height + params.out_height - 1u", "(row + 1u) * params.height"),
        ("column * params.width / params.out_width", "column * (params.width / params.out_width)"),
        ("map + i * params.width", "map + i * params.height"),
        ("x[line + j + 3u]", "x[line + j + 2u]"),
        ("j < right; j++", "j + 1u < right; j++"),
        ("(bottom - top) * (right - left)", "(bottom - top) * (bottom - top)"),
        ("i < bottom", "i <= bottom"),
    ],
};

fn shader() -> Shader {
    shader!("adaptive_average_pool")
}

crate::params! {
    Params { count: u32, grid_stride: u32, height: u32, width: u32, out_height: u32, out_width: u32 }
}

/// Appends the pooling of `x` of this shape into `y` of `h` rows and `w` columns.
///
/// # Errors
/// As [`Recording::dispatch`].
pub(crate) fn adaptive_average_pool(
    gpu: &Gpu,
    recording: &mut Recording,
    shape: Shape,
    (h, w): (u32, u32),
    x: &Buffer,
    y: &Buffer,
) -> Result<()> {
    let count = super::count(Shape { h, w, ..shape })?;
    let params =
        |grid_stride| Params { count, grid_stride, height: shape.h, width: shape.w, out_height: h, out_width: w };
    walk(gpu, recording, &shader(), count, params, &[x.holding(shape.len()), y.holding(count as usize)])
}
