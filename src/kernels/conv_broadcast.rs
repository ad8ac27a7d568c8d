//! The convolution of VGG-like networks on software adapters. See `shaders/conv_broadcast.wgsl` for the contract.

use std::sync::OnceLock;

use super::Entry;
use super::conv::{Buffers, Epilogue};
use crate::error::{Error, Result};
use crate::geometry::{Convolution, Window};
use crate::gpu::{Gpu, Recording, Shader, Traits};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "conv_broadcast",
    shaders: || FORMS.iter().map(|form| form.shader(LANES)).collect(),
    runs_on: lanes_fit,
    mutants: &[
        ("has_0 = column > 0u", "has_0 = true"),
        ("let has_line_0 = row + 0u >= 1u && row", "let has_line_0 = row"),
        ("let has_line_2 = row + 2u >= 1u && row + 2u <= params.height", "let has_line_2 = true"),
        ("let has_line_3 = row + 3u >= 1u && row + 3u <= params.height", "let has_line_3 = true"),
        ("if channel >= params.out_channels { return; }", ""),
        ("map += plane", "map += params.width"),
        ("n * params.channels * plane", "0u"),
        ("if id.x >= params.extent { return; }", "if id.x >= params.extent - 1u { return; }"),
        ("params.relu == 1u", "params.relu == 3u"),
        ("0.2 * ", ""),
        ("params.has_bias == 1u", "params.has_bias == 0u"),
        ("lane % 8u", "lane % 4u"),
    ],
};

/// Output channels an invocation computes, and rows of them.
const CHANNELS: u32 = 16;
const ROWS: u32 = 2;

/// Lanes that share the loads of the weights; larger subgroups load them more than once.
pub(super) const LANES: u32 = 8;

/// Floats of a channel's weights as packed: nine and three zeros, so that they are loaded by four.
const PACKED_TAPS: usize = 12;

/// A text of the template, written out once.
struct Form {
    /// Columns of the map an invocation computes.
    pixels: u32,
    /// Columns read and written at once.
    vector: u32,
    /// Ends with 2x2 max-pooling.
    pool: bool,
    text: OnceLock<String>,
}

const fn form(pixels: u32, vector: u32, pool: bool) -> Form {
    Form { pixels, vector, pool, text: OnceLock::new() }
}

/// Columns of a map and whether they are pooled decide the form: the widest vector that divides the map's width.
static FORMS: [Form; 7] = [
    form(8, 4, false),
    form(8, 2, false),
    form(8, 1, false),
    form(7, 1, false),
    form(8, 4, true),
    form(8, 2, true),
    form(8, 1, true),
];

impl Form {
    /// The text, for workgroups of `workgroup` invocations.
    fn shader(&'static self, workgroup: u32) -> Shader {
        let text = self.text.get_or_init(|| {
            let vector = |size: u32| if size == 1 { "f32".to_owned() } else { format!("vec{size}<f32>") };
            let quad = [".x", ".y", ".z", ".w"];
            let parts = if self.vector == 1 { vec![""] } else { quad[..self.vector as usize].to_vec() };
            let stored_vector = if self.pool { (self.vector / 2).max(1) } else { self.vector };
            let context = minijinja::context! {
                pixels => self.pixels, vector => self.vector, pool => self.pool, stored_vector,
                loaded => vector(self.vector), stored => vector(stored_vector),
                last_part => parts[parts.len() - 1], parts, quad,
            };
            let source = include_str!("../../shaders/conv_broadcast.wgsl");
            super::template::render("conv_broadcast", source, context)
        });
        Shader::new("conv_broadcast", text.as_str()).constant("WG", workgroup.into())
    }
}

/// Whether an adapter has subgroups that can hand weights around.
pub(super) fn lanes_fit(traits: &Traits) -> bool {
    let (smallest, largest) = traits.subgroup_sizes;
    traits.subgroups && smallest >= LANES && largest <= traits.workgroup_invocations
}

/// Whether the kernel computes this convolution on an adapter.
pub fn supports(convolution: &Convolution, traits: &Traits) -> bool {
    convolution.window == Window::square(3, 1, 1) && convolution.groups == 1 && lanes_fit(traits)
}

/// The weight `[k, c, 3, 3]` as `[ceil(k/16), c, 16, 12]`, padded with zeros.
pub fn pack(convolution: &Convolution, weight: &[f32]) -> Vec<f32> {
    let per_block = CHANNELS as usize;
    let out_channels = convolution.channels as usize;
    let channels = weight.len() / (out_channels * 9);
    let mut packed = vec![0.0; out_channels.div_ceil(per_block) * channels * per_block * PACKED_TAPS];
    for (k, maps) in weight.chunks_exact(channels * 9).enumerate() {
        for (c, taps) in maps.chunks_exact(9).enumerate() {
            let at = ((k / per_block * channels + c) * per_block + k % per_block) * PACKED_TAPS;
            packed[at..at + 9].copy_from_slice(taps);
        }
    }
    packed
}

crate::params! {
    Params {
        channels: u32, height: u32, width: u32, out_channels: u32,
        across: u32, down: u32, extent: u32, has_bias: u32, relu: u32,
    }
}

/// Appends the convolution, `pixels` columns to an invocation.
pub(super) fn record(
    gpu: &Gpu,
    recording: &mut Recording,
    pixels: u32,
    convolution: &Convolution,
    epilogue: Epilogue,
    shape: Shape,
    buffers: &Buffers<'_>,
) -> Result<()> {
    let pool = epilogue.pool;
    // Windows of two do not fit seven columns: pooling is done by eight.
    let by = if pool { 8 } else { pixels };
    let fits = |form: &&Form| form.pixels == by && form.pool == pool && shape.w.is_multiple_of(form.vector);
    let form = FORMS.iter().find(fits).filter(|_| supports(convolution, &gpu.traits()));
    let form = form.ok_or_else(|| Error::internal("this convolution or adapter is not for it").at("conv_broadcast"))?;
    let kernel = gpu.kernel(&form.shader(gpu.traits().subgroup_sizes.1.next_multiple_of(LANES)))?;
    let (across, down) = (shape.w.div_ceil(form.pixels), shape.h.div_ceil(ROWS));
    let extent = u64::from(shape.n) * u64::from(across) * u64::from(down);
    let extent = u32::try_from(extent).map_err(|_| Error::internal("too many positions").at("conv_broadcast"))?;
    let params = Params {
        channels: shape.c,
        height: shape.h,
        width: shape.w,
        out_channels: convolution.channels,
        across,
        down,
        extent,
        has_bias: epilogue.bias.into(),
        relu: epilogue.activation.code(),
    };
    let grid = [extent, convolution.channels.div_ceil(CHANNELS), 1];
    recording.dispatch(&kernel, &params, &[buffers.x, buffers.weight, buffers.bias, buffers.y], grid)
}
