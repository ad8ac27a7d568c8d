//! One digit of an exact order statistic. See `shaders/histogram.wgsl` for the contract.

use super::{Agreement, Entry, everywhere};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "histogram",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("lead == wanted", "lead >= wanted"),
        ("lead > wanted", "lead < wanted"),
        ("word | 0x80000000u, ~word", "word | 0x80000000u, word"),
        ("id.z * params.units + unit", "unit"),
        ("(unit << params.bits)", "unit"),
        ("id.x >= params.grid_height ||", ""),
        ("|| id.y >= params.units", ""),
        ("(word & 0x7fffffffu) != 0u", "word != 0x3f800000u"),
        ("while (*walk).ix < ix {", "if (*walk).ix < ix {"),
        ("(*walk).nw = (*walk).ne", "(*walk).nw = (*walk).nw"),
        ("let iy = i32(floor(y));", "let iy = i32(y);"),
    ],
};

fn shader() -> Shader {
    shader!("histogram", "bilinear", "row_walk")
}

crate::params! {
    Params { units: u32, height: u32, width: u32, grid_height: u32, grid_width: u32, shift: u32, bits: u32 }
}

/// A digit of a 32-bit key: its lowest bit and its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digit {
    /// Bits below it.
    pub shift: u32,
    /// Its width.
    pub bits: u32,
}

/// Buffers of a histogram.
pub struct Buffers<'a> {
    /// Maps `[n, c, h, w]`.
    pub maps: &'a Buffer,
    /// Higher digits already known of each unit.
    pub prefix: &'a Buffer,
    /// Counts `[c, 2^bits]`, added to.
    pub counts: &'a Buffer,
    /// Smallest key above the prefix of each unit, lowered.
    pub above: &'a Buffer,
}

/// Appends the counting of one batch.
///
/// # Errors
/// As [`Recording::dispatch`].
pub fn histogram(
    gpu: &Gpu,
    recording: &mut Recording,
    shape: Shape,
    grid: (u32, u32),
    digit: Digit,
    buffers: &Buffers<'_>,
) -> Result<()> {
    let kernel = gpu.kernel(&shader())?;
    super::count(shape)?;
    let params = Params {
        units: shape.c,
        height: shape.h,
        width: shape.w,
        grid_height: grid.0,
        grid_width: grid.1,
        shift: digit.shift,
        bits: digit.bits,
    };
    let units = shape.c as usize;
    let bound = [
        buffers.maps.holding(shape.len()),
        buffers.prefix.holding(units),
        buffers.counts.holding(units << digit.bits),
        buffers.above.holding(units),
    ];
    recording.dispatch(&kernel, &params, &bound, [grid.0, shape.c, shape.n])
}
