//! One unit's peak as a detector: is the concept in the image?

use crate::concepts::{ConceptSource, LabelMaps, MadeImages};
use crate::data::pass::{Pass, Steps};
use crate::data::{ImageBatch, ImageSource, Watch};
use crate::error::{Error, Result};
use crate::gpu::{Buffer, Programs};
use crate::kernels::peak::peak;
use crate::session::{Session, Split};
use crate::state::checkpoint::{Saved, StateTensor};
use crate::state::{Merge, State};

/// When a concept counts as present in an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Presence {
    /// Label number.
    pub label: usize,
    /// Channel of the label maps that is looked at; all of them if there is none.
    pub channel: Option<u32>,
    /// Share of its positions that must be exceeded: 0.05 in the reference.
    pub share: f64,
}

impl Presence {
    /// Whether the label is in an image. A label in two channels of a position counts once.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if the label maps have no such channel.
    pub fn of(&self, maps: &LabelMaps) -> Result<bool> {
        let positions = (maps.h * maps.w) as usize;
        let channels: Vec<&[u16]> = match self.channel {
            None => maps.labels.chunks_exact(positions).collect(),
            Some(channel) => maps.labels.chunks_exact(positions).skip(channel as usize).take(1).collect(),
        };
        if channels.is_empty() {
            let message = format!("the label maps have {} channels, counted from 0", maps.channels);
            return Err(Error::input(message).hint("choose another `--channel`"));
        }
        let here = |place: usize| channels.iter().any(|labels| usize::from(labels[place]) == self.label);
        let count = (0..positions).filter(|&place| here(place)).count();
        Ok(count as f64 > self.share * positions as f64)
    }
}

/// What is known of each image.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sightings {
    /// Position of each image in the run's order; they rise.
    pub images: Vec<u32>,
    /// The unit's highest activation on it.
    pub peaks: Vec<f32>,
    /// Whether the concept is in it.
    pub present: Vec<bool>,
}

/// Which unit, of which images.
pub struct Detection<'a> {
    /// Images or latents.
    pub images: &'a dyn ImageSource,
    /// Node that is read.
    pub node: &'a str,
    /// Unit of it.
    pub unit: u32,
}

impl Sightings {
    /// Peaks of the images with the concept, and of those without.
    pub fn apart(&self) -> (Vec<f32>, Vec<f32>) {
        let of = |wanted: bool| {
            let pairs = self.peaks.iter().zip(&self.present).filter(|(_, present)| **present == wanted);
            pairs.map(|(&peak, _)| peak).collect()
        };
        (of(true), of(false))
    }
}

/// Images worth a look: places in the lists of [`Sightings`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examples {
    /// With the concept and the highest peaks, highest first.
    pub found: Vec<usize>,
    /// With the concept and the lowest peaks, lowest first.
    pub missed: Vec<usize>,
    /// Without the concept and the highest peaks, highest first.
    pub mistaken: Vec<usize>,
}

impl Sightings {
    /// Up to `count` examples of each kind; equal peaks by place. No image is among both the found and the missed.
    pub fn examples(&self, count: usize) -> Examples {
        let sorted = |wanted: bool| {
            let mut places: Vec<usize> = (0..self.peaks.len()).filter(|&place| self.present[place] == wanted).collect();
            places.sort_by(|&a, &b| self.peaks[b].total_cmp(&self.peaks[a]).then(a.cmp(&b)));
            places
        };
        let (with, without) = (sorted(true), sorted(false));
        let half = count.min(with.len().div_ceil(2));
        Examples {
            found: with[..half].to_vec(),
            missed: with[half..].iter().rev().take(count).copied().collect(),
            mistaken: without.into_iter().take(count).collect(),
        }
    }
}

impl Detection<'_> {
    /// Peaks of a generator's latents, and whether the concept is in the images it makes of them.
    ///
    /// # Errors
    /// [`crate::error::Kind::Interrupted`] if stopped, after writing a checkpoint; what the concept source and the device report.
    ///
    /// # Source
    /// Figure 3F of Bau et al., PNAS 2020.
    pub fn generated(
        &self,
        split: &Split,
        concepts: &dyn ConceptSource,
        presence: &Presence,
        grid: (u32, u32),
        watch: &Watch<'_>,
    ) -> Result<Sightings> {
        let peaks = Peaks::new(split.session(), self.node)?;
        self.run(watch, |batch, n| {
            split.begin(&batch.input, n)?;
            let peaks = peaks.of(self.unit, batch)?;
            split.images(n, None)?;
            let made = MadeImages::by(split, &batch.names, &batch.origins)?;
            let maps = concepts.label_maps_on_device(split.session().gpu(), &made, grid)?;
            let present = maps.iter().map(|maps| presence.of(maps)).collect::<Result<_>>()?;
            Ok(Sightings { images: batch.indices.clone(), peaks, present })
        })
    }

    /// Peaks of images that are known to show the concept if `present` says so of their position, and not to show it otherwise.
    ///
    /// # Errors
    /// As [`Detection::generated`].
    ///
    /// # Source
    /// Figure 1F of Bau et al., PNAS 2020.
    pub fn photographs(
        &self,
        session: &Session,
        present: impl Fn(u32) -> bool,
        watch: &Watch<'_>,
    ) -> Result<Sightings> {
        let peaks = Peaks::new(session, self.node)?;
        self.run(watch, |batch, n| {
            session.upload(&batch.input, n)?;
            session.submit(n)?;
            let peaks = peaks.of(self.unit, batch)?;
            let present = batch.indices.iter().map(|&image| present(image)).collect();
            Ok(Sightings { images: batch.indices.clone(), peaks, present })
        })
    }

    /// Looks at all images, from where a checkpoint of the same job stands; `look` says what it sees on a batch of so many.
    fn run(&self, watch: &Watch<'_>, look: impl FnMut(&ImageBatch, u32) -> Result<Sightings>) -> Result<Sightings> {
        Ok(watch.run(&mut Looking(look), self.images, 0..self.images.count(), Sightings::default())?.found)
    }
}

/// Peaks of a node's maps on the device.
struct Peaks<'a> {
    session: &'a Session,
    node: &'a str,
    buffer: Buffer,
    /// By number of images.
    programs: Programs<u32>,
}

impl<'a> Peaks<'a> {
    /// Room for those of a full batch.
    fn new(session: &'a Session, node: &'a str) -> Result<Self> {
        let (gpu, (_, shape)) = (session.gpu(), session.value(node, session.batch())?);
        let buffer = gpu.buffer("peaks", u64::from(shape.n) * u64::from(shape.c) * 4)?;
        Ok(Peaks { session, node, buffer, programs: Programs::new(gpu) })
    }

    /// A unit's peak on each image of the batch just submitted.
    fn of(&self, unit: u32, batch: &ImageBatch) -> Result<Vec<f32>> {
        let n = batch.indices.len() as u32;
        let (gpu, (maps, shape)) = (self.session.gpu(), self.session.value(self.node, n)?);
        self.programs.submit(n, |recording| peak(gpu, recording, shape, maps, &self.buffer))?;
        let all: Vec<f32> = gpu.download(&self.buffer, (shape.n * shape.c) as usize)?;
        let own: Vec<f32> = all.chunks_exact(shape.c as usize).map(|units| units[unit as usize]).collect();
        match own.iter().position(|peak| !peak.is_finite()) {
            None => Ok(own),
            Some(place) => Err(Error::input(format!("unit {unit} is NaN or infinite; needed finite numbers"))
                .at(&batch.names[place])
                .hint("check the weights and the preprocessing")),
        }
    }
}

/// A pass that says of each batch what it sees: a generator's images and photographs are looked at in different ways.
struct Looking<F>(F);

impl<F: FnMut(&ImageBatch, u32) -> Result<Sightings>> Pass for Looking<F> {
    type State = Sightings;

    fn stage(&self) -> String {
        "looking".to_owned()
    }

    fn look(&mut self, batch: &ImageBatch, found: &mut Sightings, _: &Steps<'_>) -> Result<()> {
        found.merge(&(self.0)(batch, batch.indices.len() as u32)?)
    }
}

/// How well a threshold on the peak tells images with the concept from those without.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperatingPoint {
    /// An image with a peak of at least this is taken to show the concept.
    pub threshold: f32,
    /// Images with the concept, and those of them that are found.
    pub positives: (u64, u64),
    /// Images without, and those of them that are passed over.
    pub negatives: (u64, u64),
    /// Mean of the two shares of right answers.
    pub balanced_accuracy: f64,
}

/// Sets the threshold where the share of images with the concept that is missed is that of images without it that is mistaken,
/// and judges by it; nothing if there are no images of either kind.
///
/// Both lists are brought to one length by taking every `len / shorter`-th of the longer one's sorted peaks. With positives rising
/// and negatives falling, the threshold is the positive at the number of places where the positive is the lower one.
///
/// # Source
/// The equal-error rule of figure 1F of Bau et al., PNAS 2020.
pub fn judge(positives: &[f32], negatives: &[f32]) -> Option<OperatingPoint> {
    let length = positives.len().min(negatives.len());
    let rising = evenly(positives, length);
    let falling: Vec<f32> = evenly(negatives, length).into_iter().rev().collect();
    let crossing = rising.iter().zip(&falling).filter(|(positive, negative)| positive < negative).count();
    // Where all negatives are above all positives, no positive is beyond the crossing.
    let threshold = *rising.get(crossing).or(rising.last())?;
    let found = positives.iter().filter(|&&peak| peak >= threshold).count() as u64;
    let passed = negatives.iter().filter(|&&peak| peak < threshold).count() as u64;
    let (present, absent) = (positives.len() as u64, negatives.len() as u64);
    Some(OperatingPoint {
        threshold,
        positives: (present, found),
        negatives: (absent, passed),
        balanced_accuracy: (found as f64 / present as f64 + passed as f64 / absent as f64) / 2.0,
    })
}

/// `length` of the values, sorted, at even steps from the lowest on.
fn evenly(values: &[f32], length: usize) -> Vec<f32> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    let step = (sorted.len() / length.max(1)).max(1);
    sorted.into_iter().step_by(step).take(length).collect()
}

impl Merge for Sightings {
    fn merge(&mut self, other: &Sightings) -> Result<()> {
        // Batches come in order: a pass would otherwise sort all that it has seen again for each.
        if self.images.last().zip(other.images.first()).is_none_or(|(last, first)| last < first) {
            self.images.extend_from_slice(&other.images);
            self.peaks.extend_from_slice(&other.peaks);
            self.present.extend_from_slice(&other.present);
            return Ok(());
        }
        let all = |of: &Sightings| {
            let lists = of.images.iter().zip(&of.peaks).zip(&of.present);
            lists.map(|((&image, &peak), &present)| (image, peak, present)).collect::<Vec<_>>()
        };
        let mut both = [all(self), all(other)].concat();
        both.sort_by_key(|(image, ..)| *image);
        if let Some(pair) = both.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::input(format!("image {} was looked at in both parts", pair[0].0)));
        }
        self.images = both.iter().map(|(image, ..)| *image).collect();
        self.peaks = both.iter().map(|(_, peak, _)| *peak).collect();
        self.present = both.iter().map(|(.., present)| *present).collect();
        Ok(())
    }
}

impl State for Sightings {
    fn tensors(&self) -> Vec<StateTensor> {
        let present: Vec<u8> = self.present.iter().map(|&present| u8::from(present)).collect();
        vec![
            StateTensor::new("images", &self.images),
            StateTensor::new("peaks", &self.peaks),
            StateTensor::new("present", &present),
        ]
    }

    fn restore(&mut self, saved: &Saved<'_>) -> Result<()> {
        self.images = saved.values("images")?;
        self.peaks = saved.values("peaks")?;
        self.present = saved.values::<u8>("present")?.into_iter().map(|byte| byte > 0).collect();
        if [self.peaks.len(), self.present.len()] == [self.images.len(); 2] {
            Ok(())
        } else {
            Err(Error::input("its lists are of different lengths"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::laws::Sample;

    impl Sample for Sightings {
        fn on(images: &[u32]) -> Sightings {
            let mut images = images.to_vec();
            images.sort_unstable();
            Sightings {
                peaks: images.iter().map(|&image| (image % 5) as f32).collect(),
                present: images.iter().map(|image| image.is_multiple_of(3)).collect(),
                images,
            }
        }

        fn strangers(images: &[u32]) -> Vec<Sightings> {
            images.iter().map(|&image| Sightings::on(&[image, 99])).collect()
        }
    }

    #[test]
    fn the_threshold_is_where_rising_positives_cross_falling_negatives() {
        // Worked by the rule: rising 1 4 6 7, falling 5 3 2 0 (of eight every second), one place below: threshold 4.
        let verdict = judge(&[6.0, 1.0, 7.0, 4.0], &[0.0, 1.0, 2.0, 2.5, 3.0, 4.5, 5.0, 8.0]).unwrap();
        assert_eq!(verdict.threshold, 4.0);
        assert_eq!((verdict.positives, verdict.negatives), ((4, 3), (8, 5)));
        assert_eq!(verdict.balanced_accuracy, (0.75 + 0.625) / 2.0);
    }

    #[test]
    fn examples_are_the_extremes_of_either_kind() {
        let sightings = Sightings {
            images: (0..6).collect(),
            peaks: vec![5.0, 1.0, 3.0, 9.0, 3.0, 4.0],
            present: vec![true, true, true, false, true, false],
        };
        let want = Examples { found: vec![0, 2], missed: vec![1, 4], mistaken: vec![3, 5] };
        assert_eq!(sightings.examples(5), want);
        assert_eq!(sightings.examples(1), Examples { found: vec![0], missed: vec![1], mistaken: vec![3] });
    }

    #[test]
    fn perfect_useless_and_missing_evidence() {
        assert_eq!(judge(&[2.0, 3.0], &[0.0, 1.0]).unwrap().balanced_accuracy, 1.0);
        let worst = judge(&[0.0, 1.0], &[2.0, 3.0]).unwrap();
        assert_eq!((worst.threshold, worst.balanced_accuracy), (1.0, 0.25));
        assert_eq!(judge(&[], &[1.0]), None);
        assert_eq!(judge(&[1.0], &[]), None);
        // Fewer negatives than positives: those are thinned out instead.
        assert_eq!(judge(&[1.0, 2.0, 3.0, 4.0], &[2.5]).unwrap().threshold, 1.0);
    }

    #[test]
    fn a_concept_is_present_on_more_than_its_share_of_the_channels_positions() {
        let mut maps = LabelMaps { channels: 2, h: 4, w: 5, labels: vec![0; 40] };
        let presence = |channel| Presence { label: 3, channel, share: 0.05 };
        maps.labels[7] = 3;
        maps.labels[27] = 3;
        assert!(!presence(Some(0)).of(&maps).unwrap(), "one of twenty is no more than 5 %");
        assert!(!presence(None).of(&maps).unwrap(), "the same place in two channels counts once");
        maps.labels[20] = 3;
        assert!(presence(Some(1)).of(&maps).unwrap() && presence(None).of(&maps).unwrap());
        assert!(!presence(Some(0)).of(&maps).unwrap());
        assert!(presence(Some(2)).of(&maps).is_err());
    }
}
