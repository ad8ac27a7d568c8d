//! Element-wise sum of two maps. See `shaders/add.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, strided};
use crate::error::Result;
use crate::geometry::Activation;
use crate::gpu::{Buffer, Gpu, Recording, Shader};

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "add",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("a[i] + b[i]", "a[i] - b[i]"),
        ("i < params.count", "i <= params.count"),
        ("i += params.stride", "i += params.count"),
        ("params.slope == 0.0", "params.slope != 0.0"),
    ],
};

fn shader() -> Shader {
    shader!("add", "activation")
}

crate::params! {
    Params { count: u32, stride: u32, slope: f32 }
}

/// Appends the activation of `a + b` over `count` elements.
///
/// # Errors
/// As [`Recording::dispatch`].
pub fn add(
    gpu: &Gpu,
    recording: &mut Recording,
    (a, b): (&Buffer, &Buffer),
    activation: Activation,
    y: &Buffer,
    count: u32,
) -> Result<()> {
    let kernel = gpu.kernel(&shader())?;
    let stride = strided(count, kernel.interface.workgroup[0]);
    let bound = [a, b, y].map(|buffer| buffer.holding(count as usize));
    recording.dispatch(&kernel, &Params { count, stride, slope: activation.slope }, &bound, [stride, 1, 1])
}
