//! `remove.json`, `remove.csv`, `remove.svg`, `remove-classes.svg`: what is lost without some units.

use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::page::{Section, Table, embed, provenance};
use super::{About, Concept, Ranked, Row, file, optional, read};
use crate::concepts::Vocabulary;
use crate::error::{Error, Result};
use crate::files::{write_atomic, write_atomic_with};
use crate::report::chart::{Anchor, Axis, Chart, Paint, signed};
use crate::report::write_json;
use crate::roles::remove::RemovalCounts;
use crate::roles::statistics::STANDARD_ERRORS;

/// Name of the experiment and of its files.
pub const NAME: &str = "remove";

/// Labels shown beside the concept in the plot of curves.
const COMPANIONS: usize = 4;
/// Labels shown in the plot of changes.
const SHOWN: usize = 14;

/// The content of `remove.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Removal {
    /// What was run.
    #[serde(flatten)]
    pub about: About,
    /// The concept whose units are removed.
    pub concept: Concept,
    /// Units in the order in which they are removed.
    pub units: Vec<Ranked>,
    /// Images counted.
    pub count: u64,
    /// Positions of the grid.
    pub positions: u64,
    /// Standard errors to either side of a mean that make its interval.
    pub standard_errors: f64,
    /// Every label that is there, before or after: the concept first, then by falling number of pixels.
    pub labels: Vec<LabelLoss>,
    /// Images before and after.
    pub pictures: Vec<Row>,
}

/// What happens to a label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelLoss {
    /// The label.
    #[serde(flatten)]
    pub label: Concept,
    /// Pixels of all images as they are, over all channels of the label maps.
    pub pixels: i64,
    /// Sum of the squares of each image's pixels.
    pub squares: u64,
    /// Without units, from one on.
    pub steps: Vec<Step>,
}

/// A label without some units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Units removed.
    pub units: u64,
    /// Pixels after less pixels before, summed over images.
    pub change: i64,
    /// Sum of the squares of each image's change.
    pub squares: u64,
    /// Mean change of an image as a share of the grid.
    pub mean: f64,
    /// Standard error of that mean; null for a single image.
    pub standard_error: Option<f64>,
    /// Pixels lost as a share of those of images as they are; null where there are none.
    pub lost: Option<f64>,
    /// Lower end of its interval.
    pub low: Option<f64>,
    /// Upper end of its interval.
    pub high: Option<f64>,
}

impl Removal {
    /// Puts names to counts.
    pub fn new(
        about: About,
        (vocabulary, label): (&Vocabulary, usize),
        units: Vec<Ranked>,
        counts: &RemovalCounts,
        pictures: Vec<Row>,
    ) -> Removal {
        let positions = u64::from(about.grid[0]) * u64::from(about.grid[1]);
        let there = |other: usize| {
            counts.baseline.sum[other] != 0 || counts.change.iter().any(|change| change.squares[other] != 0)
        };
        let mut labels: Vec<usize> =
            (1..counts.baseline.sum.len()).filter(|&other| other == label || there(other)).collect();
        labels.sort_by_key(|&other| (other != label, std::cmp::Reverse(counts.baseline.sum[other])));
        let losses = labels.into_iter().map(|label| LabelLoss {
            label: Concept::of(vocabulary, label),
            pixels: counts.baseline.sum[label],
            squares: counts.baseline.squares[label],
            steps: steps(counts, label, positions),
        });
        Removal {
            about,
            concept: Concept::of(vocabulary, label),
            units,
            count: counts.images,
            positions,
            standard_errors: STANDARD_ERRORS,
            labels: losses.collect(),
            pictures,
        }
    }

    /// Reads `remove.json`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if there is none, or it is something else.
    pub fn open(dir: &Path) -> Result<Removal> {
        read(dir, NAME)?.ok_or_else(|| Error::input("is missing").at(dir.join(file(NAME, "json")).display()))
    }

    /// Writes all files but the pictures.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if one cannot be written.
    pub fn write(&self, dir: &Path) -> Result<()> {
        write_atomic_with(&dir.join(file(NAME, "csv")), |out| self.csv(out))?;
        write_atomic(&dir.join(file(NAME, "svg")), self.curves().file().as_bytes())?;
        write_atomic(&dir.join("remove-classes.svg"), self.changes().file().as_bytes())?;
        write_json(&dir.join(file(NAME, "json")), self)
    }

    fn csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = csv::Writer::from_writer(out);
        table.write_record([
            "label",
            "name",
            "category",
            "units_removed",
            "pixels",
            "change",
            "squares",
            "mean_change",
            "standard_error",
            "lost",
            "low",
            "high",
        ])?;
        for loss in &self.labels {
            for step in &loss.steps {
                table.write_record([
                    loss.label.number.to_string(),
                    loss.label.name.clone(),
                    loss.label.category.clone(),
                    step.units.to_string(),
                    loss.pixels.to_string(),
                    step.change.to_string(),
                    step.squares.to_string(),
                    step.mean.to_string(),
                    optional(step.standard_error),
                    optional(step.lost),
                    optional(step.low),
                    optional(step.high),
                ])?;
            }
        }
        table.flush()
    }

    /// What becomes of the concept; nothing if no image shows it, for then there is nothing to lose.
    fn own(&self) -> Option<&LabelLoss> {
        self.labels.iter().find(|loss| loss.label.number == self.concept.number && loss.pixels > 0)
    }

    /// The labels that have most pixels besides the concept.
    fn companions(&self) -> Vec<&LabelLoss> {
        // Of rarer ones little is known.
        let often = |pixels: i64| i128::from(pixels) * 100 >= i128::from(self.count) * i128::from(self.positions);
        let others = self.labels.iter().filter(|loss| loss.label.number != self.concept.number && loss.pixels > 0);
        others.filter(|loss| often(loss.pixels)).take(COMPANIONS).collect()
    }

    /// Share lost over units removed: the concept with its band, and the labels that have most pixels besides.
    fn curves(&self) -> Chart {
        // The first tone is the concept's, shown or not.
        let companions = self.companions().into_iter().zip(1..);
        let shown: Vec<(&LabelLoss, usize)> = self.own().map(|own| (own, 0)).into_iter().chain(companions).collect();
        let percent = |value: Option<f64>| value.unwrap_or(0.0) * 100.0;
        let values = shown.iter().flat_map(|&(loss, rank)| {
            loss.steps.iter().flat_map(move |step| {
                let ends = if rank == 0 { [step.low, step.high] } else { [step.lost, step.lost] };
                ends.map(|end| percent(end.or(step.lost)))
            })
        });
        let y = Axis::round("pixels lost (%)", values.chain([0.0]), 6);
        let most = self.units.len() as f64;
        let title = match self.own() {
            Some(_) => "units removed".to_owned(),
            None => format!("units removed; no image shows {}", self.concept.name),
        };
        let x = Axis::fixed(&title, (0.0, most.max(1.0)), unit_ticks(self.units.len()));
        let mut chart = Chart::new((640.0, 400.0), 104.0, x, y);
        let mut names = Vec::new();
        for &(loss, rank) in shown.iter().rev() {
            let paint = Paint::Tone(rank);
            let points = |end: fn(&Step) -> Option<f64>| {
                let steps = loss.steps.iter().map(move |step| (step.units as f64, percent(end(step).or(step.lost))));
                std::iter::once((0.0, 0.0)).chain(steps).collect::<Vec<_>>()
            };
            let (low, high, middle) = (points(|step| step.low), points(|step| step.high), points(|step| step.lost));
            let band: Vec<_> = low.iter().zip(&high).map(|(low, high)| (low.0, low.1, high.1)).collect();
            if rank == 0 {
                chart.band(&band, paint);
            }
            chart.curve(&middle, paint, if rank == 0 { 2.4 } else { 1.2 });
            if rank == 0 {
                chart.dots(middle.iter().copied(), paint, (2.6, 1.0));
            }
            names.extend(middle.last().map(|last| (last.1, loss.label.name.clone(), paint)));
        }
        chart.names(names);
        chart
    }

    /// Mean change of the concept and of the labels that change most, with as many units removed as were.
    fn changes(&self) -> Chart {
        let mut rows: Vec<(&LabelLoss, &Step)> =
            self.labels.iter().filter_map(|loss| Some((loss, loss.steps.last()?))).collect();
        rows.sort_by_key(|(loss, step)| {
            (loss.label.number != self.concept.number, std::cmp::Reverse(step.change.unsigned_abs()))
        });
        rows.truncate(SHOWN);
        rows.sort_by_key(|(_, step)| step.change);
        let pixels = |step: &Step, errors: f64| {
            (step.mean + errors * step.standard_error.unwrap_or(0.0)) * self.positions as f64
        };
        let ends = |step: &Step| [-self.standard_errors, 0.0, self.standard_errors].map(|errors| pixels(step, errors));
        let x = Axis::round(
            &format!("change of pixels in an image of {}, {} units removed", self.positions, self.units.len()),
            rows.iter().flat_map(|(_, step)| ends(step)).chain([0.0]),
            6,
        );
        let names: Vec<String> = rows.iter().map(|(loss, _)| loss.label.name.clone()).collect();
        let mut chart = Chart::rows(640.0, &names, x);
        for (row, (loss, step)) in rows.iter().enumerate() {
            let paint = if loss.label.number == self.concept.number { Paint::Tone(0) } else { Paint::Tone(5) };
            let [low, mean, high] = ends(step);
            let title = format!("{}: {} pixels an image", loss.label.name, signed(mean, 2));
            chart.row_bar(row, mean, paint, &title);
            if step.standard_error.is_some() {
                chart.row_whisker(row, (low, high));
            }
        }
        if rows.is_empty() {
            chart.label((0.0, 0.0), (8.0, 0.0), "no label changes", Paint::Muted, Anchor::Start);
        }
        chart
    }
}

/// Ticks of the paper's figure where there are so many units, round ones elsewhere.
fn unit_ticks(most: usize) -> Vec<f64> {
    let ticks: Vec<usize> = match most {
        21..=34 => [0, 2, 4, 8, 20, 30].into_iter().filter(|&tick| tick <= most).collect(),
        _ => (0..=most).step_by(most.div_ceil(10).max(1)).collect(),
    };
    ticks.into_iter().map(|tick| tick as f64).collect()
}

fn steps(counts: &RemovalCounts, label: usize, positions: u64) -> Vec<Step> {
    let losses = counts.losses(label);
    let step = |(place, change): (usize, &crate::roles::statistics::Moments)| {
        let loss = losses.as_ref().and_then(|losses| losses.get(place + 1));
        let band = loss.and_then(|loss| loss.band);
        Step {
            units: place as u64 + 1,
            change: change.sum[label],
            squares: change.squares[label],
            mean: change.mean(label, counts.images).unwrap_or(0.0) / positions as f64,
            standard_error: change.standard_error(label, counts.images).map(|error| error / positions as f64),
            lost: loss.map(|loss| loss.share),
            low: band.map(|(low, _)| low),
            high: band.map(|(_, high)| high),
        }
    };
    counts.change.iter().enumerate().map(step).collect()
}

/// The page's section, if the folder holds the experiment.
pub(in crate::report) fn section(dir: &Path) -> Result<Option<Section>> {
    let Some(result) = read::<Removal>(dir, NAME)? else { return Ok(None) };
    let (name, layer, count) = (&result.concept.name, &result.about.layer, result.units.len());
    let own = result.own();
    let last = own.and_then(|loss| loss.steps.last());
    let percent = |value: f64| format!("{} %", signed(value * 100.0, 1));
    let mut facts = Vec::new();
    if let (Some(loss), Some(step)) = (own, last)
        && let Some(lost) = step.lost
    {
        let interval = step
            .low
            .zip(step.high)
            .map_or_else(String::new, |(low, high)| format!("99 % interval {} to {}", percent(low), percent(high)));
        facts.push((format!("of {name} pixels lost"), percent(lost), interval));
        if let Some(middle) = loss.steps.get(19).filter(|_| count > 20) {
            facts.push((
                "lost with 20 units".into(),
                percent(middle.lost.unwrap_or(0.0)),
                "as the paper reports it".into(),
            ));
        }
        let share = loss.pixels as f64 / result.count.max(1) as f64 / result.positions as f64;
        facts.push((format!("{name} before"), percent(share), "of all positions".into()));
    }
    if own.is_none() {
        facts.push((format!("of {name} pixels lost"), "–".into(), format!("no image shows {name}")));
    }
    facts.push((
        "images".into(),
        result.count.to_string(),
        format!("{} label{}", result.labels.len(), if result.labels.len() == 1 { "" } else { "s" }),
    ));
    let unit_rows = result.units.iter().enumerate().map(|(place, unit)| {
        let step = own.and_then(|loss| loss.steps.get(place));
        vec![
            (place + 1).to_string(),
            unit.unit.to_string(),
            format!("{:.4}", unit.iou),
            step.and_then(|step| step.lost).map_or_else(|| "–".into(), percent),
        ]
    });
    let label_rows = result.labels.iter().filter_map(|loss| {
        let step = loss.steps.last()?;
        Some(vec![
            loss.label.name.clone(),
            loss.pixels.to_string(),
            signed(step.change as f64, 0),
            step.lost.map_or_else(|| "–".into(), percent),
            step.low
                .zip(step.high)
                .map_or_else(|| "–".into(), |(low, high)| format!("{} … {}", percent(low), percent(high))),
        ])
    });
    let tables = vec![
        Table {
            title: format!("Units of {layer} in the order in which they are removed"),
            head: vec!["removed", "unit", "IoU", "lost by then"],
            rows: unit_rows.collect(),
        },
        Table {
            title: format!("All labels, {count} units removed"),
            head: vec!["label", "pixels before", "change", "lost", "99 % interval"],
            rows: label_rows.collect(),
        },
    ];
    let curve_caption = match own {
        Some(_) => format!(
            "Pixels of {name} lost as the units of {layer} that match it best are switched off one after the other. The band holds the \
             mean over {} images with a probability of 99 %. Thin lines: the labels with most pixels besides, each on a hundredth of all \
             positions or more.",
            result.count
        ),
        None => format!(
            "None of {} images shows {name}: there is nothing to lose. Thin lines: pixels lost of the labels with most pixels, each on a \
             hundredth of all positions or more, as the units of {layer} that match {name} best are switched off one after the other.",
            result.count
        ),
    };
    let change_caption = format!(
        "What changes in an image with {count} units switched off: means with 99 % intervals, of {name} and of the labels that change most."
    );
    Ok(Some(Section {
        id: NAME,
        heading: format!("Images without the units for {name}"),
        lede: format!(
            "The {count} units of {layer} that overlap best with {name} are switched off, the best first, in {} generated images; each \
             image is labelled before and after. A label in two channels of a position counts twice.",
            result.count
        ),
        facts,
        figures: vec![
            (result.curves().embedded(&curve_caption), curve_caption),
            (result.changes().embedded(&change_caption), change_caption),
        ],
        strips: Vec::new(),
        rows: embed(dir, &result.pictures)?,
        tables,
        provenance: provenance(&result.about),
    }))
}
