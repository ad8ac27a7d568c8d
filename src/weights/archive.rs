//! Opening a weight file of any supported container, told by its content.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use prost::bytes::Bytes;

use super::container::{Container, Contents};
use super::onnx_graph::OnnxGraph;
use super::tensor::{Tensor, quote};
use super::{onnx, safetensors, torch, torch_zip};
use crate::error::{Error, Result};
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
    let source = map(path)?;
    let contents = parse(&source).map_err(|error| error.at(path.display()))?;
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

/// Reads a whole container from memory.
pub(super) fn parse(source: &Bytes) -> Result<Contents> {
    let contents = if torch_zip::is_zip(source) {
        torch_zip::read(source)?
    } else if torch::is_legacy(source) {
        torch::read_legacy(source)?
    } else if safetensors::is_safetensors(source) {
        safetensors::read(source)?
    } else if let Some(error) = recognise_other(source) {
        return Err(error);
    } else {
        onnx::read(source)?
    };
    let mut seen = HashSet::new();
    match contents.tensors.iter().find(|tensor| !seen.insert(tensor.name())) {
        Some(tensor) => Err(Error::input(format!("tensor {} is there twice", quote(tensor.name())))),
        None => Ok(contents),
    }
}

/// Files that users mistake for weights, by their first bytes.
fn recognise_other(source: &[u8]) -> Option<Error> {
    let needed = "needed a .pth, .safetensors, .onnx or .npz file";
    let known: [(&[u8], &str, &str); 6] = [
        (b"\x80", "a pickle that PyTorch did not write", "save it again with `torch.save(model.state_dict(), FILE)`"),
        (b"\x89HDF", "an HDF5 (Keras) file", "export the network to ONNX and import that"),
        (b"<", "a web page or XML", "the download probably failed: look at the file in a text editor"),
        (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "fetch it with `git lfs pull`"),
        (b"\x1f\x8b", "compressed with gzip", "unpack it with `gunzip` first"),
        (b"7z\xbc\xaf", "a 7z archive", "unpack it first"),
    ];
    let (_, found, hint) = known.into_iter().find(|(magic, ..)| source.starts_with(magic))?;
    Some(Error::input(format!("this is {found}; {needed}")).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_another_kind_are_named() {
        for (bytes, word) in [
            (&b"<!DOCTYPE html>"[..], "web page"),
            (b"\x89HDF\r\n\x1a\n", "Keras"),
            (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
            (b"\x80\x02}q\x00.", "PyTorch did not write"),
            (b"7z\xbc\xaf\x27\x1c", "7z"),
            (b"hello, world", "not a .pth"),
        ] {
            let error = parse(&Bytes::from_static(bytes)).err().unwrap();
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn an_empty_file_and_a_folder_are_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(open(file.path()).err().unwrap().to_string().ends_with("the file is empty; needed a weight file"));
        assert!(open(&std::env::temp_dir()).is_err());
    }
}
