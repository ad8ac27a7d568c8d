//! How long work takes: timed once for a dry run, noted once it is done.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::error::Result;
use crate::gpu::Gpu;
use crate::report::schema::Timing;
use crate::session::Session;

/// Runs from when it is started.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch {
    unix: u64,
    started: Instant,
}

impl Stopwatch {
    /// Starts it.
    pub fn start() -> Stopwatch {
        // Before 1970 nobody dissected.
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        Stopwatch { unix, started: Instant::now() }
    }

    /// Seconds since then.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// When it was started and how long that is ago, as a run's `timing.json` notes it.
    pub fn timing(&self) -> Timing {
        Timing { started_unix: self.unix, seconds: self.seconds(), stages: BTreeMap::new() }
    }
}

/// Seconds of one image of `n` at once through a session, the first run not counted.
///
/// # Errors
/// What the device reports.
pub fn seconds_each(gpu: &Gpu, session: &Session, n: u32) -> Result<f64> {
    let program = gpu.program(session.record(n)?)?;
    // The first run compiles.
    gpu.wait_for(gpu.submit(&program)?)?;
    let start = Instant::now();
    gpu.wait_for(gpu.submit(&program)?)?;
    Ok(start.elapsed().as_secs_f64() / f64::from(n))
}
