//! Surfaces: colour, pattern and gloss of what things are made of, in metres along the surface.

use super::labels::Material;
use super::math::{Vec3, mix, rgb, smooth};
use super::noise::{fractal, lattice, noise};

/// How the colour of a surface goes on over it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pattern {
    /// One colour, with stains of this strength.
    Plain(f32),
    /// Courses of stones of a length and height; `second` is the mortar.
    Courses(f32, f32),
    /// Boards of a width along u (true) or v, with grain; `second` is the gap.
    Boards(f32, bool),
    /// Square tiles of a side; `second` is the joint.
    Tiles(f32),
    /// Two colours in turn, in bands of a width along u (true) or v.
    Bands(f32, bool),
    /// Two colours in turn, in squares of a side.
    Checks(f32),
    /// Patches of both colours of a size.
    Patches(f32),
    /// Small clumps of leaves or blades of a size.
    Leaves(f32),
    /// Grains of a size, long along u.
    Grain(f32),
    /// Backs of books of a width.
    Books(f32),
    /// Rows of windows of a width and a height; `second` is the glass.
    Windows(f32, f32),
}

/// What a thing is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surface {
    pub(crate) color: Vec3,
    pub(crate) second: Vec3,
    pub(crate) pattern: Pattern,
    pub(crate) material: Option<Material>,
    /// Share of what it mirrors, 0 to 1.
    pub(crate) gloss: f32,
    /// Light it gives of itself.
    pub(crate) shine: f32,
    pub(crate) seed: u32,
}

impl Surface {
    pub(crate) const fn new(color: Vec3, pattern: Pattern, material: Option<Material>) -> Surface {
        Surface { color, second: color, pattern, material, gloss: 0.0, shine: 0.0, seed: 1 }
    }

    pub(crate) const fn second(self, second: Vec3) -> Surface {
        Surface { second, ..self }
    }

    pub(crate) const fn gloss(self, gloss: f32) -> Surface {
        Surface { gloss, ..self }
    }

    pub(crate) const fn shine(self, shine: f32) -> Surface {
        Surface { shine, ..self }
    }

    pub(crate) const fn seed(self, seed: u32) -> Surface {
        Surface { seed, ..self }
    }

    pub(crate) fn plaster(color: Vec3) -> Surface {
        Surface::new(color, Pattern::Plain(0.10), Some(Material::Plaster))
    }

    pub(crate) fn brick(color: Vec3) -> Surface {
        Surface::new(color, Pattern::Courses(0.5, 0.17), Some(Material::Brick)).second(mix(color, rgb(0xC9BEB0), 0.6))
    }

    pub(crate) fn stone(color: Vec3) -> Surface {
        Surface::new(color, Pattern::Courses(1.1, 0.5), Some(Material::Stone)).second(color * 0.55)
    }

    pub(crate) fn concrete(color: Vec3) -> Surface {
        Surface::new(color, Pattern::Plain(0.16), Some(Material::Concrete))
    }

    pub(crate) fn boards(color: Vec3, width: f32, upright: bool) -> Surface {
        Surface::new(color, Pattern::Boards(width, upright), Some(Material::Wood)).second(color * 0.4)
    }

    pub(crate) fn wood(color: Vec3) -> Surface {
        Surface::new(color, Pattern::Grain(0.06), Some(Material::Wood)).second(color * 0.62).gloss(0.03)
    }

    pub(crate) fn shingles(color: Vec3) -> Surface {
        Surface::new(color, Pattern::Courses(0.45, 0.34), Some(Material::Tile)).second(color * 0.55)
    }

    pub(crate) fn metal(color: Vec3) -> Surface {
        Surface::new(color, Pattern::Plain(0.05), Some(Material::Metal)).gloss(0.22)
    }

    pub(crate) fn glass(color: Vec3) -> Surface {
        Surface::new(color, Pattern::Plain(0.0), Some(Material::Glass)).gloss(0.55)
    }

    pub(crate) fn fabric(color: Vec3) -> Surface {
        Surface::new(color, Pattern::Patches(0.12), Some(Material::Fabric)).second(color * 0.88)
    }

    pub(crate) fn leaves(color: Vec3, size: f32) -> Surface {
        Surface::new(color, Pattern::Leaves(size), Some(Material::Foliage)).second(color * 0.60)
    }

    pub(crate) fn bark(color: Vec3) -> Surface {
        Surface::new(color, Pattern::Grain(0.12), Some(Material::Wood)).second(color * 0.5)
    }

    pub(crate) fn tiles(color: Vec3, side: f32) -> Surface {
        Surface::new(color, Pattern::Tiles(side), Some(Material::Tile)).second(color * 0.72).gloss(0.10)
    }

    pub(crate) fn ceramic(color: Vec3) -> Surface {
        Surface::new(color, Pattern::Plain(0.0), Some(Material::Ceramic)).gloss(0.16)
    }

    pub(crate) fn plastic(color: Vec3) -> Surface {
        Surface::new(color, Pattern::Plain(0.02), Some(Material::Plastic)).gloss(0.06)
    }

    pub(crate) fn of(color: Vec3, material: Material) -> Surface {
        Surface::new(color, Pattern::Plain(0.06), Some(material))
    }

    /// Colour at a place along the surface; `blur` is what a pixel spans there, metres.
    pub(crate) fn albedo(&self, u: f32, v: f32, blur: f32) -> Vec3 {
        let (first, second, seed) = (self.color, self.second, self.seed);
        match self.pattern {
            Pattern::Plain(stain) => {
                if stain == 0.0 {
                    return first;
                }
                first * (1.0 + stain * 1.6 * fractal(u * 0.7, v * 0.7, 4, blur * 0.7, seed))
            }
            Pattern::Courses(length, height) => {
                let row = (v / height).floor();
                let shift = if row as i32 % 2 == 0 { 0.0 } else { 0.5 };
                let along = u / length + shift;
                let joint =
                    line(v / height, 0.10, blur / height).max(line(along, 0.10 * height / length, blur / length));
                let tone = lattice(along.floor() as i32, row as i32, seed) - 0.5;
                let keep = fine(blur / height);
                let plain = first * (1.0 + 0.10 * fractal(u * 0.5, v * 0.5, 3, blur * 0.5, seed));
                mix(plain * (1.0 + 0.36 * tone * keep), second, joint * 0.8)
            }
            Pattern::Boards(width, upright) => {
                let (across, along) = if upright { (u, v) } else { (v, u) };
                let board = (across / width).floor();
                let tone = lattice(board as i32, 3, seed) - 0.5;
                let grain = fractal(across * 30.0, along * 1.5 + board * 7.0, 3, blur * 8.0, seed);
                let keep = fine(blur / width);
                mix(
                    first * (1.0 + 0.30 * tone * keep + 0.12 * grain),
                    second,
                    line(across / width, 0.09, blur / width) * 0.85,
                )
            }
            Pattern::Tiles(side) => {
                let joint = line(u / side, 0.07, blur / side).max(line(v / side, 0.07, blur / side));
                let tone = lattice((u / side).floor() as i32, (v / side).floor() as i32, seed) - 0.5;
                mix(first * (1.0 + 0.08 * tone * fine(blur / side)), second, joint)
            }
            Pattern::Bands(width, upright) => {
                let at = if upright { u } else { v } / (2.0 * width);
                mix(first, second, line(at, 0.5, blur / (2.0 * width)))
            }
            Pattern::Checks(side) => {
                let sharp = |at: f32| line(at / (2.0 * side), 0.5, blur / (2.0 * side));
                let (a, b) = (sharp(u), sharp(v));
                mix(first, second, a + b - 2.0 * a * b)
            }
            Pattern::Patches(size) => mix(first, second, 0.5 + 0.9 * fractal(u / size, v / size, 3, blur / size, seed)),
            Pattern::Leaves(size) => {
                let dark = fractal(u / size, v / size, 3, blur / size * 0.7, seed);
                mix(first, second, (0.42 + 1.3 * dark).clamp(0.0, 1.0))
            }
            Pattern::Grain(size) => {
                let wavy = u + 0.3 * size * noise(u / size * 0.2, v * 1.2, seed);
                mix(first, second, 0.4 + 0.7 * fractal(wavy / size, v / (size * 9.0), 3, blur / size, seed))
            }
            Pattern::Books(width) => {
                let at = u / width;
                let book = at.floor() as i32;
                let tone = lattice(book, 5, seed);
                let hue = [first, second, rgb(0x7A2E2A), rgb(0x2F4A6B), rgb(0xC8B58A), rgb(0x3E5B45)];
                let color = hue[(lattice(book, 9, seed) * 5.99) as usize] * (0.6 + 0.7 * tone);
                let mean = (first + second) * 0.4;
                mix(mean, mix(color, color * 0.25, line(at, 0.16, blur / width)), fine(blur / width * 0.7))
            }
            Pattern::Windows(width, height) => {
                let pane = |at: f32, wide: f32, blur: f32| 1.0 - line(at + wide / 2.0, wide, blur);
                let glass = pane(u / width, 0.42, blur / width) * pane(v / height, 0.45, blur / height);
                let tone = lattice((u / width).floor() as i32, (v / height).floor() as i32, seed);
                mix(first, second * (0.55 + 0.9 * tone), glass)
            }
        }
    }
}

/// 1 on a line of width `wide` round whole numbers, 0 off it, softened by `blur`; in the far, its mean.
fn line(at: f32, wide: f32, blur: f32) -> f32 {
    let off = (at - (at + 0.5).floor()).abs();
    let soft = blur.max(1e-4) * 0.5;
    let near = smooth(wide / 2.0 + soft, wide / 2.0 - soft, off);
    mix(near, wide, smooth(0.4, 1.0, blur))
}

/// 1 for what a pixel can hold, 0 for what is finer.
fn fine(blur: f32) -> f32 {
    smooth(1.2, 0.4, blur)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fade_to_their_mean_in_the_far() {
        let wall = Surface::brick(rgb(0x9A4A38));
        let (near, far) = (0.001, 50.0);
        let spread = |blur: f32| {
            let values: Vec<f32> = (0..60).map(|at| wall.albedo(at as f32 * 0.043, 0.3, blur).x).collect();
            values.iter().fold(f32::MIN, |a, &b| a.max(b)) - values.iter().fold(f32::MAX, |a, &b| a.min(b))
        };
        assert!(spread(near) > 0.1 && spread(far) < 0.01, "{} {}", spread(near), spread(far));
    }

    #[test]
    fn lines_have_their_width() {
        let share = (0..1000).map(|at| line(at as f32 / 1000.0, 0.2, 0.001)).sum::<f32>() / 1000.0;
        assert!((share - 0.2).abs() < 0.01, "{share}");
    }
}
