//! Reads the folder of a finished dissection and prints, for each layer, the concepts its units match and the unit that matches each
//! best: `cargo run --example read_run -- RUN`. No device is needed.

#![allow(clippy::print_stdout, reason = "an example says what it has read")]

use std::path::{Path, PathBuf};

use netdissect::error::Result;
use netdissect::report;

/// A concept that units of a layer match.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    /// The layer.
    pub(crate) layer: String,
    /// The concept.
    pub(crate) concept: String,
    /// Units that match it.
    pub(crate) units: usize,
    /// The one of them that matches it best, and its IoU.
    pub(crate) best: (u64, f64),
}

/// What the units of a run see, layer by layer, in the order of their first units.
///
/// # Errors
/// As [`report::read`].
pub(crate) fn seen(run: &Path) -> Result<Vec<Seen>> {
    let mut all: Vec<Seen> = Vec::new();
    for layer in report::read(run)?.layers {
        let matched = layer.units.iter().filter(|unit| unit.matched);
        for (unit, label) in matched.filter_map(|unit| Some((unit.unit, unit.label.as_ref()?))) {
            match all.iter_mut().find(|seen| seen.layer == layer.layer && seen.concept == label.name) {
                Some(seen) => {
                    seen.units += 1;
                    if label.iou > seen.best.1 {
                        seen.best = (unit, label.iou);
                    }
                }
                None => {
                    let concept = label.name.clone();
                    all.push(Seen { layer: layer.layer.clone(), concept, units: 1, best: (unit, label.iou) });
                }
            }
        }
    }
    Ok(all)
}

fn main() -> Result<()> {
    let run = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("dissected/run"), PathBuf::from);
    for Seen { layer, concept, units, best: (unit, iou) } in seen(&run)? {
        println!("{layer}: {units} units see {concept}, unit {unit} best (IoU {iou:.3})");
    }
    Ok(())
}
