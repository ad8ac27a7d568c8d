//! A sliding window as shaders know it: what every kernel that walks one has at the head of its parameters.

use crate::error::Result;
use crate::geometry::Window;
use crate::tensor::Shape;

crate::params! {
    /// As `shaders/shared/window.wgsl` declares it.
    WindowParams {
        height: u32, width: u32, out_height: u32, out_width: u32,
        kernel_h: u32, kernel_w: u32, stride_y: u32, stride_x: u32, pad_y: u32, pad_x: u32, dilation_y: u32, dilation_x: u32,
    }
}

impl WindowParams {
    /// Of a window over maps of this shape.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if it does not fit.
    pub(super) fn new(window: &Window, shape: Shape) -> Result<WindowParams> {
        let (out_height, out_width) = window.output(shape.h, shape.w)?;
        Ok(WindowParams {
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
