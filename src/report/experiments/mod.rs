//! Results of experiments: for each a JSON file, a CSV file, plots, pictures, and a section of one page that needs no other file.
//!
//! An experiment is a file here that says what its JSON holds and what is told of it, an [`ExperimentReport`], and a row in
//! [`ALL`]; files and page are made of that. Several experiments may share a folder: the page is made again from their JSON files
//! and pictures, so that it never depends on which of them ran last.

pub mod ablate;
pub mod detect;
pub mod insert;
pub mod page;
mod pieces;
pub mod remove;

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::page::{Fact, Line, Section, Table};
pub use self::pieces::{Csv, Drawing, Plot};
use super::schema::{Adapter, Images, Model, Tool};
use super::write_json;
use crate::concepts::Vocabulary;
use crate::error::{Error, Kind, Result};
use crate::files::{self, write_atomic};
use crate::gpu::AdapterSummary;

/// Version of the JSON files of experiments.
pub const SCHEMA_VERSION: u32 = 1;

/// What every experiment says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// [`ExperimentReport::NAME`].
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

/// What an experiment found: the layout of its JSON file, and what is told of it.
pub trait ExperimentReport: Serialize + DeserializeOwned {
    /// Name of the experiment and of its files.
    const NAME: &'static str;

    /// How it came to be.
    fn about(&self) -> &About;

    /// What was found out, as a heading.
    fn heading(&self) -> String;

    /// What was done, in a sentence or two.
    fn lede(&self) -> String;

    /// Numbers worth large type.
    fn facts(&self) -> Vec<Fact>;

    /// Plots: each a file beside the JSON file and a figure of the page.
    fn plots(&self) -> Vec<Plot>;

    /// Pictures beside the JSON file.
    fn pictures(&self) -> &[PictureRow] {
        &[]
    }

    /// Numbers to look up.
    fn tables(&self) -> Vec<Table>;

    /// How it was made, besides what [`About`] says.
    fn provenance(&self) -> Vec<Line> {
        Vec::new()
    }
}

/// An experiment as the page knows it.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// [`ExperimentReport::NAME`].
    pub name: &'static str,
    /// [`section`] of its report.
    pub section: fn(&Path) -> Result<Option<Section>>,
}

impl Entry {
    const fn of<R: ExperimentReport>() -> Entry {
        Entry { name: R::NAME, section: section::<R> }
    }
}

/// All experiments, in the order of the page.
pub const ALL: &[Entry] = &[
    Entry::of::<ablate::AblationReport>(),
    Entry::of::<remove::RemovalReport>(),
    Entry::of::<insert::InsertionReport>(),
    Entry::of::<detect::DetectionReport>(),
];

/// Names of the files of an experiment: `remove.json`, `remove.csv` and so on.
pub fn file(experiment: &str, ending: &str) -> String {
    format!("{experiment}.{ending}")
}

/// Reads an experiment's JSON file.
///
/// # Errors
/// [`Kind::Input`] if there is none, or it is something else.
pub fn open<R: ExperimentReport>(dir: &Path) -> Result<R> {
    read(dir)?.ok_or_else(|| Error::input("is missing").at(dir.join(file(R::NAME, "json")).display()))
}

/// Writes all files but the pictures.
///
/// # Errors
/// [`Kind::Output`] if one cannot be written.
pub fn write<R: ExperimentReport>(dir: &Path, report: &R, csv: &Csv) -> Result<()> {
    csv.write(&dir.join(file(R::NAME, "csv")))?;
    report.plots().iter().try_for_each(|plot| plot.write(dir))?;
    // Last: where it is, the experiment counts as done.
    write_json(&dir.join(file(R::NAME, "json")), report)
}

/// The page's section, if the folder holds the experiment.
///
/// # Errors
/// [`Kind::Input`] if the JSON file or a picture cannot be read.
pub fn section<R: ExperimentReport>(dir: &Path) -> Result<Option<Section>> {
    let Some(report) = read::<R>(dir)? else { return Ok(None) };
    let mut provenance = page::provenance(report.about());
    provenance.extend(report.provenance());
    Ok(Some(Section {
        id: R::NAME,
        heading: report.heading(),
        lede: report.lede(),
        facts: report.facts(),
        figures: report.plots().into_iter().map(Plot::figure).collect(),
        strips: Vec::new(),
        rows: page::embed(dir, report.pictures())?,
        tables: report.tables(),
        provenance,
    }))
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
    let section = |entry: &Entry| (entry.section)(dir).map_err(|error| error.hint(repair(entry.name))).transpose();
    let sections: Vec<Section> = ALL.iter().filter_map(section).collect::<Result<_>>()?;
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

/// Reads an experiment's JSON file, if there is one.
fn read<R: ExperimentReport>(dir: &Path) -> Result<Option<R>> {
    let path = dir.join(file(R::NAME, "json"));
    if !files::exists(&path) {
        return Ok(None);
    }
    let text = files::read(&path)?;
    let result = serde_json::from_slice(&text);
    let strange = |error| Error::input(format!("is no result of {}: {error}", R::NAME)).at(path.display());
    result.map(Some).map_err(strange)
}
