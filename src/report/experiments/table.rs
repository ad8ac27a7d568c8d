//! All experiments there are, and the page that shows those of a folder.

use std::path::Path;

use super::page::{self, Section};
use super::result::{ExperimentReport, file, section};
use crate::error::{Error, Kind, Result};
use crate::files::{self, write_atomic};

/// An experiment as the page knows it.
#[derive(Debug, Clone, Copy)]
pub struct ExperimentEntry {
    /// [`ExperimentReport::NAME`].
    pub name: &'static str,
    /// [`section`] of its report.
    pub section: fn(&Path) -> Result<Option<Section>>,
}

impl ExperimentEntry {
    const fn of<R: ExperimentReport>() -> ExperimentEntry {
        ExperimentEntry { name: R::NAME, section: section::<R> }
    }
}

/// All experiments, in the order of the page.
pub const ALL: &[ExperimentEntry] = &[
    ExperimentEntry::of::<super::ablate::AblationReport>(),
    ExperimentEntry::of::<super::remove::RemovalReport>(),
    ExperimentEntry::of::<super::insert::InsertionReport>(),
    ExperimentEntry::of::<super::detect::DetectionReport>(),
];

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
    let section =
        |entry: &ExperimentEntry| (entry.section)(dir).map_err(|error| error.hint(repair(entry.name))).transpose();
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
