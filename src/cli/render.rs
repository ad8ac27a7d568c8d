//! From a dissection's outcome to pictures and report rows.

use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::*;

use crate::concepts::{ConceptInput, ConceptSource, Vocabulary, label_writer};
use crate::data::ImageSource;
use crate::data::loader::ImageLoader;
use crate::dissect::labels;
use crate::dissect::run::LayerOutcome;
use crate::dissect::topk::TopK;
use crate::error::Result;
use crate::progress::Progress;
use crate::report::{build, schema, strip};

/// How a report shows units.
pub(super) struct Look {
    /// Images shown for each unit.
    pub(super) shown: usize,
    /// Side of a shown image, pixels.
    pub(super) thumbnail: u32,
    /// Concepts listed for each unit.
    pub(super) best: usize,
    /// IoU that the best must exceed to count as a match.
    pub(super) min_iou: f64,
}

/// Draws the strips of every layer and puts names to numbers.
///
/// # Errors
/// As [`strip::write`] and [`build::layer`].
pub(super) fn layers(
    folder: &Path,
    loader: &ImageLoader,
    vocabulary: &Vocabulary,
    outcomes: &[LayerOutcome],
    look: &Look,
    progress: &dyn Progress,
) -> Result<Vec<schema::Layer>> {
    let images: Vec<String> = loader.set().items.iter().map(|item| item.name.clone()).collect();
    outcomes
        .iter()
        .map(|outcome| {
            let units = outcome.tally.units;
            progress.stage(&format!("drawing {}", outcome.name), units as u64);
            let strips = strips(folder, loader, outcome, look, progress)?;
            // The report lists as many images as it shows; topk.safetensors holds them all.
            let topk = first(&outcome.topk, look.shown.max(1));
            let best: Vec<Vec<(usize, f64)>> = (0..units)
                .map(|unit| labels::best(&outcome.tally, unit, look.best).iter().map(|m| (m.label, m.iou)).collect())
                .collect();
            build::layer(&build::LayerResult {
                layer: &outcome.name,
                tally: &outcome.tally,
                topk: &topk,
                best: &best,
                strips: &strips,
                vocabulary,
                images: &images,
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
    loader: &ImageLoader,
    outcome: &LayerOutcome,
    look: &Look,
    progress: &dyn Progress,
) -> Result<Vec<Option<String>>> {
    if look.shown == 0 {
        return Ok(vec![None; outcome.tally.units]);
    }
    let thumbnails = thumbnails(loader, &outcome.topk, look)?;
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

/// Every shown image once, brought to the thumbnail's size by taking the nearest pixels, as the reference does.
fn thumbnails(loader: &ImageLoader, topk: &TopK, look: &Look) -> Result<HashMap<u32, Vec<u8>>> {
    let mut wanted: Vec<u32> = (0..topk.units)
        .flat_map(|unit| topk.of(unit).take(look.shown).map(|(image, _)| image).collect::<Vec<_>>())
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let side = look.thumbnail as usize;
    wanted
        .into_par_iter()
        .map(|index| {
            let image = loader.load(index as usize)?.image;
            let (h, w) = (image.h as usize, image.w as usize);
            let pixel = |place: usize| {
                let (y, x) = (place / side * h / side, place % side * w / side);
                image.rgb[(y * w + x) * 3..][..3].iter().copied()
            };
            Ok((index, (0..side * side).flat_map(pixel).collect()))
        })
        .collect()
}

/// Writes the label maps of every readable image in the format that `--labels` reads: `labels.csv`, and PNG files with
/// label = red + 256 green.
///
/// # Errors
/// As [`label_writer`]'s; else as the concept source's own.
pub(super) fn save_labels(
    folder: &Path,
    loader: &ImageLoader,
    concepts: &dyn ConceptSource,
    grid: (u32, u32),
    progress: &dyn Progress,
) -> Result<()> {
    label_writer::write_table(folder, concepts.vocabulary())?;
    progress.stage("saving label maps", u64::from(loader.count()));
    for batch in loader.batches(0) {
        let batch = batch?;
        let all_maps = concepts.label_maps(&ConceptInput::of(&batch.names, &batch.images), grid)?;
        for (name, maps) in batch.names.iter().zip(&all_maps) {
            label_writer::write_maps(folder, name, maps)?;
        }
        progress.advance(batch.names.len() as u64);
    }
    Ok(())
}
