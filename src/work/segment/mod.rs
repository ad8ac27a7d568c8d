//! Labelling the pixels of images, as a job: label maps, pictures of them, and pages.

mod job;
mod pages;
mod run;

use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;

pub use self::job::SegmentJob;
use self::run::{FILES, MARKS, SegmentRun};
use super::Host;
use super::memory::{self, ProcessMemory};
use super::run_folder::{self, Standing};
use crate::concepts::label_writer;
use crate::data::loader::Skipped;
use crate::data::search::LeftOut;
use crate::error::{Error, Result};
use crate::report::segments;

/// What was labelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segmented {
    /// Images with label maps.
    pub images: usize,
    /// Files that could not be used.
    pub skipped: Vec<Skipped>,
    /// What was found beside the images and not used.
    pub left_out: LeftOut,
    /// The first page.
    pub page: PathBuf,
    /// Areas of all images as JSON.
    pub areas: PathBuf,
}

/// What labelling would take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentEstimate {
    /// Images in all.
    pub images: usize,
    /// Those that are finished already.
    pub finished: usize,
    /// Rows and columns of the first image's label maps; none if no image is left that can be used.
    pub grid: Option<(u32, u32)>,
    /// Labels there are.
    pub labels: usize,
    /// Seconds for all that is left.
    pub seconds: f64,
    /// Bytes of the process at one time; none where the system does not tell.
    pub process_bytes: Option<ProcessMemory>,
    /// Seconds of one image.
    #[serde(skip)]
    pub seconds_each: f64,
}

impl SegmentJob {
    /// Labels all images and writes the folder; goes on where the same job was stopped.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming what is wrong with a file, or if no image can be used; [`crate::error::Kind::Usage`] if the folder holds something
    /// else; [`crate::error::Kind::Output`] if it cannot be written; [`crate::error::Kind::Interrupted`] if stopped, with finished images kept.
    pub fn perform(&self, host: &Host<'_>) -> Result<Segmented> {
        let run = SegmentRun::open(self, host, &self.concepts)?;
        let record = run.record();
        let _taken = run_folder::take(&self.output, &MARKS)?;
        let standing = FILES.standing(&self.output, &record, self.restart)?;
        // Images that are whole stay.
        let kept = if standing == Standing::New { Standing::New } else { Standing::Unfinished };
        FILES.begin(&self.output, &record, &kept, host.progress)?;
        let count = run.set.len();
        match &standing {
            Standing::New => (0..count).try_for_each(|index| run.forget(index))?,
            Standing::Damaged(damaged) => {
                host.progress.note(&format!("{}: made again", run_folder::in_words(damaged)));
                run.forget_damaged(damaged)?;
            }
            Standing::Unfinished | Standing::Done => {}
        }
        label_writer::write_table(&self.output, run.concepts.vocabulary())?;
        let todo: Vec<usize> = (0..count).filter(|&index| !run.is_finished(index)).collect();
        if todo.len() < count {
            host.progress.note(&format!("{} of {count} images are finished already", count - todo.len()));
        }
        let skipped = run.segment(&todo)?;
        if skipped.len() == count {
            let first = &skipped[0];
            let message = format!("none of {count} images can be used; the first, {}: {}", first.name, first.reason);
            return Err(Error::input(message).at(run.set.root.display()));
        }
        pages::write(&run, &skipped)?;
        FILES.finish(&self.output, |name| run.owns(name))?;
        let (page, areas) = (self.output.join(segments::file_name(0)), self.output.join(pages::AREAS));
        let left_out = run.set.left_out;
        Ok(Segmented { images: count - skipped.len(), skipped, left_out, page, areas })
    }

    /// Labels the first image that can be used, keeps nothing of it, and says what the whole would take.
    ///
    /// # Errors
    /// As [`SegmentJob::perform`].
    pub fn estimate(&self, host: &Host<'_>) -> Result<SegmentEstimate> {
        // What is timed must be done.
        let run = SegmentRun::open(self, host, &self.concepts.clone().uncached())?;
        run_folder::check(&self.output, &MARKS)?;
        let resumed = FILES.standing(&self.output, &run.record(), self.restart)? != Standing::New;
        let count = run.set.len();
        let todo: Vec<usize> = (0..count).filter(|&index| !resumed || !run.is_finished(index)).collect();
        let first = todo.iter().find_map(|&index| Some((index, self.load(&run.set.items[index], run.geometry).ok()?)));
        let (mut seconds_each, mut grid) = (0.0, None);
        if let Some(image) = first {
            grid = Some(self.grid(&image.1));
            let image = [image];
            // The first time may load and compile.
            run.label_maps(&image)?;
            let start = Instant::now();
            run.label_maps(&image)?;
            seconds_each = start.elapsed().as_secs_f64();
        }
        Ok(SegmentEstimate {
            images: count,
            finished: count - todo.len(),
            grid,
            labels: run.concepts.vocabulary().len() - 1,
            seconds: seconds_each * todo.len() as f64,
            process_bytes: memory::after_trial(0),
            seconds_each,
        })
    }
}
