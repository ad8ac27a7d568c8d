//! Convolution as a tiled matrix product, for GPUs. See `shaders/conv_tiled.wgsl` for the contract.

use super::convolution::{Buffers, Epilogue};
use super::window::WindowParams;
use super::{Agreement, Entry, everywhere};
use crate::error::{Error, Result};
use crate::geometry::Convolution;
use crate::gpu::{Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub(crate) static ENTRY: Entry = Entry {
    stem: "conv_tiled",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::SameBits,
    mutants: &[
        ("has_rows(row) & ", ""),
        ("x < vec4<i32>(i32(params.window.width))", "x <= vec4<i32>(i32(params.window.width))"),
        ("vec4<i32>(column * params.window.stride_x)", "vec4<i32>(column)"),
        ("(group.y * tiles + tile)", "tile"),
        ("if position >= params.positions", "if position > params.positions"),
        ("i * params.window.dilation_y", "i"),
        ("tile < tiles", "tile < tiles - 1u"),
        ("value += bias[k]", "value += bias[0]"),
        ("params.slope * t", "t"),
    ],
};

/// Channels, positions and taps of a tile, and invocations of a workgroup; as in the shader. What the two tiles take, 12 KiB, is
/// within the 16 KiB that every WebGPU adapter has.
const CHANNELS: u32 = 64;
const POSITIONS: u32 = 128;
const DEPTH: usize = 16;
const WORKGROUP: u32 = 256;

/// Whether the kernel computes this convolution.
pub(crate) fn supports(convolution: &Convolution) -> bool {
    convolution.groups == 1
}

fn shader() -> Shader {
    shader!("conv_tiled", "window", "activation")
}

/// The weight `[k, c, kh, kw]` as `[ceil(k/64), ceil(c kh kw / 16) 16, 64]`, padded with zeros.
pub(crate) fn pack(convolution: &Convolution, weight: &[f32]) -> Vec<f32> {
    let per_block = CHANNELS as usize;
    let channels = convolution.channels as usize;
    let taps = weight.len() / channels;
    let padded = taps.next_multiple_of(DEPTH);
    let mut packed = vec![0.0; channels.div_ceil(per_block) * padded * per_block];
    for (k, values) in weight.chunks_exact(taps).enumerate() {
        let start = k / per_block * padded * per_block + k % per_block;
        values.iter().enumerate().for_each(|(tap, &value)| packed[start + tap * per_block] = value);
    }
    packed
}

crate::params! {
    Params {
        window: WindowParams,
        channels: u32, out_channels: u32,
        taps: u32, positions: u32, has_bias: u32, slope: f32,
    }
}

/// Appends the convolution.
pub(super) fn record(
    gpu: &Gpu,
    recording: &mut Recording,
    convolution: &Convolution,
    epilogue: Epilogue,
    shape: Shape,
    buffers: &Buffers<'_>,
) -> Result<()> {
    if !supports(convolution) {
        return Err(Error::internal("it takes one group").at("conv_tiled"));
    }
    let kernel = gpu.kernel(&shader())?;
    let Convolution { channels, window, .. } = *convolution;
    let taps = shape.c * window.kernel[0] * window.kernel[1];
    let window = WindowParams::new(&window, shape)?;
    let positions = super::count(Shape { n: shape.n, c: 1, h: window.out_height, w: window.out_width })?;
    let params = Params {
        window,
        channels: shape.c,
        out_channels: channels,
        taps,
        positions,
        has_bias: epilogue.bias.into(),
        slope: epilogue.activation.slope,
    };
    let extent = [positions.div_ceil(POSITIONS) * WORKGROUP, channels.div_ceil(CHANNELS), 1];
    let packed = (channels.next_multiple_of(CHANNELS) as usize) * (params.taps as usize).next_multiple_of(DEPTH);
    let y = Shape { c: channels, h: window.out_height, w: window.out_width, ..shape };
    recording.dispatch(&kernel, &params, &buffers.bound(shape, packed, y), extent)
}
