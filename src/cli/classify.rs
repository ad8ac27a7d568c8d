//! `netdissect classify`: the most likely classes of images.

use std::path::PathBuf;

use clap::Args;

use super::context::Context;
use super::network::InputArgs;
use super::words::{passed_over_in_words, warnings_in_words};
use crate::error::Result;
use crate::work::classify::{Accuracy, Classified, ClassifiedImage, ClassifyJob};

/// Name the most likely classes of images.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect classify photos/ --model demo-classifier
  netdissect classify photo.jpg --model demo-classifier --top 10
  netdissect classify photos/ --model demo-classifier --json > classes.json

  # needs vgg16.safetensors
  netdissect classify photos/ -w vgg16.safetensors")]
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
/// As [`ClassifyJob::perform`].
pub(super) fn run(args: &ClassifyArgs, context: &mut Context<'_>) -> Result<()> {
    let job = ClassifyJob {
        network: args.input.network.choice(),
        images: args.input.choice(),
        batch: args.input.batch,
        top: args.top as usize,
        classes: args.classes.clone(),
    };
    let classified = job.perform(context.host)?;
    context.tell(&classified, || in_words(&classified))
}

fn in_words(Classified { images, skipped, left_out, warnings, accuracy }: &Classified) -> Vec<String> {
    let of_image = |ClassifiedImage { image, class, classes }: &ClassifiedImage| {
        let classes = classes.iter().map(|class| format!("  {:5.1} %  {}", class.probability * 100.0, class.name));
        let none = class.is_none().then(|| "  no class: its scores are NaN or infinite".to_owned());
        [image.clone()].into_iter().chain(classes).chain(none).collect::<Vec<_>>()
    };
    let right = accuracy.iter().map(|Accuracy { images, first, named }| {
        let (first, named) = (first * 100.0, named * 100.0);
        format!("right: {first:.1} %, among the named classes {named:.1} % (of {images} images whose class is known)")
    });
    let images = images.iter().flat_map(of_image).chain(warnings_in_words(warnings));
    images.chain(passed_over_in_words(skipped, left_out)).chain(right).collect()
}
