//! 1x1 convolution on software adapters. See `shaders/conv_pointwise.wgsl` for the contract.

use super::convolution::{Buffers, Epilogue};
use super::lanes::{self, LANES};
use super::template::{Form, act};
use super::{Agreement, Entry};
use crate::error::{Error, Result};
use crate::geometry::Convolution;
use crate::gpu::{Gpu, Recording, Shader, Traits};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "conv_pointwise",
    shaders: || FORMS.iter().map(|form| shader(form, LANES)).collect(),
    runs_on: lanes::fit,
    agreement: Agreement::SameBits,
    mutants: &[
        ("params.out_width * params.stride_y", "params.out_width"),
        ("params.out_width * params.stride_x", "params.out_width"),
        ("n_1 * params.channels * params.plane", "0u"),
        ("in_plane_1 * 4u + 2u", "in_plane_1 * 4u + 1u"),
        ("at_1 += 4u", "at_1 += 3u"),
        ("var weight_at = first", "var weight_at = 0u * first"),
        ("< params.out_channels {", "<= params.out_channels {"),
        ("id.x * 2u + 1u >= params.extent", "id.x * 2u + 1u >= params.extent - 1u"),
        ("params.slope == 0.0", "params.slope != 0.0"),
        ("params.slope * t", "t"),
        ("params.has_bias == 1u", "params.has_bias == 0u"),
        ("bias[min(first + 0u", "bias[min(0u"),
        ("+ lane % 8u;", "+ lane % 4u;"),
    ],
};

/// Positions an invocation computes.
const POSITIONS: u32 = 8;
/// Channels of x that a pass of the loop takes.
const DEPTH: u32 = 4;

/// What a text of the template depends on.
struct Tiling {
    /// Output channels an invocation computes.
    channels: u32,
    /// Positions read at once.
    vector: u32,
    /// Positions written at once.
    stored: u32,
}

const fn form(channels: u32, vector: u32, stored: u32) -> Form<Tiling> {
    Form::new(Tiling { channels, vector, stored })
}

/// Of the forms for a number of channels, the first that suits stride and map. Sixty-four channels written one by one would take
/// three seconds to compile.
static FORMS: [Form<Tiling>; 4] = [form(64, 4, 4), form(64, 1, 4), form(32, 4, 4), form(32, 1, 1)];

fn shader(form: &'static Form<Tiling>, workgroup: u32) -> Shader {
    form.shader("conv_pointwise", text!("conv_pointwise", "activation"), workgroup, |kind| {
        let quad = [".x", ".y", ".z", ".w"];
        let element = |positions: u32| if positions == 1 { "f32" } else { "vec4<f32>" };
        minijinja::context! {
            channels => kind.channels, vector => kind.vector, stored => kind.stored, quad, act => act(kind.stored),
            loads => POSITIONS / kind.vector, parts => POSITIONS / kind.stored,
            loaded_element => element(kind.vector), stored_element => element(kind.stored),
            places => if kind.vector == 1 { vec![""] } else { quad.to_vec() },
        }
    })
}

impl Tiling {
    /// Whether it computes a convolution of this stride to maps of so many positions.
    fn suits(&self, channels: u32, stride: [u32; 2], positions: u32) -> bool {
        self.channels == channels && (self.vector == 1 || stride == [1, 1]) && positions.is_multiple_of(self.stored)
    }
}

/// The form for this convolution of maps of this shape on an adapter, `channels` output channels to an invocation.
fn form_for(channels: u32, convolution: &Convolution, shape: Shape, traits: &Traits) -> Option<&'static Form<Tiling>> {
    let window = &convolution.window;
    let computes = window.kernel == [1, 1]
        && window.padding == [0, 0]
        && convolution.groups == 1
        && shape.c.is_multiple_of(DEPTH)
        && lanes::fit(traits);
    let (h, w) = window.output(shape.h, shape.w).ok().filter(|_| computes)?;
    FORMS.iter().find(|form| form.kind.suits(channels, window.stride, h.checked_mul(w).unwrap_or(1)))
}

/// Whether the kernel computes this convolution of maps of this shape on an adapter, `channels` output channels to an invocation.
pub fn supports(channels: u32, convolution: &Convolution, shape: Shape, traits: &Traits) -> bool {
    form_for(channels, convolution, shape, traits).is_some()
}

/// The output channels to an invocation that are worth trying, the most promising first.
pub(super) fn channels(convolution: &Convolution, shape: Shape, traits: &Traits) -> Vec<u32> {
    let supported = |channels: u32| supports(channels, convolution, shape, traits);
    // Fewer load more for each product; they are for what is left of the channels, and where there is nothing else.
    let few = matches!(convolution.channels % 64, 1..=32) || !supported(64);
    [64, 32].into_iter().filter(|&channels| supported(channels) && (channels == 64 || few)).collect()
}

crate::params! {
    Params {
        channels: u32, plane: u32, width: u32, stride_y: u32, stride_x: u32,
        out_channels: u32, out_plane: u32, out_width: u32, extent: u32, has_bias: u32, slope: f32,
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
    let form = form_for(channels, convolution, shape, &gpu.traits())
        .ok_or_else(|| Error::internal("this convolution or adapter is not for it").at("conv_pointwise"))?;
    let Tiling { vector, stored, .. } = form.kind;
    let kernel = gpu.kernel(&shader(form, lanes::workgroup(&gpu.traits())))?;
    super::count(shape)?;
    let y = Shape { c: convolution.channels, h, w, ..shape };
    super::count(y)?;
    let params = Params {
        channels: shape.c,
        plane: shape.h * shape.w / vector,
        width: shape.w,
        stride_y,
        stride_x,
        out_channels: convolution.channels,
        out_plane: h * w / stored,
        out_width: w,
        extent: shape.n * (h * w / stored),
        has_bias: epilogue.bias.into(),
        slope: epilogue.activation.slope,
    };
    let grid = [params.extent.div_ceil(POSITIONS / stored), convolution.channels.div_ceil(channels), 1];
    let packed = convolution.channels.next_multiple_of(channels) as usize * shape.c as usize;
    recording.dispatch(&kernel, &params, &buffers.bound(shape, packed, y), grid)
}
