//! Batches on the device: the host prepares the next ones meanwhile.

use std::collections::VecDeque;

use crate::error::Result;
use crate::gpu::{Gpu, Submission};

/// Submissions under way at once: the host prepares one while the device works on another.
pub(super) const MOST: usize = 2;

/// Submissions under way, the oldest first, each with what is to be done once it has run.
pub(super) struct Flight<T>(VecDeque<(Submission, T)>);

impl<T> Flight<T> {
    /// None under way.
    pub(super) fn new() -> Flight<T> {
        Flight(VecDeque::new())
    }

    /// One more.
    pub(super) fn push(&mut self, submission: Submission, then: T) {
        self.0.push_back((submission, then));
    }

    /// Waits for the oldest one if more than `leave` are under way, and says what is to be done.
    pub(super) fn next(&mut self, gpu: &Gpu, leave: usize) -> Result<Option<T>> {
        if self.0.len() <= leave {
            return Ok(None);
        }
        let Some((submission, then)) = self.0.pop_front() else { return Ok(None) };
        gpu.wait_for(submission)?;
        Ok(Some(then))
    }
}
