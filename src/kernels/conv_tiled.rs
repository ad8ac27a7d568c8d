//! Convolution as a tiled matrix product, for GPUs. See `shaders/conv_tiled.wgsl` for the contract.

use super::conv::{Buffers, Epilogue, Params};
use super::{Entry, everywhere};
use crate::error::Result;
use crate::geometry::Convolution;
use crate::gpu::{Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "conv_tiled",
    shaders: || vec![shader()],
    runs_on: everywhere,
    mutants: &[
        ("from_y < 0 || ", ""),
        ("from_x >= i32(params.width)", "from_x > i32(params.width)"),
        ("weights[k * taps + q]", "weights[k * DEPTH + q]"),
        ("if p < positions", "if p <= positions"),
        ("(tap / params.kernel_w) * params.dilation_y", "(tap / params.kernel_w)"),
        ("start += DEPTH", "start += DEPTH + 1u"),
        ("value += bias[k]", "value += bias[0]"),
    ],
};

/// Positions and channels of a workgroup, and invocations along a side; as in the shader.
const TILE: u32 = 64;
const SIDE: u32 = 16;

/// Whether the kernel computes this convolution.
pub fn supports(convolution: &Convolution) -> bool {
    convolution.groups == 1
}

fn shader() -> Shader {
    Shader::new("conv_tiled", include_str!("../../shaders/conv_tiled.wgsl"))
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
    let kernel = gpu.kernel(&shader())?;
    let params = Params::new(convolution, epilogue, shape)?;
    let positions = params.out_height * params.out_width;
    let extent = [positions.div_ceil(TILE) * SIDE, convolution.channels.div_ceil(TILE) * SIDE, shape.n];
    recording.dispatch(&kernel, &params, &[buffers.x, buffers.weight, buffers.bias, buffers.y], extent)
}
