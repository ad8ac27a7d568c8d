//! Results of experiments: for each a JSON file, a CSV file, plots, pictures, and a section of one page that needs no other file.
//!
//! Several experiments may share a folder; the page is made again from their JSON files and pictures.

pub mod ablate;
pub mod detect;
pub mod insert;
pub mod page;
pub mod remove;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::schema::{Adapter, Images, Model, Tool};
use crate::concepts::Vocabulary;
use crate::error::{Error, Kind, Result};
use crate::files::{self, write_atomic};
use page::Section;

/// Version of the JSON files of experiments.
pub const SCHEMA_VERSION: u32 = 1;

/// What every experiment says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// `ablate`, `remove`, `insert` or `detect`.
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
    /// Rows and columns on which pixels are counted.
    pub grid: [u32; 2],
    /// The adapter that did the work.
    pub adapter: Adapter,
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
pub struct Ranked {
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
pub struct Picture {
    /// Path relative to the folder, with `/`.
    pub file: String,
    /// What is said below it.
    pub caption: String,
}

/// Pictures that are looked at side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// What they have in common.
    pub title: String,
    /// The pictures.
    pub pictures: Vec<Picture>,
}

/// Names of the files of an experiment: `remove.json`, `remove.csv`, `remove.svg` and so on.
pub fn file(experiment: &str, ending: &str) -> String {
    format!("{experiment}.{ending}")
}

/// Checks that a folder is none of a dissection, whose page would be replaced.
///
/// # Errors
/// [`Kind::Usage`].
pub fn check_folder(dir: &Path) -> Result<()> {
    if ["concepts.svg", "units.csv"].iter().any(|name| files::exists(&dir.join(name))) {
        let error = Error::new(Kind::Usage, "holds a dissection, whose report would be replaced").at(dir.display());
        return Err(error.hint("choose another folder with `-o`"));
    }
    Ok(())
}

/// Writes `report.html` with a section for each experiment whose JSON file is in the folder.
///
/// # Errors
/// [`Kind::Input`] if a JSON file or picture cannot be read, of whichever experiment; [`Kind::Output`] if the page cannot be written.
pub fn write_page(dir: &Path) -> Result<()> {
    let sections = [
        (ablate::NAME, ablate::section(dir)),
        (remove::NAME, remove::section(dir)),
        (insert::NAME, insert::section(dir)),
        (detect::NAME, detect::section(dir)),
    ];
    let sections: Vec<Section> = sections
        .into_iter()
        .filter_map(|(name, section)| section.map_err(|error| error.hint(repair(name))).transpose())
        .collect::<Result<_>>()?;
    write_atomic(&dir.join("report.html"), page::render(&sections, None)?.as_bytes())
}

/// What to do about an experiment whose files are broken, which may be another than the one that was run.
fn repair(experiment: &str) -> String {
    let json = file(experiment, "json");
    format!(
        "the page shows every experiment in the folder: make this one again (`netdissect {experiment}` with `--restart`) or move {json} away; \
         results of others are whole, and their commands, run again, write the page"
    )
}

/// A number of a CSV file; nothing where there is none.
fn optional(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Reads an experiment's JSON file, if there is one.
fn read<T: serde::de::DeserializeOwned>(dir: &Path, experiment: &str) -> Result<Option<T>> {
    let path = dir.join(file(experiment, "json"));
    if !files::exists(&path) {
        return Ok(None);
    }
    let text = files::read(&path)?;
    let result = serde_json::from_slice(&text);
    result.map(Some).map_err(|error| Error::input(format!("is no result of {experiment}: {error}")).at(path.display()))
}
