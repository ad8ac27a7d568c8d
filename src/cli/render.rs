//! From a dissection's outcome to pictures and report rows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::concepts::{LabelMaps, Vocabulary};
use crate::dissect::labels;
use crate::dissect::run::{LayerOutcome, Outcome};
use crate::dissect::topk::TopK;
use crate::error::Result;
use crate::files;
use crate::progress::Progress;
use crate::report::{build, schema, sheet, strip};

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
    images: &[String],
    vocabulary: &Vocabulary,
    outcome: &Outcome,
    look: &Look,
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
    look: &Look,
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

/// Writes label maps in the format that `--labels` reads: `labels.csv`, and PNG files with label = red + 256 green.
pub(super) struct LabelWriter {
    folder: PathBuf,
}

impl LabelWriter {
    /// Makes the folder and `labels.csv`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if they cannot be written.
    pub(super) fn new(folder: PathBuf, vocabulary: &Vocabulary) -> Result<LabelWriter> {
        files::make_folder(&folder)?;
        files::write_atomic_with(&folder.join("labels.csv"), |out| {
            let mut writer = csv::Writer::from_writer(out);
            writer.write_record(["number", "name", "category"])?;
            for (number, (name, category)) in vocabulary.names.iter().zip(&vocabulary.categories).enumerate().skip(1) {
                writer.write_record([&number.to_string(), name, category])?;
            }
            writer.flush()
        })?;
        Ok(LabelWriter { folder })
    }

    /// Writes the label maps of an image.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if a file cannot be written.
    pub(super) fn write(&self, name: &str, maps: &LabelMaps) -> Result<()> {
        let stem = Path::new(name).with_extension("");
        for (channel, labels) in maps.labels.chunks_exact((maps.h * maps.w) as usize).enumerate() {
            let end = if maps.channels == 1 { "png".to_owned() } else { format!("{channel}.png") };
            let path = self.folder.join(format!("{}.{end}", stem.display()));
            path.parent().map_or(Ok(()), files::make_folder)?;
            let rgb: Vec<u8> = labels.iter().flat_map(|label| [(label & 255) as u8, (label >> 8) as u8, 0]).collect();
            let png = sheet::png(&rgb, maps.w, maps.h).map_err(|error| error.at(path.display()))?;
            files::write_atomic(&path, &png)?;
        }
        Ok(())
    }
}
