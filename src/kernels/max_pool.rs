//! Maximum over a sliding window. See `shaders/max_pool.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, strided};
use crate::error::{Error, Result};
use crate::geometry::Window;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "max_pool",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("from_y < 0 || ", ""),
        ("from_x >= i32(params.width)", "from_x > i32(params.width)"),
        ("i * params.dilation_y", "i"),
        ("column * params.stride_x", "column"),
        ("var best = -0x1.fffffep+127f", "var best = 0.0"),
        ("(at / params.out_width) % params.out_height", "at / params.out_width"),
    ],
};

fn shader() -> Shader {
    shader!("max_pool")
}

crate::params! {
    /// Sizes of a pooling; the average takes the same.
    Params {
        count: u32, grid_stride: u32,
        height: u32, width: u32, out_height: u32, out_width: u32,
        kernel_h: u32, kernel_w: u32, stride_y: u32, stride_x: u32, pad_y: u32, pad_x: u32, dilation_y: u32, dilation_x: u32,
    }
}

impl Params {
    pub(super) fn new(window: &Window, shape: Shape, workgroup: u32) -> Result<Params> {
        let (out_height, out_width) = window.output(shape.h, shape.w)?;
        let count = super::count(Shape { h: out_height, w: out_width, ..shape })?;
        Ok(Params {
            count,
            grid_stride: strided(count, workgroup),
            height: shape.h,
            width: shape.w,
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
        })
    }
}

/// Appends the pooling of `x` of this shape into `y`.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the window does not fit, or padding reaches half of it; else as [`Recording::dispatch`].
pub fn max_pool(
    gpu: &Gpu,
    recording: &mut Recording,
    window: &Window,
    shape: Shape,
    x: &Buffer,
    y: &Buffer,
) -> Result<()> {
    if (0..2).any(|axis| window.padding[axis] * 2 > window.kernel[axis]) {
        return Err(Error::input("padding is more than half of the window").at("max_pool"));
    }
    let kernel = gpu.kernel(&shader())?;
    let params = Params::new(window, shape, kernel.interface.workgroup[0])?;
    let bound = [x.holding(shape.len()), y.holding(params.count as usize)];
    recording.dispatch(&kernel, &params, &bound, [params.grid_stride, 1, 1])
}
