//! The eleven basic colour terms (Berlin and Kay 1969) by a fixed rule, so that any photograph has concepts to match.
//!
//! A cell of the grid gets the term of its mean colour, in integers only, so that it is the same everywhere. With `v` the
//! largest of red, green and blue, `c` the largest less the smallest, and the hue in degrees:
//!
//! 1. `v < 48`: black.
//! 2. `c < 0.16 v`, or `c < 16`: black below `v = 64`, grey below 208, white from there on.
//! 3. Else by hue: red below 14 and from 346, orange below 42, yellow below 68, green below 168, blue below 258, purple below 300,
//!    pink below 346; with three exceptions for what people do not call by its hue: orange with `v < 176`, or yellow with
//!    `v < 128`, is brown; red with `v < 112` and `c < 0.6 v` is brown; red with `v >= 176` and `c < 0.56 v` is pink.

use std::ops::Range;

use super::{ConceptInput, ConceptSource, LabelMaps, Vocabulary, one_by_one};
use crate::error::{Error, Result};

/// Version of the rule, for provenance.
const RULE_VERSION: u32 = 1;

/// The terms by number, from 1.
const TERMS: [&str; 11] =
    ["black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown"];

const BLACK: u16 = 1;
const WHITE: u16 = 2;
const GREY: u16 = 3;
const RED: u16 = 4;
const ORANGE: u16 = 5;
const YELLOW: u16 = 6;
const PINK: u16 = 10;
const BROWN: u16 = 11;

/// Hue in degrees at which each term ends, in order.
const HUES: [(u32, u16); 8] =
    [(14, RED), (42, ORANGE), (68, YELLOW), (168, 7), (258, 8), (300, 9), (346, PINK), (360, RED)];

/// The built-in colour concepts.
#[derive(Debug)]
pub struct Colors {
    vocabulary: Vocabulary,
}

impl Colors {
    /// The eleven terms, numbered 1 to 11 in the order of the table in the source.
    pub fn new() -> Colors {
        let names = std::iter::once("-").chain(TERMS).map(str::to_owned).collect();
        let categories = std::iter::once("-").chain([("color"); TERMS.len()]).map(str::to_owned).collect();
        Colors { vocabulary: Vocabulary { names, categories } }
    }
}

impl Default for Colors {
    fn default() -> Self {
        Colors::new()
    }
}

impl ConceptSource for Colors {
    fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn describe(&self) -> serde_json::Value {
        serde_json::json!({ "kind": "colors", "rule_version": RULE_VERSION })
    }

    fn label_maps(&self, images: &[ConceptInput<'_>], grid: (u32, u32)) -> Result<Vec<LabelMaps>> {
        one_by_one(images, |image| self.label_maps_of(image, grid))
    }
}

impl Colors {
    /// Label maps of one image.
    fn label_maps_of(&self, image: &ConceptInput<'_>, (rows, columns): (u32, u32)) -> Result<LabelMaps> {
        let rgb = image.pixels.rgb();
        if rgb.len() != image.h as usize * image.w as usize * 3 || rgb.is_empty() {
            return Err(Error::internal(format!("{} bytes for {}x{}", rgb.len(), image.h, image.w)).at(image.name));
        }
        let mean = |row: u32, column: u32| {
            let row = Share { at: row, of: rows, pixels: image.h };
            mean(&rgb, row, Share { at: column, of: columns, pixels: image.w })
        };
        let labels = (0..rows).flat_map(|row| (0..columns).map(move |column| color_of(mean(row, column)))).collect();
        Ok(LabelMaps { channels: 1, h: rows, w: columns, labels })
    }
}

/// One of the equal parts that a side of an image is cut into.
#[derive(Clone, Copy)]
struct Share {
    /// Which, counted from 0.
    at: u32,
    /// How many there are.
    of: u32,
    /// Pixels of the side.
    pixels: u32,
}

impl Share {
    /// Its pixels: from `floor(at pixels / of)` to `ceil((at + 1) pixels / of)`.
    fn range(self) -> Range<usize> {
        let (at, size, parts) = (u64::from(self.at), u64::from(self.pixels), u64::from(self.of));
        (at * size / parts) as usize..((at + 1) * size).div_ceil(parts) as usize
    }
}

/// Mean colour of a cell, rounded half up.
fn mean(rgb: &[u8], row: Share, column: Share) -> [u32; 3] {
    let (ys, xs) = (row.range(), column.range());
    let count = (ys.len() * xs.len()) as u64;
    let mut sums = [0u64; 3];
    for y in ys {
        let line = (y * column.pixels as usize + xs.start) * 3;
        for pixel in rgb[line..line + xs.len() * 3].chunks_exact(3) {
            sums.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += u64::from(value));
        }
    }
    sums.map(|sum| ((2 * sum + count) / (2 * count)) as u32)
}

/// The term of a colour, 1 to 11; red, green and blue from 0 to 255.
pub fn color_of([r, g, b]: [u32; 3]) -> u16 {
    let v = r.max(g).max(b);
    let c = v - r.min(g).min(b);
    if v < 48 {
        return BLACK;
    }
    if c * 100 < v * 16 || c < 16 {
        return if v < 64 {
            BLACK
        } else if v < 208 {
            GREY
        } else {
            WHITE
        };
    }
    // Degrees, in whole numbers rounded down; one sextant is 60 degrees.
    let hue = if v == r {
        (360 * c + 60 * g - 60 * b) / c % 360
    } else if v == g {
        (120 * c + 60 * b - 60 * r) / c
    } else {
        (240 * c + 60 * r - 60 * g) / c
    };
    let term = HUES.iter().find(|(end, _)| hue < *end).map_or(RED, |(_, term)| *term);
    match term {
        ORANGE if v < 176 => BROWN,
        YELLOW if v < 128 => BROWN,
        RED if v < 112 && c * 10 < v * 6 => BROWN,
        RED if v >= 176 && c * 100 < v * 56 => PINK,
        _ => term,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concepts::Pixels;

    fn term(rgb: [u32; 3]) -> &'static str {
        TERMS[usize::from(color_of(rgb)) - 1]
    }

    #[test]
    fn colours_that_everyone_names_alike_get_that_name() {
        for (rgb, name) in [
            ([0, 0, 0], "black"),
            ([255, 255, 255], "white"),
            ([128, 128, 128], "grey"),
            ([255, 0, 0], "red"),
            ([255, 165, 0], "orange"),
            ([255, 255, 0], "yellow"),
            ([0, 128, 0], "green"),
            ([0, 0, 255], "blue"),
            ([135, 206, 235], "blue"),
            ([138, 43, 226], "purple"),
            ([255, 192, 203], "pink"),
            ([139, 69, 19], "brown"),
        ] {
            assert_eq!(term(rgb), name, "{rgb:?}");
        }
    }

    #[test]
    fn every_colour_has_a_term_and_every_term_a_colour() {
        let mut seen = [false; 12];
        for r in (0..256).step_by(5) {
            for g in (0..256).step_by(5) {
                for b in (0..256).step_by(5) {
                    seen[usize::from(color_of([r, g, b]))] = true;
                }
            }
        }
        assert_eq!(seen.iter().position(|seen| *seen), Some(1));
        assert!(seen[1..].iter().all(|seen| *seen));
    }

    #[test]
    fn a_cell_gets_the_term_of_its_mean_colour() {
        // Left half red and black in turn, right half white; three columns, so that the middle one is mixed.
        let row: Vec<u8> = [[255, 0, 0], [255, 255, 255], [255, 255, 255]].concat();
        let input = ConceptInput { name: "a", pixels: Pixels::Rgb(&row), h: 1, w: 3 };
        let labels = Colors::new().label_maps_of(&input, (1, 2)).unwrap().labels;
        assert_eq!(labels, [color_of([255, 128, 128]), WHITE]);
    }
}
