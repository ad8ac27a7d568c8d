//! Images without some units: how many pixels of each label are lost as the first units of a ranking are switched off.

use super::statistics::{Moments, label_counts, standard_errors};
use crate::concepts::{ConceptSource, MadeImages};
use crate::data::pass::{Pass, Steps};
use crate::data::{ImageBatch, ImageSource, Watch};
use crate::error::{Error, Result};
use crate::session::{Edit, Split};
use crate::state::checkpoint::{Saved, StateTensor};
use crate::state::{Merge, State, add};

/// What to remove, from which images.
pub struct Removal<'a> {
    /// The generator; it takes batches of the latents' size.
    pub split: &'a Split,
    /// The latents.
    pub latents: &'a dyn ImageSource,
    /// Where label maps come from.
    pub concepts: &'a dyn ConceptSource,
    /// Rows and columns on which pixels are counted.
    pub grid: (u32, u32),
    /// Units in the order in which they are removed: none, the first, the first two, to all of them.
    pub units: &'a [u32],
}

/// Pixels of each label, over all channels of the label maps, summed over images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovalCounts {
    /// Images counted.
    pub images: u64,
    /// Pixels of each image as it is.
    pub baseline: Moments,
    /// For one unit removed, two, and so on: pixels after less pixels before, of each image.
    pub change: Vec<Moments>,
}

/// A concept's loss at one number of removed units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loss {
    /// Units removed.
    pub units: usize,
    /// Pixels lost as a share of those of images as they are: `-mean change / mean baseline`.
    pub share: f64,
    /// Lower and upper end of the share: [`standard_errors`] of the change to either side; none for a single image.
    pub band: Option<(f64, f64)>,
}

impl Removal<'_> {
    /// Runs all latents, from where a checkpoint of the same job stands.
    ///
    /// # Errors
    /// [`crate::error::Kind::Interrupted`] if stopped, after writing a checkpoint; what the concept source and the device report.
    ///
    /// # Source
    /// Figure 4A of Bau et al., PNAS 2020.
    pub fn run(&mut self, watch: &Watch<'_>) -> Result<RemovalCounts> {
        let nothing = RemovalCounts::new(self.concepts.vocabulary().len(), self.units.len());
        let latents = self.latents;
        Ok(watch.run(self, latents, 0..latents.count(), nothing)?.found)
    }
}

impl Pass for Removal<'_> {
    type State = RemovalCounts;

    fn stage(&self) -> String {
        "removing".to_owned()
    }

    /// The image as it is, and with ever more units removed.
    fn steps(&self) -> u64 {
        self.units.len() as u64 + 1
    }

    fn look(&mut self, batch: &ImageBatch, found: &mut RemovalCounts, steps: &Steps<'_>) -> Result<()> {
        let (n, labels) = (batch.indices.len() as u32, self.concepts.vocabulary().len());
        self.split.begin(&batch.input, n)?;
        // Counted beside what was found, which a stop within the batch must leave as it was.
        let mut counted: Vec<Vec<Vec<i64>>> = Vec::with_capacity(self.units.len() + 1);
        for removed in 0..=self.units.len() {
            steps.begin()?;
            let edit = (removed > 0).then(|| Edit::zero(self.split.layer().c, &self.units[..removed]));
            self.split.images(n, edit.as_ref())?;
            let origins = if removed == 0 { batch.origins.as_slice() } else { &[] };
            let made = MadeImages::by(self.split, &batch.names, origins)?;
            let maps = self.concepts.label_maps_on_device(self.split.session().gpu(), &made, self.grid)?;
            counted.push(maps.iter().map(|maps| label_counts(maps, labels)).collect::<Result<_>>()?);
            steps.end(n);
        }
        found.take(&counted)?;
        found.images += u64::from(n);
        Ok(())
    }
}

impl RemovalCounts {
    /// Nothing counted yet, for `units` units in all.
    fn new(labels: usize, units: usize) -> RemovalCounts {
        RemovalCounts { images: 0, baseline: Moments::new(labels), change: vec![Moments::new(labels); units] }
    }

    /// Takes in the counts of a batch: first those of the images as they are.
    fn take(&mut self, counted: &[Vec<Vec<i64>>]) -> Result<()> {
        let Some((baseline, removed)) = counted.split_first() else { return Ok(()) };
        baseline.iter().try_for_each(|counts| self.baseline.add(counts.iter().copied()))?;
        for (change, after) in self.change.iter_mut().zip(removed) {
            for (after, before) in after.iter().zip(baseline) {
                change.add(after.iter().zip(before).map(|(after, before)| after - before))?;
            }
        }
        Ok(())
    }

    /// How a label fades with the number of removed units, none removed first; nothing if no image has it.
    pub fn losses(&self, label: usize) -> Option<Vec<Loss>> {
        let baseline = self.baseline.mean(label, self.images).filter(|mean| *mean > 0.0)?;
        let loss = |(position, change): (usize, &Moments)| {
            let share = -change.mean(label, self.images)? / baseline;
            let error = change.standard_error(label, self.images).zip(standard_errors(self.images));
            let half = error.map(|(error, errors)| errors * error / baseline);
            Some(Loss { units: position + 1, share, band: half.map(|half| (share - half, share + half)) })
        };
        let none = Loss { units: 0, share: 0.0, band: (self.images > 1).then_some((0.0, 0.0)) };
        std::iter::once(Some(none)).chain(self.change.iter().enumerate().map(loss)).collect()
    }
}

impl Merge for RemovalCounts {
    fn merge(&mut self, other: &RemovalCounts) -> Result<()> {
        if self.change.len() != other.change.len() {
            return Err(Error::input("removals of different numbers of units do not add up"));
        }
        add(std::slice::from_mut(&mut self.images), &[other.images])?;
        self.baseline.merge(&other.baseline)?;
        self.change.iter_mut().zip(&other.change).try_for_each(|(change, other)| change.merge(other))
    }
}

impl State for RemovalCounts {
    fn tensors(&self) -> Vec<StateTensor> {
        let mut tensors = vec![StateTensor::new("images", &[self.images])];
        tensors.extend(self.baseline.tensors("baseline"));
        for (position, change) in self.change.iter().enumerate() {
            tensors.extend(change.tensors(&format!("change.{}", position + 1)));
        }
        tensors
    }

    fn restore(&mut self, saved: &Saved<'_>) -> Result<()> {
        self.images = saved.value("images")?;
        self.baseline.restore(saved, "baseline")?;
        let mut changes = self.change.iter_mut().enumerate();
        changes.try_for_each(|(position, change)| change.restore(saved, &format!("change.{}", position + 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::laws::Sample;

    impl Sample for RemovalCounts {
        fn on(images: &[u32]) -> RemovalCounts {
            let mut counts = RemovalCounts::new(3, 2);
            let pixels = |image: u32, removed: u32| vec![0, i64::from(50 + image * (3 - removed)), i64::from(removed)];
            let rows = (0..3).map(|removed| images.iter().map(|&image| pixels(image, removed)).collect());
            counts.take(&rows.collect::<Vec<_>>()).unwrap();
            counts.images = images.len() as u64;
            counts
        }

        fn strangers(_: &[u32]) -> Vec<RemovalCounts> {
            vec![RemovalCounts::new(3, 3), RemovalCounts::new(4, 2)]
        }
    }

    fn counts() -> RemovalCounts {
        let mut counts = RemovalCounts { images: 2, ..RemovalCounts::new(3, 2) };
        let image = |none: i64, one: i64, two: i64| [vec![0, none, 0], vec![0, one, 0], vec![0, two, 4]];
        let [first, second] = [image(100, 90, 50), image(60, 62, 30)];
        let joined: Vec<Vec<Vec<i64>>> = first.into_iter().zip(second).map(|(a, b)| vec![a, b]).collect();
        counts.take(&joined).unwrap();
        counts
    }

    #[test]
    fn losses_are_shares_of_the_baseline_with_bands_of_the_change() {
        let losses = counts().losses(1).unwrap();
        assert_eq!(
            losses.iter().map(|loss| (loss.units, loss.share)).collect::<Vec<_>>(),
            [(0, 0.0), (1, 0.05), (2, 0.5)]
        );
        // Changes -10 and 2: deviation 8.485, standard error 6; the baseline is 80. Of two images, 63.657 standard errors hold the mean.
        let (low, high) = losses[1].band.unwrap();
        assert!(
            (low - (0.05 - 63.657 * 6.0 / 80.0)).abs() < 1e-4 && (high - (0.05 + 63.657 * 6.0 / 80.0)).abs() < 1e-4
        );
        assert_eq!(counts().losses(2), None, "nothing to lose");
        assert_eq!(counts().change[1].sum, [0, -80, 8]);
    }
}
