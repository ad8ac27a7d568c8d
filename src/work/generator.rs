//! A generator and its latents: which, and how it is put on the device.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Host;
use super::network::{NetworkChoice, Opening};
use super::run_folder::{absolute, file_name};
use crate::data::latent_source::LatentSource;
use crate::data::latents::Latents;
use crate::data::search::LeftOut;
use crate::error::{Error, Kind, Result};
use crate::geometry::Extent;
use crate::gpu::Gpu;
use crate::graph::{Graph, Wanted};
use crate::kernels::tune::Tuner;
use crate::models::{Model, progan};
use crate::report::schema;
use crate::roles::{Sweep, sweep};
use crate::session::{self, AtOnce, Session, Split, Weights, halving};
use crate::weights::WeightFile;

/// Which latents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LatentChoice {
    /// Their numbers; all rows of the file if left out.
    pub indices: Option<Vec<u32>>,
    /// Where they are numbered; in the stream of seed 1 if left out.
    pub origin: Option<LatentOrigin>,
    /// Only the first so many of these.
    pub limit: Option<u32>,
}

/// Where latents are numbered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LatentOrigin {
    /// In the stream of a seed; the same numbers as numpy's `RandomState(seed).standard_normal`.
    Seed(u32),
    /// By the rows of a numpy array: f32 or f64, `[n, z]` or `[n, z, 1, 1]`.
    File(PathBuf),
}

impl LatentOrigin {
    /// The same with a path that holds from anywhere.
    pub(crate) fn located(self) -> LatentOrigin {
        match self {
            LatentOrigin::File(path) => LatentOrigin::File(absolute(path)),
            seed => seed,
        }
    }

    /// The latents, of `size` numbers each.
    ///
    /// # Errors
    /// As [`Latents::open`].
    pub(crate) fn open(&self, size: usize) -> Result<Latents> {
        match self {
            LatentOrigin::Seed(seed) => Ok(Latents::seeded(*seed, size)),
            LatentOrigin::File(path) => Latents::open(path, size),
        }
    }
}

/// A generator and the latents it is to be given.
pub(crate) struct Generator {
    /// Weights.
    pub(crate) file: Arc<WeightFile>,
    /// Graph and layers.
    pub(crate) model: Model,
    /// Where latents come from.
    pub(crate) latents: Latents,
    /// Which of them.
    pub(crate) indices: Vec<u32>,
}

impl Generator {
    /// Opens weights and latents.
    ///
    /// # Errors
    /// [`Kind::Input`] naming what is wrong; [`Kind::Usage`] if no latents are named.
    pub(crate) fn open(network: &NetworkChoice, choice: &LatentChoice) -> Result<Generator> {
        let file = network.open()?;
        let architecture = network.architecture(&file);
        if architecture != "progan" {
            let message = format!("holds weights of {architecture}; needed those of a generator: progan");
            let error = Error::input(message).at(file.path().display());
            return Err(error.hint("only generators are given latents; all other networks are given images"));
        }
        let model = progan::build(&file.shapes()).map_err(|error| error.at(file.path().display()))?;
        let size = model.graph.node(model.graph.input()).shape.c as usize;
        let latents = choice.origin.as_ref().unwrap_or(&LatentOrigin::Seed(1)).open(size)?;
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
        Ok(Generator { file: Arc::new(file), model, latents, indices })
    }

    /// Its weights, for sessions on a device.
    pub(crate) fn weights(&self, gpu: &Gpu) -> Weights {
        Weights::new(gpu, Arc::clone(&self.file) as _)
    }

    /// Puts the part of its graph, or of one in which it is edited, that these nodes need on the device.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub(crate) fn session(
        &self,
        host: &Host<'_>,
        weights: &Weights,
        graph: &Graph,
        nodes: &[&str],
        batch: Option<u32>,
    ) -> Result<Session> {
        let opening = Opening { file: &self.file, weights, images: self.indices.len(), batch };
        opening.session(host, &graph.head(nodes)?, Wanted::kept(nodes))
    }

    /// Rows and columns of its images.
    pub(crate) fn side(&self) -> (u32, u32) {
        let shape = self.model.graph.node(self.model.graph.output()).shape;
        (shape.h, shape.w)
    }

    /// A quarter of the image, as in the reference: 64x64 for 256x256.
    pub(crate) fn default_grid(&self) -> (u32, u32) {
        let (h, w) = self.side();
        ((h / 4).max(1), (w / 4).max(1))
    }

    /// Its latents in batches.
    pub(crate) fn source(&self, batch: u32) -> LatentSource {
        LatentSource::new(self.latents.clone(), self.indices.clone(), batch).made_by(self.file.sha256())
    }

    /// Puts it on the device split behind the last of these nodes, which stay readable.
    ///
    /// # Errors
    /// As [`Split::new`].
    pub(crate) fn split(
        &self,
        host: &Host<'_>,
        weights: &Weights,
        nodes: &[&str],
        batch: Option<u32>,
    ) -> Result<Split> {
        let graph = &self.model.graph;
        let position = |node: &&&str| graph.nodes().iter().position(|known| known.name == **node);
        let cut = nodes.iter().max_by_key(position).ok_or_else(|| Error::internal("no layer is named"))?;
        let opening = Opening { file: &self.file, weights, images: self.indices.len(), batch };
        Split::new(graph, cut, Extent::default(), nodes, |graph, wanted| opening.session(host, graph, wanted))
    }

    /// Puts it on the device for one image at a time, split behind a node that is edited at single positions.
    ///
    /// # Errors
    /// As [`Split::new`] and [`sweep::kept`].
    pub(crate) fn split_to_sweep(&self, host: &Host<'_>, weights: &Weights, node: &str) -> Result<Split> {
        let graph = &self.model.graph;
        let kept = sweep::kept(graph, node)?;
        let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
        let extent = Extent { per_image: false, per_position: true };
        let opening = Opening { file: &self.file, weights, images: 1, batch: Some(1) };
        Split::new(graph, node, extent, &kept, |graph, wanted| opening.session(host, graph, wanted))
    }

    /// What sweeps an edit of the layer of [`Generator::split_to_sweep`] over its positions, for as many at once as asked or as fit.
    ///
    /// # Errors
    /// As [`Sweep::new`].
    pub(crate) fn sweep(&self, host: &Host<'_>, weights: &Weights, split: &Split, batch: Option<u32>) -> Result<Sweep> {
        let positions = split.layer().positions() as usize;
        // Windows take less than half of what whole maps do, and are small for an adapter.
        let most = || session::fitting_batch(weights.gpu(), &self.model.graph, positions) * 2;
        let mut tuner = Tuner::cached();
        let place = |size| Sweep::new(weights, split, size, &mut tuner);
        halving(AtOnce::asked_or(batch, most), "positions", host.progress, place)
            .map_err(|error| error.at(self.file.path().display()))
    }

    /// What decides its images, for `run.json`.
    ///
    /// # Errors
    /// As [`LatentSource::fingerprint`].
    pub(crate) fn describe(&self) -> Result<Value> {
        let source = self.source(1);
        Ok(json!({
            "latents": source.in_words(), "latents_from": self.latents_from(), "count": self.indices.len(),
            "fingerprint": source.fingerprint()?,
        }))
    }

    /// The seed, or the name of the file without its folder.
    pub(crate) fn latents_from(&self) -> String {
        let from = self.latents.describe();
        if from.starts_with("seed ") { from } else { file_name(from.as_ref()) }
    }

    /// Its images as a report names them.
    ///
    /// # Errors
    /// As [`LatentSource::fingerprint`].
    pub(crate) fn report_images(&self) -> Result<schema::Images> {
        let (source, (h, w)) = (self.source(1), self.side());
        Ok(schema::Images {
            count: self.indices.len() as u64,
            fingerprint: source.fingerprint()?,
            geometry: format!("{h}x{w}, the generator's own"),
            order: "list".to_owned(),
            skipped: Vec::new(),
            left_out: LeftOut::default(),
            latents: Some(schema::Latents { list: source.in_words(), from: self.latents_from() }),
        })
    }
}
