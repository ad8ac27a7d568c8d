//! 1x1 convolution on software adapters. See `shaders/conv_pointwise.wgsl` for the contract.

use std::sync::OnceLock;

use super::Entry;
use super::conv::{Buffers, Epilogue};
use super::conv_broadcast::{LANES, lanes_fit};
use crate::error::{Error, Result};
use crate::geometry::Convolution;
use crate::gpu::{Gpu, Recording, Shader, Traits};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "conv_pointwise",
    shaders: || FORMS.iter().map(|form| form.shader(LANES)).collect(),
    runs_on: lanes_fit,
    mutants: &[
        ("params.stride_y * params.width", "params.width"),
        ("params.out_width * params.stride_x", "params.out_width"),
        ("n_1 * params.channels * params.plane", "0u"),
        ("at_1 += 4u", "at_1 += 3u"),
        ("var weight_at = first", "var weight_at = 0u * first"),
        ("< params.out_channels {", "<= params.out_channels {"),
        ("id.x * 2u + 1u >= params.extent", "id.x * 2u + 1u >= params.extent - 1u"),
        ("params.relu == 1u", "params.relu == 3u"),
        ("0.2 * ", ""),
        ("params.has_bias == 1u", "params.has_bias == 0u"),
        ("bias[min(first + 0u", "bias[min(0u"),
        ("+ lane % 8u;", "+ lane % 4u;"),
    ],
};

/// Positions an invocation computes.
const POSITIONS: u32 = 8;
/// Channels of x that a pass of the loop takes.
const DEPTH: u32 = 4;

/// A text of the template, written out once.
struct Form {
    /// Output channels an invocation computes.
    channels: u32,
    /// Positions read and written at once.
    vector: u32,
    text: OnceLock<String>,
}

const fn form(channels: u32, vector: u32) -> Form {
    Form { channels, vector, text: OnceLock::new() }
}

static FORMS: [Form; 4] = [form(64, 4), form(64, 1), form(32, 4), form(32, 1)];

impl Form {
    /// The text, for workgroups of `workgroup` invocations.
    fn shader(&'static self, workgroup: u32) -> Shader {
        let text = self.text.get_or_init(|| {
            let quad = [".x", ".y", ".z", ".w"];
            let (element, places) = if self.vector == 1 { ("f32", vec![""]) } else { ("vec4<f32>", quad.to_vec()) };
            let context = minijinja::context! {
                channels => self.channels, vector => self.vector, parts => POSITIONS / self.vector, element, places, quad,
            };
            super::template::render("conv_pointwise", include_str!("../../shaders/conv_pointwise.wgsl"), context)
        });
        Shader::new("conv_pointwise", text.as_str()).constant("WG", workgroup.into())
    }
}

/// Whether the kernel computes this convolution of maps of `channels` channels on an adapter.
pub fn supports(convolution: &Convolution, channels: u32, traits: &Traits) -> bool {
    let window = &convolution.window;
    window.kernel == [1, 1]
        && window.padding == [0, 0]
        && convolution.groups == 1
        && channels.is_multiple_of(DEPTH)
        && lanes_fit(traits)
}

crate::params! {
    Params {
        channels: u32, plane: u32, width: u32, stride_y: u32, stride_x: u32,
        out_channels: u32, out_plane: u32, out_width: u32, extent: u32, has_bias: u32, relu: u32,
    }
}

/// Appends the convolution, `channels` output channels to an invocation.
pub(super) fn record(
    gpu: &Gpu,
    recording: &mut Recording,
    channels: u32,
    convolution: &Convolution,
    epilogue: Epilogue,
    shape: Shape,
    buffers: &Buffers<'_>,
) -> Result<()> {
    let (h, w) = convolution.window.output(shape.h, shape.w)?;
    let [stride_y, stride_x] = convolution.window.stride;
    let quads = convolution.window.stride == [1, 1] && (h * w).is_multiple_of(4);
    let vector = if quads { 4 } else { 1 };
    let fits = |form: &&Form| form.channels == channels && form.vector == vector;
    let form = FORMS.iter().find(fits).filter(|_| supports(convolution, shape.c, &gpu.traits()));
    let form = form.ok_or_else(|| Error::internal("this convolution or adapter is not for it").at("conv_pointwise"))?;
    let kernel = gpu.kernel(&form.shader(gpu.traits().subgroup_sizes.1.next_multiple_of(LANES)))?;
    super::count(shape)?;
    super::count(Shape { c: convolution.channels, h, w, ..shape })?;
    let params = Params {
        channels: shape.c,
        plane: shape.h * shape.w / vector,
        width: shape.w,
        stride_y,
        stride_x,
        out_channels: convolution.channels,
        out_plane: h * w / vector,
        out_width: w,
        extent: shape.n * (h * w / vector),
        has_bias: epilogue.bias.into(),
        relu: epilogue.activation.code(),
    };
    let grid = [params.extent.div_ceil(POSITIONS / vector), convolution.channels.div_ceil(channels), 1];
    recording.dispatch(&kernel, &params, &[buffers.x, buffers.weight, buffers.bias, buffers.y], grid)
}
