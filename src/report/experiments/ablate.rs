//! A classifier without units: `ablate.json`, `ablate.csv`, a plot, and the page's section.

use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::page::{Section, Table, provenance};
use super::{About, file, read};
use crate::error::{Error, Result};
use crate::files::{write_atomic, write_atomic_with};
use crate::report::chart::{Axis, Chart, Paint, signed};
use crate::report::write_json;
use crate::roles::ablate::Verdicts;

/// Name of the experiment.
pub const NAME: &str = "ablate";

/// Result of the experiment; the layout of `ablate.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ablation {
    /// How it came to be.
    #[serde(flatten)]
    pub about: About,
    /// Images that units are ranked by.
    pub ranked_by: u64,
    /// Images that removals are judged by.
    pub judged_by: u64,
    /// Units of the layer.
    pub units: u64,
    /// Share of the judging images whose class is said, no unit removed.
    pub accuracy: f64,
    /// Each class that has images, in the network's order.
    pub classes: Vec<Class>,
    /// Means over classes.
    pub means: Vec<Step>,
}

/// A class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Class {
    /// Its number.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// Its balanced accuracy on the ranking images, no unit removed.
    pub ranking_baseline: f64,
    /// All units, most important first, each with the class' balanced accuracy on the ranking images without it.
    pub ranking: Vec<(u32, f64)>,
    /// Its balanced accuracy on the judging images, no unit removed.
    pub baseline: f64,
    /// Without some units.
    pub steps: Vec<Step>,
}

/// Balanced accuracy without so many units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Units removed.
    pub removed: u64,
    /// Without the most important.
    pub most: f64,
    /// Without the least important.
    pub least: f64,
}

/// The sets of units that are removed: for each class and size the most important, then the least.
pub fn sets(ranking: &Verdicts, sizes: &[usize]) -> Vec<Vec<u32>> {
    let of_class = |class: usize| {
        let ranked = ranking.ranking(class);
        sizes.iter().flat_map(move |&size| {
            [ranked[..size.min(ranked.len())].to_vec(), ranked[ranked.len().saturating_sub(size)..].to_vec()]
        })
    };
    (0..ranking.classes()).flat_map(|class| of_class(class).collect::<Vec<_>>()).collect()
}

impl Ablation {
    /// Puts names to counts; `judged` is of the [`sets`] of `ranking`.
    pub fn new(
        about: About,
        names: &[String],
        (ranking, judged): (&Verdicts, &Verdicts),
        (units, sizes): (usize, &[usize]),
    ) -> Ablation {
        let class = |class: usize| {
            let baseline = judged.balanced(0, class)?;
            let ranking_baseline = ranking.balanced(0, class)?;
            let step = |(place, &size): (usize, &usize)| {
                let row = 1 + (class * sizes.len() + place) * 2;
                let (most, least) = (judged.balanced(row, class)?, judged.balanced(row + 1, class)?);
                Some(Step { removed: size as u64, most, least })
            };
            let ranked = ranking.ranking(class).into_iter();
            Some(Class {
                number: class as u64,
                name: names.get(class).cloned().unwrap_or_else(|| format!("class {class}")),
                ranking_baseline,
                ranking: ranked.map(|unit| (unit, ranking.balanced(unit as usize + 1, class).unwrap_or(0.0))).collect(),
                baseline,
                steps: sizes.iter().enumerate().filter_map(step).collect(),
            })
        };
        let classes: Vec<Class> = (0..judged.classes()).filter_map(class).collect();
        let mean = |value: &dyn Fn(&Class) -> f64| classes.iter().map(value).sum::<f64>() / classes.len().max(1) as f64;
        let means = sizes.iter().enumerate().map(|(place, &size)| Step {
            removed: size as u64,
            most: mean(&|class| class.steps[place].most),
            least: mean(&|class| class.steps[place].least),
        });
        let means = means.collect();
        let (ranked_by, judged_by, accuracy) = (ranking.images, judged.images, judged.accuracy(0));
        Ablation { about, ranked_by, judged_by, units: units as u64, accuracy, classes, means }
    }

    /// Mean balanced accuracy over classes, no unit removed.
    pub fn baseline(&self) -> f64 {
        self.classes.iter().map(|class| class.baseline).sum::<f64>() / self.classes.len().max(1) as f64
    }

    /// Reads `ablate.json`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if there is none, or it is something else.
    pub fn open(dir: &Path) -> Result<Ablation> {
        read(dir, NAME)?.ok_or_else(|| Error::input("is missing").at(dir.join(file(NAME, "json")).display()))
    }

    /// Writes all files.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if one cannot be written.
    pub fn write(&self, dir: &Path) -> Result<()> {
        write_atomic_with(&dir.join(file(NAME, "csv")), |out| self.csv(out))?;
        write_atomic(&dir.join(file(NAME, "svg")), self.chart().file().as_bytes())?;
        write_json(&dir.join(file(NAME, "json")), self)
    }

    fn csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = csv::Writer::from_writer(out);
        table.write_record(["class", "name", "removed", "baseline", "without_most", "without_least"])?;
        for class in &self.classes {
            for step in &class.steps {
                let numbers = [class.baseline, step.most, step.least].map(|value| value.to_string());
                let words = [class.number.to_string(), class.name.clone(), step.removed.to_string()];
                table.write_record(words.iter().chain(&numbers))?;
            }
        }
        table.flush()
    }

    /// For each class: what it is without the most and without the least important units of the last size.
    fn chart(&self) -> Chart {
        let names: Vec<String> = self.classes.iter().map(|class| class.name.clone()).collect();
        let ticks = (5..=10).map(|tick| f64::from(tick) * 10.0).collect();
        let x = Axis::fixed("balanced accuracy (%)", (45.0, 101.0), ticks);
        let mut chart = Chart::rows(640.0, &names, x);
        for (row, class) in self.classes.iter().enumerate() {
            let Some(step) = class.steps.last() else { continue };
            let y = row as f64;
            chart.dashed((step.most * 100.0, y), (class.baseline * 100.0, y), Paint::Muted);
            chart.dots([(class.baseline * 100.0, y)], Paint::Ink, (6.0, 0.35));
            chart.dots([(step.least * 100.0, y)], Paint::Tone(2), (4.0, 1.0));
            chart.dots([(step.most * 100.0, y)], Paint::Tone(1), (4.5, 1.0));
        }
        chart
    }
}

/// A share in percent.
fn percent(value: f64) -> String {
    format!("{} %", signed(value * 100.0, 1))
}

/// The page's section, if the folder holds the experiment.
pub(in crate::report) fn section(dir: &Path) -> Result<Option<Section>> {
    let Some(result) = read::<Ablation>(dir, NAME)? else { return Ok(None) };
    let (layer, units, baseline) = (&result.about.layer, result.units, result.baseline());
    let mut facts = vec![(
        "balanced accuracy".to_owned(),
        percent(baseline),
        format!(
            "mean of {} classes, nothing removed; {} of images right",
            result.classes.len(),
            percent(result.accuracy)
        ),
    )];
    if let Some(step) = result.means.last() {
        let note = |change: f64| format!("{:+.1} points, {} of {units} units", change * 100.0, step.removed);
        facts.push(("without the most important".into(), percent(step.most), note(step.most - baseline)));
        facts.push(("without the least important".into(), percent(step.least), note(step.least - baseline)));
    }
    let rows = result.classes.iter().map(|class| {
        let best: Vec<String> = class.ranking.iter().take(4).map(|(unit, _)| unit.to_string()).collect();
        let steps = class.steps.iter().flat_map(|step| [percent(step.most), percent(step.least)]);
        let mut row = vec![class.name.clone(), percent(class.baseline)];
        row.extend(steps.rev().take(2).collect::<Vec<_>>().into_iter().rev());
        row.push(best.join(", "));
        row
    });
    let caption = format!(
        "Each class as it is (grey), without the {} units of {layer} that matter least to it (green), and without as many that matter most \
         (orange). 50 % is guessing.",
        result.means.last().map_or(0, |step| step.removed)
    );
    Ok(Some(Section {
        id: NAME,
        heading: "A few units carry each class".into(),
        lede: format!(
            "Units of {layer} are switched off one at a time, and ranked for each class by what that costs it on {} images. Then groups of them \
             are switched off, and judged on {} other images.",
            result.ranked_by, result.judged_by
        ),
        facts,
        figures: vec![(result.chart().embedded(&caption), caption)],
        strips: Vec::new(),
        rows: Vec::new(),
        tables: vec![Table {
            title: "All classes".into(),
            head: vec!["class", "as it is", "without most important", "without least important", "first four units"],
            rows: rows.collect(),
        }],
        provenance: provenance(&result.about),
    }))
}
