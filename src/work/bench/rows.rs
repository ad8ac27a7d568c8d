//! What `bench` measures, row by row.

use serde::Serialize;

use crate::error::Result;

/// A time that was taken; where milliseconds are meant, the median of the repeats.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum BenchRow {
    /// A kernel on the sizes of a real layer.
    Kernel {
        /// Its name.
        kernel: &'static str,
        /// The sizes.
        case: String,
        /// Of one run.
        milliseconds: f64,
        /// 10^9 operations a second.
        gflops: f64,
        /// 10^9 bytes a second.
        gigabytes_per_second: f64,
        /// The larger share of the adapter's two roofs, 1 for all of it.
        share_of_roof: f64,
    },
    /// A step of a network.
    Step {
        /// The node.
        layer: String,
        /// Its kernel.
        kernel: &'static str,
        /// Of one run.
        milliseconds: f64,
        /// 10^9 operations a second.
        gflops: f64,
        /// Share of the roof of arithmetic.
        share_of_roof: f64,
    },
    /// A whole network.
    Whole {
        /// `whole`.
        layer: &'static str,
        /// Of one run, as a clock on the wall tells it.
        milliseconds: f64,
        /// Of one image of the batch.
        milliseconds_per_image: f64,
        /// 10^9 operations a second.
        gflops: f64,
        /// Bytes on the device at one time.
        peak_bytes: u64,
        /// Images at once.
        #[serde(skip)]
        batch: u32,
    },
    /// A part of a generator on one image.
    Part {
        /// `head` or `tail`.
        layer: &'static str,
        /// Of one run.
        milliseconds: f64,
    },
    /// An edit swept over all positions of a layer.
    Sweep {
        /// `sweep`.
        layer: &'static str,
        /// Positions.
        positions: usize,
        /// Positions at once.
        batch: u32,
        /// Of all positions.
        milliseconds: f64,
        /// Of one head and as many tails, one after the other.
        head_and_tails_milliseconds: f64,
        /// The first by the second.
        ratio: f64,
        /// Bytes on the device at one time.
        peak_bytes: u64,
    },
}

/// Hears of rows as they are measured.
pub type RowListener<'a> = dyn FnMut(BenchRow) -> Result<()> + 'a;

/// The one in the middle of sorted times, the later one of two.
pub(super) fn middle(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
