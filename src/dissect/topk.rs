//! The images that drive each unit highest.

use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::tally::tensor;
use crate::error::{Error, Result};
use crate::files;

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

    /// Takes in the peaks `[units]` of an image. The order of images does not matter.
    pub fn insert(&mut self, image: u32, peaks: &[f32]) {
        for (unit, &peak) in peaks.iter().enumerate() {
            let (row_peaks, row_images) =
                (&mut self.peaks[unit * self.k..][..self.k], &mut self.images[unit * self.k..][..self.k]);
            let before = |at: usize| row_peaks[at] > peak || (row_peaks[at] == peak && row_images[at] < image);
            let Some(place) = (0..self.k).find(|&at| !before(at)) else { continue };
            row_peaks[place..].rotate_right(1);
            row_images[place..].rotate_right(1);
            (row_peaks[place], row_images[place]) = (peak, image);
        }
    }

    /// Images and peaks of a unit, highest first.
    pub fn of(&self, unit: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let row = unit * self.k..(unit + 1) * self.k;
        let pairs = self.images[row.clone()].iter().copied().zip(self.peaks[row].iter().copied());
        pairs.take_while(|(image, _)| *image != NO_IMAGE)
    }

    /// Writes `topk.safetensors`: `peaks` and `images`, `[units, k]`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let dims = || vec![self.units, self.k];
        let view =
            |dtype, bytes| TensorView::new(dtype, dims(), bytes).map_err(|error| Error::internal(error.to_string()));
        let tensors = [
            ("peaks", view(Dtype::F32, bytemuck::cast_slice(&self.peaks))?),
            ("images", view(Dtype::U32, bytemuck::cast_slice(&self.images))?),
        ];
        let bytes = safetensors::serialize(tensors, None).map_err(|error| Error::internal(error.to_string()))?;
        files::write_atomic(path, &bytes)
    }

    /// Reads a file that [`TopK::save`] wrote.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if it is anything else.
    pub fn load(path: &Path) -> Result<TopK> {
        let bytes = std::fs::read(path).map_err(|error| Error::reading(path, &error))?;
        let place = |error: Error| error.at(path.display());
        let file = SafeTensors::deserialize(&bytes)
            .map_err(|error| place(Error::input(format!("is not a top-k file: {error}"))))?;
        let peaks: Vec<f32> = tensor(&file, "peaks", Dtype::F32).map_err(place)?;
        let images: Vec<u32> = tensor(&file, "images", Dtype::U32).map_err(place)?;
        let dims = file.tensor("images").map(|view| view.shape().to_vec()).unwrap_or_default();
        match dims[..] {
            [units, k] if peaks.len() == images.len() => Ok(TopK { k, units, peaks, images }),
            _ => Err(place(Error::input("the sizes of its tensors do not agree"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn fewer_images_than_places_leave_places_empty_and_a_saved_file_comes_back() {
        let mut topk = TopK::new(1, 3);
        topk.insert(5, &[-1.0]);
        assert_eq!(topk.of(0).collect::<Vec<_>>(), [(5, -1.0)]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("topk.safetensors");
        topk.save(&path).unwrap();
        assert_eq!(TopK::load(&path).unwrap(), topk);
    }
}
