//! One file a kernel: parameters, shape check, grid; and the table of them all.

pub mod adaptive_average_pool;
pub mod add;
pub mod average_pool;
pub mod conv;
pub mod conv_broadcast;
pub mod conv_doubled;
pub mod conv_pointwise;
pub mod conv_tiled;
pub mod edit;
pub mod histogram;
pub mod label_argmax;
pub mod leaky_relu;
pub mod linear;
pub mod linear_broadcast;
pub mod max_pool;
pub mod peak;
pub mod pixel_norm;
pub mod precise_roi_pool;
pub mod relu;
pub mod roof_arithmetic;
pub mod softmax;
pub mod splice;
mod template;
pub mod threshold_iou;
pub mod tune;
pub mod upsample_bilinear;
pub mod upsample_nearest;

use crate::error::{Error, Result};
use crate::gpu::{Shader, Traits};
use crate::tensor::Shape;

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
pub static ALL: &[&Entry] = &[
    &adaptive_average_pool::ENTRY,
    &add::ENTRY,
    &average_pool::ENTRY,
    &conv::ENTRY,
    &conv_broadcast::ENTRY,
    &conv_doubled::ENTRY,
    &conv_pointwise::ENTRY,
    &conv_tiled::ENTRY,
    &edit::ENTRY,
    &histogram::ENTRY,
    &label_argmax::ENTRY,
    &leaky_relu::ENTRY,
    &linear::ENTRY,
    &linear_broadcast::ENTRY,
    &max_pool::ENTRY,
    &peak::ENTRY,
    &pixel_norm::ENTRY,
    &precise_roi_pool::ENTRY,
    &relu::ENTRY,
    &roof_arithmetic::ENTRY,
    &softmax::ENTRY,
    &splice::ENTRY,
    &threshold_iou::ENTRY,
    &upsample_bilinear::ENTRY,
    &upsample_nearest::ENTRY,
];

/// For [`Entry::runs_on`]: within WebGPU's default limits, no optional feature.
pub fn everywhere(_: &Traits) -> bool {
    true
}

/// Invocations of a one-dimensional grid that walks `count` elements with its own size as the stride.
pub(crate) fn strided(count: u32, workgroup: u32) -> u32 {
    count.min(65_535 * workgroup).next_multiple_of(workgroup)
}

/// Number of elements of a value, which kernels count in 32 bits.
///
/// # Errors
/// [`crate::error::Kind::OutOfMemory`] if there are more.
pub(crate) fn count(shape: Shape) -> Result<u32> {
    u32::try_from(shape.len()).map_err(|_| {
        let message = format!("a value of shape {shape} is too large for one dispatch");
        Error::new(crate::error::Kind::OutOfMemory, message).hint("use a smaller `--batch`")
    })
}
