//! Labelling the pixels of images, as a job: label maps, pictures of them, and pages.

mod pages;
mod run;

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use self::run::{JOB, SegmentRun};
use super::concepts::Labelling;
use super::{Host, check};
use crate::concepts::{ConceptSource, label_writer};
use crate::data::decode::Exif;
use crate::data::framing::Geometry;
use crate::data::images::{ImageSet, Order};
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::report::{self, schema, segments};

/// Which images to label, with what, and where results go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentJob {
    /// A folder of images (searched to any depth), a list file (`.txt`, one path a line) or an image.
    pub images: PathBuf,
    /// Where labels come from.
    pub concepts: Labelling,
    /// Folder for the results; a new one, or that of a run to go on with.
    pub output: PathBuf,
    /// Pixels along a side of the squares that get one label each, at least 1.
    pub downsample: u32,
    /// Take every image whole, at its own size.
    pub as_is: bool,
    /// Categories that overlays show; the first there is of object, part, material, texture and color if empty.
    pub paint: Vec<String>,
    /// Images at once, at least 1.
    pub batch: u32,
    /// Only the first so many in order.
    pub limit: Option<u32>,
    /// What to do about the rotation a camera noted.
    pub exif: Exif,
    /// Start over, whatever run the folder holds.
    pub restart: bool,
}

impl Default for SegmentJob {
    /// Colours of every fourth pixel; images and folder are still to be named.
    fn default() -> Self {
        SegmentJob {
            images: PathBuf::new(),
            concepts: Labelling::default(),
            output: PathBuf::new(),
            downsample: 4,
            as_is: false,
            paint: Vec::new(),
            batch: 8,
            limit: None,
            exif: Exif::default(),
            restart: false,
        }
    }
}

/// What was labelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segmented {
    /// Images with label maps.
    pub images: usize,
    /// Files that could not be used.
    pub skipped: Vec<schema::Skipped>,
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
    /// Seconds of one image.
    #[serde(skip)]
    pub seconds_each: f64,
}

impl SegmentJob {
    fn check(&self) -> Result<()> {
        check("downsample", self.downsample > 0, "a pixel at least")?;
        check("batch", self.batch > 0, "an image at least")?;
        check("limit", self.limit != Some(0), "an image at least")
    }

    /// Labels all images and writes the folder; goes on where the same job was stopped.
    ///
    /// # Errors
    /// [`Kind::Input`] naming what is wrong with a file, or if no image can be used; [`Kind::Usage`] if the folder holds something
    /// else; [`Kind::Output`] if it cannot be written; [`Kind::Interrupted`] if stopped, with finished images kept.
    pub fn perform(&self, host: &Host<'_>) -> Result<Segmented> {
        let run = SegmentRun::open(self, host, &self.concepts)?;
        let record = run.record();
        let resumed = run.check_folder(&record)?;
        files::make_folder(&self.output)?;
        let count = run.set.len();
        if !resumed {
            report::write_json(&self.output.join(JOB), &record)?;
            (0..count).try_for_each(|index| run.forget(index))?;
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
            return Err(Error::input(message).at(self.images.display()));
        }
        pages::write(&run, &skipped)?;
        let (page, areas) = (self.output.join(segments::file_name(0)), self.output.join(pages::AREAS));
        Ok(Segmented { images: count - skipped.len(), skipped, page, areas })
    }

    /// Labels the first image that can be used, keeps nothing of it, and says what the whole would take.
    ///
    /// # Errors
    /// As [`SegmentJob::perform`].
    pub fn estimate(&self, host: &Host<'_>) -> Result<SegmentEstimate> {
        // What is timed must be done.
        let run = SegmentRun::open(self, host, &self.concepts.clone().uncached())?;
        let resumed = run.check_folder(&run.record())?;
        let count = run.set.len();
        let todo: Vec<usize> = (0..count).filter(|&index| !resumed || !run.is_finished(index)).collect();
        let first = todo.iter().find_map(|&index| Some((index, self.load(&run.set.items[index]).ok()?)));
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
            seconds_each,
        })
    }

    fn geometry(&self) -> Geometry {
        if self.as_is { Geometry::AsIs } else { Geometry::DEFAULT }
    }

    /// The images, none of which would share files with another or with the results.
    fn image_set(&self) -> Result<ImageSet> {
        let mut set = ImageSet::open(&self.images, Order::Sorted)?;
        if let Some(limit) = self.limit {
            set = set.limit(limit as usize);
        }
        label_writer::check_names(set.items.iter().map(|item| item.name.as_str()))?;
        for item in &set.items {
            label_writer::beside(&self.output, &item.name, "")?;
        }
        // A search for images would find the pictures of an earlier run.
        if let (Ok(images), Some(output)) = (files::resolve(&self.images), resolved(&self.output))
            && files::is_folder(&images)
            && output.starts_with(&images)
        {
            let error =
                Error::new(Kind::Usage, "lies in the folder of the images, where label maps would be taken for images");
            return Err(error.at(self.output.display()).hint("choose a folder beside it with `-o`"));
        }
        Ok(set)
    }

    /// Categories that overlays show, checked against those there are.
    fn painted(&self, concepts: &dyn ConceptSource) -> Result<Vec<String>> {
        let there = segments::categories(concepts.vocabulary());
        if let Some(unknown) = self.paint.iter().find(|wanted| !there.contains(wanted)) {
            let error = Error::new(Kind::Usage, format!("no label is of category `{unknown}`"));
            return Err(error.hint(format!("there are: {}", there.join(", "))));
        }
        Ok(match self.paint.is_empty() {
            true => there.into_iter().take(1).collect(),
            false => there.into_iter().filter(|category| self.paint.contains(category)).collect(),
        })
    }
}

/// The path without links, as far as it exists.
fn resolved(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let known = absolute.ancestors().find_map(|above| Some((files::resolve(above).ok()?, above)))?;
    Some(known.0.join(absolute.strip_prefix(known.1).ok()?))
}
