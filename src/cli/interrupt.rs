//! Signals: the first Ctrl-C asks to stop after saving, the second stops at once. So do the signals to end and to hang up.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Kind, Result};

/// Set by the first Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// Starts listening for signals. One that whoever started the program wants ignored stays so, as `nohup` does with hanging up and a
/// shell with Ctrl-C for what it runs in the background. A file that grows beyond a limit is an error of writing, no end.
///
/// # Errors
/// [`Kind::Internal`] if the system does not let us listen.
pub(super) fn listen() -> Result<&'static AtomicBool> {
    let ignored = unix::ignored();
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(Kind::Interrupted.exit_code().into());
        }
    })
    .map_err(|error| Error::internal(format!("cannot listen for Ctrl-C: {error}")))?;
    unix::ignore(&ignored);
    unix::ignore(&unix::FILE_TOO_LARGE);
    Ok(&STOP)
}

#[cfg(unix)]
#[expect(unsafe_code, reason = "the standard library knows nothing of signals")]
mod unix {
    use libc::c_int;

    /// Sent where a file would grow beyond the limit; ignored, writing fails.
    pub(super) const FILE_TOO_LARGE: [c_int; 1] = [libc::SIGXFSZ];

    /// Those of the signals that we listen for that are ignored.
    pub(super) fn ignored() -> Vec<c_int> {
        [libc::SIGINT, libc::SIGTERM, libc::SIGHUP].into_iter().filter(|&signal| is_ignored(signal)).collect()
    }

    fn is_ignored(signal: c_int) -> bool {
        let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: nothing is set; the action is written where there is room for one, and is plain data.
        let known = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) } == 0;
        // SAFETY: as above; all zeros are one, too.
        known && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
    }

    /// Ignores signals.
    pub(super) fn ignore(signals: &[c_int]) {
        for &signal in signals {
            // SAFETY: no code of ours runs for an ignored signal.
            unsafe { libc::signal(signal, libc::SIG_IGN) };
        }
    }
}

/// Other systems have none of these signals.
#[cfg(not(unix))]
mod unix {
    pub(super) const FILE_TOO_LARGE: [i32; 0] = [];

    pub(super) fn ignored() -> Vec<i32> {
        Vec::new()
    }

    pub(super) fn ignore(_: &[i32]) {}
}
