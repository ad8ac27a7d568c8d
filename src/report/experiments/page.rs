//! The page of experiments: sections of facts, figures, pictures and tables.

use std::path::{Component, Path};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::about::{About, PictureFile, PictureRow};
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
    /// Numbers worth large type.
    pub facts: Vec<Fact>,
    /// Plots.
    pub figures: Vec<Figure>,
    /// Wide pictures, each a strip of images.
    pub strips: Vec<EmbeddedPicture>,
    /// Rows of pictures.
    pub rows: Vec<Album>,
    /// Numbers to look up.
    pub tables: Vec<Table>,
    /// How it was made.
    pub provenance: Vec<Line>,
}

/// A number worth large type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What is measured.
    pub name: String,
    /// The number, with its unit.
    pub value: String,
    /// What to know of it; may be empty.
    pub note: String,
}

/// A plot in the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// The plot, without a style of its own: it has the page's.
    pub svg: String,
    /// What is said below it.
    pub caption: String,
}

/// A picture in the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EmbeddedPicture {
    /// Address that holds it, as of [`address`].
    pub source: String,
    /// What is said below it.
    pub caption: String,
}

/// Pictures side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Album {
    /// What they have in common.
    pub title: String,
    /// The pictures.
    pub pictures: Vec<EmbeddedPicture>,
}

/// A line of how something was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it is about.
    pub name: String,
    /// What there is to say.
    pub text: String,
}

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

impl Fact {
    /// A name, a value, a note.
    pub fn new(name: impl Into<String>, value: impl Into<String>, note: impl Into<String>) -> Fact {
        Fact { name: name.into(), value: value.into(), note: note.into() }
    }
}

impl Line {
    /// A name and a text.
    pub fn new(name: &str, text: impl Into<String>) -> Line {
        Line { name: name.to_owned(), text: text.into() }
    }
}

/// What the template is filled with.
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
pub(super) fn embed(dir: &Path, rows: &[PictureRow]) -> Result<Vec<Album>> {
    let shown = |picture: &PictureFile| {
        Ok(EmbeddedPicture { source: address(dir, &picture.file)?, caption: picture.caption.clone() })
    };
    let album = |row: &PictureRow| {
        Ok(Album { title: row.title.clone(), pictures: row.pictures.iter().map(shown).collect::<Result<_>>()? })
    };
    rows.iter().map(album).collect()
}

/// How an experiment was made, in words.
pub(super) fn provenance(about: &About) -> Vec<Line> {
    let images = match &about.images.latents {
        Some(latents) => format!("{} made from latents {} of {}", about.images.count, latents.list, latents.from),
        None => format!("{}, {} order, {}", about.images.count, about.images.order, about.images.geometry),
    };
    let model = &about.model;
    let mut lines = vec![
        Line::new("Program", format!("{} {}", about.tool.name, about.tool.version)),
        Line::new("Network", format!("{} from {}, sha256 {}", model.name, model.file, model.sha256)),
        Line::new("Layer", &about.layer),
        Line::new("Images", format!("{images}, sha256 {}", about.images.fingerprint)),
    ];
    if !about.concepts.is_null() {
        let grid = format!("counted on a grid of {} × {}", about.grid[0], about.grid[1]);
        lines.push(Line::new("Concepts", format!("{}; {grid}", readable(&about.concepts))));
    }
    let adapter = &about.adapter;
    let driver = format!("{} ({}), {} {}", adapter.name, adapter.backend, adapter.driver, adapter.driver_info);
    lines.push(Line::new("Adapter", driver));
    lines
}
