//! Where units fire, and on which labels. See `shaders/threshold_iou.wgsl` for the contract.

use super::{Agreement, Entry, everywhere};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "threshold_iou",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("column) > threshold", "column) >= threshold"),
        ("id.x >= params.grid_height ||", ""),
        ("|| id.y >= params.units", ""),
        ("min(start + 32u, params.grid_width)", "start + 32u"),
        ("+ start / 32u", ""),
        ("id.x * params.row_words", "id.x"),
        ("id.z * params.units + unit", "unit"),
        ("j < first + count", "j < count"),
        ("mask & bits[", "bits["),
        ("unit * params.labels", "unit"),
        ("index[params.images * 2u + j]", "j"),
        ("h, w, false)", "h, w, true)"),
        ("ne = neighbour(base, iy, ix, h", "ne = neighbour(base, iy, ix + 1, h"),
    ],
};

fn shader() -> Shader {
    shader!("threshold_iou", "bilinear", "row_walk")
}

crate::params! {
    Params { images: u32, units: u32, labels: u32, height: u32, width: u32, grid_height: u32, grid_width: u32, row_words: u32 }
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

/// Words of a row of a bitmap: rows start on a word of their own.
pub fn row_words(grid: (u32, u32)) -> u32 {
    grid.1.div_ceil(32)
}

/// Words of a bitmap over a grid.
pub fn words(grid: (u32, u32)) -> u32 {
    grid.0 * row_words(grid)
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
        row_words: row_words(grid),
    };
    let (units, images) = (shape.c as usize, shape.n as usize);
    let bound = [
        buffers.maps.holding(shape.len()),
        buffers.level.holding(units),
        // How many entries and bitmaps follow only the index itself says.
        buffers.index.holding(2 * images),
        buffers.bits.holding(0),
        buffers.area.holding(units),
        buffers.inter.holding(units * labels as usize),
    ];
    recording.dispatch(&kernel, &params, &bound, [grid.0, shape.c, shape.n])
}
