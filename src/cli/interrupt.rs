//! Ctrl-C: the first one asks to stop after saving, the second stops at once.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Kind, Result};

/// Set by the first Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// Starts listening for Ctrl-C and for the signal to end.
///
/// # Errors
/// [`Kind::Internal`] if the system does not let us listen.
pub(super) fn listen() -> Result<&'static AtomicBool> {
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(Kind::Interrupted.exit_code().into());
        }
    })
    .map_err(|error| Error::internal(format!("cannot listen for Ctrl-C: {error}")))?;
    Ok(&STOP)
}
