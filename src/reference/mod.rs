//! The same kernels and graph as obvious loops on the CPU, and the table of kernels with their cases: for tests, `doctor` and
//! `bench`, never for the normal path.

pub mod adaptive_average_pool;
pub mod add;
pub mod average_pool;
mod case;
pub mod conv;
pub mod conv_broadcast;
pub mod conv_doubled;
pub mod conv_pointwise;
pub mod conv_tiled;
mod convolution;
pub mod edit;
mod expected;
pub mod graph;
pub mod histogram;
pub mod label_argmax;
pub mod linear;
pub mod linear_broadcast;
mod maps;
pub mod max_pool;
pub mod peak;
pub mod pixel_norm;
mod pool;
pub mod precise_roi_pool;
pub mod relu;
pub mod rng;
pub mod roof_arithmetic;
pub mod softmax;
pub mod splice;
pub mod threshold_iou;
pub mod upsample_bilinear;
pub mod upsample_nearest;

pub use case::{Case, Data, Draft, GUARD_WORDS, Output, Record, Size, Work};
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
