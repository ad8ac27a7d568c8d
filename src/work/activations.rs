//! Saving the activations of chosen layers, as a job.

use std::borrow::Cow;
use std::path::PathBuf;

use serde_json::json;

use super::Host;
use super::network::{LayerChoice, NetworkChoice};
use super::subject::{Inputs, Subject, forward};
use crate::data::loader::Skipped;
use crate::data::search::LeftOut;
use crate::dissect::not_finite::NotFinite;
use crate::error::{Error, Result};
use crate::files::Scratch;
use crate::report::schema::Warning;
use crate::report::warnings;
use crate::session::Session;
use crate::tensor::Shape;
use crate::weights::{Stored, save};

/// Whose activations to save, and where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActivationsJob {
    /// The network.
    pub network: NetworkChoice,
    /// What it is given.
    pub inputs: Inputs,
    /// The layers.
    pub layers: LayerChoice,
    /// File to write: tensors named by layer, `[n, c, h, w]`.
    pub output: PathBuf,
    /// Images at once; as many as the memory allows if left out.
    pub batch: Option<u32>,
}

/// What was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedActivations {
    /// Each layer with the shape of its tensor.
    pub layers: Vec<(String, Shape)>,
    /// Whose they are, in the order of the first axis.
    pub of: SavedInputs,
    /// Bytes of the file.
    pub bytes: u64,
    /// Layers with values that are NaN or infinite; they are saved as they are.
    pub warnings: Vec<Warning>,
}

/// Whose activations were saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SavedInputs {
    /// Those of images.
    Images {
        /// Their names.
        names: Vec<String>,
        /// Files that could not be used.
        skipped: Vec<Skipped>,
        /// What was found beside them and not used.
        left_out: LeftOut,
    },
    /// Those of latents, by number.
    Latents(Vec<u32>),
}

impl SavedInputs {
    /// The name of an image, or the number of a latent, by its place on the first axis.
    fn name(&self, place: u32) -> String {
        let name = match self {
            SavedInputs::Images { names, .. } => names.get(place as usize).cloned(),
            SavedInputs::Latents(latents) => latents.get(place as usize).map(u32::to_string),
        };
        name.unwrap_or_default()
    }
}

/// A layer and its values so far, which need not fit the memory.
struct LayerValues {
    name: String,
    node: String,
    shape: Shape,
    values: Scratch,
    not_finite: NotFinite,
}

impl ActivationsJob {
    /// Runs all images or latents and writes the file.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if no image can be read, [`crate::error::Kind::Output`] if the file cannot be written,
    /// [`crate::error::Kind::Interrupted`] if stopped, with nothing written.
    pub fn perform(&self, host: &Host<'_>) -> Result<SavedActivations> {
        let subject = Subject::open(&self.network, &self.inputs)?;
        let nodes = subject.nodes(&self.layers)?;
        let keep: Vec<&str> = nodes.iter().map(|(_, node)| node.as_str()).collect();
        let gpu = host.open_gpu()?;
        let session = subject.session(host, &gpu, &keep, self.batch)?;
        let source = subject.source(&session)?;
        let mut layers =
            nodes.into_iter().map(|(name, node)| self.begin(&session, name, node)).collect::<Result<Vec<_>>>()?;
        host.progress.stage("reading activations", u64::from(source.images().count()));
        let mut names = Vec::new();
        forward(host, &session, source.images(), |batch| {
            names.extend(batch.names.iter().cloned());
            layers.iter_mut().try_for_each(|layer| layer.take(&session, batch.indices.len() as u32))
        })?;
        let of = match (&subject, &source) {
            (Subject::Latents(generator), _) => SavedInputs::Latents(generator.indices.clone()),
            (_, source) if names.is_empty() => return Err(source.nothing_readable()),
            (Subject::Photographs(network), source) => {
                SavedInputs::Images { names, skipped: source.unreadable(), left_out: network.set.left_out.clone() }
            }
        };
        let bytes = self.write(&subject, &layers, &of)?;
        let warnings = layers.iter().filter_map(|layer| layer.warning(&of)).collect();
        let layers = layers.into_iter().map(|layer| (layer.name, layer.shape)).collect();
        Ok(SavedActivations { layers, of, bytes, warnings })
    }

    fn begin(&self, session: &Session, name: String, node: String) -> Result<LayerValues> {
        let values = Scratch::beside(&self.output)?;
        let shape = session.value(&node, 0)?.1;
        Ok(LayerValues { name, node, shape, values, not_finite: NotFinite::new(shape.c as usize) })
    }

    /// Writes the file; the number of its bytes.
    fn write(&self, subject: &Subject, layers: &[LayerValues], of: &SavedInputs) -> Result<u64> {
        let maps = layers.iter().map(|layer| layer.values.map()).collect::<Result<Vec<_>>>()?;
        let stored = layers.iter().map(|layer| {
            let Shape { n, c, h, w } = layer.shape;
            Stored { name: layer.name.clone(), dims: [n, c, h, w].map(|size| size as usize).to_vec() }
        });
        let entry = |key: &str, value: String| (key.to_owned(), value);
        let mut metadata = match (subject, of) {
            (Subject::Photographs(network), SavedInputs::Images { names, .. }) => vec![
                entry("images", json!(names).to_string()),
                entry("geometry", network.geometry.describe().to_string()),
            ],
            (Subject::Latents(generator), _) => vec![
                entry("latents", json!(generator.indices).to_string()),
                entry("latents_from", generator.latents.describe()),
            ],
            _ => Vec::new(),
        };
        metadata.push(entry("weights_sha256", subject.file().sha256().to_owned()));
        metadata.push(entry("pre_relu", self.layers.pre_relu.to_string()));
        let values = |layer: usize| match bytemuck::try_cast_slice(&maps[layer]) {
            Ok(numbers) => Ok(Cow::Borrowed(numbers)),
            Err(error) => Err(Error::internal(error.to_string()).at(self.output.display())),
        };
        Ok(save(&self.output, &metadata, &stored.collect::<Vec<_>>(), values)?.bytes)
    }
}

impl LayerValues {
    /// Appends the values of the batch that has just run.
    fn take(&mut self, session: &Session, n: u32) -> Result<()> {
        let maps = session.read(&self.node, n)?;
        self.values.append(bytemuck::cast_slice(&maps.data))?;
        self.not_finite.insert_maps(self.shape.n, &maps);
        self.shape.n += n;
        Ok(())
    }

    /// What is to be said of values that are not finite, if there are any.
    fn warning(&self, of: &SavedInputs) -> Option<Warning> {
        let first = of.name(self.not_finite.first_image()?);
        let what = format!("{}: {} of {} units", self.name, self.not_finite.units(), self.shape.c);
        let counts = (self.not_finite.images, self.shape.n.into());
        Some(warnings::not_finite(Some(&self.name), &what, counts, &first, "the file holds them as they are"))
    }
}
