//! The units for a concept: a dissection that ranks them, the generator that it dissected, and what labels its images.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::concepts::{ConceptSource, Vocabulary};
use crate::dissect::ranking::{Dissected, ranked};
use crate::error::{Error, Kind, Result};
use crate::gpu::Gpu;
use crate::report::experiments::{About, RankedUnit};
use crate::report::{self, schema};
use crate::work::Host;
use crate::work::concepts::Labelling;
use crate::work::generator::{Generator, LatentChoice};
use crate::work::network::NetworkChoice;
use crate::work::run_folder::file_name;

/// Which units of which generator, and how its images are looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedChoice {
    /// Folder of a finished dissection of this generator, or of one of its layers: its layer, its ranking of units and its grid are
    /// taken.
    pub run: PathBuf,
    /// The concept whose units are meant: a label's name or number.
    pub concept: String,
    /// How many units at most, the first by IoU.
    pub units: usize,
    /// The generator.
    pub network: NetworkChoice,
    /// Its latents.
    pub latents: LatentChoice,
    /// The concepts, which must be those of the run.
    pub labelling: Labelling,
    /// Rows and columns on which pixels are counted; those of the dissection if none are named.
    pub grid: Option<(u32, u32)>,
    /// Images at once; as many as the memory allows if none are named.
    pub batch: Option<u32>,
}

/// A dissection and the generator that it dissected, opened and checked.
pub(crate) struct Ranked {
    /// The dissected layer.
    pub(crate) run: Dissected,
    /// Its report.
    pub(crate) report: schema::Report,
    /// The generator.
    pub(crate) generator: Generator,
    /// Node of the layer.
    pub(crate) node: String,
    /// The concept.
    pub(crate) label: usize,
    /// The units, best first.
    pub(crate) units: Vec<RankedUnit>,
    /// Rows and columns on which pixels are counted.
    pub(crate) grid: (u32, u32),
}

/// The same with the device, and with what labels images.
pub(crate) struct Labelled<'h> {
    /// The units and their generator.
    pub(crate) ranked: Ranked,
    /// The device.
    pub(crate) gpu: Gpu,
    /// What labels images.
    pub(crate) concepts: Box<dyn ConceptSource + 'h>,
}

impl Ranked {
    /// Opens a finished run and the generator it dissected.
    ///
    /// # Errors
    /// [`Kind::Input`] if the run is of another network, has no such concept, or no unit that meets it; [`Kind::Usage`] if a latent is
    /// named twice; else as [`Dissected::open`] and [`Generator::open`].
    pub(crate) fn open(choice: &RankedChoice) -> Result<Ranked> {
        choice.labelling.check_looks()?;
        let run = Dissected::open(&choice.run)?;
        let report = report::read(&run.folder)?;
        let generator = Generator::open(&choice.network, &choice.latents)?;
        check_latents(&generator)?;
        if report.model.sha256 != generator.file.sha256() {
            let file = file_name(generator.file.path());
            let message = format!("is a dissection of other weights: {} and {file}", report.model.file);
            return Err(Error::input(message)
                .at(choice.run.display())
                .hint("units are ranked for one file of weights; dissect this one first"));
        }
        let label = run.label(&choice.concept).map_err(|error| error.at(choice.run.display()))?;
        let node = generator.model.node_of(&run.layer, report.settings.pre_relu)?.to_owned();
        let units = first_units(&run, label, choice.units)?;
        let grid = choice.grid.unwrap_or((report.settings.grid[0], report.settings.grid[1]));
        Ok(Ranked { run, report, generator, node, label, units, grid })
    }

    /// Opens the device and the concepts.
    ///
    /// # Errors
    /// [`Kind::Input`] if labels have other meanings than in the run; else as [`Host::open_gpu`] and [`Labelling::open`].
    pub(crate) fn labelled<'h>(self, labelling: &Labelling, host: &Host<'h>) -> Result<Labelled<'h>> {
        let gpu = host.open_gpu()?;
        let concepts = labelling.open(host, &gpu, None)?;
        check_vocabulary(&self.run, concepts.vocabulary())?;
        Ok(Labelled { ranked: self, gpu, concepts })
    }

    /// Checks that there is a latent of this number, to be shown.
    ///
    /// # Errors
    /// [`Kind::Input`] if there is none.
    pub(super) fn check_shown(&self, latent: u32) -> Result<()> {
        match self.generator.latents.count() {
            Some(count) if latent >= count => Err(Error::input(format!("there is no latent {latent} to show"))),
            _ => Ok(()),
        }
    }
}

/// The first units of the ranking, at most `count`, each with its IoU.
fn first_units(run: &Dissected, label: usize, count: usize) -> Result<Vec<RankedUnit>> {
    let units = ranked(&run.tally, label).into_iter().take(count);
    let unit = |unit| RankedUnit { unit: unit as u32, iou: run.tally.iou(unit, label).unwrap_or(0.0), value: None };
    let units: Vec<RankedUnit> = units.map(unit).collect();
    if units.is_empty() {
        let message = format!("no unit of {} ever meets `{}`", run.layer, run.vocabulary.names[label]);
        return Err(Error::input(message).at(run.folder.display()));
    }
    Ok(units)
}

/// Checks that labels mean the same to a run and to concepts.
///
/// # Errors
/// [`Kind::Input`], with the folder of the run.
pub(super) fn check_vocabulary(run: &Dissected, vocabulary: &Vocabulary) -> Result<()> {
    if run.vocabulary == *vocabulary {
        return Ok(());
    }
    let error = Error::input("its labels are not those of these concepts").at(run.folder.display());
    Err(error.hint("name the concepts that the run was dissected with"))
}

/// Checks that no latent is named twice: images are taken for independent of each other.
///
/// # Errors
/// [`Kind::Usage`] naming the first that is.
pub(super) fn check_latents(generator: &Generator) -> Result<()> {
    let mut seen = BTreeSet::new();
    match generator.indices.iter().find(|&&index| !seen.insert(index)) {
        None => Ok(()),
        Some(index) => Err(Error::new(Kind::Usage, format!("latent {index} is named twice in `--latents`"))
            .hint("name each once: means and their intervals take images for independent of each other")),
    }
}

impl Labelled<'_> {
    /// What decides every experiment of this kind, for the job's record.
    ///
    /// # Errors
    /// As [`Generator::describe`].
    pub(super) fn describe(&self) -> Result<Value> {
        let Ranked { run, report, generator, label, grid, .. } = &self.ranked;
        Ok(json!({
            "tool": schema::Tool::current(), "model": report.model, "layer": run.layer,
            "pre_relu": report.settings.pre_relu, "concept": label, "images": generator.describe()?,
            "concepts": self.concepts.describe(), "grid": [grid.0, grid.1],
        }))
    }

    /// What the results say of how they came to be.
    ///
    /// # Errors
    /// As [`Generator::report_images`].
    pub(super) fn about(&self, experiment: &str) -> Result<About> {
        let Ranked { run, report, generator, grid, .. } = &self.ranked;
        let images = generator.report_images()?;
        let about = About::new(experiment, report.model.clone(), &run.layer, images, self.gpu.summary());
        Ok(about.counted(self.concepts.describe(), *grid))
    }
}
