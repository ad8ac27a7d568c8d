//! The positive part. See `shaders/relu.wgsl` for the contract.

use super::{Entry, everywhere, strided};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader};

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "relu",
    shaders: || vec![shader()],
    runs_on: everywhere,
    mutants: &[("max(x[i], 0.0)", "x[i]"), ("max(x[i], 0.0)", "abs(x[i])"), ("i < params.count", "i <= params.count")],
};

fn shader() -> Shader {
    Shader::new("relu", include_str!("../../shaders/relu.wgsl"))
}

crate::params! {
    Params { count: u32, grid_stride: u32 }
}

/// Appends `y = max(x, 0)` over `count` elements.
///
/// # Errors
/// As [`Recording::dispatch`].
pub fn relu(gpu: &Gpu, recording: &mut Recording, x: &Buffer, y: &Buffer, count: u32) -> Result<()> {
    let kernel = gpu.kernel(&shader())?;
    let grid_stride = strided(count, kernel.interface.workgroup[0]);
    recording.dispatch(&kernel, &Params { count, grid_stride }, &[x, y], [grid_stride, 1, 1])
}
