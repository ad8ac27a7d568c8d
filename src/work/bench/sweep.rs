//! What re-running only the tail of a generator saves: head, tail, and a sweep over all positions of a layer.

use std::time::{Duration, Instant};

use super::rows::{BenchRow, RowListener, middle};
use crate::error::Result;
use crate::geometry::Extent;
use crate::graph::Subplan;
use crate::kernels::tune::Tuner;
use crate::models::Model;
use crate::progress::check_stop;
use crate::roles::{Sweep, sweep};
use crate::session::{Session, Split, Weights};
use crate::work::Host;

/// Sweeps are repeated until this long has passed, or as often as asked.
const LONG_ENOUGH: Duration = Duration::from_secs(60);

/// What of a sweep is timed, and how often.
pub(super) struct SweepTiming<'a> {
    /// Node behind which the generator is cut.
    pub(super) node: &'a str,
    /// Times that each part is run.
    pub(super) repeats: u32,
    /// Positions at once.
    pub(super) batch: u32,
}

/// Times the parts of a generator cut behind a layer, and an insertion at every position of it for one latent.
///
/// The baseline is what a loop over positions would cost: one head pass and one tail pass a position, one image at a time. Its passes
/// are timed before and after the sweeps, so that a machine that slows down slows both.
///
/// # Errors
/// What the device reports.
pub(super) fn rows(
    host: &Host<'_>,
    weights: &Weights,
    model: &Model,
    timing: &SweepTiming<'_>,
    each: &mut RowListener<'_>,
) -> Result<()> {
    let &SweepTiming { node, repeats, batch } = timing;
    let mut tuner = Tuner::cached();
    let (gpu, graph) = (weights.gpu(), &model.graph);
    let kept = sweep::kept(graph, node)?;
    let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
    let extent = Extent { per_image: false, per_position: true };
    let mut split = |keep: &[&str]| {
        Split::new(graph, node, extent, keep, |graph, wanted| Session::new(weights, graph, 1, wanted, &mut tuner))
    };
    // Nothing but the layer is kept where parts are timed alone: what is kept cannot be fused.
    let (single, split) = (split(&[])?, split(&kept)?);
    let mut windows = Sweep::new(weights, &split, batch, &mut tuner)?;
    let layer = split.layer();
    let positions: Vec<u32> = (0..layer.positions()).collect();
    let units: Vec<(u32, f32)> = (0..layer.c.min(20)).map(|unit| (unit, 1.0)).collect();
    let pass = |part: &Subplan, times: &mut Vec<f64>| {
        let program = single.session().program(1, part)?;
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
    pass(single.before(), &mut heads)?;
    pass(single.behind(), &mut tails)?;
    let latent = vec![0.5; graph.node(graph.input()).shape.len()];
    let begun = Instant::now();
    let mut sweep = |positions: &[u32]| {
        split.begin(&latent, 1)?;
        split.images(1, None)?;
        for chunk in positions.chunks(batch as usize) {
            check_stop(host.stop)?;
            windows.images(&units, chunk)?;
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
    pass(single.behind(), &mut tails)?;
    pass(single.before(), &mut heads)?;
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
