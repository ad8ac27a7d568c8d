//! Shapes and host tensors. Layout is NCHW, row-major, f32, everywhere.

use std::fmt;

use crate::error::{Error, Result};

/// Shape of a batch of maps: images, channels, rows, columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Images in the batch.
    pub n: u32,
    /// Channels (units).
    pub c: u32,
    /// Rows.
    pub h: u32,
    /// Columns.
    pub w: u32,
}

impl Shape {
    /// A shape from its four sizes.
    pub const fn new(n: u32, c: u32, h: u32, w: u32) -> Self {
        Shape { n, c, h, w }
    }

    /// Number of elements.
    pub const fn len(self) -> usize {
        self.n as usize * self.c as usize * self.h as usize * self.w as usize
    }

    /// Whether there is no element.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Size in memory as f32.
    pub const fn bytes(self) -> u64 {
        self.len() as u64 * 4
    }

    /// Positions of one map.
    pub const fn positions(self) -> u32 {
        self.h * self.w
    }

    /// The same maps at another batch size.
    pub const fn with_batch(self, n: u32) -> Self {
        Shape { n, ..self }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}, {}, {}]", self.n, self.c, self.h, self.w)
    }
}

/// A batch of maps in host memory.
#[derive(Debug, Clone, PartialEq)]
pub struct HostTensor {
    /// Shape, NCHW.
    pub shape: Shape,
    /// Elements, row-major.
    pub data: Vec<f32>,
}

impl HostTensor {
    /// A tensor of these elements.
    ///
    /// # Errors
    /// [`crate::error::Kind::Internal`] if the number of elements is not that of the shape.
    pub fn new(shape: Shape, data: Vec<f32>) -> Result<Self> {
        if data.len() == shape.len() {
            Ok(HostTensor { shape, data })
        } else {
            Err(Error::internal(format!("{} elements do not fill a tensor of shape {shape}", data.len())))
        }
    }

    /// A tensor of zeros.
    pub fn zeros(shape: Shape) -> Self {
        HostTensor { shape, data: vec![0.0; shape.len()] }
    }

    /// The first image with a value that is NaN or infinite.
    pub fn first_not_finite(&self) -> Option<usize> {
        let images = self.data.chunks_exact(self.shape.with_batch(1).len().max(1));
        images.map(|image| image.iter().all(|value| value.is_finite())).position(|finite| !finite)
    }

    /// Index of an element.
    pub const fn index(&self, n: u32, c: u32, y: u32, x: u32) -> usize {
        ((n as usize * self.shape.c as usize + c as usize) * self.shape.h as usize + y as usize) * self.shape.w as usize
            + x as usize
    }
}
