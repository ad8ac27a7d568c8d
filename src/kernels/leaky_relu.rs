//! The positive part and a fifth of the negative one. See `shaders/leaky_relu.wgsl` for the contract.

use super::{Entry, everywhere, strided};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader};

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "leaky_relu",
    shaders: || vec![shader()],
    runs_on: everywhere,
    mutants: &[("0.2 * x[i]", "0.0"), ("max(", "min("), ("i < params.count", "i <= params.count")],
};

fn shader() -> Shader {
    Shader::new("leaky_relu", include_str!("../../shaders/leaky_relu.wgsl"))
}

crate::params! {
    Params { count: u32, grid_stride: u32 }
}

/// Appends `y = max(x, 0.2 x)` over `count` elements.
///
/// # Errors
/// As [`Recording::dispatch`].
pub fn leaky_relu(gpu: &Gpu, recording: &mut Recording, x: &Buffer, y: &Buffer, count: u32) -> Result<()> {
    let kernel = gpu.kernel(&shader())?;
    let grid_stride = strided(count, kernel.interface.workgroup[0]);
    recording.dispatch(&kernel, &Params { count, grid_stride }, &[x, y], [grid_stride, 1, 1])
}
