//! A labelling job: which images, with what, and where results go.

use std::path::PathBuf;

use crate::concepts::{ConceptSource, Photographs, label_writer};
use crate::data::decode::{self, Exif};
use crate::data::framing::{Geometry, Prepared, prepare};
use crate::data::images::{ImageItem, ImageSet, Order};
use crate::error::{Error, Kind, Result};
use crate::report::segments;
use crate::work::concepts::{Labelling, TAKEN_WHOLE};
use crate::work::{check, run_folder};

/// Cells of a label map, at most: 4096 x 4096.
const CELLS_MAX: u64 = 1 << 24;

/// Which images to label, with what, and where results go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentJob {
    /// Folders (searched to any depth), list files (`.txt`, one path a line), images, or patterns of them.
    pub images: Vec<PathBuf>,
    /// Where labels come from.
    pub concepts: Labelling,
    /// Folder for the results; a new one, or that of a run to go on with.
    pub output: PathBuf,
    /// Pixels along a side of the squares that get one label each, at least 1.
    pub downsample: u32,
    /// How images are brought to the size at which they are labelled; as the segmenter's file says if left out.
    pub geometry: Option<Geometry>,
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
            images: Vec::new(),
            concepts: Labelling::default(),
            output: PathBuf::new(),
            downsample: 4,
            geometry: None,
            paint: Vec::new(),
            batch: 8,
            limit: None,
            exif: Exif::default(),
            restart: false,
        }
    }
}

impl SegmentJob {
    pub(super) fn check(&self) -> Result<()> {
        check("downsample", self.downsample > 0, "a pixel at least")?;
        check("batch", self.batch > 0, "an image at least")?;
        self.geometry.map_or(Ok(()), Geometry::check)?;
        check("limit", self.limit != Some(0), "an image at least")
    }

    /// How images are brought to the size at which they are labelled.
    pub(super) fn geometry(&self) -> Result<Geometry> {
        self.geometry.map_or_else(|| self.concepts.geometry(), Ok)
    }

    /// The images, none of which would share files with another or with the results.
    pub(super) fn image_set(&self) -> Result<ImageSet> {
        let mut set = ImageSet::open(&self.images, Order::Sorted)?;
        if let Some(limit) = self.limit {
            set = set.limit(limit as usize);
        }
        label_writer::check_names(set.items.iter().map(|item| item.name.as_str()))?;
        run_folder::check_apart(&self.images, &self.output)?;
        Ok(set)
    }

    /// Categories that overlays show, checked against those there are.
    pub(super) fn painted(&self, concepts: &dyn ConceptSource) -> Result<Vec<String>> {
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

    /// The images as those whose label maps are asked for, of their own shape or of the grid's.
    pub(super) fn photographs(&self, set: &ImageSet, geometry: Geometry) -> Photographs {
        Photographs {
            folder: set.root.clone(),
            set: set.clone(),
            geometry,
            exif: self.exif,
            grid: geometry.fixed_size().map(|(h, w)| (h / self.downsample, w / self.downsample)),
            maps_are_seen: false,
            taken_whole: Vec::new(),
            seen_whole: if geometry == Geometry::DEFAULT { TAKEN_WHOLE.to_vec() } else { Vec::new() },
        }
    }

    /// One image as the network would see it, or why it cannot be used.
    pub(super) fn load(&self, item: &ImageItem, geometry: Geometry) -> Result<Prepared, String> {
        let place = format!("{}: ", item.path.display());
        let prepared = decode::decode_with(&item.path, self.exif, |image| {
            let size = (image.h, image.w);
            prepare(image, geometry_of(size, geometry))
        });
        let prepared = prepared.map_err(|error| {
            let text = error.to_string();
            text.strip_prefix(&place).unwrap_or(&text).to_owned()
        })?;
        let (rows, columns) = self.grid(&prepared);
        match u64::from(rows) * u64::from(columns) {
            0 => Err(format!(
                "is {}x{}; too small for one label each {} pixels along rows and columns (`--downsample`)",
                prepared.h, prepared.w, self.downsample
            )),
            1..=CELLS_MAX => Ok(prepared),
            _ => Err(format!(
                "is {}x{}; too large for one label each {} pixels",
                prepared.h, prepared.w, self.downsample
            )),
        }
    }

    pub(super) fn grid(&self, image: &Prepared) -> (u32, u32) {
        (image.h / self.downsample, image.w / self.downsample)
    }
}

/// How an image of so many rows and columns is brought to size, where others are as `geometry` says.
pub(super) fn geometry_of(size: (u32, u32), geometry: Geometry) -> Geometry {
    let is_whole = geometry == Geometry::DEFAULT && TAKEN_WHOLE.contains(&size);
    if is_whole { Geometry::AsIs } else { geometry }
}
