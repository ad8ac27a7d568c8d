//! Every output sees every input. See `shaders/linear.wgsl` for the contract.

use std::ops::Range;

use super::{Entry, everywhere, linear_broadcast};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Recording, Shader, Traits};

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "linear",
    shaders: || vec![shader()],
    runs_on: everywhere,
    mutants: &[
        ("q + 3u, weight + 3u", "q + 2u, weight + 3u"),
        ("(params.rows + 3u) / 4u * 4u", "params.rows"),
        ("block += BLOCK) {", "block += BLOCK + 1u) {"),
        ("weight += pitch;", "weight += 1u;"),
        ("params.first_row + id.x", "id.x"),
        ("if id.x >= params.rows { return; }", ""),
        ("first + i < params.images", "i < params.images"),
        ("total += bias[k]", "total += bias[id.x]"),
        ("params.relu == 1u", "params.relu == 2u"),
        ("x[at.w + q]", "x[at.z + q]"),
    ],
};

fn shader() -> Shader {
    Shader::new("linear", include_str!("../../shaders/linear.wgsl"))
}

crate::params! {
    Params { images: u32, inputs: u32, outputs: u32, first_row: u32, rows: u32, relu: u32 }
}

/// Sizes of a linear layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Images in the batch.
    pub images: u32,
    /// Inputs of each.
    pub inputs: u32,
    /// Outputs of each.
    pub outputs: u32,
}

/// Splits `rows` rows of `columns` floats into ranges that each fit a binding of `binding_bytes`; at least a row each.
pub fn row_ranges(rows: u32, columns: u32, binding_bytes: u64) -> Vec<Range<u32>> {
    let fitting = u32::try_from(binding_bytes / (u64::from(columns).max(1) * 4)).unwrap_or(u32::MAX).max(1);
    // Packed rows come by four.
    let fitting = if fitting > 4 { fitting / 4 * 4 } else { fitting };
    (0..rows.div_ceil(fitting)).map(|part| part * fitting..((part + 1) * fitting).min(rows)).collect()
}

/// A range of rows, each of `columns` weights, as the kernels read them: turned over, so that what neighbours read lies side by side.
pub fn pack(rows: &[f32], columns: usize) -> Vec<f32> {
    let count = rows.len() / columns.max(1);
    let pitch = count.next_multiple_of(4);
    let mut packed = vec![0.0; columns * pitch];
    for (place, row) in rows.chunks_exact(columns.max(1)).enumerate() {
        row.iter().enumerate().for_each(|(column, &weight)| packed[column * pitch + place] = weight);
    }
    packed
}

/// Which kernel computes a layer. All give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// `linear`, on any adapter.
    Portable,
    /// `linear_broadcast`, so many images to an invocation.
    Broadcast {
        /// Images to an invocation: 8 or 32.
        images: u32,
    },
}

impl Variant {
    /// The one for a layer of these sizes on an adapter.
    pub fn choose(sizes: Sizes, traits: &Traits) -> Variant {
        linear_broadcast::images(sizes, traits).map_or(Variant::Portable, |images| Variant::Broadcast { images })
    }
}

/// Appends the layer. `weights` holds its rows, packed, in the ranges they belong to.
///
/// # Errors
/// As [`Recording::dispatch`].
pub fn linear(
    gpu: &Gpu,
    recording: &mut Recording,
    variant: Variant,
    sizes: Sizes,
    relu: bool,
    weights: &[(Range<u32>, Buffer)],
    (x, bias, y): (&Buffer, &Buffer, &Buffer),
) -> Result<()> {
    let (kernel, outputs, images) = match variant {
        Variant::Portable => (gpu.kernel(&shader())?, 1, 4),
        Variant::Broadcast { images } => (linear_broadcast::kernel(gpu, images)?, linear_broadcast::OUTPUTS, images),
    };
    for (rows, weight) in weights {
        let params = Params {
            images: sizes.images,
            inputs: sizes.inputs,
            outputs: sizes.outputs,
            first_row: rows.start,
            rows: rows.len() as u32,
            relu: relu.into(),
        };
        let grid = [params.rows.div_ceil(outputs), sizes.images.div_ceil(images), 1];
        recording.dispatch(&kernel, &params, &[x, weight, bias, y], grid)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fc6_of_vgg16_splits_into_ranges_of_at_most_128_mib() {
        let ranges = row_ranges(4096, 25088, 128 << 20);
        assert_eq!(ranges.len(), 4);
        assert!(ranges.iter().all(|range| u64::from(range.end - range.start) * 25088 * 4 <= 128 << 20));
        assert_eq!((ranges[0].start, ranges[3].end), (0, 4096));
        assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
    }

    #[test]
    fn a_row_larger_than_a_binding_still_gets_a_range() {
        assert_eq!(row_ranges(2, 100, 8), [0..1, 1..2]);
    }
}
