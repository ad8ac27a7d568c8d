//! `netdissect ablate`: how well a classifier knows each class without some units.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::experiment::{ExperimentTarget, ExperimentWords, Told};
use super::network::InputArgs;
use super::words::{passed_over_in_words, time_in_words};
use super::written::Written;
use crate::error::Result;
use crate::report::experiments::ablate::AblationReport;
use crate::report::schema;
use crate::work::experiments::ablate::AblateJob;
use crate::work::experiments::{Estimate, Place};

/// Switch units of a classifier off, one at a time and in groups, and see which classes suffer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect ablate photos/ --held-out photos/ --model demo-classifier -l conv5_3 -o out --dry-run

  # needs places and vgg16.safetensors
  netdissect ablate places/train --held-out places/val -w vgg16.safetensors -l conv5_3 -o ablated

Both folders hold a folder of images for each class, called as the network calls it. Units are ranked for each class by the balanced \
accuracy that it loses on the first folder's images without that unit; the most and the least important are then removed together, and \
judged on the second's. The folder then holds report.html, ablate.json, ablate.csv and a plot. The same command goes on where a stopped one \
left off.")]
pub(super) struct AblateArgs {
    #[command(flatten)]
    input: InputArgs,

    /// Images, of the same classes, to judge by.
    #[arg(long, value_name = "DIR")]
    held_out: PathBuf,

    /// Layer whose units are removed.
    #[arg(short, long, value_name = "LAYER")]
    layer: String,

    /// How many units to remove together; several with commas [default: a thirty-second and a sixth of them].
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=65_536))]
    sizes: Vec<u32>,

    /// Folder for the results.
    #[arg(short, long, value_name = "DIR", value_parser = Written::Folder.path())]
    output: PathBuf,

    /// Start over, whatever the folder holds of this experiment.
    #[arg(long)]
    restart: bool,

    /// Only say what would be done and how long it would take.
    #[arg(long)]
    dry_run: bool,
}

impl ExperimentWords for AblateArgs {
    type Job = AblateJob;

    fn job(&self) -> Result<AblateJob> {
        Ok(AblateJob {
            network: self.input.network.choice(),
            images: self.input.choice(),
            held_out: self.held_out.clone(),
            layer: self.layer.clone(),
            sizes: self.sizes.clone(),
            batch: self.input.batch,
        })
    }

    fn target(&self) -> ExperimentTarget {
        let place = Place { output: self.output.clone(), restart: self.restart };
        ExperimentTarget { place, is_dry_run: self.dry_run }
    }

    fn plan(estimate: &Estimate) -> Told {
        let (heads, tails) = (estimate.head.count, estimate.tail.map_or(0, |tail| tail.count));
        let seconds = estimate.seconds();
        Told {
            json: json!({ "head_passes": heads, "tail_passes": tails, "seconds": seconds }),
            lines: vec![format!("{heads} images to the layer, {tails} from it; about {}", time_in_words(seconds))],
        }
    }

    fn found(report: &AblationReport) -> Told {
        let percent = |value: f64| format!("{:.1} %", value * 100.0);
        let schema::Images { skipped, left_out, .. } = &report.about.images;
        let mut lines = passed_over_in_words(skipped, left_out);
        let (accuracy, classes) = (percent(report.baseline()), report.classes.len());
        lines.push(format!("balanced accuracy {accuracy}, mean of {classes} classes"));
        lines.extend(report.means.iter().map(|step| {
            let (removed, units, most, least) = (step.removed, report.units, percent(step.most), percent(step.least));
            format!("{removed} of {units} units removed: the most important {most}, the least important {least}")
        }));
        Told {
            json: json!({
                "accuracy": report.accuracy, "balanced_accuracy": report.baseline(), "means": report.means, "skipped": skipped,
                "left_out": left_out,
            }),
            lines,
        }
    }
}
