//! What `remove`, `insert` and `detect` share: a generator cut behind a layer, a dissection that ranks its units, the folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use image::RgbImage;
use serde_json::{Value, json};

use super::concepts::ConceptArgs;
use super::context::Context;
use super::latents::LatentArgs;
use super::network::WeightArgs;
use super::words::grid;
use super::words::{size_in_words, time_in_words};
use crate::concepts::ConceptSource;
use crate::data::pixels::rgb_of_signed;
use crate::dissect::ranking::Dissected;
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::gpu::Gpu;
use crate::report::experiments::{self, About};
use crate::report::{self, schema, sheet};
use crate::roles::Split;
use crate::session::Edit;
use crate::work::generator::{Generator, Parts};
use crate::work::run_folder::{RunFiles, file_name};
use crate::work::timing::seconds_each;

/// What every experiment on a generator takes.
#[derive(Debug, Clone, Args)]
pub(super) struct ExperimentArgs {
    #[command(flatten)]
    pub(super) network: WeightArgs,

    #[command(flatten)]
    pub(super) latents: LatentArgs,

    #[command(flatten)]
    pub(super) concepts: ConceptArgs,

    /// Rows and columns on which pixels are counted [default: those of the dissection].
    #[arg(long, value_name = "ROWSxCOLUMNS", value_parser = grid)]
    pub(super) grid: Option<(u32, u32)>,

    #[command(flatten)]
    pub(super) place: PlaceArgs,
}

/// Where results go, and how.
#[derive(Debug, Clone, Args)]
pub(super) struct PlaceArgs {
    /// Folder for the results; several experiments may share one.
    #[arg(short, long, value_name = "DIR")]
    pub(super) output: PathBuf,

    /// Images at once [default: as many as the memory allows, up to 16].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(super) batch: Option<u32>,

    /// Start over, whatever the folder holds of this experiment.
    #[arg(long)]
    pub(super) restart: bool,

    /// Only say what would be done, how long it would take and how much memory.
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// A dissection and the generator that it dissected.
pub(super) struct Ranked {
    /// The dissected layer.
    pub(super) run: Dissected,
    /// Its report.
    pub(super) report: schema::Report,
    /// The generator.
    pub(super) generator: Generator,
    /// Node of the layer.
    pub(super) node: String,
    /// The concept.
    pub(super) label: usize,
}

impl Ranked {
    /// Opens a finished run and the generator it dissected.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if the run is of another network or has no such concept; else as [`Dissected::open`] and
    /// [`Generator::open`].
    pub(super) fn open(folder: &Path, concept: &str, args: &ExperimentArgs) -> Result<Ranked> {
        let run = Dissected::open(folder)?;
        let report = report::read(&run.folder)?;
        let generator = Generator::open(&args.network.choice(), &args.latents.choice())?;
        check_latents(&generator)?;
        if report.model.sha256 != generator.file.sha256() {
            let message = format!(
                "is a dissection of other weights: {} and {}",
                report.model.file,
                file_name(generator.file.path())
            );
            return Err(Error::input(message)
                .at(folder.display())
                .hint("units are ranked for one file of weights; dissect this one first"));
        }
        let label = run.label(concept).map_err(|error| error.at(folder.display()))?;
        let node = generator.model.node_of(&run.layer, report.settings.pre_relu)?.to_owned();
        Ok(Ranked { run, report, generator, node, label })
    }

    /// Opens the concepts, which must be those of the run.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if labels have other meanings; else as [`ConceptArgs::open`].
    pub(super) fn concepts<'a>(
        &self,
        context: &Context<'a>,
        gpu: &Gpu,
        args: &ExperimentArgs,
    ) -> Result<Box<dyn ConceptSource + 'a>> {
        let concepts = args.concepts.choice().open(context.host, gpu, None)?;
        if *concepts.vocabulary() != self.run.vocabulary {
            let error = Error::input("its labels are not those of these concepts").at(self.run.folder.display());
            return Err(error.hint("name the concepts that the run was dissected with"));
        }
        Ok(concepts)
    }

    /// The grid that pixels are counted on.
    pub(super) fn grid(&self, args: &ExperimentArgs) -> (u32, u32) {
        args.grid.unwrap_or((self.report.settings.grid[0], self.report.settings.grid[1]))
    }

    /// The first units of the ranking, at most `count`, each with its IoU.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if no unit meets the concept.
    pub(super) fn units(&self, count: usize) -> Result<Vec<experiments::Ranked>> {
        let mut units = crate::dissect::ranking::ranked(&self.run.tally, self.label);
        units.truncate(count);
        if units.is_empty() {
            let name = &self.run.vocabulary.names[self.label];
            return Err(Error::input(format!("no unit of {} ever meets `{name}`", self.run.layer))
                .at(self.run.folder.display()));
        }
        let iou = |unit| self.run.tally.iou(unit, self.label).unwrap_or(0.0);
        Ok(units
            .into_iter()
            .map(|unit| experiments::Ranked { unit: unit as u32, iou: iou(unit), value: None })
            .collect())
    }

    /// What decides every experiment of this kind, for the job's record.
    ///
    /// # Errors
    /// As [`Generator::describe`].
    pub(super) fn describe(&self, concepts: &dyn ConceptSource, grid: (u32, u32)) -> Result<Value> {
        Ok(json!({
            "tool": schema::Tool::current(), "model": self.report.model, "layer": self.run.layer,
            "pre_relu": self.report.settings.pre_relu, "concept": self.label, "images": self.generator.describe()?,
            "concepts": concepts.describe(), "grid": [grid.0, grid.1],
        }))
    }

    /// What the results say of how they came to be.
    ///
    /// # Errors
    /// As [`Generator::report_images`].
    pub(super) fn about(
        &self,
        experiment: &str,
        gpu: &Gpu,
        concepts: &dyn ConceptSource,
        grid: (u32, u32),
    ) -> Result<About> {
        Ok(About {
            schema_version: experiments::SCHEMA_VERSION,
            experiment: experiment.to_owned(),
            tool: schema::Tool::current(),
            model: self.report.model.clone(),
            layer: self.run.layer.clone(),
            images: self.generator.report_images()?,
            concepts: concepts.describe(),
            grid: [grid.0, grid.1],
            adapter: schema::Adapter::of(gpu.summary()),
        })
    }
}

impl PlaceArgs {
    /// Whether the work is done already; else notes what is begun. Nothing is touched by a dry run.
    ///
    /// Where it is done, the page is written again and states are removed: it may have been stopped before that.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the folder holds other work; [`Kind::Output`] if it cannot be written; else as
    /// [`experiments::write_page`].
    pub(super) fn begin(&self, files: &RunFiles, job: &Value, context: &Context<'_>) -> Result<bool> {
        if self.dry_run {
            return Ok(false);
        }
        experiments::check_folder(&self.output)?;
        if files.is_done(&self.output, job, self.restart)? {
            files.remove_states(&self.output)?;
            experiments::write_page(&self.output)?;
            context.host.progress.note("this experiment is done; `--restart` makes it again");
            return Ok(true);
        }
        files.begin(&self.output, job)?;
        Ok(false)
    }

    /// Ends work: the time it took, no state left, and the page.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if a file cannot be written; else as [`experiments::write_page`].
    pub(super) fn end(&self, files: &RunFiles, experiment: &str, started: Instant) -> Result<()> {
        let seconds = started.elapsed().as_secs_f64();
        let begun = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64()) - seconds;
        let timing = json!({ "started_unix": begun as u64, "seconds": seconds });
        report::write_json(&self.output.join(format!("{experiment}-timing.json")), &timing)?;
        files.remove_states(&self.output)?;
        experiments::write_page(&self.output)
    }
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

/// The two parts as one that experiments run.
///
/// # Errors
/// [`crate::error::Kind::Internal`] if there is no tail.
pub(super) fn split<'a>(gpu: &'a Gpu, parts: &'a mut Parts) -> Result<Split<'a>> {
    let tail = parts.tail.as_mut().ok_or_else(|| Error::internal("a generator in one part"))?;
    Ok(Split { gpu, head: &parts.head, tail })
}

/// Writes the image that an edit makes of the latent that was begun as a PNG file, with what `adorn` draws on it, and returns its
/// path relative to the folder.
///
/// # Errors
/// [`crate::error::Kind::Output`] if it cannot be written; else what the device reports.
pub(super) fn picture(
    split: &mut Split<'_>,
    edit: Option<&Edit>,
    (folder, file): (&Path, String),
    adorn: impl Fn(&mut RgbImage),
) -> Result<String> {
    split.images(&[0], edit)?;
    let image = split.read(1)?;
    let (h, w) = (image.shape.h, image.shape.w);
    let drawn = RgbImage::from_raw(w, h, rgb_of_signed(&image.data));
    let mut drawn = drawn.ok_or_else(|| Error::internal("an image of another size"))?;
    adorn(&mut drawn);
    let path = folder.join(&file);
    path.parent().map_or(Ok(()), files::make_folder)?;
    files::write_atomic(&path, &sheet::png(drawn.as_raw(), w, h)?)?;
    Ok(file)
}

/// Says what an experiment would do: so many runs of the head and so many images. `image` gives the seconds of one and how many
/// are made at once; where there is none the tail makes them.
///
/// # Errors
/// What the device reports.
pub(super) fn dry_run(
    context: &mut Context<'_>,
    gpu: &Gpu,
    parts: &Parts,
    (heads, tails, image): (u64, u64, Option<(f64, u32)>),
    output: &Path,
) -> Result<()> {
    let tail = parts.tail.as_ref().unwrap_or(&parts.head);
    let (seconds, batch) = match image {
        Some(known) => known,
        None => (seconds_each(gpu, tail, tail.batch())?, tail.batch()),
    };
    let each = (seconds_each(gpu, &parts.head, parts.head.batch())?, seconds);
    let seconds = each.0 * heads as f64 + each.1 * tails as f64;
    if context.json {
        return context.json(&json!({
            "head_passes": heads, "tail_passes": tails, "head_seconds": each.0, "tail_seconds": each.1,
            "batch": batch, "seconds": seconds, "memory_bytes": gpu.peak_bytes(),
        }));
    }
    context.line(&format!(
        "{heads} latents to the layer, {:.1} ms each; {tails} images from it, {:.1} ms each, {} at once, on {}",
        each.0 * 1e3,
        each.1 * 1e3,
        batch,
        gpu.summary().name
    ))?;
    context.line(&format!(
        "about {}, and what the concepts take; {} of memory",
        time_in_words(seconds),
        size_in_words(gpu.peak_bytes())
    ))?;
    context.line(&format!("would write {}; nothing was written", output.display()))
}
