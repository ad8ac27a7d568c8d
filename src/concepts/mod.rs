//! Where label maps come from: segmenters, folders of label maps, Broden, colour names. All look the same to the dissector.

mod areas;
pub mod broden;
pub mod cache;
pub mod colors;
mod cover;
mod label_files;
mod label_image;
pub mod label_maps;
pub(crate) mod label_writer;
mod numbering;
pub mod parsing;
mod segment_network;
pub mod segmenter;
mod table;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

use crate::data::Origin;
use crate::data::decode::Exif;
use crate::data::framing::{Geometry, Prepared};
use crate::data::images::ImageSet;
use crate::error::{Error, Result};
use crate::gpu::{Buffer, Gpu};
use crate::progress::Progress;
use crate::session::Split;
use crate::tensor::Shape;

pub use areas::Area;
pub use label_files::LabelFiles;

/// Names and categories of the concepts; the label number is the index, and 0 means "no label".
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Vocabulary {
    /// Concept names; index 0 is `-`.
    pub names: Vec<String>,
    /// Category of each concept: object, part, material, texture, color, scene ...
    pub categories: Vec<String>,
}

impl Vocabulary {
    /// Number of label numbers.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no label number at all.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// How many labels there are of each category, such as `98 object, 40 part`; in the order of their first labels.
    pub fn in_words(&self) -> String {
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for category in self.categories.iter().skip(1).filter(|category| *category != "-") {
            match counts.iter_mut().find(|(known, _)| known == category) {
                Some((_, count)) => *count += 1,
                None => counts.push((category, 1)),
            }
        }
        let words: Vec<String> = counts.iter().map(|(category, count)| format!("{count} {category}")).collect();
        words.join(", ")
    }
}

/// Label maps of one image on the dissection grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelMaps {
    /// Label channels.
    pub channels: u32,
    /// Rows of the grid.
    pub h: u32,
    /// Columns of the grid.
    pub w: u32,
    /// Label numbers `[channels, h, w]`, 0 = none.
    pub labels: Vec<u16>,
}

/// The pixels of an image as the network sees it, before normalisation.
#[derive(Debug, Clone, Copy)]
pub enum Pixels<'a> {
    /// A photograph: 8-bit RGB, `h * w * 3`, row-major.
    Rgb(&'a [u8]),
    /// What a generator made: planes `[3, h, w]` of red, green and blue, about -1 to 1 and never clamped.
    Signed(&'a [f32]),
}

impl<'a> Pixels<'a> {
    /// As 8-bit RGB; signed values become `trunc(clamp(127.5 v + 127.5, 0, 255))`.
    pub fn rgb(self) -> Cow<'a, [u8]> {
        match self {
            Pixels::Rgb(bytes) => Cow::Borrowed(bytes),
            Pixels::Signed(planes) => {
                let area = planes.len() / 3;
                let byte = |at: usize| (planes[at % 3 * area + at / 3] * 127.5 + 127.5).clamp(0.0, 255.0) as u8;
                Cow::Owned((0..area * 3).map(byte).collect())
            }
        }
    }

    /// As planes `[3, h, w]` from -1 to 1: a byte `b` is `2 b / 255 - 1`.
    pub fn append_signed(self, out: &mut Vec<f32>) {
        match self {
            Pixels::Rgb(bytes) => {
                let signed = |&byte: &u8| f32::from(byte) / 255.0 * 2.0 - 1.0;
                (0..3).for_each(|channel| out.extend(bytes.iter().skip(channel).step_by(3).map(signed)));
            }
            Pixels::Signed(planes) => out.extend_from_slice(planes),
        }
    }
}

/// What a source of label maps is given of an image.
#[derive(Debug, Clone, Copy)]
pub struct ConceptInput<'a> {
    /// Name of the image: its path relative to the image folder, with `/`.
    pub name: &'a str,
    /// Its pixels.
    pub pixels: Pixels<'a>,
    /// Rows of the image.
    pub h: u32,
    /// Columns of the image.
    pub w: u32,
}

impl<'a> ConceptInput<'a> {
    /// The images of a batch.
    pub fn of(names: &'a [String], images: &'a [Arc<Prepared>]) -> Vec<ConceptInput<'a>> {
        let input = |(name, image): (&'a String, &'a Arc<Prepared>)| ConceptInput {
            name,
            pixels: Pixels::Rgb(&image.rgb),
            h: image.h,
            w: image.w,
        };
        names.iter().zip(images).map(input).collect()
    }
}

/// Images that a generator has just made.
#[derive(Clone, Copy)]
pub struct MadeImages<'a> {
    /// Name of each.
    pub names: &'a [String],
    /// What each follows from; empty where that is not known, as with images of edited units.
    pub origins: &'a [Origin],
    /// `[n, 3, h, w]` on the device, about -1 to 1 and never clamped.
    pub buffer: &'a Buffer,
    /// Their shape.
    pub shape: Shape,
}

impl<'a> MadeImages<'a> {
    /// The images that a split session has made last, one for each name.
    ///
    /// # Errors
    /// As [`Split::made`].
    pub fn by(split: &'a Split, names: &'a [String], origins: &'a [Origin]) -> Result<Self> {
        let (buffer, shape) = split.made(names.len() as u32)?;
        Ok(MadeImages { names, origins, buffer, shape })
    }
}

/// Source of label maps.
pub trait ConceptSource: Send + Sync {
    /// Names and categories.
    fn vocabulary(&self) -> &Vocabulary;

    /// What goes into provenance and cache keys: kind, folder, hash, rule version.
    fn describe(&self) -> serde_json::Value;

    /// A hash over the files of label maps of these images: they may change where [`ConceptSource::describe`] stays the same. None where
    /// labels follow from the images alone. Maps that are not there count as such.
    fn fingerprint(&self, _names: &[&str]) -> Option<String> {
        None
    }

    /// Label maps of each image, brought to the `(rows, columns)` of `grid`. They cover what the network sees of it.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming the file if a label map is missing, cannot be read or holds a label the vocabulary
    /// lacks.
    fn label_maps(&self, images: &[ConceptInput<'_>], grid: (u32, u32)) -> Result<Vec<LabelMaps>>;

    /// Label maps of images that a generator has just made on the device. A source that works on the device itself reads them there;
    /// others are given what is read back.
    ///
    /// # Errors
    /// As [`ConceptSource::label_maps`]; else what the device reports.
    fn label_maps_on_device(&self, gpu: &Gpu, made: &MadeImages<'_>, grid: (u32, u32)) -> Result<Vec<LabelMaps>> {
        let shape = made.shape;
        let planes: Vec<f32> = gpu.download(made.buffer, shape.len())?;
        let input = |(name, planes)| ConceptInput { name, pixels: Pixels::Signed(planes), h: shape.h, w: shape.w };
        let each = planes.chunks_exact(shape.with_batch(1).len().max(1));
        let finite = |planes: &[f32]| planes.iter().all(|value| value.is_finite());
        if let Some(place) = each.clone().position(|planes| !finite(planes)) {
            return Err(not_finite(&made.names[place], "values"));
        }
        let inputs: Vec<_> = made.names.iter().map(String::as_str).zip(each).map(input).collect();
        self.label_maps(&inputs, grid)
    }
}

/// The error of an image of which nothing can be said, since what it is told by is NaN or infinite.
fn not_finite(name: &str, what: &str) -> Error {
    Error::input(format!("its {what} are NaN or infinite; needed finite numbers"))
        .at(name)
        .hint("check the weights of the network")
}

/// For sources that look at one image at a time: all of a batch, on all cores.
fn one_by_one(
    images: &[ConceptInput<'_>],
    label_maps: impl Fn(&ConceptInput<'_>) -> Result<LabelMaps> + Send + Sync,
) -> Result<Vec<LabelMaps>> {
    images.par_iter().map(label_maps).collect()
}

/// Photographs whose label maps are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photographs {
    /// What was named first: the folder.
    pub folder: PathBuf,
    /// The images.
    pub set: ImageSet,
    /// The part of each that is seen.
    pub geometry: Geometry,
    /// Whether cameras' rotations are applied.
    pub exif: Exif,
    /// Rows and columns that maps may have besides.
    pub grid: Option<(u32, u32)>,
    /// Whether maps cover what is seen, at any size: `segment` made them so.
    pub maps_are_seen: bool,
    /// Sizes of photographs that such maps cover whole.
    pub taken_whole: Vec<(u32, u32)>,
    /// Sizes of photographs that are seen whole, whatever is seen of the rest.
    pub seen_whole: Vec<(u32, u32)>,
}

/// Which source of label maps to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConceptChoice {
    /// The eleven basic colour terms, from the image itself.
    Colors,
    /// A folder of label maps, and the photographs that they are looked for, where these are known.
    Labels(LabelFiles, Option<Photographs>),
    /// A folder of the Broden data set, `index.csv` and `images/`, whose label maps show whole photographs.
    Broden(Photographs),
    /// The segmenters of the reference.
    Upernet(segmenter::SegmenterChoice),
}

/// Opens a source of label maps.
///
/// # Errors
/// [`crate::error::Kind::Input`] naming the file that is missing or broken.
pub fn open<'a>(choice: &ConceptChoice, gpu: &Gpu, progress: &'a dyn Progress) -> Result<Box<dyn ConceptSource + 'a>> {
    Ok(match choice {
        ConceptChoice::Colors => Box::new(colors::Colors::new()),
        ConceptChoice::Labels(files, photographs) => {
            let mut folder = label_maps::LabelFolder::open(files.clone())?;
            if let Some(photographs) = photographs {
                folder.look(photographs)?.iter().for_each(|note| progress.note(note));
            }
            Box::new(folder)
        }
        ConceptChoice::Broden(photographs) => {
            let broden = broden::Broden::open(&photographs.folder, photographs.geometry)?;
            broden.look(photographs)?;
            Box::new(broden)
        }
        ConceptChoice::Upernet(choice) => Box::new(segmenter::UpernetConcepts::open(choice, gpu, progress)?),
    })
}

/// Index of the source position that stands for position `at` of `target`, the nearest by centres: `floor((at + 1/2) source / target)`.
pub(crate) const fn nearest(at: u32, source: u32, target: u32) -> u32 {
    ((2 * at as u64 + 1) * source as u64 / (2 * target as u64)) as u32
}
