//! The same kernels and graph as obvious loops on the CPU, and the table of kernels with their cases: for tests, `doctor` and
//! `bench`, never for the normal path.

pub mod adaptive_average_pool;
pub(crate) mod add;
pub mod average_pool;
mod case;
pub mod conv;
pub(crate) mod conv_broadcast;
pub(crate) mod conv_doubled;
pub(crate) mod conv_pointwise;
pub(crate) mod conv_tiled;
mod convolution;
pub(crate) mod edit;
mod expected;
pub mod graph;
pub mod histogram;
pub(crate) mod label_argmax;
pub mod linear;
pub(crate) mod linear_broadcast;
mod maps;
pub mod max_pool;
pub(crate) mod peak;
pub(crate) mod pixel_norm;
mod pool;
pub(crate) mod precise_roi_pool;
pub(crate) mod relu;
pub mod rng;
pub(crate) mod roof_arithmetic;
pub mod softmax;
pub(crate) mod splice;
pub(crate) mod threshold_iou;
pub mod upsample_bilinear;
pub(crate) mod upsample_nearest;

pub use case::{Case, Data, Draft, Output, Record, Size, Work};
pub use expected::{Expected, Mismatch};
pub use maps::Maps;

use crate::kernels::Entry;

/// A kernel with what it must get right: a row of the table that tests, `doctor` and `bench` walk.
pub struct KernelRow {
    /// What is compiled, where it runs, the mutants that its cases must notice.
    pub entry: &'static Entry,
    /// Its cases, from the smallest to the real layer.
    pub cases: fn() -> Vec<Case>,
    /// It at a random shape.
    pub random: fn(&mut rand_mt::Mt) -> Case,
}

/// Rows by stem: the kernel's file and its twin's hold the rest under the same names, so that none can stand here without them.
macro_rules! table {
    ($($stem:ident),* $(,)?) => {
        &[$(KernelRow { entry: &crate::kernels::$stem::ENTRY, cases: $stem::cases, random: $stem::random }),*]
    };
}

/// Every kernel.
pub static KERNELS: &[KernelRow] = table![
    adaptive_average_pool,
    add,
    average_pool,
    conv,
    conv_broadcast,
    conv_doubled,
    conv_pointwise,
    conv_tiled,
    edit,
    histogram,
    label_argmax,
    linear,
    linear_broadcast,
    max_pool,
    peak,
    pixel_norm,
    precise_roi_pool,
    relu,
    roof_arithmetic,
    softmax,
    splice,
    threshold_iou,
    upsample_bilinear,
    upsample_nearest,
];

/// The row of a kernel.
pub fn kernel(stem: &str) -> Option<&'static KernelRow> {
    KERNELS.iter().find(|row| row.entry.stem == stem)
}
