//! What the reports of all experiments are made of.

use serde::{Deserialize, Serialize};

use crate::concepts::Vocabulary;
use crate::gpu::AdapterSummary;
use crate::report::schema::{Adapter, Images, Model, Tool};

/// Version of the JSON files of experiments.
pub const SCHEMA_VERSION: u32 = 1;

/// What every experiment says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// [`super::ExperimentReport::NAME`].
    pub experiment: String,
    /// The program.
    pub tool: Tool,
    /// The network.
    pub model: Model,
    /// The layer whose units are meant.
    pub layer: String,
    /// What the network was given.
    pub images: Images,
    /// What the source of label maps says about itself; null where none was needed.
    pub concepts: serde_json::Value,
    /// Rows and columns on which pixels are counted; zeros where none are.
    pub grid: [u32; 2],
    /// The adapter that did the work.
    pub adapter: Adapter,
}

impl About {
    /// An experiment on a layer of a network, of which nothing was counted on label maps.
    pub fn new(experiment: &str, model: Model, layer: &str, images: Images, adapter: &AdapterSummary) -> About {
        About {
            schema_version: SCHEMA_VERSION,
            experiment: experiment.to_owned(),
            tool: Tool::current(),
            model,
            layer: layer.to_owned(),
            images,
            concepts: serde_json::Value::Null,
            grid: [0, 0],
            adapter: Adapter::of(adapter),
        }
    }

    /// The same, where label maps of this source were counted on a grid of so many rows and columns.
    #[must_use]
    pub fn counted(self, concepts: serde_json::Value, (rows, columns): (u32, u32)) -> About {
        About { concepts, grid: [rows, columns], ..self }
    }
}

/// A label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concept {
    /// Label number.
    pub number: u64,
    /// Name.
    pub name: String,
    /// Category.
    pub category: String,
}

impl Concept {
    /// A label of a vocabulary.
    pub fn of(vocabulary: &Vocabulary, label: usize) -> Concept {
        let word = |words: &[String]| words.get(label).cloned().unwrap_or_default();
        Concept { number: label as u64, name: word(&vocabulary.names), category: word(&vocabulary.categories) }
    }
}

/// A unit and its place in the ranking by a concept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankedUnit {
    /// Number of the unit.
    pub unit: u32,
    /// Its IoU with the concept in the dissection that ranked it.
    pub iou: f64,
    /// What it is set to, where it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f32>,
}

/// A picture beside the JSON file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureFile {
    /// Path relative to the folder, with `/`.
    pub file: String,
    /// What is said below it.
    pub caption: String,
}

/// Pictures that are looked at side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureRow {
    /// What they have in common.
    pub title: String,
    /// The pictures.
    pub pictures: Vec<PictureFile>,
}
