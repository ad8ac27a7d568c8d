//! `netdissect dissect`: what each unit of some layers responds to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::concepts::ConceptArgs;
use super::context::{Context, size_in_words, time_in_words};
use super::network::{InputArgs, LayerArgs, Network};
use super::render;
use crate::concepts::{ConceptSource, label_writer};
use crate::data::loader::ImageLoader;
use crate::dissect::run::{Dissection, LayerOutcome, Settings};
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::gpu::Gpu;
use crate::report;
use crate::session::Session;

/// Label the units of some layers with the concepts they respond to.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect dissect photos/ --weights vgg16.safetensors --layer conv5_3 --concepts colors -o run
  netdissect dissect photos/ -w vgg16.safetensors -l conv4_3,conv5_3 --labels label-maps/ -o run
  netdissect dissect broden1_224/ --as-is -w vgg16.safetensors -l conv5_3 --concepts broden -o run
  netdissect dissect photos/ -w vgg16.safetensors -l conv5_3 --concepts colors -o run --dry-run

The same command goes on where a stopped one left off. The folder then holds report.html, report.json, units.csv, concepts.svg
and, for each layer, tally.safetensors and topk.safetensors.")]
pub(super) struct DissectArgs {
    #[command(flatten)]
    input: InputArgs,

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

    /// Rows and columns on which units and concepts are compared.
    #[arg(long, default_value = "56x56", value_name = "ROWSxCOLUMNS", value_parser = grid)]
    grid: (u32, u32),

    /// Images kept for each unit.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    top: u32,

    /// Images shown for each unit.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=50))]
    show: u32,

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

fn fraction(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err("needs a number between 0 and 1".to_owned()),
    }
}

fn grid(text: &str) -> Result<(u32, u32), String> {
    let sizes =
        text.split_once(['x', 'X']).and_then(|(rows, columns)| Some((rows.parse().ok()?, columns.parse().ok()?)));
    match sizes {
        Some((rows @ 1..=1024, columns @ 1..=1024)) => Ok((rows, columns)),
        _ => Err("needs rows and columns from 1 to 1024, such as 56x56".to_owned()),
    }
}

/// Side of a shown image, pixels, as in the reference.
const THUMBNAIL: u32 = 100;

/// Concepts listed for each unit.
const BEST: usize = 5;

/// Runs `netdissect dissect`.
///
/// # Errors
/// [`Kind::Input`] naming what is wrong with a file; [`Kind::Output`] if the folder cannot be written; [`Kind::Interrupted`] if
/// stopped, after saving where it stood.
pub(super) fn run(args: &DissectArgs, context: &mut Context<'_>) -> Result<()> {
    let network = args.input.open()?;
    if args.save_labels {
        label_writer::check_names(network.set.items.iter().map(|item| item.name.as_str()))?;
    }
    let nodes = network.nodes(&args.layers)?;
    let keep: Vec<&str> = nodes.iter().map(|(_, node)| node.as_str()).collect();
    let gpu = context.open_gpu()?;
    let concepts = args.concepts.open(&gpu, args.input.broden(&network))?;
    let job = args.job(&network, &nodes, concepts.as_ref())?;
    if !args.dry_run {
        if args.is_done(&job)? {
            context.progress.note("this run is complete; `--restart` makes it again");
            return print_done(context, &args.output);
        }
        files::make_folder(&args.output)?;
        report::write_json(&args.output.join("run.json"), &job)?;
    }
    let session = network.session(context, &gpu, &keep, args.input.batch)?;
    let loader = ImageLoader::new(network.set.clone(), network.load_options(&session)?)?;
    if args.dry_run {
        return dry_run(args, context, &network, (&gpu, &session), &loader);
    }
    let started = Instant::now();
    let settings = Settings {
        layers: nodes.clone(),
        tail: args.quantile,
        grid: args.grid,
        top: args.top as usize,
        shown: args.show as usize,
        thumbnail: THUMBNAIL,
        checkpoint: Some(args.output.join("checkpoint.safetensors")),
        job: digest(&job),
    };
    let (progress, stop) = (context.progress, context.stop);
    let outcomes = Dissection {
        gpu: &gpu,
        session: &session,
        images: &loader,
        concepts: concepts.as_ref(),
        settings: &settings,
        progress,
        stop,
    }
    .run()?;
    if args.save_labels {
        render::save_labels(&args.output.join("labels"), &loader, concepts.as_ref(), args.grid, progress)?;
    }
    write(args, context, &network, (&gpu, &session), &loader, concepts.as_ref(), &outcomes)?;
    let timing = report::schema::Timing {
        started_unix: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs()),
        seconds: started.elapsed().as_secs_f64(),
        stages: BTreeMap::new(),
    };
    report::write_timing(&args.output, &timing)?;
    if let Some(path) = settings.checkpoint.as_ref().filter(|path| path.exists()) {
        std::fs::remove_file(path).map_err(|error| Error::writing(path, &error))?;
    }
    print_done(context, &args.output)
}

impl DissectArgs {
    /// Everything that decides the result, for `run.json`: a run is taken up again only if this is the same.
    fn job(&self, network: &Network, nodes: &[(String, String)], concepts: &dyn ConceptSource) -> Result<Value> {
        let layers: Vec<&str> = nodes.iter().map(|(name, _)| name.as_str()).collect();
        Ok(json!({
            "tool": report::schema::Tool::current(),
            "model": { "name": network.model.name, "file": file_name(network.file.path()), "sha256": network.file.sha256(), "preprocess": network.file.preprocess()?.name() },
            "images": {
                "folder": self.input.images, "count": network.set.len(), "fingerprint": network.set.fingerprint(),
                "geometry": network.geometry.describe(), "order": network.order(),
            },
            "concepts": concepts.describe(),
            "settings": {
                "layers": layers, "pre_relu": self.layers.pre_relu, "quantile": self.quantile, "min_iou": self.min_iou,
                "grid": [self.grid.0, self.grid.1], "top": self.top, "show": self.show,
            },
        }))
    }

    /// Whether the folder holds the finished result of the same job.
    ///
    /// # Errors
    /// [`Kind::Usage`] if it holds another run, unless told to start over.
    fn is_done(&self, job: &Value) -> Result<bool> {
        let Ok(text) = std::fs::read_to_string(self.output.join("run.json")) else { return Ok(false) };
        if self.restart {
            for name in ["report.json", "checkpoint.safetensors"] {
                let path = self.output.join(name);
                if path.exists() {
                    std::fs::remove_file(&path).map_err(|error| Error::writing(&path, &error))?;
                }
            }
            return Ok(false);
        }
        if serde_json::from_str::<Value>(&text).ok().as_ref() != Some(job) {
            return Err(Error::new(Kind::Usage, "holds another run")
                .at(self.output.display())
                .hint("choose another folder with `-o`, or pass `--restart` to replace it"));
        }
        Ok(self.output.join("report.json").exists())
    }
}

fn digest(job: &Value) -> String {
    Sha256::digest(job.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// Tallies, top images, strips and the report.
fn write(
    args: &DissectArgs,
    context: &Context<'_>,
    network: &Network,
    (gpu, session): (&Gpu, &Session),
    loader: &ImageLoader,
    concepts: &dyn ConceptSource,
    outcomes: &[LayerOutcome],
) -> Result<()> {
    for outcome in outcomes {
        let folder = report::layer_folder(&args.output, &outcome.name)?;
        files::make_folder(&folder)?;
        outcome.tally.save(&folder.join("tally.safetensors"))?;
        outcome.topk.save(&folder.join("topk.safetensors"))?;
    }
    let look = render::Look { shown: args.show as usize, thumbnail: THUMBNAIL, best: BEST, min_iou: args.min_iou };
    let layers = render::layers(&args.output, loader, concepts.vocabulary(), outcomes, &look, context.progress)?;
    let adapter = gpu.summary();
    let skipped = loader.skipped();
    report::write(
        &args.output,
        &report::schema::Report {
            schema_version: report::schema::SCHEMA_VERSION,
            tool: report::schema::Tool::current(),
            model: report::schema::Model {
                name: network.model.name.clone(),
                file: file_name(network.file.path()),
                sha256: network.file.sha256().to_owned(),
                preprocess: network.file.preprocess()?.name().to_owned(),
            },
            images: report::schema::Images {
                count: (network.set.len() - skipped.len()) as u64,
                fingerprint: network.set.fingerprint(),
                geometry: network.geometry.describe().to_string(),
                order: network.order().to_owned(),
                skipped: skipped
                    .into_iter()
                    .map(|s| report::schema::Skipped { name: s.name, reason: s.reason })
                    .collect(),
            },
            concepts: report::schema::Concepts {
                source: concepts.describe(),
                vocabulary: concepts.vocabulary().clone(),
            },
            settings: report::schema::Settings {
                quantile_tail: args.quantile,
                min_iou: args.min_iou,
                grid: [args.grid.0, args.grid.1],
                pre_relu: args.layers.pre_relu,
                layers: outcomes.iter().map(|outcome| outcome.name.clone()).collect(),
            },
            adapter: report::schema::Adapter {
                name: adapter.name.clone(),
                backend: adapter.backend.clone(),
                driver: adapter.driver.clone(),
                driver_info: adapter.driver_info.clone(),
            },
            kernels: session.variants().into_iter().map(|(layer, variant)| (layer, format!("{variant:?}"))).collect(),
            layers,
        },
    )
}

fn print_done(context: &mut Context<'_>, folder: &Path) -> Result<()> {
    let report = report::read(folder)?;
    let page = folder.join("report.html");
    if context.global.json {
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
    network: &Network,
    (gpu, session): (&Gpu, &Session),
    loader: &ImageLoader,
) -> Result<()> {
    use crate::data::ImageSource;
    let Some(batch) = loader.batches(0).next().transpose()? else {
        return Err(loader.nothing_readable());
    };
    let n = batch.indices.len() as u32;
    session.upload(&batch.input, n)?;
    let program = gpu.program(session.record(n)?)?;
    // The first run compiles.
    gpu.wait_for(gpu.submit(&program)?)?;
    let start = Instant::now();
    gpu.wait_for(gpu.submit(&program)?)?;
    let each = start.elapsed().as_secs_f64() / f64::from(n);
    let graph = session.graph();
    let nodes = network.nodes(&args.layers)?;
    let mut held = 0;
    let mut units = Vec::new();
    for (name, node) in &nodes {
        let shape = graph.node(graph.find(node)?).shape;
        held += shape.bytes() * network.set.len() as u64;
        units.push(json!({ "layer": name, "units": shape.c, "height": shape.h, "width": shape.w }));
    }
    let fits = held < gpu.free_bytes() / 2;
    let passes = if fits { 1.0 } else { 3.0 };
    let seconds = each * passes * network.set.len() as f64;
    if context.global.json {
        return context.json(&json!({
            "images": network.set.len(), "batch": session.batch(), "layers": units, "grid": [args.grid.0, args.grid.1],
            "seconds": seconds, "memory_bytes": gpu.peak_bytes(), "activations_bytes": held, "forward_passes": passes,
        }));
    }
    context.line(&format!("{} images, {} at once, on {}", network.set.len(), session.batch(), gpu.summary().name))?;
    for layer in units {
        context.line(&format!(
            "{}: {} units of {}x{}",
            layer["layer"].as_str().unwrap_or_default(),
            layer["units"],
            layer["height"],
            layer["width"]
        ))?;
    }
    context.line(&format!(
        "about {} ({:.0} forward passes of {:.0} ms an image)",
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
