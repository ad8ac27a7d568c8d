//! Importing weights of other programs, as a job.

use std::path::{Path, PathBuf};

use crate::concepts::segmenter::Names;
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::models::segmenter::Segmenter;
use crate::models::{progan_weights, segmenter_weights, vgg16};
use crate::preprocess::{Geometry, Preprocess};
use crate::weights::classes::{ClassList, LIST_BYTES_MAX, class_list};
use crate::weights::import::{self, AboutWeights, Assignment, Preparation};
use crate::weights::{self, Archive, Precision, Written};

/// Which files to import, as which network, and where the weights go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportJob {
    /// What to read; a segmenter has three: encoder, decoder and `labels.json`.
    pub files: Vec<PathBuf>,
    /// Which dict of weights to take from a file of PyTorch that has several, such as `ema`.
    pub key: Option<String>,
    /// Network the weights belong to.
    pub architecture: Architecture,
    /// File to write; one that is there is replaced once the new one is whole.
    pub output: PathBuf,
    /// Accept a classifier without fully connected layers, and drop them where there are some.
    pub body: bool,
    /// How a classifier wants its images; as its file says, or as torchvision prepares them, if left out. Others have their own.
    pub preprocess: Option<Preprocess>,
    /// How images are brought to the network's size; what its tensors tell if left out.
    pub geometry: Option<Geometry>,
    /// A list of the names of a classifier's classes, as [`class_list`] reads it.
    pub classes: Option<PathBuf>,
    /// In which precision filters and matrices are kept.
    pub precision: Precision,
}

/// Networks that weights can be imported for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// A classifier.
    Vgg16,
    /// A generator.
    Progan,
    /// Labels pixels.
    Segmenter(Segmenter),
}

impl Architecture {
    /// The word for it in weight files.
    pub fn name(self) -> &'static str {
        match self {
            Architecture::Vgg16 => "vgg16",
            Architecture::Progan => "progan",
            Architecture::Segmenter(segmenter) => segmenter.name(),
        }
    }
}

/// What was read, and what became of it.
pub struct Imported {
    /// The files that tensors come from.
    pub sources: Vec<Archive>,
    /// Which tensors become which.
    pub assignment: Assignment,
    /// What the new file says of itself.
    pub about: AboutWeights,
    /// The network in words.
    pub what: String,
    /// What was written; nothing by [`ImportJob::check`].
    pub written: Option<Written>,
}

impl ImportJob {
    /// Reads, checks and writes.
    ///
    /// # Errors
    /// [`Kind::Input`] if a file is not what it should be, [`Kind::Usage`] if the output is the input or no plain file,
    /// [`Kind::Output`] if it cannot be written.
    pub fn perform(&self) -> Result<Imported> {
        let mut imported = self.read()?;
        let Imported { sources, assignment, about, .. } = &imported;
        imported.written = Some(import::write(sources, assignment, about, self.precision, &self.output)?);
        Ok(imported)
    }

    /// Checks everything and writes nothing.
    ///
    /// # Errors
    /// As [`ImportJob::perform`].
    pub fn check(&self) -> Result<Imported> {
        let imported = self.read()?;
        import::check(&imported.sources, &imported.assignment)?;
        Ok(imported)
    }

    /// Refuses to replace what the user may still need.
    fn check_output(&self) -> Result<()> {
        let same = |a: &Path, b: &Path| files::resolve(a).ok().zip(files::resolve(b).ok()).is_some_and(|(a, b)| a == b);
        if self.files.iter().any(|file| same(file, &self.output)) {
            let error = Error::new(Kind::Usage, "the output is the input file; needed another name");
            return Err(error.at(self.output.display()));
        }
        if files::exists(&self.output) && !files::is_file(&self.output) {
            let error = Error::new(Kind::Usage, "not a regular file; needed the name of a file to write");
            return Err(error.at(self.output.display()));
        }
        Ok(())
    }

    fn read(&self) -> Result<Imported> {
        self.check_output()?;
        if self.architecture != Architecture::Vgg16 && (self.body || self.classes.is_some()) {
            let name = self.architecture.name();
            let message = format!("{name} has no classes: `--body` and `--classes` are for classifiers");
            return Err(Error::new(Kind::Usage, message));
        }
        self.geometry.map_or(Ok(()), Geometry::check)?;
        match (self.architecture, self.files.as_slice()) {
            (Architecture::Segmenter(segmenter), [encoder, decoder, labels]) => {
                self.read_segmenter(segmenter, encoder, decoder, labels)
            }
            (Architecture::Segmenter(segmenter), files) => {
                let message = format!("{} is imported from three files; {} given", segmenter.name(), files.len());
                Err(Error::new(Kind::Usage, message).hint("name them in this order: ENCODER DECODER labels.json"))
            }
            (Architecture::Progan, [file]) => {
                let archive = self.open(file)?;
                let assignment = progan_weights::assign(&archive)?;
                let what = progan_weights::describe(&assignment);
                Ok(self.imported(vec![archive], assignment, what))
            }
            (Architecture::Vgg16, [file]) => self.read_classifier(file),
            (architecture, files) => {
                let message = format!("{} is imported from one file; {} given", architecture.name(), files.len());
                Err(Error::new(Kind::Usage, message))
            }
        }
    }

    fn open(&self, file: &Path) -> Result<Archive> {
        weights::open_at(file, self.key.as_deref())
    }

    fn read_classifier(&self, file: &Path) -> Result<Imported> {
        let archive = self.open(file)?;
        let mut assignment = vgg16::weights::assign(&archive, self.body)?;
        let preprocess = self.classifier_preprocess(&mut assignment).map_err(|error| error.at(file.display()))?;
        let geometry = self.geometry.unwrap_or_else(|| native_geometry(&mut assignment));
        let classes = vgg16::weights::classes(&assignment);
        let what = match classes {
            Some(classes) => format!("vgg16, {classes} classes"),
            None => "vgg16, body only".to_owned(),
        };
        if let (Some(path), None) = (&self.classes, classes) {
            let error =
                Error::new(Kind::Usage, "the convolutions alone tell no classes apart, so there is nothing to name");
            return Err(error.at(path.display()).hint("leave `--body` or `--classes` out"));
        }
        let names = self.classes.as_deref().map(|path| read_classes(path, classes)).transpose()?;
        assignment.notes.extend(names.iter().flat_map(|list| list.notes.clone()));
        let mut imported = self.imported(vec![archive], assignment, what);
        imported.about.preprocess = preprocess;
        imported.about.geometry = Some(geometry);
        imported.about.classes = names.map(|list| list.names);
        Ok(imported)
    }

    /// How the network wants its images: as the user says, else as its file does.
    fn classifier_preprocess(&self, assignment: &mut Assignment) -> Result<Preprocess> {
        let Some(Preparation { words, same_as }) = assignment.preparation.clone() else {
            return Ok(self.preprocess.unwrap_or_default());
        };
        let (used, note) = match (self.preprocess, same_as) {
            (None, Some(same)) => (
                same,
                format!(
                    "the file prepares images by {words}: that is `{}`, which is done before the network here",
                    same.name()
                ),
            ),
            (Some(asked), Some(same)) if asked == same => return Ok(asked),
            (Some(asked), Some(same)) => (
                asked,
                format!(
                    "the file prepares images by {words}, which is `{}`; `{}` was asked for and is used",
                    same.name(),
                    asked.name()
                ),
            ),
            (Some(asked), None) => (
                asked,
                format!(
                    "the file prepares images by {words}, which is left out; `{}` was asked for and is used",
                    asked.name()
                ),
            ),
            (None, None) => {
                let known = Preprocess::ALL.map(Preprocess::name).join(", ");
                let error =
                    Error::input(format!("the file prepares images by {words}, with numbers that are none of {known}"));
                return Err(error.hint("say with `--preprocess` what to use in its place"));
            }
        };
        assignment.notes.push(note);
        Ok(used)
    }

    fn read_segmenter(&self, segmenter: Segmenter, encoder: &Path, decoder: &Path, labels: &Path) -> Result<Imported> {
        let sources = vec![self.open(encoder)?, self.open(decoder)?];
        let text = files::read_text_bounded(labels, LIST_BYTES_MAX)?;
        let here = |error: Error| error.at(labels.display());
        let names = Names::parse(segmenter, &text).map_err(here)?;
        let assignment = segmenter_weights::assign(segmenter, &names.normalisation(), &sources[0], &sources[1])?;
        names.check(&assignment.shapes()).map_err(here)?;
        let what = segmenter_weights::describe(segmenter, &assignment);
        let mut imported = self.imported(sources, assignment, what);
        // Its first layer brings pixels from -1 to 1 to what its encoder wants.
        imported.about.preprocess = Preprocess::Signed;
        imported.about.labels = Some(text);
        Ok(imported)
    }

    fn imported(&self, sources: Vec<Archive>, assignment: Assignment, what: String) -> Imported {
        let about = AboutWeights {
            model: self.architecture.name().into(),
            preprocess: self.preprocess.unwrap_or_default(),
            geometry: self.geometry,
            body: self.body,
            classes: None,
            labels: None,
        };
        Imported { sources, assignment, about, what, written: None }
    }
}

/// The size a classifier was made for: what its file says, else what its head does. The convolutions alone take any.
fn native_geometry(assignment: &mut Assignment) -> Geometry {
    let side = assignment.image_size.filter(|(h, w)| h == w).and_then(|(h, _)| u32::try_from(h).ok());
    match side {
        None | Some(224) => Geometry::DEFAULT,
        Some(side) => {
            assignment.notes.push(format!(
                "the network is made for images of {side}x{side}: they are squashed to it; `--size` says otherwise"
            ));
            Geometry::square(side)
        }
    }
}

/// Reads a list of class names, of which the network has so many.
///
/// # Errors
/// As [`class_list`], with the path.
pub(super) fn read_classes(path: &Path, classes: Option<usize>) -> Result<ClassList> {
    class_list(&files::read_text_bounded(path, LIST_BYTES_MAX)?, classes).map_err(|error| error.at(path.display()))
}
