//! `insert.json`, `insert.csv`, `insert.svg`, `insert-map.svg`: where a concept appears when its units are set.

use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::page::{Section, Table, embed, provenance};
use super::{About, Concept, Ranked, Row, file, optional, read};
use crate::concepts::Vocabulary;
use crate::error::{Error, Result};
use crate::files::{write_atomic, write_atomic_with};
use crate::report::chart::{Anchor, Axis, Cells, Chart, Paint, signed};
use crate::report::write_json;
use crate::roles::insert::{InsertionCounts, Surrounding as Counted};
use crate::roles::statistics::STANDARD_ERRORS;

/// Name of the experiment and of its files.
pub const NAME: &str = "insert";

/// Surroundings shown in the plot.
const SHOWN: usize = 14;

/// The content of `insert.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Insertion {
    /// What was run.
    #[serde(flatten)]
    pub about: About,
    /// The concept whose units are set.
    pub concept: Concept,
    /// The units and what each is set to.
    pub units: Vec<Ranked>,
    /// Where those values come from.
    pub levels: Levels,
    /// Which samples were taken of all there are.
    pub sampling: Sampling,
    /// Standard errors to either side of a mean that make its interval.
    pub standard_errors: f64,
    /// Pixels of the concept in all images as they are, over all channels of the label maps.
    pub pixels: i64,
    /// Sum of the squares of each image's pixels.
    pub squares: u64,
    /// All samples, whatever surrounds them.
    pub all: Effect,
    /// By label of the surrounding, most samples first.
    pub surroundings: Vec<Surrounding>,
    /// Samples of each position of the layer's map, row by row.
    pub samples_at: Vec<u64>,
    /// New pixels of the concept, summed over those samples.
    pub change_at: Vec<i64>,
    /// Images before and after.
    pub pictures: Vec<Row>,
}

/// Where the values of units come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Levels {
    /// The quantile of each unit's own activations on the grid; null where one value was given for all.
    pub quantile: Option<f64>,
    /// Numbers of the latents that it was taken over; null where a value was given.
    pub latents: Option<String>,
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
pub struct Surrounding {
    /// The label at the position before.
    #[serde(flatten)]
    pub label: Concept,
    /// What inserting does there.
    #[serde(flatten)]
    pub effect: Effect,
}

impl Insertion {
    /// Puts names to counts.
    pub fn new(
        about: About,
        (vocabulary, label): (&Vocabulary, usize),
        (units, levels, sampling): (Vec<Ranked>, Levels, Sampling),
        counts: &InsertionCounts,
        pictures: Vec<Row>,
    ) -> Insertion {
        let baseline = counts.baseline.mean(label, counts.images).filter(|mean| *mean > 0.0);
        let mut surroundings: Vec<Surrounding> = counts
            .surroundings
            .iter()
            .filter(|(other, _)| **other > 0)
            .map(|(&other, counted)| Surrounding {
                label: Concept::of(vocabulary, other.into()),
                effect: effect(counted, label, baseline),
            })
            .collect();
        surroundings.sort_by_key(|known| (std::cmp::Reverse(known.effect.samples), known.label.number));
        let empty = Counted {
            samples: 0,
            change: crate::roles::statistics::Moments::new(label + 1),
            concept: Default::default(),
        };
        Insertion {
            about,
            concept: Concept::of(vocabulary, label),
            units,
            levels,
            sampling,
            standard_errors: STANDARD_ERRORS,
            pixels: counts.baseline.sum[label],
            squares: counts.baseline.squares[label],
            all: effect(counts.surroundings.get(&0).unwrap_or(&empty), label, baseline),
            surroundings,
            samples_at: counts.samples_at.clone(),
            change_at: counts.change_at.clone(),
            pictures,
        }
    }

    /// Reads `insert.json`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if there is none, or it is something else.
    pub fn open(dir: &Path) -> Result<Insertion> {
        read(dir, NAME)?.ok_or_else(|| Error::input("is missing").at(dir.join(file(NAME, "json")).display()))
    }

    /// Writes all files but the pictures.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if one cannot be written.
    pub fn write(&self, dir: &Path) -> Result<()> {
        write_atomic_with(&dir.join(file(NAME, "csv")), |out| self.csv(out))?;
        write_atomic(&dir.join(file(NAME, "svg")), self.bars().file().as_bytes())?;
        write_atomic(&dir.join("insert-map.svg"), self.map().file().as_bytes())?;
        write_json(&dir.join(file(NAME, "json")), self)
    }

    fn csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = csv::Writer::from_writer(out);
        table.write_record([
            "label",
            "name",
            "category",
            "samples",
            "images",
            "change",
            "squares",
            "mean",
            "deviation",
            "standard_error",
            "relative",
            "low",
            "high",
        ])?;
        let all = Concept { number: 0, name: "anything".to_owned(), category: String::new() };
        let rows = self.surroundings.iter().map(|known| (&known.label, &known.effect));
        for (label, effect) in std::iter::once((&all, &self.all)).chain(rows) {
            table.write_record([
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
            ])?;
        }
        table.flush()
    }

    /// The surroundings with most samples, by effect.
    fn shown(&self) -> Vec<&Surrounding> {
        // Of rarer ones little is known.
        let often = |known: &&Surrounding| known.effect.samples * 100 >= self.sampling.samples;
        let mut shown: Vec<&Surrounding> = self.surroundings.iter().take(SHOWN).filter(often).collect();
        shown.sort_by_key(|known| std::cmp::Reverse(known.effect.mean.map_or(i64::MIN, order)));
        shown
    }

    /// Value, lower and upper end in the plot's unit: percent of the concept's pixels where it has any, else pixels.
    fn plotted(&self, effect: &Effect) -> [f64; 3] {
        match effect.relative {
            Some(relative) => {
                [relative, effect.low.unwrap_or(relative), effect.high.unwrap_or(relative)].map(|share| share * 100.0)
            }
            None => {
                let (mean, half) =
                    (effect.mean.unwrap_or(0.0), self.standard_errors * effect.standard_error.unwrap_or(0.0));
                [mean, mean - half, mean + half]
            }
        }
    }

    fn bars(&self) -> Chart {
        let shown = self.shown();
        let title = match self.all.relative {
            Some(_) => format!("new pixels of {} by one insertion (% of those in an image)", self.concept.name),
            None => format!("new pixels of {} by one insertion", self.concept.name),
        };
        let x = Axis::round(&title, shown.iter().flat_map(|known| self.plotted(&known.effect)).chain([0.0]), 6);
        let names: Vec<String> = shown.iter().map(|known| known.label.name.clone()).collect();
        let mut chart = Chart::rows(640.0, &names, x);
        for (row, known) in shown.iter().enumerate() {
            let [value, low, high] = self.plotted(&known.effect);
            let own = known.label.number == self.concept.number;
            let title = format!("amid {}: {} of {} samples", known.label.name, signed(value, 2), known.effect.samples);
            chart.row_bar(row, value, if own { Paint::Tone(0) } else { Paint::Tone(5) }, &title);
            if known.effect.standard_error.is_some() {
                chart.row_whisker(row, (low, high));
            }
        }
        if shown.is_empty() {
            chart.label((0.0, 0.0), (8.0, 0.0), "no position has a label", Paint::Muted, Anchor::Start);
        }
        chart
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
}

/// A key that sorts as the value does.
fn order(value: f64) -> i64 {
    (value * 1e9) as i64
}

fn effect(counted: &Counted, label: usize, baseline: Option<f64>) -> Effect {
    let groups = &counted.concept;
    let (mean, standard_error) = (groups.mean(), groups.standard_error());
    let relative = mean.zip(baseline).map(|(mean, baseline)| mean / baseline);
    let half = standard_error.zip(baseline).map(|(error, baseline)| STANDARD_ERRORS * error / baseline);
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

/// The page's section, if the folder holds the experiment.
pub(in crate::report) fn section(dir: &Path) -> Result<Option<Section>> {
    let Some(result) = read::<Insertion>(dir, NAME)? else { return Ok(None) };
    let (name, layer, sampling) = (&result.concept.name, &result.about.layer, &result.sampling);
    let percent = |value: f64| format!("{} %", signed(value * 100.0, 1));
    let relative = |effect: &Effect| match (effect.relative, effect.mean) {
        (Some(share), _) => percent(share),
        (None, Some(mean)) => format!("{} px", signed(mean, 1)),
        (None, None) => "–".to_owned(),
    };
    let interval = |effect: &Effect| {
        effect
            .low
            .zip(effect.high)
            .map_or_else(String::new, |(low, high)| format!("{} to {}", percent(low), percent(high)))
    };
    let mut facts = vec![(format!("more {name}, anywhere"), relative(&result.all), interval(&result.all))];
    let shown = result.shown();
    if let (Some(best), Some(worst)) = (shown.first(), shown.last())
        && shown.len() > 1
    {
        facts.push((format!("amid {}", best.label.name), relative(&best.effect), interval(&best.effect)));
        facts.push((format!("amid {}", worst.label.name), relative(&worst.effect), interval(&worst.effect)));
    }
    facts.push((
        "samples".into(),
        sampling.samples.to_string(),
        format!("{} of {} positions in {} images", sampling.positions, sampling.of, sampling.images),
    ));
    let level = match (result.levels.quantile, &result.levels.latents) {
        (Some(quantile), Some(latents)) => {
            format!("the {quantile} quantile of its own activations over latents {latents}")
        }
        _ => "one given value".to_owned(),
    };
    let units = result.units.len();
    let drawn = match sampling.seed {
        Some(seed) => format!(
            "Of the {} positions of the map {} were tried in each image, drawn with seed {seed}.",
            sampling.of, sampling.positions
        ),
        None => format!("All {} positions of the map were tried in each image.", sampling.of),
    };
    let bars = format!(
        "New pixels of {name} where its {units} units are set at one position, by what was there before: the {} labels on a hundredth of all \
         samples or more. \
         Whiskers: 99 % intervals of the mean; images, not positions, count as independent.",
        shown.len()
    );
    let map = format!("Mean new pixels of {name} by the position of {layer} at which the units are set.");
    let surroundings = result.surroundings.iter().map(|known| {
        vec![
            known.label.name.clone(),
            known.effect.samples.to_string(),
            known.effect.images.to_string(),
            known.effect.mean.map_or_else(|| "–".into(), |mean| signed(mean, 2)),
            known.effect.deviation.map_or_else(|| "–".into(), |value| signed(value, 2)),
            relative(&known.effect),
            interval(&known.effect),
        ]
    });
    let unit_rows = result.units.iter().map(|unit| {
        vec![
            unit.unit.to_string(),
            format!("{:.4}", unit.iou),
            unit.value.map_or_else(|| "–".into(), |value| signed(value.into(), 4)),
        ]
    });
    let tables = vec![
        Table {
            title: "All surroundings".into(),
            head: vec!["label", "samples", "images", "mean new pixels", "deviation", "relative", "99 % interval"],
            rows: surroundings.collect(),
        },
        Table { title: "Units".into(), head: vec!["unit", "IoU", "set to"], rows: unit_rows.collect() },
    ];
    let mut lines = provenance(&result.about);
    lines.push(("Values".into(), format!("each of the {units} units is set to {level}")));
    Ok(Some(Section {
        id: NAME,
        heading: format!("Where the units for {name} make {name}"),
        lede: format!(
            "The {units} units of {layer} that overlap best with {name} are set, each to {level}, at one position, and the pixels of {name} in the \
             whole image are counted before and after. {drawn}",
        ),
        facts,
        figures: vec![(result.bars().embedded(&bars), bars), (result.map().embedded(&map), map)],
        strips: Vec::new(),
        rows: embed(dir, &result.pictures)?,
        tables,
        provenance: lines,
    }))
}
