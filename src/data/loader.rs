//! Batches of images, decoded on CPU threads ahead of whoever consumes them.
//!
//! Worker `t` of `T` takes every `T`-th image and hands it over in a short queue of its own; the consumer visits the
//! queues in turn. So the order never depends on timing, and what lies decoded ahead is bounded whatever the set's size.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::decode::{self, Exif};
use super::images::ImageSet;
use super::preprocess::{Geometry, Prepared, Preprocess, prepare};
use crate::error::{Error, Kind, Result};
use crate::tensor::{HostTensor, Shape};

/// Images a worker may have ready before it waits for the consumer.
const READY_PER_WORKER: usize = 4;

/// How images are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadOptions {
    /// Size and crop.
    pub geometry: Geometry,
    /// Normalisation.
    pub preprocess: Preprocess,
    /// Whether pictures are turned upright.
    pub exif: Exif,
    /// Images of a batch; at least 1.
    pub batch: usize,
    /// Decoding threads; 0 means one for each core.
    pub threads: usize,
    /// Bytes of prepared pixels kept in memory, so that later passes do not decode those images again.
    pub keep_bytes: u64,
}

/// One image of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Position in the whole set, skipped images counted.
    pub index: usize,
    /// Name in the set.
    pub name: String,
    /// Class in the set.
    pub class: Option<usize>,
    /// What the network sees, before normalisation.
    pub image: Arc<Prepared>,
}

/// An image that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Position in the whole set.
    pub index: usize,
    /// Name in the set.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Images that share one pass through the network.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Index of the first image.
    pub first_index: usize,
    /// Normalised input `[n, 3, h, w]`; `n` is the batch size save for the last batch.
    pub input: HostTensor,
    /// The images, in the order of the set.
    pub items: Vec<Loaded>,
}

/// Loads the images of a set, as often as needed.
///
/// Images that will not decode are left out of every pass in the same way and listed once, in [`ImageLoader::skipped`].
pub struct ImageLoader {
    shared: Arc<Shared>,
}

struct Shared {
    set: ImageSet,
    options: LoadOptions,
    known: Mutex<Known>,
}

/// What earlier passes learned.
#[derive(Default)]
struct Known {
    images: BTreeMap<usize, Seen>,
    kept_bytes: u64,
    /// Name and size of the first image, which all others must share when nothing is resized.
    size: Option<(String, u32, u32)>,
}

#[derive(Clone)]
enum Seen {
    Readable,
    Kept(Arc<Prepared>),
    Bad(String),
}

/// What became of one image: its pixels, or why there are none.
type Outcome = Result<Arc<Prepared>, String>;

impl ImageLoader {
    /// A loader of `set`. Nothing is read yet.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the batch is 0 or the geometry is impossible.
    pub fn new(set: ImageSet, options: LoadOptions) -> Result<Self> {
        options.geometry.check()?;
        if options.batch == 0 {
            return Err(Error::new(Kind::Usage, "batch is 0; needs at least one image"));
        }
        Ok(ImageLoader { shared: Arc::new(Shared { set, options, known: Mutex::default() }) })
    }

    /// The set that is loaded.
    pub fn set(&self) -> &ImageSet {
        &self.shared.set
    }

    /// How it is loaded.
    pub fn options(&self) -> &LoadOptions {
        &self.shared.options
    }

    /// Rows and columns that the network will see. Without a crop these are the first readable image's.
    ///
    /// # Errors
    /// [`Kind::Input`] if no image can be read.
    pub fn input_size(&self) -> Result<(u32, u32)> {
        if let Some(size) = self.shared.options.geometry.fixed_size() {
            return Ok(size);
        }
        for index in 0..self.set().len() {
            if let Ok(image) = self.shared.prepared(index)? {
                return Ok((image.h, image.w));
            }
        }
        Err(self.nothing_readable())
    }

    /// One image, for a picture in a report or a strip.
    ///
    /// # Errors
    /// [`Kind::Input`] naming the image if it cannot be decoded; [`Kind::Internal`] if there is no such index.
    pub fn load(&self, index: usize) -> Result<Loaded> {
        let Some(item) = self.set().items.get(index) else {
            return Err(Error::internal(format!("image {index} asked for of {}", self.set().len())));
        };
        let outcome = self.shared.prepared(index)?;
        let image = outcome.map_err(|reason| Error::input(reason).at(&item.name))?;
        Ok(self.shared.loaded(index, image))
    }

    /// One pass over the images of `range` (clipped to the set), in order. Cheap to call again.
    ///
    /// `stop` ends the pass with [`Kind::Interrupted`] before the next image.
    ///
    /// # Errors
    /// [`Kind::OutOfMemory`] if no decoding thread can be started.
    pub fn pass(&self, range: Range<usize>, stop: &Arc<AtomicBool>) -> Result<Pass> {
        let end = range.end.min(self.set().len());
        Pass::start(&self.shared, range.start.min(end)..end, stop)
    }

    /// One pass over all images; see [`ImageLoader::pass`].
    ///
    /// # Errors
    /// As [`ImageLoader::pass`].
    pub fn pass_all(&self, stop: &Arc<AtomicBool>) -> Result<Pass> {
        self.pass(0..self.set().len(), stop)
    }

    /// The images that could not be decoded so far, each once, in the order of the set.
    pub fn skipped(&self) -> Vec<Skipped> {
        let known = self.shared.known();
        let bad = known.images.iter().filter_map(|(&index, seen)| match seen {
            Seen::Bad(reason) => Some((index, reason.clone())),
            Seen::Readable | Seen::Kept(_) => None,
        });
        bad.map(|(index, reason)| Skipped { index, name: self.set().items[index].name.clone(), reason }).collect()
    }

    /// The error of a run in which no image could be read: how many were tried, and what was wrong with the first.
    pub fn nothing_readable(&self) -> Error {
        let skipped = self.skipped();
        let first =
            skipped.first().map_or_else(String::new, |bad| format!("; the first, {}: {}", bad.name, bad.reason));
        Error::input(format!("none of {} images can be read{first}", self.set().len()))
            .at(self.set().root.display())
            .hint("images must be whole JPEG, PNG or WebP files")
    }
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        // The map is never left half changed, so a panic elsewhere does not spoil it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pixels of one image, from memory or from its file, or why it has to be skipped.
    ///
    /// An error ends the run: an image that an earlier pass counted is gone, so the passes would not agree.
    fn prepared(&self, index: usize) -> Result<Outcome> {
        let seen = self.known().images.get(&index).cloned();
        match &seen {
            Some(Seen::Kept(image)) => return Ok(Ok(Arc::clone(image))),
            Some(Seen::Bad(reason)) => return Ok(Err(reason.clone())),
            Some(Seen::Readable) | None => {}
        }
        let item = &self.set.items[index];
        match decode::decode(&item.path, self.options.exif) {
            Ok(image) => Ok(Ok(self.remember(index, prepare(image, self.options.geometry)))),
            Err(error) if seen.is_some() => {
                Err(error.hint("this image could be read before; do not change the images while they are dissected"))
            }
            Err(error) => {
                let text = error.to_string();
                let place = format!("{}: ", item.path.display());
                let reason = text.strip_prefix(&place).unwrap_or(&text).to_owned();
                self.known().images.insert(index, Seen::Bad(reason.clone()));
                Ok(Err(reason))
            }
        }
    }

    fn remember(&self, index: usize, image: Prepared) -> Arc<Prepared> {
        let image = Arc::new(image);
        let known = &mut *self.known();
        known.images.entry(index).or_insert_with(|| {
            let bytes = known.kept_bytes + image.rgb.len() as u64;
            if bytes > self.options.keep_bytes {
                return Seen::Readable;
            }
            known.kept_bytes = bytes;
            Seen::Kept(Arc::clone(&image))
        });
        image
    }

    fn loaded(&self, index: usize, image: Arc<Prepared>) -> Loaded {
        let item = &self.set.items[index];
        Loaded { index, name: item.name.clone(), class: item.class, image }
    }

    /// Checks that an image has the size of all others.
    fn admit(&self, loaded: &Loaded) -> Result<()> {
        let (h, w) = (loaded.image.h, loaded.image.w);
        let known = &mut *self.known();
        let (first, first_h, first_w) = known.size.get_or_insert_with(|| (loaded.name.clone(), h, w));
        if (h, w) == (*first_h, *first_w) {
            return Ok(());
        }
        Err(Error::input(format!(
            "image is {h}x{w} and {first} is {first_h}x{first_w}; without resizing all must share one size"
        ))
        .at(&loaded.name)
        .hint("leave `--as-is` out to resize them all"))
    }
}

/// One pass over a set: an iterator of batches.
///
/// An error is the last item: [`Kind::Interrupted`] after a stop, [`Kind::Input`] if sizes differ under
/// [`Geometry::AsIs`] or a file that could be read before is gone.
pub struct Pass {
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    queues: Vec<Receiver<Result<Outcome>>>,
    workers: Vec<JoinHandle<()>>,
    start: usize,
    /// Index of the next image to take from its queue.
    next: usize,
    end: usize,
}

impl Pass {
    fn start(shared: &Arc<Shared>, range: Range<usize>, stop: &Arc<AtomicBool>) -> Result<Self> {
        let threads = match shared.options.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
        .min(range.len());
        let mut pass = Pass {
            shared: Arc::clone(shared),
            stop: Arc::clone(stop),
            queues: Vec::with_capacity(threads),
            workers: Vec::with_capacity(threads),
            start: range.start,
            next: range.start,
            end: range.end,
        };
        for worker in 0..threads {
            let (sender, queue) = sync_channel(READY_PER_WORKER);
            let (shared, stop) = (Arc::clone(shared), Arc::clone(stop));
            let indices = (range.start + worker..range.end).step_by(threads);
            let spawned = std::thread::Builder::new().name(format!("decode {worker}")).spawn(move || {
                work(&shared, indices, &stop, &sender);
            });
            let handle = spawned.map_err(|error| {
                Error::new(Kind::OutOfMemory, format!("thread {} of {threads} cannot be started: {error}", worker + 1))
                    .hint("use fewer `--threads`")
            })?;
            pass.queues.push(queue);
            pass.workers.push(handle);
        }
        Ok(pass)
    }

    /// Gathers readable images until the batch is full or the range ends.
    fn gather(&mut self) -> Result<Vec<Loaded>> {
        let batch = self.shared.options.batch;
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
                let loaded = self.shared.loaded(index, image);
                self.shared.admit(&loaded)?;
                items.push(loaded);
            }
        }
        Ok(items)
    }

    fn batch(&self, items: Vec<Loaded>) -> Result<Option<Batch>> {
        let Some(first) = items.first() else { return Ok(None) };
        let (h, w, first_index) = (first.image.h, first.image.w, first.index);
        let images =
            u32::try_from(items.len()).map_err(|_| Error::new(Kind::Usage, "batch holds more than 2^32 images"))?;
        let shape = Shape::new(images, 3, h, w);
        let mut data = Vec::with_capacity(shape.len());
        for item in &items {
            self.shared.options.preprocess.append(&item.image.rgb, &mut data);
        }
        Ok(Some(Batch { first_index, input: HostTensor::new(shape, data)?, items }))
    }
}

impl Iterator for Pass {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        let batch = self.gather().and_then(|items| self.batch(items));
        if batch.is_err() {
            self.next = self.end;
        }
        batch.transpose()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        // Without their queues the workers end after the image in hand.
        self.queues.clear();
        for worker in self.workers.drain(..) {
            // A worker that panicked has been reported by the queue it left.
            let _ = worker.join();
        }
    }
}

fn work(
    shared: &Shared,
    indices: impl Iterator<Item = usize>,
    stop: &AtomicBool,
    sender: &SyncSender<Result<Outcome>>,
) {
    for index in indices {
        if stop.load(Ordering::Relaxed) || sender.send(shared.prepared(index)).is_err() {
            return;
        }
    }
}

fn interrupted() -> Error {
    Error::new(Kind::Interrupted, "stopped while loading images")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use image::RgbImage as Picture;

    use super::super::images::Order;
    use super::*;

    /// A picture whose pixels tell its number.
    fn picture(folder: &Path, number: u8, h: u32, w: u32) {
        let image = Picture::from_fn(w, h, |x, y| image::Rgb([number, x as u8, y as u8]));
        image.save(folder.join(format!("{number:02}.png"))).unwrap();
    }

    fn options(batch: usize, threads: usize, keep_bytes: u64) -> LoadOptions {
        LoadOptions {
            geometry: Geometry::AsIs,
            preprocess: Preprocess::None,
            exif: Exif::Apply,
            batch,
            threads,
            keep_bytes,
        }
    }

    fn loader(folder: &Path, options: LoadOptions) -> ImageLoader {
        ImageLoader::new(ImageSet::open(folder, Order::Sorted).unwrap(), options).unwrap()
    }

    fn go() -> Arc<AtomicBool> {
        Arc::default()
    }

    /// Twenty pictures of 3x4, of which 05 is truncated and 11 is text.
    fn twenty() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..20 {
            picture(dir.path(), number, 3, 4);
        }
        let whole = fs::read(dir.path().join("05.png")).unwrap();
        fs::write(dir.path().join("05.png"), &whole[..whole.len() / 2]).unwrap();
        fs::write(dir.path().join("11.png"), "not a picture").unwrap();
        dir
    }

    #[test]
    fn batches_hold_the_same_images_in_order_whatever_the_threads_the_batch_and_the_memory() {
        let dir = twenty();
        let want: Vec<usize> = (0..20).filter(|index| ![5, 11].contains(index)).collect();
        for (batch, threads, keep_bytes) in [(1, 1, 0), (4, 3, 0), (7, 2, 1 << 20), (32, 40, 100), (4, 0, 0)] {
            let loader = loader(dir.path(), options(batch, threads, keep_bytes));
            for _pass in 0..3 {
                let batches: Vec<Batch> = loader.pass_all(&go()).unwrap().collect::<Result<_>>().unwrap();
                let items: Vec<&Loaded> = batches.iter().flat_map(|batch| &batch.items).collect();
                assert_eq!(items.iter().map(|item| item.index).collect::<Vec<_>>(), want);
                assert!(items.iter().all(|item| usize::from(item.image.rgb[0]) == item.index));
                assert!(batches[..batches.len() - 1].iter().all(|full| full.items.len() == batch));
                for made in &batches {
                    assert_eq!(
                        (made.first_index, made.input.shape.n as usize),
                        (made.items[0].index, made.items.len())
                    );
                    let second_red = made.items.get(1).map(|item| item.index as f32 / 255.0);
                    assert_eq!(made.input.data.get(36).copied(), second_red);
                }
            }
            let skipped = loader.skipped();
            assert_eq!(
                skipped.iter().map(|bad| (bad.index, bad.name.as_str())).collect::<Vec<_>>(),
                [(5, "05.png"), (11, "11.png")]
            );
            assert_eq!(skipped[1].reason, "content is not a JPEG, PNG or WebP image");
        }
    }

    #[test]
    fn a_range_is_clipped_and_keeps_the_indices_of_the_whole_set() {
        let dir = twenty();
        let loader = loader(dir.path(), options(3, 2, 0));
        let indices = |range| -> Vec<usize> {
            let batches = loader.pass(range, &go()).unwrap();
            batches.flat_map(|batch| batch.unwrap().items).map(|item| item.index).collect()
        };
        assert_eq!(indices(4..8), [4, 6, 7]);
        assert_eq!(indices(18..99), [18, 19]);
        assert_eq!(indices(30..99), [0; 0]);
    }

    #[test]
    fn without_resizing_a_second_size_is_an_error_that_names_both_images() {
        let dir = twenty();
        picture(dir.path(), 13, 3, 5);
        let loader = loader(dir.path(), options(4, 2, 0));
        assert_eq!(loader.input_size().unwrap(), (3, 4));
        let mut pass = loader.pass_all(&go()).unwrap();
        let error = pass.find_map(Result::err).unwrap();
        assert!(pass.next().is_none());
        assert_eq!(error.kind(), Kind::Input);
        let text = error.to_string();
        assert!(["13.png", "3x5", "00.png", "3x4"].iter().all(|part| text.contains(part)), "{text}");
        let resizing = LoadOptions { geometry: Geometry::ResizeCrop { resize: 8, crop: 6 }, ..*loader.options() };
        let loader = ImageLoader::new(loader.set().clone(), resizing).unwrap();
        assert_eq!(loader.pass_all(&go()).unwrap().map(|batch| batch.unwrap().items.len()).sum::<usize>(), 18);
        assert_eq!(loader.input_size().unwrap(), (6, 6));
    }

    #[test]
    fn a_stop_ends_the_pass_and_an_abandoned_pass_leaves_no_thread_behind() {
        let dir = twenty();
        let loader = loader(dir.path(), options(2, 3, 0));
        let stop = go();
        let mut pass = loader.pass_all(&stop).unwrap();
        pass.next().unwrap().unwrap();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(pass.next().unwrap().unwrap_err().kind(), Kind::Interrupted);
        assert!(pass.next().is_none());
        drop(pass);
        drop(loader.pass_all(&go()).unwrap());
        assert_eq!(Arc::strong_count(&loader.shared), 1);
    }

    #[test]
    fn an_image_that_vanishes_between_passes_ends_the_run_unless_it_was_kept() {
        let dir = twenty();
        let forgets = loader(dir.path(), options(4, 2, 0));
        let keeps = loader(dir.path(), options(4, 2, 1 << 20));
        for loader in [&forgets, &keeps] {
            assert!(loader.pass_all(&go()).unwrap().all(|batch| batch.is_ok()));
        }
        fs::remove_file(dir.path().join("07.png")).unwrap();
        assert!(keeps.pass_all(&go()).unwrap().all(|batch| batch.is_ok()));
        let error = forgets.pass_all(&go()).unwrap().find_map(Result::err).unwrap();
        assert!(error.to_string().contains("07.png") && error.advice().unwrap().contains("could be read before"));
    }

    #[test]
    fn a_set_with_no_readable_image_gives_no_batch_and_an_error_that_says_why() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.jpg"), b"").unwrap();
        fs::write(dir.path().join("b.jpg"), b"\xff\xd8\xff").unwrap();
        let loader = loader(dir.path(), options(2, 2, 0));
        assert!(loader.pass_all(&go()).unwrap().next().is_none());
        let error = loader.nothing_readable();
        assert!(error.to_string().contains("none of 2 images can be read; the first, a.jpg: file is empty"), "{error}");
        assert_eq!(loader.input_size().unwrap_err().kind(), Kind::Input);
        assert!(loader.load(0).unwrap_err().to_string().starts_with("a.jpg: file is empty"));
        assert_eq!(loader.load(2).unwrap_err().kind(), Kind::Internal);
    }
}
