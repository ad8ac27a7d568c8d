//! The page of experiments: sections of facts, figures, pictures and tables.

use std::path::{Component, Path};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::{About, Row};
use crate::error::{Error, Result};
use crate::files;
use crate::report::html::{policy, readable, render as fill};
use crate::report::schema::Tool;

const TEMPLATE: &str = include_str!("../assets/experiments.html");
const STYLE: &str = concat!(
    include_str!("../assets/base.css"),
    include_str!("../assets/chart.css"),
    include_str!("../assets/experiments.css")
);

/// One experiment as the page shows it.
#[derive(Debug, Serialize)]
pub struct Section {
    /// Anchor.
    pub id: &'static str,
    /// What was found out, as a heading.
    pub heading: String,
    /// What was done, in a sentence or two.
    pub lede: String,
    /// Numbers worth large type: name, value, note.
    pub facts: Vec<(String, String, String)>,
    /// Plots: SVG, caption.
    pub figures: Vec<(String, String)>,
    /// Wide pictures, each a strip of images: address and caption.
    pub strips: Vec<(String, String)>,
    /// Rows of pictures.
    pub rows: Vec<Album>,
    /// Tables: title, head, rows.
    pub tables: Vec<Table>,
    /// How it was made: name, text.
    pub provenance: Vec<(String, String)>,
}

/// Pictures side by side: what they have in common, then address and caption of each.
pub type Album = (String, Vec<(String, String)>);

/// A table of a section.
#[derive(Debug, Serialize)]
pub struct Table {
    /// What it lists.
    pub title: String,
    /// Column heads; those of numbers are told by the first row.
    pub head: Vec<&'static str>,
    /// Cells.
    pub rows: Vec<Vec<String>>,
}

#[derive(Serialize)]
struct Page<'a> {
    tool: Tool,
    policy: String,
    style: &'static str,
    title: String,
    sections: &'a [Section],
}

/// Renders the page; its title is that of its only section unless there is another.
///
/// # Errors
/// [`crate::error::Kind::Internal`] if the template cannot be filled.
pub fn render(sections: &[Section], title: Option<&str>) -> Result<String> {
    let title = match (title, sections) {
        (Some(title), _) => title.to_owned(),
        (None, [only]) => only.heading.clone(),
        _ => "What units do".to_owned(),
    };
    let policy = policy(STYLE, None, true);
    fill("experiment.html", TEMPLATE, Page { tool: Tool::current(), policy, style: STYLE, title, sections })
}

/// A picture of the folder as an address that holds it.
///
/// # Errors
/// [`crate::error::Kind::Input`] if it cannot be read or lies outside the folder.
pub fn address(dir: &Path, file: &str) -> Result<String> {
    let relative = Path::new(file);
    if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(Error::input(format!("picture is at `{file}`; a path inside the folder is needed")));
    }
    let path = dir.join(relative);
    let bytes = files::read(&path)?;
    let kind = if file.ends_with(".png") { "png" } else { "jpeg" };
    Ok(format!("data:image/{kind};base64,{}", STANDARD.encode(bytes)))
}

/// The pictures of rows as addresses that hold them.
///
/// # Errors
/// [`crate::error::Kind::Input`] if one cannot be read or lies outside the folder.
pub fn embed(dir: &Path, rows: &[Row]) -> Result<Vec<Album>> {
    let row = |row: &Row| {
        let pictures = row.pictures.iter().map(|picture| Ok((address(dir, &picture.file)?, picture.caption.clone())));
        Ok((row.title.clone(), pictures.collect::<Result<_>>()?))
    };
    rows.iter().map(row).collect()
}

/// How an experiment was made, in words.
pub fn provenance(about: &About) -> Vec<(String, String)> {
    let images = match &about.images.latents {
        Some(latents) => format!("{} made from latents {} of {}", about.images.count, latents.list, latents.from),
        None => format!("{}, {} order, {}", about.images.count, about.images.order, about.images.geometry),
    };
    let mut lines = vec![
        ("Program".to_owned(), format!("{} {}", about.tool.name, about.tool.version)),
        (
            "Network".to_owned(),
            format!("{} from {}, sha256 {}", about.model.name, about.model.file, about.model.sha256),
        ),
        ("Layer".to_owned(), about.layer.clone()),
        ("Images".to_owned(), format!("{images}, sha256 {}", about.images.fingerprint)),
    ];
    if !about.concepts.is_null() {
        let grid = format!("counted on a grid of {} × {}", about.grid[0], about.grid[1]);
        lines.push(("Concepts".to_owned(), format!("{}; {grid}", readable(&about.concepts))));
    }
    let adapter = &about.adapter;
    lines.push((
        "Adapter".to_owned(),
        format!("{} ({}), {} {}", adapter.name, adapter.backend, adapter.driver, adapter.driver_info),
    ));
    lines
}
