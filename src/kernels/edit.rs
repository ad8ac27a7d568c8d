//! Blends a layer toward given values. See `shaders/edit.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, walk};
use crate::error::Result;
use crate::geometry::Extent;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "edit",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("y[i] * (1.0 - a)", "y[i]"),
        ("value[at] * a", "value[at]"),
        ("n * params.image_step + ", ""),
        ("p * params.position_step", "p"),
        ("(i / params.positions) % params.channels", "i / params.positions"),
        ("if a == 1.0", "if a >= 0.5"),
    ],
};

fn shader() -> Shader {
    shader!("edit")
}

crate::params! {
    Params { count: u32, grid_stride: u32, channels: u32, positions: u32, image_step: u32, channel_step: u32, position_step: u32 }
}

/// Appends `y = y (1 - amount) + value amount` over maps of this shape.
///
/// # Errors
/// As [`Recording::dispatch`].
pub fn edit(
    gpu: &Gpu,
    recording: &mut Recording,
    shape: Shape,
    extent: Extent,
    (amount, value): (&Buffer, &Buffer),
    y: &Buffer,
) -> Result<()> {
    let count = super::count(shape)?;
    let (position_step, channel_step) = if extent.per_position { (1, shape.positions()) } else { (0, 1) };
    let params = |grid_stride| Params {
        count,
        grid_stride,
        channels: shape.c,
        positions: shape.positions(),
        image_step: if extent.per_image { shape.c * channel_step } else { 0 },
        channel_step,
        position_step,
    };
    let given = extent.shape(shape).len();
    let bound = [amount.holding(given), value.holding(given), y.holding(shape.len())];
    walk(gpu, recording, &shader(), count, params, &bound)
}
