//! One file a kernel: parameters, shape check, grid; and the table of them all.

pub mod add;
pub mod conv;
pub mod conv_broadcast;
pub mod conv_tiled;
mod template;

use crate::gpu::{Shader, Traits};

/// One row of the table of kernels. Tests, `doctor` and `bench` walk the table.
pub struct Entry {
    /// Stem of the shader file, of this kernel's file and of its twin in `reference`.
    pub stem: &'static str,
    /// The texts as they are compiled, with typical constants: validated and translated to every target in the tests.
    pub shaders: fn() -> Vec<Shader>,
    /// Whether an adapter can run it. Every operator has one kernel that any adapter can.
    pub runs_on: fn(&Traits) -> bool,
    /// Text replacements (`from`, `to`), each of which the kernel's cases must notice.
    pub mutants: &'static [(&'static str, &'static str)],
}

/// Every kernel.
pub static ALL: &[&Entry] = &[&add::ENTRY, &conv::ENTRY, &conv_broadcast::ENTRY, &conv_tiled::ENTRY];

/// For [`Entry::runs_on`]: within WebGPU's default limits, no optional feature.
pub fn everywhere(_: &Traits) -> bool {
    true
}

/// Invocations of a one-dimensional grid that walks `count` elements with its own size as the stride.
pub(crate) fn strided(count: u32, workgroup: u32) -> u32 {
    count.min(65_535 * workgroup).next_multiple_of(workgroup)
}
