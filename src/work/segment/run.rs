//! A labelling job at work: images in, label maps and pictures out, one image's files after the other's.

use std::path::PathBuf;

use rayon::prelude::*;
use serde_json::{Value, json};

use super::job::{INPUTS, SegmentJob};
use crate::concepts::label_maps::LabelFolder;
use crate::concepts::{ConceptInput, ConceptSource, LabelMaps, Pixels, label_writer};
use crate::data::decode;
use crate::data::framing::{Geometry, Prepared};
use crate::data::images::ImageSet;
use crate::data::loader::Skipped;
use crate::data::resize::resize_bilinear;
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::progress::check_stop;
use crate::report::{overlay, schema, segments, sheet};
use crate::work::Host;
use crate::work::concepts::Labelling;
use crate::work::subject::places;

/// Longest side of a picture that is written; larger ones are shrunk.
const PICTURE_MAX: u32 = 1024;

/// What decides the result.
pub(super) const JOB: &str = "run.json";

/// Endings of an image's pictures.
const OVERLAY: &str = ".overlay.png";
const PICTURE: &str = ".picture.jpg";

/// Rows and columns of the picture of an image: its own, or [`PICTURE_MAX`] along the longer side.
fn picture_size(h: u32, w: u32) -> (u32, u32) {
    let longest = h.max(w);
    if longest <= PICTURE_MAX {
        return (h, w);
    }
    let shrunk = |side: u32| (u64::from(side) * u64::from(PICTURE_MAX) / u64::from(longest)).max(1) as u32;
    (shrunk(h), shrunk(w))
}

/// A job, opened and checked.
pub(super) struct SegmentRun<'a> {
    pub(super) job: &'a SegmentJob,
    pub(super) host: &'a Host<'a>,
    pub(super) set: ImageSet,
    pub(super) concepts: Box<dyn ConceptSource + 'a>,
    /// Categories that overlays show.
    pub(super) painted: Vec<String>,
}

impl<'a> SegmentRun<'a> {
    pub(super) fn open(job: &'a SegmentJob, host: &'a Host<'a>, concepts: &Labelling) -> Result<SegmentRun<'a>> {
        job.check()?;
        let set = job.image_set()?;
        let gpu = host.open_gpu()?;
        let concepts = concepts.open(host, &gpu, None)?;
        let painted = job.painted(concepts.as_ref())?;
        Ok(SegmentRun { job, host, set, concepts, painted })
    }

    /// What decides the result, for `run.json`.
    pub(super) fn record(&self) -> Value {
        json!({
            "command": "segment",
            "tool": schema::Tool::current(),
            "images": {
                "folder": places(&self.job.images), "count": self.set.len(), "fingerprint": self.set.fingerprint(),
                "geometry": self.job.geometry().describe(), "exif": format!("{:?}", self.job.exif),
            },
            "concepts": self.concepts.describe(),
            "label_maps": self.concepts.fingerprint(&self.set.items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>()),
            "downsample": self.job.downsample,
            "painted": self.painted,
        })
    }

    /// Whether the folder holds the same run, to go on with.
    ///
    /// # Errors
    /// [`Kind::Usage`] if it holds something else; another run of this command may be replaced if told to start over.
    pub(super) fn check_folder(&self, record: &Value) -> Result<bool> {
        let output = &self.job.output;
        let error = |message: &str| Error::new(Kind::Usage, message).at(output.display());
        let Ok(text) = files::read_to_string(&output.join(JOB)) else {
            let ours = |entry: std::fs::DirEntry| entry.file_name().to_str().is_some_and(files::is_partial);
            let empty = files::list(output).map_or(true, |entries| entries.flatten().all(ours));
            return match empty {
                true => Ok(false),
                false => Err(error("holds files that are not of this command").hint("choose a new folder with `-o`")),
            };
        };
        let found: Value = serde_json::from_str(&text).unwrap_or_default();
        match (found == *record, found["command"] == record["command"], self.job.restart) {
            (true, _, false) => Ok(true),
            (_, true, true) => Ok(false),
            (_, true, false) => {
                Err(error("holds another run")
                    .hint("choose another folder with `-o`, or pass `--restart` to replace it"))
            }
            (_, false, _) => Err(error("holds a run of another command").hint("choose another folder with `-o`")),
        }
    }

    pub(super) fn name(&self, index: usize) -> &str {
        &self.set.items[index].name
    }

    fn beside(&self, index: usize, ending: &str) -> Result<PathBuf> {
        label_writer::beside(&self.job.output, self.name(index), ending)
    }

    /// The overlay is written last.
    pub(super) fn is_finished(&self, index: usize) -> bool {
        self.beside(index, OVERLAY).is_ok_and(|path| files::exists(&path))
    }

    /// Removes what another run has left of an image, so that its channels are not taken for this run's.
    pub(super) fn forget(&self, index: usize) -> Result<()> {
        let channels = (0..).map(|channel| format!(".{channel}.png"));
        let channels = channels.take_while(|ending| self.beside(index, ending).is_ok_and(|path| files::exists(&path)));
        for ending in [OVERLAY, PICTURE, ".png"].map(str::to_owned).into_iter().chain(channels) {
            files::remove_if_there(&self.beside(index, &ending)?)?;
        }
        Ok(())
    }

    /// Labels these images and writes their files; returns those that cannot be used.
    pub(super) fn segment(&self, todo: &[usize]) -> Result<Vec<Skipped>> {
        let mut skipped = Vec::new();
        let mut ready = 0;
        self.host.progress.stage("segmenting", todo.len() as u64);
        // Pictures that are not resized may be of any size: no more of them at once than are decoded at once.
        let most = if self.job.as_is { rayon::current_num_threads() } else { usize::MAX };
        for some in todo.chunks(most.min(self.job.batch as usize)) {
            check_stop(self.host.stop)?;
            let loaded: Vec<_> = some.par_iter().map(|&index| (index, self.job.load(&self.set.items[index]))).collect();
            let mut usable = Vec::new();
            for (index, image) in loaded {
                match image {
                    Ok(image) => usable.push((index, image)),
                    Err(reason) => skipped.push(Skipped { name: self.name(index).to_owned(), reason }),
                }
            }
            ready += usable.iter().filter(|(_, image)| INPUTS.contains(&image.frame.photo.into())).count();
            for same_size in usable.chunk_by(|(_, a), (_, b)| (a.h, a.w) == (b.h, b.w)) {
                let maps = self.label_maps(same_size)?;
                same_size
                    .par_iter()
                    .zip(&maps)
                    .try_for_each(|((index, image), maps)| self.write(*index, image, maps))?;
            }
            self.host.progress.advance(some.len() as u64);
        }
        if ready > 0 && !self.job.as_is {
            self.host.progress.note(&format!(
                "{ready} images of 224x224 or 256x256 went in as they are; `dissect` takes them so with `--as-is`"
            ));
        }
        Ok(skipped)
    }

    /// Label maps of images of one size.
    pub(super) fn label_maps(&self, images: &[(usize, Prepared)]) -> Result<Vec<LabelMaps>> {
        let Some((_, first)) = images.first() else { return Ok(Vec::new()) };
        let inputs: Vec<_> = images
            .iter()
            .map(|(index, image)| ConceptInput {
                name: self.name(*index),
                pixels: Pixels::Rgb(&image.rgb),
                h: image.h,
                w: image.w,
            })
            .collect();
        self.concepts.label_maps(&inputs, self.job.grid(first))
    }

    fn write(&self, index: usize, image: &Prepared, maps: &LabelMaps) -> Result<()> {
        label_writer::write_maps(&self.job.output, self.name(index), maps)?;
        let (h, w) = picture_size(image.h, image.w);
        let size = |h: u32, w: u32| (h as usize, w as usize);
        let rgb = resize_bilinear(&image.rgb, size(image.h, image.w), size(h, w));
        let photo = overlay::Photo { rgb: &rgb, h, w };
        files::write_atomic(&self.beside(index, PICTURE)?, &photo.jpeg()?)?;
        let view = self.view(&[], &[]);
        let top = maps.topmost(&maps.areas(), |label| view.paints(label));
        let cells = overlay::LabelCells { labels: &top, h: maps.h, w: maps.w };
        let painted = overlay::overlay(photo, cells, |label| view.color(label))?;
        files::write_atomic(&self.beside(index, OVERLAY)?, &sheet::png(&painted, w, h)?)
    }

    /// What pages say of the run, in which these images are `seen` and those cannot be.
    pub(super) fn view<'b>(&'b self, seen: &[usize], skipped: &'b [Skipped]) -> segments::Run<'b> {
        segments::Run {
            images: self.set.len() - skipped.len(),
            vocabulary: self.concepts.vocabulary(),
            source: self.concepts.describe(),
            geometry: self.geometry_in_words(seen),
            downsample: self.job.downsample,
            painted: &self.painted,
            skipped,
        }
    }

    /// How these images were brought to size.
    fn geometry_in_words(&self, images: &[usize]) -> String {
        let Geometry::ResizeCrop { resize, crop } = self.job.geometry() else {
            return "whole, at their own size".to_owned();
        };
        let is_whole = |index: &&usize| {
            let size = decode::size(&self.set.items[**index].path, self.job.exif);
            size.is_ok_and(|size| self.job.geometry_of(size) == Geometry::AsIs)
        };
        let whole = images.par_iter().filter(is_whole).count();
        let squashed = format!("squashed to {resize} × {resize}, of which the centre {crop} × {crop} is looked at");
        let sizes = INPUTS.map(|(h, w)| format!("{h} × {w}")).join(" or ");
        match (whole, images.len() - whole) {
            (0, _) => squashed,
            (_, 0) => format!("whole, as they are {sizes}"),
            (whole, others) => format!("{others} {squashed}; {whole} whole, as they are {sizes}"),
        }
    }

    /// Label maps of a finished image, from its files.
    pub(super) fn read(&self, folder: &LabelFolder, index: usize) -> Result<LabelMaps> {
        folder.whole(self.name(index)).map_err(|error| error.hint("pass `--restart` to make all files again"))
    }

    /// Paths of picture and overlay, relative to the folder.
    pub(super) fn pictures(&self, index: usize) -> Result<[String; 2]> {
        let relative = |ending| {
            let path = self.beside(index, ending)?;
            let path = path.strip_prefix(&self.job.output).unwrap_or(&path);
            Ok(path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/"))
        };
        Ok([relative(PICTURE)?, relative(OVERLAY)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_shape_and_no_side_vanishes() {
        assert_eq!(picture_size(224, 224), (224, 224));
        assert_eq!(picture_size(2048, 1000), (1024, 500));
        assert_eq!(picture_size(1, 10_000), (1, 1024));
    }
}
