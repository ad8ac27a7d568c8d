//! `netdissect generate`: images of a generator, as it is or with units changed.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::context::Context;
use super::latents::LatentArgs;
use super::network::WeightArgs;
use super::words::{size_in_words, warnings_in_words};
use super::written::Written;
use crate::dissect::edits::Words;
use crate::error::Result;
use crate::work::generate::{GenerateJob, GeneratedFile};

/// Make images with a generator, as it is or with units changed.
#[derive(Debug, Args)]
#[command(mut_group("network", |group| group.required(false)))]
#[command(group(ArgGroup::new("written").required(true).multiple(true).args(["output", "sheet", "raw"])))]
#[command(after_help = "Examples:
  netdissect generate --model demo-generator --latents 0-63 --sheet churches.png
  netdissect generate --model demo-generator --latents 489,726,920-926 -o images
  netdissect generate --model demo-generator --latents 0-9 --zero layer4:0-19 -o without
  netdissect generate --zero run:tree:4 --latents 0-9 -o treeless
  netdissect generate --model demo-generator --latents 0-9 --set layer4:0-19=3@2,5 --raw x.safetensors

  # needs church.safetensors
  netdissect generate -w church.safetensors --latents 0-63 -o church

A folder of pictures also holds manifest.json: latents, edits, and the network by its hash. Files written by `--raw` hold the tensor \
`images` [n, 3, h, w] as the generator makes it, not clamped to [-1, 1]. Pictures are: byte = trunc(clamp(127.5 v + 127.5, 0, 255)).")]
pub(super) struct GenerateArgs {
    /// Folder for one PNG file an image, named by the latent's number.
    #[arg(short, long, value_name = "DIR", value_parser = Written::Folder.path())]
    output: Option<PathBuf>,

    /// PNG file for all images side by side.
    #[arg(long, value_name = "FILE.png", value_parser = Written::Png.path())]
    sheet: Option<PathBuf>,

    /// File for the images as numbers, not clamped.
    #[arg(long, value_name = "FILE.safetensors", value_parser = Written::Safetensors.path())]
    raw: Option<PathBuf>,

    #[command(flatten)]
    network: WeightArgs,

    #[command(flatten)]
    latents: LatentArgs,

    /// Switch units of a layer off, by number or the first of a dissection's ranking by a concept; may be given several times.
    #[arg(long, value_name = "LAYER:UNITS|RUN:CONCEPT:COUNT", value_parser = Words::zero)]
    zero: Vec<Words>,

    /// Set units of a layer, everywhere or at a row and column of the layer's own map; after `--zero`, in the order given.
    /// Units of a dissection's ranking are set to their levels in that run unless a value is given.
    #[arg(long, value_name = "LAYER:UNITS=VALUE[@ROW,COLUMN]|RUN:CONCEPT:COUNT[=VALUE][@ROW,COLUMN]", value_parser = Words::set)]
    set: Vec<Words>,

    /// Images at once [default: as many as the memory allows, up to 16].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch: Option<u32>,
}

/// Runs `netdissect generate`.
///
/// # Errors
/// As [`GenerateJob::perform`].
pub(super) fn run(args: &GenerateArgs, context: &mut Context<'_>) -> Result<()> {
    let job = GenerateJob {
        network: args.network.choice(),
        latents: args.latents.choice(),
        changes: args.zero.iter().chain(&args.set).cloned().collect(),
        batch: args.batch,
        output: args.output.clone(),
        sheet: args.sheet.clone(),
        raw: args.raw.clone(),
    };
    let made = job.perform(context.host)?;
    let line = |written: &GeneratedFile| format!("{}  {}", written.file.display(), size_in_words(written.bytes));
    context.tell(&made, || warnings_in_words(&made.warnings).into_iter().chain(made.written.iter().map(line)).collect())
}
