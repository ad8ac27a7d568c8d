//! How many images at once: as many as the memory allows.

use super::{Session, TensorSource, bytes_for};
use crate::error::{Kind, Result};
use crate::gpu::Gpu;
use crate::graph::Graph;
use crate::kernels::tune::Tuner;
use crate::progress::Progress;

/// Puts a graph on the device that keeps `nodes`, for as many of `images` at once as asked or as fit; halves the batch where the
/// device says no, and says so.
///
/// # Errors
/// As [`Session::new`].
pub fn fitting(
    gpu: &Gpu,
    graph: &Graph,
    source: &dyn TensorSource,
    (nodes, images): (&[&str], usize),
    batch: Option<u32>,
    tuner: &mut Tuner,
    progress: &dyn Progress,
) -> Result<Session> {
    let mut size = batch.unwrap_or_else(|| fitting_batch(gpu, graph, images));
    let mut refused = None;
    loop {
        match Session::new(gpu, graph, source, size, nodes, tuner) {
            Err(error) if error.kind() == Kind::OutOfMemory && size > 1 && batch.is_none() => {
                size /= 2;
                refused.get_or_insert(error);
            }
            other => {
                if let (Ok(_), Some(error)) = (&other, refused) {
                    progress.note(&format!("{error}; going on with {size} images at once"));
                }
                return other;
            }
        }
    }
}

/// Most images at once that are worth it.
pub const MOST_AT_ONCE: u32 = 16;

/// The largest power of two whose values take at most half of the free budget and fit the adapter's bindings.
pub fn fitting_batch(gpu: &Gpu, graph: &Graph, images: usize) -> u32 {
    let free = gpu.free_bytes() / 2;
    let wanted = u32::try_from(images).unwrap_or(MOST_AT_ONCE).next_power_of_two();
    // A software adapter gains nothing from more than a few.
    let most = if gpu.traits().software { 4 } else { MOST_AT_ONCE };
    let mut batch = most.min(wanted);
    while batch > 1 {
        let (total, largest) = bytes_for(graph, batch);
        if total <= free && largest <= gpu.traits().max_binding_bytes {
            break;
        }
        batch /= 2;
    }
    batch
}
