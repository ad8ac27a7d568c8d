//! What a dissection sees of its images, wherever they come from.

use std::ops::Range;
use std::sync::Arc;

use super::framing::Prepared;
use super::loader::{Batch, ImageLoader};
use crate::error::Result;

/// SHA-256 of everything that a generator's image follows from: its weights and the latent.
pub type Origin = [u8; 32];

/// Images ready for a network.
#[derive(Debug, Clone)]
pub struct ImageBatch {
    /// Position of each image in the run's order. Skipped images leave gaps.
    pub indices: Vec<u32>,
    /// Name of each: its path relative to the image folder, with `/`.
    pub names: Vec<String>,
    /// What the network is given: normalised images `[n, 3, h, w]`, or latents `[n, z]`.
    pub input: Vec<f32>,
    /// Each image as the network sees it before normalisation; none where the network is to make them.
    pub images: Vec<Arc<Prepared>>,
    /// Of each image that is still to be made, a hash of everything it follows from, if that is known; else empty.
    pub origins: Vec<Origin>,
    /// First position of the run's order that neither this batch nor one before it looked at.
    pub next: u32,
}

/// Where images come from, again and again in the same order.
pub trait ImageSource: Sync {
    /// Images in all, readable or not.
    fn count(&self) -> u32;

    /// Batches of the positions of `range`, clipped to what there is; all but the last are of the source's batch size. Unreadable
    /// images are left out; the source remembers them.
    fn batches<'a>(&'a self, range: Range<u32>) -> Box<dyn Iterator<Item = Result<ImageBatch>> + 'a>;
}

/// The first images of a source, to try work on.
pub(crate) struct First<'a> {
    /// All images.
    pub(crate) images: &'a dyn ImageSource,
    /// How many of them.
    pub(crate) count: u32,
}

impl ImageSource for First<'_> {
    fn count(&self) -> u32 {
        self.count
    }

    fn batches<'a>(&'a self, range: Range<u32>) -> Box<dyn Iterator<Item = Result<ImageBatch>> + 'a> {
        self.images.batches(range.start..range.end.min(self.count))
    }
}

impl ImageSource for ImageLoader {
    fn count(&self) -> u32 {
        u32::try_from(self.set().len()).unwrap_or(u32::MAX)
    }

    fn batches<'a>(&'a self, range: Range<u32>) -> Box<dyn Iterator<Item = Result<ImageBatch>> + 'a> {
        // Whoever consumes the batches decides when to stop, after saving where it stands.
        match self.batches_of(range.start as usize..range.end as usize, &Arc::default()) {
            Ok(batches) => Box::new(batches.map(|batch| batch.map(batch_of))),
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    }
}

fn batch_of(batch: Batch) -> ImageBatch {
    // `ImageSource::count` fits 32 bits, and so do its positions.
    let indices: Vec<u32> = batch.items.iter().map(|item| item.index as u32).collect();
    ImageBatch {
        next: indices.last().map_or(batch.first_index as u32, |last| last + 1),
        indices,
        names: batch.items.iter().map(|item| item.name.clone()).collect(),
        input: batch.input.data,
        images: batch.items.into_iter().map(|item| item.image).collect(),
        origins: Vec::new(),
    }
}
