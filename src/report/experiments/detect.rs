//! `detect.json`, `detect.csv`, `detect.svg`: how well one unit's peak tells whether a concept is in the image.

use serde::{Deserialize, Serialize};

use super::about::{About, PictureRow};
use super::page::{Fact, Line, Table};
use super::pieces::{Csv, Drawing, Plot, percent};
use super::result::ExperimentReport;
use crate::report::chart::{Anchor, Axis, Chart, Paint, signed};
use crate::roles::detect::{Sightings, judge};
use crate::roles::statistics::density;

/// Images of either kind drawn as dots: the first ones, as in the paper's figure.
const DOTS: usize = 1000;
/// Points of a density.
const POINTS: usize = 161;

/// The content of `detect.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectionReport {
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
    pub presence: PresenceRule,
    /// IoU of the unit with the concept in the dissection that was named; null if none was.
    pub iou: Option<f64>,
    /// The threshold and how well it does; null if one kind of image is missing.
    pub verdict: Option<JudgedThreshold>,
    /// Images with the concept.
    pub with: PeakGroup,
    /// Images without.
    pub without: PeakGroup,
    /// Activations at which both densities are given.
    pub at: Vec<f64>,
    /// Images worth a look.
    pub pictures: Vec<PictureRow>,
}

/// When a concept counts as present.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum PresenceRule {
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
pub struct JudgedThreshold {
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
pub struct PeakGroup {
    /// Images.
    pub images: u64,
    /// Mean peak.
    pub mean: Option<f64>,
    /// Peaks of the first images.
    pub first: Vec<f32>,
    /// Density of all peaks; null if they are all the same.
    pub density: Option<Vec<f64>>,
}

impl PeakGroup {
    fn new(peaks: &[f32], at: &[f64]) -> PeakGroup {
        let sum: f64 = peaks.iter().map(|&peak| f64::from(peak)).sum();
        PeakGroup {
            images: peaks.len() as u64,
            mean: (!peaks.is_empty()).then(|| sum / peaks.len() as f64),
            first: peaks.iter().take(DOTS).copied().collect(),
            density: density(peaks, at),
        }
    }
}

/// What was looked for with which unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The unit.
    pub unit: u32,
    /// Whether it is read before its ReLU.
    pub pre_relu: bool,
    /// What is to be detected.
    pub concept: String,
    /// When it counts as present.
    pub presence: PresenceRule,
    /// IoU of the unit with the concept in the dissection that was named, if one was.
    pub iou: Option<f64>,
}

impl DetectionReport {
    /// Judges the peaks.
    pub fn new(about: About, question: Question, sightings: &Sightings, pictures: Vec<PictureRow>) -> DetectionReport {
        let (with, without) = sightings.apart();
        let at = points(with.iter().chain(&without).map(|&peak| f64::from(peak)));
        let verdict = judge(&with, &without).map(|verdict| JudgedThreshold {
            threshold: verdict.threshold,
            found: verdict.positives.1,
            passed: verdict.negatives.1,
            balanced_accuracy: verdict.balanced_accuracy,
        });
        let (with, without) = (PeakGroup::new(&with, &at), PeakGroup::new(&without, &at));
        let Question { unit, pre_relu, concept, presence, iou } = question;
        DetectionReport { about, unit, pre_relu, concept, presence, iou, verdict, with, without, at, pictures }
    }

    /// When the concept counts as present, in words.
    fn rule(&self) -> String {
        let concept = &self.concept;
        match &self.presence {
            PresenceRule::Share { share, channel, .. } => format!(
                "{concept} counts as present where more than {} of the positions carry it{}",
                percent(*share),
                channel.map_or_else(String::new, |channel| format!(" in label channel {channel}"))
            ),
            PresenceRule::Folders { positive, negative } => {
                format!("images in {positive} show {concept}, images in {negative} do not")
            }
        }
    }

    /// Dots of both kinds of images in two rows, their densities above, and the threshold.
    fn peaks(&self) -> Chart {
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

/// `detect.csv`: the peak of every image; `names` are those of all images in the run's order.
pub fn csv(sightings: &Sightings, names: &[String]) -> Csv {
    let seen = sightings.images.iter().zip(&sightings.peaks).zip(&sightings.present);
    let rows = seen.map(|((&image, peak), present)| {
        let name = names.get(image as usize).cloned().unwrap_or_default();
        vec![name, peak.to_string(), present.to_string()]
    });
    Csv { head: vec!["image", "peak", "present"], rows: rows.collect() }
}

/// Activations at which densities are given: over all peaks and a twentieth of their range to either side.
fn points(peaks: impl Iterator<Item = f64>) -> Vec<f64> {
    let (low, high) = peaks.fold((f64::MAX, f64::MIN), |(low, high), peak| (low.min(peak), high.max(peak)));
    if low > high {
        return Vec::new();
    }
    let margin = (high - low).max(0.0) * 0.05;
    let step = (high - low + 2.0 * margin) / (POINTS - 1) as f64;
    (0..POINTS).map(|point| low - margin + point as f64 * step).collect()
}

impl ExperimentReport for DetectionReport {
    const NAME: &'static str = "detect";

    fn about(&self) -> &About {
        &self.about
    }

    fn heading(&self) -> String {
        format!("Unit {} of {} as a detector of {}", self.unit, self.about.layer, self.concept)
    }

    fn lede(&self) -> String {
        format!(
            "Does its highest activation in an image tell whether {} is there? Of {} images, {}.",
            self.concept,
            self.with.images + self.without.images,
            self.rule()
        )
    }

    fn facts(&self) -> Vec<Fact> {
        let (with, without) = (self.with.images, self.without.images);
        let share = |part: u64, whole: u64| percent(part as f64 / whole.max(1) as f64);
        let name = format!("with {}", self.concept);
        let mut facts = match &self.verdict {
            Some(JudgedThreshold { threshold, found, passed, balanced_accuracy }) => vec![
                Fact::new("balanced accuracy", percent(*balanced_accuracy), "50 % is chance"),
                Fact::new("threshold", signed(f64::from(*threshold), 2), "the same share missed as mistaken"),
                Fact::new(name, share(*found, with), format!("{found} of {with} found")),
                Fact::new("without", share(*passed, without), format!("{passed} of {without} passed over")),
            ],
            None => vec![
                Fact::new(name, with.to_string(), "no threshold: one kind is missing"),
                Fact::new("without", without.to_string(), ""),
            ],
        };
        facts.extend(self.iou.map(|iou| Fact::new("IoU", format!("{iou:.4}"), "in the dissection")));
        facts
    }

    fn plots(&self) -> Vec<Plot> {
        let caption = format!(
            "The highest activation of unit {} in each image: dots for the first {DOTS} of either kind, densities for all. Dashed: means. \
             The upright line is the threshold.",
            self.unit
        );
        vec![Plot { file: "detect.svg", drawing: Drawing::Chart(self.peaks()), caption }]
    }

    fn pictures(&self) -> &[PictureRow] {
        &self.pictures
    }

    fn tables(&self) -> Vec<Table> {
        let row = |verdict: &JudgedThreshold| {
            vec![
                verdict.threshold.to_string(),
                self.with.images.to_string(),
                verdict.found.to_string(),
                self.without.images.to_string(),
                verdict.passed.to_string(),
                format!("{:.4}", verdict.balanced_accuracy),
            ]
        };
        vec![Table {
            title: "The threshold in numbers".into(),
            head: vec!["threshold", "with", "found", "without", "passed over", "balanced accuracy"],
            rows: self.verdict.iter().map(row).collect(),
        }]
    }

    fn provenance(&self) -> Vec<Line> {
        let reading = if self.pre_relu { "before ReLU" } else { "after ReLU" };
        vec![Line::new("Presence", self.rule()), Line::new("Reading", reading)]
    }
}
