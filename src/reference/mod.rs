//! The same kernels and graph as obvious loops on the CPU: for tests, `doctor` and `bench`, never for the normal path.

pub mod adaptive_average_pool;
pub mod add;
pub mod average_pool;
mod case;
pub mod conv;
pub mod conv_doubled;
pub mod edit;
pub mod graph;
pub mod histogram;
pub mod label_argmax;
pub mod linear;
pub mod max_pool;
pub mod peak;
pub mod pixel_norm;
mod pool;
pub mod precise_roi_pool;
pub mod relu;
pub mod roof_arithmetic;
pub mod softmax;
pub mod splice;
pub mod threshold_iou;
pub mod upsample_bilinear;
pub mod upsample_nearest;

pub use case::{Case, Data, Expected, Mismatch, Output, Record, Size, Work, rng};

use crate::tensor::{HostTensor, Shape};

/// Makes the cases of a kernel.
pub type MakeCases = fn() -> Vec<Case>;

/// The cases of each kernel, by stem, in the order of [`crate::kernels::ALL`].
pub static CASES: &[(&str, MakeCases)] = &[
    ("adaptive_average_pool", adaptive_average_pool::cases),
    ("add", add::cases),
    ("average_pool", average_pool::cases),
    ("conv", conv::cases),
    ("conv_broadcast", conv::broadcast_cases),
    ("conv_doubled", conv_doubled::cases),
    ("conv_pointwise", conv::pointwise_cases),
    ("conv_tiled", conv::tiled_cases),
    ("edit", edit::cases),
    ("histogram", histogram::cases),
    ("label_argmax", label_argmax::cases),
    ("linear", linear::cases),
    ("linear_broadcast", linear::broadcast_cases),
    ("max_pool", max_pool::cases),
    ("peak", peak::cases),
    ("pixel_norm", pixel_norm::cases),
    ("precise_roi_pool", precise_roi_pool::cases),
    ("relu", relu::cases),
    ("roof_arithmetic", roof_arithmetic::cases),
    ("softmax", softmax::cases),
    ("splice", splice::cases),
    ("threshold_iou", threshold_iou::cases),
    ("upsample_bilinear", upsample_bilinear::cases),
    ("upsample_nearest", upsample_nearest::cases),
];

/// The cases of one kernel.
pub fn cases(stem: &str) -> Vec<Case> {
    CASES.iter().find(|(name, _)| *name == stem).map_or_else(Vec::new, |(_, cases)| cases())
}

/// Maps in double precision, NCHW: what the twins compute on.
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
