//! Element-wise sum of two maps. See `shaders/add.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, walk};
use crate::error::Result;
use crate::geometry::Activation;
use crate::gpu::{Buffer, Gpu, Recording, Shader};

/// Row of the table.
pub(crate) static ENTRY: Entry = Entry {
    stem: "add",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("a[i] + b[i]", "a[i] - b[i]"),
        ("i < params.count", "i <= params.count"),
        ("i += params.grid_stride", "i += params.count"),
        ("params.slope == 0.0", "params.slope != 0.0"),
    ],
};

fn shader() -> Shader {
    shader!("add", "activation")
}

crate::params! {
    Params { count: u32, grid_stride: u32, slope: f32 }
}

/// Appends the activation of `a + b` over `count` elements.
///
/// # Errors
/// As [`Recording::dispatch`].
pub(crate) fn add(
    gpu: &Gpu,
    recording: &mut Recording,
    (a, b): (&Buffer, &Buffer),
    activation: Activation,
    y: &Buffer,
    count: u32,
) -> Result<()> {
    let params = |grid_stride| Params { count, grid_stride, slope: activation.slope };
    walk(gpu, recording, &shader(), count, params, &[a, b, y].map(|buffer| buffer.holding(count as usize)))
}
