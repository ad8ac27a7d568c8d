//! `detect.json`, `detect.csv`, `detect.svg`: how well one unit's peak tells whether a concept is in the image.

use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::page::{Section, Table, embed, provenance};
use super::{About, Row, file, read};
use crate::error::{Error, Result};
use crate::files::{write_atomic, write_atomic_with};
use crate::report::chart::{Anchor, Axis, Chart, Paint, signed};
use crate::report::write_json;
use crate::roles::detect::{Sightings, judge};
use crate::roles::statistics::density;

/// Name of the experiment and of its files.
pub const NAME: &str = "detect";

/// Images of either kind drawn as dots: the first ones, as in the paper's figure.
const DOTS: usize = 1000;
/// Points of a density.
const POINTS: usize = 161;

/// The content of `detect.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// What was run.
    #[serde(flatten)]
    pub about: About,
    /// The unit.
    pub unit: u32,
    /// Whether it was read before its ReLU.
    pub pre_relu: bool,
    /// What is to be detected.
    pub concept: String,
    /// When it counts as present.
    pub presence: Presence,
    /// IoU of the unit with the concept in the dissection that was named; null if none was.
    pub iou: Option<f64>,
    /// The threshold and how well it does; null if one kind of image is missing.
    pub verdict: Option<Verdict>,
    /// Images with the concept.
    pub with: Group,
    /// Images without.
    pub without: Group,
    /// Activations at which both densities are given.
    pub at: Vec<f64>,
    /// Images worth a look.
    pub pictures: Vec<Row>,
}

/// When a concept counts as present.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Presence {
    /// On more than a share of the grid's positions.
    Share {
        /// That share.
        share: f64,
        /// Channel of the label maps; null for any.
        channel: Option<u32>,
        /// Label number.
        label: u64,
    },
    /// In the images of one folder and not in those of the other.
    Folders {
        /// Name of the folder of images with the concept.
        positive: String,
        /// Name of the folder of images without.
        negative: String,
    },
}

/// A threshold and what comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// A peak of at least this is taken for the concept.
    pub threshold: f32,
    /// Images with the concept that are found.
    pub found: u64,
    /// Images without it that are passed over.
    pub passed: u64,
    /// Mean of both shares of right answers.
    pub balanced_accuracy: f64,
}

/// Peaks of one kind of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Images.
    pub images: u64,
    /// Mean peak.
    pub mean: Option<f64>,
    /// Peaks of the first images.
    pub first: Vec<f32>,
    /// Density of all peaks; null if they are all the same.
    pub density: Option<Vec<f64>>,
}

impl Group {
    fn new(peaks: &[f32], at: &[f64]) -> Group {
        let sum: f64 = peaks.iter().map(|&peak| f64::from(peak)).sum();
        Group {
            images: peaks.len() as u64,
            mean: (!peaks.is_empty()).then(|| sum / peaks.len() as f64),
            first: peaks.iter().take(DOTS).copied().collect(),
            density: density(peaks, at),
        }
    }
}

impl Detection {
    /// Judges the peaks.
    pub fn new(
        about: About,
        (unit, pre_relu): (u32, bool),
        (concept, presence, iou): (String, Presence, Option<f64>),
        sightings: &Sightings,
        pictures: Vec<Row>,
    ) -> Detection {
        let (with, without) = sightings.apart();
        let all = || with.iter().chain(&without).map(|&peak| f64::from(peak));
        let (low, high) = all().fold((f64::MAX, f64::MIN), |(low, high), peak| (low.min(peak), high.max(peak)));
        let margin = (high - low).max(0.0) * 0.05;
        let step = (high - low + 2.0 * margin) / (POINTS - 1) as f64;
        let at: Vec<f64> = match all().next() {
            Some(_) => (0..POINTS).map(|point| low - margin + point as f64 * step).collect(),
            None => Vec::new(),
        };
        let verdict = judge(&with, &without).map(|verdict| Verdict {
            threshold: verdict.threshold,
            found: verdict.positives.1,
            passed: verdict.negatives.1,
            balanced_accuracy: verdict.balanced_accuracy,
        });
        let (with, without) = (Group::new(&with, &at), Group::new(&without, &at));
        Detection { about, unit, pre_relu, concept, presence, iou, verdict, with, without, at, pictures }
    }

    /// Reads `detect.json`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if there is none, or it is something else.
    pub fn open(dir: &Path) -> Result<Detection> {
        read(dir, NAME)?.ok_or_else(|| Error::input("is missing").at(dir.join(file(NAME, "json")).display()))
    }

    /// Writes all files but the pictures; `names` are those of all images in the run's order.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if one cannot be written.
    pub fn write(&self, dir: &Path, sightings: &Sightings, names: &[String]) -> Result<()> {
        write_atomic_with(&dir.join(file(NAME, "csv")), |out| peaks(sightings, names, out))?;
        write_atomic(&dir.join(file(NAME, "svg")), self.plot().file().as_bytes())?;
        write_json(&dir.join(file(NAME, "json")), self)
    }

    /// Dots of both kinds of images in two rows, their densities above, and the threshold.
    fn plot(&self) -> Chart {
        let first = self.with.first.iter().chain(&self.without.first).map(|&peak| f64::from(peak));
        let ends = [self.at.first(), self.at.last()].into_iter().flatten().copied();
        let title = format!("peak of unit {} of {}", self.unit, self.about.layer);
        let x = Axis::round(&title, first.chain(ends), 8);
        let y = Axis::fixed("", (-0.06, 2.06), Vec::new());
        let mut chart = Chart::new((700.0, 330.0), 24.0, x, y);
        let densities = [&self.with, &self.without].map(|group| group.density.iter().flatten());
        let highest = densities.into_iter().flatten().fold(0.0f64, |most, &value| most.max(value));
        for (group, row, paint, word) in
            [(&self.with, 1.06, Paint::Tone(0), "with"), (&self.without, 0.0, Paint::Tone(1), "without")]
        {
            // A fixed scatter that looks like none: multiples of the golden ratio.
            let jitter = |place: usize| row + 0.04 + 0.3 * (place as f64 * 0.618_033_988_749_895).fract();
            let dots = group.first.iter().enumerate().map(|(place, &peak)| (f64::from(peak), jitter(place)));
            chart.dots(dots, paint, (2.0, 0.45));
            if let Some(density) = group.density.as_ref().filter(|_| highest > 0.0) {
                let height = |value: f64| row + 0.42 + 0.5 * value / highest;
                let band: Vec<_> =
                    self.at.iter().zip(density).map(|(&at, &value)| (at, row + 0.42, height(value))).collect();
                chart.band(&band, paint);
                let curve: Vec<_> = self.at.iter().zip(density).map(|(&at, &value)| (at, height(value))).collect();
                chart.curve(&curve, paint, 1.8);
            }
            if let Some(mean) = group.mean {
                chart.dashed((mean, row), (mean, row + 0.94), paint);
            }
            chart.left_label(row + 0.66, word, paint);
            chart.left_label(row + 0.52, &self.concept, paint);
            chart.left_label(row + 0.18, &format!("{}", group.images), Paint::Muted);
        }
        if let Some(verdict) = &self.verdict {
            let at = f64::from(verdict.threshold);
            chart.curve(&[(at, 0.0), (at, 2.0)], Paint::Ink, 1.4);
            chart.label((at, 2.0), (6.0, 2.0), &signed(at, 2), Paint::Ink, Anchor::Start);
        }
        chart
    }
}

fn peaks(sightings: &Sightings, names: &[String], out: &mut dyn Write) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(["image", "peak", "present"])?;
    for ((&image, peak), present) in sightings.images.iter().zip(&sightings.peaks).zip(&sightings.present) {
        let name = names.get(image as usize).map_or("", String::as_str);
        table.write_record([name, &peak.to_string(), &present.to_string()])?;
    }
    table.flush()
}

/// The page's section, if the folder holds the experiment.
pub(in crate::report) fn section(dir: &Path) -> Result<Option<Section>> {
    let Some(result) = read::<Detection>(dir, NAME)? else { return Ok(None) };
    let (concept, unit, layer) = (&result.concept, result.unit, &result.about.layer);
    let percent = |value: f64| format!("{} %", signed(value * 100.0, 1));
    let share = |part: u64, whole: u64| percent(part as f64 / whole.max(1) as f64);
    let mut facts = Vec::new();
    if let Some(verdict) = &result.verdict {
        facts.push(("balanced accuracy".to_owned(), percent(verdict.balanced_accuracy), "50 % is chance".to_owned()));
        facts.push((
            "threshold".to_owned(),
            signed(verdict.threshold.into(), 2),
            "the same share missed as mistaken".to_owned(),
        ));
        facts.push((
            format!("with {concept}"),
            share(verdict.found, result.with.images),
            format!("{} of {} found", verdict.found, result.with.images),
        ));
        facts.push((
            "without".to_owned(),
            share(verdict.passed, result.without.images),
            format!("{} of {} passed over", verdict.passed, result.without.images),
        ));
    } else {
        facts.push((
            format!("with {concept}"),
            result.with.images.to_string(),
            "no threshold: one kind is missing".into(),
        ));
        facts.push(("without".to_owned(), result.without.images.to_string(), String::new()));
    }
    if let Some(iou) = result.iou {
        facts.push(("IoU".to_owned(), format!("{iou:.4}"), "in the dissection".to_owned()));
    }
    let rule = match &result.presence {
        Presence::Share { share, channel, .. } => format!(
            "{concept} counts as present where more than {} of the positions carry it{}",
            percent(*share),
            channel.map_or_else(String::new, |channel| format!(" in label channel {channel}"))
        ),
        Presence::Folders { positive, negative } => {
            format!("images in {positive} show {concept}, images in {negative} do not")
        }
    };
    let caption = format!(
        "The highest activation of unit {unit} in each image: dots for the first {DOTS} of either kind, densities for all. Dashed: means. \
         The upright line is the threshold."
    );
    let mut lines = provenance(&result.about);
    lines.push(("Presence".into(), rule.clone()));
    lines.push(("Reading".into(), format!("{} ReLU", if result.pre_relu { "before" } else { "after" })));
    let verdict_rows = result.verdict.iter().map(|verdict| {
        vec![
            verdict.threshold.to_string(),
            result.with.images.to_string(),
            verdict.found.to_string(),
            result.without.images.to_string(),
            verdict.passed.to_string(),
            format!("{:.4}", verdict.balanced_accuracy),
        ]
    });
    Ok(Some(Section {
        id: NAME,
        heading: format!("Unit {unit} of {layer} as a detector of {concept}"),
        lede: format!(
            "Does its highest activation in an image tell whether {concept} is there? Of {} images, {rule}.",
            result.with.images + result.without.images
        ),
        facts,
        figures: vec![(result.plot().embedded(&caption), caption)],
        strips: Vec::new(),
        rows: embed(dir, &result.pictures)?,
        tables: vec![Table {
            title: "The threshold in numbers".into(),
            head: vec!["threshold", "with", "found", "without", "passed over", "balanced accuracy"],
            rows: verdict_rows.collect(),
        }],
        provenance: lines,
    }))
}
