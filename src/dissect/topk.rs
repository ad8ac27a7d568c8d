//! The images that drive each unit highest.

/// The `k` images with the highest peak of each unit, highest first; equal peaks by image index.
///
/// Where there are fewer than `k` images, `images` ends in `u32::MAX` and `peaks` in negative infinity.
#[derive(Debug, Clone, PartialEq)]
pub struct TopK {
    /// Images kept for each unit.
    pub k: usize,
    /// Units of the layer.
    pub units: usize,
    /// Peak activation over the native map, `[units, k]`.
    pub peaks: Vec<f32>,
    /// Index of the image in the run's order, `[units, k]`.
    pub images: Vec<u32>,
}
