//! Images with units set where they were not: how many pixels of a concept appear, and in which surroundings.

use std::collections::BTreeMap;

use rand_mt::Mt;
use sha2::{Digest, Sha256};

use super::Sweep;
use super::statistics::{Groups, Moments, label_counts};
use crate::concepts::{ConceptSource, LabelMaps, MadeImages};
use crate::data::pass::{Pass, Steps};
use crate::data::{ImageBatch, ImageSource, Watch};
use crate::error::{Error, Result};
use crate::session::Split;
use crate::state::checkpoint::{Saved, StateTensor};
use crate::state::{Merge, State, add, beyond_64_bits};

/// Changes remembered for pictures.
const REMEMBERED: usize = 8;

/// What to insert, and where.
pub struct Insertion<'a> {
    /// The generator; it keeps what [`super::sweep::kept`] names.
    pub split: &'a Split,
    /// What makes its images with edits.
    pub sweep: &'a mut Sweep,
    /// The latents, one at a time.
    pub latents: &'a dyn ImageSource,
    /// Where label maps come from.
    pub concepts: &'a dyn ConceptSource,
    /// Rows and columns on which pixels are counted.
    pub grid: (u32, u32),
    /// Label of the concept.
    pub label: usize,
    /// Units of the layer, each with what it is set to at one position.
    pub units: &'a [(u32, f32)],
    /// Positions of the layer's map that are tried.
    pub positions: Positions,
}

/// Which positions of a layer's map are tried in each image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// Every one.
    All,
    /// So many, drawn without replacement: which ones depends on the seed and the image's name.
    Drawn {
        /// Positions of each image.
        count: u32,
        /// Seed.
        seed: u32,
    },
}

/// Changes of all samples (an image and a position) that share a surrounding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surrounding {
    /// Samples.
    pub samples: u64,
    /// Pixels after less pixels before, of each label.
    pub change: Moments,
    /// The concept's change, by image: samples of one image are not independent.
    pub concept: Groups,
}

/// The pixels that a concept gains by units set at one position: worth a picture where they are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gain {
    /// New pixels of the concept.
    pub pixels: i64,
    /// Position of the image in the run's order.
    pub image: u32,
    /// Position of the layer's map, row by row.
    pub position: u32,
}

/// Pixels of each label, over all channels of the label maps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsertionCounts {
    /// Images counted.
    pub images: u64,
    /// Pixels of each image as it is.
    pub baseline: Moments,
    /// By label of the surrounding; 0 holds every sample.
    pub surroundings: BTreeMap<u16, Surrounding>,
    /// Samples of each position of the layer's map.
    pub samples_at: Vec<u64>,
    /// New pixels of the concept, summed over the samples of each position.
    pub change_at: Vec<i64>,
    /// For the images with the largest changes, that change: largest first, then first image first.
    pub largest: Vec<Gain>,
}

impl Positions {
    /// Positions tried in the image of this name, of `of`, in order.
    pub fn of_image(self, name: &str, of: u32) -> Vec<u32> {
        let Positions::Drawn { count, seed } = self else { return (0..of).collect() };
        let hash = Sha256::digest(format!("{seed}/{name}"));
        let mut numbers = Mt::new(u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]]));
        let mut positions: Vec<u32> = (0..of).collect();
        let count = count.min(of);
        for place in 0..count {
            let other = place + numbers.next_u32() % (of - place);
            positions.swap(place as usize, other as usize);
        }
        positions.truncate(count as usize);
        positions.sort_unstable();
        positions
    }
}

impl Insertion<'_> {
    /// Runs all latents, from where a checkpoint of the same job stands.
    ///
    /// For each image the units are set at one position after the other. A sample's surroundings are the labels that the image
    /// had, in any channel, at the centre of that position's cell.
    ///
    /// # Errors
    /// [`crate::error::Kind::Interrupted`] if stopped, after writing a checkpoint; what the concept source and the device report.
    ///
    /// # Source
    /// Figure 4D of Bau et al., PNAS 2020.
    pub fn run(&mut self, watch: &Watch<'_>) -> Result<InsertionCounts> {
        let nothing = InsertionCounts::new(self.concepts.vocabulary().len(), self.split.layer().positions());
        let latents = self.latents;
        Ok(watch.run(self, latents, 0..latents.count(), nothing)?.found)
    }
}

impl Pass for Insertion<'_> {
    type State = InsertionCounts;

    fn stage(&self) -> String {
        "inserting".to_owned()
    }

    /// The image as it is, and with the units set at each position.
    fn steps(&self) -> u64 {
        self.positions.of_image("", self.split.layer().positions()).len() as u64 + 1
    }

    fn look(&mut self, batch: &ImageBatch, found: &mut InsertionCounts, steps: &Steps<'_>) -> Result<()> {
        let ([name], [image]) = (&batch.names[..], &batch.indices[..]) else {
            return Err(Error::internal("latents come one at a time"));
        };
        let (layer, labels) = (self.split.layer(), self.concepts.vocabulary().len());
        let positions = self.positions.of_image(name, layer.positions());
        self.split.begin(&batch.input, 1)?;
        self.split.images(1, None)?;
        let gpu = self.split.session().gpu();
        let made = MadeImages::by(self.split, &batch.names, &batch.origins)?;
        let before = self.concepts.label_maps_on_device(gpu, &made, self.grid)?;
        let [before] = &before[..] else { return Err(Error::internal("no label map came back")) };
        // Counted beside what was found, which a stop within the image must leave as it was.
        let mut counts = vec![label_counts(before, labels)?];
        steps.end(1);
        for chunk in positions.chunks(self.sweep.batch() as usize) {
            steps.begin()?;
            self.sweep.images(self.units, chunk)?;
            let (names, n) = (vec![name.clone(); chunk.len()], chunk.len() as u32);
            let (buffer, shape) = self.sweep.made(n);
            let made = MadeImages { names: &names, origins: &[], buffer, shape };
            let maps = self.concepts.label_maps_on_device(gpu, &made, self.grid)?;
            for maps in &maps {
                counts.push(label_counts(maps, labels)?);
            }
            steps.end(n);
        }
        let around: Vec<Vec<u16>> =
            positions.iter().map(|&position| labels_at(before, position, (layer.h, layer.w))).collect();
        found.take(*image, self.label, &positions, &around, &counts)
    }
}

/// Labels, in any channel, at the centre of a cell of a map of `(h, w)` cells; each once, in order.
fn labels_at(maps: &LabelMaps, position: u32, (h, w): (u32, u32)) -> Vec<u16> {
    // The centre of an even number of pixels lies between two: the later one is taken.
    let centre = |cell: u32, cells: u32, pixels: u32| ((2 * cell + 1) * pixels / (2 * cells)) as usize;
    let (row, column) = (centre(position / w, h, maps.h), centre(position % w, w, maps.w));
    let area = (maps.h * maps.w) as usize;
    let mut labels: Vec<u16> =
        maps.labels.chunks_exact(area).map(|channel| channel[row * maps.w as usize + column]).collect();
    labels.retain(|&label| label > 0);
    labels.sort_unstable();
    labels.dedup();
    labels
}

impl InsertionCounts {
    fn new(labels: usize, cells: u32) -> InsertionCounts {
        InsertionCounts {
            images: 0,
            baseline: Moments::new(labels),
            surroundings: BTreeMap::from([(0, Surrounding::new(labels))]),
            samples_at: vec![0; cells as usize],
            change_at: vec![0; cells as usize],
            largest: Vec::new(),
        }
    }

    /// Takes in an image: its counts as it is and with each position set, and what surrounds each position.
    fn take(
        &mut self,
        image: u32,
        label: usize,
        positions: &[u32],
        around: &[Vec<u16>],
        counts: &[Vec<i64>],
    ) -> Result<()> {
        let Some((before, after)) = counts.split_first() else { return Ok(()) };
        self.images += 1;
        self.baseline.add(before.iter().copied())?;
        let labels = before.len();
        let mut groups: BTreeMap<u16, (i64, u64)> = BTreeMap::new();
        let mut largest: Option<Gain> = None;
        for ((&position, around), after) in positions.iter().zip(around).zip(after) {
            let pixels = after[label] - before[label];
            self.samples_at[position as usize] += 1;
            self.change_at[position as usize] += pixels;
            for &surrounding in std::iter::once(&0).chain(around) {
                let known = self.surroundings.entry(surrounding).or_insert_with(|| Surrounding::new(labels));
                known.samples += 1;
                known.change.add(after.iter().zip(before).map(|(after, before)| after - before))?;
                let group = groups.entry(surrounding).or_default();
                *group = (group.0 + pixels, group.1 + 1);
            }
            if largest.is_none_or(|known| pixels > known.pixels) {
                largest = Some(Gain { pixels, image, position });
            }
        }
        for (surrounding, (sum, count)) in groups {
            if let Some(known) = self.surroundings.get_mut(&surrounding) {
                known.concept.add(sum, count)?;
            }
        }
        self.remember(largest);
        Ok(())
    }

    /// Takes in gains, of each image at most one.
    fn remember(&mut self, gains: impl IntoIterator<Item = Gain>) {
        self.largest.extend(gains);
        self.largest.sort_by_key(|gain| (std::cmp::Reverse(gain.pixels), gain.image));
        self.largest.truncate(REMEMBERED);
    }
}

impl Surrounding {
    fn new(labels: usize) -> Surrounding {
        Surrounding { samples: 0, change: Moments::new(labels), concept: Groups::default() }
    }
}

impl Merge for Surrounding {
    fn merge(&mut self, other: &Surrounding) -> Result<()> {
        add(std::slice::from_mut(&mut self.samples), &[other.samples])?;
        self.change.merge(&other.change)?;
        self.concept.merge(&other.concept)
    }
}

impl Merge for InsertionCounts {
    fn merge(&mut self, other: &InsertionCounts) -> Result<()> {
        if self.change_at.len() != other.change_at.len() {
            return Err(Error::input("insertions into maps of different sizes do not add up"));
        }
        add(std::slice::from_mut(&mut self.images), &[other.images])?;
        self.baseline.merge(&other.baseline)?;
        let labels = self.baseline.sum.len();
        for (&label, other) in &other.surroundings {
            self.surroundings.entry(label).or_insert_with(|| Surrounding::new(labels)).merge(other)?;
        }
        add(&mut self.samples_at, &other.samples_at)?;
        for (sum, &change) in self.change_at.iter_mut().zip(&other.change_at) {
            *sum = sum.checked_add(change).ok_or_else(beyond_64_bits)?;
        }
        self.remember(other.largest.iter().copied());
        Ok(())
    }
}

impl State for InsertionCounts {
    fn tensors(&self) -> Vec<StateTensor> {
        let keys: Vec<u32> = self.surroundings.keys().copied().map(u32::from).collect();
        let samples: Vec<u64> = self.surroundings.values().map(|known| known.samples).collect();
        let groups: Vec<i64> = self.surroundings.values().flat_map(|known| known.concept.parts()).collect();
        let largest: Vec<i64> = self
            .largest
            .iter()
            .flat_map(|gain| [gain.pixels, i64::from(gain.image), i64::from(gain.position)])
            .collect();
        let mut tensors = vec![
            StateTensor::new("images", &[self.images]),
            StateTensor::new("samples_at", &self.samples_at),
            StateTensor::new("change_at", &self.change_at),
            StateTensor::new("largest", &largest),
            StateTensor::new("surroundings", &keys),
            StateTensor::new("samples", &samples),
            StateTensor::new("groups", &groups),
        ];
        tensors.extend(self.baseline.tensors("baseline"));
        for (key, known) in &self.surroundings {
            tensors.extend(known.change.tensors(&format!("change.{key}")));
        }
        tensors
    }

    fn restore(&mut self, saved: &Saved<'_>) -> Result<()> {
        let strange = || Error::input("its lists do not go together");
        self.images = saved.value("images")?;
        self.baseline.restore(saved, "baseline")?;
        saved.fill("samples_at", &mut self.samples_at)?;
        saved.fill("change_at", &mut self.change_at)?;
        let largest: Vec<i64> = saved.values("largest")?;
        let narrow = |value: i64| u32::try_from(value).map_err(|_| strange());
        let gain =
            |three: &[i64; 3]| Ok(Gain { pixels: three[0], image: narrow(three[1])?, position: narrow(three[2])? });
        self.largest = largest.as_chunks().0.iter().map(gain).collect::<Result<_>>()?;
        let keys: Vec<u32> = saved.values("surroundings")?;
        let samples: Vec<u64> = saved.values("samples")?;
        let groups: Vec<i64> = saved.values("groups")?;
        let groups = groups.as_chunks().0;
        if (samples.len(), groups.len()) != (keys.len(), keys.len()) {
            return Err(strange());
        }
        let labels = self.baseline.sum.len();
        for ((key, samples), groups) in keys.into_iter().zip(samples).zip(groups) {
            let mut known = Surrounding { samples, concept: Groups::of_parts(*groups), ..Surrounding::new(labels) };
            known.change.restore(saved, &format!("change.{key}"))?;
            self.surroundings.insert(u16::try_from(key).map_err(|_| strange())?, known);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::laws::Sample;

    impl Sample for InsertionCounts {
        /// Two positions of each image, amid labels of which some are met in few images; more images than are remembered.
        fn on(images: &[u32]) -> InsertionCounts {
            let mut counts = InsertionCounts::new(4, 4);
            for &image in images {
                let around = [vec![1 + (image % 3) as u16], vec![20 + image as u16 / 2]];
                let pixels = |gain: u32| vec![0, 10 + i64::from(gain), 5, i64::from(image)];
                let pixels = [pixels(0), pixels(image % 7), pixels(image % 4)];
                counts.take(image, 1, &[image % 2, 2 + image % 2], &around, &pixels).unwrap();
            }
            counts
        }

        fn strangers(_: &[u32]) -> Vec<InsertionCounts> {
            vec![InsertionCounts::new(4, 5), InsertionCounts::new(5, 4)]
        }
    }

    #[test]
    fn drawn_positions_are_a_fixed_part_that_differs_by_image_and_seed() {
        let drawn = |count, seed, name: &str| Positions::Drawn { count, seed }.of_image(name, 64);
        assert_eq!(Positions::All.of_image("7", 4), [0, 1, 2, 3]);
        assert_eq!(drawn(64, 1, "7"), Positions::All.of_image("7", 64));
        assert_eq!(drawn(99, 1, "7").len(), 64);
        let some = drawn(16, 1, "7");
        assert!(some.len() == 16 && some.windows(2).all(|pair| pair[0] < pair[1]), "{some:?}");
        assert_eq!(some, drawn(16, 1, "7"));
        assert_ne!(some, drawn(16, 2, "7"));
        assert_ne!(some, drawn(16, 1, "8"));
        // Every position has its turn.
        let mut met = [0; 64];
        (0..400).flat_map(|image: u32| drawn(16, 1, &image.to_string())).for_each(|at| met[at as usize] += 1);
        assert!(met.iter().all(|&count| (60..140).contains(&count)), "{met:?}");
    }

    #[test]
    fn surroundings_are_read_at_the_later_middle_pixel_of_a_cell() {
        let mut maps = LabelMaps { channels: 2, h: 64, w: 64, labels: vec![0; 2 * 64 * 64] };
        maps.labels[(8 * 2 + 4) * 64 + 8 * 5 + 4] = 9;
        maps.labels[64 * 64 + (8 * 2 + 4) * 64 + 8 * 5 + 4] = 4;
        assert_eq!(labels_at(&maps, 2 * 8 + 5, (8, 8)), [4, 9]);
        assert_eq!(labels_at(&maps, 2 * 8 + 4, (8, 8)), [0u16; 0]);
    }

    #[test]
    fn a_sample_counts_for_everything_around_it_and_an_image_is_one_group() {
        let mut counts = InsertionCounts::new(4, 4);
        // Two positions: the first amid labels 2 and 3, the second amid 2.
        let (before, first, second) = (vec![0, 10, 5, 0], vec![0, 14, 3, 0], vec![0, 11, 5, 0]);
        counts.take(6, 1, &[1, 3], &[vec![2, 3], vec![2]], &[before, first, second]).unwrap();
        let of = |label: u16| &counts.surroundings[&label];
        assert_eq!((of(0).samples, of(2).samples, of(3).samples), (2, 2, 1));
        assert_eq!((of(2).change.sum[1], of(3).change.sum[1], of(3).change.sum[2]), (5, 4, -2));
        assert_eq!((of(2).concept.groups, of(2).concept.values, of(2).concept.sum_squares), (1, 2, 25));
        assert_eq!((&counts.change_at[..], &counts.samples_at[..]), (&[0, 4, 0, 1][..], &[0, 1, 0, 1][..]));
        assert_eq!(counts.largest, [Gain { pixels: 4, image: 6, position: 1 }]);
        assert_eq!((counts.images, counts.baseline.sum[1]), (1, 10));
    }
}
