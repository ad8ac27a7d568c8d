//! How long work tells of itself, whoever listens.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Kind, Result};

/// Listens to a long piece of work.
pub trait Progress: Sync {
    /// A stage of `total` items begins.
    fn stage(&self, name: &str, total: u64);
    /// So many items, each as long as one of the stage that begins next, follow in stages after that.
    fn foresee(&self, _items: u64) {}
    /// So many items of the stage were done by earlier work that is taken up.
    fn resume(&self, items: u64) {
        self.advance(items);
    }
    /// So many more items of the stage are done.
    fn advance(&self, items: u64);
    /// No stage is under way any more.
    fn end(&self) {}
    /// Something worth saying once.
    fn note(&self, text: &str);
}

/// Hears nothing.
pub struct Silent;

impl Progress for Silent {
    fn stage(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64) {}
    fn note(&self, _: &str) {}
}

/// An error if the user asked to stop.
///
/// # Errors
/// [`Kind::Interrupted`].
pub fn check_stop(stop: &AtomicBool) -> Result<()> {
    if stop.load(Ordering::Relaxed) {
        return Err(Error::new(Kind::Interrupted, "finished work is kept").hint("run the same command again to go on"));
    }
    Ok(())
}
