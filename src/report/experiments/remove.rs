//! `remove.json`, `remove.csv`, `remove.svg`, `remove-classes.svg`: what is lost without some units.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::about::{About, Concept, PictureRow, RankedUnit};
use super::page::{Fact, Table};
use super::pieces::{Bar, Csv, Drawing, NONE, Plot, bars, interval, optional, or_none, percent};
use super::result::ExperimentReport;
use crate::concepts::Vocabulary;
use crate::report::chart::{Axis, Chart, Paint, signed};
use crate::roles::remove::RemovalCounts;
use crate::roles::statistics::{Moments, standard_errors};

/// Labels shown beside the concept in the plot of curves.
const COMPANIONS: usize = 4;
/// Labels shown in the plot of changes.
const SHOWN: usize = 14;

/// The content of `remove.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemovalReport {
    /// What was run.
    #[serde(flatten)]
    pub about: About,
    /// The concept whose units are removed.
    pub concept: Concept,
    /// Units in the order in which they are removed.
    pub units: Vec<RankedUnit>,
    /// Images counted.
    pub count: u64,
    /// Positions of the grid.
    pub positions: u64,
    /// Standard errors to either side of a mean that make its interval; none for a single image.
    pub standard_errors: Option<f64>,
    /// Every label that is there, before or after: the concept first, then by falling number of pixels.
    pub labels: Vec<LabelLoss>,
    /// Images before and after.
    pub pictures: Vec<PictureRow>,
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
    pub steps: Vec<RemovalStep>,
}

/// A label without some units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RemovalStep {
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

impl RemovalReport {
    /// Puts names to counts.
    pub fn new(
        about: About,
        vocabulary: &Vocabulary,
        label: usize,
        units: Vec<RankedUnit>,
        counts: &RemovalCounts,
        pictures: Vec<PictureRow>,
    ) -> RemovalReport {
        let positions = u64::from(about.grid[0]) * u64::from(about.grid[1]);
        let there = |other: usize| {
            counts.baseline.sum[other] != 0 || counts.change.iter().any(|change| change.squares[other] != 0)
        };
        let mut labels: Vec<usize> =
            (1..counts.baseline.sum.len()).filter(|&other| other == label || there(other)).collect();
        labels.sort_by_key(|&other| (other != label, Reverse(counts.baseline.sum[other])));
        let losses = labels.into_iter().map(|label| LabelLoss {
            label: Concept::of(vocabulary, label),
            pixels: counts.baseline.sum[label],
            squares: counts.baseline.squares[label],
            steps: steps(counts, label, positions),
        });
        RemovalReport {
            about,
            concept: Concept::of(vocabulary, label),
            units,
            count: counts.images,
            positions,
            standard_errors: standard_errors(counts.images),
            labels: losses.collect(),
            pictures,
        }
    }

    /// `remove.csv`: every label at every number of removed units.
    pub fn csv(&self) -> Csv {
        let row = |loss: &LabelLoss, step: &RemovalStep| {
            vec![
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
            ]
        };
        let rows = self.labels.iter().flat_map(|loss| loss.steps.iter().map(move |step| row(loss, step)));
        let head = "label name category units_removed pixels change squares mean_change standard_error lost low high";
        Csv { head: head.split(' ').collect(), rows: rows.collect() }
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
            let points = |end: fn(&RemovalStep) -> Option<f64>| {
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

    /// Numbers worth large type of the concept's own loss, none if no unit was removed.
    fn facts_of(&self, own: &LabelLoss) -> Vec<Fact> {
        let Some((step, lost)) = own.steps.last().and_then(|step| Some((step, step.lost?))) else { return Vec::new() };
        let name = &self.concept.name;
        let interval = interval(step.low, step.high, "to").map(|interval| format!("99 % interval {interval}"));
        let interval = interval.unwrap_or_else(|| "no interval: a single image".to_owned());
        let mut facts = vec![Fact::new(format!("of {name} pixels lost"), percent(lost), interval)];
        if let Some(middle) = own.steps.get(19).filter(|_| self.units.len() > 20) {
            let lost = percent(middle.lost.unwrap_or(0.0));
            facts.push(Fact::new("lost with 20 units", lost, "as the paper reports it"));
        }
        let share = own.pixels as f64 / self.count.max(1) as f64 / self.positions as f64;
        facts.push(Fact::new(format!("{name} before"), percent(share), "of all positions"));
        facts
    }

    /// Mean change of the concept and of the labels that change most, with as many units removed as were.
    fn changes(&self) -> Chart {
        let is_own = |loss: &LabelLoss| loss.label.number == self.concept.number;
        let mut rows: Vec<(&LabelLoss, &RemovalStep)> =
            self.labels.iter().filter_map(|loss| Some((loss, loss.steps.last()?))).collect();
        rows.sort_by_key(|(loss, step)| (!is_own(loss), Reverse(step.change.unsigned_abs())));
        rows.truncate(SHOWN);
        rows.sort_by_key(|(_, step)| step.change);
        let bar = |(loss, step): (&LabelLoss, &RemovalStep)| {
            let pixels = |share: f64| share * self.positions as f64;
            let end = |error: f64, errors: f64| pixels(step.mean + errors * error);
            let whole = |(error, errors): (f64, f64)| (end(error, -errors), end(error, errors));
            Bar {
                name: loss.label.name.clone(),
                is_own: is_own(loss),
                value: pixels(step.mean),
                interval: step.standard_error.zip(self.standard_errors).map(whole),
                title: format!("{}: {} pixels an image", loss.label.name, signed(pixels(step.mean), 2)),
            }
        };
        let (positions, units) = (self.positions, self.units.len());
        let axis = format!("change of pixels in an image of {positions}, {units} units removed");
        bars(&axis, &rows.into_iter().map(bar).collect::<Vec<_>>(), "no label changes")
    }
}

impl ExperimentReport for RemovalReport {
    const NAME: &'static str = "remove";

    fn about(&self) -> &About {
        &self.about
    }

    fn heading(&self) -> String {
        format!("Images without the units for {}", self.concept.name)
    }

    fn lede(&self) -> String {
        format!(
            "The {} units of {} that overlap best with {} are switched off, the best first, in {} generated images; each \
             image is labelled before and after. A label in two channels of a position counts twice.",
            self.units.len(),
            self.about.layer,
            self.concept.name,
            self.count
        )
    }

    fn facts(&self) -> Vec<Fact> {
        let name = &self.concept.name;
        let mut facts = Vec::new();
        match self.own() {
            None => facts.push(Fact::new(format!("of {name} pixels lost"), NONE, format!("no image shows {name}"))),
            Some(own) => facts.extend(self.facts_of(own)),
        }
        let labels = self.labels.len();
        let note = format!("{labels} label{}", if labels == 1 { "" } else { "s" });
        facts.push(Fact::new("images", self.count.to_string(), note));
        facts
    }

    fn plots(&self) -> Vec<Plot> {
        let (name, layer, units, count) = (&self.concept.name, &self.about.layer, self.units.len(), self.count);
        let band = match self.standard_errors {
            Some(errors) => format!(
                "The band holds the mean over {count} images with a probability of 99 %: it is {errors:.2} standard errors to either side."
            ),
            None => "There is no band: one image says nothing of how much others differ.".to_owned(),
        };
        let curves = match self.own() {
            Some(_) => format!(
                "Pixels of {name} lost as the units of {layer} that match it best are switched off one after the other. {band} Thin lines: the \
                 labels with most pixels besides, each on a hundredth of all positions or more."
            ),
            None => format!(
                "None of {count} images shows {name}: there is nothing to lose. Thin lines: pixels lost of the labels with most pixels, each on a \
                 hundredth of all positions or more, as the units of {layer} that match {name} best are switched off one after the other."
            ),
        };
        let changes = format!(
            "What changes in an image with {units} units switched off: means with 99 % intervals, of {name} and of the labels that change most."
        );
        vec![
            Plot { file: "remove.svg", drawing: Drawing::Chart(self.curves()), caption: curves },
            Plot { file: "remove-classes.svg", drawing: Drawing::Chart(self.changes()), caption: changes },
        ]
    }

    fn pictures(&self) -> &[PictureRow] {
        &self.pictures
    }

    fn tables(&self) -> Vec<Table> {
        let own = self.own();
        let unit = |(place, unit): (usize, &RankedUnit)| {
            let step = own.and_then(|loss| loss.steps.get(place));
            let lost = or_none(step.and_then(|step| step.lost), percent);
            vec![(place + 1).to_string(), unit.unit.to_string(), format!("{:.4}", unit.iou), lost]
        };
        let label = |loss: &LabelLoss| {
            let step = loss.steps.last()?;
            let interval = interval(step.low, step.high, "…").unwrap_or_else(|| NONE.to_owned());
            let (lost, change) = (or_none(step.lost, percent), signed(step.change as f64, 0));
            Some(vec![loss.label.name.clone(), loss.pixels.to_string(), change, lost, interval])
        };
        vec![
            Table {
                title: format!("Units of {} in the order in which they are removed", self.about.layer),
                head: vec!["removed", "unit", "IoU", "lost by then"],
                rows: self.units.iter().enumerate().map(unit).collect(),
            },
            Table {
                title: format!("All labels, {} units removed", self.units.len()),
                head: vec!["label", "pixels before", "change", "lost", "99 % interval"],
                rows: self.labels.iter().filter_map(label).collect(),
            },
        ]
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

fn steps(counts: &RemovalCounts, label: usize, positions: u64) -> Vec<RemovalStep> {
    let losses = counts.losses(label);
    let step = |(place, change): (usize, &Moments)| {
        let loss = losses.as_ref().and_then(|losses| losses.get(place + 1));
        let band = loss.and_then(|loss| loss.band);
        RemovalStep {
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
