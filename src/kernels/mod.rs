//! One file a kernel: parameters, shape check, grid. The table of them all is `reference::KERNELS`, where each stands with its cases.
//!
//! Below the kernels lies what several share (`convolution`, `lanes`, `pool`, `template`, `window`), above them who chooses among
//! them (`chooser`, `tune`): no kernel's file imports one that imports it.

/// The text of a shader, the pieces of `shaders/shared/` that it uses behind it.
macro_rules! text {
    ($stem:literal $(, $shared:literal)*) => {
        concat!(
            include_str!(concat!("../../shaders/", $stem, ".wgsl"))
            $(, include_str!(concat!("../../shaders/shared/", $shared, ".wgsl")))*
        )
    };
}

/// A shader of that text.
macro_rules! shader {
    ($stem:literal $(, $shared:literal)*) => {
        crate::gpu::Shader::new($stem, text!($stem $(, $shared)*))
    };
}

pub(crate) mod adaptive_average_pool;
pub(crate) mod add;
pub(crate) mod average_pool;
pub mod chooser;
pub(crate) mod conv;
pub mod conv_broadcast;
pub(crate) mod conv_doubled;
pub mod conv_pointwise;
pub(crate) mod conv_tiled;
pub mod convolution;
pub mod edit;
pub mod histogram;
pub(crate) mod label_argmax;
mod lanes;
pub mod linear;
pub(crate) mod linear_broadcast;
pub(crate) mod max_pool;
pub mod peak;
pub(crate) mod pixel_norm;
mod pool;
pub(crate) mod precise_roi_pool;
pub(crate) mod relu;
pub(crate) mod roof_arithmetic;
pub(crate) mod softmax;
pub(crate) mod splice;
mod template;
pub mod threshold_iou;
pub mod tune;
pub mod upsample_bilinear;
pub(crate) mod upsample_nearest;
mod window;

use crate::error::{Error, Result};
use crate::gpu::{Bound, Gpu, Params, Recording, Shader, Traits};
use crate::tensor::Shape;

/// What a kernel says of itself: its part of a row of the table, which tests, `doctor` and `bench` walk.
pub struct Entry {
    /// Stem of the shader file, of this kernel's file and of its twin in `reference`.
    pub stem: &'static str,
    /// The texts as they are compiled, with typical constants: validated and translated to every target in the tests.
    pub shaders: fn() -> Vec<Shader>,
    /// Whether an adapter can run it. Every operator has one kernel that any adapter can.
    pub runs_on: fn(&Traits) -> bool,
    /// What its numbers are beside those of its operator's portable kernel.
    pub agreement: Agreement,
    /// Text replacements (`from`, `to`), each of which the kernel's cases must notice.
    pub mutants: &'static [(&'static str, &'static str)],
}

/// What a kernel's numbers are beside those of the portable kernel of the same operator, on one adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// It is that kernel.
    Portable,
    /// The same bits, whatever the floats: it sums in the same order. The tuner may choose among such.
    SameBits,
    /// Other sums: both lie within the bound that the twin derives. A rule of shape and adapter chooses it, never a clock.
    Bounded,
}

/// For [`Entry::runs_on`]: within WebGPU's default limits, no optional feature.
pub fn everywhere(_: &Traits) -> bool {
    true
}

/// Appends a kernel that walks `count` elements on a one-dimensional grid, with the grid's size as the stride: an adapter allows
/// 65,535 workgroups along an axis, and values are larger. `params` is given the stride.
pub(crate) fn walk<P: Params>(
    gpu: &Gpu,
    recording: &mut Recording,
    shader: &Shader,
    count: u32,
    params: impl FnOnce(u32) -> P,
    buffers: &[Bound<'_>],
) -> Result<()> {
    let kernel = gpu.kernel(shader)?;
    let workgroup = kernel.interface.workgroup[0];
    let stride = count.min(65_535 * workgroup).next_multiple_of(workgroup);
    recording.dispatch(&kernel, &params(stride), buffers, [stride, 1, 1])
}

/// Number of elements of a value. Kernels index in 32 bits: WGSL has no wider integers without an optional feature.
///
/// # Errors
/// [`crate::error::Kind::OutOfMemory`] if there are more.
pub(crate) fn count(shape: Shape) -> Result<u32> {
    u32::try_from(shape.len()).map_err(|_| {
        let message = format!("a value of shape {shape} is too large for one dispatch");
        Error::new(crate::error::Kind::OutOfMemory, message).hint("use a smaller `--batch`")
    })
}
