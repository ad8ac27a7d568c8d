//! Opening a weight file of any supported container, told by its content.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::Bytes;

use super::container::{Container, Contents, PassedOver};
use super::data_file::DataFile;
use super::onnx_graph::OnnxGraph;
use super::tensor::Tensor;
use super::{onnx, other, safetensors, torch, torch_zip, zip};
use crate::error::{Error, Kind, Result};
use crate::{files, hash};

/// An opened weight file: its tensors by name, in file order, not yet converted.
///
/// The file stays memory-mapped while the archive or one of its tensors lives, so it must not be truncated meanwhile.
pub struct Archive {
    path: PathBuf,
    source: Bytes,
    contents: Contents,
    sha256: OnceLock<String>,
}

/// Opens a weight file and checks all sizes it declares; no element is converted and nothing is executed.
///
/// # Errors
/// [`crate::error::Kind::Input`], with the path, if the file cannot be read, is of no supported container, or lies
/// about itself.
pub fn open(path: &Path) -> Result<Archive> {
    open_at(path, None)
}

/// Like [`open`], for a file of PyTorch with several dicts of weights: `key` is the name of one, with a dot for each step
/// inwards, such as `ema` or `state.model`; `.` is the outermost.
///
/// # Errors
/// As [`open`]; [`crate::error::Kind::Usage`] for a key where nothing can be chosen.
pub fn open_at(path: &Path, key: Option<&str>) -> Result<Archive> {
    let source = map(path)?;
    let contents = parse(&source, path, key).map_err(|error| error.at(path.display()))?;
    Ok(Archive { path: path.to_owned(), source, contents, sha256: OnceLock::new() })
}

impl Archive {
    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How the file is packed.
    pub fn container(&self) -> Container {
        self.contents.container
    }

    /// The tensors, in file order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.contents.tensors
    }

    /// Keys and values stored beside the tensors; only safetensors files have them. Sorted by key.
    pub fn metadata(&self) -> &[(String, String)] {
        &self.contents.metadata
    }

    /// What the file holds beside its tensors and was not read.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.contents.passed_over
    }

    /// Files beside this one that hold some of its data; only ONNX files have them.
    pub fn data_files(&self) -> &[DataFile] {
        &self.contents.data_files
    }

    /// The operators of an ONNX file.
    pub fn graph(&self) -> Option<&OnnxGraph> {
        self.contents.graph.as_ref()
    }

    /// Size of the file.
    pub fn file_bytes(&self) -> usize {
        self.source.len()
    }

    /// SHA-256 of the whole file in lower-case hexadecimal, computed once.
    pub fn sha256(&self) -> &str {
        self.sha256.get_or_init(|| hash::sha256(&self.source))
    }
}

/// Maps a regular file into memory.
pub(super) fn map(path: &Path) -> Result<Bytes> {
    // Asked before opening: opening a pipe would wait for somebody to write.
    let about = files::about(path)?;
    if !about.is_file() {
        return Err(Error::input("not a regular file; needed a weight file").at(path.display()));
    }
    if about.len() == 0 {
        return Err(Error::input("the file is empty; needed a weight file").at(path.display()));
    }
    // That nobody may truncate the file meanwhile is said at `Archive`; it is the price of not holding 528 MB twice.
    Ok(Bytes::from_owner(files::map(path)?))
}

/// Reads a whole container from memory; `path` is where the file lies.
pub(super) fn parse(source: &Bytes, path: &Path, key: Option<&str>) -> Result<Contents> {
    let contents = if zip::is_zip(source) {
        torch_zip::read(source, path, key)?
    } else if torch::is_legacy(source) {
        torch::read_legacy(source, key)?
    } else if safetensors::is_safetensors(source) {
        safetensors::read(source)?
    } else if let Some(error) = other::recognise(source, path) {
        return Err(error);
    } else {
        onnx::read(source, path)?
    };
    if key.is_some() && !matches!(contents.container, Container::TorchZip | Container::TorchLegacy) {
        let message = format!("`--key` chooses in a file of PyTorch; this is {}", contents.container);
        return Err(Error::new(Kind::Usage, message));
    }
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_and_a_folder_are_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(open(file.path()).err().unwrap().to_string().ends_with("the file is empty; needed a weight file"));
        assert!(open(&std::env::temp_dir()).is_err());
    }
}
