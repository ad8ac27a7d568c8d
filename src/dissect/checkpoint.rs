//! The state of an unfinished dissection on disk, taken up by the same command.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::Dtype;

use super::run::LayerState;
use super::sealed::{self, bad, owned};
use super::tally::{Tally, tensor};
use crate::error::Result;
use crate::files;

/// Where a dissection stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    /// What the work is, as one string: a checkpoint of other work is not taken up.
    pub(super) job: String,
    /// Passes finished.
    pub(super) pass: u64,
    /// First image that the current pass has not counted.
    pub(super) next: u32,
    /// Images counted in the current pass.
    pub(super) images: u64,
    /// Each layer's part.
    pub(super) layers: Vec<LayerState>,
    /// Shown images met so far, at the thumbnail's size.
    pub(super) thumbnails: BTreeMap<u32, Vec<u8>>,
}

/// Writes the state.
pub(super) fn save(path: &Path, state: &State) -> Result<()> {
    let mut tensors = vec![owned("at", Dtype::U64, &[state.pass, u64::from(state.next), state.images])];
    for (position, layer) in state.layers.iter().enumerate() {
        let name = |part: &str| format!("{position}.{part}");
        let quantile = layer.quantile.parts();
        tensors.push(owned(name("prefix"), Dtype::U32, quantile.prefix));
        tensors.push(owned(name("rank"), Dtype::U64, quantile.rank));
        tensors.push(owned(name("zeros"), Dtype::U64, quantile.zeros));
        // Nearly all bins are empty: only the others are kept.
        let (bins, counts): (Vec<u32>, Vec<u64>) =
            (0u32..).zip(quantile.counts).filter(|(_, count)| **count > 0).unzip();
        tensors.push(owned(name("bins"), Dtype::U32, &bins));
        tensors.push(owned(name("counts"), Dtype::U64, &counts));
        tensors.push(owned(name("above"), Dtype::U32, quantile.above));
        tensors.push(owned(name("thresholds"), Dtype::F32, quantile.thresholds));
        tensors.push(owned(name("peaks"), Dtype::F32, &layer.topk.peaks));
        tensors.push(owned(name("images"), Dtype::U32, &layer.topk.images));
        if let Some(tally) = &layer.tally {
            tensors.push(owned(name("unit_area"), Dtype::U64, &tally.unit_area));
            tensors.push(owned(name("concept_area"), Dtype::U64, &tally.concept_area));
            tensors.push(owned(name("intersection"), Dtype::U64, &tally.intersection));
            tensors.push(owned(name("positions"), Dtype::U64, &[tally.positions]));
        }
        tensors.push((name("masks"), Dtype::U8, layer.masks.clone()));
    }
    let shown: Vec<u32> = state.thumbnails.keys().copied().collect();
    tensors.push(owned("shown", Dtype::U32, &shown));
    tensors.push(("thumbnails".to_owned(), Dtype::U8, state.thumbnails.values().flatten().copied().collect()));
    sealed::save(path, &state.job, tensors)
}

/// Fills `state` from the file if it is a whole checkpoint of the same job; says whether it did. Anything else on disk is as
/// good as nothing: the work starts over.
pub(super) fn resume(path: &Path, state: &mut State) -> bool {
    let Ok(bytes) = files::read(path) else { return false };
    let mut copy = state.clone();
    let whole = restore(&bytes, &mut copy).is_ok();
    if whole {
        *state = copy;
    }
    whole
}

fn restore(bytes: &[u8], state: &mut State) -> Result<()> {
    let file = sealed::open(bytes, &state.job)?;
    let at: Vec<u64> = tensor(&file, "at", Dtype::U64)?;
    let [pass, next, images] = at[..] else { return Err(bad("is not whole")) };
    (state.pass, state.images) = (pass, images);
    state.next = u32::try_from(next).map_err(|_| bad("is not whole"))?;
    for (position, layer) in state.layers.iter_mut().enumerate() {
        let name = |part: &str| format!("{position}.{part}");
        let words = |part: &str| tensor::<u32>(&file, &name(part), Dtype::U32);
        let longs = |part: &str| tensor::<u64>(&file, &name(part), Dtype::U64);
        let floats = |part: &str| tensor::<f32>(&file, &name(part), Dtype::F32);
        let resolved = usize::try_from(pass).unwrap_or(usize::MAX).min(layer.quantile.passes());
        layer.quantile.restore(
            resolved,
            (words("prefix")?, longs("rank")?, longs("zeros")?),
            (&words("bins")?, &longs("counts")?, words("above")?),
            floats("thresholds")?,
        )?;
        (layer.topk.peaks, layer.topk.images) = (floats("peaks")?, words("images")?);
        if let Some(levels) = layer.quantile.thresholds() {
            let mut tally = Tally::new(levels.to_vec(), layer.labels);
            if file.tensor(&name("positions")).is_ok() {
                tally.unit_area = longs("unit_area")?;
                tally.concept_area = longs("concept_area")?;
                tally.intersection = longs("intersection")?;
                tally.positions = longs("positions")?.first().copied().unwrap_or(0);
            }
            layer.tally = Some(tally);
        }
        layer.masks = tensor(&file, &name("masks"), Dtype::U8)?;
    }
    let shown: Vec<u32> = tensor(&file, "shown", Dtype::U32)?;
    let pixels: Vec<u8> = tensor(&file, "thumbnails", Dtype::U8)?;
    let size = pixels.len() / shown.len().max(1);
    state.thumbnails = shown.into_iter().zip(pixels.chunks_exact(size.max(1)).map(<[u8]>::to_vec)).collect();
    Ok(())
}
