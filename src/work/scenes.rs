//! Drawing pictures of a world with known truth, as a job.

use std::path::PathBuf;
use std::time::Instant;

use rayon::prelude::*;

use super::{Host, check, run_folder};
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::report::sheet;
use crate::scenes::set::{ABOUT, Set, Written, files_of};
use crate::scenes::{classes, concepts};

/// Pictures drawn to say how long all will take.
const TRIAL: u64 = 16;
/// Pictures of a contact sheet, at most.
const SHEET_MAX: u64 = 900;

/// Which pictures to draw, and where they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenesJob {
    /// Pictures in all, at least 1, evenly over the classes.
    pub count: u64,
    /// Seed of the world.
    pub seed: u64,
    /// Pixels a side, 128 or 256.
    pub side: u32,
    /// Only these classes; all if empty.
    pub classes: Vec<String>,
    /// Folder for images, labels and `scenes.json`.
    pub output: PathBuf,
    /// PNG file for all pictures side by side, 900 at most.
    pub sheet: Option<PathBuf>,
}

impl Default for ScenesJob {
    /// Six hundred pictures of all classes; the folder is still to be named.
    fn default() -> Self {
        ScenesJob { count: 600, seed: 1, side: 128, classes: Vec::new(), output: PathBuf::new(), sheet: None }
    }
}

/// What is drawn.
pub struct DrawnScenes {
    /// The pictures.
    pub set: Set,
    /// Concepts in them.
    pub concepts: usize,
    /// What was drawn and what was there.
    pub written: Written,
}

/// What drawing would take.
pub struct ScenesEstimate {
    /// The pictures.
    pub set: Set,
    /// Concepts in them.
    pub concepts: usize,
    /// Files in all.
    pub files: u64,
    /// Seconds in all.
    pub seconds: f64,
}

impl ScenesJob {
    /// Draws the pictures that are not there yet.
    ///
    /// # Errors
    /// [`Kind::Usage`] if a class is not there or the folder holds something else; [`Kind::Output`] if a file cannot be written.
    pub fn perform(&self, host: &Host<'_>) -> Result<DrawnScenes> {
        let set = self.set()?;
        if self.sheet.is_some() {
            sheet::size(set.count.min(SHEET_MAX) as usize, set.side)?;
        }
        let _taken = run_folder::take(&self.output, &[ABOUT])?;
        let written = set.write(&self.output, host.progress, host.stop)?;
        if let Some(path) = &self.sheet {
            let pictures = (0..set.count.min(SHEET_MAX)).map(|index| set.picture(index).map(|picture| picture.rgb));
            let sheet = sheet::sheet(&pictures.collect::<Result<Vec<_>>>()?, set.side)?;
            files::write_atomic(path, &sheet::png(sheet.as_raw(), sheet.width(), sheet.height())?)?;
        }
        Ok(DrawnScenes { set, concepts: concepts().len(), written })
    }

    /// Draws a few pictures, writes nothing, and says what the whole would take.
    ///
    /// # Errors
    /// As [`ScenesJob::perform`].
    pub fn estimate(&self) -> Result<ScenesEstimate> {
        let set = self.set()?;
        let trial = set.count.min(TRIAL);
        let step = set.count / trial;
        let start = Instant::now();
        (0..trial).into_par_iter().try_for_each(|index| set.picture(index * step).map(drop))?;
        let seconds = start.elapsed().as_secs_f64() / trial as f64 * set.count as f64;
        Ok(ScenesEstimate { concepts: concepts().len(), files: files_of(set.count), seconds, set })
    }

    /// The set that is meant.
    fn set(&self) -> Result<Set> {
        check("count", self.count > 0, "a picture at least")?;
        check("side", matches!(self.side, 128 | 256), "128 or 256 pixels")?;
        let known = classes();
        let mut chosen = Vec::new();
        for name in &self.classes {
            let class = known.iter().position(|known| known == name).ok_or_else(|| {
                let error = Error::new(Kind::Usage, format!("no class is called `{name}`")).at("--classes");
                error.hint(format!("classes are {}", known.join(", ")))
            })?;
            if !chosen.contains(&class) {
                chosen.push(class);
            }
        }
        if chosen.is_empty() {
            chosen = (0..known.len()).collect();
        }
        Ok(Set { seed: self.seed, side: self.side, count: self.count, classes: chosen })
    }
}
