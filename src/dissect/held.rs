//! Activations that are held on the device between passes, so that they need not be computed again.

use std::ops::Range;

use crate::data::{ImageBatch, ImageSource};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording};
use crate::tensor::Shape;

/// Bytes of activations held between passes, however much the budget is: the first few hundred images or thousand.
const MOST_HELD: u64 = 1 << 30;

/// Maps of a layer for the images of a batch, on the device.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct LayerMaps {
    pub(super) buffer: Buffer,
    pub(super) shape: Shape,
}

/// Whether maps of so many bytes may be held where so many are already.
fn has_room(gpu: &Gpu, free: u64, taken: u64, bytes: u64) -> bool {
    // A quarter stays free for readbacks and labels.
    taken + bytes <= MOST_HELD && free > bytes + gpu.budget() / 4
}

/// How many batches a run would hold whose maps take so many bytes, of as many as there are.
pub(super) fn batches(gpu: &Gpu, bytes: u64, count: u64) -> u64 {
    let free = gpu.free_bytes();
    let fits = |held: &u64| has_room(gpu, free.saturating_sub(held * bytes), held * bytes, bytes);
    (0..count).take_while(fits).count() as u64
}

/// The maps of all layers, of as many of the first batches as there is room for.
pub(super) struct Held {
    batches: Vec<HeldBatch>,
    full: bool,
}

struct HeldBatch {
    indices: Vec<u32>,
    next: u32,
    maps: Vec<LayerMaps>,
}

impl Held {
    /// Holds nothing yet, and nothing ever if `full`.
    pub(super) fn new(full: bool) -> Held {
        Held { batches: Vec::new(), full }
    }

    /// Copies a batch's maps, until memory runs short for the first time.
    pub(super) fn hold(&mut self, gpu: &Gpu, batch: &ImageBatch, maps: &[LayerMaps]) -> Result<()> {
        let bytes: u64 = maps.iter().map(|maps| maps.shape.bytes()).sum();
        let taken: u64 = self.batches.iter().flat_map(|batch| &batch.maps).map(|maps| maps.shape.bytes()).sum();
        self.full |= !has_room(gpu, gpu.free_bytes(), taken, bytes);
        if self.full {
            return Ok(());
        }
        let (mut recording, mut copies) = (Recording::new(), Vec::new());
        for LayerMaps { buffer, shape } in maps {
            let copy = gpu.buffer("held activations", shape.bytes())?;
            recording.copy(buffer, 0, &copy, 0, shape.bytes())?;
            copies.push(LayerMaps { buffer: copy, shape: *shape });
        }
        gpu.submit(&gpu.program(recording)?)?;
        self.batches.push(HeldBatch { indices: batch.indices.clone(), next: batch.next, maps: copies });
        Ok(())
    }

    /// The maps of exactly these images, if they are held.
    pub(super) fn of(&self, batch: &ImageBatch) -> Option<Vec<LayerMaps>> {
        self.batches.iter().find(|held| held.indices == batch.indices).map(|held| held.maps.clone())
    }

    /// The same images for a pass that looks at nothing but their maps: those that are held are not decoded again.
    pub(super) fn spare<'a>(&self, images: &'a dyn ImageSource) -> Spared<'a> {
        let bare = |held: &HeldBatch| ImageBatch {
            indices: held.indices.clone(),
            names: Vec::new(),
            input: Vec::new(),
            images: Vec::new(),
            origins: Vec::new(),
            next: held.next,
        };
        Spared { images, held: self.batches.iter().map(bare).collect() }
    }
}

/// Images of which the first batches are bare: they know only which images they are.
pub(super) struct Spared<'a> {
    images: &'a dyn ImageSource,
    held: Vec<ImageBatch>,
}

impl ImageSource for Spared<'_> {
    fn count(&self) -> u32 {
        self.images.count()
    }

    fn batches<'a>(&'a self, range: Range<u32>) -> Box<dyn Iterator<Item = Result<ImageBatch>> + 'a> {
        // Batches lie one after the other from the run's start: a pass that starts elsewhere was taken up, and nothing is held.
        if range.start > 0 {
            return self.images.batches(range);
        }
        let held = self.held.iter().take_while(move |held| held.next <= range.end);
        let from = held.clone().last().map_or(range.start, |held| held.next);
        Box::new(held.cloned().map(Ok).chain(self.images.batches(from..range.end)))
    }
}
