//! What is kept between runs, and removing it, as a job.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::concepts::cache::{self, KeptNetwork};
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::kernels::tune;

/// Everything that is kept between runs.
pub struct CacheContents {
    /// Where.
    pub folder: PathBuf,
    /// Label maps by the networks that spoke.
    pub networks: Vec<KeptNetwork>,
    /// Which kernels are fastest, if that was ever asked.
    pub tuning: Option<TuningChoices>,
}

/// The remembered choices of kernels.
pub struct TuningChoices {
    /// Their file.
    path: PathBuf,
    /// Convolutions that were tuned.
    pub choices: usize,
    /// Bytes of the file.
    pub bytes: u64,
}

/// What is to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheJob {
    /// The label maps that were not used for longest.
    Prune {
        /// Bytes that label maps may take after it.
        keep: Option<u64>,
        /// Age beyond which label maps go.
        older_than: Option<Duration>,
    },
    /// All label maps.
    Clean {
        /// Which kernels are fastest, too.
        tuning: bool,
    },
}

/// What is gone, or would be, and what is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheRemoval {
    /// Where.
    pub folder: PathBuf,
    /// Images whose label maps are gone.
    pub images: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Convolutions whose choice is forgotten, if any are.
    pub tuning: Option<usize>,
    /// Images whose label maps are left.
    pub left_images: usize,
    /// Their bytes.
    pub left_bytes: u64,
}

/// The folder of everything that is kept.
///
/// # Errors
/// [`Kind::Usage`] if there is none.
pub fn folder() -> Result<PathBuf> {
    files::cache_dir().ok_or_else(|| {
        let error = Error::new(Kind::Usage, "there is no folder for caches: the home folder is not known");
        error.hint("name one with NETDISSECT_CACHE_DIR")
    })
}

/// Images and bytes of label maps.
pub fn totals(networks: &[KeptNetwork]) -> (usize, u64) {
    (networks.iter().map(|network| network.entries.len()).sum(), networks.iter().map(KeptNetwork::bytes).sum())
}

impl CacheContents {
    /// Looks.
    ///
    /// # Errors
    /// As [`folder`].
    pub fn survey() -> Result<CacheContents> {
        let folder = folder()?;
        Ok(CacheContents { networks: cache::survey(&folder), tuning: TuningChoices::read(&folder), folder })
    }

    /// Bytes in all.
    pub fn bytes(&self) -> u64 {
        totals(&self.networks).1 + self.tuning.as_ref().map_or(0, |tuning| tuning.bytes)
    }
}

impl TuningChoices {
    /// The file in this folder; none if it is not there, is a link, or holds something else.
    fn read(folder: &Path) -> Option<TuningChoices> {
        let path = folder.join(tune::FILE);
        let about = files::about_unfollowed(&path).ok().filter(std::fs::Metadata::is_file)?;
        let choices: serde_json::Map<String, Value> = serde_json::from_slice(&files::read(&path).ok()?).ok()?;
        // Adapter, driver, version and shape; what is chosen may be a kernel of another version.
        let ours = |key: &String| key.split(" | ").count() == 4;
        choices.keys().all(ours).then(|| TuningChoices { path, choices: choices.len(), bytes: about.len() })
    }
}

impl CacheJob {
    /// Removes.
    ///
    /// # Errors
    /// As [`folder`]; [`Kind::Output`] if something cannot be removed.
    pub fn perform(&self) -> Result<CacheRemoval> {
        let there = CacheContents::survey()?;
        let (images, bytes) = cache::remove(&there.folder, &self.networks(&there))?;
        if let Some(TuningChoices { path, .. }) = self.tuning(&there) {
            files::remove(path)?;
        }
        Ok(self.removal(&there, images as usize, bytes))
    }

    /// Says what would be removed.
    ///
    /// # Errors
    /// As [`folder`].
    pub fn estimate(&self) -> Result<CacheRemoval> {
        let there = CacheContents::survey()?;
        let (images, bytes) = totals(&self.networks(&there));
        Ok(self.removal(&there, images, bytes))
    }

    /// The label maps to remove.
    fn networks(&self, there: &CacheContents) -> Vec<KeptNetwork> {
        match *self {
            CacheJob::Prune { keep, older_than } => KeptNetwork::beyond(&there.networks, keep, older_than),
            CacheJob::Clean { .. } => there.networks.clone(),
        }
    }

    fn tuning<'a>(&self, there: &'a CacheContents) -> Option<&'a TuningChoices> {
        there.tuning.as_ref().filter(|_| *self == CacheJob::Clean { tuning: true })
    }

    fn removal(&self, there: &CacheContents, images: usize, bytes: u64) -> CacheRemoval {
        let (all_images, all_bytes) = totals(&there.networks);
        CacheRemoval {
            folder: there.folder.clone(),
            images,
            bytes,
            tuning: self.tuning(there).map(|tuning| tuning.choices),
            left_images: all_images.saturating_sub(images),
            left_bytes: all_bytes.saturating_sub(bytes),
        }
    }
}
