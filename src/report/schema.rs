//! The content of `report.json`, schema version 1; `docs/report.schema.json` says the same as JSON Schema.
//!
//! Nothing here depends on the clock, so that the same run gives the same bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::concepts::Vocabulary;
pub use crate::data::loader::Skipped;
use crate::data::search::LeftOut;

/// Version of the schema that this program reads and writes.
pub const SCHEMA_VERSION: u32 = 1;

/// A whole dissection: what was run on what, and what each unit turned out to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The program that made the report.
    pub tool: Tool,
    /// The dissected network.
    pub model: Model,
    /// The images it saw.
    pub images: Images,
    /// The concepts its units were compared with.
    pub concepts: Concepts,
    /// Parameters of the dissection.
    pub settings: Settings,
    /// The adapter that did the work.
    pub adapter: Adapter,
    /// Variant that was chosen for each kernel or step.
    pub kernels: BTreeMap<String, String>,
    /// What makes the results mean less than they seem to.
    #[serde(default)]
    pub warnings: Vec<Warning>,
    /// Results, in the order in which the layers were asked for.
    pub layers: Vec<Layer>,
}

/// A program and its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Name of the program.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Tool {
    /// This program.
    pub fn current() -> Self {
        Tool { name: env!("CARGO_PKG_NAME").into(), version: env!("CARGO_PKG_VERSION").into() }
    }
}

/// A network and the file its weights came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Architecture, such as `vgg16`.
    pub name: String,
    /// Name of the weight file, without its folder.
    pub file: String,
    /// SHA-256 of the weight file, in hexadecimal.
    pub sha256: String,
    /// How pixels become input values, in words or by name.
    pub preprocess: String,
}

/// The images of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Images {
    /// Images that were dissected.
    pub count: u64,
    /// SHA-256 over the list of image names and their contents, or over the latents, in hexadecimal.
    pub fingerprint: String,
    /// How images are brought to the network's size.
    pub geometry: String,
    /// Order of the images: `sorted`, `shuffled`, `list`.
    pub order: String,
    /// Files that could not be used.
    pub skipped: Vec<Skipped>,
    /// What was found beside the images and not used.
    #[serde(default, skip_serializing_if = "LeftOut::is_empty")]
    pub left_out: LeftOut,
    /// What the images were made from, where the network is a generator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latents: Option<Latents>,
}

/// Latents that a generator was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latents {
    /// Their numbers in words, such as `0-63`, in order.
    pub list: String,
    /// Where they are numbered: `seed 1`, or the name of a file.
    pub from: String,
}

/// Concepts of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Concepts {
    /// What the source of label maps says about itself.
    pub source: serde_json::Value,
    /// Names and categories; the label number is the index, and 0 means "no label".
    pub vocabulary: Vocabulary,
}

/// Parameters of a dissection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Share of positions at which a unit fires by definition of its threshold: 0.01.
    pub quantile_tail: f64,
    /// IoU that a unit must exceed to match a concept: 0.04.
    pub min_iou: f64,
    /// Rows and columns of the grid on which units and concepts are compared.
    pub grid: [u32; 2],
    /// Whether convolutions were read before their ReLU.
    pub pre_relu: bool,
    /// Layers that were asked for.
    pub layers: Vec<String>,
}

/// The adapter that did the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adapter {
    /// Name of the device.
    pub name: String,
    /// Vulkan, Metal or Dx12.
    pub backend: String,
    /// Name of the driver.
    pub driver: String,
    /// Version and other details of the driver.
    pub driver_info: String,
}

impl Adapter {
    /// An opened adapter.
    pub fn of(adapter: &crate::gpu::AdapterSummary) -> Self {
        Adapter {
            name: adapter.name.clone(),
            backend: adapter.backend.clone(),
            driver: adapter.driver.clone(),
            driver_info: adapter.driver_info.clone(),
        }
    }
}

/// Something that makes results mean little.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What it is about.
    pub kind: WarningKind,
    /// The layer, if it is about one.
    pub layer: Option<String>,
    /// In words.
    pub message: String,
}

/// What a warning is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// Units are NaN or infinite on some image.
    NotFinite,
    /// The images are few.
    FewImages,
    /// Units fire at more than half of all positions.
    HighTail,
    /// Maps of the layer are single numbers.
    NoMap,
    /// Few positions are above a unit's level.
    FewPositions,
}

/// Results of one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Name of the layer, such as `conv5_3`.
    pub layer: String,
    /// Number of units.
    pub unit_count: u64,
    /// Positions over all images: images times cells of the grid.
    pub positions: u64,
    /// Rows and columns of a unit's map; 1 and 1 where it is a single number. Reports of older versions lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<[u32; 2]>,
    /// Units that are NaN or infinite on some image, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_finite: Option<NotFiniteUnits>,
    /// Units that match a concept.
    pub matched: u64,
    /// Matched units by concept: by category, then most units first, then first unit first.
    pub concepts: Vec<ConceptCount>,
    /// Distinct concepts and matched units by category.
    pub categories: Vec<CategoryCount>,
    /// Every unit, by number.
    pub units: Vec<Unit>,
}

/// Units of a layer that are NaN or infinite on some image: they have no level and no label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotFiniteUnits {
    /// Such units.
    pub units: u64,
    /// Images on which any unit is so.
    pub images: u64,
    /// The first of these images.
    pub first: String,
}

/// Units that match one concept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConceptCount {
    /// Label number.
    pub number: u64,
    /// Name of the concept.
    pub name: String,
    /// Its category.
    pub category: String,
    /// Units whose label it is.
    pub units: u64,
}

/// Concepts of one category that some unit matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryCount {
    /// Name of the category.
    pub category: String,
    /// Distinct concepts.
    pub concepts: u64,
    /// Units.
    pub units: u64,
}

/// One unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// Number of the unit, from 0.
    pub unit: u64,
    /// Activation above which it fires; none for a unit that is NaN or infinite on some image, of which nothing is counted.
    pub threshold: Option<f32>,
    /// Images on which it is NaN or infinite.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_finite: u64,
    /// Positions at which it fires.
    pub area: u64,
    /// Share of all positions at which it fires, 0 to 1.
    pub fires: f64,
    /// The concept with the highest IoU; none for a unit that never fires, or only where no concept is.
    pub label: Option<Label>,
    /// Whether the IoU of the label exceeds the minimum.
    pub matched: bool,
    /// The concepts with the highest IoU, best first.
    pub best: Vec<Match>,
    /// The images that drive it highest, highest first.
    pub top: Vec<TopImage>,
    /// Path of its picture strip relative to the run folder, with `/`.
    pub strip: Option<String>,
}

/// The concept a unit is named after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// Label number.
    pub number: u64,
    /// Name of the concept.
    pub name: String,
    /// Its category.
    pub category: String,
    /// Intersection over union, 0 to 1.
    pub iou: f64,
}

/// How well a unit fits a concept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// Label number.
    pub number: u64,
    /// Name of the concept.
    pub name: String,
    /// Its category.
    pub category: String,
    /// Intersection over union, 0 to 1.
    pub iou: f64,
    /// Positions at which the unit fires and the concept is.
    pub intersection: u64,
    /// Positions at which the concept is.
    pub concept_area: u64,
}

/// An image that drives a unit high.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopImage {
    /// Index in the run's order.
    pub index: u64,
    /// Path relative to the image folder, with `/`.
    pub name: String,
    /// Highest activation of the unit on this image.
    pub peak: f32,
}

/// When a run took place; kept in `timing.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Start, in seconds since 1970-01-01 00:00 UTC.
    pub started_unix: u64,
    /// Duration in seconds.
    pub seconds: f64,
    /// Seconds by stage.
    pub stages: BTreeMap<String, f64>,
}

impl Layer {
    /// A layer with its summaries; `concepts` are its matched units by concept, categories together.
    pub fn new(layer: impl Into<String>, positions: u64, units: Vec<Unit>, concepts: Vec<ConceptCount>) -> Self {
        Layer {
            layer: layer.into(),
            unit_count: units.len() as u64,
            positions,
            map: None,
            not_finite: None,
            matched: units.iter().filter(|unit| unit.matched).count() as u64,
            categories: count_categories(&concepts),
            concepts,
            units,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Totals of runs of equal categories in sorted `concepts`.
fn count_categories(concepts: &[ConceptCount]) -> Vec<CategoryCount> {
    let mut out: Vec<CategoryCount> = Vec::new();
    for concept in concepts {
        match out.last_mut().filter(|last| last.category == concept.category) {
            Some(last) => {
                last.concepts += 1;
                last.units += concept.units;
            }
            None => out.push(CategoryCount { category: concept.category.clone(), concepts: 1, units: concept.units }),
        }
    }
    out
}
