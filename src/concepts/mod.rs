//! Where label maps come from: folders of label maps, Broden, colour names. All look the same to the dissector.

pub mod broden;
pub mod colors;
mod label_image;
pub mod label_maps;
mod numbering;
mod table;

use std::path::PathBuf;

use crate::data::preprocess::Geometry;
use crate::error::Result;

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

/// What a source of label maps is given of an image.
#[derive(Debug, Clone, Copy)]
pub struct ConceptInput<'a> {
    /// Name of the image: its path relative to the image folder, with `/`.
    pub name: &'a str,
    /// The image as the network sees it before normalisation: 8-bit RGB, `h * w * 3`, row-major.
    pub rgb: &'a [u8],
    /// Rows of the image.
    pub h: u32,
    /// Columns of the image.
    pub w: u32,
}

/// Source of label maps.
pub trait ConceptSource: Send + Sync {
    /// Names and categories.
    fn vocabulary(&self) -> &Vocabulary;

    /// What goes into provenance and cache keys: kind, folder, hash, rule version.
    fn describe(&self) -> serde_json::Value;

    /// Label maps of one image, brought to the `(rows, columns)` of `grid`. They cover what the network sees of it.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming the file if a label map is missing, cannot be read or holds a label the vocabulary
    /// lacks.
    fn label_maps(&self, image: &ConceptInput<'_>, grid: (u32, u32)) -> Result<LabelMaps>;
}

/// Which source of label maps to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConceptChoice {
    /// The eleven basic colour terms, from the image itself.
    Colors,
    /// A folder of label maps.
    Labels(PathBuf),
    /// A folder of the Broden data set, whose label maps show whole photographs.
    Broden {
        /// Holds `index.csv` and `images/`.
        folder: PathBuf,
        /// Which part of a photograph the network sees.
        geometry: Geometry,
    },
}

/// Opens a source of label maps.
///
/// # Errors
/// [`crate::error::Kind::Input`] naming the file that is missing or broken.
pub fn open(choice: &ConceptChoice) -> Result<Box<dyn ConceptSource>> {
    Ok(match choice {
        ConceptChoice::Colors => Box::new(colors::Colors::new()),
        ConceptChoice::Labels(folder) => Box::new(label_maps::LabelFolder::open(folder)?),
        ConceptChoice::Broden { folder, geometry } => Box::new(broden::Broden::open(folder, *geometry)?),
    })
}

/// Index of the source position that stands for position `at` of `target`, the nearest by centres: `floor((at + 1/2) source / target)`.
pub(crate) const fn nearest(at: u32, source: u32, target: u32) -> u32 {
    ((2 * at as u64 + 1) * source as u64 / (2 * target as u64)) as u32
}
