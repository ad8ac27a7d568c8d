//! `netdissect scenes`: pictures of a world with known truth, with label maps.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::words::{size_in_words, time_in_words};
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::report::sheet;
use crate::scenes::set::{Set, files_of};
use crate::scenes::{classes, concepts};

/// Pictures drawn to say how long all will take.
const TRIAL: u64 = 16;
/// Pictures of a contact sheet, at most.
const SHEET_MAX: u64 = 900;

/// Draw pictures of outdoor and indoor places with exact label maps of objects, parts, materials and colours.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect scenes --count 600 -o scenes
  netdissect scenes --count 4000 --classes church,street,farm --seed 7 -o outdoors
  netdissect dissect scenes/images --as-is --labels scenes/labels -w vgg16.safetensors -l conv5_3 -o run

The folder then holds images/CLASS/NUMBER.png, labels/labels.csv, labels/CLASS/NUMBER.0.png to .3.png (object, part, material,
colour; grey value = label number, 0 = none) and scenes.json. A picture depends on seed, class and number alone, on no machine. The
same command goes on where a stopped one left off; a larger count adds to what is there.")]
pub(super) struct ScenesArgs {
    /// Pictures in all, evenly over the classes.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3_000_000))]
    count: u64,

    /// Seed of the world.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Folder for images, labels and scenes.json.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// Pixels a side.
    #[arg(long, value_name = "PIXELS", default_value = "128", value_parser = ["128", "256"])]
    size: String,

    /// Only these classes [default: all].
    #[arg(long, value_name = "CLASS,...", value_delimiter = ',')]
    classes: Vec<String>,

    /// PNG file for all pictures side by side, 900 at most.
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,

    /// Say what would be drawn and how long it would take.
    #[arg(long)]
    dry_run: bool,
}

/// Runs `netdissect scenes`.
///
/// # Errors
/// [`Kind::Usage`] if a class is not there or the folder holds something else; [`Kind::Output`] if a file cannot be written.
pub(super) fn run(args: &ScenesArgs, context: &mut Context<'_>) -> Result<()> {
    let set = set(args)?;
    if args.dry_run {
        return dry_run(&set, context);
    }
    if args.sheet.is_some() {
        sheet::size(set.count.min(SHEET_MAX) as usize, set.side)?;
    }
    let written = set.write(&args.output, context.host.progress, context.host.stop)?;
    if let Some(path) = &args.sheet {
        let pictures = (0..set.count.min(SHEET_MAX)).map(|index| set.picture(index).map(|picture| picture.rgb));
        let sheet = sheet::sheet(&pictures.collect::<Result<Vec<_>>>()?, set.side)?;
        files::write_atomic(path, &sheet::png(sheet.as_raw(), sheet.width(), sheet.height())?)?;
    }
    if context.json {
        let counts: serde_json::Map<_, _> =
            set.counts().into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
        return context.json(&json!({
            "folder": args.output, "pictures": set.count, "drawn": written.drawn, "kept": written.kept, "bytes": written.bytes,
            "size": set.side, "seed": set.seed, "classes": counts, "concepts": concepts().len(),
        }));
    }
    let kept = if written.kept > 0 { format!(", {} were there", written.kept) } else { String::new() };
    context.line(&format!(
        "{}  {} pictures of {} classes, {} concepts{kept}  {}",
        args.output.display(),
        set.count,
        set.classes.len(),
        concepts().len(),
        size_in_words(written.bytes)
    ))
}

/// The set that the words mean.
fn set(args: &ScenesArgs) -> Result<Set> {
    let known = classes();
    let mut chosen = Vec::new();
    for name in &args.classes {
        let class = known.iter().position(|known| known == name).ok_or_else(|| {
            let error = Error::new(Kind::Usage, format!("no class is called `{name}`")).at("--classes");
            error.hint(format!("classes are {}", known.join(", ")))
        })?;
        if !chosen.contains(&class) {
            chosen.push(class);
        }
    }
    if chosen.is_empty() {
        chosen = (0..known.len()).collect();
    }
    let side = if args.size == "256" { 256 } else { 128 };
    Ok(Set { seed: args.seed, side, count: args.count, classes: chosen })
}

/// Draws a few pictures, writes nothing, and says what the whole would take.
fn dry_run(set: &Set, context: &mut Context<'_>) -> Result<()> {
    use rayon::prelude::*;
    let trial = set.count.min(TRIAL);
    let step = set.count / trial;
    let start = Instant::now();
    (0..trial).into_par_iter().try_for_each(|index| set.picture(index * step).map(drop))?;
    let seconds = start.elapsed().as_secs_f64() / trial as f64 * set.count as f64;
    let files = files_of(set.count);
    if context.json {
        return context.json(&json!({
            "pictures": set.count, "classes": set.classes.len(), "concepts": concepts().len(), "files": files, "seconds": seconds,
        }));
    }
    for (name, count) in set.counts() {
        context.line(&format!("{name}: {count}"))?;
    }
    context.line(&format!(
        "{} pictures of {1}x{1}, {files} files, about {2}",
        set.count,
        set.side,
        time_in_words(seconds)
    ))
}
