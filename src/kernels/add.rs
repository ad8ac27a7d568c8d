//! Element-wise sum of two maps. See `shaders/add.wgsl` for the contract.

use super::{Entry, everywhere, strided};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader};

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "add",
    shaders: || vec![shader()],
    runs_on: everywhere,
    mutants: &[
        ("a[i] + b[i]", "a[i] - b[i]"),
        ("i < params.count", "i <= params.count"),
        ("i += params.stride", "i += params.count"),
        ("params.relu == 1u", "params.relu == 0u"),
    ],
};

fn shader() -> Shader {
    Shader::new("add", include_str!("../../shaders/add.wgsl"))
}

crate::params! {
    Params { count: u32, stride: u32, relu: u32 }
}

/// Appends `y = a + b` over `count` elements; with `relu` the larger of that and 0.
///
/// # Errors
/// As [`Recording::dispatch`].
pub fn add(
    gpu: &Gpu,
    recording: &mut Recording,
    (a, b): (&Buffer, &Buffer),
    relu: bool,
    y: &Buffer,
    count: u32,
) -> Result<()> {
    let kernel = gpu.kernel(&shader())?;
    let stride = strided(count, kernel.interface.workgroup[0]);
    recording.dispatch(&kernel, &Params { count, stride, relu: relu.into() }, &[a, b, y], [stride, 1, 1])
}
