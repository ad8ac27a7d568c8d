//! Import: tensors of any file, matched to the names and sizes a model needs, written as one safetensors file.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;

use super::archive::Archive;
use super::data_file::DataFile;
use super::tensor::{Dims, Tensor, quote};
use super::write::{Precision, Stored, Written, save_as};
use crate::error::{Error, Result};
use crate::preprocess::{Geometry, Preprocess};

/// Metadata key: the model, such as `vgg16`. Its presence tells an imported file.
pub const MODEL_KEY: &str = "model";
/// Metadata key: the name of a [`Preprocess`].
pub const PREPROCESS_KEY: &str = "preprocess";
/// Metadata key: how images are brought to the network's size, as [`Geometry::describe`] has it.
pub const GEOMETRY_KEY: &str = "geometry";
/// Metadata key: `true` if the fully connected layers are missing, else `false`.
pub const BODY_KEY: &str = "body";
/// Metadata key: a JSON list of class names.
pub const CLASSES_KEY: &str = "class_names";
/// Metadata key: the text of a segmenter's `labels.json`.
pub const LABELS_KEY: &str = "labels";

/// A tensor that a model needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Canonical name: the one that is written.
    pub name: String,
    /// Sizes, outermost first.
    pub dims: Vec<usize>,
    /// Other names it may have in a file.
    pub aliases: Vec<String>,
}

impl TensorSpec {
    /// Whether a tensor of this name is the one meant; see [`plain_name`].
    pub fn is_called(&self, name: &str) -> bool {
        let plain = plain_name(name);
        plain_name(&self.name) == plain || self.aliases.contains(&plain)
    }
}

/// All tensors that a model needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Name of the model, for messages.
    pub model: String,
    /// The tensors, in the order they are written.
    pub tensors: Vec<TensorSpec>,
    /// Plain names of tensors that may be there and are left out.
    pub dropped: Vec<String>,
}

/// Tensors under their canonical names, in the order of the layout.
#[derive(Debug, Clone, Default)]
pub struct Assignment {
    /// The tensors to write.
    pub tensors: Vec<Tensor>,
    /// Names, as in the file, of those left out on purpose.
    pub dropped: Vec<String>,
    /// What the user should know.
    pub notes: Vec<String>,
    /// What the file does to images before the network, if it says so; it is not written.
    pub preparation: Option<Preparation>,
    /// Rows and columns of the images that the network is made for, if its file fixes them.
    pub image_size: Option<(usize, usize)>,
    /// Whether the head sees one number a channel, so that the network may be one for small images or one behind an average.
    pub size_is_open: bool,
}

/// What a file does to images before they reach its network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preparation {
    /// In words: operators or names of tensors.
    pub words: String,
    /// The way of ours that gives the same numbers.
    pub same_as: Option<Preprocess>,
}

impl Assignment {
    /// Sizes of the tensors by name.
    pub fn shapes(&self) -> HashMap<String, Vec<usize>> {
        self.tensors.iter().map(|tensor| (tensor.name().to_owned(), tensor.dims().to_vec())).collect()
    }
}

impl Layout {
    /// Finds every tensor of the layout.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`]: one message that lists all tensors that are missing, extra, or of wrong sizes.
    pub fn assign(&self, found: &[Tensor]) -> Result<Assignment> {
        let mut taken = HashSet::new();
        let mut tensors = Vec::new();
        let mut complaints = Vec::new();
        for spec in &self.tensors {
            let candidates: Vec<usize> = (0..found.len()).filter(|&ix| spec.is_called(found[ix].name())).collect();
            taken.extend(candidates.iter().copied());
            match candidates.as_slice() {
                [] => complaints.push(format!("missing {} {}", quote(&spec.name), Dims(&spec.dims))),
                &[index] if found[index].dims() == spec.dims => {
                    tensors.push(found[index].clone().renamed(&spec.name));
                }
                &[index] => {
                    let (name, sizes) = (quote(found[index].name()), Dims(found[index].dims()));
                    complaints.push(format!("{name} is {sizes}; needed {}", Dims(&spec.dims)));
                }
                several => {
                    let names: Vec<String> = several.iter().map(|&index| quote(found[index].name())).collect();
                    complaints.push(format!("{} are all {}; needed one", names.join(", "), quote(&spec.name)));
                }
            }
        }
        let may_be_left_out: HashSet<&str> = self.dropped.iter().map(String::as_str).collect();
        let mut dropped = Vec::new();
        for (index, tensor) in found.iter().enumerate().filter(|(index, _)| !taken.contains(index)) {
            let plain = plain_name(tensor.name());
            if may_be_left_out.contains(plain.as_str()) {
                dropped.push(found[index].name().to_owned());
            } else {
                complaints.push(format!("extra {} {}", quote(tensor.name()), Dims(tensor.dims())));
            }
        }
        if complaints.is_empty() {
            Ok(Assignment { tensors, dropped, ..Assignment::default() })
        } else {
            Err(refusal(&self.model, &complaints))
        }
    }
}

/// One error for all complaints about the tensors of a file; `model` is what they were to be of.
pub(crate) fn refusal(model: &str, complaints: &[String]) -> Error {
    let mut message = format!("{} tensors do not fit {model}:", complaints.len());
    for complaint in complaints.iter().take(COMPLAINTS_MAX) {
        write!(message, "\n  {complaint}").ok();
    }
    if let Some(more) = complaints.len().checked_sub(COMPLAINTS_MAX).filter(|&more| more > 0) {
        write!(message, "\n  and {more} more").ok();
    }
    Error::input(message)
}

/// The first few tell the cause; more would push it off the screen.
const COMPLAINTS_MAX: usize = 7;

/// What wraps around a network's own names: `DataParallel`, `torch.compile`.
const WRAPPERS: [&str; 2] = ["module", "_orig_mod"];

/// A tensor name without what wraps around it, and without TensorFlow's number of the output.
pub fn plain_name(name: &str) -> String {
    let name = name.strip_suffix(":0").unwrap_or(name);
    name.split('.').filter(|part| !WRAPPERS.contains(part)).collect::<Vec<_>>().join(".")
}

/// What is stored beside the tensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AboutWeights {
    /// Name of the model, such as `vgg16`.
    pub model: String,
    /// How the network wants its images.
    pub preprocess: Preprocess,
    /// How images are brought to its size; none if it sees no images, or as every network unless told otherwise.
    pub geometry: Option<Geometry>,
    /// Whether the fully connected layers are missing.
    pub body: bool,
    /// Names of the classes, in the order of the last layer.
    pub classes: Option<Vec<String>>,
    /// The text of a segmenter's `labels.json`.
    pub labels: Option<String>,
}

impl AboutWeights {
    /// The metadata pairs, with names and hashes of the files the weights came from.
    fn pairs(&self, sources: &[Archive]) -> Vec<(String, String)> {
        let (mut files, mut hashes) = (Vec::new(), Vec::new());
        for source in sources {
            files.extend(source.path().file_name().map(|name| name.to_string_lossy().into_owned()));
            files.extend(source.data_files().iter().map(|file| file.name().to_owned()));
            hashes.push(source.sha256());
            hashes.extend(source.data_files().iter().map(DataFile::sha256));
        }
        let mut pairs: Vec<(String, String)> = [
            (MODEL_KEY, self.model.clone()),
            (PREPROCESS_KEY, self.preprocess.name().to_owned()),
            (BODY_KEY, self.body.to_string()),
            ("source", files.join(", ")),
            ("source_sha256", hashes.join(", ")),
            ("netdissect", env!("CARGO_PKG_VERSION").to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        if let Some(geometry) = self.geometry {
            pairs.push((GEOMETRY_KEY.to_owned(), geometry.describe().to_string()));
        }
        if let Some(classes) = &self.classes {
            pairs.push((CLASSES_KEY.to_owned(), serde_json::json!(classes).to_string()));
        }
        if let Some(labels) = &self.labels {
            pairs.push((LABELS_KEY.to_owned(), labels.clone()));
        }
        pairs
    }
}

/// Writes assigned tensors, one in memory at a time; see [`save_as`] for what a reader can rely on.
///
/// # Errors
/// [`crate::error::Kind::Input`] if values are not finite; [`crate::error::Kind::Output`] if the file cannot be
/// written.
pub fn write(
    sources: &[Archive],
    assignment: &Assignment,
    about: &AboutWeights,
    precision: Precision,
    output: &Path,
) -> Result<Written> {
    let named = |tensor: &Tensor| Stored { name: tensor.name().to_owned(), dims: tensor.dims().to_vec() };
    let stored: Vec<Stored> = assignment.tensors.iter().map(named).collect();
    save_as(precision, output, &about.pairs(sources), &stored, |index| {
        assignment.tensors[index].values().map_err(|error| error.at(paths(sources)))
    })
}

/// Checks all values as [`write()`] would, without writing.
///
/// # Errors
/// [`crate::error::Kind::Input`] if values are not finite.
pub fn check(sources: &[Archive], assignment: &Assignment) -> Result<()> {
    let check_one = |tensor: &Tensor| tensor.values().map(drop).map_err(|error| error.at(paths(sources)));
    assignment.tensors.iter().try_for_each(check_one)
}

fn paths(sources: &[Archive]) -> String {
    sources.iter().map(|source| source.path().display().to_string()).collect::<Vec<_>>().join(", ")
}
