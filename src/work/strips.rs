//! From a dissection's outcome to pictures and report rows.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use crate::concepts::Vocabulary;
use crate::dissect::labels;
use crate::dissect::topk::TopK;
use crate::dissect::{LayerOutcome, Outcome};
use crate::error::Result;
use crate::progress::Progress;
use crate::report::{build, schema, strip};

/// How a report shows units.
pub(crate) struct StripLook {
    /// Images shown for each unit.
    pub(crate) shown: usize,
    /// Side of a shown image, pixels.
    pub(crate) thumbnail: u32,
    /// Concepts listed for each unit.
    pub(crate) best: usize,
    /// IoU that the best must exceed to count as a match.
    pub(crate) min_iou: f64,
}

/// Draws the strips of every layer and puts names to numbers.
///
/// # Errors
/// As [`strip::write`] and [`build::layer`].
pub(crate) fn layers(
    folder: &Path,
    images: &[String],
    vocabulary: &Vocabulary,
    outcome: &Outcome,
    look: &StripLook,
    progress: &dyn Progress,
) -> Result<Vec<schema::Layer>> {
    let thumbnails = &outcome.thumbnails;
    outcome
        .layers
        .iter()
        .map(|outcome| {
            let units = outcome.tally.units;
            progress.stage(&format!("drawing {}", outcome.name), units as u64);
            let strips = strips(folder, thumbnails, outcome, look, progress)?;
            // The report lists as many images as it shows; topk.safetensors holds them all.
            let topk = first(&outcome.topk, look.shown.max(1));
            let best: Vec<Vec<(usize, f64)>> = (0..units)
                .map(|unit| labels::best(&outcome.tally, unit, look.best).iter().map(|m| (m.label, m.iou)).collect())
                .collect();
            build::layer(&build::LayerResult {
                layer: &outcome.name,
                tally: &outcome.tally,
                topk: &topk,
                not_finite: &outcome.not_finite,
                map: outcome.map,
                best: &best,
                strips: &strips,
                vocabulary,
                images,
                min_iou: look.min_iou,
            })
        })
        .collect()
}

/// The first `k` images of each unit.
fn first(topk: &TopK, k: usize) -> TopK {
    let k = k.min(topk.k);
    let cut = |row: &[f32]| row[..k].to_vec();
    TopK {
        k,
        units: topk.units,
        peaks: topk.peaks.chunks_exact(topk.k).flat_map(cut).collect(),
        images: topk.images.chunks_exact(topk.k).flat_map(|row| row[..k].to_vec()).collect(),
    }
}

fn strips(
    folder: &Path,
    thumbnails: &BTreeMap<u32, Vec<u8>>,
    outcome: &LayerOutcome,
    look: &StripLook,
    progress: &dyn Progress,
) -> Result<Vec<Option<String>>> {
    if look.shown == 0 {
        return Ok(vec![None; outcome.tally.units]);
    }
    let area = (look.thumbnail * look.thumbnail) as usize;
    (0..outcome.tally.units)
        .into_par_iter()
        .map(|unit| {
            let masks: Vec<Vec<bool>> = outcome.masks[unit * look.shown * area..][..look.shown * area]
                .chunks_exact(area)
                .map(|mask| mask.iter().map(|&on| on > 0).collect())
                .collect();
            let shown = outcome
                .topk
                .of(unit)
                .zip(&masks)
                .filter_map(|((image, _), mask)| Some((thumbnails.get(&image)?, mask)));
            let tiles: Vec<_> =
                shown.map(|(rgb, mask)| strip::Tile { rgb, h: look.thumbnail, w: look.thumbnail, mask }).collect();
            progress.advance(1);
            if tiles.is_empty() {
                return Ok(None);
            }
            strip::write(folder, &outcome.name, unit, &strip::draw(&tiles, look.thumbnail)?).map(Some)
        })
        .collect()
}
