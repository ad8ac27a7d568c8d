//! Maps in double precision: what the twins compute on.

use crate::tensor::{HostTensor, Shape};

/// Maps in double precision, NCHW.
#[derive(Debug, Clone, PartialEq)]
pub struct Maps {
    /// Shape, NCHW.
    pub shape: Shape,
    /// Elements, row-major.
    pub data: Vec<f64>,
}

impl Maps {
    /// Maps of zeros.
    pub fn zeros(shape: Shape) -> Self {
        Maps { shape, data: vec![0.0; shape.len()] }
    }

    /// Index of an element.
    pub const fn index(&self, n: u32, c: u32, y: u32, x: u32) -> usize {
        ((n as usize * self.shape.c as usize + c as usize) * self.shape.h as usize + y as usize) * self.shape.w as usize
            + x as usize
    }

    /// An element; zero outside the map.
    pub fn at(&self, n: u32, c: u32, y: i64, x: i64) -> f64 {
        match (u32::try_from(y), u32::try_from(x)) {
            (Ok(y), Ok(x)) if y < self.shape.h && x < self.shape.w => self.data[self.index(n, c, y, x)],
            _ => 0.0,
        }
    }

    /// Rounded to single precision.
    #[expect(clippy::cast_possible_truncation, reason = "rounding to single precision is the point")]
    pub fn to_f32(&self) -> Vec<f32> {
        self.data.iter().map(|&value| value as f32).collect()
    }
}

impl From<&HostTensor> for Maps {
    fn from(tensor: &HostTensor) -> Self {
        Maps { shape: tensor.shape, data: tensor.data.iter().map(|&value| f64::from(value)).collect() }
    }
}
