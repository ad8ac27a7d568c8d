//! `netdissect segment`: label maps of images, and pictures of them.

use std::path::{Path, PathBuf};

use clap::Args;

use super::concepts::ConceptArgs;
use super::context::Context;
use super::network::{ExifName, GeometryArgs};
use super::output::writing;
use super::words::{passed_over_in_words, process_memory_in_words, time_in_words};
use super::written::Written;
use crate::error::Result;
use crate::files;
use crate::work::segment::{SegmentEstimate, SegmentJob, Segmented};

/// Label the pixels of images, and show the labels.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect segment photos/ --model demo-segmenter -o segmented
  netdissect segment photo.jpg --concepts colors --as-is -o colors
  netdissect segment scenes/images --labels scenes/labels -o exact

  # needs upernet.safetensors and colors.safetensors
  netdissect segment photos/ --segmenter upernet.safetensors,colors.safetensors -o objects

The folder then holds index.html, areas.json, labels.csv and, for an image a/b.jpg, its label maps a/b.png or a/b.0.png, a/b.1.png \
..., a/b.picture.jpg and a/b.overlay.png. It can be given to `netdissect dissect photos/ --labels segmented`, with `--as-is` for both \
or for neither. The same command goes on where a stopped one left off.")]
pub(super) struct SegmentArgs {
    /// Images: folders (searched to any depth), list files (`.txt`, one path a line), images, or patterns such as 'shots/*.png'.
    #[arg(required = true)]
    images: Vec<PathBuf>,

    #[command(flatten)]
    concepts: ConceptArgs,

    /// Segmenters that come with the program, `demo-segmenter`, which know scenes: stands for `--concepts upernet --segmenter NAME`.
    #[arg(long, value_name = "NAME", group = "source", conflicts_with = "labels")]
    model: Option<String>,

    /// Folder for the results; a new one, or that of a run to go on with.
    #[arg(short, long, value_name = "DIR", value_parser = Written::Folder.path())]
    output: PathBuf,

    /// Pixels along a side of the squares that get one label each.
    #[arg(long, default_value_t = SegmentJob::default().downsample, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    downsample: u32,

    #[command(flatten)]
    geometry: GeometryArgs,

    /// Categories that overlays show, smallest labels on top [default: the first of object, part, material, texture, color that
    /// there is].
    #[arg(long, value_name = "CATEGORY", value_delimiter = ',')]
    paint: Vec<String>,

    /// Images at once.
    #[arg(short, long, default_value_t = SegmentJob::default().batch, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    batch: u32,

    /// Only the first N images in order.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,

    /// What to do about the rotation a camera noted: turn the image upright, or take pixels as they are stored.
    #[arg(long, value_enum, default_value_t)]
    exif: ExifName,

    /// Start over, whatever run the folder holds.
    #[arg(long)]
    restart: bool,

    /// Only say what would be done, how long it would take and how much memory.
    #[arg(long)]
    dry_run: bool,
}

/// Runs `netdissect segment`.
///
/// # Errors
/// As [`SegmentJob::perform`].
pub(super) fn run(args: &SegmentArgs, context: &mut Context<'_>) -> Result<()> {
    let job = SegmentJob {
        images: args.images.clone(),
        concepts: args.concepts.choice_or_shipped(args.model.as_deref())?,
        output: args.output.clone(),
        downsample: args.downsample,
        geometry: args.geometry.choice(),
        paint: args.paint.clone(),
        batch: args.batch,
        limit: args.limit,
        exif: args.exif.into(),
        restart: args.restart,
    };
    if args.dry_run {
        let estimate = job.estimate(context.host)?;
        return context.tell(&estimate, || estimate_in_words(&estimate, &args.output));
    }
    let segmented = job.perform(context.host)?;
    if context.json {
        // As it lies: the areas of many images need not fit the memory.
        let mut file = files::open(&segmented.areas)?;
        return std::io::copy(&mut file, context.out).map(drop).map_err(|error| writing(&error));
    }
    in_words(&segmented).iter().try_for_each(|line| context.line(line))
}

fn in_words(Segmented { images, skipped, left_out, page, .. }: &Segmented) -> Vec<String> {
    let mut lines = vec![format!("{images} image{} segmented", if *images == 1 { "" } else { "s" })];
    lines.extend(passed_over_in_words(skipped, left_out));
    lines.push(page.display().to_string());
    lines
}

fn estimate_in_words(estimate: &SegmentEstimate, output: &Path) -> Vec<String> {
    let mut lines = vec![format!("{} images, {} of them finished", estimate.images, estimate.finished)];
    if let Some((rows, columns)) = estimate.grid {
        lines.push(format!("label maps of {rows}x{columns}, {:.0} ms an image", estimate.seconds_each * 1e3));
    }
    lines.push(format!("about {}", time_in_words(estimate.seconds)));
    lines.extend(process_memory_in_words(estimate.process_bytes));
    lines.push(format!("would write {}; nothing was written", output.display()));
    lines
}
