//! `netdissect dissect`: what each unit of some layers responds to.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::concepts::ConceptArgs;
use super::context::Context;
use super::latents::LatentArgs;
use super::network::{InputArgs, LayerArgs};
use super::words::{
    fraction, grid, passed_over_in_words, process_memory_in_words, size_in_words, time_in_words, warnings_in_words,
};
use super::written::Written;
use crate::error::Result;
use crate::report::schema::Report;
use crate::work::dissect::{DissectEstimate, DissectJob};
use crate::work::generator::LatentChoice;
use crate::work::subject::Inputs;

/// Label the units of some layers with the concepts they respond to.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect dissect photos/ --model demo-classifier -l conv5_3 --segmenter demo-segmenter -o run
  netdissect dissect scenes/images --labels scenes/labels --model demo-classifier -l conv5_3 -o exact
  netdissect dissect --latents 0-255 --model demo-generator -l layer6 --concepts colors -o made
  netdissect dissect photos/ --model demo-classifier -l conv5_3 --concepts colors -o later --dry-run

  # needs vgg16.safetensors
  netdissect dissect photos/ -w vgg16.safetensors -l conv4_3,conv5_3 --concepts colors -o vgg16

  # needs broden1_224 and vgg16.safetensors
  netdissect dissect broden1_224/ --as-is -w vgg16.safetensors -l conv5_3 --concepts broden -o broden

The same command goes on where a stopped one left off. The folder then holds report.html, report.json, units.csv, concepts.svg \
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
    #[arg(short, long, value_name = "DIR", value_parser = Written::Folder.path())]
    output: PathBuf,

    /// Fraction of positions at which a unit fires: its level is the quantile above which this fraction lies. 0.01 is the 99th
    /// percentile; above 0.5 the result carries a warning.
    #[arg(long, default_value_t = DissectJob::default().quantile, value_name = "FRACTION", value_parser = fraction)]
    quantile: f64,

    /// IoU that a unit's best concept must exceed to count as a match.
    #[arg(long, default_value_t = DissectJob::default().min_iou, value_name = "IOU", value_parser = fraction)]
    min_iou: f64,

    /// Rows and columns on which units and concepts are compared [default: 56x56; for a generator a quarter of its image].
    #[arg(long, value_name = "ROWSxCOLUMNS", value_parser = grid)]
    grid: Option<(u32, u32)>,

    /// Images kept for each unit.
    #[arg(long, default_value_t = DissectJob::default().top, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    top: u32,

    /// Images shown for each unit.
    #[arg(long, default_value_t = DissectJob::default().shown, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=50))]
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

impl DissectArgs {
    /// The job that the words mean.
    fn job(&self) -> Result<DissectJob> {
        let inputs = match self.latents.or_images(&self.input)? {
            Inputs::Latents(latents) => Inputs::Latents(LatentChoice { limit: self.input.limit, ..latents }),
            images => images,
        };
        Ok(DissectJob {
            network: self.input.network.choice(),
            inputs,
            layers: self.layers.choice(),
            concepts: self.concepts.choice(),
            output: self.output.clone(),
            batch: self.input.batch,
            quantile: self.quantile,
            min_iou: self.min_iou,
            grid: self.grid,
            top: self.top,
            shown: self.show,
            compat_strips: self.compat_strips,
            save_labels: self.save_labels,
            restart: self.restart,
        })
    }
}

/// Runs `netdissect dissect`.
///
/// # Errors
/// As [`DissectJob::perform`].
pub(super) fn run(args: &DissectArgs, context: &mut Context<'_>) -> Result<()> {
    let job = args.job()?;
    if args.dry_run {
        let estimate = job.estimate(context.host)?;
        return context.tell(&estimate, || estimate_in_words(&estimate, &args.output));
    }
    let report = job.perform(context.host)?;
    let page = args.output.join("report.html");
    let layers: Vec<_> = report
        .layers
        .iter()
        .map(|layer| json!({ "layer": layer.layer, "units": layer.unit_count, "matched": layer.matched, "concepts": layer.concepts.len() }))
        .collect();
    let said = json!({
        "folder": args.output, "report": page, "layers": layers, "warnings": report.warnings,
        "skipped": report.images.skipped,
        "left_out": report.images.left_out,
    });
    context.tell(&said, || in_words(&report, &page))
}

fn in_words(report: &Report, page: &Path) -> Vec<String> {
    let layers = report.layers.iter().map(|layer| {
        let (name, matched, units, concepts) = (&layer.layer, layer.matched, layer.unit_count, layer.concepts.len());
        format!("{name}: {matched} of {units} units match {concepts} concepts")
    });
    layers
        .chain(warnings_in_words(&report.warnings))
        .chain(passed_over_in_words(&report.images.skipped, &report.images.left_out))
        .chain([page.display().to_string()])
        .collect()
}

fn estimate_in_words(estimate: &DissectEstimate, output: &Path) -> Vec<String> {
    let DissectEstimate { images, batch, adapter, .. } = estimate;
    let mut lines = vec![format!("{images} images, {batch} at once, on {adapter}")];
    lines.extend(
        estimate
            .layers
            .iter()
            .map(|layer| format!("{}: {} units of {}x{}", layer.layer, layer.units, layer.height, layer.width)),
    );
    // Where some activations are held between passes and others are not, it is a mean over images.
    let passes = (estimate.forward_passes * 10.0).round() / 10.0;
    let making = estimate.seconds_to_make.map(|seconds| format!(", and {:.0} ms to make one", seconds * 1e3));
    lines.push(format!(
        "about {} ({passes} forward passes of {:.0} ms an image{}), and what the concepts take",
        time_in_words(estimate.seconds),
        estimate.seconds_each * 1e3,
        making.unwrap_or_default()
    ));
    lines.push(format!(
        "{} of memory for buffers, and up to {} for activations between passes",
        size_in_words(estimate.memory_bytes),
        size_in_words(estimate.held_bytes)
    ));
    lines.extend(process_memory_in_words(estimate.process_bytes));
    lines.push(format!("would write {}; nothing was written", output.display()));
    lines
}
