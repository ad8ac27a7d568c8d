//! How long work takes: timed once for a dry run, noted once it is done.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::error::Result;
use crate::graph::Subplan;
use crate::report::schema::Timing;
use crate::session::Session;

/// Runs from when it is started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch {
    unix: u64,
    started: Instant,
}

impl Stopwatch {
    /// Starts it.
    pub(crate) fn start() -> Stopwatch {
        // Before 1970 nobody dissected.
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        Stopwatch { unix, started: Instant::now() }
    }

    /// Seconds since then.
    pub(crate) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// When it was started and how long that is ago, as a run's `timing.json` notes it.
    pub(crate) fn timing(&self) -> Timing {
        Timing { started_unix: self.unix, seconds: self.seconds(), stages: BTreeMap::new() }
    }
}

/// Seconds of one image of `n` at once through a part of a session, the first run not counted.
///
/// # Errors
/// What the device reports.
pub(crate) fn seconds_each(session: &Session, n: u32, part: &Subplan) -> Result<f64> {
    let gpu = session.gpu();
    // The first run compiles.
    gpu.wait_for(session.submit_part(n, part)?)?;
    let start = Instant::now();
    gpu.wait_for(session.submit_part(n, part)?)?;
    Ok(start.elapsed().as_secs_f64() / f64::from(n))
}
