//! Making images with a generator, as it is or with units changed, as a job.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::json;

use super::Host;
use super::finished::FinishedRun;
use super::generator::{Generator, LatentChoice};
use super::manifest;
use super::network::NetworkChoice;
use super::subject::forward;
use crate::data::pixels::rgb_of_signed;
use crate::dissect::edits::{self, Change, Words};
use crate::dissect::not_finite::NotFinite;
use crate::error::{Error, Result};
use crate::files::{self, Scratch};
use crate::report::schema::Warning;
use crate::report::{sheet, warnings};
use crate::session::Edit;
use crate::tensor::HostTensor;
use crate::weights::{self, Stored};

/// Which images to make, and where they go.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GenerateJob {
    /// The generator; if none is named, that of the first run whose ranking is used.
    pub network: NetworkChoice,
    /// What it is given; what is not said is as in that run.
    pub latents: LatentChoice,
    /// Units that are changed, in this order.
    pub changes: Vec<Words>,
    /// Images at once; as many as the memory allows if left out.
    pub batch: Option<u32>,
    /// Folder for one PNG file an image, named by the latent's number, and `manifest.json`.
    pub output: Option<PathBuf>,
    /// PNG file for all images side by side.
    pub sheet: Option<PathBuf>,
    /// File for the images as numbers `[n, 3, h, w]`, not clamped to [-1, 1].
    pub raw: Option<PathBuf>,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Generated {
    /// Images.
    pub images: usize,
    /// Rows and columns of each.
    pub size: (u32, u32),
    /// What was written.
    pub written: Vec<GeneratedFile>,
    /// Images with values that are NaN or infinite.
    pub warnings: Vec<Warning>,
}

/// A file or a folder that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GeneratedFile {
    /// Where.
    pub file: PathBuf,
    /// Bytes of it, or of all that is in it.
    pub bytes: u64,
}

impl GenerateJob {
    /// Makes the images.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if a layer, unit or latent is not there; [`crate::error::Kind::Output`] if a file cannot be written.
    pub fn perform(&self, host: &Host<'_>) -> Result<Generated> {
        let generator = self.generator()?;
        let changes: Vec<Change> =
            self.changes.iter().map(|words| words.change(generator.file.sha256())).collect::<Result<_>>()?;
        let edits = edits(&generator, &changes)?;
        let image = generator.model.graph.node(generator.model.graph.output()).clone();
        let gpu = host.open_gpu()?;
        let mut graph = generator.model.graph.clone();
        for (node, edit) in &edits {
            graph = graph.edited(node, edit.extent)?;
        }
        // The edited image, where that is a layer that is edited.
        let output = graph.node(graph.output()).name.clone();
        let session = generator.session(host, &generator.weights(&gpu), &graph, &[&output], self.batch)?;
        edits.iter().try_for_each(|(node, edit)| session.edit(node, Some(edit)))?;
        if let Some(path) = &self.sheet {
            sheet::size(generator.indices.len(), image.shape.h)?;
            // That there is no place for it is said before the work.
            drop(Scratch::beside(path)?);
        }
        let begin = |folder: &PathBuf| manifest::begin(folder, &manifest::of(&generator, &changes)?);
        let _taken = self.output.as_ref().map(begin).transpose()?;
        let mut outputs = Outputs::open(self, image.shape.h)?;
        host.progress.stage("generating", generator.indices.len() as u64);
        let source = generator.source(session.batch());
        let mut not_finite = NotFinite::new(image.shape.c as usize);
        forward(host, &session, &source, |batch| {
            let images = session.read(&output, batch.indices.len() as u32)?;
            not_finite.insert_maps(batch.indices[0], &images);
            outputs.take(&images, &batch.names)
        })?;
        let written = outputs.finish(&generator)?;
        let images = generator.indices.len();
        let warnings = not_finite.first_image().map(|first| {
            let (first, counts) = (generator.indices[first as usize].to_string(), (not_finite.images, images as u64));
            warnings::not_finite(None, "values", counts, &first, "they are black or white in pictures")
        });
        let (size, warnings) = ((image.shape.h, image.shape.w), warnings.into_iter().collect());
        Ok(Generated { images, size, written, warnings })
    }

    /// The generator and its latents.
    fn generator(&self) -> Result<Generator> {
        match self.changes.iter().find_map(Words::run) {
            Some(run) => FinishedRun::open(run)?.generator(&self.network, &self.latents),
            None => Generator::open(&self.network, &self.latents),
        }
    }
}

/// Nodes and what is done to each.
fn edits(generator: &Generator, changes: &[Change]) -> Result<Vec<(String, Edit)>> {
    let node_of = |layer: &str| generator.model.node_of(layer, false).map(str::to_owned);
    let graph = &generator.model.graph;
    let shape_of = |layer: &str| Ok(graph.node(graph.find(&node_of(layer)?)?).shape);
    let by_layer = edits::by_layer(changes, shape_of)?;
    by_layer.into_iter().map(|(layer, edit)| Ok((node_of(&layer)?, edit))).collect()
}

/// Where images go as they are made.
struct Outputs<'a> {
    job: &'a GenerateJob,
    /// Rows and columns.
    side: u32,
    /// Images of the sheet.
    pictures: Vec<Vec<u8>>,
    /// Images as numbers, which need not fit the memory.
    numbers: Option<Scratch>,
    /// Bytes of the single files.
    bytes: u64,
}

impl<'a> Outputs<'a> {
    fn open(job: &'a GenerateJob, side: u32) -> Result<Self> {
        let numbers = job.raw.as_deref().map(Scratch::beside).transpose()?;
        Ok(Outputs { job, side, pictures: Vec::new(), numbers, bytes: 0 })
    }

    /// Takes the images of a batch, each with the name of its latent.
    fn take(&mut self, images: &HostTensor, names: &[String]) -> Result<()> {
        if let Some(numbers) = &mut self.numbers {
            numbers.append(bytemuck::cast_slice(&images.data))?;
        }
        if self.job.output.is_none() && self.job.sheet.is_none() {
            return Ok(());
        }
        for (name, image) in names.iter().zip(images.data.chunks_exact(images.data.len() / names.len())) {
            let rgb = rgb_of_signed(image);
            if let Some(folder) = &self.job.output {
                let png = sheet::png(&rgb, self.side, self.side)?;
                files::write_atomic(&folder.join(format!("{name}.png")), &png)?;
                self.bytes += png.len() as u64;
            }
            if self.job.sheet.is_some() {
                self.pictures.push(rgb);
            }
        }
        Ok(())
    }

    /// Writes what holds all images.
    fn finish(self, generator: &Generator) -> Result<Vec<GeneratedFile>> {
        let mut written = Vec::new();
        if let Some(folder) = &self.job.output {
            written.push(GeneratedFile { file: folder.clone(), bytes: self.bytes });
        }
        if let Some(path) = &self.job.sheet {
            let sheet = sheet::sheet(&self.pictures, self.side)?;
            let png = sheet::png(sheet.as_raw(), sheet.width(), sheet.height())?;
            files::write_atomic(path, &png)?;
            written.push(GeneratedFile { file: path.clone(), bytes: png.len() as u64 });
        }
        if let (Some(path), Some(numbers)) = (&self.job.raw, &self.numbers) {
            let map = numbers.map()?;
            let numbers: &[f32] = bytemuck::try_cast_slice(&map)
                .map_err(|error| Error::internal(error.to_string()).at(path.display()))?;
            let dims = vec![generator.indices.len(), 3, self.side as usize, self.side as usize];
            let metadata = [
                ("latents".to_owned(), json!(generator.indices).to_string()),
                ("latents_from".to_owned(), generator.latents_from()),
                ("weights_sha256".to_owned(), generator.file.sha256().to_owned()),
            ];
            let values = |_| Ok(Cow::Borrowed(numbers));
            let stored = [Stored { name: "images".to_owned(), dims }];
            written.push(GeneratedFile {
                file: path.clone(),
                bytes: weights::save(path, &metadata, &stored, values)?.bytes,
            });
        }
        Ok(written)
    }
}
