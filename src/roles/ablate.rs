//! A classifier without some units of a layer: how well it still tells each class from the others.

use std::time::Instant;

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use super::watch::State;
use super::{Split, Watch};
use crate::data::ImageSource;
use crate::dissect::sealed::{Owned, owned};
use crate::dissect::tally::tensor;
use crate::error::{Error, Result};
use crate::session::Edit;

/// Probabilities are added up in steps of this, so that sums do not depend on their order.
const STEPS: f64 = (1u64 << 20) as f64;

/// Which units to remove, and from what the classifier sees.
pub struct Ablation<'a> {
    /// The classifier, cut behind the layer.
    pub split: Split<'a>,
    /// The images, in batches that both parts take.
    pub images: &'a dyn ImageSource,
    /// The class of an image by its name.
    pub class_of: &'a dyn Fn(&str) -> Option<usize>,
    /// Sets of units, each to be removed by itself.
    pub removed: &'a [Vec<u32>],
}

/// What the classifier said of all images, as it is (row 0) and without each set of units (the rows that follow).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdicts {
    /// First image that was not counted.
    pub next: u32,
    /// Images counted.
    pub images: u64,
    classes: usize,
    /// Images of each class.
    actual: Vec<u64>,
    /// Images taken for each class, `[rows, classes]`.
    predicted: Vec<u64>,
    /// Images rightly taken for each class.
    correct: Vec<u64>,
    /// Probability of each class, summed over its own images, in 2^-20.
    own: Vec<u64>,
    /// Probability of each class, summed over all images.
    all: Vec<u64>,
}

impl Ablation<'_> {
    /// Runs all images, from where a checkpoint of the same job stands. The layer is computed once for each image, what follows it
    /// once for each set of units.
    ///
    /// # Errors
    /// [`crate::error::Kind::Interrupted`] if stopped, after writing a checkpoint; [`crate::error::Kind::Input`] if an image has no
    /// class; else what the device reports.
    ///
    /// # Source
    /// Figure 2 of Bau et al., PNAS 2020.
    pub fn run(&mut self, stage: &str, watch: &Watch<'_>) -> Result<Verdicts> {
        let graph = self.split.tail.graph();
        let classes = graph.node(graph.output()).shape.len();
        let edits: Vec<Edit> = self.removed.iter().map(|units| Edit::zero(self.split.layer().c, units)).collect();
        let mut state = Verdicts::new(edits.len() + 1, classes);
        watch.resume(&mut state);
        let rows = edits.len() as u64 + 1;
        watch.progress.stage(stage, u64::from(self.images.count()) * rows);
        watch.progress.advance(u64::from(state.next) * rows);
        let mut saved = Instant::now();
        for batch in self.images.batches(state.next..self.images.count()) {
            let batch = batch?;
            let n = batch.indices.len() as u32;
            if n > 0 {
                let truth = batch.names.iter().map(|name| self.class(name, classes)).collect::<Result<Vec<_>>>()?;
                let places: Vec<u32> = (0..n).collect();
                self.split.begin(&batch.input, n)?;
                // Counted beside the state, which a stop within the batch must find as it was.
                let mut counted = state.clone();
                for (row, edit) in std::iter::once(None).chain(edits.iter().map(Some)).enumerate() {
                    watch.check(&state)?;
                    self.split.images(&places, edit)?;
                    counted.take(row, &truth, &self.split.read(n)?.data);
                    watch.progress.advance(n.into());
                }
                state = counted;
            }
            state.images += u64::from(n);
            state.next = batch.next;
            watch.pause(&mut saved, &state)?;
        }
        watch.save(&state)?;
        Ok(state)
    }

    fn class(&self, name: &str, classes: usize) -> Result<usize> {
        let class = (self.class_of)(name).filter(|&class| class < classes);
        class.ok_or_else(|| Error::input("is of no class of the network").at(name))
    }
}

impl Verdicts {
    fn new(rows: usize, classes: usize) -> Verdicts {
        let zeros = || vec![0; rows * classes];
        Verdicts {
            next: 0,
            images: 0,
            classes,
            actual: vec![0; classes],
            predicted: zeros(),
            correct: zeros(),
            own: zeros(),
            all: zeros(),
        }
    }

    /// Takes in the scores `[images, classes]` of images of these classes.
    fn take(&mut self, row: usize, truth: &[usize], scores: &[f32]) {
        let row = row * self.classes;
        for (&truth, scores) in truth.iter().zip(scores.chunks_exact(self.classes)) {
            let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let said = scores.iter().position(|&score| score == most).unwrap_or(0);
            let sum: f64 = scores.iter().map(|&score| f64::from(score - most).exp()).sum();
            let share = |score: f32| (f64::from(score - most).exp() / sum * STEPS).round() as u64;
            self.predicted[row + said] += 1;
            self.correct[row + said] += u64::from(said == truth);
            self.own[row + truth] += share(scores[truth]);
            scores.iter().enumerate().for_each(|(class, &score)| self.all[row + class] += share(score));
            self.actual[truth] += u64::from(row == 0);
        }
    }

    /// Classes of the network.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Images of a class.
    pub fn actual(&self, class: usize) -> u64 {
        self.actual[class]
    }

    /// Balanced accuracy of a class: the mean of the share of its images that are taken for it and of the share of all others that
    /// are not. `None` without images of either kind.
    pub fn balanced(&self, row: usize, class: usize) -> Option<f64> {
        let at = row * self.classes + class;
        let (own, others) = (self.actual[class], self.images - self.actual[class]);
        let mistaken = self.predicted[at] - self.correct[at];
        (own > 0 && others > 0)
            .then(|| (self.correct[at] as f64 / own as f64 + (others - mistaken) as f64 / others as f64) / 2.0)
    }

    /// Share of all images whose class is said.
    pub fn accuracy(&self, row: usize) -> f64 {
        let correct: u64 = self.correct[row * self.classes..][..self.classes].iter().sum();
        correct as f64 / self.images.max(1) as f64
    }

    /// As [`Verdicts::balanced`], with probabilities in place of what is said: it tells units apart whose removal turns no answer.
    fn expected(&self, row: usize, class: usize) -> f64 {
        let at = row * self.classes + class;
        let (own, others) = (self.actual[class].max(1), (self.images - self.actual[class]).max(1));
        self.own[at] as f64 / own as f64 - (self.all[at] - self.own[at]) as f64 / others as f64
    }

    /// Units by their importance for a class where row `u + 1` is the network without unit `u`: most damaging first, by balanced
    /// accuracy, then by the probabilities behind it, then by number.
    pub fn ranking(&self, class: usize) -> Vec<u32> {
        let units = (self.predicted.len() / self.classes).saturating_sub(1);
        let mut ranked: Vec<usize> = (0..units).collect();
        let said = |unit: usize| self.balanced(unit + 1, class).unwrap_or(0.0);
        ranked.sort_by(|&a, &b| {
            let likely = || self.expected(a + 1, class).total_cmp(&self.expected(b + 1, class));
            said(a).total_cmp(&said(b)).then_with(likely)
        });
        ranked.into_iter().map(|unit| unit as u32).collect()
    }
}

impl State for Verdicts {
    fn tensors(&self) -> Vec<Owned> {
        vec![
            owned("at", Dtype::U64, &[u64::from(self.next), self.images]),
            owned("actual", Dtype::U64, &self.actual),
            owned("predicted", Dtype::U64, &self.predicted),
            owned("correct", Dtype::U64, &self.correct),
            owned("own", Dtype::U64, &self.own),
            owned("all", Dtype::U64, &self.all),
        ]
    }

    fn restore(&mut self, file: &SafeTensors<'_>) -> Result<()> {
        let at: Vec<u64> = tensor(file, "at", Dtype::U64)?;
        let [next, images] = at[..] else { return Err(Error::input("it does not say where it stands")) };
        self.next = u32::try_from(next).map_err(|_| Error::input("it stands beyond all images"))?;
        self.images = images;
        let all = [
            ("actual", &mut self.actual),
            ("predicted", &mut self.predicted),
            ("correct", &mut self.correct),
            ("own", &mut self.own),
            ("all", &mut self.all),
        ];
        for (name, counts) in all {
            let read: Vec<u64> = tensor(file, name, Dtype::U64)?;
            if read.len() != counts.len() {
                return Err(Error::input("it is of another size").at(name));
            }
            *counts = read;
        }
        Ok(())
    }

    fn next(&self) -> u32 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_accuracy_and_ranking_follow_from_what_is_said() {
        // Two images of class 0, one each of 1 and 2; as it is, and without each of three units.
        let truth = [0, 0, 1, 2];
        let mut verdicts = Verdicts::new(4, 3);
        let say = |said: [usize; 4], sure: f32| -> Vec<f32> {
            said.iter().flat_map(|&said| (0..3).map(move |class| if class == said { sure } else { 0.0 })).collect()
        };
        verdicts.take(0, &truth, &say([0, 0, 1, 2], 9.0));
        verdicts.take(1, &truth, &say([0, 0, 1, 2], 2.0));
        verdicts.take(2, &truth, &say([1, 0, 0, 2], 9.0));
        verdicts.take(3, &truth, &say([0, 0, 1, 2], 1.0));
        verdicts.images = 4;
        assert_eq!([verdicts.balanced(0, 0), verdicts.balanced(2, 0)], [Some(1.0), Some(0.5)]);
        assert_eq!(verdicts.balanced(2, 1), Some((0.0 + 2.0 / 3.0) / 2.0));
        assert_eq!([verdicts.accuracy(0), verdicts.accuracy(2)], [1.0, 0.5]);
        // Unit 1 turns answers; of the others unit 2 leaves the less sure network.
        assert_eq!(verdicts.ranking(0), [1, 2, 0]);
    }
}
