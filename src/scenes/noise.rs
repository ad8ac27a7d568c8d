//! Value noise: smooth random hills, from -1 to 1.

/// A random number from 0 to 1 for a point of the lattice.
pub(crate) fn lattice(x: i32, y: i32, seed: u32) -> f32 {
    let mut bits = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ seed;
    bits = (bits ^ (bits >> 15)).wrapping_mul(0x2C1B_3C6D);
    bits = (bits ^ (bits >> 12)).wrapping_mul(0x297A_2D39);
    bits ^= bits >> 15;
    (bits >> 8) as f32 / 16_777_216.0
}

/// Noise with one hill a unit.
pub(crate) fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let (left, low) = (x.floor(), y.floor());
    let (u, v) = (x - left, y - low);
    let (column, row) = (left as i32, low as i32);
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (u, v) = (ease(u), ease(v));
    let at = |i: i32, j: i32| lattice(column.wrapping_add(i), row.wrapping_add(j), seed);
    let (below, above) = (at(0, 0) * (1.0 - u) + at(1, 0) * u, at(0, 1) * (1.0 - u) + at(1, 1) * u);
    2.0 * (below * (1.0 - v) + above * v) - 1.0
}

/// Noise of several sizes: each octave half as large and half as strong. Octaves finer than `blur` units are left out, so that
/// nothing flickers that a pixel cannot hold.
pub(crate) fn fractal(x: f32, y: f32, octaves: u32, blur: f32, seed: u32) -> f32 {
    let (mut sum, mut size, mut strength) = (0.0, 1.0, 0.5);
    for octave in 0..octaves {
        let keep = (2.0 - 2.0 * blur * size).clamp(0.0, 1.0);
        if keep == 0.0 {
            break;
        }
        // Turned by an angle whose tangent is 3/4 each time, so that the lattice does not show.
        let (turned_x, turned_y) = (0.8 * x - 0.6 * y, 0.6 * x + 0.8 * y);
        let (at_x, at_y) = if octave % 2 == 0 { (x, y) } else { (turned_x, turned_y) };
        sum += strength * keep * noise(at_x * size, at_y * size, seed.wrapping_add(octave.wrapping_mul(0x51ED_270B)));
        size *= 2.03;
        strength *= 0.5;
    }
    sum
}

/// Like [`fractal`], with sharp crests: from 0 in the valleys to about 1 on the crests.
pub(crate) fn ridged(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut size, mut strength, mut carry) = (0.0, 1.0, 0.55, 1.0);
    for octave in 0..octaves {
        let crest = 1.0 - noise(x * size, y * size, seed.wrapping_add(octave.wrapping_mul(0x2545_F491))).abs();
        let crest = crest * crest * carry;
        sum += strength * crest;
        carry = (crest * 1.4).min(1.0);
        size *= 2.1;
        strength *= 0.5;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_stays_in_its_range_is_smooth_and_depends_on_its_seed() {
        let line: Vec<f32> = (0..2000).map(|step| noise(step as f32 * 0.01 - 7.3, 2.7, 5)).collect();
        assert!(line.iter().all(|value| (-1.0..=1.0).contains(value)));
        assert!(line.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.05));
        assert!(line.iter().any(|value| *value > 0.3) && line.iter().any(|value| *value < -0.3));
        assert_ne!(noise(0.5, 0.5, 1), noise(0.5, 0.5, 2));
    }

    #[test]
    fn what_a_pixel_cannot_hold_is_left_out() {
        assert_eq!(fractal(3.3, 1.7, 5, 100.0, 9), 0.0);
        assert_ne!(fractal(3.3, 1.7, 5, 0.0, 9), fractal(3.3, 1.7, 1, 0.0, 9));
    }
}
