//! The images that drive each unit highest.

use std::collections::HashMap;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::error::{Error, Result};
use crate::files;
use crate::state::Merge;
use crate::state::checkpoint::{Saved, StateTensor, values};

/// Marks a place that no image took.
pub const NO_IMAGE: u32 = u32::MAX;

/// The `k` images with the highest peak of each unit, highest first; equal peaks by image index.
///
/// Where there are fewer than `k` images, `images` ends in [`NO_IMAGE`] and `peaks` in negative infinity.
#[derive(Debug, Clone, PartialEq)]
pub struct TopK {
    /// Images kept for each unit.
    pub k: usize,
    /// Units of the layer.
    pub units: usize,
    /// Peak activation over the native map, `[units, k]`.
    pub peaks: Vec<f32>,
    /// Index of the image in the run's order, `[units, k]`.
    pub images: Vec<u32>,
}

impl TopK {
    /// No image yet.
    pub fn new(units: usize, k: usize) -> TopK {
        TopK { k, units, peaks: vec![f32::NEG_INFINITY; units * k], images: vec![NO_IMAGE; units * k] }
    }

    /// Takes in the peaks `[units]` of an image, those that are finite. The order of images does not matter.
    pub fn insert(&mut self, image: u32, peaks: &[f32]) {
        let finite = peaks.iter().enumerate().filter(|(_, peak)| peak.is_finite());
        finite.for_each(|(unit, &peak)| self.place(unit, image, peak));
    }

    /// Puts an image where it belongs in a unit's list, if it does.
    fn place(&mut self, unit: usize, image: u32, peak: f32) {
        let row = unit * self.k..(unit + 1) * self.k;
        let (peaks, images) = (&mut self.peaks[row.clone()], &mut self.images[row]);
        let before = |at: usize| peaks[at] > peak || (peaks[at] == peak && images[at] < image);
        let Some(place) = (0..self.k).find(|&at| !before(at)) else { return };
        peaks[place..].rotate_right(1);
        images[place..].rotate_right(1);
        (peaks[place], images[place]) = (peak, image);
    }

    /// Images and peaks of a unit, highest first.
    pub fn of(&self, unit: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let row = unit * self.k..(unit + 1) * self.k;
        let pairs = self.images[row.clone()].iter().copied().zip(self.peaks[row].iter().copied());
        pairs.take_while(|(image, _)| *image != NO_IMAGE)
    }

    /// Writes `topk.safetensors`: `peaks` and `images`, `[units, k]`; in the metadata, key `images`, the `names` of all images as a JSON
    /// list, so that a number in `images` is a place in it.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if the file cannot be written.
    pub fn save(&self, path: &Path, names: &[String]) -> Result<()> {
        let dims = || vec![self.units, self.k];
        let view =
            |dtype, bytes| TensorView::new(dtype, dims(), bytes).map_err(|error| Error::internal(error.to_string()));
        let tensors = [
            ("peaks", view(Dtype::F32, bytemuck::cast_slice(&self.peaks))?),
            ("images", view(Dtype::U32, bytemuck::cast_slice(&self.images))?),
        ];
        let metadata = HashMap::from([("images".to_owned(), serde_json::json!(names).to_string())]);
        let bytes =
            safetensors::serialize(tensors, Some(metadata)).map_err(|error| Error::internal(error.to_string()))?;
        files::write_atomic(path, &bytes)
    }

    /// Reads a file that [`TopK::save`] wrote.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if it is anything else.
    pub fn load(path: &Path) -> Result<TopK> {
        let bytes = files::read(path)?;
        let place = |error: Error| error.at(path.display());
        let file = SafeTensors::deserialize(&bytes)
            .map_err(|error| place(Error::input(format!("is not a top-k file: {error}"))))?;
        let peaks: Vec<f32> = values(&file, "peaks").map_err(place)?;
        let images: Vec<u32> = values(&file, "images").map_err(place)?;
        let dims = |name: &str| file.tensor(name).map(|view| view.shape().to_vec()).unwrap_or_default();
        match dims("images")[..] {
            [units, k] if dims("peaks") == [units, k] && file.len() == 2 => Ok(TopK { k, units, peaks, images }),
            _ => Err(place(Error::input("the sizes of its tensors do not agree, or there are others"))),
        }
    }

    /// As tensors of a checkpoint, under this name.
    pub(super) fn tensors(&self, name: &str) -> [StateTensor; 2] {
        [
            StateTensor::new(format!("{name}.peaks"), &self.peaks),
            StateTensor::new(format!("{name}.images"), &self.images),
        ]
    }

    /// Takes up what [`TopK::tensors`] gave.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if it is of another layer or keeps another number of images.
    pub(super) fn restore(&mut self, saved: &Saved<'_>, name: &str) -> Result<()> {
        saved.fill(&format!("{name}.peaks"), &mut self.peaks)?;
        saved.fill(&format!("{name}.images"), &mut self.images)
    }
}

impl Merge for TopK {
    fn merge(&mut self, other: &TopK) -> Result<()> {
        if (self.units, self.k) != (other.units, other.k) {
            return Err(Error::input("lists of top images of different layers or lengths do not merge"));
        }
        for unit in 0..self.units {
            other.of(unit).for_each(|(image, peak)| self.place(unit, image, peak));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::laws::Sample;

    #[test]
    fn the_order_of_images_does_not_matter_and_equal_peaks_go_by_index() {
        let images = [(4, [1.0, 0.0]), (0, [2.0, 0.0]), (3, [1.0, 5.0]), (9, [7.0, 0.0])];
        let mut forward = TopK::new(2, 3);
        images.iter().for_each(|(image, peaks)| forward.insert(*image, peaks));
        let mut backward = TopK::new(2, 3);
        images.iter().rev().for_each(|(image, peaks)| backward.insert(*image, peaks));
        assert_eq!(forward, backward);
        assert_eq!(forward.of(0).collect::<Vec<_>>(), [(9, 7.0), (0, 2.0), (3, 1.0)]);
        assert_eq!(forward.of(1).map(|(image, _)| image).collect::<Vec<_>>(), [3, 0, 4]);
    }

    impl Sample for TopK {
        /// With equal peaks, so that images decide.
        fn on(images: &[u32]) -> TopK {
            let mut topk = TopK::new(2, 4);
            images.iter().for_each(|&image| topk.insert(image, &[(image * 7 % 5) as f32, -((image * 3 % 4) as f32)]));
            topk
        }

        fn strangers(_: &[u32]) -> Vec<TopK> {
            vec![TopK::new(2, 3), TopK::new(3, 4)]
        }
    }

    #[test]
    fn a_cut_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("topk.safetensors");
        TopK::new(3, 2).save(&path, &[]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for end in 0..bytes.len() {
            std::fs::write(&path, &bytes[..end]).unwrap();
            assert!(TopK::load(&path).is_err());
        }
    }

    #[test]
    fn fewer_images_than_places_leave_places_empty_and_a_saved_file_comes_back() {
        let mut topk = TopK::new(1, 3);
        topk.insert(5, &[-1.0]);
        assert_eq!(topk.of(0).collect::<Vec<_>>(), [(5, -1.0)]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("topk.safetensors");
        topk.save(&path, &["a b.png".to_owned(), "c/\u{e9}.png".to_owned()]).unwrap();
        assert_eq!(TopK::load(&path).unwrap(), topk);
        let bytes = std::fs::read(&path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let names = &header.metadata().as_ref().unwrap()["images"];
        assert_eq!(serde_json::from_str::<Vec<String>>(names).unwrap(), ["a b.png", "c/\u{e9}.png"]);
    }
}
