//! A generator and its latents: which, and its two parts on the device.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::Host;
use super::network::{self, NetworkChoice};
use super::run_folder::file_name;
use crate::data::latent_source::LatentSource;
use crate::data::latents::Latents;
use crate::error::{Error, Kind, Result};
use crate::gpu::Gpu;
use crate::kernels::tune::Tuner;
use crate::models::{Model, progan};
use crate::report::schema;
use crate::roles::{Sweep, sweep};
use crate::session::{self, Session};
use crate::weights::WeightFile;

/// Which latents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatentChoice {
    /// Their numbers; all rows of the file if left out.
    pub indices: Option<Vec<u32>>,
    /// Seed of the stream that they are numbered in; the same numbers as numpy's `RandomState(seed).standard_normal`.
    pub seed: u32,
    /// Take them from the rows of a numpy array instead: f32 or f64, `[n, z]` or `[n, z, 1, 1]`.
    pub file: Option<PathBuf>,
    /// Only the first so many of these.
    pub limit: Option<u32>,
}

impl LatentChoice {
    /// Those of these numbers, of seed 1.
    pub fn numbered(indices: impl IntoIterator<Item = u32>) -> LatentChoice {
        LatentChoice { indices: Some(indices.into_iter().collect()), ..LatentChoice::default() }
    }
}

impl Default for LatentChoice {
    /// None yet, of seed 1.
    fn default() -> Self {
        LatentChoice { indices: None, seed: 1, file: None, limit: None }
    }
}

/// A network on the device: one part for photographs; two for a generator, cut behind the last layer that is read.
pub struct Parts {
    /// Up to the layers.
    pub head: Session,
    /// From the last of the layers to the image.
    pub tail: Option<Session>,
}

/// A generator and the latents it is to be given.
pub struct Generator {
    /// Weights.
    pub file: WeightFile,
    /// Graph and layers.
    pub model: Model,
    /// Where latents come from.
    pub latents: Latents,
    /// Which of them.
    pub indices: Vec<u32>,
}

impl Generator {
    /// Opens weights and latents.
    ///
    /// # Errors
    /// [`Kind::Input`] naming what is wrong; [`Kind::Usage`] if no latents are named.
    pub fn open(network: &NetworkChoice, choice: &LatentChoice) -> Result<Generator> {
        let file = network.open()?;
        let architecture = network.architecture(&file);
        if architecture != "progan" {
            let message = format!("holds weights of {architecture}; needed those of a generator: progan");
            return Err(Error::input(message).at(file.path().display()));
        }
        let model = progan::build(&file.shapes()).map_err(|error| error.at(file.path().display()))?;
        let size = model.graph.node(model.graph.input()).shape.c as usize;
        let latents = match &choice.file {
            Some(path) => Latents::open(path, size)?,
            None => Latents::seeded(choice.seed, size),
        };
        let mut indices = match (&choice.indices, latents.count()) {
            (Some(indices), _) => indices.clone(),
            (None, Some(count)) => (0..count).collect(),
            (None, None) => {
                let error = Error::new(Kind::Usage, "no latents are named");
                return Err(error.hint("name some, such as `--latents 0-63`"));
            }
        };
        if let (Some(&index), Some(count)) = (indices.iter().max(), latents.count())
            && index >= count
        {
            let message = format!("there is no latent {index}; {} has {count}, counted from 0", latents.describe());
            return Err(Error::input(message));
        }
        indices.truncate(choice.limit.map_or(usize::MAX, |limit| limit as usize));
        Ok(Generator { file, model, latents, indices })
    }

    /// Puts the part of the network that these nodes need on the device.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn session(&self, host: &Host<'_>, gpu: &Gpu, nodes: &[&str], batch: Option<u32>) -> Result<Session> {
        let graph = self.model.graph.head(nodes)?;
        network::open_session(host, gpu, &graph, &self.file, (nodes, self.indices.len()), batch)
    }

    /// Rows and columns of its images.
    pub fn side(&self) -> (u32, u32) {
        let shape = self.model.graph.node(self.model.graph.output()).shape;
        (shape.h, shape.w)
    }

    /// A quarter of the image, as in the reference: 64x64 for 256x256.
    pub fn default_grid(&self) -> (u32, u32) {
        let (h, w) = self.side();
        ((h / 4).max(1), (w / 4).max(1))
    }

    /// Its latents in batches.
    pub fn source(&self, batch: u32) -> LatentSource {
        LatentSource::new(self.latents.clone(), self.indices.clone(), batch).made_by(self.file.sha256())
    }

    /// Puts it on the device in two parts, cut behind the last of the nodes.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn parts(&self, host: &Host<'_>, gpu: &Gpu, nodes: &[&str], batch: Option<u32>) -> Result<Parts> {
        let graph = &self.model.graph;
        let position = |node: &&&str| graph.nodes().iter().position(|known| known.name == **node);
        let cut = nodes.iter().max_by_key(position).ok_or_else(|| Error::internal("no layer is named"))?;
        let (_, tail) = graph.split(cut)?;
        // The larger part decides how many fit.
        let tail = network::open_session(host, gpu, &tail, &self.file, (&[cut], self.indices.len()), batch)?;
        let head = network::open_session(
            host,
            gpu,
            &graph.head(nodes)?,
            &self.file,
            (nodes, self.indices.len()),
            Some(tail.batch()),
        )?;
        Ok(Parts { head, tail: Some(tail) })
    }

    /// Puts it on the device cut behind a node, with the tail for one image at a time.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn parts_to_sweep(&self, host: &Host<'_>, gpu: &Gpu, node: &str) -> Result<Parts> {
        let (first, second) = self.model.graph.split(node)?;
        let kept = sweep::kept(&second)?;
        let kept: Vec<&str> = std::iter::once(node).chain(kept.iter().map(String::as_str)).collect();
        let tail = network::open_session(host, gpu, &second, &self.file, (&kept, 1), Some(1))?;
        let head = network::open_session(host, gpu, &first, &self.file, (&[node], self.indices.len()), None)?;
        Ok(Parts { head, tail: Some(tail) })
    }

    /// What sweeps an edit of a node over its positions, for as many at once as asked or as fit; halves that where the device says
    /// no, and says so.
    ///
    /// # Errors
    /// As [`Sweep::new`].
    pub fn sweep(&self, host: &Host<'_>, gpu: &Gpu, node: &str, batch: Option<u32>) -> Result<Sweep> {
        let (_, second) = self.model.graph.split(node)?;
        let positions = second.node(second.input()).shape.positions() as usize;
        // Windows take less than half of what whole maps do, and are small for an adapter.
        let mut size = batch.unwrap_or_else(|| session::fitting_batch(gpu, &second, positions) * 2);
        let mut tuner = Tuner::cached();
        loop {
            match Sweep::new(gpu, &second, &self.file, size, &mut tuner) {
                Err(error) if error.kind() == Kind::OutOfMemory && size > 1 && batch.is_none() => {
                    size /= 2;
                    host.progress.note(&format!("{error}; going on with {size} positions at once"));
                }
                other => return other.map_err(|error| error.at(self.file.path().display())),
            }
        }
    }

    /// What decides its images, for `run.json`.
    ///
    /// # Errors
    /// As [`LatentSource::fingerprint`].
    pub fn describe(&self) -> Result<Value> {
        let source = self.source(1);
        Ok(json!({
            "latents": source.in_words(), "latents_from": self.latents_from(), "count": self.indices.len(),
            "fingerprint": source.fingerprint()?,
        }))
    }

    /// The seed, or the name of the file without its folder.
    pub fn latents_from(&self) -> String {
        let from = self.latents.describe();
        if from.starts_with("seed ") { from } else { file_name(from.as_ref()) }
    }

    /// Its images as a report names them.
    ///
    /// # Errors
    /// As [`LatentSource::fingerprint`].
    pub fn report_images(&self) -> Result<schema::Images> {
        let (source, (h, w)) = (self.source(1), self.side());
        Ok(schema::Images {
            count: self.indices.len() as u64,
            fingerprint: source.fingerprint()?,
            geometry: format!("{h}x{w}, the generator's own"),
            order: "list".to_owned(),
            skipped: Vec::new(),
            latents: Some(schema::Latents { list: source.in_words(), from: self.latents_from() }),
        })
    }
}
