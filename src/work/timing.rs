//! How long work takes: timed once for a dry run, noted once it is done.

use std::time::Instant;

use crate::error::Result;
use crate::gpu::Gpu;
use crate::session::Session;

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
