//! A classifier without units: `ablate.json`, `ablate.csv`, a plot, and the page's section.

use serde::{Deserialize, Serialize};

use super::about::About;
use super::page::{Fact, Table};
use super::pieces::{Csv, Drawing, Plot, percent};
use super::result::ExperimentReport;
use crate::report::chart::{Axis, Chart, Paint};
use crate::roles::ablate::{Verdicts, extreme_rows};

/// Result of the experiment; the layout of `ablate.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AblationReport {
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
    pub classes: Vec<AblatedClass>,
    /// Means over classes.
    pub means: Vec<AblationStep>,
}

/// A class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AblatedClass {
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
    pub steps: Vec<AblationStep>,
}

/// Balanced accuracy without so many units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AblationStep {
    /// Units removed.
    pub removed: u64,
    /// Without the most important.
    pub most: f64,
    /// Without the least important.
    pub least: f64,
}

/// What was found out on either images.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// Names of the classes, in the network's order.
    pub names: &'a [String],
    /// Units of the layer.
    pub units: usize,
    /// How many units are removed together.
    pub sizes: &'a [usize],
    /// Without each unit by itself, on the images that units are ranked by.
    pub ranking: &'a Verdicts,
    /// Without each of the sets of that ranking ([`Verdicts::extremes`]), on the images that removals are judged by.
    pub judged: &'a Verdicts,
}

impl Judged<'_> {
    /// A class, unless there are no images of it, or none of others to tell it from.
    fn class(&self, class: usize) -> Option<AblatedClass> {
        let (ranking, judged) = (self.ranking, self.judged);
        let baseline = judged.balanced(0, class)?;
        let ranking_baseline = ranking.balanced(0, class)?;
        let step = |(place, &size): (usize, &usize)| {
            let [most, least] = extreme_rows(class, place, self.sizes.len()).map(|row| judged.balanced(row, class));
            Some(AblationStep { removed: size as u64, most: most?, least: least? })
        };
        let ranked = ranking.ranking(class).into_iter();
        Some(AblatedClass {
            number: class as u64,
            name: self.names.get(class).cloned().unwrap_or_else(|| format!("class {class}")),
            ranking_baseline,
            ranking: ranked.map(|unit| (unit, ranking.balanced(unit as usize + 1, class).unwrap_or(0.0))).collect(),
            baseline,
            steps: self.sizes.iter().enumerate().filter_map(step).collect(),
        })
    }
}

impl AblationReport {
    /// Puts names to counts.
    pub fn new(about: About, found: Judged<'_>) -> AblationReport {
        let classes: Vec<AblatedClass> = (0..found.judged.classes()).filter_map(|class| found.class(class)).collect();
        let step = |(place, &size): (usize, &usize)| AblationStep {
            removed: size as u64,
            most: mean(&classes, |class| class.steps[place].most),
            least: mean(&classes, |class| class.steps[place].least),
        };
        AblationReport {
            about,
            ranked_by: found.ranking.images,
            judged_by: found.judged.images,
            units: found.units as u64,
            accuracy: found.judged.accuracy(0),
            means: found.sizes.iter().enumerate().map(step).collect(),
            classes,
        }
    }

    /// Mean balanced accuracy over classes, no unit removed.
    pub fn baseline(&self) -> f64 {
        mean(&self.classes, |class| class.baseline)
    }

    /// `ablate.csv`: every class at every number of removed units.
    pub fn csv(&self) -> Csv {
        let row = |class: &AblatedClass, step: &AblationStep| {
            vec![
                class.number.to_string(),
                class.name.clone(),
                step.removed.to_string(),
                class.baseline.to_string(),
                step.most.to_string(),
                step.least.to_string(),
            ]
        };
        let rows = self.classes.iter().flat_map(|class| class.steps.iter().map(move |step| row(class, step)));
        let head = ["class", "name", "removed", "baseline", "without_most", "without_least"];
        Csv { head: head.into(), rows: rows.collect() }
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

/// Mean of a value of classes; 0 of none.
fn mean(classes: &[AblatedClass], value: impl Fn(&AblatedClass) -> f64) -> f64 {
    classes.iter().map(value).sum::<f64>() / classes.len().max(1) as f64
}

impl ExperimentReport for AblationReport {
    const NAME: &'static str = "ablate";

    fn about(&self) -> &About {
        &self.about
    }

    fn heading(&self) -> String {
        "A few units carry each class".into()
    }

    fn lede(&self) -> String {
        format!(
            "Units of {} are switched off one at a time, and ranked for each class by what that costs it on {} images. Then groups of them \
             are switched off, and judged on {} other images.",
            self.about.layer, self.ranked_by, self.judged_by
        )
    }

    fn facts(&self) -> Vec<Fact> {
        let (baseline, classes) = (self.baseline(), self.classes.len());
        let note = format!("mean of {classes} classes, nothing removed; {} of images right", percent(self.accuracy));
        let mut facts = vec![Fact::new("balanced accuracy", percent(baseline), note)];
        if let Some(step) = self.means.last() {
            let without = |which: &str, value: f64| {
                let points = (value - baseline) * 100.0;
                let note = format!("{points:+.1} points, {} of {} units", step.removed, self.units);
                Fact::new(format!("without the {which} important"), percent(value), note)
            };
            facts.extend([without("most", step.most), without("least", step.least)]);
        }
        facts
    }

    fn plots(&self) -> Vec<Plot> {
        let caption = format!(
            "Each class as it is (grey), without the {} units of {} that matter least to it (green), and without as many that matter most \
             (orange). 50 % is guessing.",
            self.means.last().map_or(0, |step| step.removed),
            self.about.layer
        );
        vec![Plot { file: "ablate.svg", drawing: Drawing::Chart(self.chart()), caption }]
    }

    fn tables(&self) -> Vec<Table> {
        let row = |class: &AblatedClass| {
            let best: Vec<String> = class.ranking.iter().take(4).map(|(unit, _)| unit.to_string()).collect();
            let mut row = vec![class.name.clone(), percent(class.baseline)];
            row.extend(class.steps.last().into_iter().flat_map(|step| [percent(step.most), percent(step.least)]));
            row.push(best.join(", "));
            row
        };
        vec![Table {
            title: "All classes".into(),
            head: vec!["class", "as it is", "without most important", "without least important", "first four units"],
            rows: self.classes.iter().map(row).collect(),
        }]
    }
}
