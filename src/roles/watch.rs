//! How an experiment lives: who listens, when it stops, where its state is kept.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use safetensors::SafeTensors;

use crate::dissect::sealed::{self, Owned};
use crate::error::Result;
use crate::files;
use crate::progress::{Progress, check_stop};

/// Time between checkpoints.
const SAVE_EVERY: Duration = Duration::from_secs(30);

/// What every experiment is given besides its own settings.
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

/// Counts that can be kept on disk.
pub(super) trait State: Clone {
    /// Everything in it.
    fn tensors(&self) -> Vec<Owned>;

    /// Takes up what [`State::tensors`] gave.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if it is of another size.
    fn restore(&mut self, file: &SafeTensors<'_>) -> Result<()>;

    /// First image that has not been counted.
    fn next(&self) -> u32;
}

impl Watch<'_> {
    /// Takes up a whole checkpoint of the same job, if there is one; anything else on disk is as good as nothing.
    pub(super) fn resume(&self, state: &mut impl State) {
        let Some(Ok(bytes)) = self.checkpoint.as_deref().map(files::read) else { return };
        let mut copy = state.clone();
        if sealed::open(&bytes, &self.job).and_then(|file| copy.restore(&file)).is_ok() {
            *state = copy;
            self.progress.note(&format!("going on at image {}", state.next()));
        }
    }

    /// Between batches: keeps the state if it is time, or if the user asks to stop, and then stops.
    pub(super) fn pause(&self, saved: &mut Instant, state: &impl State) -> Result<()> {
        let stopping = check_stop(self.stop);
        if stopping.is_err() || saved.elapsed() > SAVE_EVERY {
            self.save(state)?;
            *saved = Instant::now();
        }
        stopping
    }

    /// Keeps the state.
    pub(super) fn save(&self, state: &impl State) -> Result<()> {
        self.checkpoint.as_ref().map_or(Ok(()), |path| sealed::save(path, &self.job, state.tensors()))
    }

    /// Within a batch: stops if the user asks to, keeping what was counted before the batch.
    pub(super) fn check(&self, state: &impl State) -> Result<()> {
        let stopping = check_stop(self.stop);
        if stopping.is_err() {
            self.save(state)?;
        }
        stopping
    }
}
