//! Batches of images, decoded on CPU threads ahead of whoever consumes them.

use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

pub use super::batches::{Batch, Batches};
use super::format::READ;
use super::images::ImageSet;
pub use super::store::{LoadOptions, LoadedImage};
use super::store::{Readability, Store};
use crate::error::{Error, Kind, Result};
use crate::progress::check_stop;

/// A file that could not be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Name in the set: its path relative to the image folder.
    pub name: String,
    /// What was wrong with it.
    pub reason: String,
}

/// Loads the images of a set, as often as needed.
///
/// Images that will not decode are left out of every pass in the same way and listed once, in [`ImageLoader::skipped`].
pub struct ImageLoader {
    store: Arc<Store>,
}

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
        Ok(ImageLoader { store: Arc::new(Store { set, options, known: Mutex::default() }) })
    }

    /// The set that is loaded.
    pub fn set(&self) -> &ImageSet {
        &self.store.set
    }

    /// How it is loaded.
    pub fn options(&self) -> &LoadOptions {
        &self.store.options
    }

    /// One image, for a picture in a report or a strip.
    ///
    /// # Errors
    /// [`Kind::Input`] naming the image if it cannot be decoded; [`Kind::Internal`] if there is no such index.
    pub fn load(&self, index: usize) -> Result<LoadedImage> {
        let Some(item) = self.set().items.get(index) else {
            return Err(Error::internal(format!("image {index} asked for of {}", self.set().len())));
        };
        let outcome = self.store.prepared(index)?;
        let image = outcome.map_err(|reason| Error::input(reason).at(&item.name))?;
        Ok(self.store.loaded(index, image))
    }

    /// The images of `range` (clipped to the set), in order, batch by batch. Cheap to call again.
    ///
    /// `stop` ends them with [`Kind::Interrupted`] before the next image.
    ///
    /// # Errors
    /// [`Kind::OutOfMemory`] if no decoding thread can be started.
    pub fn batches_of(&self, range: Range<usize>, stop: &Arc<AtomicBool>) -> Result<Batches> {
        let end = range.end.min(self.set().len());
        Batches::start(&self.store, range.start.min(end)..end, stop)
    }

    /// All images; see [`ImageLoader::batches_of`].
    ///
    /// # Errors
    /// As [`ImageLoader::batches_of`].
    pub fn batches_of_all(&self, stop: &Arc<AtomicBool>) -> Result<Batches> {
        self.batches_of(0..self.set().len(), stop)
    }

    /// The images that could not be decoded so far, each once, in the order of the set.
    pub fn skipped(&self) -> Vec<Skipped> {
        let known = self.store.known();
        let bad = known.images.iter().filter_map(|(&index, seen)| match seen {
            Readability::Bad(reason) => {
                Some(Skipped { name: self.set().items[index].name.clone(), reason: reason.clone() })
            }
            Readability::Readable | Readability::Kept(_) => None,
        });
        bad.collect()
    }

    /// All images that cannot be decoded, where `counted` of the set can. A run that was stopped and taken up does not come by what it
    /// counted before: while some are missing, the images are looked at once more.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] if the user asks to stop; else as [`ImageLoader::batches_of`] and its batches.
    pub fn all_skipped(&self, counted: usize, stop: &AtomicBool) -> Result<Vec<Skipped>> {
        let wanted = self.set().len().saturating_sub(counted);
        let all_known = || self.skipped().len() >= wanted;
        if !all_known() {
            for batch in self.batches_of_all(&Arc::default())? {
                check_stop(stop)?;
                batch?;
                if all_known() {
                    break;
                }
            }
        }
        Ok(self.skipped())
    }

    /// The error of a run in which no image could be read: how many were tried, and what was wrong with the first.
    pub fn nothing_readable(&self) -> Error {
        let skipped = self.skipped();
        // The reason says already what allows it.
        let hint = match skipped.iter().all(|bad| bad.reason.contains("--max-pixels")) && !skipped.is_empty() {
            true => "pass the `--max-pixels` that is told, or make the images smaller first".to_owned(),
            false => format!("images must be whole {READ} files"),
        };
        let first =
            skipped.first().map_or_else(String::new, |bad| format!("; the first, {}: {}", bad.name, bad.reason));
        Error::input(format!("none of {} images can be read{first}", self.set().len()))
            .at(self.set().root.display())
            .hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::atomic::Ordering;

    use image::RgbImage as Picture;

    use super::super::decode::Exif;
    use super::super::framing::Geometry;
    use super::super::images::Order;
    use super::*;
    use crate::preprocess::Preprocess;

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
        ImageLoader::new(ImageSet::open(&[folder.to_owned()], Order::Sorted).unwrap(), options).unwrap()
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
                let batches: Vec<Batch> = loader.batches_of_all(&go()).unwrap().collect::<Result<_>>().unwrap();
                let items: Vec<&LoadedImage> = batches.iter().flat_map(|batch| &batch.items).collect();
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
            assert_eq!(skipped.iter().map(|bad| bad.name.as_str()).collect::<Vec<_>>(), ["05.png", "11.png"]);
            assert_eq!(skipped[1].reason, "content is not a JPEG, PNG, WebP, GIF, BMP or PNM image");
        }
    }

    #[test]
    fn a_range_is_clipped_and_keeps_the_indices_of_the_whole_set() {
        let dir = twenty();
        let loader = loader(dir.path(), options(3, 2, 0));
        let indices = |range| -> Vec<usize> {
            let batches = loader.batches_of(range, &go()).unwrap();
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
        let mut batches = loader.batches_of_all(&go()).unwrap();
        let error = batches.find_map(Result::err).unwrap();
        assert!(batches.next().is_none());
        assert_eq!(error.kind(), Kind::Input);
        let text = error.to_string();
        assert!(["13.png", "3x5", "00.png", "3x4"].iter().all(|part| text.contains(part)), "{text}");
        let resizing = LoadOptions { geometry: Geometry::ResizeCrop { resize: 8, crop: 6 }, ..*loader.options() };
        let loader = ImageLoader::new(loader.set().clone(), resizing).unwrap();
        assert_eq!(loader.batches_of_all(&go()).unwrap().map(|batch| batch.unwrap().items.len()).sum::<usize>(), 18);
    }

    #[test]
    fn a_stop_ends_the_pass_and_an_abandoned_pass_leaves_no_thread_behind() {
        let dir = twenty();
        let loader = loader(dir.path(), options(2, 3, 0));
        let stop = go();
        let mut batches = loader.batches_of_all(&stop).unwrap();
        batches.next().unwrap().unwrap();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(batches.next().unwrap().unwrap_err().kind(), Kind::Interrupted);
        assert!(batches.next().is_none());
        drop(batches);
        drop(loader.batches_of_all(&go()).unwrap());
        assert_eq!(Arc::strong_count(&loader.store), 1);
    }

    #[test]
    fn an_image_that_vanishes_between_passes_ends_the_run_unless_it_was_kept() {
        let dir = twenty();
        let forgets = loader(dir.path(), options(4, 2, 0));
        let keeps = loader(dir.path(), options(4, 2, 1 << 20));
        for loader in [&forgets, &keeps] {
            assert!(loader.batches_of_all(&go()).unwrap().all(|batch| batch.is_ok()));
        }
        fs::remove_file(dir.path().join("07.png")).unwrap();
        assert!(keeps.batches_of_all(&go()).unwrap().all(|batch| batch.is_ok()));
        let error = forgets.batches_of_all(&go()).unwrap().find_map(Result::err).unwrap();
        assert!(error.to_string().contains("07.png") && error.advice().unwrap().contains("could be read before"));
    }

    #[test]
    fn what_was_skipped_is_found_again_by_a_loader_that_saw_only_the_rest() {
        let dir = twenty();
        let late = loader(dir.path(), options(2, 2, 0));
        assert!(late.batches_of(8..20, &go()).unwrap().all(|batch| batch.is_ok()));
        let names = |skipped: Vec<Skipped>| skipped.into_iter().map(|bad| bad.name).collect::<Vec<_>>();
        assert_eq!(names(late.skipped()), ["11.png"]);
        assert_eq!(late.all_skipped(18, &AtomicBool::new(true)).unwrap_err().kind(), Kind::Interrupted);
        let late = loader(dir.path(), options(2, 2, 0));
        assert_eq!(names(late.all_skipped(20, &AtomicBool::new(true)).unwrap()), [""; 0], "nothing is missing");
        assert_eq!(names(late.all_skipped(18, &AtomicBool::new(false)).unwrap()), ["05.png", "11.png"]);
    }

    #[test]
    fn a_set_with_no_readable_image_gives_no_batch_and_an_error_that_says_why() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.jpg"), b"").unwrap();
        fs::write(dir.path().join("b.jpg"), b"\xff\xd8\xff").unwrap();
        let loader = loader(dir.path(), options(2, 2, 0));
        assert!(loader.batches_of_all(&go()).unwrap().next().is_none());
        let error = loader.nothing_readable();
        assert!(error.to_string().contains("none of 2 images can be read; the first, a.jpg: file is empty"), "{error}");
        assert!(loader.load(0).unwrap_err().to_string().starts_with("a.jpg: file is empty"));
        assert_eq!(loader.load(2).unwrap_err().kind(), Kind::Internal);
        assert!(error.advice().unwrap().starts_with("images must be whole JPEG"));
    }

    #[test]
    fn where_all_images_are_too_large_the_advice_is_the_option_that_allows_them() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.pgm"), b"P5 60000 60000 255\n").unwrap();
        let loader = loader(dir.path(), options(2, 2, 0));
        assert!(loader.batches_of_all(&go()).unwrap().next().is_none());
        let error = loader.nothing_readable();
        assert!(error.advice().unwrap().starts_with("pass the `--max-pixels`"), "{error}: {:?}", error.advice());
    }
}
