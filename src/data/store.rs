//! The images of a set one by one: decoded and prepared, remembered where there is room, and what is wrong with the rest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::decode::{self, Exif};
use super::framing::{Geometry, Prepared, prepare};
use super::images::ImageSet;
use crate::error::{Error, Result};
use crate::preprocess::Preprocess;

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
pub struct LoadedImage {
    /// Position in the whole set, skipped images counted.
    pub index: usize,
    /// Name in the set.
    pub name: String,
    /// What the network sees, before normalisation.
    pub image: Arc<Prepared>,
}

pub(super) struct Store {
    pub(super) set: ImageSet,
    pub(super) options: LoadOptions,
    pub(super) known: Mutex<Known>,
}

/// What earlier passes learned.
#[derive(Default)]
pub(super) struct Known {
    pub(super) images: BTreeMap<usize, Readability>,
    kept_bytes: u64,
    /// Name and size of the first image, which all others must share when nothing is resized.
    size: Option<(String, u32, u32)>,
}

#[derive(Clone)]
pub(super) enum Readability {
    Readable,
    Kept(Arc<Prepared>),
    Bad(String),
}

/// What became of one image: its pixels, or why there are none.
pub(super) type Decoded = Result<Arc<Prepared>, String>;

impl Store {
    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        // The map is never left half changed, so a panic elsewhere does not spoil it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pixels of one image, from memory or from its file, or why it has to be skipped.
    ///
    /// An error ends the run: an image that an earlier pass counted is gone, so the passes would not agree.
    pub(super) fn prepared(&self, index: usize) -> Result<Decoded> {
        let seen = self.known().images.get(&index).cloned();
        match &seen {
            Some(Readability::Kept(image)) => return Ok(Ok(Arc::clone(image))),
            Some(Readability::Bad(reason)) => return Ok(Err(reason.clone())),
            Some(Readability::Readable) | None => {}
        }
        let item = &self.set.items[index];
        match decode::decode_with(&item.path, self.options.exif, |image| prepare(image, self.options.geometry)) {
            Ok(image) => {
                // One of another size ends the run: it need not wait for its turn in memory, however large it is.
                self.check_size(&item.name, (image.h, image.w), false)?;
                Ok(Ok(self.remember(index, image)))
            }
            Err(error) if seen.is_some() => {
                Err(error.hint("this image could be read before; do not change the images while they are dissected"))
            }
            Err(error) => {
                let text = error.to_string();
                let place = format!("{}: ", item.path.display());
                let reason = text.strip_prefix(&place).unwrap_or(&text).to_owned();
                self.known().images.insert(index, Readability::Bad(reason.clone()));
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
                return Readability::Readable;
            }
            known.kept_bytes = bytes;
            Readability::Kept(Arc::clone(&image))
        });
        image
    }

    pub(super) fn loaded(&self, index: usize, image: Arc<Prepared>) -> LoadedImage {
        let item = &self.set.items[index];
        LoadedImage { index, name: item.name.clone(), image }
    }

    /// Checks that an image has the size of all others.
    pub(super) fn admit(&self, loaded: &LoadedImage) -> Result<()> {
        self.check_size(&loaded.name, (loaded.image.h, loaded.image.w), true)
    }

    /// Checks a size against that of the first image; `is_first` where this may be the first.
    fn check_size(&self, name: &str, (h, w): (u32, u32), is_first: bool) -> Result<()> {
        let known = &mut *self.known();
        if is_first {
            known.size.get_or_insert_with(|| (name.to_owned(), h, w));
        }
        let Some((first, first_h, first_w)) = &known.size else { return Ok(()) };
        if (h, w) == (*first_h, *first_w) {
            return Ok(());
        }
        Err(Error::input(format!(
            "image is {h}x{w} and {first} is {first_h}x{first_w}; without resizing all must share one size"
        ))
        .at(name)
        .hint("leave `--as-is` out to resize them all"))
    }
}
