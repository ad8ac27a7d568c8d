//! 3x3 convolution on software adapters. See `shaders/conv_broadcast.wgsl` for the contract.

use super::convolution::{Buffers, Epilogue};
use super::lanes::{self, LANES};
use super::template::{Form, act};
use super::{Agreement, Entry};
use crate::error::{Error, Result};
use crate::geometry::{Convolution, Window};
use crate::gpu::{Gpu, Recording, Shader, Traits};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "conv_broadcast",
    shaders: || FORMS.iter().map(|form| shader(form, LANES)).collect(),
    runs_on: lanes::fit,
    agreement: Agreement::SameBits,
    mutants: &[
        ("has_0 = left >= 1u", "has_0 = true"),
        ("let has_line_0 = top + 0u * 1u >= 1u && top", "let has_line_0 = top"),
        ("top + 2u * 1u < params.height + 1u", "true"),
        ("top + 3u * 1u < params.height + 1u", "true"),
        ("top + 3u * params.dilation_y < params.height", "top + 3u * params.dilation_y <= params.height"),
        ("across % params.dilation_x + ", ""),
        ("down / params.dilation_y * params.dilation_y", "down / params.dilation_y"),
        ("if column + 0u * params.dilation_x < params.out_width {", "{"),
        ("if row + 0u * params.dilation_y < params.out_height {", "{"),
        ("column * 2u", "column"),
        ("top + 4u * 1u < params.height + 1u", "true"),
        ("if channel >= params.out_channels { return; }", ""),
        ("map += plane", "map += params.width"),
        ("n * params.channels * plane", "0u"),
        ("if id.x >= params.extent { return; }", "if id.x >= params.extent - 1u { return; }"),
        ("params.slope == 0.0", "params.slope != 0.0"),
        ("params.slope * t", "t"),
        ("params.has_bias == 1u", "params.has_bias == 0u"),
        ("lane % 8u", "lane % 4u"),
    ],
};

/// Rows an invocation computes.
const ROWS: u32 = 2;

/// Output channels an invocation computes, by its columns: about as many sums for each.
const fn channels(pixels: u32) -> u32 {
    if pixels == 4 { 32 } else { 16 }
}

/// Floats of a channel's weights as packed: nine and three zeros, so that they are loaded by four.
const PACKED_TAPS: usize = 12;

/// What a text of the template depends on.
struct Tiling {
    /// Columns of y an invocation computes.
    pixels: u32,
    /// Steps between windows.
    stride: u32,
    /// Columns read and written at once.
    vector: u32,
    /// Ends with 2x2 max-pooling.
    pool: bool,
}

const fn form(pixels: u32, stride: u32, vector: u32, pool: bool) -> Form<Tiling> {
    Form::new(Tiling { pixels, stride, vector, pool })
}

/// Of the forms for a number of columns and a stride, the one of the widest vector that divides the widths of x and y. Only those
/// without vectors dilate: with them, neighbours of a dilated window lie in twice as many vectors, and nothing is gained.
static FORMS: [Form<Tiling>; 10] = [
    form(8, 1, 4, false),
    form(8, 1, 2, false),
    form(8, 1, 1, false),
    form(7, 1, 1, false),
    form(4, 1, 4, false),
    form(4, 2, 4, false),
    form(4, 2, 1, false),
    form(8, 1, 4, true),
    form(8, 1, 2, true),
    form(8, 1, 1, true),
];

fn shader(form: &'static Form<Tiling>, workgroup: u32) -> Shader {
    form.shader("conv_broadcast", text!("conv_broadcast", "activation", "larger"), workgroup, |kind| {
        let vector = |size: u32| if size == 1 { "f32".to_owned() } else { format!("vec{size}<f32>") };
        let quad = [".x", ".y", ".z", ".w"];
        let parts = if kind.vector == 1 { vec![""] } else { quad[..kind.vector as usize].to_vec() };
        let stored_vector = if kind.pool { (kind.vector / 2).max(1) } else { kind.vector };
        minijinja::context! {
            pixels => kind.pixels, channels => channels(kind.pixels), stride => kind.stride, vector => kind.vector,
            pool => kind.pool, stored_vector, act => act(kind.vector),
            loaded => vector(kind.vector), stored => vector(stored_vector),
            last_part => parts[parts.len() - 1], parts, quad,
        }
    })
}

/// Whether the kernel computes this convolution of maps of this shape on an adapter, `pixels` columns to an invocation.
pub fn supports(pixels: u32, convolution: &Convolution, shape: Shape, traits: &Traits) -> bool {
    let window = &convolution.window;
    let has_form = match (pixels, window.stride) {
        (7 | 8, [1, 1]) => window.padding == window.dilation,
        (4, [1, 1]) => *window == Window::square(3, 1, 1) && shape.w.is_multiple_of(4),
        (4, _) => *window == Window::square(3, 2, 1),
        _ => false,
    };
    has_form && window.kernel == [3, 3] && convolution.groups == 1 && lanes::fit(traits)
}

/// The columns to an invocation that are worth trying, the most promising first.
pub(super) fn columns(convolution: &Convolution, shape: Shape, traits: &Traits) -> Vec<u32> {
    let blocks = shape.w.div_ceil(8) * shape.h.div_ceil(ROWS);
    let promises = |pixels: &u32| match pixels {
        // Without vectors it is slower, but maps of 14 and 28 columns leave none of its lanes idle.
        7 => !shape.w.is_multiple_of(8),
        // It loads more for each product, but keeps all lanes busy where blocks of eight columns are few.
        4 => convolution.window.stride == [2, 2] || blocks <= 12,
        _ => true,
    };
    let supported = |pixels: &u32| supports(*pixels, convolution, shape, traits);
    [8, 7, 4].into_iter().filter(supported).filter(promises).collect()
}

/// The weight `[k, c, 3, 3]` as `[ceil(k / channels), c, channels, 12]`, padded with zeros; 16 or 32 channels by the columns.
pub fn pack(convolution: &Convolution, weight: &[f32], pixels: u32) -> Vec<f32> {
    let per_block = channels(pixels) as usize;
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
        channels: u32, height: u32, width: u32, out_channels: u32, out_height: u32, out_width: u32,
        dilation_y: u32, dilation_x: u32,
        across: u32, down: u32, extent: u32, has_bias: u32, slope: f32,
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
    let by = if pool && pixels == 7 { 8 } else { pixels };
    let Convolution { channels: out_channels, window, .. } = *convolution;
    let (out_height, out_width) = window.output(shape.h, shape.w)?;
    let [dilation_y, dilation_x] = window.dilation;
    let reads = |vector: u32| {
        vector == 1 || window.dilation == [1, 1] && shape.w.is_multiple_of(vector) && out_width.is_multiple_of(vector)
    };
    let fits =
        |kind: &Tiling| kind.pixels == by && kind.stride == window.stride[0] && kind.pool == pool && reads(kind.vector);
    let form =
        FORMS.iter().find(|form| fits(&form.kind)).filter(|_| supports(pixels, convolution, shape, &gpu.traits()));
    let form = form.ok_or_else(|| Error::internal("this convolution or adapter is not for it").at("conv_broadcast"))?;
    let kernel = gpu.kernel(&shader(form, lanes::workgroup(&gpu.traits())))?;
    let across = dilation_x * out_width.div_ceil(dilation_x).div_ceil(by);
    let down = dilation_y * out_height.div_ceil(dilation_y).div_ceil(ROWS);
    let extent = u64::from(shape.n) * u64::from(across) * u64::from(down);
    let extent = u32::try_from(extent).map_err(|_| Error::internal("too many positions").at("conv_broadcast"))?;
    let params = Params {
        channels: shape.c,
        height: shape.h,
        width: shape.w,
        out_channels,
        out_height,
        out_width,
        dilation_y,
        dilation_x,
        across,
        down,
        extent,
        has_bias: epilogue.bias.into(),
        slope: epilogue.activation.slope,
    };
    let grid = [extent, out_channels.div_ceil(channels(by)), 1];
    let packed = out_channels.next_multiple_of(channels(by)) as usize * shape.c as usize * PACKED_TAPS;
    let shrink = if pool { 2 } else { 1 };
    let y = Shape { c: out_channels, h: out_height / shrink, w: out_width / shrink, ..shape };
    recording.dispatch(&kernel, &params, &buffers.bound(shape, packed, y), grid)
}
