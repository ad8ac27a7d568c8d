//! `netdissect remove`: images without the units for a concept.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::experiment::{ExperimentTarget, ExperimentWords, RankedArgs, Told};
use super::latents::{Indices, parse_list};
use crate::error::Result;
use crate::report::experiments::remove::{RemovalReport, RemovalStep};
use crate::work::experiments::remove::RemoveJob;

/// Switch the units for a concept off, one after the other, and count what is lost.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect remove run --concept tree -o treeless
  netdissect remove run --concept tree --units 8 --latents 0-99 --pictures 8,31 -o roles
  netdissect remove run/layer6 --concept sky -o skyless --dry-run

The run is a folder that `netdissect dissect` wrote for a generator. Its layer, its ranking of units and its grid are taken, and so \
are the network, the latents and the concepts unless others are named. The folder then holds report.html, remove.json, remove.csv, \
two plots, and pictures before and after. The same command goes on where a stopped one left off.")]
pub(super) struct RemoveArgs {
    /// Folder of a finished dissection, or of one of its layers.
    run: PathBuf,

    /// The concept whose units are removed: a label's name or number.
    #[arg(long, value_name = "NAME")]
    concept: String,

    #[command(flatten)]
    ranked: RankedArgs,

    /// Units to remove at most: none, the first by IoU, the first two, and so on.
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=512))]
    units: u32,

    /// Latents to show before and after [default: the first four]; they need not be among those that are counted.
    #[arg(long, value_name = "LIST", value_parser = parse_list)]
    pictures: Option<Indices>,
}

impl ExperimentWords for RemoveArgs {
    type Job = RemoveJob;

    fn job(&self) -> Result<RemoveJob> {
        let shown = self.pictures.as_ref().map(|Indices(latents)| latents.clone());
        Ok(RemoveJob { units: self.ranked.choice(&self.run, &self.concept, self.units), shown })
    }

    fn target(&self) -> ExperimentTarget {
        self.ranked.place.target()
    }

    fn found(report: &RemovalReport) -> Told {
        let last = report.labels.first().and_then(|loss| loss.steps.last());
        let json = json!({
            "concept": report.concept.name, "layer": report.about.layer, "images": report.count, "units": report.units.len(),
            "lost": last.and_then(|step| step.lost), "low": last.and_then(|step| step.low), "high": last.and_then(|step| step.high),
        });
        Told { json, lines: vec![sentence(report, last)] }
    }
}

/// What is lost without all the units.
fn sentence(report: &RemovalReport, last: Option<&RemovalStep>) -> String {
    let (name, images, units) = (&report.concept.name, report.count, report.units.len());
    let Some((step, lost)) = last.and_then(|step| Some((step, step.lost?))) else {
        return format!("{name}: no pixel in {images} images");
    };
    let layer = &report.about.layer;
    let lost = format!("{name}: {:.1} % of its pixels lost with {units} units of {layer} removed", lost * 100.0);
    match step.low {
        Some(low) => {
            let high = step.high.unwrap_or(f64::NAN);
            format!("{lost} ({:.1} to {:.1} %), {images} images", low * 100.0, high * 100.0)
        }
        None => format!("{lost}, one image"),
    }
}
