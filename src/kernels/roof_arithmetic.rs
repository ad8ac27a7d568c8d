//! As many multiply-adds as an adapter can do. See `shaders/roof_arithmetic.wgsl` for the contract.

use super::{Agreement, Entry, everywhere};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader};

/// Row of the table.
pub(crate) static ENTRY: Entry = Entry {
    stem: "roof_arithmetic",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("fma(c, half, one)", "fma(c, one, one)"),
        ("start + 2.0", "start"),
        ("i < params.rounds", "i < 1u"),
        ("if id.x >= params.count { return; }", ""),
        ("fma(a, half, one)", "a"),
    ],
};

fn shader() -> Shader {
    shader!("roof_arithmetic")
}

crate::params! {
    Params { count: u32, rounds: u32 }
}

/// Appends `rounds` rounds of twelve steps over `count` vectors of four.
///
/// # Errors
/// As [`Recording::dispatch`].
pub(crate) fn roof_arithmetic(
    gpu: &Gpu,
    recording: &mut Recording,
    x: &Buffer,
    y: &Buffer,
    count: u32,
    rounds: u32,
) -> Result<()> {
    let kernel = gpu.kernel(&shader())?;
    let bound = [x, y].map(|buffer| buffer.holding(4 * count as usize));
    recording.dispatch(&kernel, &Params { count, rounds }, &bound, [count, 1, 1])
}
