//! Convolution: the portable kernel and its faster variants. See `shaders/conv.wgsl` for the contract.

use super::{Entry, everywhere};
use crate::error::{Error, Result};
use crate::geometry::{Convolution, Window};
use crate::gpu::{Buffer, Gpu, Recording, Shader, Traits};
use crate::tensor::Shape;

/// Row of the table: the portable kernel.
pub static ENTRY: Entry = Entry {
    stem: "conv",
    shaders: || vec![portable()],
    runs_on: everywhere,
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
        ("if params.relu == 1u", "if params.relu == 3u"),
        ("0.2 * value", "value"),
        ("q >= 4u", "q > 4u"),
    ],
};

/// A way to compute a convolution. All give the same bits on one adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// Any convolution on any adapter.
    Portable,
    /// 3x3 with stride 1 and padding as dilation, or with stride 2 and padding 1; one group: weights handed around in the subgroup.
    Broadcast {
        /// Columns of the output per invocation.
        pixels: u32,
    },
    /// 1x1 without padding, one group, channels by four: weights handed around in the subgroup.
    Pointwise {
        /// Output channels per invocation.
        channels: u32,
    },
    /// Any convolution of one group as a product of matrices tiled in workgroup memory.
    Tiled,
}

impl Variant {
    /// The variants worth trying for a convolution of maps of a shape; the portable one is first.
    pub fn candidates(convolution: &Convolution, shape: Shape, traits: &Traits) -> Vec<Variant> {
        let mut all = vec![Variant::Portable];
        // A GPU's registers do not hold the 256 sums of an invocation.
        if traits.software {
            let columns = super::conv_broadcast::columns(convolution, shape, traits);
            all.extend(columns.into_iter().map(|pixels| Variant::Broadcast { pixels }));
            let channels = super::conv_pointwise::channels(convolution, shape, traits);
            all.extend(channels.into_iter().map(|channels| Variant::Pointwise { channels }));
        }
        // Barriers and workgroup memory are what software adapters do worst.
        if super::conv_tiled::supports(convolution) && !traits.software {
            all.push(Variant::Tiled);
        }
        all
    }

    /// Whether it can end a convolution with 2x2 max-pooling.
    pub fn pools(self, convolution: &Convolution) -> bool {
        matches!(self, Variant::Broadcast { pixels: 7 | 8 }) && convolution.window == Window::square(3, 1, 1)
    }

    /// Stem of the kernel that runs it.
    pub fn stem(self) -> &'static str {
        match self {
            Variant::Portable => "conv",
            Variant::Broadcast { .. } => "conv_broadcast",
            Variant::Pointwise { .. } => "conv_pointwise",
            Variant::Tiled => "conv_tiled",
        }
    }

    /// The weight `[k, c / groups, kh, kw]` in the order that the variant reads.
    pub fn pack(self, convolution: &Convolution, weight: &[f32]) -> Vec<f32> {
        match self {
            Variant::Portable => pack_blocks(convolution, weight, BLOCK),
            Variant::Pointwise { channels } => pack_blocks(convolution, weight, channels),
            Variant::Tiled => super::conv_tiled::pack(convolution, weight),
            Variant::Broadcast { pixels } => super::conv_broadcast::pack(convolution, weight, pixels),
        }
    }
}

/// The function behind a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// The sum itself.
    None,
    /// `max(0, t)`.
    Relu,
    /// `max(t, 0.2 t)`.
    LeakyRelu,
}

impl Activation {
    /// The number that shaders know it by.
    pub(super) const fn code(self) -> u32 {
        match self {
            Activation::None => 0,
            Activation::Relu => 1,
            Activation::LeakyRelu => 2,
        }
    }
}

/// What is done with a sum before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epilogue {
    /// Add the bias.
    pub bias: bool,
    /// Then apply this.
    pub activation: Activation,
    /// Then the maximum of each 2x2 window, stride 2; an odd last row or column is left out. See [`Variant::pools`].
    pub pool: bool,
}

/// Buffers of a convolution; `bias` may be any buffer of the right size where there is none to add.
pub struct Buffers<'a> {
    /// Input `[n, c, h, w]`.
    pub x: &'a Buffer,
    /// Weight, packed by [`Variant::pack`].
    pub weight: &'a Buffer,
    /// Bias `[k]`.
    pub bias: &'a Buffer,
    /// Output.
    pub y: &'a Buffer,
}

/// Appends a convolution of `x` by a variant that supports it.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the window does not fit the map; else as [`Recording::dispatch`].
pub fn conv(
    gpu: &Gpu,
    recording: &mut Recording,
    variant: Variant,
    convolution: &Convolution,
    epilogue: Epilogue,
    shape: Shape,
    buffers: &Buffers<'_>,
) -> Result<()> {
    if epilogue.pool && !variant.pools(convolution) {
        return Err(Error::internal("cannot end with pooling").at(variant.stem()));
    }
    if epilogue.pool && epilogue.activation == Activation::LeakyRelu {
        return Err(Error::internal("no variant ends with both a leaky ReLU and pooling").at(variant.stem()));
    }
    match variant {
        Variant::Portable => record_portable(gpu, recording, convolution, epilogue, shape, buffers),
        Variant::Broadcast { pixels } => {
            super::conv_broadcast::record(gpu, recording, pixels, convolution, epilogue, shape, buffers)
        }
        Variant::Pointwise { channels } => {
            super::conv_pointwise::record(gpu, recording, channels, convolution, epilogue, shape, buffers)
        }
        Variant::Tiled => super::conv_tiled::record(gpu, recording, convolution, epilogue, shape, buffers),
    }
}

/// Products of a sum on software adapters. llvmpipe allows an invocation 65,535 rounds of loops, all loops together; then it leaves
/// them without a word. Some are for storing.
const MOST_TAPS: u64 = 65_000;

/// Channels that an invocation of the portable kernel computes.
const BLOCK: u32 = 8;

/// The weight `[k, c / groups, kh, kw]` as `[groups, ceil(k / groups / block), c / groups, kh, kw, block]`, padded with zeros.
fn pack_blocks(convolution: &Convolution, weight: &[f32], block: u32) -> Vec<f32> {
    let (channels, block) = (convolution.channels as usize, block as usize);
    let out_group = channels / convolution.groups as usize;
    let taps = weight.len() / channels;
    let blocks = out_group.div_ceil(block);
    let mut packed = vec![0.0; convolution.groups as usize * blocks * taps * block];
    for (k, values) in weight.chunks_exact(taps).enumerate() {
        let (group, within) = (k / out_group, k % out_group);
        let start = (group * blocks + within / block) * taps * block + within % block;
        values.iter().enumerate().for_each(|(tap, &value)| packed[start + tap * block] = value);
    }
    packed
}

fn portable() -> Shader {
    Shader::new("conv", include_str!("../../shaders/conv.wgsl"))
}

crate::params! {
    /// Sizes of a convolution.
    Params {
        channels: u32, height: u32, width: u32,
        out_channels: u32, out_height: u32, out_width: u32,
        kernel_h: u32, kernel_w: u32, stride_y: u32, stride_x: u32, pad_y: u32, pad_x: u32, dilation_y: u32, dilation_x: u32,
        groups: u32, has_bias: u32, relu: u32,
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
            relu: epilogue.activation.code(),
        })
    }
}

fn record_portable(
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
    let kernel = gpu.kernel(&portable())?;
    let params = Params::new(convolution, epilogue, shape)?;
    let blocks = convolution.groups * (convolution.channels / convolution.groups).div_ceil(BLOCK);
    let extent = [params.out_height * params.out_width.div_ceil(4), blocks, shape.n];
    recording.dispatch(&kernel, &params, &[buffers.x, buffers.weight, buffers.bias, buffers.y], extent)
}
