//! A classifier without some units of a layer: how well it still tells each class from the others.

use crate::data::pass::{Pass, Steps};
use crate::data::{ImageBatch, ImageSource, Watch};
use crate::error::{Error, Result};
use crate::session::{Edit, Split};
use crate::state::checkpoint::{Saved, StateTensor};
use crate::state::{Merge, State, add};

/// Probabilities are added up in steps of this, so that sums do not depend on their order.
const STEPS: f64 = (1u64 << 20) as f64;

/// Which units to remove, and from what the classifier sees.
pub struct Ablation<'a> {
    /// What it is called while it runs, for people.
    pub stage: &'a str,
    /// The classifier, cut behind the layer.
    pub split: &'a Split,
    /// The images, in batches that it takes.
    pub images: &'a dyn ImageSource,
    /// The class of an image by its name.
    pub class_of: &'a dyn Fn(&str) -> Option<usize>,
    /// Sets of units, each to be removed by itself.
    pub removed: &'a [Vec<u32>],
}

/// What the classifier said of all images, as it is (row 0) and without each set of units (the rows that follow).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdicts {
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
    pub fn run(&mut self, watch: &Watch<'_>) -> Result<Verdicts> {
        let (images, nothing) = (self.images, self.nothing());
        Ok(watch.run(self, images, 0..images.count(), nothing)?.found)
    }

    /// Nothing was said of any image.
    fn nothing(&self) -> Verdicts {
        let graph = self.split.session().graph();
        Verdicts::new(self.removed.len() + 1, graph.node(graph.output()).shape.len())
    }

    fn class(&self, name: &str, classes: usize) -> Result<usize> {
        let class = (self.class_of)(name).filter(|&class| class < classes);
        class.ok_or_else(|| Error::input("is of no class of the network").at(name))
    }
}

impl Pass for Ablation<'_> {
    type State = Verdicts;

    fn stage(&self) -> String {
        self.stage.to_owned()
    }

    /// The network as it is, and without each set of units.
    fn steps(&self) -> u64 {
        self.removed.len() as u64 + 1
    }

    fn look(&mut self, batch: &ImageBatch, found: &mut Verdicts, steps: &Steps<'_>) -> Result<()> {
        let n = batch.indices.len() as u32;
        let truth = batch.names.iter().map(|name| self.class(name, found.classes)).collect::<Result<Vec<_>>>()?;
        self.split.begin(&batch.input, n)?;
        // Counted beside what was found, which a stop within the batch must leave as it was.
        let mut counted = Verdicts { images: n.into(), ..self.nothing() };
        for row in 0..=self.removed.len() {
            steps.begin()?;
            let edit = (row > 0).then(|| Edit::zero(self.split.layer().c, &self.removed[row - 1]));
            self.split.images(n, edit.as_ref())?;
            let scores = self.split.read(n)?;
            if let Some(place) = scores.first_not_finite() {
                return Err(Error::input("its class scores are NaN or infinite; needed finite numbers")
                    .at(&batch.names[place])
                    .hint("check the weights and the preprocessing"));
            }
            counted.take(row, &truth, &scores.data);
            steps.end(n);
        }
        found.merge(&counted)
    }
}

impl Verdicts {
    fn new(rows: usize, classes: usize) -> Verdicts {
        let zeros = || vec![0; rows * classes];
        Verdicts {
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

    /// Sets of units to remove together, where row `u + 1` is the network without unit `u`: for each class and each size its most
    /// important units, then its least important ones. [`extreme_rows`] finds them again in what is said without them.
    pub fn extremes(&self, sizes: &[usize]) -> Vec<Vec<u32>> {
        let of_class = |class: usize| {
            let ranked = self.ranking(class);
            let ends = |&size: &usize| {
                [ranked[..size.min(ranked.len())].to_vec(), ranked[ranked.len().saturating_sub(size)..].to_vec()]
            };
            sizes.iter().flat_map(ends).collect::<Vec<_>>()
        };
        (0..self.classes).flat_map(of_class).collect()
    }
}

/// Rows without the most and without the least important units of a class, for the size at this place of so many sizes, where the
/// sets that were removed are [`Verdicts::extremes`].
pub fn extreme_rows(class: usize, place: usize, sizes: usize) -> [usize; 2] {
    // Row 0 is the network as it is.
    let most = 1 + (class * sizes + place) * 2;
    [most, most + 1]
}

impl Merge for Verdicts {
    fn merge(&mut self, other: &Verdicts) -> Result<()> {
        if (self.classes, self.predicted.len()) != (other.classes, other.predicted.len()) {
            return Err(Error::input(
                "verdicts on different classes, or without different sets of units, do not add up",
            ));
        }
        add(std::slice::from_mut(&mut self.images), &[other.images])?;
        add(&mut self.actual, &other.actual)?;
        add(&mut self.predicted, &other.predicted)?;
        add(&mut self.correct, &other.correct)?;
        add(&mut self.own, &other.own)?;
        add(&mut self.all, &other.all)
    }
}

impl State for Verdicts {
    fn tensors(&self) -> Vec<StateTensor> {
        vec![
            StateTensor::new("images", &[self.images]),
            StateTensor::new("actual", &self.actual),
            StateTensor::new("predicted", &self.predicted),
            StateTensor::new("correct", &self.correct),
            StateTensor::new("own", &self.own),
            StateTensor::new("all", &self.all),
        ]
    }

    fn restore(&mut self, saved: &Saved<'_>) -> Result<()> {
        self.images = saved.value("images")?;
        saved.fill("actual", &mut self.actual)?;
        saved.fill("predicted", &mut self.predicted)?;
        saved.fill("correct", &mut self.correct)?;
        saved.fill("own", &mut self.own)?;
        saved.fill("all", &mut self.all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::laws::Sample;

    impl Sample for Verdicts {
        fn on(images: &[u32]) -> Verdicts {
            let mut verdicts = Verdicts::new(2, 3);
            let truth: Vec<usize> = images.iter().map(|&image| image as usize % 3).collect();
            for row in 0..2 {
                let score = |image: u32, class: u32| (image * (row + 2) % (5 - class)) as f32;
                let scores = images.iter().flat_map(|&image| (0..3).map(move |class| score(image, class)));
                verdicts.take(row as usize, &truth, &scores.collect::<Vec<_>>());
            }
            verdicts.images = images.len() as u64;
            verdicts
        }

        fn strangers(_: &[u32]) -> Vec<Verdicts> {
            // The second has as many numbers.
            vec![Verdicts::new(3, 3), Verdicts::new(3, 2)]
        }
    }

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
        let extremes = verdicts.extremes(&[1, 2]);
        assert_eq!(extremes[..4], [vec![1], vec![0], vec![1, 2], vec![2, 0]]);
        assert_eq!(extremes.len(), 3 * 2 * 2);
        assert_eq!([extreme_rows(0, 1, 2), extreme_rows(1, 0, 2)], [[3, 4], [5, 6]]);
    }
}
