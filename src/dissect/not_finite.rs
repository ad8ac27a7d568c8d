//! Where units are not numbers any more: activations that grew beyond the largest number, or are NaN.

use rayon::prelude::*;

use super::topk::NO_IMAGE;
use crate::error::{Error, Result};
use crate::state::checkpoint::{Saved, StateTensor};
use crate::state::{Merge, add};
use crate::tensor::HostTensor;

/// Images on which some value of a layer's units is NaN or infinite. Such a unit has no level and no label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFinite {
    /// Number of such images of each unit, `[units]`.
    pub of_unit: Vec<u64>,
    /// Number of images on which any unit is so.
    pub images: u64,
    first: u32,
}

impl NotFinite {
    /// No image yet.
    pub fn new(units: usize) -> NotFinite {
        NotFinite { of_unit: vec![0; units], images: 0, first: NO_IMAGE }
    }

    /// Takes in the peaks `[units]` of an image, as the kernel gives them: NaN for a map that is not finite.
    pub fn insert(&mut self, image: u32, peaks: &[f32]) {
        self.of_unit.iter_mut().zip(peaks).for_each(|(count, peak)| *count += u64::from(!peak.is_finite()));
        if peaks.iter().any(|peak| !peak.is_finite()) {
            self.images += 1;
            self.first = self.first.min(image);
        }
    }

    /// Takes in maps `[n, units, h, w]` of images, the first of which has this index.
    pub fn insert_maps(&mut self, first: u32, maps: &HostTensor) {
        let positions = (maps.shape.positions() as usize).max(1);
        // What is finite counts for nothing, whatever it is.
        let peak = |map: &[f32]| if map.iter().all(|value| value.is_finite()) { 0.0 } else { f32::NAN };
        let peaks: Vec<f32> = maps.data.par_chunks_exact(positions).map(peak).collect();
        for (image, peaks) in (first..).zip(peaks.chunks_exact(self.of_unit.len().max(1))) {
            self.insert(image, peaks);
        }
    }

    /// The first such image, by its index in the run's order.
    pub fn first_image(&self) -> Option<u32> {
        (self.first != NO_IMAGE).then_some(self.first)
    }

    /// Number of units that are so on some image.
    pub fn units(&self) -> usize {
        self.of_unit.iter().filter(|images| **images > 0).count()
    }

    /// These levels, and NaN where a unit has none.
    pub(super) fn levels(&self, levels: &[f32]) -> Vec<f32> {
        let level = |(&level, &images): (&f32, &u64)| if images > 0 { f32::NAN } else { level };
        levels.iter().zip(&self.of_unit).map(level).collect()
    }

    /// As tensors of a checkpoint, under this name.
    pub(super) fn tensors(&self, name: &str) -> [StateTensor; 2] {
        [
            StateTensor::new(format!("{name}.not_finite"), &self.of_unit),
            StateTensor::new(format!("{name}.not_finite_images"), &[self.images, u64::from(self.first)]),
        ]
    }

    /// Takes up what [`NotFinite::tensors`] gave.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if it is of another layer.
    pub(super) fn restore(&mut self, saved: &Saved<'_>, name: &str) -> Result<()> {
        saved.fill(&format!("{name}.not_finite"), &mut self.of_unit)?;
        let mut images = vec![0u64; 2];
        saved.fill(&format!("{name}.not_finite_images"), &mut images)?;
        (self.images, self.first) = (images[0], u32::try_from(images[1]).unwrap_or(NO_IMAGE));
        Ok(())
    }
}

/// Whether levels are the same to the bit: NaN is itself.
pub(super) fn same_levels(levels: &[f32], others: &[f32]) -> bool {
    let bits = |level: &f32| level.to_bits();
    levels.iter().map(bits).eq(others.iter().map(bits))
}

impl Merge for NotFinite {
    fn merge(&mut self, other: &NotFinite) -> Result<()> {
        if self.of_unit.len() != other.of_unit.len() {
            return Err(Error::input("counts of images of different layers do not add up"));
        }
        add(&mut self.of_unit, &other.of_unit)?;
        add(std::slice::from_mut(&mut self.images), &[other.images])?;
        self.first = self.first.min(other.first);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::laws::Sample;
    use crate::tensor::Shape;

    impl Sample for NotFinite {
        fn on(images: &[u32]) -> NotFinite {
            let mut lost = NotFinite::new(3);
            let peak = |lost: bool| if lost { f32::NAN } else { 1.0 };
            let peaks = |image: u32| [peak(image % 5 == 3), peak(image % 7 == 4), 1.0];
            images.iter().for_each(|&image| lost.insert(image, &peaks(image)));
            lost
        }

        fn strangers(_: &[u32]) -> Vec<NotFinite> {
            vec![NotFinite::new(2)]
        }
    }

    #[test]
    fn images_are_counted_by_unit_and_the_first_in_the_runs_order_is_known() {
        let mut lost = NotFinite::new(3);
        lost.insert(7, &[1.0, f32::NAN, f32::INFINITY]);
        lost.insert(2, &[1.0, f32::NAN, -1.0]);
        lost.insert(1, &[1.0, 2.0, 3.0]);
        assert_eq!((lost.of_unit.as_slice(), lost.images, lost.first_image()), (&[0, 2, 1][..], 2, Some(2)));
        assert_eq!(lost.units(), 2);
        let levels = lost.levels(&[0.5, 0.6, 0.7]);
        assert!(levels[0] == 0.5 && levels[1].is_nan() && levels[2].is_nan());
        assert_eq!(NotFinite::new(3).first_image(), None);
        // Two images of three maps of two positions: the second map of the second one is lost.
        let mut maps = HostTensor::zeros(Shape::new(2, 3, 1, 2));
        maps.data[9] = f32::NEG_INFINITY;
        lost.insert_maps(8, &maps);
        assert_eq!((lost.of_unit.as_slice(), lost.images, lost.first_image()), (&[0, 3, 1][..], 3, Some(2)));
        assert_eq!(maps.first_not_finite(), Some(1));
    }
}
