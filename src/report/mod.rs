//! What people look at: JSON, CSV, SVG, HTML, strips. Formats what was found; what it computes of that is for the eye alone: places,
//! colours, shares and counts of what a page shows.

pub mod build;
pub mod chart;
mod csv;
pub mod experiments;
pub mod html;
pub mod overlay;
mod palette;
pub mod schema;
pub mod segments;
pub(crate) mod sheet;
pub mod story;
pub mod strip;
mod svg;
pub mod warnings;

use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::files::checksums::Checksums;
use crate::files::{self, make_folder, write_atomic, write_atomic_with};
use schema::{Report, SCHEMA_VERSION, Timing};

/// Writes `report.json`, `units.csv`, `concepts.svg`, one `LAYER/concepts.svg` a layer, and `report.html` into `dir`.
///
/// Strips are read from `dir`, where the report's units say they are; see [`strip::write`].
/// The same report and strips give the same bytes.
///
/// # Errors
/// [`crate::error::Kind::Output`] if a file cannot be written, [`crate::error::Kind::Input`] if a strip cannot be read
/// or a layer or strip is named so that it would lie outside `dir`.
pub fn write(dir: &Path, report: &Report) -> Result<()> {
    write_pages(dir, report)?;
    // Last: it is what the rest can be made from again.
    write_json(&dir.join("report.json"), report)
}

/// What [`write()`] writes at the top of a folder.
pub(crate) const FILES: [&str; 4] = ["report.json", "units.csv", "concepts.svg", "report.html"];

/// Whether [`write_pages`] makes a file, by its path in the folder of a run.
pub(crate) fn is_made_from_report(name: &str) -> bool {
    FILES[1..].contains(&name) || name.ends_with("/concepts.svg")
}

/// Writes what [`write()`] does, but for `report.json`.
///
/// # Errors
/// As [`write()`].
pub(crate) fn write_pages(dir: &Path, report: &Report) -> Result<()> {
    write_atomic_with(&dir.join("units.csv"), |out| csv::write(report, out))?;
    for layer in &report.layers {
        let folder = layer_folder(dir, &layer.layer)?;
        make_folder(&folder)?;
        write_atomic(&folder.join("concepts.svg"), svg::file(layer).as_bytes())?;
    }
    write_atomic(&dir.join("concepts.svg"), svg::overview(&report.layers).as_bytes())?;
    let page = html::page(report, &|strip| read_strip(dir, strip), html::EMBED_LIMIT_BYTES)?;
    write_atomic(&dir.join("report.html"), page.as_bytes())
}

/// Reads the `report.json` of a run folder, by its checksum where the folder has one.
///
/// # Errors
/// [`crate::error::Kind::Input`] if there is none, it is not a report or not as it was written, or its schema version is another one
/// than ours.
pub fn read(dir: &Path) -> Result<Report> {
    let path = dir.join("report.json");
    let text = Checksums::beside(&path)?.read("report.json")?;
    let broken = |error: &serde_json::Error| Error::input(format!("not a report: {error}")).at(path.display());
    let head: SchemaHead = serde_json::from_slice(&text).map_err(|error| broken(&error))?;
    if head.schema_version != SCHEMA_VERSION {
        return Err(Error::input(format!(
            "report has schema version {}; this program reads version {SCHEMA_VERSION}",
            head.schema_version
        ))
        .at(path.display()));
    }
    serde_json::from_slice(&text).map_err(|error| broken(&error))
}

/// Writes `timing.json`, kept apart from `report.json` so that the latter is the same in every run.
///
/// # Errors
/// [`crate::error::Kind::Output`] if the file cannot be written.
pub fn write_timing(dir: &Path, timing: &Timing) -> Result<()> {
    write_json(&dir.join("timing.json"), timing)
}

/// Folder of a layer's files: `dir/LAYER`.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the name is not one plain folder name.
pub fn layer_folder(dir: &Path, layer: &str) -> Result<PathBuf> {
    let mut parts = Path::new(layer).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(_)), None) if !layer.contains('\\') => Ok(dir.join(layer)),
        _ => Err(Error::input(format!("layer is named `{layer}`; a plain folder name is needed"))),
    }
}

/// The part of every version of the schema that says which one it is.
#[derive(serde::Deserialize)]
struct SchemaHead {
    schema_version: u32,
}

/// Writes a value as indented JSON.
///
/// # Errors
/// [`crate::error::Kind::Output`] if the file cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    write_atomic_with(path, |out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        out.write_all(b"\n")
    })
}

fn read_strip(dir: &Path, strip: &str) -> Result<Vec<u8>> {
    let relative = Path::new(strip);
    if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(Error::input(format!("strip is at `{strip}`; a path inside the run folder is needed")));
    }
    files::read(&dir.join(relative))
}
