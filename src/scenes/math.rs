//! Vectors and the few functions a renderer needs, made of IEEE arithmetic alone: the same bits on every machine.

use std::ops::{Add, AddAssign, Mul, Neg, Sub};

/// A point or direction in metres (x right, y up, z away), or a colour in linear light (red, green, blue).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Vec3 {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) z: f32,
}

/// Shorthand for a vector.
pub(crate) const fn vec3(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3 { x, y, z }
}

/// A colour in linear light from a display colour `0xRRGGBB`; displays are taken for squaring.
pub(crate) const fn rgb(hex: u32) -> Vec3 {
    let [_, r, g, b] = hex.to_be_bytes();
    let (r, g, b) = (r as f32 / 255.0, g as f32 / 255.0, b as f32 / 255.0);
    vec3(r * r, g * g, b * b)
}

impl Vec3 {
    pub(crate) const UP: Vec3 = vec3(0.0, 1.0, 0.0);
    pub(crate) const ZERO: Vec3 = vec3(0.0, 0.0, 0.0);

    pub(crate) const fn grey(value: f32) -> Vec3 {
        vec3(value, value, value)
    }

    pub(crate) fn dot(self, other: Vec3) -> f32 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    pub(crate) fn cross(self, other: Vec3) -> Vec3 {
        vec3(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )
    }

    pub(crate) fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// The same direction with length 1; zero stays zero.
    pub(crate) fn unit(self) -> Vec3 {
        let length = self.length();
        if length > 0.0 { self * (1.0 / length) } else { self }
    }

    /// Weight of red, green and blue in what the eye takes for brightness.
    pub(crate) fn luminance(self) -> f32 {
        self.dot(vec3(0.25, 0.65, 0.10))
    }
}

impl Add for Vec3 {
    type Output = Vec3;
    fn add(self, other: Vec3) -> Vec3 {
        vec3(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl AddAssign for Vec3 {
    fn add_assign(&mut self, other: Vec3) {
        *self = *self + other;
    }
}

impl Sub for Vec3 {
    type Output = Vec3;
    fn sub(self, other: Vec3) -> Vec3 {
        vec3(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

impl Neg for Vec3 {
    type Output = Vec3;
    fn neg(self) -> Vec3 {
        self * -1.0
    }
}

impl Mul<f32> for Vec3 {
    type Output = Vec3;
    fn mul(self, by: f32) -> Vec3 {
        vec3(self.x * by, self.y * by, self.z * by)
    }
}

/// Colours filter each other channel by channel.
impl Mul for Vec3 {
    type Output = Vec3;
    fn mul(self, other: Vec3) -> Vec3 {
        vec3(self.x * other.x, self.y * other.y, self.z * other.z)
    }
}

/// From `a` at 0 to `b` at 1.
pub(crate) fn mix<T: Add<Output = T> + Mul<f32, Output = T>>(a: T, b: T, at: f32) -> T {
    a * (1.0 - at) + b * at
}

/// 0 up to `from`, 1 from `to` on, smooth between; `from > to` turns it round.
pub(crate) fn smooth(from: f32, to: f32, at: f32) -> f32 {
    let at = ((at - from) / (to - from)).clamp(0.0, 1.0);
    at * at * (3.0 - 2.0 * at)
}

/// Share of what is left of light after `distance`, halved at `half`: a rational stand-in for the exponential.
pub(crate) fn faded(distance: f32, half: f32) -> f32 {
    let part = distance / half;
    1.0 / (1.0 + part * (0.65 + 0.35 * part))
}

/// `base` to a whole power from 1 to 64, by multiplication.
pub(crate) fn power(base: f32, exponent: u32) -> f32 {
    (1..exponent).fold(base, |product, _| product * base)
}

/// Sine of an angle in turns, to about 1e-6.
pub(crate) fn sine(turns: f32) -> f32 {
    let mut at = turns - (turns + 0.5).floor();
    if at > 0.25 {
        at = 0.5 - at;
    } else if at < -0.25 {
        at = -0.5 - at;
    }
    let square = at * at;
    // Taylor's series of sin(2 pi x).
    at * (6.283_185_5 + square * (-41.341_7 + square * (81.605_25 + square * (-76.705_86 + square * 42.058_69))))
}

/// Cosine of an angle in turns.
pub(crate) fn cosine(turns: f32) -> f32 {
    sine(turns + 0.25)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sines_of_turns_are_those_of_the_library_to_a_few_millionths() {
        for step in -300..300 {
            let turns = step as f32 / 97.0;
            let right = (f64::from(turns) * std::f64::consts::TAU).sin();
            assert!((f64::from(sine(turns)) - right).abs() < 8e-6, "{turns}");
        }
        assert_eq!(sine(0.25).to_bits(), (-sine(-0.25)).to_bits());
    }

    #[test]
    fn the_fading_of_light_is_half_at_its_half_distance_and_never_rises() {
        assert_eq!(faded(0.0, 7.0), 1.0);
        assert!((faded(7.0, 7.0) - 0.5).abs() < 1e-6);
        assert!((1..100).all(|at| faded(at as f32, 7.0) < faded(at as f32 - 1.0, 7.0)));
    }
}
