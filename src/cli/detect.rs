//! `netdissect detect`: one unit's peak as a detector of a concept.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::concepts::ConceptArgs;
use super::experiment::{ExperimentTarget, ExperimentWords, PlaceArgs, Told};
use super::latents::LatentArgs;
use super::network::{ExifName, WeightArgs};
use super::words::{fraction, grid, passed_over_in_words};
use crate::error::{Error, Kind, Result};
use crate::preprocess::Geometry;
use crate::report::experiments::detect::DetectionReport;
use crate::work::experiments::detect::{DetectJob, Evidence};

/// Tell from one unit's peak whether a concept is in the image, and how often that is right.
#[derive(Debug, Args)]
#[command(mut_group("network", |group| group.required(false)), mut_group("source", |group| group.required(false)))]
#[command(after_help = "Examples:
  netdissect detect run --concept tree -o tree
  netdissect detect run --concept tree --unit 3 --latents 0-255 -o unit3
  netdissect detect --model demo-classifier -l conv5_3 --unit 7 --positive photos/church --negative photos/farm -o farm

  # needs vgg16.safetensors, airplanes and others
  netdissect detect -w vgg16.safetensors -l conv5_3 --unit 150 --positive airplanes/ --negative others/ -o plane

With a run of a generator, what is not named is taken from it: the network, the latents and the concepts. Its images are labelled, \
and the concept counts as present where it covers more than 5 % of the positions. With photographs, two folders say which show it. \
The threshold is set where the same share of images is missed of those with the concept as is mistaken of those without. The folder \
then holds report.html, detect.json, detect.csv (every image), a plot, and pictures.")]
pub(super) struct DetectArgs {
    /// Folder of a finished dissection, or of one of its layers, to take layer, unit and grid from.
    run: Option<PathBuf>,

    #[command(flatten)]
    network: WeightArgs,

    /// Layer of the unit [default: that of the run].
    #[arg(short, long, value_name = "LAYER", required_unless_present = "run", conflicts_with = "run")]
    layer: Option<String>,

    /// The unit [default: the first by IoU with the concept in the run].
    #[arg(long, value_name = "N", required_unless_present = "run")]
    unit: Option<u32>,

    /// The concept: a label's name or number; for photographs any word [default: the name of their folder].
    #[arg(long, value_name = "NAME", required_unless_present = "positive")]
    concept: Option<String>,

    #[command(flatten)]
    latents: LatentArgs,

    #[command(flatten)]
    concepts: ConceptArgs,

    /// Photographs that show the concept.
    #[arg(long, value_name = "DIR", requires = "negative", conflicts_with_all = ["latents", "z", "concepts", "labels"])]
    positive: Option<PathBuf>,

    /// Photographs that do not.
    #[arg(long, value_name = "DIR", requires = "positive")]
    negative: Option<PathBuf>,

    /// Read a convolution before its ReLU.
    #[arg(long)]
    pre_relu: bool,

    /// Send photographs in without resizing or cropping.
    #[arg(long, requires = "positive")]
    as_is: bool,

    /// Only the first N photographs of each folder.
    #[arg(long, value_name = "N", requires = "positive", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,

    /// What to do about the rotation a camera noted.
    #[arg(long, value_enum, default_value_t)]
    exif: ExifName,

    /// Share of the positions that a concept must exceed to count as present.
    #[arg(long, default_value_t = 0.05, value_name = "FRACTION", value_parser = fraction)]
    presence: f64,

    /// Channel of the label maps that is looked at: a number, or `any`.
    #[arg(long, default_value = "0", value_name = "N", value_parser = channel)]
    channel: Channel,

    /// Rows and columns of the label maps [default: those of the run, or a quarter of the image].
    #[arg(long, value_name = "ROWSxCOLUMNS", value_parser = grid)]
    grid: Option<(u32, u32)>,

    #[command(flatten)]
    place: PlaceArgs,
}

/// A channel of label maps, or any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Channel(Option<u32>);

fn channel(text: &str) -> Result<Channel, String> {
    match (text, text.parse()) {
        ("any", _) => Ok(Channel(None)),
        (_, Ok(number)) => Ok(Channel(Some(number))),
        _ => Err("needs a number, or `any`".to_owned()),
    }
}

impl ExperimentWords for DetectArgs {
    type Job = DetectJob;

    fn job(&self) -> Result<DetectJob> {
        Ok(DetectJob {
            run: self.run.clone(),
            network: self.network.choice(),
            layer: self.layer.clone(),
            unit: self.unit,
            concept: self.concept.clone(),
            pre_relu: self.pre_relu,
            images: self.evidence()?,
            batch: self.place.batch,
        })
    }

    fn target(&self) -> ExperimentTarget {
        self.place.target()
    }

    fn found(report: &DetectionReport) -> Told {
        let (concept, with, without) = (&report.concept, report.with.images, report.without.images);
        let images = &report.about.images;
        let told = match &report.verdict {
            Some(verdict) => format!(
                "unit {} of {} tells {concept} with {:.1} % balanced accuracy at {:.4}: {} of {with} found, {} of {without} passed over",
                report.unit,
                report.about.layer,
                verdict.balanced_accuracy * 100.0,
                verdict.threshold,
                verdict.found,
                verdict.passed
            ),
            None => format!("{concept}: {with} images with it and {without} without; a threshold needs both"),
        };
        Told {
            json: json!({
                "layer": report.about.layer, "unit": report.unit, "concept": concept, "with": with, "without": without,
                "verdict": report.verdict, "iou": report.iou, "skipped": images.skipped, "left_out": images.left_out,
            }),
            lines: std::iter::once(told).chain(passed_over_in_words(&images.skipped, &images.left_out)).collect(),
        }
    }
}

impl DetectArgs {
    /// The images that the words mean, and what says whether the concept is in them.
    fn evidence(&self) -> Result<Evidence> {
        if let (Some(positive), Some(negative)) = (self.positive.clone(), self.negative.clone()) {
            let (limit, exif) = (self.limit, self.exif.into());
            let geometry = self.as_is.then_some(Geometry::AsIs);
            return Ok(Evidence::Photographs { positive, negative, geometry, limit, exif });
        }
        let (latents, labelling) = (self.latents.choice(), self.concepts.named());
        if labelling.is_none() && self.run.is_none() {
            let error = Error::new(Kind::Usage, "nothing says where the concept is");
            return Err(
                error.hint("name `--concepts` for a generator's images, or `--positive` and `--negative` photographs")
            );
        }
        let Channel(channel) = self.channel;
        Ok(Evidence::Generated { latents, labelling, share: self.presence, channel, grid: self.grid })
    }
}
