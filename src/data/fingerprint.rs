//! Hashes by which images and label maps are known again: a run goes on, or is done, only where they are the same.

use std::fs::Metadata;
use std::path::Path;
use std::time::UNIX_EPOCH;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::files;
use crate::hash::hexadecimal;

/// Files of more bytes in all are not read for their fingerprint.
const HASHED_BYTES: u64 = 4 << 30;

/// SHA-256 over names and contents of files in order, as hexadecimal digits.
///
/// They are read on all cores: of pictures, decoding takes many times as long. Where they are more than [`HASHED_BYTES`] in all, size and
/// time of the last change stand for the content. A file that cannot be read counts as such, so it changes the fingerprint when it can.
pub(crate) fn fingerprint<'a>(named: impl Iterator<Item = (&'a str, &'a Path)>) -> String {
    let named: Vec<(&str, &Path)> = named.collect();
    let found: Vec<_> = named.par_iter().map(|(_, path)| files::about(path).ok()).collect();
    let bytes = found.iter().flatten().map(Metadata::len).fold(0u64, u64::saturating_add);
    let stamp = |about: &Metadata| -> [u8; 32] {
        let changed = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Sha256::digest(format!("{} {:?}", about.len(), changed)).into()
    };
    let marks: Vec<Option<[u8; 32]>> = match bytes {
        0..=HASHED_BYTES => named.par_iter().map(|(_, path)| files::sha256(path).ok()).collect(),
        _ => found.iter().map(|about| about.as_ref().map(stamp)).collect(),
    };
    let mut hash = Sha256::new();
    for ((name, _), mark) in named.iter().zip(marks) {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name.as_bytes());
        hash.update([u8::from(mark.is_some())]);
        hash.update(mark.unwrap_or_default());
    }
    hexadecimal(hash.finalize())
}
