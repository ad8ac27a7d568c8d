//! What passes over images find, as values: parts of a run add up to the whole, and unfinished work is kept on disk.

pub(crate) mod checkpoint;
mod seen;

use std::path::Path;

use crate::error::{Error, Result};
use crate::files;
use checkpoint::{Saved, StateTensor};
pub(crate) use seen::Seen;

/// Counts that add up: those of some images and those of others are those of both.
///
/// In whatever pieces the images are counted and in whatever order the pieces are merged, the result is the same to the bit; for that,
/// everything is counted in integers, and lists are sorted by what differs from image to image.
pub trait Merge {
    /// Takes in what was counted on other images.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if it counts something else or a sum grows beyond 64 bits. What `self` holds then is of no use.
    fn merge(&mut self, other: &Self) -> Result<()>;
}

/// Counts that can be kept on disk.
pub(crate) trait State: Merge + Clone {
    /// Where it stands besides the images, for people: work of one pass has nothing to say.
    fn place(&self) -> Option<String> {
        None
    }

    /// Everything in it.
    fn tensors(&self) -> Vec<StateTensor>;

    /// Takes up what [`State::tensors`] gave.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if it is of another size.
    fn restore(&mut self, saved: &Saved<'_>) -> Result<()>;
}

/// What was found on a part of a run's images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part<S> {
    /// Which images were looked at.
    pub(crate) seen: Seen,
    /// What was found on them.
    pub(crate) found: S,
}

impl<S> Part<S> {
    /// No image yet: `found` has counted nothing.
    pub(crate) fn new(found: S) -> Part<S> {
        Part { seen: Seen::default(), found }
    }
}

impl<S: State> Part<S> {
    /// Writes a checkpoint of the job.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if it cannot be written.
    pub(crate) fn save(&self, path: &Path, job: &str) -> Result<()> {
        let mut tensors = self.found.tensors();
        tensors.push(StateTensor::new("seen", &self.seen.bounds()));
        checkpoint::save(path, job, tensors)
    }

    /// The part that a checkpoint of the same job holds; `self` says what kinds and sizes it must have.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if the file is of other work, of another version, damaged or not there.
    pub(crate) fn open(&self, path: &Path, job: &str) -> Result<Part<S>> {
        let bytes = files::read(path)?;
        let saved = checkpoint::open(&bytes, job)?;
        let mut found = self.found.clone();
        found.restore(&saved)?;
        Ok(Part { seen: Seen::from_bounds(&saved.values("seen")?)?, found })
    }
}

impl<S: Merge> Merge for Part<S> {
    fn merge(&mut self, other: &Part<S>) -> Result<()> {
        if let Some(both) = self.seen.common(&other.seen) {
            let message = format!("images {} to {} were counted in both parts", both.start, both.end - 1);
            return Err(Error::input(message).hint("merge parts of which each image is in one alone"));
        }
        self.found.merge(&other.found)?;
        other.seen.ranges().for_each(|range| self.seen.insert(range));
        Ok(())
    }
}

/// Adds the counts of one list to those of another, place by place.
///
/// # Errors
/// [`crate::error::Kind::Input`] if a sum grows beyond 64 bits, or the lists differ in length.
pub(crate) fn add(sums: &mut [u64], counts: &[u64]) -> Result<()> {
    if sums.len() != counts.len() {
        return Err(Error::input(format!("{} counts; {} needed", counts.len(), sums.len())));
    }
    for (sum, &count) in sums.iter_mut().zip(counts) {
        *sum = sum.checked_add(count).ok_or_else(beyond_64_bits)?;
    }
    Ok(())
}

/// The error of a sum that does not fit.
pub(crate) fn beyond_64_bits() -> Error {
    Error::input("counts grow beyond 64 bits")
}

/// What every state must obey, whatever it counts.
#[cfg(test)]
pub(crate) mod laws {
    use std::fmt::Debug;

    use proptest::prelude::*;

    use super::*;

    /// A state that can be made of any images, by a rule of the test's own.
    pub(crate) trait Sample: Merge + Clone + PartialEq + Debug {
        /// What is found on these images, each by its position in the run's order.
        fn on(images: &[u32]) -> Self;

        /// States that do not go together with that of these images.
        fn strangers(images: &[u32]) -> Vec<Self>;
    }

    /// A law of one state, for images in these parts.
    pub(crate) type Law = fn(&[Vec<u32>]);

    /// Some of the first images in up to six parts, in any order.
    pub(crate) fn parts() -> impl Strategy<Value = Vec<Vec<u32>>> {
        let images = Just((0..24).collect::<Vec<u32>>()).prop_shuffle();
        (proptest::collection::vec(0usize..7, 0..24), images).prop_map(|(parts, images)| {
            let mut of = vec![Vec::new(); 6];
            // An image of the seventh part is left out.
            parts.iter().zip(images).filter(|(part, _)| **part < 6).for_each(|(&part, image)| of[part].push(image));
            of
        })
    }

    /// Checks that parts, merged one after the other, are the whole, that pairs of them commute, and that strangers are errors.
    pub(crate) fn hold<S: Sample>(parts: &[Vec<u32>]) {
        let all = parts.concat();
        let whole = S::on(&all);
        let mut merged = S::on(&[]);
        parts.iter().for_each(|part| merged.merge(&S::on(part)).unwrap());
        assert_eq!(merged, whole, "one after the other: {parts:?}");
        // The other way round: from the right.
        let mut merged = S::on(&[]);
        for part in parts.iter().rev() {
            let mut left = S::on(part);
            left.merge(&merged).unwrap();
            merged = left;
        }
        assert_eq!(merged, whole, "from the right: {parts:?}");
        for stranger in S::strangers(&all) {
            assert!(whole.clone().merge(&stranger).is_err(), "{stranger:?} was let in");
            assert!(stranger.clone().merge(&whole).is_err(), "{stranger:?} let it in");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::laws::{Sample, hold, parts};
    use super::*;

    /// A state of one number.
    #[derive(Debug, Clone, PartialEq)]
    struct Sum(u64);

    impl Merge for Sum {
        fn merge(&mut self, other: &Sum) -> Result<()> {
            add(std::slice::from_mut(&mut self.0), &[other.0])
        }
    }

    impl State for Sum {
        fn tensors(&self) -> Vec<StateTensor> {
            vec![StateTensor::new("sum", &[self.0])]
        }

        fn restore(&mut self, saved: &Saved<'_>) -> Result<()> {
            self.0 = saved.value("sum")?;
            Ok(())
        }
    }

    impl Sample for Part<Sum> {
        fn on(images: &[u32]) -> Part<Sum> {
            let mut part = Part::new(Sum(images.iter().map(|&image| u64::from(image)).sum()));
            images.iter().for_each(|&image| part.seen.insert(image..image + 1));
            part
        }

        fn strangers(images: &[u32]) -> Vec<Part<Sum>> {
            images.iter().map(|&image| Part::on(&[image, 99])).collect()
        }
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(parts in parts()) {
            hold::<Part<Sum>>(&parts);
        }
    }

    #[test]
    fn an_image_in_two_parts_is_an_error_that_names_it() {
        let error = Part::<Sum>::on(&[3, 4, 5]).merge(&Part::on(&[4, 5, 6])).unwrap_err();
        assert_eq!(error.to_string(), "images 4 to 5 were counted in both parts");
    }

    #[test]
    fn a_kept_part_comes_back_and_that_of_another_job_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let part = Part::<Sum>::on(&[0, 1, 7]);
        part.save(&path, "job").unwrap();
        let nothing = Part::new(Sum(0));
        assert_eq!(nothing.open(&path, "job").unwrap(), part);
        assert_eq!(nothing.open(&path, "other").unwrap_err().to_string(), "the checkpoint is of other work");
        assert!(nothing.open(&folder.path().join("none"), "job").is_err());
        let whole = std::fs::read(&path).unwrap();
        for place in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            assert!(nothing.open(&path, "job").is_err(), "byte {place}");
        }
    }
}
