//! What is kept of shown images while they are counted: the picture itself, small, and where units fire on it.

use rayon::prelude::*;

use super::dissection::Settings;
use super::layers::Layer;
use super::topk::TopK;
use crate::data::pixels::{rgb_of_signed, rgb_of_unit};
use crate::tensor::HostTensor;

/// Whether an image is among the first `shown` of any unit.
pub(super) fn is_shown(topk: &TopK, shown: usize, image: u32) -> bool {
    topk.images.chunks_exact(topk.k.max(1)).any(|row| row[..shown.min(row.len())].contains(&image))
}

/// An interleaved RGB image brought to `side` x `side` by taking the nearest pixels, as the reference does.
pub fn thumbnail(rgb: &[u8], (h, w): (u32, u32), side: u32) -> Vec<u8> {
    let (h, w, side) = (h as usize, w as usize, side as usize);
    let pixel = |place: usize| {
        let (y, x) = (place / side * h / side, place % side * w / side);
        rgb[(y * w + x) * 3..][..3].iter().copied()
    };
    (0..side * side).flat_map(pixel).collect()
}

/// Bytes of a generated image `[3, positions]`; `compat` takes its values for ones in [0, 1], as the reference's batch script does.
pub(super) fn rgb_of(image: &[f32], compat: bool) -> Vec<u8> {
    if compat { rgb_of_unit(image) } else { rgb_of_signed(image) }
}

/// Draws where each unit fires on those of the batch's images that it shows.
pub(super) fn draw_masks(layer: &mut Layer, settings: &Settings, indices: &[u32], maps: &HostTensor) {
    let Settings { shown, thumbnail: side, .. } = *settings;
    let Some(tally) = &layer.tally else { return };
    let area = (side * side) as usize;
    let topk = &layer.topk;
    layer.masks.par_chunks_mut(area * shown.max(1)).enumerate().for_each(|(unit, masks)| {
        for (mask, (image, _)) in masks.chunks_exact_mut(area).zip(topk.of(unit)) {
            let Some(n) = indices.iter().position(|&index| index == image) else { continue };
            let map = &maps.data[maps.index(n as u32, unit as u32, 0, 0)..][..maps.shape.positions() as usize];
            mask_of(map, (maps.shape.h, maps.shape.w), tally.threshold[unit], side, mask);
        }
    });
}

/// Where the map, brought to `side` x `side` with zeros outside, is above the level.
fn mask_of(map: &[f32], (h, w): (u32, u32), level: f32, side: u32, mask: &mut [u8]) {
    let at = |y: i64, x: i64| match (u32::try_from(y), u32::try_from(x)) {
        (Ok(y), Ok(x)) if y < h && x < w => map[(y * w + x) as usize],
        _ => 0.0,
    };
    let source = |t: u32, size: u32| (t as f32 + 0.5) * (size as f32 / side as f32) - 0.5;
    for (place, on) in mask.iter_mut().enumerate() {
        let (y, x) = (source(place as u32 / side, h), source(place as u32 % side, w));
        let (i, j, fy, fx) = (y.floor() as i64, x.floor() as i64, y - y.floor(), x - x.floor());
        let top = at(i, j) * (1.0 - fx) + at(i, j + 1) * fx;
        let bottom = at(i + 1, j) * (1.0 - fx) + at(i + 1, j + 1) * fx;
        *on = u8::from(top * (1.0 - fy) + bottom * fy > level);
    }
}
