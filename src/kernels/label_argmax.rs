//! The best label at each position. See `shaders/label_argmax.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, walk};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub(crate) static ENTRY: Entry = Entry {
    stem: "label_argmax",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("score > most", "score >= most"),
        ("c < block.y", "c + 1u < block.y"),
        (">> shift", ">> 0u"),
        (
            "vec2<i32>(floor(vec2<f32>(ty, tx))) + 1, vec2<i32>(), last)",
            "vec2<i32>(floor(vec2<f32>(ty, tx))), vec2<i32>(), last)",
        ),
        ("* params.channels + block.x", "* params.channels"),
        ("select(best + params.offset", "select(best"),
        ("size >= 0x7f800000u", "size > 0x7f800000u"),
        ("if whose == 0xffffu", "if whose == 0xfffeu"),
        ("if 2u * word + 1u < params.positions", "if 2u * word + 2u < params.positions"),
        ("u32(high.x) * params.width", "u32(high.x) * params.height"),
    ],
};

fn shader() -> Shader {
    shader!("label_argmax", "bilinear")
}

crate::params! {
    Params {
        positions: u32, grid_stride: u32, channels: u32, height: u32, width: u32, out_height: u32, out_width: u32,
        owned: u32, offset: u32,
    }
}

/// What stands in the place of a label where a score is NaN or infinite.
pub(crate) const NOT_FINITE: u16 = u16::MAX;

/// Words that the labels of so many positions take, two to a word.
pub(crate) const fn words(positions: u32) -> u32 {
    positions.div_ceil(2)
}

/// Where labels go.
pub(crate) struct Labels<'a> {
    /// Rows and columns that maps are brought to.
    pub(crate) grid: (u32, u32),
    /// What is added to the channel.
    pub(crate) offset: u32,
    /// The labels, two to a word.
    pub(crate) y: &'a Buffer,
}

/// Appends the labels of `maps` of this shape. `blocks` holds pairs of first channel and end: one, or one for each number in `owner`,
/// which is labels of the same grid.
///
/// # Errors
/// As [`Recording::dispatch`].
pub(crate) fn label_argmax(
    gpu: &Gpu,
    recording: &mut Recording,
    shape: Shape,
    maps: &Buffer,
    blocks: &Buffer,
    owner: Option<&Buffer>,
    to: &Labels<'_>,
) -> Result<()> {
    let (h, w) = to.grid;
    super::count(shape)?;
    let positions = super::count(Shape { n: shape.n, c: 1, h, w })?;
    let params = |grid_stride| Params {
        positions,
        grid_stride,
        channels: shape.c,
        height: shape.h,
        width: shape.w,
        out_height: h,
        out_width: w,
        owned: owner.is_some().into(),
        offset: to.offset,
    };
    // Blocks come in pairs; how many there are follows from the owners, which only the buffer holds.
    let (one_block, packed) = (2, words(positions) as usize);
    let bound = [
        maps.holding(shape.len()),
        blocks.holding(one_block),
        // Without owners the binding is there but not read.
        owner.map_or(blocks.holding(one_block), |owner| owner.holding(packed)),
        to.y.holding(packed),
    ];
    walk(gpu, recording, &shader(), words(positions), params, &bound)
}
