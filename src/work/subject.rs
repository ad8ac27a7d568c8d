//! What is dissected: a network and its photographs, or a generator and its latents.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};

use super::Host;
use super::generator::{Generator, LatentChoice};
use super::network::{ImageChoice, ImageNetwork, LayerChoice, NetworkChoice, report_model};
use crate::concepts::{ConceptSource, Photographs};
use crate::data::latent_source::LatentSource;
use crate::data::loader::{ImageLoader, Skipped};
use crate::data::{ImageBatch, ImageSource};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::models::Model;
use crate::progress::check_stop;
use crate::report::schema;
use crate::session::{Parts, Session};
use crate::weights::WeightFile;

/// What a network is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inputs {
    /// Photographs.
    Images(ImageChoice),
    /// Latents, where the network is a generator.
    Latents(LatentChoice),
}

impl Default for Inputs {
    /// No photographs yet.
    fn default() -> Self {
        Inputs::Images(ImageChoice::default())
    }
}

/// A network and what it is given, opened and checked.
pub(crate) enum Subject {
    /// A network that sees photographs.
    Photographs(ImageNetwork),
    /// A generator, whose images are its own.
    Latents(Generator),
}

/// Its images, batch by batch.
pub(crate) enum Source {
    /// Files.
    Photographs(ImageLoader),
    /// Latents.
    Latents(LatentSource),
}

impl Subject {
    /// Opens a network with photographs or latents.
    ///
    /// # Errors
    /// As [`ImageNetwork::open`] and [`Generator::open`].
    pub(crate) fn open(network: &NetworkChoice, inputs: &Inputs) -> Result<Subject> {
        Ok(match inputs {
            Inputs::Images(images) => Subject::Photographs(ImageNetwork::open(network, images)?),
            Inputs::Latents(latents) => Subject::Latents(Generator::open(network, latents)?),
        })
    }

    /// The images as those whose label maps are asked for, where they are files.
    pub(crate) fn photographs(&self, grid: (u32, u32)) -> Option<Photographs> {
        match self {
            Subject::Photographs(network) => Some(network.photographs(grid)),
            Subject::Latents(_) => None,
        }
    }

    /// Weights.
    pub(crate) fn file(&self) -> &WeightFile {
        match self {
            Subject::Photographs(network) => &network.file,
            Subject::Latents(generator) => &generator.file,
        }
    }

    /// Graph and layers.
    pub(crate) fn model(&self) -> &Model {
        match self {
            Subject::Photographs(network) => &network.model,
            Subject::Latents(generator) => &generator.model,
        }
    }

    /// Images in all.
    pub(crate) fn count(&self) -> usize {
        match self {
            Subject::Photographs(network) => network.set.len(),
            Subject::Latents(generator) => generator.indices.len(),
        }
    }

    /// The nodes to read for the layers the user named.
    ///
    /// # Errors
    /// As [`Model::nodes_of`].
    pub(crate) fn nodes(&self, layers: &LayerChoice) -> Result<Vec<(String, String)>> {
        self.model().nodes_of(&layers.layers, layers.pre_relu)
    }

    /// Grid of the reference: 56x56 for photographs; for a generator a quarter of its image, 64x64 for 256x256.
    pub(crate) fn default_grid(&self) -> (u32, u32) {
        match self {
            Subject::Photographs(_) => (56, 56),
            Subject::Latents(generator) => generator.default_grid(),
        }
    }

    /// How pixels become input.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if the weight file asks for a preprocessing there is not.
    pub(crate) fn preprocess(&self) -> Result<&'static str> {
        match self {
            Subject::Photographs(network) => Ok(network.file.preprocess()?.name()),
            Subject::Latents(_) => Ok("none"),
        }
    }

    /// The network as a report names it.
    ///
    /// # Errors
    /// As [`Subject::preprocess`].
    pub(crate) fn report_model(&self) -> Result<schema::Model> {
        Ok(report_model(self.model(), self.file(), self.preprocess()?))
    }

    /// Puts the part of the network that these nodes need on the device, for as many images at once as asked or as fit.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub(crate) fn session(&self, host: &Host<'_>, gpu: &Gpu, keep: &[&str], batch: Option<u32>) -> Result<Session> {
        match self {
            Subject::Photographs(network) => network.session(host, gpu, keep, batch),
            Subject::Latents(generator) => {
                generator.session(host, &generator.weights(gpu), &generator.model.graph, keep, batch)
            }
        }
    }

    /// Puts the whole network on the device, a generator in two parts, for as many images at once as asked or as fit.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub(crate) fn parts(
        &self,
        host: &Host<'_>,
        gpu: &Gpu,
        nodes: &[(String, String)],
        batch: Option<u32>,
    ) -> Result<Parts> {
        let keep: Vec<&str> = nodes.iter().map(|(_, node)| node.as_str()).collect();
        match self {
            Subject::Photographs(network) => Ok(Parts::Whole(network.session(host, gpu, &keep, batch)?)),
            Subject::Latents(generator) => {
                Ok(Parts::Split(generator.split(host, &generator.weights(gpu), &keep, batch)?))
            }
        }
    }

    /// Its images in batches of the session's size.
    ///
    /// # Errors
    /// As [`ImageLoader::new`].
    pub(crate) fn source(&self, session: &Session) -> Result<Source> {
        Ok(match self {
            Subject::Photographs(network) => {
                Source::Photographs(ImageLoader::new(network.set.clone(), network.load_options(session)?)?)
            }
            Subject::Latents(generator) => Source::Latents(generator.source(session.batch())),
        })
    }

    /// What decides the images, for `run.json`.
    ///
    /// # Errors
    /// As [`LatentSource::fingerprint`].
    pub(crate) fn describe_images(&self) -> Result<Value> {
        Ok(match self {
            Subject::Photographs(network) => json!({
                "folder": places(&network.paths), "count": network.set.len(), "fingerprint": network.set.fingerprint(),
                "geometry": network.geometry.describe(), "order": network.order(),
            }),
            Subject::Latents(generator) => generator.describe()?,
        })
    }

    /// What tells the files of the images' label maps apart from others, where there are such files.
    pub(crate) fn label_maps_fingerprint(&self, concepts: &dyn ConceptSource) -> Option<String> {
        match self {
            Subject::Photographs(network) => {
                concepts.fingerprint(&network.set.items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>())
            }
            Subject::Latents(_) => None,
        }
    }

    /// The images as the report names them, of which `counted` could be used.
    ///
    /// # Errors
    /// As [`LatentSource::fingerprint`] and [`ImageLoader::all_skipped`].
    pub(crate) fn report_images(&self, source: &Source, counted: u64, stop: &AtomicBool) -> Result<schema::Images> {
        Ok(match self {
            Subject::Photographs(network) => network.report_images(counted, source.skipped(counted, stop)?),
            Subject::Latents(generator) => generator.report_images()?,
        })
    }
}

/// Where images are, for `run.json`: a path, or a list of several.
pub(crate) fn places(paths: &[PathBuf]) -> Value {
    match paths {
        [path] => json!(path),
        paths => json!(paths),
    }
}

impl Source {
    /// Name of every image in the run's order.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Source::Photographs(loader) => loader.set().items.iter().map(|item| item.name.clone()).collect(),
            Source::Latents(latents) => latents.names(),
        }
    }

    /// Files that could not be used, where `counted` could.
    fn skipped(&self, counted: u64, stop: &AtomicBool) -> Result<Vec<Skipped>> {
        Ok(match self {
            Source::Photographs(loader) => loader.all_skipped(counted as usize, stop)?,
            Source::Latents(_) => Vec::new(),
        })
    }

    /// Files that could not be used, as far as they were looked at.
    pub(crate) fn unreadable(&self) -> Vec<Skipped> {
        match self {
            Source::Photographs(loader) => loader.skipped(),
            Source::Latents(_) => Vec::new(),
        }
    }

    /// The error of a run without any image.
    pub(crate) fn nothing_readable(&self) -> Error {
        match self {
            Source::Photographs(loader) => loader.nothing_readable(),
            Source::Latents(_) => Error::input("there is no latent"),
        }
    }

    /// As what the dissection sees.
    pub(crate) fn images(&self) -> &dyn ImageSource {
        match self {
            Source::Photographs(loader) => loader,
            Source::Latents(latents) => latents,
        }
    }
}

/// Sends all images through a session; `each` is given a batch once its values can be read.
///
/// # Errors
/// [`crate::error::Kind::Interrupted`] if the user stops it; what `each` returns; else what the device reports.
pub(crate) fn forward(
    host: &Host<'_>,
    session: &Session,
    images: &dyn ImageSource,
    mut each: impl FnMut(&ImageBatch) -> Result<()>,
) -> Result<()> {
    for batch in images.batches(0..images.count()) {
        check_stop(host.stop).map_err(|stopped| {
            Error::new(stopped.kind(), "nothing is kept of this")
                .hint("run the same command again to begin from the start")
        })?;
        let batch = batch?;
        let n = batch.indices.len() as u32;
        if n > 0 {
            session.upload(&batch.input, n)?;
            session.submit(n)?;
            each(&batch)?;
        }
        host.progress.advance(n.into());
    }
    Ok(())
}
