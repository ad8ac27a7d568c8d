//! `insert.json`, `insert.csv`, `insert.svg`, `insert-map.svg`: where a concept appears when its units are set.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::about::{About, Concept, PictureRow, RankedUnit};
use super::page::{Fact, Line, Table};
use super::pieces::{Bar, Csv, Drawing, Plot, bars, interval, optional, or_none, percent};
use super::result::ExperimentReport;
use crate::concepts::Vocabulary;
use crate::report::chart::{Cells, Chart, signed};
use crate::roles::insert::{InsertionCounts, Surrounding};
use crate::roles::statistics::{Groups, Moments, standard_errors};

/// Surroundings shown in the plot.
const SHOWN: usize = 14;

/// The content of `insert.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InsertionReport {
    /// What was run.
    #[serde(flatten)]
    pub about: About,
    /// The concept whose units are set.
    pub concept: Concept,
    /// The units and what each is set to.
    pub units: Vec<RankedUnit>,
    /// Where those values come from.
    pub levels: Levels,
    /// Which samples were taken of all there are.
    pub sampling: Sampling,
    /// Standard errors to either side of the mean over all positions that make its interval; those of fewer images are more. None for
    /// a single image.
    pub standard_errors: Option<f64>,
    /// Pixels of the concept in all images as they are, over all channels of the label maps.
    pub pixels: i64,
    /// Sum of the squares of each image's pixels.
    pub squares: u64,
    /// All samples, whatever surrounds them.
    pub all: Effect,
    /// By label of the surrounding, most samples first.
    pub surroundings: Vec<SurroundingEffect>,
    /// Samples of each position of the layer's map, row by row.
    pub samples_at: Vec<u64>,
    /// New pixels of the concept, summed over those samples.
    pub change_at: Vec<i64>,
    /// Images before and after.
    pub pictures: Vec<PictureRow>,
}

/// Where the values of units come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Levels {
    /// The quantile of each unit's own activations on the grid; null where one value was given for all.
    pub quantile: Option<f64>,
    /// Numbers of the latents that it was taken over; null where a value was given.
    pub latents: Option<String>,
}

/// The units that are set.
#[derive(Debug, Clone, PartialEq)]
pub struct SetUnits {
    /// The units, each with its value.
    pub units: Vec<RankedUnit>,
    /// Where the values come from.
    pub levels: Levels,
}

/// Which samples, an image and a position each, were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampling {
    /// Images.
    pub images: u64,
    /// Rows and columns of the layer's map.
    pub map: [u32; 2],
    /// Positions tried in each image.
    pub positions: u32,
    /// Positions there are.
    pub of: u32,
    /// Seed of the draw; null where all positions were tried.
    pub seed: Option<u32>,
    /// Samples in all.
    pub samples: u64,
}

/// What inserting does to the concept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Samples.
    pub samples: u64,
    /// Images among them.
    pub images: u64,
    /// New pixels of the concept, summed over samples.
    pub change: i64,
    /// Sum of the squares of each sample's new pixels.
    pub squares: u64,
    /// Sum of the squares of each image's sum of new pixels.
    pub image_squares: u64,
    /// Sum of the products of each image's sum and its number of samples.
    pub image_products: i64,
    /// Sum of the squares of each image's number of samples.
    pub image_counts: u64,
    /// Mean new pixels of a sample.
    pub mean: Option<f64>,
    /// Standard deviation of a sample's new pixels.
    pub deviation: Option<f64>,
    /// Standard error of the mean; images, not samples, are taken for independent.
    pub standard_error: Option<f64>,
    /// Mean over the mean pixels of the concept in an image as it is; null where there are none.
    pub relative: Option<f64>,
    /// Lower end of its interval.
    pub low: Option<f64>,
    /// Upper end of its interval.
    pub high: Option<f64>,
}

/// A surrounding and its effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SurroundingEffect {
    /// The label at the position before.
    #[serde(flatten)]
    pub label: Concept,
    /// What inserting does there.
    #[serde(flatten)]
    pub effect: Effect,
}

impl InsertionReport {
    /// Puts names to counts.
    pub fn new(
        about: About,
        vocabulary: &Vocabulary,
        label: usize,
        set: SetUnits,
        sampling: Sampling,
        counts: &InsertionCounts,
        pictures: Vec<PictureRow>,
    ) -> InsertionReport {
        let baseline = counts.baseline.mean(label, counts.images).filter(|mean| *mean > 0.0);
        let amid = |(&other, counted): (&u16, &Surrounding)| SurroundingEffect {
            label: Concept::of(vocabulary, other.into()),
            effect: effect(counted, label, baseline),
        };
        // 0 stands for every sample, whatever surrounds it.
        let labels = counts.surroundings.iter().filter(|(other, _)| **other > 0);
        let mut surroundings: Vec<SurroundingEffect> = labels.map(amid).collect();
        surroundings.sort_by_key(|known| (Reverse(known.effect.samples), known.label.number));
        let empty = Surrounding { samples: 0, change: Moments::new(label + 1), concept: Groups::default() };
        InsertionReport {
            about,
            concept: Concept::of(vocabulary, label),
            units: set.units,
            levels: set.levels,
            sampling,
            standard_errors: counts.surroundings.get(&0).and_then(|all| standard_errors(all.concept.groups)),
            pixels: counts.baseline.sum[label],
            squares: counts.baseline.squares[label],
            all: effect(counts.surroundings.get(&0).unwrap_or(&empty), label, baseline),
            surroundings,
            samples_at: counts.samples_at.clone(),
            change_at: counts.change_at.clone(),
            pictures,
        }
    }

    /// `insert.csv`: what inserting does amid anything, then amid each label.
    pub fn csv(&self) -> Csv {
        let row = |label: &Concept, effect: &Effect| {
            vec![
                label.number.to_string(),
                label.name.clone(),
                label.category.clone(),
                effect.samples.to_string(),
                effect.images.to_string(),
                effect.change.to_string(),
                effect.squares.to_string(),
                optional(effect.mean),
                optional(effect.deviation),
                optional(effect.standard_error),
                optional(effect.relative),
                optional(effect.low),
                optional(effect.high),
            ]
        };
        let anything = Concept { number: 0, name: "anything".to_owned(), category: String::new() };
        let amid = self.surroundings.iter().map(|known| row(&known.label, &known.effect));
        let head = "label name category samples images change squares mean deviation standard_error relative low high";
        Csv { head: head.split(' ').collect(), rows: std::iter::once(row(&anything, &self.all)).chain(amid).collect() }
    }

    /// The surroundings with most samples, by effect.
    fn shown(&self) -> Vec<&SurroundingEffect> {
        // Of rarer ones little is known.
        let often = |known: &&SurroundingEffect| known.effect.samples * 100 >= self.sampling.samples;
        let mut shown: Vec<&SurroundingEffect> = self.surroundings.iter().take(SHOWN).filter(often).collect();
        shown.sort_by_key(|known| Reverse(known.effect.mean.map_or(i64::MIN, order)));
        shown
    }

    /// Value and interval in the plot's unit: percent of the concept's pixels where it has any, else pixels.
    fn plotted(&self, effect: &Effect) -> (f64, Option<(f64, f64)>) {
        match effect.relative {
            Some(relative) => {
                let whole = effect.low.zip(effect.high).filter(|_| effect.standard_error.is_some());
                (relative * 100.0, whole.map(|(low, high)| (low * 100.0, high * 100.0)))
            }
            None => {
                let mean = effect.mean.unwrap_or(0.0);
                let half =
                    effect.standard_error.zip(standard_errors(effect.images)).map(|(error, errors)| errors * error);
                (mean, half.map(|half| (mean - half, mean + half)))
            }
        }
    }

    /// New pixels amid the surroundings with most samples.
    fn effects(&self) -> Chart {
        let bar = |known: &&SurroundingEffect| {
            let (value, interval) = self.plotted(&known.effect);
            let (name, samples) = (known.label.name.clone(), known.effect.samples);
            Bar {
                is_own: known.label.number == self.concept.number,
                value,
                interval,
                title: format!("amid {name}: {} of {samples} samples", signed(value, 2)),
                name,
            }
        };
        let name = &self.concept.name;
        let axis = match self.all.relative {
            Some(_) => format!("new pixels of {name} by one insertion (% of those in an image)"),
            None => format!("new pixels of {name} by one insertion"),
        };
        bars(&axis, &self.shown().iter().map(bar).collect::<Vec<_>>(), "no position has a label")
    }

    /// Mean new pixels at each position of the layer's map.
    fn map(&self) -> Cells {
        let mean = |(&change, &samples): (&i64, &u64)| (samples > 0).then(|| change as f64 / samples as f64);
        let [rows, columns] = self.sampling.map;
        Cells {
            rows,
            columns,
            values: self.change_at.iter().zip(&self.samples_at).map(mean).collect(),
            title: format!("mean new pixels of {}", self.concept.name),
        }
    }

    /// What units are set to, in words.
    fn level(&self) -> String {
        match (self.levels.quantile, &self.levels.latents) {
            (Some(quantile), Some(latents)) => {
                format!("the {quantile} quantile of its own activations over latents {latents}")
            }
            _ => "one given value".to_owned(),
        }
    }
}

impl Effect {
    /// The mean in words: as a share where the concept is somewhere, else in pixels.
    fn in_words(&self) -> String {
        match self.relative {
            Some(share) => percent(share),
            None => or_none(self.mean, |mean| format!("{} px", signed(mean, 1))),
        }
    }

    /// The interval in words; nothing where there is none.
    fn interval(&self) -> String {
        interval(self.low, self.high, "to").unwrap_or_default()
    }
}

impl ExperimentReport for InsertionReport {
    const NAME: &'static str = "insert";

    fn about(&self) -> &About {
        &self.about
    }

    fn heading(&self) -> String {
        format!("Where the units for {name} make {name}", name = self.concept.name)
    }

    fn lede(&self) -> String {
        let (sampling, name, level) = (&self.sampling, &self.concept.name, self.level());
        let drawn = match sampling.seed {
            Some(seed) => format!(
                "Of the {} positions of the map {} were tried in each image, drawn with seed {seed}.",
                sampling.of, sampling.positions
            ),
            None => format!("All {} positions of the map were tried in each image.", sampling.of),
        };
        format!(
            "The {} units of {} that overlap best with {name} are set, each to {level}, at one position, and the pixels of {name} in the \
             whole image are counted before and after. {drawn}",
            self.units.len(),
            self.about.layer
        )
    }

    fn facts(&self) -> Vec<Fact> {
        let fact = |name: String, effect: &Effect| Fact::new(name, effect.in_words(), effect.interval());
        let mut facts = vec![fact(format!("more {}, anywhere", self.concept.name), &self.all)];
        let shown = self.shown();
        if let [best, .., worst] = &shown[..] {
            facts.extend([best, worst].map(|known| fact(format!("amid {}", known.label.name), &known.effect)));
        }
        let sampling = &self.sampling;
        let note = format!("{} of {} positions in {} images", sampling.positions, sampling.of, sampling.images);
        facts.push(Fact::new("samples", sampling.samples.to_string(), note));
        facts
    }

    fn plots(&self) -> Vec<Plot> {
        let (name, units) = (&self.concept.name, self.units.len());
        let effects = format!(
            "New pixels of {name} where its {units} units are set at one position, by what was there before: the {} labels on a hundredth of all \
             samples or more. \
             Whiskers: 99 % intervals of the mean, by Student's t of the number of images: they, not positions, count as independent, \
             and of a single one there is no interval.",
            self.shown().len()
        );
        let layer = &self.about.layer;
        let map = format!("Mean new pixels of {name} by the position of {layer} at which the units are set.");
        vec![
            Plot { file: "insert.svg", drawing: Drawing::Chart(self.effects()), caption: effects },
            Plot { file: "insert-map.svg", drawing: Drawing::Cells(self.map()), caption: map },
        ]
    }

    fn pictures(&self) -> &[PictureRow] {
        &self.pictures
    }

    fn tables(&self) -> Vec<Table> {
        let two = |value: f64| signed(value, 2);
        let surrounding = |known: &SurroundingEffect| {
            let effect = &known.effect;
            vec![
                known.label.name.clone(),
                effect.samples.to_string(),
                effect.images.to_string(),
                or_none(effect.mean, two),
                or_none(effect.deviation, two),
                effect.in_words(),
                effect.interval(),
            ]
        };
        let unit = |unit: &RankedUnit| {
            let value = or_none(unit.value.map(f64::from), |value| signed(value, 4));
            vec![unit.unit.to_string(), format!("{:.4}", unit.iou), value]
        };
        vec![
            Table {
                title: "All surroundings".into(),
                head: vec!["label", "samples", "images", "mean new pixels", "deviation", "relative", "99 % interval"],
                rows: self.surroundings.iter().map(surrounding).collect(),
            },
            Table {
                title: "Units".into(),
                head: vec!["unit", "IoU", "set to"],
                rows: self.units.iter().map(unit).collect(),
            },
        ]
    }

    fn provenance(&self) -> Vec<Line> {
        vec![Line::new("Values", format!("each of the {} units is set to {}", self.units.len(), self.level()))]
    }
}

/// A key that sorts as the value does.
fn order(value: f64) -> i64 {
    (value * 1e9) as i64
}

fn effect(counted: &Surrounding, label: usize, baseline: Option<f64>) -> Effect {
    let groups = &counted.concept;
    let (mean, standard_error) = (groups.mean(), groups.standard_error());
    let relative = mean.zip(baseline).map(|(mean, baseline)| mean / baseline);
    let half = standard_error.zip(standard_errors(groups.groups)).zip(baseline);
    let half = half.map(|((error, errors), baseline)| errors * error / baseline);
    Effect {
        samples: counted.samples,
        images: groups.groups,
        change: groups.sum,
        squares: counted.change.squares[label],
        image_squares: groups.sum_squares,
        image_products: groups.products,
        image_counts: groups.count_squares,
        mean,
        deviation: counted.change.deviation(label, counted.samples),
        standard_error,
        relative,
        low: relative.zip(half).map(|(share, half)| share - half),
        high: relative.zip(half).map(|(share, half)| share + half),
    }
}
