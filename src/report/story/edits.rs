//! What editing a generator's units did, in the few numbers of the demo.

use std::path::Path;

use serde::Serialize;

use crate::error::Result;
use crate::report::experiments::insert::InsertionReport;
use crate::report::experiments::page::{Fact, Section};
use crate::report::experiments::remove::RemovalReport;
use crate::report::experiments::{Concept, open, section};

/// Objects that doors belong to.
const BUILDINGS: &[&str] = &["house", "building", "skyscraper", "church", "mosque", "castle", "barn", "lighthouse"];
/// What is above them.
const SKY: &[&str] = &["sky", "cloud"];

/// What was lost without the units of a concept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lost {
    /// The concept.
    pub concept: String,
    /// Units switched off.
    pub units: u64,
    /// Its pixels lost, as a share of those before; null if there were none.
    pub lost: Option<f64>,
    /// Net change of each other object over all images, summed without signs, as a share of their pixels. Large objects hide small ones.
    pub others: f64,
    /// The other object that changes most for its size, of those on a hundredth of all positions or more.
    pub most_changed: Option<String>,
    /// Its net change as a share of its pixels; null if there is none.
    pub most_changed_by: Option<f64>,
}

/// Where a concept can be added.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Added {
    /// The concept.
    pub concept: String,
    /// New pixels by one insertion amid a building; null if none was tried.
    pub to_buildings: Option<f64>,
    /// The same amid the sky and its clouds.
    pub to_sky: Option<f64>,
}

/// Both experiments, with their sections of the page.
pub(super) struct Edits {
    pub lost: Option<Lost>,
    pub added: Option<Added>,
    pub sections: Vec<Section>,
}

/// Reads what is in the folder of the experiments.
///
/// # Errors
/// As [`section`].
pub(super) fn read(dir: &Path) -> Result<Edits> {
    let mut edits = Edits { lost: None, added: None, sections: Vec::new() };
    if let Some(mut section) = section::<RemovalReport>(dir)? {
        let lost = Lost::of(&open(dir)?);
        let worst = lost.most_changed.as_deref().zip(lost.most_changed_by);
        let worst = worst.map_or_else(String::new, |(name, by)| format!("; most: {name}, {}", percent(by)));
        let note = format!("net by object, of all their pixels{worst}");
        section.facts.insert(1, Fact::new("change of other objects", percent(lost.others), note));
        edits.sections.push(section);
        edits.lost = Some(lost);
    }
    if let Some(mut section) = section::<InsertionReport>(dir)? {
        let added = Added::of(&open(dir)?);
        let pixels = |mean: Option<f64>| mean.map_or_else(|| "–".to_owned(), |mean| format!("{mean:.2}"));
        let value = format!("{} / {}", pixels(added.to_buildings), pixels(added.to_sky));
        let note = format!("new pixels of {} by one insertion", added.concept);
        section.facts.insert(0, Fact::new("amid a building / the sky", value, note));
        edits.sections.push(section);
        edits.added = Some(added);
    }
    Ok(edits)
}

impl Lost {
    fn of(removal: &RemovalReport) -> Lost {
        let others = removal.labels.iter().filter(|loss| loss.label.category == "object");
        let others = others.filter(|loss| loss.label.number != removal.concept.number);
        let (mut pixels, mut changed) = (0, 0);
        for loss in others {
            pixels += loss.pixels;
            changed += loss.steps.last().map_or(0, |step| step.change.abs());
        }
        let large = removal.labels.iter().filter(|loss| {
            let common = loss.pixels as f64 * 100.0 >= (removal.count * removal.positions) as f64;
            common && loss.label.category == "object" && loss.label.number != removal.concept.number
        });
        let changed_by = large.filter_map(|loss| Some((loss, loss.steps.last()?.change as f64 / loss.pixels as f64)));
        let most = changed_by.max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs()));
        let own = removal.labels.iter().find(|loss| loss.label.number == removal.concept.number);
        Lost {
            concept: removal.concept.name.clone(),
            units: removal.units.len() as u64,
            lost: own.and_then(|loss| loss.steps.last()).and_then(|step| step.lost),
            others: changed as f64 / pixels.max(1) as f64,
            most_changed: most.map(|(loss, _)| loss.label.name.clone()),
            most_changed_by: most.map(|(_, by)| by),
        }
    }
}

impl Added {
    fn of(insertion: &InsertionReport) -> Added {
        let mean = |names: &[&str]| {
            let amid = |label: &Concept| label.category == "object" && names.contains(&label.name.as_str());
            let effects =
                || insertion.surroundings.iter().filter(|known| amid(&known.label)).map(|known| &known.effect);
            let samples: u64 = effects().map(|effect| effect.samples).sum();
            let change: i64 = effects().map(|effect| effect.change).sum();
            (samples > 0).then(|| change as f64 / samples as f64)
        };
        Added { concept: insertion.concept.name.clone(), to_buildings: mean(BUILDINGS), to_sky: mean(SKY) }
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
