//! Every output sees every input. See `shaders/linear.wgsl` for the contract.

use std::ops::Range;
use std::sync::Arc;

use super::{Agreement, Entry, everywhere};
use crate::error::Result;
use crate::geometry::Activation;
use crate::gpu::{Buffer, Gpu, Kernel, Recording, Shader};

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "linear",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("q + 3u, weight + 3u", "q + 2u, weight + 3u"),
        ("(params.rows + 3u) / 4u * 4u", "params.rows"),
        ("block += BLOCK) {", "block += BLOCK + 1u) {"),
        ("weight += pitch;", "weight += 1u;"),
        ("params.first_row + id.x", "id.x"),
        ("if id.x >= params.rows { return; }", ""),
        ("first + i < params.images", "i < params.images"),
        ("total + bias[k]", "total + bias[id.x]"),
        ("params.slope == 0.0", "params.slope != 0.0"),
        ("x[at.w + q]", "x[at.z + q]"),
    ],
};

fn shader() -> Shader {
    shader!("linear", "activation")
}

crate::params! {
    Params { images: u32, inputs: u32, outputs: u32, first_row: u32, rows: u32, slope: f32 }
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

/// Buffers of a linear layer.
pub struct Buffers<'a> {
    /// Input `[n, inputs]`.
    pub x: &'a Buffer,
    /// Rows of the weight, packed by [`pack`], in the ranges they belong to.
    pub weights: &'a [(Range<u32>, Buffer)],
    /// Bias `[outputs]`.
    pub bias: &'a Buffer,
    /// Output `[n, outputs]`.
    pub y: &'a Buffer,
}

/// A kernel of linear layers, and what an invocation of it makes.
pub(super) struct LinearKernel {
    pub kernel: Arc<Kernel>,
    /// Outputs.
    pub outputs: u32,
    /// Images, for each output.
    pub images: u32,
}

/// The portable kernel.
pub(super) fn kernel(gpu: &Gpu) -> Result<LinearKernel> {
    Ok(LinearKernel { kernel: gpu.kernel(&shader())?, outputs: 1, images: 4 })
}

/// Appends the layer by a kernel, a range of rows at a time.
pub(super) fn record(
    recording: &mut Recording,
    by: &LinearKernel,
    sizes: Sizes,
    activation: Activation,
    buffers: &Buffers<'_>,
) -> Result<()> {
    for (rows, weight) in buffers.weights {
        let params = Params {
            images: sizes.images,
            inputs: sizes.inputs,
            outputs: sizes.outputs,
            first_row: rows.start,
            rows: rows.len() as u32,
            slope: activation.slope,
        };
        let grid = [params.rows.div_ceil(by.outputs), sizes.images.div_ceil(by.images), 1];
        let (images, inputs, outputs) = (sizes.images as usize, sizes.inputs as usize, sizes.outputs as usize);
        let bound = [
            buffers.x.holding(images * inputs),
            weight.holding(inputs * rows.len().next_multiple_of(4)),
            buffers.bias.holding(outputs),
            buffers.y.holding(images * outputs),
        ];
        recording.dispatch(&by.kernel, &params, &bound, grid)?;
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
