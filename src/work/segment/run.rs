//! A labelling job at work: images in, label maps and pictures out, one image's files after the other's.

use std::collections::HashSet;
use std::path::PathBuf;

use rayon::prelude::*;
use serde_json::{Value, json};

use super::job::{SegmentJob, geometry_of};
use crate::concepts::label_maps::LabelFolder;
use crate::concepts::{ConceptInput, ConceptSource, LabelMaps, Pixels, label_writer};
use crate::data::decode;
use crate::data::framing::{Geometry, Prepared};
use crate::data::images::{ImageItem, ImageSet};
use crate::data::loader::Skipped;
use crate::data::resize::resize_bilinear;
use crate::error::Result;
use crate::files::{self, checksums::Damage};
use crate::progress::check_stop;
use crate::report::{overlay, schema, segments, sheet};
use crate::work::Host;
use crate::work::concepts::{Labelling, TAKEN_WHOLE};
use crate::work::run_folder::RunFiles;
use crate::work::subject::places;

/// Longest side of a picture that is written; larger ones are shrunk.
const PICTURE_MAX: u32 = 1024;

/// What decides the result, and what is made of all images.
pub(super) const FILES: RunFiles = RunFiles { job: "run.json", result: "areas.json", states: &[] };

/// By these files the folder of a segmentation is known.
pub(super) const MARKS: [&str; 2] = ["run.json", "areas.sha256"];

/// Endings of an image's pictures.
const OVERLAY: &str = ".overlay.png";
const PICTURE: &str = ".picture.jpg";

/// What an image's name may be, without its ending, of which this is a file: of `a.0.png` it is `a.0` or `a`.
fn stems(file: &str) -> [Option<&str>; 2] {
    let picture = [OVERLAY, PICTURE, ".png"].into_iter().find_map(|ending| file.strip_suffix(ending));
    let channel = picture.and_then(|stem| stem.rsplit_once('.'));
    let numbered = |(_, channel): &(&str, &str)| channel.bytes().all(|byte| byte.is_ascii_digit());
    [picture, channel.filter(numbered).map(|(stem, _)| stem)]
}

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
    /// How images are brought to the size at which they are labelled.
    pub(super) geometry: Geometry,
    /// Categories that overlays show.
    pub(super) painted: Vec<String>,
}

impl<'a> SegmentRun<'a> {
    pub(super) fn open(job: &'a SegmentJob, host: &'a Host<'a>, concepts: &Labelling) -> Result<SegmentRun<'a>> {
        job.check()?;
        let geometry = job.geometry()?;
        let set = job.image_set()?;
        let gpu = host.open_gpu()?;
        let photographs = matches!(concepts, Labelling::Folder(_)).then(|| job.photographs(&set, geometry));
        let concepts = concepts.open(host, &gpu, photographs)?;
        let painted = job.painted(concepts.as_ref())?;
        Ok(SegmentRun { job, host, set, concepts, geometry, painted })
    }

    /// What decides the result, for `run.json`.
    pub(super) fn record(&self) -> Value {
        json!({
            "command": "segment",
            "tool": schema::Tool::current(),
            "images": {
                "folder": places(&self.job.images), "count": self.set.len(), "fingerprint": self.set.fingerprint(),
                "geometry": self.geometry.describe(), "exif": format!("{:?}", self.job.exif),
            },
            "concepts": self.concepts.describe(),
            "label_maps": self.concepts.fingerprint(&self.set.items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>()),
            "downsample": self.job.downsample,
            "painted": self.painted,
        })
    }

    pub(super) fn name(&self, index: usize) -> &str {
        &self.set.items[index].name
    }

    fn beside(&self, index: usize, ending: &str) -> Result<PathBuf> {
        label_writer::beside(&self.job.output, self.name(index), ending)
    }

    /// The overlay is written last; what was lost since is not there either.
    pub(super) fn is_finished(&self, index: usize) -> bool {
        let is_there = |ending: &str| self.beside(index, ending).is_ok_and(|path| files::exists(&path));
        [OVERLAY, PICTURE].into_iter().all(is_there) && [".png", ".0.png"].into_iter().any(is_there)
    }

    /// Removes what is left of those images of which a file of the folder is damaged, so that they are labelled again.
    pub(super) fn forget_damaged(&self, damaged: &[(String, Damage)]) -> Result<()> {
        let stems: HashSet<&str> = damaged.iter().flat_map(|(file, _)| stems(file)).flatten().collect();
        let is_damaged = |index: &usize| stems.contains(label_writer::stem(self.name(*index)).as_str());
        (0..self.set.len()).filter(is_damaged).try_for_each(|index| self.forget(index))
    }

    /// Whether a file or folder at the top of the folder holds results.
    pub(super) fn owns(&self, name: &str) -> bool {
        let ours = [".html", ".png", ".jpg"].iter().any(|ending| name.ends_with(ending));
        let stem_of = |item: &ImageItem| label_writer::stem(&item.name);
        ours || [FILES.job, FILES.result, label_writer::LABELS].contains(&name)
            || self
                .set
                .items
                .iter()
                .any(|item| stem_of(item).strip_prefix(name).is_some_and(|rest| rest.starts_with('/')))
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
        let most = if self.geometry == Geometry::AsIs { rayon::current_num_threads() } else { usize::MAX };
        for some in todo.chunks(most.min(self.job.batch as usize)) {
            check_stop(self.host.stop)?;
            let loaded: Vec<_> =
                some.par_iter().map(|&index| (index, self.job.load(&self.set.items[index], self.geometry))).collect();
            let mut usable = Vec::new();
            for (index, image) in loaded {
                match image {
                    Ok(image) => usable.push((index, image)),
                    Err(reason) => skipped.push(Skipped { name: self.name(index).to_owned(), reason }),
                }
            }
            ready += usable.iter().filter(|(_, image)| TAKEN_WHOLE.contains(&image.frame.photo.into())).count();
            for same_size in usable.chunk_by(|(_, a), (_, b)| (a.h, a.w) == (b.h, b.w)) {
                let maps = self.label_maps(same_size)?;
                same_size
                    .par_iter()
                    .zip(&maps)
                    .try_for_each(|((index, image), maps)| self.write(*index, image, maps))?;
            }
            self.host.progress.advance(some.len() as u64);
        }
        if ready > 0 && self.geometry == Geometry::DEFAULT {
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
        let Geometry::ResizeCrop { resize, crop } = self.geometry else {
            return "whole, at their own size".to_owned();
        };
        let is_whole = |index: &&usize| {
            let size = decode::size(&self.set.items[**index].path, self.job.exif);
            size.is_ok_and(|size| geometry_of(size, self.geometry) == Geometry::AsIs)
        };
        let whole = images.par_iter().filter(is_whole).count();
        let squashed = format!("squashed to {resize} × {resize}, of which the centre {crop} × {crop} is looked at");
        let sizes = TAKEN_WHOLE.map(|(h, w)| format!("{h} × {w}")).join(" or ");
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
    fn a_file_is_known_by_the_images_that_it_may_be_of() {
        assert_eq!(stems("a/b.overlay.png"), [Some("a/b"), None]);
        assert_eq!(stems("a/b.picture.jpg"), [Some("a/b"), None]);
        assert_eq!(stems("a/b.12.png"), [Some("a/b.12"), Some("a/b")]);
        assert_eq!(stems("a.c.png"), [Some("a.c"), None]);
        assert_eq!(stems("areas.json"), [None, None]);
    }

    #[test]
    fn pictures_keep_their_shape_and_no_side_vanishes() {
        assert_eq!(picture_size(224, 224), (224, 224));
        assert_eq!(picture_size(2048, 1000), (1024, 500));
        assert_eq!(picture_size(1, 10_000), (1, 1024));
    }
}
