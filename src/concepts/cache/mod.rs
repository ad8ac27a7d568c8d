//! Label maps on disk, so that an image goes through a segmentation network once.
//!
//! What is kept is what the network said ([`RawLabels`]), so that another numbering or another rule for halves does not throw it
//! away. An entry is found by its content: `labels/<first 16 hex of sha256(key)>/<first 2 hex of the image's>/<the image's 64 hex>`
//! below the cache folder, where the key is everything else that decides the result. Entries are written whole or not at all, and
//! whatever is read is checked, so several processes may share a folder.

mod entry;
mod sweep;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::parsing::RawLabels;
use super::{ConceptInput, Pixels};
use crate::error::Result;
use crate::files;
use crate::hash::hexadecimal;

pub use sweep::{Kept, KeptNetwork, remove, survey};

/// Folder of the label maps below the cache folder.
const FOLDER: &str = "labels";

/// What a network's folder is kept for, for people: the key in words.
const KEY_FILE: &str = "key.json";

/// A use is noted if the last one noted is longer ago than this, so that most hits write nothing.
const NOTE_USE_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// Characters of a network's folder: 64 bits of its key tell more networks apart than anybody has.
const NETWORK_HEX: usize = 16;

/// What an image is told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageHash([u8; 32]);

impl ImageHash {
    /// Of an image's size and pixels. Its name does not matter.
    pub fn of(image: &ConceptInput<'_>) -> ImageHash {
        let (h, w) = (image.h.to_le_bytes(), image.w.to_le_bytes());
        match image.pixels {
            Pixels::Rgb(bytes) => ImageHash::of_parts(&[b"rgb", &h, &w, bytes]),
            Pixels::Signed(planes) => ImageHash::of_parts(&[b"signed", &h, &w, bytemuck::cast_slice(planes)]),
        }
    }

    /// Of whatever an image follows from, for images whose pixels are not at hand: a generator's weights, latent and edits.
    pub fn of_parts(parts: &[&[u8]]) -> ImageHash {
        let mut sha = Sha256::new();
        for part in parts {
            sha.update((part.len() as u64).to_le_bytes());
            sha.update(part);
        }
        ImageHash(sha.finalize().into())
    }

    /// Of the same image on a grid of `(rows, columns)`.
    #[must_use]
    pub fn on(self, grid: (u32, u32)) -> ImageHash {
        ImageHash::of_parts(&[&self.0, &grid.0.to_le_bytes(), &grid.1.to_le_bytes()])
    }

    fn hex(self) -> String {
        hexadecimal(self.0)
    }
}

/// The kept label maps of one network at one setting.
#[derive(Debug)]
pub struct LabelCache {
    /// Where entries lie; none if there is no folder for caches.
    folder: Option<PathBuf>,
    key: serde_json::Value,
    key_sha256: [u8; 32],
    hits: AtomicU64,
    misses: AtomicU64,
    trouble: Mutex<Trouble>,
}

/// Why nothing is written any more.
#[derive(Debug, Default)]
enum Trouble {
    #[default]
    None,
    Untold(String),
    Told,
}

impl LabelCache {
    /// The cache below this folder; without one nothing is ever found or kept. `key` holds everything but the image and the grid that
    /// decides what the network says: hashes of the weights, heads, sizes, versions of rules.
    pub fn within(cache_dir: Option<&Path>, mut key: serde_json::Value) -> LabelCache {
        key.sort_all_objects();
        let key_sha256: [u8; 32] = Sha256::digest(key.to_string()).into();
        let folder = cache_dir.map(|dir| dir.join(FOLDER).join(&hexadecimal(key_sha256)[..NETWORK_HEX]));
        LabelCache {
            folder,
            key,
            key_sha256,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            trouble: Mutex::default(),
        }
    }

    /// What the network said of an image, if it is kept. An entry that is damaged, of another version or of another key is as good
    /// as none.
    pub fn get(&self, image: &ImageHash) -> Option<RawLabels> {
        let found = self.path(image).and_then(|path| self.read(&path, image));
        let count = if found.is_some() { &self.hits } else { &self.misses };
        count.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Keeps what the network said of an image, in place of what was kept. If that cannot be written nothing more is, and
    /// [`LabelCache::trouble`] says why.
    pub fn put(&self, image: &ImageHash, labels: &RawLabels) {
        if matches!(self.trouble.lock().as_deref(), Ok(Trouble::None))
            && let Err(error) = self.write(image, labels)
            && let Ok(mut trouble) = self.trouble.lock()
        {
            *trouble = Trouble::Untold(format!("label maps are no longer kept for later runs: {error}"));
        }
    }

    /// Why label maps are not kept any more; says so once.
    pub fn trouble(&self) -> Option<String> {
        let mut trouble = self.trouble.lock().ok()?;
        match std::mem::replace(&mut *trouble, Trouble::Told) {
            Trouble::Untold(text) => Some(text),
            other => {
                *trouble = other;
                None
            }
        }
    }

    /// Images found and images not found so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    fn path(&self, image: &ImageHash) -> Option<PathBuf> {
        let name = image.hex();
        Some(self.folder.as_ref()?.join(&name[..2]).join(name))
    }

    fn read(&self, path: &Path, image: &ImageHash) -> Option<RawLabels> {
        let mut file = files::open(path).ok()?;
        let about = file.metadata().ok()?;
        if !about.is_file() || about.len() > entry::BYTES_MAX {
            return None;
        }
        let mut bytes = Vec::with_capacity(about.len() as usize);
        file.read_to_end(&mut bytes).ok()?;
        let labels = entry::decode(&bytes, &self.key_sha256, &image.0)?;
        note_use(path, about.modified().ok());
        Some(labels)
    }

    fn write(&self, image: &ImageHash, labels: &RawLabels) -> Result<()> {
        let (Some(folder), Some(path)) = (&self.folder, self.path(image)) else { return Ok(()) };
        let bytes = entry::encode(labels, &self.key_sha256, &image.0)?;
        // Nearly always the folder is there; making it first would cost each entry a look.
        files::write_atomic_unsynced(&path, &bytes).or_else(|_| {
            path.parent().map_or(Ok(()), files::make_folder)?;
            let key = folder.join(KEY_FILE);
            if !files::exists(&key) {
                // Only people read it.
                let _ = files::write_atomic(&key, format!("{:#}\n", self.key).as_bytes());
            }
            files::write_atomic_unsynced(&path, &bytes)
        })
    }
}

/// Notes that an entry was used, by the time of its file. Where that is not allowed it only looks older than it is.
fn note_use(path: &Path, last: Option<SystemTime>) {
    let now = SystemTime::now();
    let recent = last.and_then(|last| now.duration_since(last).ok()).is_none_or(|age| age < NOTE_USE_EVERY);
    if !recent {
        let _ = files::set_modified(path, now);
    }
}

#[cfg(test)]
mod tests;
