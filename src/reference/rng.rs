//! Seeded numbers for inputs.

use rand_mt::Mt;

use crate::tensor::Shape;

/// A seeded generator.
pub fn seeded(seed: u32) -> Mt {
    Mt::new(seed)
}

/// Integers of `-4..=4` as floats: sums of their products are exact in f32 in any order.
pub fn integers(count: usize, seed: u32) -> Vec<f32> {
    let mut rng = seeded(seed);
    (0..count).map(|_| f32::from(i8::try_from(rng.next_u32() % 9).unwrap_or(0) - 4)).collect()
}

/// Floats of `[-1, 1)`, uniform.
pub fn floats(count: usize, seed: u32) -> Vec<f32> {
    let mut rng = seeded(seed);
    (0..count).map(|_| (f64::from(rng.next_u32()) / f64::from(u32::MAX) * 2.0 - 1.0) as f32).collect()
}

/// What is left of numbers beyond the largest: none, either sign, and infinite ones.
pub(super) const LOST: &[f32] = &[f32::NAN, f32::INFINITY, -f32::NAN, f32::NEG_INFINITY];

/// The values with some of them replaced by these, far from each other; as they are if they are few.
pub(super) fn lost(mut values: Vec<f32>, by: &[f32]) -> Vec<f32> {
    let apart = values.len() / (by.len() + 1);
    if apart > 1 {
        by.iter().enumerate().for_each(|(at, &value)| values[(at + 1) * apart] = value);
    }
    values
}

/// A size from 1 to `most`.
pub fn size(rng: &mut Mt, most: u32) -> u32 {
    1 + rng.next_u32() % most
}

/// A small shape, every size from 1 on.
pub fn shape(rng: &mut Mt) -> Shape {
    Shape::new(size(rng, 3), size(rng, 20), size(rng, 17), size(rng, 19))
}

/// True or false.
pub fn coin(rng: &mut Mt) -> bool {
    rng.next_u32().is_multiple_of(2)
}

/// Rows and columns of a grid that a map of this shape is brought to by whole powers of two, where bilinear weights are dyadic and
/// upsampled integers exact.
pub fn dyadic_grid(rng: &mut Mt, shape: Shape) -> (u32, u32) {
    (shape.h << (rng.next_u32() % 3), shape.w << (rng.next_u32() % 3))
}
