//! The units for a concept: a dissection that ranks them, the generator that it dissected, and what labels its images.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::concepts::ConceptSource;
use crate::dissect::ranking::{Dissected, ranked};
use crate::error::{Error, Kind, Result};
use crate::gpu::Gpu;
use crate::report::experiments::{About, RankedUnit};
use crate::report::schema;
use crate::work::Host;
use crate::work::concepts::Labelling;
use crate::work::finished::FinishedRun;
use crate::work::generator::{Generator, LatentChoice};
use crate::work::network::NetworkChoice;

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
    /// The generator; that of the run if none is named.
    pub network: NetworkChoice,
    /// Its latents; what is not said of them is as in the run.
    pub latents: LatentChoice,
    /// The concepts, which must be those of the run; if none are named, they are.
    pub labelling: Option<Labelling>,
    /// Rows and columns on which pixels are counted; those of the dissection if none are named.
    pub grid: Option<(u32, u32)>,
    /// Images at once; as many as the memory allows if none are named.
    pub batch: Option<u32>,
}

/// A dissection and the generator that it dissected, opened and checked.
pub(crate) struct Ranked {
    /// The dissected layer and its report.
    pub(crate) run: FinishedRun,
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
    /// named twice; else as [`FinishedRun::open`] and [`FinishedRun::generator`].
    pub(crate) fn open(choice: &RankedChoice) -> Result<Ranked> {
        choice.labelling.as_ref().map_or(Ok(()), Labelling::check_looks)?;
        let run = FinishedRun::open(&choice.run)?;
        let label = run.layer.label(&choice.concept).map_err(|error| error.at(choice.run.display()))?;
        let generator = run.generator(&choice.network, &choice.latents)?;
        check_latents(&generator)?;
        let settings = &run.report.settings;
        let node = generator.model.node_of(&run.layer.layer, settings.pre_relu)?.to_owned();
        let units = first_units(&run.layer, label, choice.units)?;
        let grid = choice.grid.unwrap_or((settings.grid[0], settings.grid[1]));
        Ok(Ranked { run, generator, node, label, units, grid })
    }

    /// Opens the device and the concepts.
    ///
    /// # Errors
    /// [`Kind::Input`] if labels have other meanings than in the run; else as [`Host::open_gpu`] and [`FinishedRun::concepts`].
    pub(crate) fn labelled<'h>(self, labelling: Option<&Labelling>, host: &Host<'h>) -> Result<Labelled<'h>> {
        let gpu = host.open_gpu()?;
        self.run.note_unchecked(host.progress);
        let concepts = self.run.concepts(labelling, host, &gpu)?;
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
        let Ranked { run: FinishedRun { layer, report }, generator, label, grid, .. } = &self.ranked;
        Ok(json!({
            "tool": schema::Tool::current(), "model": report.model, "layer": layer.layer,
            "pre_relu": report.settings.pre_relu, "concept": label, "images": generator.describe()?,
            "concepts": self.concepts.describe(), "grid": [grid.0, grid.1],
        }))
    }

    /// What the results say of how they came to be.
    ///
    /// # Errors
    /// As [`Generator::report_images`].
    pub(super) fn about(&self, experiment: &str) -> Result<About> {
        let Ranked { run: FinishedRun { layer, report }, generator, grid, .. } = &self.ranked;
        let images = generator.report_images()?;
        let about = About::new(experiment, report.model.clone(), &layer.layer, images, self.gpu.summary());
        Ok(about.counted(self.concepts.describe(), *grid))
    }
}
