//! Mean over equal bins of a whole map, by integration. See `shaders/precise_roi_pool.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, walk};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub(crate) static ENTRY: Entry = Entry {
    stem: "precise_roi_pool",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("- f32(at)) - area", "- f32(at) - 0.5) - area"),
        ("1.0 - 0.5 * rest * rest", "0.5"),
        ("vec2<u32>(at / params.bins, at)", "vec2<u32>(at, at / params.bins)"),
        ("i * params.width + j", "i * params.height + j"),
        ("ceil(high.x)), params.height - 1u)", "high.x), params.height - 1u)"),
        ("* (bins / size.x) * (bins / size.y)", "* (bins / size.x) * (bins / size.x)"),
        ("j <= right", "j < right"),
    ],
};

fn shader() -> Shader {
    shader!("precise_roi_pool")
}

crate::params! {
    Params { count: u32, grid_stride: u32, height: u32, width: u32, bins: u32 }
}

/// Appends the pooling of `x` of this shape into `y` of `bins` rows and columns.
///
/// # Errors
/// As [`Recording::dispatch`].
pub(crate) fn precise_roi_pool(
    gpu: &Gpu,
    recording: &mut Recording,
    shape: Shape,
    bins: u32,
    x: &Buffer,
    y: &Buffer,
) -> Result<()> {
    super::count(shape)?;
    let count = super::count(Shape { h: bins, w: bins, ..shape })?;
    let params = |grid_stride| Params { count, grid_stride, height: shape.h, width: shape.w, bins };
    walk(gpu, recording, &shader(), count, params, &[x.holding(shape.len()), y.holding(count as usize)])
}
