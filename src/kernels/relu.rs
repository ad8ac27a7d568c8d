//! The positive part, and a share of the negative one. See `shaders/relu.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, walk};
use crate::error::Result;
use crate::geometry::Activation;
use crate::gpu::{Buffer, Gpu, Recording, Shader};

/// Row of the table.
pub(crate) static ENTRY: Entry = Entry {
    stem: "relu",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("= act(x[i])", "= x[i]"),
        ("= act(x[i])", "= abs(x[i])"),
        ("params.slope * t", "0.0"),
        ("params.slope == 0.0", "params.slope != 0.0"),
        ("params.slope == 0.0", "params.slope == 2.0"),
        ("bitcast<i32>(t) <= MINUS_INFINITY", "bitcast<i32>(t) > MINUS_INFINITY"),
        ("bitcast<i32>(t) <= MINUS_INFINITY", "bitcast<i32>(t) < 0"),
        ("i < params.count", "i <= params.count"),
    ],
};

fn shader() -> Shader {
    shader!("relu", "activation")
}

crate::params! {
    Params { count: u32, grid_stride: u32, slope: f32 }
}

/// Appends the activation of `x` over `count` elements.
///
/// # Errors
/// As [`Recording::dispatch`].
pub(crate) fn relu(
    gpu: &Gpu,
    recording: &mut Recording,
    activation: Activation,
    x: &Buffer,
    y: &Buffer,
    count: u32,
) -> Result<()> {
    let params = |grid_stride| Params { count, grid_stride, slope: activation.slope };
    walk(gpu, recording, &shader(), count, params, &[x, y].map(|buffer| buffer.holding(count as usize)))
}
