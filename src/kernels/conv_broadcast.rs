//! The convolution of VGG-like networks on software adapters. See `shaders/conv_broadcast.wgsl` for the contract.

use std::borrow::Cow;

use super::Entry;
use super::conv::{Buffers, Epilogue};
use crate::error::{Error, Result};
use crate::geometry::{Convolution, Window};
use crate::gpu::{Gpu, Recording, Shader, Traits};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "conv_broadcast",
    shaders: || vec![shader(7, 8), shader(4, 32), shader(8, 8)],
    runs_on: |traits| lanes_fit(traits),
    mutants: &[
        ("has_0 = column > 0u", "has_0 = true"),
        ("let has_top = row > 0u", "let has_top = true"),
        ("let has_bottom = row + 1u < params.height", "let has_bottom = true"),
        ("if channel >= params.out_channels { return; }", ""),
        ("map += plane", "map += params.width"),
        ("id.z * params.channels * plane", "0u"),
        ("if !in_map { return; }", "if in_map && position == 0u { return; }"),
        ("params.relu == 1u", "params.relu == 2u"),
    ],
};

/// Output channels an invocation computes.
const CHANNELS: u32 = 16;

/// Invocations of a workgroup; as in the shader.
const WORKGROUP: u32 = 32;

fn lanes_fit(traits: &Traits) -> bool {
    let (smallest, largest) = traits.subgroup_sizes;
    traits.subgroups && smallest == largest && (4..=WORKGROUP).contains(&smallest) && smallest.is_power_of_two()
}

/// Whether the kernel computes this convolution on an adapter.
pub fn supports(convolution: &Convolution, traits: &Traits) -> bool {
    convolution.window == Window::square(3, 1, 1) && convolution.groups == 1 && lanes_fit(traits)
}

/// Channels whose weights one lane loads: 16 lanes and more share a weight.
fn held(lanes: u32) -> u32 {
    CHANNELS.div_ceil(lanes)
}

/// The text for `pixels` pixels an invocation and subgroups of `lanes`.
fn shader(pixels: u32, lanes: u32) -> Shader {
    let (loaded, parts) = match held(lanes) {
        1 => ("f32", vec![""]),
        2 => ("vec2<f32>", vec![".x", ".y"]),
        _ => ("vec4<f32>", vec![".x", ".y", ".z", ".w"]),
    };
    let context = minijinja::context! { pixels, lanes, loaded, parts, held => held(lanes) };
    let text = super::template::render("conv_broadcast", include_str!("../../shaders/conv_broadcast.wgsl"), context);
    Shader::new("conv_broadcast", Cow::Owned(text))
}

/// The weight `[k, c, 3, 3]` as `[ceil(k/16), c, 9, lanes, held]`, padded with zeros.
pub fn pack(convolution: &Convolution, weight: &[f32], lanes: u32) -> Vec<f32> {
    let (lanes, held, per_block) = (lanes as usize, held(lanes) as usize, CHANNELS as usize);
    let out_channels = convolution.channels as usize;
    let channels = weight.len() / (out_channels * 9);
    let mut packed = vec![0.0; out_channels.div_ceil(per_block) * channels * 9 * lanes * held];
    for (k, maps) in weight.chunks_exact(channels * 9).enumerate() {
        let (block, within) = (k / per_block, k % per_block);
        for (tap, &value) in maps.iter().enumerate() {
            packed[((block * channels * 9 + tap) * lanes + within / held) * held + within % held] = value;
        }
    }
    packed
}

crate::params! {
    Params { channels: u32, height: u32, width: u32, out_channels: u32, has_bias: u32, relu: u32 }
}

/// Appends the convolution; `form` is pixels and lanes.
pub(super) fn record(
    gpu: &Gpu,
    recording: &mut Recording,
    form: (u32, u32),
    convolution: &Convolution,
    epilogue: Epilogue,
    shape: Shape,
    buffers: &Buffers<'_>,
) -> Result<()> {
    let (pixels, lanes) = form;
    if !supports(convolution, &gpu.traits()) || gpu.traits().subgroup_sizes.0 != lanes {
        return Err(Error::internal("this convolution or adapter is not for it").at("conv_broadcast"));
    }
    let kernel = gpu.kernel(&shader(pixels, lanes))?;
    let params = Params {
        channels: shape.c,
        height: shape.h,
        width: shape.w,
        out_channels: convolution.channels,
        has_bias: epilogue.bias.into(),
        relu: epilogue.relu.into(),
    };
    let extent = [shape.h * shape.w.div_ceil(pixels), convolution.channels.div_ceil(CHANNELS), shape.n];
    recording.dispatch(&kernel, &params, &[buffers.x, buffers.weight, buffers.bias, buffers.y], extent)
}
