//! Imported weights, as every run but `weights import` and `weights inspect` uses them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::Bytes;

use super::archive::{map, parse};
use super::classes::class_list;
use super::container::Container;
use super::tensor::{Tensor, quote};
use super::{import, shipped};
use crate::error::{Error, Result};
use crate::hash;
use crate::preprocess::{Geometry, Preprocess};

/// A safetensors file that `netdissect weights import` wrote, memory-mapped, or one that is part of the program.
///
/// It must not be truncated by another process while it is open.
#[derive(Debug)]
pub struct WeightFile {
    path: PathBuf,
    source: Bytes,
    tensors: Vec<Tensor>,
    by_name: HashMap<String, usize>,
    metadata: Vec<(String, String)>,
    sha256: OnceLock<String>,
}

impl WeightFile {
    /// Opens an imported file, or one that [`shipped`] names.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`], with the path, if the file cannot be read, is broken, or was not imported; the
    /// hint then says how to import it.
    pub fn open(path: &Path) -> Result<Self> {
        let source = match shipped::bytes(path) {
            Some(bytes) => Bytes::from_static(bytes),
            None => map(path)?,
        };
        let contents = parse(&source, path, None).map_err(|error| error.at(path.display()))?;
        let imported = contents.metadata.iter().any(|(key, _)| key == import::MODEL_KEY);
        if contents.container != Container::Safetensors || !imported {
            let found = contents.container;
            let out = path.with_extension(if found == Container::Safetensors {
                "imported.safetensors"
            } else {
                "safetensors"
            });
            let message = format!("a {found} file that was not imported; needed one from `netdissect weights import`");
            let command = format!("netdissect weights import {} --model vgg16 -o {}", path.display(), out.display());
            return Err(Error::input(message).at(path.display()).hint(format!("run `{command}` first")));
        }
        let by_name = contents.tensors.iter().enumerate().map(|(ix, t)| (t.name().to_owned(), ix)).collect();
        let sha256 = OnceLock::new();
        Ok(WeightFile {
            path: path.to_owned(),
            source,
            tensors: contents.tensors,
            by_name,
            metadata: contents.metadata,
            sha256,
        })
    }

    /// Sizes and elements of a tensor as f32, row-major; borrowed from the mapped file where it holds f32.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`], with path and name, if there is no such tensor, it holds no floating-point
    /// numbers, or one of them is not finite.
    pub fn tensor(&self, name: &str) -> Result<(Vec<usize>, Cow<'_, [f32]>)> {
        let here = |error: Error| error.at(self.path.display());
        let tensor = self.get(name).ok_or_else(|| here(Error::input(format!("there is no tensor {}", quote(name)))))?;
        Ok((tensor.dims().to_vec(), tensor.values().map_err(here)?))
    }

    /// Sizes of a tensor, if it is there.
    pub fn dims(&self, name: &str) -> Option<&[usize]> {
        self.get(name).map(Tensor::dims)
    }

    /// Sizes of all tensors by name.
    pub fn shapes(&self) -> HashMap<String, Vec<usize>> {
        self.tensors.iter().map(|tensor| (tensor.name().to_owned(), tensor.dims().to_vec())).collect()
    }

    /// Names of the tensors, in file order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.iter().map(Tensor::name)
    }

    /// Keys and values stored beside the tensors, sorted by key.
    pub fn metadata(&self) -> &[(String, String)] {
        &self.metadata
    }

    /// The value of one metadata key.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.metadata.iter().find(|(found, _)| found == key).map(|(_, value)| value.as_str())
    }

    /// The model these are weights of, such as `vgg16`.
    pub fn model(&self) -> &str {
        self.value(import::MODEL_KEY).unwrap_or_default()
    }

    /// How the network wants its images prepared.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`], with the path, if the file names a way that is not known.
    pub fn preprocess(&self) -> Result<Preprocess> {
        let name = self.value(import::PREPROCESS_KEY).unwrap_or(Preprocess::default().name());
        Preprocess::named(name).ok_or_else(|| {
            let message = format!("preprocessing {}; needed torch, caffe, none or signed", quote(name));
            Error::input(message).at(self.path.display())
        })
    }

    /// How images are brought to the network's size; files of earlier versions do not say, and mean [`Geometry::DEFAULT`].
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`], with the path, if the file says it in another way than `weights import` does.
    pub fn geometry(&self) -> Result<Geometry> {
        let Some(text) = self.value(import::GEOMETRY_KEY) else { return Ok(Geometry::DEFAULT) };
        Geometry::parse(text).ok_or_else(|| {
            let message = format!("geometry {}; needed {{\"resize\": 256, \"crop\": 224}} or \"as-is\"", quote(text));
            Error::input(message).at(self.path.display())
        })
    }

    /// Names of the classes, in the order of the last layer, if they were imported.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`], with the path, if they are no list of names.
    pub fn class_names(&self) -> Result<Option<Vec<String>>> {
        let Some(text) = self.value(import::CLASSES_KEY) else { return Ok(None) };
        let list =
            class_list(text, None).map_err(|error| error.at(quote(import::CLASSES_KEY)).at(self.path.display()))?;
        Ok(Some(list.names))
    }

    /// The text of a segmenter's `labels.json`, if this is a segmenter.
    pub fn labels(&self) -> Option<&str> {
        self.value(import::LABELS_KEY)
    }

    /// SHA-256 of the file in lower-case hexadecimal, computed once.
    pub fn sha256(&self) -> &str {
        self.sha256.get_or_init(|| hash::sha256(&self.source))
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn get(&self, name: &str) -> Option<&Tensor> {
        self.by_name.get(name).map(|&index| &self.tensors[index])
    }
}
