//! `netdissect insert`: images with the units for a concept set at one position after the other.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use image::{Rgb, RgbImage};
use serde_json::json;

use super::context::Context;
use super::experiment::{self, ExperimentArgs, Ranked, picture};
use super::latents::{Indices, parse_list};
use super::words::fraction;
use crate::concepts::ConceptSource;
use crate::data::latent_source::LatentSource;
use crate::data::latents::{Latents, parse_indices};
use crate::dissect::edits::{Change, by_layer, position};
use crate::dissect::run::{Dissection, Settings};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::report::experiments::insert::{Insertion as Report, Levels, NAME, Sampling};
use crate::report::experiments::{self, Picture, Row};
use crate::roles::insert::{Insertion, InsertionCounts, Positions};
use crate::roles::{Split, Sweep, Watch};
use crate::work::generator::Parts;
use crate::work::run_folder::{RunFiles, digest};

/// Set the units for a concept at one position after the other and count where the concept appears.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect insert run --concept door -w church.safetensors --latents 0-99 --concepts colors -o doors
  netdissect insert run --concept door -w church.safetensors --latents 0-999 --positions 8 --concepts colors -o doors
  netdissect insert run --concept door -w church.safetensors --latents 0-99 --concepts colors --picture 151@5,3 -o doors

The run is a folder that `netdissect dissect` wrote for this generator. Units are set to their own quantile (0.995 unless told
otherwise) over the latents of that run. The folder then holds report.html, insert.json, insert.csv, two plots, and pictures. The
same command goes on where a stopped one left off.")]
pub(super) struct InsertArgs {
    /// Folder of a finished dissection, or of one of its layers.
    run: PathBuf,

    /// The concept whose units are set: a label's name or number.
    #[arg(long, value_name = "NAME")]
    concept: String,

    #[command(flatten)]
    experiment: ExperimentArgs,

    /// Units to set: the first by IoU.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=512))]
    units: u32,

    /// Set each unit to this quantile of its own activations; the authors' code has 0.995, their paper 0.99.
    #[arg(long, default_value_t = 0.995, value_name = "QUANTILE", value_parser = fraction)]
    level_quantile: f64,

    /// Latents to take the quantile over [default: those of the run, or those that are counted if the run's came from a file].
    #[arg(long, value_name = "LIST", value_parser = parse_list)]
    level_latents: Option<Indices>,

    /// Set all units to this activation instead.
    #[arg(long, value_name = "ACTIVATION", allow_negative_numbers = true, conflicts_with_all = ["level_quantile", "level_latents"])]
    value: Option<f32>,

    /// Try only so many positions in each image, drawn at random [default: all].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    positions: Option<u32>,

    /// Seed of that draw.
    #[arg(long, default_value_t = 1, value_name = "N", requires = "positions")]
    position_seed: u32,

    /// A latent and the row and column of the layer's map to show, such as `151@5,3`; may be given several times [default: the
    /// largest changes].
    #[arg(long, value_name = "LATENT@ROW,COLUMN", value_parser = place)]
    picture: Vec<(u32, (u32, u32))>,
}

/// A latent and a position.
fn place(words: &str) -> Result<(u32, (u32, u32)), String> {
    let (latent, at) = words.split_once('@').ok_or_else(|| format!("`{words}` names no place; such as 151@5,3"))?;
    let latent = latent.trim().parse().map_err(|_| format!("`{latent}` is no number of a latent; such as 151@5,3"))?;
    Ok((latent, position(at)?))
}

const STATE: &str = "insert-state.safetensors";
const LEVELS: &str = "insert-levels.safetensors";
const FILES: RunFiles = RunFiles { job: "insert-run.json", result: "insert.json", states: &[STATE, LEVELS] };

/// Changes shown where none are named.
const PICTURED: usize = 6;

/// Runs `netdissect insert`.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the run or the concept is not there; [`crate::error::Kind::Interrupted`] if stopped, after saving where it stood.
pub(super) fn run(args: &InsertArgs, context: &mut Context<'_>) -> Result<()> {
    let common = &args.experiment;
    common.concepts.choice().check_looks()?;
    let ranked = Ranked::open(&args.run, &args.concept, common)?;
    let units = ranked.units(args.units as usize)?;
    let gpu = context.host.open_gpu()?;
    let concepts = ranked.concepts(context, &gpu, common)?;
    let grid = ranked.grid(common);
    let levels = level_source(args, &ranked)?;
    let shape = ranked.generator.model.graph.node(ranked.generator.model.graph.find(&ranked.node)?).shape;
    check_pictures(args, &ranked, (shape.h, shape.w))?;
    let positions = match args.positions {
        Some(count) if count < shape.positions() => Positions::Drawn { count, seed: args.position_seed },
        _ => Positions::All,
    };
    let mut job = ranked.describe(concepts.as_ref(), grid)?;
    job["units"] = json!(units);
    job["value"] = json!(args.value);
    job["level_quantile"] = json!(levels.as_ref().map(|_| args.level_quantile));
    job["level_latents"] = json!(levels.as_ref().map(|levels| levels.in_words()));
    job["positions"] = json!(match positions {
        Positions::All => json!("all"),
        Positions::Drawn { count, seed } => json!({ "count": count, "seed": seed }),
    });
    job["pictures"] = json!(args.picture);
    if common.place.begin(&FILES, &job, context)? {
        return print(context, args);
    }
    let mut parts = ranked.generator.parts_to_sweep(context.host, &gpu, &ranked.node)?;
    let tried = positions.of_image("", shape.positions()).len() as u64;
    if common.place.dry_run {
        let latents = ranked.generator.indices.len() as u64;
        let level_passes = levels.as_ref().map_or(0, |levels| levels.indices().len() as u64);
        let mut sweep = ranked.generator.sweep(context.host, &gpu, &ranked.node, common.place.batch)?;
        let image = seconds_of_sweep(&gpu, &mut parts, &mut sweep, &units)?;
        let passes = (latents + level_passes, latents * (tried + 1), Some(image));
        return experiment::dry_run(context, &gpu, &parts, passes, &common.place.output);
    }
    let started = Instant::now();
    let job = digest(&job);
    let set = values(args, context, (&gpu, &parts), &ranked, concepts.as_ref(), levels.as_ref(), (&job, grid))?;
    // Not before the levels, whose tables take more room.
    let mut sweep = ranked.generator.sweep(context.host, &gpu, &ranked.node, common.place.batch)?;
    let chosen: Vec<(u32, f32)> =
        units.iter().map(|unit| (unit.unit, args.value.unwrap_or_else(|| set[unit.unit as usize]))).collect();
    let checkpoint = Some(common.place.output.join(STATE));
    let watch = Watch { checkpoint, job, progress: context.host.progress, stop: context.host.stop };
    let source = ranked.generator.source(1);
    let mut insertion = Insertion {
        split: experiment::split(&gpu, &mut parts)?,
        sweep: &mut sweep,
        latents: &source,
        concepts: concepts.as_ref(),
        grid,
        label: ranked.label,
        units: &chosen,
        positions,
    };
    let counts = insertion.run(&watch)?;
    let rows = pictures(args, &ranked, &mut insertion.split, &chosen, &counts)?;
    let units = units.into_iter().zip(&chosen).map(|(unit, set)| experiments::Ranked { value: Some(set.1), ..unit });
    let from = Levels {
        quantile: levels.as_ref().map(|_| args.level_quantile),
        latents: levels.as_ref().map(LatentSource::in_words),
    };
    let sampling = Sampling {
        images: counts.images,
        map: [shape.h, shape.w],
        positions: tried as u32,
        of: shape.positions(),
        seed: match positions {
            Positions::All => None,
            Positions::Drawn { seed, .. } => Some(seed),
        },
        samples: counts.surroundings.get(&0).map_or(0, |all| all.samples),
    };
    let about = ranked.about(NAME, &gpu, concepts.as_ref(), grid)?;
    let found = (units.collect(), from, sampling);
    Report::new(about, (concepts.vocabulary(), ranked.label), found, &counts, rows).write(&common.place.output)?;
    common.place.end(&FILES, NAME, started)?;
    print(context, args)
}

/// Seconds of an image of a sweep, the first batch not counted, and how many are made at once.
fn seconds_of_sweep(
    gpu: &Gpu,
    parts: &mut Parts,
    sweep: &mut Sweep,
    units: &[experiments::Ranked],
) -> Result<(f64, u32)> {
    let mut split = experiment::split(gpu, parts)?;
    let cells: Vec<u32> = (0..split.layer().positions().min(sweep.batch())).collect();
    let set: Vec<(u32, f32)> = units.iter().map(|unit| (unit.unit, 0.0)).collect();
    split.begin(&vec![0.5; split.head.graph().node(split.head.graph().input()).shape.len()], 1)?;
    split.images(&[0], None)?;
    let mut time = || {
        let start = Instant::now();
        sweep.images(gpu, split.tail, &set, &cells)?;
        gpu.wait()?;
        Ok::<f64, Error>(start.elapsed().as_secs_f64() / cells.len() as f64)
    };
    time()?;
    Ok((time()?, sweep.batch()))
}

/// The latents that levels are taken over, unless a value is given.
fn level_source(args: &InsertArgs, ranked: &Ranked) -> Result<Option<LatentSource>> {
    if args.value.is_some() {
        return Ok(None);
    }
    let own = &ranked.generator;
    if let Some(Indices(chosen)) = &args.level_latents {
        return Ok(Some(LatentSource::new(own.latents.clone(), chosen.clone(), 1)));
    }
    let of_run = ranked.report.images.latents.as_ref().and_then(|latents| {
        let seed = latents.from.strip_prefix("seed ")?.parse().ok()?;
        Some(LatentSource::new(Latents::seeded(seed, own.latents.size()), parse_indices(&latents.list).ok()?, 1))
    });
    Ok(Some(of_run.unwrap_or_else(|| own.source(1))))
}

/// What each unit of the layer is set to: its quantile, exactly; nothing where a value is given.
fn values(
    args: &InsertArgs,
    context: &Context<'_>,
    (gpu, parts): (&Gpu, &Parts),
    ranked: &Ranked,
    concepts: &dyn ConceptSource,
    levels: Option<&LatentSource>,
    (job, grid): (&str, (u32, u32)),
) -> Result<Vec<f32>> {
    let Some(levels) = levels else { return Ok(Vec::new()) };
    let settings = Settings {
        layers: vec![(ranked.run.layer.clone(), ranked.node.clone())],
        tail: 1.0 - args.level_quantile,
        grid,
        top: 0,
        shown: 0,
        thumbnail: 1,
        compat_strips: false,
        checkpoint: Some(args.experiment.place.output.join(LEVELS)),
        job: job.to_owned(),
    };
    let images = levels.with_batch(parts.head.batch());
    let dissection = Dissection {
        gpu,
        session: &parts.head,
        tail: None,
        images: &images,
        concepts,
        labelled: None,
        settings: &settings,
        progress: context.host.progress,
        stop: context.host.stop,
    };
    dissection.levels()?.pop().ok_or_else(|| Error::internal("no level came back"))
}

/// Checks that the pictures asked for can be made.
fn check_pictures(args: &InsertArgs, ranked: &Ranked, (h, w): (u32, u32)) -> Result<()> {
    let count = ranked.generator.latents.count().unwrap_or(u32::MAX);
    for (latent, (row, column)) in &args.picture {
        if *latent >= count {
            return Err(Error::input(format!("there is no latent {latent} to show")));
        }
        if *row >= h || *column >= w {
            let message = format!("there is no place {row},{column}; the maps of {} are {h}x{w}", ranked.run.layer);
            return Err(Error::input(message).hint("row and column count from 0"));
        }
    }
    Ok(())
}

/// Draws images before and after, with a frame around the position's part of the image.
fn pictures(
    args: &InsertArgs,
    ranked: &Ranked,
    split: &mut Split<'_>,
    units: &[(u32, f32)],
    counts: &InsertionCounts,
) -> Result<Vec<Row>> {
    let folder = &args.experiment.place.output;
    let layer = split.layer();
    let mut wanted: Vec<(u32, (u32, u32), Option<i64>)> =
        args.picture.iter().map(|&(latent, at)| (latent, at, None)).collect();
    if wanted.is_empty() {
        let numbers = &ranked.generator.indices;
        wanted.extend(counts.largest.iter().take(PICTURED).filter_map(|change| {
            let at = (change.position / layer.w, change.position % layer.w);
            Some((*numbers.get(change.image as usize)?, at, Some(change.pixels)))
        }));
    }
    let mut reader = ranked.generator.latents.reader()?;
    let mut rows = Vec::new();
    for (latent, at, pixels) in wanted {
        split.begin(&reader.row(latent)?, 1)?;
        let change = Change { layer: ranked.run.layer.clone(), units: units.to_vec(), at: Some(at) };
        let edits = by_layer(&[change], |_| Ok(layer))?;
        let mut pictures = Vec::new();
        for (edit, end, caption) in [(None, "before", "before"), (edits.first().map(|edit| &edit.1), "after", "after")]
        {
            let place = (folder.as_path(), format!("insert/{latent}-{}-{}-{end}.png", at.0, at.1));
            let file = picture(split, edit, place, |image| frame(image, at, (layer.h, layer.w)))?;
            pictures.push(Picture { file, caption: caption.to_owned() });
        }
        let gain = pixels.map_or_else(String::new, |pixels| format!(": {pixels:+} pixels of {}", args.concept));
        rows.push(Row { title: format!("Latent {latent}, set at row {}, column {}{gain}", at.0, at.1), pictures });
    }
    Ok(rows)
}

/// Draws a yellow frame, two pixels wide where there is room, around the part of an image that belongs to a cell of a map.
fn frame(image: &mut RgbImage, (row, column): (u32, u32), (h, w): (u32, u32)) {
    let (top, bottom) = (row * image.height() / h, (row + 1) * image.height() / h);
    let (left, right) = (column * image.width() / w, (column + 1) * image.width() / w);
    let wide = if bottom - top > 8 { 2 } else { 1 };
    for y in top..bottom {
        for x in left..right {
            if y < top + wide || y + wide >= bottom || x < left + wide || x + wide >= right {
                image.put_pixel(x, y, Rgb([255, 255, 0]));
            }
        }
    }
}

fn print(context: &mut Context<'_>, args: &InsertArgs) -> Result<()> {
    let folder = &args.experiment.place.output;
    let page = folder.join("report.html");
    let report = Report::open(folder)?;
    if context.json {
        return context.json(&json!({
            "folder": folder, "report": page, "concept": report.concept.name, "layer": report.about.layer,
            "sampling": report.sampling, "all": report.all, "surroundings": report.surroundings.len(),
        }));
    }
    let sampling = &report.sampling;
    context.line(&format!(
        "{}: {:.2} new pixels by an insertion, {} of {} positions in {} images",
        report.concept.name,
        report.all.mean.unwrap_or(0.0),
        sampling.positions,
        sampling.of,
        sampling.images
    ))?;
    for known in report.surroundings.iter().take(6) {
        let mean = known.effect.mean.unwrap_or(0.0);
        context.line(&format!("  amid {:<20} {mean:8.2}  ({} samples)", known.label.name, known.effect.samples))?;
    }
    context.line(&page.display().to_string())
}
