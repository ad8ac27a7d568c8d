//! What the words of experiments share: where results go, which units are meant, and how plans and results are told.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::concepts::ConceptArgs;
use super::context::Context;
use super::latents::LatentArgs;
use super::network::WeightArgs;
use super::words::{grid, process_memory_in_words, size_in_words, time_in_words};
use super::written::Written;
use crate::error::Result;
use crate::work::experiments::ranked::RankedChoice;
use crate::work::experiments::{Estimate, Experiment, Place};

/// The words of an experiment.
pub(super) trait ExperimentWords {
    /// What they ask for.
    type Job: Experiment;

    /// The job that the words mean.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if they do not go together.
    fn job(&self) -> Result<Self::Job>;

    /// Where results go, or that there are to be none.
    fn target(&self) -> ExperimentTarget;

    /// What would be done, in words.
    fn plan(estimate: &Estimate) -> Told {
        plan(estimate)
    }

    /// What was found, in words.
    fn found(report: &<Self::Job as Experiment>::Report) -> Told;
}

/// What is to come of an experiment.
pub(super) struct ExperimentTarget {
    /// Where results go.
    pub(super) place: Place,
    /// Whether only a plan is wanted.
    pub(super) is_dry_run: bool,
}

/// A plan or a result in words.
pub(super) struct Told {
    /// As an object.
    pub(super) json: Value,
    /// As lines.
    pub(super) lines: Vec<String>,
}

/// Does an experiment, or plans it, and tells of it.
///
/// # Errors
/// As [`Experiment::perform`] and [`Experiment::estimate`].
pub(super) fn run<W: ExperimentWords>(words: &W, context: &mut Context<'_>) -> Result<()> {
    let (job, ExperimentTarget { place, is_dry_run }) = (words.job()?, words.target());
    let folder = place.output.as_path();
    if is_dry_run {
        let estimate = job.estimate(context.host)?;
        let Told { mut json, mut lines } = W::plan(&estimate);
        json["process_bytes"] = json!(estimate.process_bytes);
        lines.extend(process_memory_in_words(estimate.process_bytes));
        lines.push(format!("would write {}; nothing was written", folder.display()));
        return context.tell(&json, || lines);
    }
    let Told { json: found, mut lines } = W::found(&job.perform(&place, context.host)?);
    let page = folder.join("report.html");
    let mut json = json!({ "folder": folder, "report": page });
    if let (Some(all), Value::Object(found)) = (json.as_object_mut(), found) {
        all.extend(found);
    }
    lines.push(page.display().to_string());
    context.tell(&json, || lines)
}

/// Images up to a layer and from it on, or images alone.
fn plan(estimate: &Estimate) -> Told {
    let (head, seconds, memory) = (estimate.head, estimate.seconds(), size_in_words(estimate.memory_bytes));
    let time = time_in_words(seconds);
    let Some(tail) = estimate.tail else {
        return Told {
            json: json!({ "images": head.count, "seconds": seconds, "memory_bytes": estimate.memory_bytes }),
            lines: vec![format!("{} images, about {time}; {memory} of memory for buffers", head.count)],
        };
    };
    let (to, from) = (head.seconds * 1e3, tail.seconds * 1e3);
    Told {
        json: json!({
            "head_passes": head.count, "tail_passes": tail.count, "head_seconds": head.seconds, "tail_seconds": tail.seconds,
            "batch": tail.batch, "seconds": seconds, "memory_bytes": estimate.memory_bytes,
        }),
        lines: vec![
            format!(
                "{} latents to the layer, {to:.1} ms each; {} images from it, {from:.1} ms each, {} at once, on {}",
                head.count, tail.count, tail.batch, estimate.adapter
            ),
            format!("about {time}, and what the concepts take; {memory} of memory for buffers"),
        ],
    }
}

/// What every experiment on the units for a concept takes.
#[derive(Debug, Clone, Args)]
#[command(mut_group("network", |group| group.required(false)), mut_group("source", |group| group.required(false)))]
pub(super) struct RankedArgs {
    #[command(flatten)]
    network: WeightArgs,

    #[command(flatten)]
    latents: LatentArgs,

    #[command(flatten)]
    concepts: ConceptArgs,

    /// Rows and columns on which pixels are counted [default: those of the dissection].
    #[arg(long, value_name = "ROWSxCOLUMNS", value_parser = grid)]
    grid: Option<(u32, u32)>,

    #[command(flatten)]
    pub(super) place: PlaceArgs,
}

impl RankedArgs {
    /// The first units for a concept by a run.
    pub(super) fn choice(&self, run: &Path, concept: &str, units: u32) -> RankedChoice {
        RankedChoice {
            run: run.to_owned(),
            concept: concept.to_owned(),
            units: units as usize,
            network: self.network.choice(),
            latents: self.latents.choice(),
            labelling: self.concepts.named(),
            grid: self.grid,
            batch: self.place.batch,
        }
    }
}

/// Where results go, and how.
#[derive(Debug, Clone, Args)]
pub(super) struct PlaceArgs {
    /// Folder for the results; several experiments may share one.
    #[arg(short, long, value_name = "DIR", value_parser = Written::Folder.path())]
    output: PathBuf,

    /// Images at once [default: as many as the memory allows, up to 16].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(super) batch: Option<u32>,

    /// Start over, whatever the folder holds of this experiment.
    #[arg(long)]
    restart: bool,

    /// Only say what would be done, how long it would take and how much memory.
    #[arg(long)]
    dry_run: bool,
}

impl PlaceArgs {
    /// What the words mean.
    pub(super) fn target(&self) -> ExperimentTarget {
        let place = Place { output: self.output.clone(), restart: self.restart };
        ExperimentTarget { place, is_dry_run: self.dry_run }
    }
}
