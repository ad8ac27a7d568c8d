//! `netdissect dissect`: what each unit of some layers responds to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::{Value, json};

use super::concepts::ConceptArgs;
use super::context::{Context, size_in_words, time_in_words};
use super::latents::LatentArgs;
use super::network::{InputArgs, LayerArgs};
use crate::concepts::{ConceptSource, LabelMaps, label_writer};
use crate::data::Watch;
use crate::dissect::run::{Dissection, LabelListener, Outcome, Settings};
use crate::error::Result;
use crate::files;
use crate::gpu::Gpu;
use crate::report;
use crate::session::Session;
use crate::work::generator::{LatentChoice, Parts};
use crate::work::run_folder::{RunFiles, digest, file_name};
use crate::work::strips;
use crate::work::subject::{Inputs, Source, Subject};
use crate::work::timing::seconds_each;

/// Label the units of some layers with the concepts they respond to.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect dissect photos/ --weights vgg16.safetensors --layer conv5_3 --concepts colors -o run
  netdissect dissect photos/ -w vgg16.safetensors -l conv4_3,conv5_3 --labels label-maps/ -o run
  netdissect dissect photos/ -w vgg16.safetensors -l conv5_3 --concepts upernet --segmenter upernet.safetensors,colors.safetensors -o run
  netdissect dissect broden1_224/ --as-is -w vgg16.safetensors -l conv5_3 --concepts broden -o run
  netdissect dissect --latents 0-999 -w church.safetensors -l layer4 --concepts colors -o run
  netdissect dissect photos/ -w vgg16.safetensors -l conv5_3 --concepts colors -o run --dry-run

The same command goes on where a stopped one left off. The folder then holds report.html, report.json, units.csv, concepts.svg
and, for each layer, tally.safetensors and topk.safetensors. A generator is given latents; its images are its own.")]
pub(super) struct DissectArgs {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    latents: LatentArgs,

    #[command(flatten)]
    layers: LayerArgs,

    #[command(flatten)]
    concepts: ConceptArgs,

    /// Folder for the results.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// Fraction of positions at which a unit fires: its level is the quantile above which this fraction lies.
    #[arg(long, default_value_t = 0.01, value_name = "FRACTION", value_parser = fraction)]
    quantile: f64,

    /// IoU that a unit's best concept must exceed to count as a match.
    #[arg(long, default_value_t = 0.04, value_name = "IOU", value_parser = fraction)]
    min_iou: f64,

    /// Rows and columns on which units and concepts are compared [default: 56x56; for a generator a quarter of its image].
    #[arg(long, value_name = "ROWSxCOLUMNS", value_parser = grid)]
    grid: Option<(u32, u32)>,

    /// Images kept for each unit.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    top: u32,

    /// Images shown for each unit.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=50))]
    show: u32,

    /// Draw strips of generated images as the reference's batch script does, which takes their values for ones in [0, 1]: all
    /// that is darker than mid-grey turns black.
    #[arg(long)]
    compat_strips: bool,

    /// Also write the label maps that were used, to DIR/labels, in the format that `--labels` reads.
    #[arg(long)]
    save_labels: bool,

    /// Start over, whatever the folder holds.
    #[arg(long)]
    restart: bool,

    /// Only say what would be done, how long it would take and how much memory.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn fraction(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err("needs a number between 0 and 1".to_owned()),
    }
}

pub(super) fn grid(text: &str) -> Result<(u32, u32), String> {
    let sizes =
        text.split_once(['x', 'X']).and_then(|(rows, columns)| Some((rows.parse().ok()?, columns.parse().ok()?)));
    match sizes {
        Some((rows @ 1..=1024, columns @ 1..=1024)) => Ok((rows, columns)),
        _ => Err("needs rows and columns from 1 to 1024, such as 56x56".to_owned()),
    }
}

/// Side of a shown image, pixels, as in the reference.
const THUMBNAIL: u32 = 100;

const CHECKPOINT: &str = "checkpoint.safetensors";
const FILES: RunFiles = RunFiles { job: "run.json", result: "report.json", states: &[CHECKPOINT] };

/// Concepts listed for each unit.
const BEST: usize = 5;

/// Runs `netdissect dissect`.
///
/// # Errors
/// [`crate::error::Kind::Input`] naming what is wrong with a file; [`crate::error::Kind::Output`] if the folder cannot be written; [`crate::error::Kind::Interrupted`] if
/// stopped, after saving where it stood.
pub(super) fn run(args: &DissectArgs, context: &mut Context<'_>) -> Result<()> {
    let inputs = match args.latents.or_images(&args.input)? {
        Inputs::Latents(latents) => Inputs::Latents(LatentChoice { limit: args.input.limit, ..latents }),
        images => images,
    };
    let subject = Subject::open(&args.input.network.choice(), &inputs)?;
    let nodes = subject.nodes(&args.layers.choice())?;
    if let (true, Subject::Photographs(network)) = (args.save_labels, &subject) {
        label_writer::check_names(network.set.items.iter().map(|item| item.name.as_str()))?;
    }
    let grid = args.grid.unwrap_or_else(|| subject.default_grid());
    let gpu = context.host.open_gpu()?;
    let concepts = args.concepts.choice().open(context.host, &gpu, subject.photographs())?;
    let job = args.job(&subject, &nodes, concepts.as_ref(), grid)?;
    if !args.dry_run {
        if FILES.is_done(&args.output, &job, args.restart)? {
            context.host.progress.note("this run is complete; `--restart` makes it again");
            return print_done(context, &args.output);
        }
        FILES.begin(&args.output, &job)?;
    }
    let parts = subject.parts(context.host, &gpu, &nodes, args.input.batch)?;
    let source = subject.source(&parts.head)?;
    if args.dry_run {
        return dry_run(args, context, (&subject, &nodes), (&gpu, &parts), &source, grid);
    }
    let started = Instant::now();
    let settings = Settings {
        layers: nodes.clone(),
        tail: args.quantile,
        grid,
        top: args.top as usize,
        shown: args.show as usize,
        thumbnail: THUMBNAIL,
        compat_strips: args.compat_strips,
    };
    let watch = Watch {
        checkpoint: Some(args.output.join(CHECKPOINT)),
        // Label maps are written as they are counted: work that did not write them cannot be taken up by work that does.
        job: format!("{}{}", digest(&job), if args.save_labels { ", label maps saved" } else { "" }),
        progress: context.host.progress,
        stop: context.host.stop,
    };
    let labels = args.output.join("labels");
    if args.save_labels {
        label_writer::write_table(&labels, concepts.vocabulary())?;
    }
    let write_labels =
        args.save_labels.then_some(|name: &str, maps: &LabelMaps| label_writer::write_maps(&labels, name, maps));
    let outcome = Dissection {
        gpu: &gpu,
        session: &parts.head,
        tail: parts.tail.as_ref(),
        images: source.images(),
        concepts: concepts.as_ref(),
        labelled: write_labels.as_ref().map(|listener| listener as &LabelListener<'_>),
        settings: &settings,
    }
    .run(&watch)?;
    write(args, context, (&subject, &source), (&gpu, &parts), concepts.as_ref(), (&outcome, grid))?;
    let timing = report::schema::Timing {
        started_unix: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs()),
        seconds: started.elapsed().as_secs_f64(),
        stages: BTreeMap::new(),
    };
    report::write_timing(&args.output, &timing)?;
    FILES.remove_states(&args.output)?;
    print_done(context, &args.output)
}

impl DissectArgs {
    /// Everything that decides the result, for `run.json`: a run is taken up again only if this is the same.
    fn job(
        &self,
        subject: &Subject,
        nodes: &[(String, String)],
        concepts: &dyn ConceptSource,
        grid: (u32, u32),
    ) -> Result<Value> {
        let layers: Vec<&str> = nodes.iter().map(|(name, _)| name.as_str()).collect();
        let file = subject.file();
        Ok(json!({
            "tool": report::schema::Tool::current(),
            "model": { "name": subject.model().name, "file": file_name(file.path()), "sha256": file.sha256(), "preprocess": subject.preprocess()? },
            "images": subject.describe_images()?,
            "concepts": concepts.describe(),
            "settings": {
                "layers": layers, "pre_relu": self.layers.choice().pre_relu, "quantile": self.quantile, "min_iou": self.min_iou,
                "grid": [grid.0, grid.1], "top": self.top, "show": self.show, "compat_strips": self.compat_strips,
            },
        }))
    }
}

/// Tallies, top images, strips and the report.
fn write(
    args: &DissectArgs,
    context: &Context<'_>,
    (subject, source): (&Subject, &Source),
    (gpu, parts): (&Gpu, &Parts),
    concepts: &dyn ConceptSource,
    (outcome, grid): (&Outcome, (u32, u32)),
) -> Result<()> {
    for outcome in &outcome.layers {
        let folder = report::layer_folder(&args.output, &outcome.name)?;
        files::make_folder(&folder)?;
        outcome.tally.save(&folder.join("tally.safetensors"))?;
        outcome.topk.save(&folder.join("topk.safetensors"))?;
    }
    let look = strips::Look { shown: args.show as usize, thumbnail: THUMBNAIL, best: BEST, min_iou: args.min_iou };
    let names = source.names();
    let layers = strips::layers(&args.output, &names, concepts.vocabulary(), outcome, &look, context.host.progress)?;
    let positions = u64::from(grid.0) * u64::from(grid.1);
    let counted = outcome.layers.first().map_or(0, |outcome| outcome.tally.positions / positions);
    let (file, sessions) = (subject.file(), std::iter::once(&parts.head).chain(&parts.tail));
    report::write(
        &args.output,
        &report::schema::Report {
            schema_version: report::schema::SCHEMA_VERSION,
            tool: report::schema::Tool::current(),
            model: report::schema::Model {
                name: subject.model().name.clone(),
                file: file_name(file.path()),
                sha256: file.sha256().to_owned(),
                preprocess: subject.preprocess()?.to_owned(),
            },
            images: subject.report_images(source, counted, context.host.stop)?,
            concepts: report::schema::Concepts {
                source: concepts.describe(),
                vocabulary: concepts.vocabulary().clone(),
            },
            settings: report::schema::Settings {
                quantile_tail: args.quantile,
                min_iou: args.min_iou,
                grid: [grid.0, grid.1],
                pre_relu: args.layers.choice().pre_relu,
                layers: outcome.layers.iter().map(|outcome| outcome.name.clone()).collect(),
            },
            adapter: report::schema::Adapter::of(gpu.summary()),
            kernels: sessions
                .flat_map(Session::variants)
                .map(|(layer, variant)| (layer, format!("{variant:?}")))
                .collect(),
            layers,
        },
    )
}

fn print_done(context: &mut Context<'_>, folder: &Path) -> Result<()> {
    let report = report::read(folder)?;
    let page = folder.join("report.html");
    if context.json {
        let layers: Vec<_> = report
            .layers
            .iter()
            .map(|layer| json!({ "layer": layer.layer, "units": layer.unit_count, "matched": layer.matched, "concepts": layer.concepts.len() }))
            .collect();
        return context
            .json(&json!({ "folder": folder, "report": page, "layers": layers, "skipped": report.images.skipped }));
    }
    for layer in &report.layers {
        let text = format!(
            "{}: {} of {} units match {} concepts",
            layer.layer,
            layer.matched,
            layer.unit_count,
            layer.concepts.len()
        );
        context.line(&text)?;
    }
    for skipped in &report.images.skipped {
        context.line(&format!("skipped {}: {}", skipped.name, skipped.reason))?;
    }
    context.line(&page.display().to_string())
}

/// Times one batch and says what the whole would take.
fn dry_run(
    args: &DissectArgs,
    context: &mut Context<'_>,
    (subject, nodes): (&Subject, &[(String, String)]),
    (gpu, parts): (&Gpu, &Parts),
    source: &Source,
    grid: (u32, u32),
) -> Result<()> {
    let images = source.images();
    let Some(batch) = images.batches(0..images.count()).next().transpose()? else {
        return Err(source.nothing_readable());
    };
    let n = batch.indices.len() as u32;
    let (session, count) = (&parts.head, subject.count());
    session.upload(&batch.input, n)?;
    let each = seconds_each(gpu, session, n)?;
    let images = parts.tail.as_ref().map_or(Ok(0.0), |tail| seconds_each(gpu, tail, n))?;
    let graph = session.graph();
    let mut held = 0;
    let mut units = Vec::new();
    for (name, node) in nodes {
        let shape = graph.node(graph.find(node)?).shape;
        held += shape.bytes() * count as u64;
        units.push(json!({ "layer": name, "units": shape.c, "height": shape.h, "width": shape.w }));
    }
    let fits = held < gpu.free_bytes() / 2;
    let passes = if fits { 1.0 } else { 3.0 };
    let seconds = (each * passes + images) * count as f64;
    if context.json {
        return context.json(&json!({
            "images": count, "batch": session.batch(), "layers": units, "grid": [grid.0, grid.1],
            "seconds": seconds, "memory_bytes": gpu.peak_bytes(), "activations_bytes": held, "forward_passes": passes,
        }));
    }
    context.line(&format!("{count} images, {} at once, on {}", session.batch(), gpu.summary().name))?;
    for layer in units {
        context.line(&format!(
            "{}: {} units of {}x{}",
            layer["layer"].as_str().unwrap_or_default(),
            layer["units"],
            layer["height"],
            layer["width"]
        ))?;
    }
    let making = if images > 0.0 { format!(", and {:.0} ms to make one", images * 1e3) } else { String::new() };
    context.line(&format!(
        "about {} ({:.0} forward passes of {:.0} ms an image{making}), and what the concepts take",
        time_in_words(seconds),
        passes,
        each * 1e3
    ))?;
    context.line(&format!(
        "{} of memory, and up to {} for activations between passes",
        size_in_words(gpu.peak_bytes()),
        size_in_words(held.min(gpu.budget()))
    ))?;
    context.line(&format!("would write {}; nothing was written", args.output.display()))
}
