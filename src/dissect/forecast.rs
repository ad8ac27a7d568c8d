//! What a run would take, by the rules that runs themselves go by.

use super::dissection::digits;
use super::held;
use crate::gpu::Gpu;
use crate::tensor::Shape;

/// How often images go through the network, and what is kept of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Bytes of activations held between passes.
    pub held_bytes: u64,
    /// How often an image goes through the network, the mean of all: once if all are held, else again in every later pass.
    pub forward_passes: f64,
}

/// Foretells a run over so many images, `batch` at once, from the room that there is now. `layers` are the shapes of the layers' maps
/// of one image.
pub fn forecast(gpu: &Gpu, layers: &[Shape], images: u64, batch: u32) -> Forecast {
    let units: Vec<u32> = layers.iter().map(|shape| shape.c).collect();
    // One more counts.
    let later_passes = digits(gpu, &units).len() as f64;
    let of_image: u64 = layers.iter().map(|shape| shape.bytes()).sum();
    let batches = held::batches(gpu, of_image * u64::from(batch), images.div_ceil(u64::from(batch)));
    let held = (batches * u64::from(batch)).min(images);
    let computed_again = (images - held) as f64 / images.max(1) as f64;
    Forecast { held_bytes: of_image * held, forward_passes: 1.0 + later_passes * computed_again }
}
