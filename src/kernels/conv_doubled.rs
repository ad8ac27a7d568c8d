//! Convolution of a doubled map on software adapters. See `shaders/conv_doubled.wgsl` for the contract.

use super::convolution::{Buffers, Epilogue};
use super::lanes::{self, LANES};
use super::template::Form;
use super::{Agreement, Entry};
use crate::error::{Error, Result};
use crate::geometry::{Convolution, Window};
use crate::gpu::{Gpu, Recording, Shader, Traits};
use crate::tensor::Shape;

/// Row of the table.
pub(crate) static ENTRY: Entry = Entry {
    stem: "conv_doubled",
    shaders: || vec![shader(LANES)],
    runs_on: lanes::fit,
    agreement: Agreement::Bounded,
    mutants: &[
        ("has_left = quad > 0u", "has_left = true"),
        ("has_right = quad + 1u < params.across", "has_right = true"),
        ("let has_line_0 = row + 0u >= 1u && row", "let has_line_0 = row"),
        ("row + 2u <= params.height", "row + 2u <= params.height + 1u"),
        ("row + 3u <= params.height", "row + 3u <= params.height + 1u"),
        ("if channel >= params.out_channels { return; }", ""),
        ("if row + 1u < params.height {", "{"),
        ("n * params.channels * plane", "0u"),
        ("if id.x >= params.extent { return; }", "if id.x >= params.extent - 1u { return; }"),
        ("params.has_bias == 1u", "params.has_bias == 0u"),
        ("params.slope * t", "t"),
        ("lane % 8u", "lane % 4u"),
    ],
};

/// Output channels an invocation computes.
const CHANNELS: usize = 8;
/// Weights of an input and an output channel: four for each of four places in a block of two by two.
const PACKED_TAPS: usize = 16;
/// Channels of x that a pass of the loop takes.
const DEPTH: u32 = 2;

static FORM: Form<()> = Form::new(());

fn shader(workgroup: u32) -> Shader {
    FORM.shader("conv_doubled", text!("conv_doubled", "activation"), workgroup, |()| {
        minijinja::context! { depth => DEPTH, quad => [".x", ".y", ".z", ".w"] }
    })
}

/// Whether the kernel computes this convolution of a map of this shape, doubled first, on an adapter.
pub(crate) fn supports(convolution: &Convolution, shape: Shape, traits: &Traits) -> bool {
    convolution.window == Window::square(3, 1, 1)
        && convolution.groups == 1
        && shape.w.is_multiple_of(4)
        && shape.c.is_multiple_of(DEPTH)
        && lanes::fit(traits)
}

/// The weight `[k, c, 3, 3]` as `[ceil(k/8), c, 8, 2, 2, 2, 2]`: for each row and column of a block of two by two, the sums of the
/// weights whose taps fall on the same position of the map that is doubled. Padded with zeros.
pub(crate) fn pack(convolution: &Convolution, weight: &[f32]) -> Vec<f32> {
    let out_channels = convolution.channels as usize;
    let channels = weight.len() / (out_channels * 9);
    let mut packed = vec![0.0; out_channels.div_ceil(CHANNELS) * channels * CHANNELS * PACKED_TAPS];
    for (k, maps) in weight.chunks_exact(channels * 9).enumerate() {
        for (c, taps) in maps.as_chunks::<9>().0.iter().enumerate() {
            let at = ((k / CHANNELS * channels + c) * CHANNELS + k % CHANNELS) * PACKED_TAPS;
            packed[at..at + PACKED_TAPS].copy_from_slice(&folded(taps));
        }
    }
    packed
}

/// Sums of the nine weights by row and column of the block, then of the tap.
#[expect(clippy::cast_possible_truncation, reason = "rounding to single precision is the point")]
fn folded(taps: &[f32; 9]) -> [f32; PACKED_TAPS] {
    // The first of two taps holds the weights before the end, the second those from it on.
    let range = |place: usize, tap: usize| if tap == 0 { 0..place + 1 } else { place + 1..3 };
    std::array::from_fn(|at| {
        let (rows, columns) = (range(at / 8, at / 2 % 2), range(at / 4 % 2, at % 2));
        let sum: f64 = rows.flat_map(|i| columns.clone().map(move |j| f64::from(taps[3 * i + j]))).sum();
        sum as f32
    })
}

crate::params! {
    Params {
        channels: u32, height: u32, width: u32, out_channels: u32,
        across: u32, down: u32, extent: u32, has_bias: u32, slope: f32,
    }
}

/// Appends the convolution of `x` of this shape, doubled first.
pub(super) fn record(
    gpu: &Gpu,
    recording: &mut Recording,
    convolution: &Convolution,
    epilogue: Epilogue,
    shape: Shape,
    buffers: &Buffers<'_>,
) -> Result<()> {
    if !supports(convolution, shape, &gpu.traits()) {
        return Err(Error::internal("this convolution or adapter is not for it").at("conv_doubled"));
    }
    let kernel = gpu.kernel(&shader(lanes::workgroup(&gpu.traits())))?;
    let y = Shape { c: convolution.channels, h: shape.h * 2, w: shape.w * 2, ..shape };
    super::count(y)?;
    let (across, down) = (shape.w / 4, shape.h.div_ceil(2));
    let params = Params {
        channels: shape.c,
        height: shape.h,
        width: shape.w,
        out_channels: convolution.channels,
        across,
        down,
        extent: shape.n * across * down,
        has_bias: epilogue.bias.into(),
        slope: epilogue.activation.slope,
    };
    let grid = [params.extent, convolution.channels.div_ceil(CHANNELS as u32), 1];
    let packed = (convolution.channels as usize).next_multiple_of(CHANNELS) * shape.c as usize * PACKED_TAPS;
    recording.dispatch(&kernel, &params, &buffers.bound(shape, packed, y), grid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_that_fall_on_one_position_are_summed() {
        let taps = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
        let folded = folded(&taps);
        // First row and column of a block: the corner alone, then the two taps right of it, below it, and the other four.
        assert_eq!(folded[..4], [1.0, 6.0, 72.0, 432.0]);
        // Last row and column: the other way round.
        assert_eq!(folded[12..], [27.0, 36.0, 192.0, 256.0]);
        assert!(folded.as_chunks::<4>().0.iter().all(|place| place.iter().sum::<f32>() == 511.0));
    }
}
