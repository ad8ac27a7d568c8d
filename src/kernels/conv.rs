//! Convolution, the portable kernel. See `shaders/conv.wgsl` for the contract.

use super::convolution::{Buffers, Epilogue, pack_blocks};
use super::{Agreement, Entry, everywhere};
use crate::error::{Error, Result};
use crate::geometry::Convolution;
use crate::gpu::{Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "conv",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("from_y >= 0 && ", ""),
        ("from_x >= vec4<i32>(0)", "from_x >= vec4<i32>(-1)"),
        ("from_y < i32(params.height)", "from_y <= i32(params.height)"),
        ("i * params.dilation_y", "i"),
        ("columns * params.stride_x", "columns"),
        ("params.channels + group * in_group", "params.channels"),
        ("map += select(0u, plane, last_i)", "map += select(0u, plane, last_j)"),
        ("if channel > place.last { return; }", ""),
        ("place.column + p >= params.out_width", "place.column + p > params.out_width"),
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
    shader!("conv", "activation")
}

/// The weight `[k, c / groups, kh, kw]` as the kernel reads it.
pub(super) fn pack(convolution: &Convolution, weight: &[f32]) -> Vec<f32> {
    pack_blocks(convolution, weight, BLOCK)
}

crate::params! {
    Params {
        channels: u32, height: u32, width: u32,
        out_channels: u32, out_height: u32, out_width: u32,
        kernel_h: u32, kernel_w: u32, stride_y: u32, stride_x: u32, pad_y: u32, pad_x: u32, dilation_y: u32, dilation_x: u32,
        groups: u32, has_bias: u32, slope: f32,
    }
}

impl Params {
    fn new(convolution: &Convolution, epilogue: Epilogue, shape: Shape) -> Result<Params> {
        let window = &convolution.window;
        let (out_height, out_width) = window.output(shape.h, shape.w)?;
        if convolution.groups == 0
            || !shape.c.is_multiple_of(convolution.groups)
            || !convolution.channels.is_multiple_of(convolution.groups)
        {
            return Err(Error::internal(format!("{} groups do not divide the channels", convolution.groups)));
        }
        Ok(Params {
            channels: shape.c,
            height: shape.h,
            width: shape.w,
            out_channels: convolution.channels,
            out_height,
            out_width,
            kernel_h: window.kernel[0],
            kernel_w: window.kernel[1],
            stride_y: window.stride[0],
            stride_x: window.stride[1],
            pad_y: window.padding[0],
            pad_x: window.padding[1],
            dilation_y: window.dilation[0],
            dilation_x: window.dilation[1],
            groups: convolution.groups,
            has_bias: epilogue.bias.into(),
            slope: epilogue.activation.slope,
        })
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
    let [kh, kw] = convolution.window.kernel.map(u64::from);
    let taps = u64::from(shape.c / convolution.groups.max(1)) * kh * kw;
    if gpu.traits().software && taps > MOST_TAPS {
        let message = format!("each output sums {taps} products; software adapters allow {MOST_TAPS}");
        return Err(Error::input(message).at("conv"));
    }
    let kernel = gpu.kernel(&shader())?;
    let params = Params::new(convolution, epilogue, shape)?;
    let blocks = convolution.groups * (convolution.channels / convolution.groups).div_ceil(BLOCK);
    let extent = [params.out_height * params.out_width.div_ceil(4), blocks, shape.n];
    let packed = blocks as usize * taps as usize * BLOCK as usize;
    let y = Shape { c: convolution.channels, h: params.out_height, w: params.out_width, ..shape };
    recording.dispatch(&kernel, &params, &buffers.bound(shape, packed, y), extent)
}
