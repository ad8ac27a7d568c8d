//! `netdissect activations`: chosen layers of chosen images into a file.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::latents::LatentArgs;
use super::network::{InputArgs, LayerArgs};
use super::words::{passed_over_in_words, size_in_words, warnings_in_words};
use super::written::Written;
use crate::error::Result;
use crate::work::activations::{ActivationsJob, SavedInputs};

/// Save the activations of chosen layers as safetensors: tensors named by layer, `[n, c, h, w]`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect activations photos/ --model demo-classifier -l conv5_3 -o conv5_3.safetensors
  netdissect activations photos/ --model demo-classifier -l conv1_1,fc7 --limit 10 -o some.safetensors
  netdissect activations --latents 0-63 --model demo-generator -l layer4 -o layer4.safetensors

  # needs vgg16.safetensors
  netdissect activations crops/ -w vgg16.safetensors -l conv5_3 --as-is --pre-relu -o raw.safetensors

The names of the images, or the numbers of the latents, stand in the file's metadata, key `images` or `latents`, as a JSON list in \
the order of the first axis.")]
pub(super) struct ActivationsArgs {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    latents: LatentArgs,

    #[command(flatten)]
    layers: LayerArgs,

    /// File to write.
    #[arg(short, long, value_name = "FILE.safetensors", value_parser = Written::Safetensors.path())]
    output: PathBuf,
}

/// Runs `netdissect activations`.
///
/// # Errors
/// As [`ActivationsJob::perform`].
pub(super) fn run(args: &ActivationsArgs, context: &mut Context<'_>) -> Result<()> {
    let job = ActivationsJob {
        network: args.input.network.choice(),
        inputs: args.latents.or_images(&args.input)?,
        layers: args.layers.choice(),
        output: args.output.clone(),
        batch: args.input.batch,
    };
    let saved = job.perform(context.host)?;
    let shapes = saved.layers.iter().map(|(name, s)| json!({ "layer": name, "shape": [s.n, s.c, s.h, s.w] }));
    let (file, layers) = (&args.output, shapes.collect::<Vec<_>>());
    let said = match &saved.of {
        SavedInputs::Images { names, skipped, left_out } => {
            let skipped: Vec<_> =
                skipped.iter().map(|bad| json!({ "image": bad.name, "reason": bad.reason })).collect();
            json!({ "file": file, "layers": layers, "images": names, "skipped": skipped, "left_out": left_out, "warnings": saved.warnings })
        }
        SavedInputs::Latents(latents) => {
            json!({ "file": file, "layers": layers, "latents": latents, "warnings": saved.warnings })
        }
    };
    context.tell(&said, || {
        let layers = saved.layers.iter().map(|(name, shape)| format!("{name}  {shape}"));
        let passed_over = match &saved.of {
            SavedInputs::Images { skipped, left_out, .. } => passed_over_in_words(skipped, left_out),
            SavedInputs::Latents(_) => Vec::new(),
        };
        layers
            .chain(warnings_in_words(&saved.warnings))
            .chain(passed_over)
            .chain([format!("{}  {}", file.display(), size_in_words(saved.bytes))])
            .collect()
    })
}
