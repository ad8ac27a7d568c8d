//! A pass over the images of a source: who listens, when it stops, where what was found is kept.

use std::cell::Cell;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::source::{ImageBatch, ImageSource};
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::progress::{Progress, check_stop};
use crate::state::{Part, State};

/// Time between checkpoints. To write one, a dissection waits for the device and reads its tables back; less often, a crash would lose
/// more than people like to do again.
const SAVE_EVERY: Duration = Duration::from_secs(60);

/// What every pass is given besides its own settings.
pub struct Watch<'a> {
    /// Where to keep the state of unfinished work.
    pub checkpoint: Option<PathBuf>,
    /// What the work is, as one string: work of another name is not taken up.
    pub job: String,
    /// Who listens.
    pub progress: &'a dyn Progress,
    /// Set when the user asks to stop.
    pub stop: &'a AtomicBool,
}

/// One look at each image of a run.
pub(crate) trait Pass {
    /// What it finds.
    type State: State;

    /// Its name, for people.
    fn stage(&self) -> String;

    /// Steps that each image takes.
    fn steps(&self) -> u64 {
        1
    }

    /// Looks at a batch of at least one image and adds what it finds.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] from `steps`, with `found` as it was before the batch: it is kept like that.
    fn look(&mut self, batch: &ImageBatch, found: &mut Self::State, steps: &Steps<'_>) -> Result<()>;

    /// Brings into `found` what was looked at but is still under way or on the device: before `found` is kept, and at the end.
    fn settle(&mut self, _found: &mut Self::State) -> Result<()> {
        Ok(())
    }
}

/// Steps within a batch.
pub(crate) struct Steps<'a> {
    watch: &'a Watch<'a>,
    done: Cell<u64>,
}

impl Steps<'_> {
    /// Before a step: an error if the user asks to stop.
    ///
    /// # Errors
    /// [`Kind::Interrupted`].
    pub(crate) fn begin(&self) -> Result<()> {
        check_stop(self.watch.stop)
    }

    /// After a step of so many images.
    pub(crate) fn end(&self, images: u32) {
        self.done.set(self.done.get() + u64::from(images));
        self.watch.progress.advance(images.into());
    }
}

impl Watch<'_> {
    /// Runs a pass that is all there is to the work, over the images at `range`: from where a checkpoint of the same job stands, or
    /// from nothing.
    ///
    /// # Errors
    /// As [`Watch::pass`].
    pub(crate) fn run<P: Pass>(
        &self,
        pass: &mut P,
        images: &dyn ImageSource,
        range: Range<u32>,
        nothing: P::State,
    ) -> Result<Part<P::State>> {
        let mut part = Part::new(nothing);
        self.resume(&mut part);
        self.pass(pass, images, range, &mut part)?;
        self.save(&part)?;
        Ok(part)
    }

    /// Takes up a whole checkpoint of the same job, if there is one; anything else on disk is as good as nothing, and is said to be.
    pub(crate) fn resume<S: State>(&self, part: &mut Part<S>) {
        let Some(path) = self.checkpoint.as_ref().filter(|path| files::exists(path)) else { return };
        match part.open(path, &self.job) {
            Ok(kept) => {
                let place = kept.found.place().map_or_else(String::new, |place| format!("{place} "));
                self.progress.note(&format!("going on {place}at image {}", kept.seen.end()));
                *part = kept;
            }
            Err(error) => self.progress.note(&format!("starting over: {error}")),
        }
    }

    /// Looks at those images of `range` that the part lacks. Afterwards it holds all of them, settled.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] if stopped, after writing a checkpoint; what the source and the pass report.
    pub(crate) fn pass<P: Pass>(
        &self,
        pass: &mut P,
        images: &dyn ImageSource,
        range: Range<u32>,
        part: &mut Part<P::State>,
    ) -> Result<()> {
        let gaps = part.seen.gaps(&range);
        let (all, left) = (range.len(), gaps.iter().map(Range::len).sum::<usize>());
        self.progress.stage(&pass.stage(), all as u64 * pass.steps());
        self.progress.resume((all - left) as u64 * pass.steps());
        let mut saved = Instant::now();
        for gap in gaps {
            let mut from = gap.start;
            for batch in images.batches(gap.clone()) {
                let batch = batch?;
                self.look(pass, &batch, from, part)?;
                from = batch.next;
                // Only now, so that work that is stopped again and again gets on by a batch each time.
                let stopping = check_stop(self.stop);
                if stopping.is_err() || saved.elapsed() > SAVE_EVERY {
                    self.keep(pass, part)?;
                    saved = Instant::now();
                }
                stopping?;
            }
            // Unreadable images at its end are in no batch.
            self.progress.advance(u64::from(gap.end.saturating_sub(from)) * pass.steps());
            part.seen.insert(gap);
        }
        pass.settle(&mut part.found)
    }

    /// One batch, which begins at `from`.
    fn look<P: Pass>(&self, pass: &mut P, batch: &ImageBatch, from: u32, part: &mut Part<P::State>) -> Result<()> {
        let steps = Steps { watch: self, done: Cell::new(0) };
        if !batch.indices.is_empty() {
            let looked = pass.look(batch, &mut part.found, &steps);
            if looked.as_ref().is_err_and(|error| error.kind() == Kind::Interrupted) {
                self.keep(pass, part)?;
            }
            looked?;
        }
        let all = u64::from(batch.next - from) * pass.steps();
        self.progress.advance(all.saturating_sub(steps.done.get()));
        part.seen.insert(from..batch.next);
        Ok(())
    }

    /// Writes a checkpoint in the middle of a pass.
    fn keep<P: Pass>(&self, pass: &mut P, part: &mut Part<P::State>) -> Result<()> {
        if self.checkpoint.is_some() {
            pass.settle(&mut part.found)?;
        }
        self.save(part)
    }

    /// Writes a checkpoint.
    ///
    /// # Errors
    /// [`Kind::Output`] if it cannot be written.
    pub(crate) fn save<S: State>(&self, part: &Part<S>) -> Result<()> {
        let Some(path) = &self.checkpoint else { return Ok(()) };
        part.save(path, &self.job).map_err(|error| {
            let lost = if files::exists(path) { "what was done since it was last written" } else { "what was done" };
            let told = Error::new(error.kind(), format!("{error}; {lost} is not kept"));
            error.advice().map_or(told.clone(), |advice| told.hint(advice))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::state::checkpoint::{Saved, StateTensor};
    use crate::state::{Merge, add};

    const COUNT: u32 = 19;

    /// Images of which every fifth cannot be read, and the last.
    struct Images {
        batch: usize,
    }

    impl ImageSource for Images {
        fn count(&self) -> u32 {
            COUNT
        }

        fn batches<'a>(&'a self, range: Range<u32>) -> Box<dyn Iterator<Item = Result<ImageBatch>> + 'a> {
            let readable: Vec<u32> = range.filter(|image| image % 5 != 3).collect();
            let batches: Vec<_> = readable.chunks(self.batch).map(<[u32]>::to_vec).collect();
            Box::new(batches.into_iter().map(|indices| {
                let next = indices[indices.len() - 1] + 1;
                let (names, origins) = (Vec::new(), Vec::new());
                Ok(ImageBatch { indices, names, input: Vec::new(), images: Vec::new(), origins, next })
            }))
        }
    }

    /// How often each image was looked at.
    #[derive(Debug, Clone, PartialEq)]
    struct Looks(Vec<u64>);

    impl Merge for Looks {
        fn merge(&mut self, other: &Looks) -> Result<()> {
            add(&mut self.0, &other.0)
        }
    }

    impl State for Looks {
        fn tensors(&self) -> Vec<StateTensor> {
            vec![StateTensor::new("looks", &self.0)]
        }

        fn restore(&mut self, saved: &Saved<'_>) -> Result<()> {
            saved.fill("looks", &mut self.0)
        }
    }

    /// Looks in two steps, of which a stop may part the second; what is seen stays under way until it is settled.
    #[derive(Default)]
    struct Looking {
        under_way: Vec<u32>,
    }

    impl Pass for Looking {
        type State = Looks;

        fn stage(&self) -> String {
            "looking".to_owned()
        }

        fn steps(&self) -> u64 {
            2
        }

        fn look(&mut self, batch: &ImageBatch, _: &mut Looks, steps: &Steps<'_>) -> Result<()> {
            for _ in 0..2 {
                steps.begin()?;
                steps.end(batch.indices.len() as u32);
            }
            self.under_way.extend(&batch.indices);
            Ok(())
        }

        fn settle(&mut self, found: &mut Looks) -> Result<()> {
            self.under_way.drain(..).for_each(|image| found.0[image as usize] += 1);
            Ok(())
        }
    }

    /// Adds progress up, and asks to stop after so many advances.
    struct Heard<'a> {
        left: AtomicU64,
        stop: &'a AtomicBool,
        total: AtomicU64,
        done: AtomicU64,
    }

    impl Progress for Heard<'_> {
        fn stage(&self, name: &str, total: u64) {
            assert_eq!(name, "looking");
            self.total.store(total, Ordering::Relaxed);
        }
        fn advance(&self, items: u64) {
            self.done.fetch_add(items, Ordering::Relaxed);
            if items > 0 && self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
                self.stop.store(true, Ordering::Relaxed);
            }
        }
        fn note(&self, _: &str) {}
    }

    /// A pass over the range, stopped after so many advances and taken up again until it ends; the number of stops.
    fn run(range: &Range<u32>, batch: usize, advances: u64) -> (Part<Looks>, usize) {
        let folder = tempfile::tempdir().unwrap();
        for stops in 0..50 {
            let (stop, checkpoint) = (AtomicBool::new(false), Some(folder.path().join("state")));
            let heard = Heard { left: advances.into(), stop: &stop, total: AtomicU64::new(0), done: AtomicU64::new(0) };
            let watch = Watch { checkpoint, job: "job".to_owned(), progress: &heard, stop: &stop };
            let nothing = Looks(vec![0; COUNT as usize]);
            match watch.run(&mut Looking::default(), &Images { batch }, range.clone(), nothing) {
                Ok(part) => {
                    let (total, done) = (heard.total.into_inner(), heard.done.into_inner());
                    assert_eq!((total, done), (range.len() as u64 * 2, range.len() as u64 * 2));
                    return (part, stops);
                }
                Err(error) => assert_eq!(error.kind(), Kind::Interrupted, "{error}"),
            }
        }
        panic!("the work makes no progress between stops");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn parts_of_a_pass_merge_to_the_whole_whatever_the_batches_and_the_stops(
            first in 0..=COUNT,
            second in 0..=COUNT,
            batch in 1usize..6,
            advances in 4u64..20,
        ) {
            let whole = run(&(0..COUNT), 4, u64::MAX).0;
            let looks: Vec<u64> = (0..COUNT).map(|image| u64::from(image % 5 != 3)).collect();
            prop_assert_eq!(&whole.found, &Looks(looks));
            let cuts = [0, first.min(second), first.max(second), COUNT];
            let mut merged = run(&(cuts[2]..cuts[3]), batch, advances).0;
            merged.merge(&run(&(cuts[0]..cuts[1]), batch, u64::MAX).0).unwrap();
            merged.merge(&run(&(cuts[1]..cuts[2]), batch, advances).0).unwrap();
            prop_assert_eq!(merged, whole);
        }
    }

    #[test]
    fn work_that_is_stopped_in_every_batch_gets_on() {
        // Taken up, each turn does one batch: an advance for what was done before, one for each of two steps.
        let (part, stops) = run(&(0..COUNT), 1, 3);
        assert_eq!(part, run(&(0..COUNT), 7, u64::MAX).0);
        assert!(stops >= 7, "{stops}");
    }
}
