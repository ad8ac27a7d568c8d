//! How long work takes: timed once for a dry run, noted once it is done.

use std::time::Instant;

use crate::error::Result;
use crate::graph::Subplan;
use crate::session::Session;

/// Seconds of one image of `n` at once through a part of a session, the first run not counted.
///
/// # Errors
/// What the device reports.
pub fn seconds_each(session: &Session, n: u32, part: &Subplan) -> Result<f64> {
    let gpu = session.gpu();
    // The first run compiles.
    gpu.wait_for(session.submit_part(n, part)?)?;
    let start = Instant::now();
    gpu.wait_for(session.submit_part(n, part)?)?;
    Ok(start.elapsed().as_secs_f64() / f64::from(n))
}
