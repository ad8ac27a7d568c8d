//! What the cache holds, and removing some of it. Links are not followed, and what is not an entry is left alone.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs::{DirEntry, File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::entry::MAGIC;
use super::{FOLDER, KEY_FILE, NETWORK_HEX};
use crate::error::Result;
use crate::files;
use crate::hash::hexadecimal;

/// A temporary file this old belongs to no running process.
const PARTIAL_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// The kept label maps of one network at one setting.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptNetwork {
    /// Name of its folder.
    pub folder: String,
    /// The key, if it can be read.
    pub key: Option<serde_json::Value>,
    /// Its entries, those used last first.
    pub entries: Vec<Kept>,
}

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Its size.
    pub bytes: u64,
    /// When it was last used, to the day.
    pub used: SystemTime,
    image: [u8; 32],
}

impl KeptNetwork {
    /// Bytes of all entries.
    pub fn bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.bytes).sum()
    }

    /// Splits off what is not to be kept: entries not used for `older_than`, and the least recently used of the rest where all
    /// networks together exceed `keep` bytes.
    pub fn beyond(networks: &[KeptNetwork], keep: Option<u64>, older_than: Option<Duration>) -> Vec<KeptNetwork> {
        let now = SystemTime::now();
        let age = |entry: &Kept| now.duration_since(entry.used).unwrap_or_default();
        let mut all: Vec<(usize, &Kept)> = networks
            .iter()
            .enumerate()
            .flat_map(|(at, network)| network.entries.iter().map(move |e| (at, e)))
            .collect();
        all.sort_by_key(|(_, entry)| (Reverse(entry.used), entry.image));
        let mut beyond: Vec<KeptNetwork> =
            networks.iter().map(|network| KeptNetwork { entries: Vec::new(), ..network.clone() }).collect();
        let mut kept = 0;
        for (at, entry) in all {
            let old = older_than.is_some_and(|limit| age(entry) > limit);
            if old || keep.is_some_and(|limit| kept + entry.bytes > limit) {
                beyond[at].entries.push(*entry);
            } else {
                kept += entry.bytes;
            }
        }
        beyond.retain(|network| !network.entries.is_empty());
        beyond
    }
}

/// All label maps below a cache folder, by network. What is not there or cannot be listed counts as empty.
pub fn survey(cache_dir: &Path) -> Vec<KeptNetwork> {
    let mut networks: Vec<KeptNetwork> = folders(&cache_dir.join(FOLDER), NETWORK_HEX)
        .into_iter()
        .map(|(folder, path)| {
            let key =
                files::read_to_string(&path.join(KEY_FILE)).ok().and_then(|text| serde_json::from_str(&text).ok());
            let mut entries: Vec<Kept> =
                folders(&path, 2).iter().flat_map(|(begin, path)| entries(begin, path)).collect();
            entries.sort_by_key(|entry| (Reverse(entry.used), entry.image));
            KeptNetwork { folder, key, entries }
        })
        .collect();
    networks.sort_by(|a, b| a.folder.cmp(&b.folder));
    networks
}

/// Removes entries of networks, with the folders they leave empty and what killed processes left half-written. An entry that is
/// gone already, or is no entry any more, is passed over. Returns how many entries and bytes were removed.
///
/// # Errors
/// [`crate::error::Kind::Output`] if an entry cannot be removed.
pub fn remove(cache_dir: &Path, networks: &[KeptNetwork]) -> Result<(u64, u64)> {
    let (mut count, mut bytes) = (0, 0);
    for network in networks {
        let folder = cache_dir.join(FOLDER).join(&network.folder);
        if !is_folder(&cache_dir.join(FOLDER)) || !is_folder(&folder) {
            continue;
        }
        let mut touched = BTreeSet::new();
        for entry in &network.entries {
            let name = hexadecimal(entry.image);
            let below = folder.join(&name[..2]);
            let path = below.join(&name);
            if is_folder(&below) && is_entry(&path) {
                files::remove(&path)?;
                (count, bytes) = (count + 1, bytes + entry.bytes);
            }
            touched.insert(below);
        }
        touched.iter().for_each(|folder| tidy(folder));
        if folders(&folder, 2).is_empty() {
            // Only with its entries gone does the key say nothing; a folder that holds anything else stays.
            let key = folder.join(KEY_FILE);
            if is_plain_file(&key) {
                let _ = files::remove(&key);
            }
            tidy(&folder);
        }
    }
    let _ = files::remove_empty_folder(&cache_dir.join(FOLDER));
    Ok((count, bytes))
}

/// Removes old temporary files of a folder, and the folder if it is empty then.
fn tidy(folder: &Path) {
    for entry in listed(folder) {
        let old = files::about_unfollowed(&entry.path())
            .ok()
            .filter(Metadata::is_file)
            .and_then(|about| about.modified().ok()?.elapsed().ok());
        if entry.file_name().to_str().is_some_and(files::is_partial) && old.is_some_and(|age| age > PARTIAL_AGE) {
            let _ = files::remove(&entry.path());
        }
    }
    // Refused where something is left.
    let _ = files::remove_empty_folder(folder);
}

/// Real folders below `path` whose names are so many hexadecimal digits.
fn folders(path: &Path, digits: usize) -> Vec<(String, PathBuf)> {
    if !is_folder(path) {
        return Vec::new();
    }
    let named = |entry: DirEntry| Some((entry.file_name().into_string().ok()?, entry.path()));
    let mut found: Vec<_> =
        listed(path).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).filter_map(named).collect();
    found.retain(|(name, _)| name.len() == digits && is_hex(name));
    found
}

/// Entries of a folder of images whose hashes begin with `begin`.
fn entries(begin: &str, path: &Path) -> Vec<Kept> {
    let kept = |entry: DirEntry| {
        let name = entry.file_name().into_string().ok().filter(|name| name.starts_with(begin))?;
        let image = hash_of(&name)?;
        // Of the link itself, if it is one.
        let about = files::about_unfollowed(&entry.path()).ok().filter(Metadata::is_file)?;
        is_entry(&entry.path()).then(|| Kept {
            bytes: about.len(),
            used: about.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            image,
        })
    };
    listed(path).filter_map(kept).collect()
}

fn listed(path: &Path) -> impl Iterator<Item = DirEntry> {
    files::list(path).into_iter().flatten().flatten()
}

fn is_folder(path: &Path) -> bool {
    files::about_unfollowed(path).is_ok_and(|about| about.is_dir())
}

fn is_plain_file(path: &Path) -> bool {
    files::about_unfollowed(path).is_ok_and(|about| about.is_file())
}

/// Whether a file begins as an entry does, of whichever version. A link does not count.
fn is_entry(path: &Path) -> bool {
    let begins = |mut file: File| {
        let mut head = [0; MAGIC.len()];
        file.read_exact(&mut head).is_ok() && head == *MAGIC
    };
    is_plain_file(path) && files::open(path).is_ok_and(begins)
}

fn is_hex(name: &str) -> bool {
    name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The hash that 64 hexadecimal digits stand for.
fn hash_of(name: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if name.len() != 64 || !is_hex(name) {
        return None;
    }
    for (byte, digits) in hash.iter_mut().zip(name.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(hash)
}
