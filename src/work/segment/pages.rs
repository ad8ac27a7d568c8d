//! What `segment` says of its finished images: areas as JSON, and pages. Everything is read back from the images' files.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::run::{FILES, SegmentRun};
use crate::concepts::label_maps::LabelFolder;
use crate::concepts::{LabelMaps, Vocabulary};
use crate::data::loader::Skipped;
use crate::error::{Error, Result};
use crate::files;
use crate::report::segments::{self, LabelledImage, PER_PAGE};

/// Areas of all images.
pub(super) const AREAS: &str = FILES.result;

/// Areas of one image.
#[derive(Serialize)]
struct ImageAreas<'a> {
    image: &'a str,
    /// Rows and columns of its label maps.
    grid: [u32; 2],
    labels: Vec<LabelArea<'a>>,
}

#[derive(Serialize)]
struct LabelArea<'a> {
    label: u16,
    name: &'a str,
    category: &'a str,
    /// Pixels of the label maps.
    pixels: u32,
    /// Of all pixels.
    fraction: f64,
}

/// Writes `areas.json` and the pages, image by image.
///
/// # Errors
/// [`crate::error::Kind::Input`] if an image's files are not as they were written; [`crate::error::Kind::Output`] if a file cannot
/// be written.
pub(super) fn write(run: &SegmentRun<'_>, skipped: &[Skipped]) -> Result<()> {
    let output = &run.job.output;
    let folder = LabelFolder::open(output.clone())?;
    let usable: Vec<usize> = (0..run.set.len()).filter(|&index| run.is_finished(index)).collect();
    let view = run.view(&usable, skipped);
    run.host.progress.stage("writing pages", usable.len() as u64);
    let mut failure = None;
    let written = files::write_atomic_with(&output.join(AREAS), |out| {
        let head = json!({
            "concepts": view.source, "geometry": view.geometry, "downsample": view.downsample, "skipped": skipped, "left_out": run.set.left_out,
        })
        .to_string();
        write!(out, "{},\"images\":[", head.strip_suffix('}').unwrap_or(&head))?;
        for (number, some) in usable.chunks(PER_PAGE).enumerate() {
            match page(run, &folder, &view, number, some, out) {
                Ok(()) => run.host.progress.advance(some.len() as u64),
                Err(error) => {
                    failure = Some(error);
                    return Err(std::io::ErrorKind::Other.into());
                }
            }
        }
        out.write_all(b"\n]}\n")
    });
    failure.map_or(written, Err)?;
    remove_pages(output, usable.len().div_ceil(PER_PAGE))
}

/// Writes one page, and the areas of its images to `out`.
fn page(
    run: &SegmentRun<'_>,
    folder: &LabelFolder,
    view: &segments::Run<'_>,
    number: usize,
    indices: &[usize],
    out: &mut dyn Write,
) -> Result<()> {
    let output = &run.job.output;
    let mut shown = Vec::with_capacity(indices.len());
    for (at, &index) in indices.iter().enumerate() {
        let maps = run.read(folder, index)?;
        let areas = serde_json::to_string(&areas(run.name(index), &maps, view.vocabulary))
            .map_err(|error| Error::internal(error.to_string()))?;
        let comma = if number == 0 && at == 0 { "" } else { "," };
        write!(out, "{comma}\n{areas}").map_err(|error| Error::writing(&output.join(AREAS), &error))?;
        let [picture, overlay] = run.pictures(index)?;
        shown.push(LabelledImage { name: run.name(index).to_owned(), picture, overlay, maps });
    }
    let read = |picture: &str| files::read(&output.join(picture));
    let html = segments::page(view, number, &shown, &read)?;
    files::write_atomic(&output.join(segments::file_name(number)), html.as_bytes())
}

fn areas<'a>(image: &'a str, maps: &LabelMaps, vocabulary: &'a Vocabulary) -> ImageAreas<'a> {
    let cells = maps.cells() as f64;
    let area = |area: &crate::concepts::Area| LabelArea {
        label: area.label,
        name: &vocabulary.names[usize::from(area.label)],
        category: &vocabulary.categories[usize::from(area.label)],
        pixels: area.cells,
        fraction: f64::from(area.cells) / cells,
    };
    ImageAreas { image, grid: [maps.h, maps.w], labels: maps.areas().iter().map(area).collect() }
}

/// Pages that a longer run has left behind.
fn remove_pages(output: &Path, from: usize) -> Result<()> {
    for page in from.. {
        let path = output.join(segments::file_name(page));
        if !files::exists(&path) {
            break;
        }
        files::remove(&path)?;
    }
    Ok(())
}
