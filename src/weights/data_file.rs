//! Files beside a weight file that hold some of its data.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::hash;

/// A file beside a weight file that holds some of its data.
pub struct DataFile {
    name: String,
    source: Bytes,
    sha256: OnceLock<String>,
}

impl DataFile {
    pub(super) fn new(name: String, source: Bytes) -> Self {
        DataFile { name, source, sha256: OnceLock::new() }
    }

    /// Its name in the folder of the weight file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Size of the file in bytes.
    pub fn file_bytes(&self) -> usize {
        self.source.len()
    }

    /// SHA-256 of the whole file in lower-case hexadecimal, computed once.
    pub fn sha256(&self) -> &str {
        self.sha256.get_or_init(|| hash::sha256(&self.source))
    }
}
