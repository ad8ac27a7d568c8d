//! Maximum of each map. See `shaders/peak.wgsl` for the contract.

use super::{Agreement, Entry, everywhere};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "peak",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("i < WG; i++", "i + 1u < WG; i++"),
        ("p < params.positions", "p + 1u < params.positions"),
        ("best = maps[first]", "best = 0.0"),
        ("& 0x7fffffffu", "& 0xffffffffu"),
        ("size >= 0x7f800000u", "size > 0x7f800000u"),
        ("size = max(size, sizes[i])", "size = sizes[i]"),
        ("map * params.positions", "map"),
    ],
};

fn shader() -> Shader {
    shader!("peak")
}

crate::params! {
    Params { maps: u32, positions: u32, groups_x: u32 }
}

/// Appends the peaks `[n, c]` of maps of this shape.
///
/// # Errors
/// As [`Recording::dispatch`].
pub fn peak(gpu: &Gpu, recording: &mut Recording, shape: Shape, maps: &Buffer, peaks: &Buffer) -> Result<()> {
    let kernel = gpu.kernel(&shader())?;
    super::count(shape)?;
    let count = shape.n * shape.c;
    // A workgroup a map, and more maps than workgroups along an axis: they go on along the second.
    let groups_x = count.min(32_768);
    let params = Params { maps: count, positions: shape.positions(), groups_x };
    let extent = [groups_x * kernel.interface.workgroup[0], count.div_ceil(groups_x), 1];
    let bound = [maps.holding(shape.len()), peaks.holding(count as usize)];
    recording.dispatch(&kernel, &params, &bound, extent)
}
