//! `netdissect remove`: images without the units for a concept.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::experiment::{self, ExperimentArgs, Ranked, picture};
use super::latents::{Indices, parse_list};
use crate::data::Watch;
use crate::error::{Error, Result};
use crate::report::experiments::remove::{NAME, Removal as Report};
use crate::report::experiments::{Picture, Row};
use crate::roles::Split;
use crate::roles::remove::Removal;
use crate::session::Edit;
use crate::work::run_folder::{RunFiles, digest};

/// Switch the units for a concept off, one after the other, and count what is lost.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect remove run --concept tree -w church.safetensors --latents 0-999 --concepts colors -o treeless
  netdissect remove run/layer4 --concept tree -w church.safetensors --latents 0-99 --concepts colors --pictures 489,726 -o treeless

The run is a folder that `netdissect dissect` wrote for this generator: its layer, its ranking of units and its grid are taken. The
folder then holds report.html, remove.json, remove.csv, two plots, and pictures before and after. The same command goes on where a
stopped one left off.")]
pub(super) struct RemoveArgs {
    /// Folder of a finished dissection, or of one of its layers.
    run: PathBuf,

    /// The concept whose units are removed: a label's name or number.
    #[arg(long, value_name = "NAME")]
    concept: String,

    #[command(flatten)]
    experiment: ExperimentArgs,

    /// Units to remove at most: none, the first by IoU, the first two, and so on.
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=512))]
    units: u32,

    /// Latents to show before and after [default: the first four]; they need not be among those that are counted.
    #[arg(long, value_name = "LIST", value_parser = parse_list)]
    pictures: Option<Indices>,
}

const STATE: &str = "remove-state.safetensors";
const FILES: RunFiles = RunFiles { job: "remove-run.json", result: "remove.json", states: &[STATE] };

/// Units removed in pictures, as in the paper's figure.
const PICTURED: [usize; 5] = [0, 2, 4, 8, 20];
/// Most latents pictured.
const MOST_PICTURED: usize = 32;

/// Runs `netdissect remove`.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the run or the concept is not there; [`crate::error::Kind::Interrupted`] if stopped, after saving where it stood.
pub(super) fn run(args: &RemoveArgs, context: &mut Context<'_>) -> Result<()> {
    let common = &args.experiment;
    common.concepts.choice().check_looks()?;
    let ranked = Ranked::open(&args.run, &args.concept, common)?;
    let units = ranked.units(args.units as usize)?;
    let pictured = pictured(args, &ranked)?;
    let gpu = context.host.open_gpu()?;
    let concepts = ranked.concepts(context, &gpu, common)?;
    let grid = ranked.grid(common);
    let mut job = ranked.describe(concepts.as_ref(), grid)?;
    job["units"] = json!(units);
    job["pictures"] = json!(pictured);
    if common.place.begin(&FILES, &job, context)? {
        return print(context, args);
    }
    let mut parts = ranked.generator.parts(context.host, &gpu, &[&ranked.node], common.place.batch)?;
    let source = ranked.generator.source(parts.head.batch());
    if common.place.dry_run {
        let latents = source.indices().len() as u64;
        let passes = (latents, latents * (units.len() as u64 + 1), None);
        return experiment::dry_run(context, &gpu, &parts, passes, &common.place.output);
    }
    let started = Instant::now();
    let watch = Watch {
        checkpoint: Some(common.place.output.join(STATE)),
        job: digest(&job),
        progress: context.host.progress,
        stop: context.host.stop,
    };
    let numbers: Vec<u32> = units.iter().map(|unit| unit.unit).collect();
    let split = experiment::split(&gpu, &mut parts)?;
    let mut removal = Removal { split, latents: &source, concepts: concepts.as_ref(), grid, units: &numbers };
    let counts = removal.run(&watch)?;
    if counts.losses(ranked.label).is_none() {
        context.host.progress.note(&format!("no image has a pixel of `{}`: there is nothing to lose", args.concept));
    }
    let rows = pictures(args, &ranked, &mut removal.split, &numbers, &pictured)?;
    let about = ranked.about(NAME, &gpu, concepts.as_ref(), grid)?;
    Report::new(about, (concepts.vocabulary(), ranked.label), units, &counts, rows).write(&common.place.output)?;
    common.place.end(&FILES, NAME, started)?;
    print(context, args)
}

/// Latents to show.
fn pictured(args: &RemoveArgs, ranked: &Ranked) -> Result<Vec<u32>> {
    let chosen = match &args.pictures {
        Some(Indices(chosen)) => chosen.clone(),
        None => ranked.generator.indices.iter().copied().take(4).collect(),
    };
    let beyond = ranked.generator.latents.count().and_then(|count| chosen.iter().find(|&&latent| latent >= count));
    match beyond {
        Some(latent) => Err(Error::input(format!("there is no latent {latent} to show"))),
        None if chosen.len() > MOST_PICTURED => {
            Err(Error::input(format!("{} latents to show; at most {MOST_PICTURED} can be", chosen.len())))
        }
        None => Ok(chosen),
    }
}

/// Draws each latent as it is and with ever more units removed.
fn pictures(
    args: &RemoveArgs,
    ranked: &Ranked,
    split: &mut Split<'_>,
    units: &[u32],
    latents: &[u32],
) -> Result<Vec<Row>> {
    let folder = &args.experiment.place.output;
    let mut sizes: Vec<usize> = PICTURED.into_iter().filter(|&size| size <= units.len()).collect();
    if units.len() < PICTURED[PICTURED.len() - 1] && !sizes.contains(&units.len()) {
        sizes.push(units.len());
    }
    let mut reader = ranked.generator.latents.reader()?;
    let mut rows = Vec::new();
    for &latent in latents {
        split.begin(&reader.row(latent)?, 1)?;
        let mut pictures = Vec::new();
        for &size in &sizes {
            let edit = (size > 0).then(|| Edit::zero(split.layer().c, &units[..size]));
            let place = (folder.as_path(), format!("remove/{latent}-{size}.png"));
            let file = picture(split, edit.as_ref(), place, |_| ())?;
            let caption = match size {
                0 => "as it is".to_owned(),
                1 => "1 unit removed".to_owned(),
                size => format!("{size} units removed"),
            };
            pictures.push(Picture { file, caption });
        }
        rows.push(Row { title: format!("Latent {latent}"), pictures });
    }
    Ok(rows)
}

fn print(context: &mut Context<'_>, args: &RemoveArgs) -> Result<()> {
    let folder = &args.experiment.place.output;
    let page = folder.join("report.html");
    let report = Report::open(folder)?;
    let last = report.labels.first().and_then(|loss| loss.steps.last());
    if context.json {
        return context.json(&json!({
            "folder": folder, "report": page, "concept": report.concept.name, "layer": report.about.layer,
            "images": report.count, "units": report.units.len(), "lost": last.and_then(|step| step.lost),
            "low": last.and_then(|step| step.low), "high": last.and_then(|step| step.high),
        }));
    }
    let (name, units) = (&report.concept.name, report.units.len());
    let images = report.count;
    context.line(&match last
        .and_then(|step| Some((step.lost?, step.low.unwrap_or(f64::NAN), step.high.unwrap_or(f64::NAN))))
    {
        Some((lost, low, high)) if low.is_finite() => format!(
            "{name}: {:.1} % of its pixels lost with {units} units of {} removed ({:.1} to {:.1} %), {images} images",
            lost * 100.0,
            report.about.layer,
            low * 100.0,
            high * 100.0
        ),
        Some((lost, ..)) => format!(
            "{name}: {:.1} % of its pixels lost with {units} units of {} removed, one image",
            lost * 100.0,
            report.about.layer
        ),
        None => format!("{name}: no pixel in {images} images"),
    })?;
    context.line(&page.display().to_string())
}
