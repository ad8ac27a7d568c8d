//! `netdissect insert`: images with the units for a concept set at one position after the other.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::experiment::{ExperimentTarget, ExperimentWords, RankedArgs, Told};
use super::latents::{Indices, parse_list};
use super::words::fraction;
use crate::dissect::edits::position;
use crate::error::Result;
use crate::report::experiments::insert::InsertionReport;
use crate::roles::insert::Positions;
use crate::work::experiments::insert::{InsertJob, Level, ShownEdit};

/// Set the units for a concept at one position after the other and count where the concept appears.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect insert run --concept tree --latents 0-15 --positions 16 -o trees
  netdissect insert run --concept tree --latents 0-3 --units 5 --picture 1@12,7 --positions 4 -o roles
  netdissect insert run/layer6 --concept sky -o skies --dry-run

The run is a folder that `netdissect dissect` wrote for a generator; what is not named is taken from it. Units are set to the \
level that they exceed at one of 200 positions, unless told otherwise, over the latents of that run. The folder then holds report.html, insert.json, insert.csv, two \
plots, and pictures. The same command goes on where a stopped one left off.")]
pub(super) struct InsertArgs {
    /// Folder of a finished dissection, or of one of its layers.
    run: PathBuf,

    /// The concept whose units are set: a label's name or number.
    #[arg(long, value_name = "NAME")]
    concept: String,

    #[command(flatten)]
    ranked: RankedArgs,

    /// Units to set: the first by IoU.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=512))]
    units: u32,

    /// Set each unit to the level that it exceeds at this fraction of positions, as `dissect --quantile` has it; the authors' code has
    /// 0.005, their paper 0.01. Above 0.5 it is the fraction below the level: 0.995 says the same as 0.005.
    #[arg(long, default_value_t = 0.005, value_name = "FRACTION", value_parser = fraction)]
    level_quantile: f64,

    /// Latents to take the quantile over [default: those of the run, or those that are counted if the run's came from a file].
    #[arg(long, value_name = "LIST", value_parser = parse_list)]
    level_latents: Option<Indices>,

    /// Set all units to this activation instead.
    #[arg(long, value_name = "ACTIVATION", allow_negative_numbers = true, conflicts_with_all = ["level_quantile", "level_latents"])]
    value: Option<f32>,

    /// Try only so many positions in each image, drawn at random [default: all].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    positions: Option<u32>,

    /// Seed of that draw.
    #[arg(long, default_value_t = 1, value_name = "N", requires = "positions")]
    position_seed: u32,

    /// A latent and the row and column of the layer's map to show, such as `151@5,3`; may be given several times [default: the
    /// largest changes].
    #[arg(long, value_name = "LATENT@ROW,COLUMN", value_parser = place)]
    picture: Vec<ShownEdit>,
}

/// The share of activations at or below a level that is given by the share above it, or, beyond a half, by the share below.
fn at_or_below(fraction: f64) -> f64 {
    if fraction > 0.5 { fraction } else { 1.0 - fraction }
}

/// A latent and a position.
fn place(words: &str) -> Result<ShownEdit, String> {
    let (latent, at) = words.split_once('@').ok_or_else(|| format!("`{words}` names no place; such as 151@5,3"))?;
    let latent = latent.trim().parse().map_err(|_| format!("`{latent}` is no number of a latent; such as 151@5,3"))?;
    Ok(ShownEdit { latent, at: position(at)? })
}

/// Surroundings told of.
const TOLD: usize = 6;

impl ExperimentWords for InsertArgs {
    type Job = InsertJob;

    fn job(&self) -> Result<InsertJob> {
        let latents = self.level_latents.as_ref().map(|Indices(latents)| latents.clone());
        Ok(InsertJob {
            units: self.ranked.choice(&self.run, &self.concept, self.units),
            level: match self.value {
                Some(value) => Level::Value(value),
                None => Level::Quantile { quantile: at_or_below(self.level_quantile), latents },
            },
            positions: match self.positions {
                Some(count) => Positions::Drawn { count, seed: self.position_seed },
                None => Positions::All,
            },
            shown: self.picture.clone(),
        })
    }

    fn target(&self) -> ExperimentTarget {
        self.ranked.place.target()
    }

    fn found(report: &InsertionReport) -> Told {
        let (sampling, name, mean) = (&report.sampling, &report.concept.name, report.all.mean.unwrap_or(0.0));
        let all = format!(
            "{name}: {mean:.2} new pixels by an insertion, {} of {} positions in {} images",
            sampling.positions, sampling.of, sampling.images
        );
        let amid = report.surroundings.iter().take(TOLD).map(|known| {
            let (name, mean, samples) = (&known.label.name, known.effect.mean.unwrap_or(0.0), known.effect.samples);
            format!("  amid {name:<20} {mean:8.2}  ({samples} samples)")
        });
        Told {
            json: json!({
                "concept": name, "layer": report.about.layer, "sampling": sampling, "all": report.all,
                "surroundings": report.surroundings.len(),
            }),
            lines: std::iter::once(all).chain(amid).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_given_by_the_share_above_it_and_beyond_a_half_by_the_share_below() {
        assert_eq!([0.005, 0.995, 0.01, 0.99, 0.5].map(at_or_below), [0.995, 0.995, 0.99, 0.99, 0.5]);
    }
}
