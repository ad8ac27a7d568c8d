//! The images of a set in batches, decoded on threads ahead of the consumer.
//!
//! Worker `t` of `T` takes every `T`-th image and hands it over in a short queue of its own; the consumer visits the
//! queues in turn. So the order never depends on timing, and what lies decoded ahead is bounded whatever the set's size.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::store::{Decoded, LoadOptions, LoadedImage, Store};
use crate::error::{Error, Kind, Result};
use crate::tensor::{HostTensor, Shape};

/// Images ready ahead of the consumer take at most about this much, whatever the batch.
const READY_BYTES: usize = 256 << 20;

/// Images a worker may have ready before it waits for the consumer: all workers together two batches, where that fits.
fn ready_per_worker(options: &LoadOptions, threads: usize) -> usize {
    // Pictures that are not resized may be of any size, and few of them make a batch.
    let Some((h, w)) = options.geometry.fixed_size() else { return 2 };
    let room = READY_BYTES / (h as usize * w as usize * 3) / threads;
    options.batch.saturating_mul(2).div_ceil(threads).min(room).clamp(1, 1024)
}

/// Images that go through the network together.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Index of the first image.
    pub first_index: usize,
    /// Normalised input `[n, 3, h, w]`; `n` is the batch size save for the last batch.
    pub input: HostTensor,
    /// The images, in the order of the set.
    pub items: Vec<LoadedImage>,
}

/// A range of a set in order, batch by batch.
///
/// An error is the last item: [`Kind::Interrupted`] after a stop, [`Kind::Input`] if sizes differ under
/// [`super::framing::Geometry::AsIs`] or a file that could be read before is gone.
pub struct Batches {
    store: Arc<Store>,
    stop: Arc<AtomicBool>,
    queues: Vec<Receiver<Result<Decoded>>>,
    workers: Vec<JoinHandle<()>>,
    start: usize,
    /// Index of the next image to take from its queue.
    next: usize,
    end: usize,
}

impl Batches {
    pub(super) fn start(store: &Arc<Store>, range: Range<usize>, stop: &Arc<AtomicBool>) -> Result<Self> {
        let threads = match store.options.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
        .min(range.len());
        let mut batches = Batches {
            store: Arc::clone(store),
            stop: Arc::clone(stop),
            queues: Vec::with_capacity(threads),
            workers: Vec::with_capacity(threads),
            start: range.start,
            next: range.start,
            end: range.end,
        };
        for worker in 0..threads {
            let (sender, queue) = sync_channel(ready_per_worker(&store.options, threads));
            let (store, stop) = (Arc::clone(store), Arc::clone(stop));
            let indices = (range.start + worker..range.end).step_by(threads);
            let spawned = std::thread::Builder::new().name(format!("decode {worker}")).spawn(move || {
                work(&store, indices, &stop, &sender);
            });
            let handle = spawned.map_err(|error| {
                Error::new(Kind::OutOfMemory, format!("thread {} of {threads} cannot be started: {error}", worker + 1))
                    .hint("close other programs, or let a user have more threads")
            })?;
            batches.queues.push(queue);
            batches.workers.push(handle);
        }
        Ok(batches)
    }

    /// Gathers readable images until the batch is full or the range ends.
    fn gather(&mut self) -> Result<Vec<LoadedImage>> {
        let batch = self.store.options.batch;
        let mut items = Vec::with_capacity(batch.min(self.end - self.next));
        while self.next < self.end && items.len() < batch {
            if self.stop.load(Ordering::Relaxed) {
                return Err(interrupted());
            }
            let index = self.next;
            self.next += 1;
            let received = self.queues[(index - self.start) % self.queues.len()].recv();
            let outcome = received.map_err(|_| match self.stop.load(Ordering::Relaxed) {
                true => interrupted(),
                false => Error::internal("a decoding thread ended before its images did"),
            })??;
            if let Ok(image) = outcome {
                let loaded = self.store.loaded(index, image);
                self.store.admit(&loaded)?;
                items.push(loaded);
            }
        }
        Ok(items)
    }

    fn batch(&self, items: Vec<LoadedImage>) -> Result<Option<Batch>> {
        let Some(first) = items.first() else { return Ok(None) };
        let (h, w, first_index) = (first.image.h, first.image.w, first.index);
        let images =
            u32::try_from(items.len()).map_err(|_| Error::new(Kind::Usage, "batch holds more than 2^32 images"))?;
        let shape = Shape::new(images, 3, h, w);
        let mut data = Vec::with_capacity(shape.len());
        for item in &items {
            self.store.options.preprocess.append(&item.image.rgb, &mut data);
        }
        Ok(Some(Batch { first_index, input: HostTensor::new(shape, data)?, items }))
    }
}

impl Iterator for Batches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        let batch = self.gather().and_then(|items| self.batch(items));
        if batch.is_err() {
            self.next = self.end;
        }
        batch.transpose()
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        // Without their queues the workers end after the image in hand.
        self.queues.clear();
        for worker in self.workers.drain(..) {
            // A worker that panicked has been reported by the queue it left.
            let _ = worker.join();
        }
    }
}

fn work(store: &Store, indices: impl Iterator<Item = usize>, stop: &AtomicBool, sender: &SyncSender<Result<Decoded>>) {
    for index in indices {
        if stop.load(Ordering::Relaxed) || sender.send(store.prepared(index)).is_err() {
            return;
        }
    }
}

fn interrupted() -> Error {
    Error::new(Kind::Interrupted, "stopped while loading images")
}

#[cfg(test)]
mod tests {
    use super::super::decode::Exif;
    use super::super::framing::Geometry;
    use super::*;
    use crate::preprocess::Preprocess;

    #[test]
    fn two_batches_are_readied_where_they_fit_and_never_none() {
        let ready = |geometry, batch, threads| {
            let options = LoadOptions {
                geometry,
                preprocess: Preprocess::None,
                exif: Exif::Apply,
                batch,
                threads,
                keep_bytes: 0,
            };
            ready_per_worker(&options, threads)
        };
        assert_eq!(ready(Geometry::DEFAULT, 10, 4), 5);
        assert_eq!(ready(Geometry::DEFAULT, 1, 64), 1);
        assert_eq!(ready(Geometry::DEFAULT, usize::MAX, 2), READY_BYTES / (224 * 224 * 3) / 2);
        assert_eq!(ready(Geometry::ResizeCrop { resize: 16_384, crop: 16_384 }, 10, 4), 1);
        assert_eq!(ready(Geometry::ResizeCrop { resize: 1, crop: 1 }, usize::MAX, 1), 1024);
        assert_eq!(ready(Geometry::AsIs, 100, 4), 2);
    }
}
