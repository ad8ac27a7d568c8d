//! Where units fire, and on which labels. See `shaders/threshold_iou.wgsl` for the contract.

use std::borrow::Cow;

use super::{Entry, everywhere};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "threshold_iou",
    shaders: || vec![shader()],
    runs_on: everywhere,
    mutants: &[
        ("value > threshold", "value >= threshold"),
        ("if p >= positions { break; }", ""),
        ("id.z * params.units + unit", "unit"),
        ("j < first + count", "j < count"),
        ("mask & bits[", "bits["),
        ("unit * params.labels", "unit"),
        ("index[params.images * 2u + j]", "j"),
        ("params.grid_height, params.grid_width, false", "params.grid_height, params.grid_width, true"),
    ],
};

/// The kernel's text with the shared sampling behind it.
fn shader() -> Shader {
    let text =
        concat!(include_str!("../../shaders/threshold_iou.wgsl"), include_str!("../../shaders/shared/bilinear.wgsl"));
    Shader::new("threshold_iou", Cow::Borrowed(text))
}

crate::params! {
    Params { images: u32, units: u32, labels: u32, height: u32, width: u32, grid_height: u32, grid_width: u32, words: u32 }
}

/// Buffers of a count.
pub struct Buffers<'a> {
    /// Maps `[n, c, h, w]`.
    pub maps: &'a Buffer,
    /// Level of each unit.
    pub level: &'a Buffer,
    /// First entry and number of entries of each image, then each entry's label.
    pub index: &'a Buffer,
    /// Bitmap of each entry.
    pub bits: &'a Buffer,
    /// Firing positions of each unit, added to.
    pub area: &'a Buffer,
    /// Firing positions of each unit on each label, added to.
    pub inter: &'a Buffer,
}

/// Words of a bitmap over a grid.
pub fn words(grid: (u32, u32)) -> u32 {
    (grid.0 * grid.1).div_ceil(32)
}

/// Appends the counting of one batch on a grid, for a vocabulary of `labels` numbers.
///
/// # Errors
/// As [`Recording::dispatch`].
pub fn threshold_iou(
    gpu: &Gpu,
    recording: &mut Recording,
    shape: Shape,
    grid: (u32, u32),
    labels: u32,
    buffers: &Buffers<'_>,
) -> Result<()> {
    let kernel = gpu.kernel(&shader())?;
    super::count(shape)?;
    let params = Params {
        images: shape.n,
        units: shape.c,
        labels,
        height: shape.h,
        width: shape.w,
        grid_height: grid.0,
        grid_width: grid.1,
        words: words(grid),
    };
    let bound = [buffers.maps, buffers.level, buffers.index, buffers.bits, buffers.area, buffers.inter];
    recording.dispatch(&kernel, &params, &bound, [params.words, shape.c, shape.n])
}
