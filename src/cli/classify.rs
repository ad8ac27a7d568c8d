//! `netdissect classify`: the most likely classes of images.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::network::InputArgs;
use crate::data::ImageSource;
use crate::data::loader::ImageLoader;
use crate::error::{Error, Result};
use crate::files;
use crate::progress::check_stop;
use crate::work::network::ImageNetwork;

/// Name the most likely classes of images.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect classify photos/ --weights vgg16.safetensors
  netdissect classify cat.jpg --weights vgg16.safetensors --top 10
  netdissect classify photos/ --weights vgg16.safetensors --json > classes.json")]
pub(super) struct ClassifyArgs {
    #[command(flatten)]
    input: InputArgs,

    /// Classes to name for each image.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,

    /// Names of the classes, one a line, in the order of the last layer [default: those of the weight file].
    #[arg(long, value_name = "FILE")]
    classes: Option<PathBuf>,
}

/// Runs `netdissect classify`.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the weights have no fully connected layers or no image can be read.
pub(super) fn run(args: &ClassifyArgs, context: &mut Context<'_>) -> Result<()> {
    let network = ImageNetwork::open(&args.input.network.choice(), &args.input.choice())?;
    let Some(logits) = network.model.logits.clone() else {
        return Err(Error::input("has no fully connected layers, so it cannot classify")
            .at(network.file.path().display())
            .hint("import a file that has them, without `--body`"));
    };
    let names = class_names(args, &network)?;
    let gpu = context.host.open_gpu()?;
    let session = network.session(context.host, &gpu, &[&logits], args.input.batch)?;
    let loader = ImageLoader::new(network.set.clone(), network.load_options(&session)?)?;
    context.host.progress.stage("classifying", u64::from(loader.count()));
    let mut results = Vec::new();
    for batch in loader.batches(0..loader.count()) {
        check_stop(context.host.stop)?;
        let batch = batch?;
        let n = batch.indices.len() as u32;
        if n > 0 {
            session.upload(&batch.input, n)?;
            gpu.submit(&gpu.program(session.record(n)?)?)?;
            let scores = session.read(&logits, n)?;
            for (name, scores) in batch.names.iter().zip(scores.data.chunks_exact(scores.shape.c as usize)) {
                results.push((name.clone(), ranked(scores, args.top as usize)));
            }
        }
        context.host.progress.advance(n.into());
    }
    let skipped = loader.skipped();
    if results.is_empty() {
        return Err(loader.nothing_readable());
    }
    print(context, &results, &skipped, &names)
}

/// Class, score and probability, highest first; equal ones by class.
fn ranked(scores: &[f32], top: usize) -> Vec<(usize, f32, f64)> {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = scores.iter().map(|&score| f64::from(score - most).exp()).sum();
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    order
        .into_iter()
        .take(top)
        .map(|class| (class, scores[class], f64::from(scores[class] - most).exp() / sum))
        .collect()
}

fn class_names(args: &ClassifyArgs, network: &ImageNetwork) -> Result<Vec<String>> {
    let Some(path) = &args.classes else { return Ok(network.file.class_names().unwrap_or_default()) };
    let text = files::read_to_string(path)?;
    let needed = network.model.graph.node(network.model.graph.output()).shape.c as usize;
    crate::weights::import::class_names(&text, Some(needed)).map_err(|error| error.at(path.display()))
}

/// Image and its ranked classes.
type Ranked = (String, Vec<(usize, f32, f64)>);

fn print(
    context: &mut Context<'_>,
    results: &[Ranked],
    skipped: &[crate::data::loader::Skipped],
    names: &[String],
) -> Result<()> {
    let name = |class: usize| names.get(class).cloned().unwrap_or_else(|| format!("class {class}"));
    if context.json {
        let images: Vec<_> = results
            .iter()
            .map(|(image, classes)| {
                let classes: Vec<_> = classes
                    .iter()
                    .map(|&(class, score, probability)| {
                        json!({ "class": class, "name": name(class), "logit": score, "probability": probability })
                    })
                    .collect();
                json!({ "image": image, "classes": classes })
            })
            .collect();
        let skipped: Vec<_> = skipped.iter().map(|s| json!({ "image": s.name, "reason": s.reason })).collect();
        return context.json(&json!({ "images": images, "skipped": skipped }));
    }
    for (image, classes) in results {
        context.line(image)?;
        for &(class, _, probability) in classes {
            context.line(&format!("  {:5.1} %  {}", probability * 100.0, name(class)))?;
        }
    }
    Ok(())
}
