//! Maps brought to another size. See `shaders/upsample_bilinear.wgsl` for the contract.

use super::{Agreement, Entry, everywhere, walk};
use crate::error::Result;
use crate::geometry::Border;
use crate::gpu::{Buffer, Gpu, Recording, Shader};
use crate::tensor::Shape;

/// Row of the table.
pub static ENTRY: Entry = Entry {
    stem: "upsample_bilinear",
    shaders: || vec![shader()],
    runs_on: everywhere,
    agreement: Agreement::Portable,
    mutants: &[
        ("f32(t) + 0.5", "f32(t)"),
        ("edge || (cy == y && cx == x)", "true"),
        ("edge || (cy == y && cx == x)", "cy == y && cx == x"),
        ("fma(fy * fx, se,", "fma(fy * fy, se,"),
        ("iy + 1, ix, h", "iy, ix + 1, h"),
        ("u32(cy) * w", "u32(cy) * h"),
    ],
};

fn shader() -> Shader {
    shader!("upsample_bilinear", "bilinear")
}

crate::params! {
    Params { count: u32, grid_stride: u32, height: u32, width: u32, out_height: u32, out_width: u32, edge: u32 }
}

/// Appends the resampling of `x` of this shape into `y` of `h` rows and `w` columns.
///
/// # Errors
/// As [`Recording::dispatch`].
pub fn upsample_bilinear(
    gpu: &Gpu,
    recording: &mut Recording,
    shape: Shape,
    (h, w): (u32, u32),
    border: Border,
    x: &Buffer,
    y: &Buffer,
) -> Result<()> {
    let count = super::count(Shape { h, w, ..shape })?;
    let params = |grid_stride| Params {
        count,
        grid_stride,
        height: shape.h,
        width: shape.w,
        out_height: h,
        out_width: w,
        edge: (border == Border::Edge).into(),
    };
    walk(gpu, recording, &shader(), count, params, &[x.holding(shape.len()), y.holding(count as usize)])
}
