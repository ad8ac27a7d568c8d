//! Integer counts of where units fire and where they fire on a concept, and the IoU that follows.

use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::not_finite::same_levels;
use crate::error::{Error, Result};
use crate::files;
use crate::state::checkpoint::{Saved, StateTensor, values};
use crate::state::{Merge, add};

/// Counts of one layer over all images. Mergeable: two shards add up to the whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// Units of the layer.
    pub units: usize,
    /// Label numbers of the vocabulary, 0 included.
    pub labels: usize,
    /// Activation level of each unit; it fires where its upsampled activation is above. NaN for a unit without one, which is not
    /// finite on some image and for which nothing is counted.
    pub threshold: Vec<f32>,
    /// Positions at which the unit fires, `[units]`.
    pub unit_area: Vec<u64>,
    /// Positions that carry the label in any channel, `[labels]`; column 0 is not counted and stays 0.
    pub concept_area: Vec<u64>,
    /// Positions at which both hold, `[units, labels]`.
    pub intersection: Vec<u64>,
    /// All positions of all images.
    pub positions: u64,
}

impl Tally {
    /// Nothing counted yet.
    pub fn new(threshold: Vec<f32>, labels: usize) -> Tally {
        let units = threshold.len();
        Tally {
            units,
            labels,
            threshold,
            unit_area: vec![0; units],
            concept_area: vec![0; labels],
            intersection: vec![0; units * labels],
            positions: 0,
        }
    }

    /// `X / (A + n - X)`: positions of both over positions of either. `None` where there is neither.
    pub fn iou(&self, unit: usize, label: usize) -> Option<f64> {
        let both = self.intersection[unit * self.labels + label];
        let either = self.unit_area[unit] + self.concept_area[label] - both;
        (either > 0).then(|| both as f64 / either as f64)
    }

    /// Writes `tally.safetensors`: `threshold`, `unit_area`, `concept_area`, `intersection`, `positions`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let positions = [self.positions];
        let view = |name: &'static str, dtype, dims: Vec<usize>, bytes| {
            TensorView::new(dtype, dims, bytes)
                .map(|view| (name, view))
                .map_err(|error| Error::internal(error.to_string()))
        };
        let tensors = [
            view("threshold", Dtype::F32, vec![self.units], bytemuck::cast_slice(&self.threshold))?,
            view("unit_area", Dtype::U64, vec![self.units], bytemuck::cast_slice(&self.unit_area))?,
            view("concept_area", Dtype::U64, vec![self.labels], bytemuck::cast_slice(&self.concept_area))?,
            view("intersection", Dtype::U64, vec![self.units, self.labels], bytemuck::cast_slice(&self.intersection))?,
            view("positions", Dtype::U64, vec![1], bytemuck::cast_slice(&positions))?,
        ];
        let bytes = safetensors::serialize(tensors, None).map_err(|error| Error::internal(error.to_string()))?;
        files::write_atomic(path, &bytes)
    }

    /// Reads a file that [`Tally::save`] wrote.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if it is anything else.
    pub fn load(path: &Path) -> Result<Tally> {
        let bytes = files::read(path)?;
        Tally::parse(&bytes).map_err(|error| error.at(path.display()))
    }

    fn parse(bytes: &[u8]) -> Result<Tally> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| Error::input(format!("is not a tally: {error}")))?;
        let threshold: Vec<f32> = values(&file, "threshold")?;
        let (unit_area, concept_area): (Vec<u64>, Vec<u64>) =
            (values(&file, "unit_area")?, values(&file, "concept_area")?);
        let intersection: Vec<u64> = values(&file, "intersection")?;
        let positions: Vec<u64> = values(&file, "positions")?;
        let (units, labels) = (threshold.len(), concept_area.len());
        let dims = |name: &str| file.tensor(name).map(|view| view.shape().to_vec()).unwrap_or_default();
        let fits = dims("threshold") == [units]
            && dims("unit_area") == [units]
            && dims("concept_area") == [labels]
            && dims("intersection") == [units, labels];
        let &[positions] = &positions[..] else {
            return Err(Error::input(format!("{} elements; 1 needed", positions.len())).at("positions"));
        };
        if !fits || file.len() != 5 {
            return Err(Error::input("the sizes of its tensors do not agree, or there are others"));
        }
        let tally = Tally { units, labels, threshold, unit_area, concept_area, intersection, positions };
        if tally.adds_up() { Ok(tally) } else { Err(Error::input("its counts contradict each other")) }
    }

    /// As tensors of a checkpoint, under this name; the levels are kept with the quantile.
    pub(super) fn tensors(&self, name: &str) -> Vec<StateTensor> {
        vec![
            StateTensor::new(format!("{name}.unit_area"), &self.unit_area),
            StateTensor::new(format!("{name}.concept_area"), &self.concept_area),
            StateTensor::new(format!("{name}.intersection"), &self.intersection),
            StateTensor::new(format!("{name}.positions"), &[self.positions]),
        ]
    }

    /// Takes up what [`Tally::tensors`] gave.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if it is of another layer or vocabulary.
    pub(super) fn restore(&mut self, saved: &Saved<'_>, name: &str) -> Result<()> {
        saved.fill(&format!("{name}.unit_area"), &mut self.unit_area)?;
        saved.fill(&format!("{name}.concept_area"), &mut self.concept_area)?;
        saved.fill(&format!("{name}.intersection"), &mut self.intersection)?;
        self.positions = saved.value(&format!("{name}.positions"))?;
        Ok(())
    }

    /// Whether no area exceeds all positions, and no intersection the areas it is of.
    fn adds_up(&self) -> bool {
        let within = |area: &u64| *area <= self.positions;
        let row = |unit: usize| &self.intersection[unit * self.labels..][..self.labels];
        // Two areas are added up.
        self.positions <= u64::MAX / 2
            && self.unit_area.iter().all(within)
            && self.concept_area.iter().all(within)
            && self.unit_area.iter().enumerate().all(|(unit, area)| {
                row(unit).iter().zip(&self.concept_area).all(|(both, concept)| both <= area && both <= concept)
            })
    }
}

impl Merge for Tally {
    fn merge(&mut self, other: &Tally) -> Result<()> {
        if self.units != other.units || self.labels != other.labels || !same_levels(&self.threshold, &other.threshold) {
            return Err(Error::input("tallies of different layers, levels or vocabularies do not add up"));
        }
        add(&mut self.unit_area, &other.unit_area)?;
        add(&mut self.concept_area, &other.concept_area)?;
        add(&mut self.intersection, &other.intersection)?;
        add(std::slice::from_mut(&mut self.positions), &[other.positions])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::laws::Sample;

    fn tally() -> Tally {
        let mut tally = Tally::new(vec![0.5, 0.0], 3);
        tally.unit_area = vec![10, 0];
        tally.concept_area = vec![0, 20, 0];
        tally.intersection = vec![0, 5, 0, 0, 0, 0];
        tally.positions = 100;
        tally
    }

    #[test]
    fn iou_is_both_over_either_and_none_where_there_is_neither() {
        assert_eq!(tally().iou(0, 1), Some(0.2));
        assert_eq!(tally().iou(1, 1), Some(0.0));
        assert_eq!(tally().iou(1, 2), None);
    }

    /// Counts positions one by one: for each, whether each of two units fires, and its label of three.
    fn count(positions: &[(bool, bool, u8)]) -> Tally {
        let mut tally = Tally::new(vec![0.5, 0.25], 3);
        for &(first, second, label) in positions {
            let label = usize::from(label);
            tally.concept_area[label] += u64::from(label > 0);
            for (unit, fires) in [first, second].into_iter().enumerate() {
                tally.unit_area[unit] += u64::from(fires);
                tally.intersection[unit * 3 + label] += u64::from(fires && label > 0);
            }
            tally.positions += 1;
        }
        tally
    }

    impl Sample for Tally {
        /// Two positions of each image.
        fn on(images: &[u32]) -> Tally {
            let position = |image: u32| (image.is_multiple_of(2), image % 5 < 3, (image % 3) as u8);
            count(&images.iter().flat_map(|&image| [position(image), position(image / 2)]).collect::<Vec<_>>())
        }

        fn strangers(_: &[u32]) -> Vec<Tally> {
            vec![Tally::new(vec![0.5, 0.1], 3), Tally::new(vec![0.5, 0.25], 4), Tally::new(vec![0.5], 3)]
        }
    }

    #[test]
    fn counts_that_contradict_each_other_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tally.safetensors");
        let spoilt: [fn(&mut Tally); 5] = [
            |tally| tally.intersection[1] = 11,
            |tally| tally.intersection[4] = 1,
            |tally| tally.unit_area[0] = 101,
            |tally| tally.concept_area[2] = u64::MAX,
            |tally| tally.positions = 19,
        ];
        for spoil in spoilt {
            let mut tally = tally();
            spoil(&mut tally);
            tally.save(&path).unwrap();
            assert!(Tally::load(&path).unwrap_err().to_string().contains("contradict"));
        }
    }

    #[test]
    fn a_saved_tally_comes_back_and_a_broken_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tally.safetensors");
        tally().save(&path).unwrap();
        assert_eq!(Tally::load(&path).unwrap(), tally());
        let bytes = std::fs::read(&path).unwrap();
        for end in 0..bytes.len() {
            assert!(Tally::parse(&bytes[..end]).is_err());
        }
    }
}
