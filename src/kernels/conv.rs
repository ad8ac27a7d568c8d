//! Convolution, the portable kernel. See `shaders/conv.wgsl` for the contract.

use super::convolution::{Buffers, Epilogue, pack_blocks};
use super::window::WindowParams;
use super::{Agreement, Entry, everywhere};
use crate::error::{Error, Result};
use crate::geometry::Convolution;
use crate::gpu::{Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub(crate) static ENTRY: Entry = Entry {
    stem: "conv",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("return y >= 0 && ", "return "),
        ("x >= vec4<i32>(0)", "x >= vec4<i32>(-1)"),
        ("y < i32(params.window.height)", "y <= i32(params.window.height)"),
        ("i * params.window.dilation_y", "i"),
        ("vec4<i32>(column * params.window.stride_x)", "vec4<i32>(column)"),
        ("params.channels + group * in_group", "params.channels"),
        ("map += select(0u, plane, last_i)", "map += select(0u, plane, last_j)"),
        ("if channel > place.last { return; }", ""),
        ("place.column + p >= params.window.out_width", "place.column + p > params.window.out_width"),
        ("value += bias[channel]", "value += bias[place.first]"),
        ("params.slope == 0.0", "params.slope != 0.0"),
        ("params.slope * t", "t"),
        ("q >= 4u", "q > 4u"),
    ],
};

/// Products of a sum on software adapters. llvmpipe allows an invocation 65,535 rounds of loops, all loops together; then it leaves
/// them without a word. Some are for storing.
const MOST_TAPS: u64 = 65_000;

/// Channels that an invocation computes.
const BLOCK: u32 = 8;

fn shader() -> Shader {
    shader!("conv", "window", "activation")
}

/// The weight `[k, c / groups, kh, kw]` as the kernel reads it.
pub(super) fn pack(convolution: &Convolution, weight: &[f32]) -> Vec<f32> {
    pack_blocks(convolution, weight, BLOCK)
}

crate::params! {
    Params { window: WindowParams, channels: u32, out_channels: u32, groups: u32, has_bias: u32, slope: f32 }
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
    let Convolution { channels, window, groups } = *convolution;
    let [kh, kw] = window.kernel.map(u64::from);
    let taps = u64::from(shape.c / groups.max(1)) * kh * kw;
    if gpu.traits().software && taps > MOST_TAPS {
        let message = format!("each output sums {taps} products; software adapters allow {MOST_TAPS}");
        return Err(Error::input(message).at("conv"));
    }
    let kernel = gpu.kernel(&shader())?;
    let window = WindowParams::new(&window, shape)?;
    if groups == 0 || !shape.c.is_multiple_of(groups) || !channels.is_multiple_of(groups) {
        return Err(Error::internal(format!("{groups} groups do not divide the channels")));
    }
    let params = Params {
        window,
        channels: shape.c,
        out_channels: channels,
        groups,
        has_bias: epilogue.bias.into(),
        slope: epilogue.activation.slope,
    };
    let blocks = groups * (channels / groups).div_ceil(BLOCK);
    let extent = [window.out_height * window.out_width.div_ceil(4), blocks, shape.n];
    let packed = blocks as usize * taps as usize * BLOCK as usize;
    let y = Shape { c: channels, h: window.out_height, w: window.out_width, ..shape };
    recording.dispatch(&kernel, &params, &buffers.bound(shape, packed, y), extent)
}
