//! `netdissect scenes`: pictures of a world with known truth, with label maps.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::words::{size_in_words, time_in_words};
use super::written::Written;
use crate::error::Result;
use crate::work::scenes::{DrawnScenes, ScenesEstimate, ScenesJob};

/// Draw pictures of outdoor and indoor places with exact label maps of objects, parts, materials and colours.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect scenes --count 600 -o pictures
  netdissect scenes --count 4000 --classes church,street,farm --seed 7 -o outdoors
  netdissect scenes --count 60 --sheet sheet.png -o few

The folder then holds images/CLASS/NUMBER.png, labels/labels.csv, labels/CLASS/NUMBER.0.png to .3.png (object, part, material, \
colour; grey value = label number, 0 = none) and scenes.json. A picture depends on seed, class and number alone, on no machine. The \
same command goes on where a stopped one left off; a larger count adds to what is there.")]
pub(super) struct ScenesArgs {
    /// Pictures in all, evenly over the classes.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3_000_000))]
    count: u64,

    /// Seed of the world.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Folder for images, labels and scenes.json.
    #[arg(short, long, value_name = "DIR", value_parser = Written::Folder.path())]
    output: PathBuf,

    /// Pixels a side.
    #[arg(long, value_name = "PIXELS", default_value = "128", value_parser = ["128", "256"])]
    size: String,

    /// Only these classes [default: all].
    #[arg(long, value_name = "CLASS,...", value_delimiter = ',')]
    classes: Vec<String>,

    /// PNG file for all pictures side by side, 900 at most.
    #[arg(long, value_name = "FILE.png", value_parser = Written::Png.path())]
    sheet: Option<PathBuf>,

    /// Say what would be drawn and how long it would take.
    #[arg(long)]
    dry_run: bool,
}

/// Runs `netdissect scenes`.
///
/// # Errors
/// As [`ScenesJob::perform`].
pub(super) fn run(args: &ScenesArgs, context: &mut Context<'_>) -> Result<()> {
    let job = ScenesJob {
        count: args.count,
        seed: args.seed,
        side: if args.size == "256" { 256 } else { 128 },
        classes: args.classes.clone(),
        output: args.output.clone(),
        sheet: args.sheet.clone(),
    };
    if args.dry_run {
        tell_estimate(&job.estimate()?, context)
    } else {
        tell(&job.perform(context.host)?, args, context)
    }
}

fn tell(
    DrawnScenes { set, concepts, written }: &DrawnScenes,
    args: &ScenesArgs,
    context: &mut Context<'_>,
) -> Result<()> {
    let counts = set.counts().into_iter().map(|(name, count)| (name.to_owned(), count.into()));
    let said = json!({
        "folder": args.output, "pictures": set.count, "drawn": written.drawn, "kept": written.kept, "bytes": written.bytes,
        "size": set.side, "seed": set.seed, "classes": counts.collect::<serde_json::Map<_, _>>(), "concepts": concepts,
    });
    context.tell(&said, || {
        let kept = if written.kept > 0 { format!(", {} were there", written.kept) } else { String::new() };
        let (folder, count, classes) = (args.output.display(), set.count, set.classes.len());
        let size = size_in_words(written.bytes);
        vec![format!("{folder}  {count} pictures of {classes} classes, {concepts} concepts{kept}  {size}")]
    })
}

fn tell_estimate(estimate: &ScenesEstimate, context: &mut Context<'_>) -> Result<()> {
    let ScenesEstimate { set, concepts, files, seconds } = estimate;
    let said = json!({
        "pictures": set.count, "classes": set.classes.len(), "concepts": concepts, "files": files, "seconds": seconds,
    });
    context.tell(&said, || {
        let mut lines: Vec<_> = set.counts().iter().map(|(name, count)| format!("{name}: {count}")).collect();
        let (count, side, time) = (set.count, set.side, time_in_words(*seconds));
        lines.push(format!("{count} pictures of {side}x{side}, {files} files, about {time}"));
        lines
    })
}
