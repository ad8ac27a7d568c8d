//! What re-running only the tail of a generator saves: head, tail, and a sweep over all positions of a layer.

use std::time::{Duration, Instant};

use super::rows::{BenchRow, RowListener, middle};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernels::tune::Tuner;
use crate::models::Model;
use crate::progress::check_stop;
use crate::roles::{Split, Sweep, sweep};
use crate::session::Session;
use crate::weights::WeightFile;
use crate::work::Host;

/// Sweeps are repeated until this long has passed, or as often as asked.
const LONG_ENOUGH: Duration = Duration::from_secs(60);

/// Times the parts of a generator cut behind a layer, and an insertion at every position of it for one latent.
///
/// The baseline is what a loop over positions would cost: one head pass and one tail pass a position, one image at a time. Its passes
/// are timed before and after the sweeps, so that a machine that slows down slows both.
///
/// # Errors
/// What the device reports.
pub(super) fn rows(
    host: &Host<'_>,
    (gpu, file, model): (&Gpu, &WeightFile, &Model),
    node: &str,
    (repeats, batch): (u32, u32),
    each: &mut RowListener<'_>,
) -> Result<()> {
    let mut tuner = Tuner::cached();
    let (first, second) = model.graph.split(node)?;
    let head = Session::new(gpu, &first, file, 1, &[node], &mut tuner)?;
    let single = Session::new(gpu, &second, file, 1, &[], &mut tuner)?;
    let kept = sweep::kept(&second)?;
    let kept: Vec<&str> = std::iter::once(node).chain(kept.iter().map(String::as_str)).collect();
    let mut tail = Session::new(gpu, &second, file, 1, &kept, &mut tuner)?;
    let mut windows = Sweep::new(gpu, &second, file, batch, &mut tuner)?;
    let positions: Vec<u32> = (0..second.node(second.input()).shape.positions()).collect();
    let units: Vec<(u32, f32)> = (0..second.node(second.input()).shape.c.min(20)).map(|unit| (unit, 1.0)).collect();
    let pass = |session: &Session, times: &mut Vec<f64>| {
        let program = gpu.program(session.record(1)?)?;
        for run in 0..=repeats {
            check_stop(host.stop)?;
            let start = Instant::now();
            gpu.wait_for(gpu.submit(&program)?)?;
            // The first compiles.
            if run > 0 {
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        Ok::<(), crate::error::Error>(())
    };
    let (mut heads, mut tails, mut sweeps) = (Vec::new(), Vec::new(), Vec::new());
    pass(&head, &mut heads)?;
    pass(&single, &mut tails)?;
    let latent = vec![0.5; first.node(first.input()).shape.len()];
    let begun = Instant::now();
    let mut split = Split { gpu, head: &head, tail: &mut tail };
    let mut sweep = |positions: &[u32]| {
        split.begin(&latent, 1)?;
        split.images(&[0], None)?;
        for chunk in positions.chunks(batch as usize) {
            check_stop(host.stop)?;
            windows.images(gpu, split.tail, &units, chunk)?;
        }
        gpu.wait()
    };
    // The first batch compiles.
    sweep(&positions[..positions.len().min(batch as usize)])?;
    for _ in 0..repeats {
        let start = Instant::now();
        sweep(&positions)?;
        sweeps.push(start.elapsed().as_secs_f64() * 1e3);
        if begun.elapsed() > LONG_ENOUGH {
            break;
        }
    }
    pass(&single, &mut tails)?;
    pass(&head, &mut heads)?;
    let (head, tail, sweep, count) = (middle(heads), middle(tails), middle(sweeps), positions.len());
    let apart = head + tail * count as f64;
    each(BenchRow::Part { layer: "head", milliseconds: head })?;
    each(BenchRow::Part { layer: "tail", milliseconds: tail })?;
    each(BenchRow::Sweep {
        layer: "sweep",
        positions: count,
        batch,
        milliseconds: sweep,
        head_and_tails_milliseconds: apart,
        ratio: sweep / apart,
        peak_bytes: gpu.peak_bytes(),
    })
}
