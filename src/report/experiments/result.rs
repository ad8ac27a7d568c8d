//! What an experiment found, its files in a folder, and its section of the page.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::about::{About, PictureRow};
use super::page::{self, Fact, Line, Section, Table};
use super::pieces::{Csv, Plot};
use crate::error::{Error, Result};
use crate::files::{self, checksums::Checksums};
use crate::report::write_json;

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

/// Names of the files of an experiment: `remove.json`, `remove.csv` and so on.
pub fn file(experiment: &str, ending: &str) -> String {
    format!("{experiment}.{ending}")
}

/// Reads an experiment's JSON file.
///
/// # Errors
/// [`crate::error::Kind::Input`] if there is none, or it is something else.
pub fn open<R: ExperimentReport>(dir: &Path) -> Result<R> {
    read(dir)?.ok_or_else(|| Error::input("is missing").at(dir.join(file(R::NAME, "json")).display()))
}

/// Writes all files but the pictures.
///
/// # Errors
/// [`crate::error::Kind::Output`] if one cannot be written.
pub fn write<R: ExperimentReport>(dir: &Path, report: &R, csv: &Csv) -> Result<()> {
    csv.write(&dir.join(file(R::NAME, "csv")))?;
    report.plots().iter().try_for_each(|plot| plot.write(dir))?;
    // Last: it is what the page is made of.
    write_json(&dir.join(file(R::NAME, "json")), report)
}

/// The page's section, if the folder holds the experiment.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the JSON file or a picture cannot be read.
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

/// Reads an experiment's JSON file, if there is one.
fn read<R: ExperimentReport>(dir: &Path) -> Result<Option<R>> {
    let path = dir.join(file(R::NAME, "json"));
    if !files::exists(&path) {
        return Ok(None);
    }
    let text = Checksums::beside(&path)?.read(&file(R::NAME, "json"))?;
    let result = serde_json::from_slice(&text);
    let strange = |error| Error::input(format!("is no result of {}: {error}", R::NAME)).at(path.display());
    result.map(Some).map_err(strange)
}
