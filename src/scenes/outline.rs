//! Outlines and which samples of which pixels they cover (even-odd where an outline crosses itself twice, else by winding).

use super::math::{cosine, sine};

/// A closed polygon in pixels, y down.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outline {
    points: Vec<(f32, f32)>,
}

impl Outline {
    pub(crate) fn new(points: Vec<(f32, f32)>) -> Outline {
        Outline { points }
    }

    /// An ellipse whose edge is moved out and in by `rough(i)` of its radius at each of `corners` points.
    pub(crate) fn ellipse(centre: (f32, f32), radius: (f32, f32), corners: u32, rough: impl Fn(u32) -> f32) -> Outline {
        let point = |corner: u32| {
            let (angle, reach) = (corner as f32 / corners as f32, 1.0 + rough(corner));
            (centre.0 + radius.0 * reach * cosine(angle), centre.1 + radius.1 * reach * sine(angle))
        };
        Outline { points: (0..corners).map(point).collect() }
    }

    /// Left, top, right, bottom.
    fn bounds(&self) -> (f32, f32, f32, f32) {
        self.points.iter().fold((f32::MAX, f32::MAX, f32::MIN, f32::MIN), |(left, top, right, bottom), &(x, y)| {
            (left.min(x), top.min(y), right.max(x), bottom.max(y))
        })
    }
}

/// Scratch for tracing outlines.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    side: usize,
    samples: Vec<u16>,
    centres: Vec<bool>,
    crossings: Vec<(f32, i32)>,
}

/// Samples stand a quarter of a pixel apart; rows are shifted against each other, by these shares of that, so that steep edges get
/// sixteen levels.
const SHIFTS: [f32; 4] = [0.125, -0.375, 0.375, -0.125];

impl Coverage {
    pub(crate) fn new(side: usize) -> Coverage {
        Coverage { side, samples: vec![0; side], centres: vec![false; side], crossings: Vec::new() }
    }

    /// Calls `visit(x, y, samples, centre)` for each pixel that the outline touches: which of its sixteen samples are inside,
    /// and whether its centre is.
    pub(crate) fn trace(&mut self, outline: &Outline, mut visit: impl FnMut(usize, usize, u16, bool)) {
        let (left, top, right, bottom) = outline.bounds();
        let side = self.side as f32;
        // Also drops outlines that hold no number or no point.
        if !(left < side && top < side && right > 0.0 && bottom > 0.0) {
            return;
        }
        let columns = left.max(0.0) as usize..(right.ceil().min(side) as usize);
        for y in top.max(0.0) as usize..(bottom.ceil().min(side) as usize) {
            self.samples[columns.clone()].fill(0);
            self.centres[columns.clone()].fill(false);
            for (row, shift) in SHIFTS.iter().enumerate() {
                self.cross(outline, y as f32 + 0.125 + 0.25 * row as f32);
                self.spans(|this, from, to| {
                    let index = |x: f32| ((x * 4.0 - 0.5 - shift).ceil().clamp(0.0, side * 4.0)) as usize;
                    this.cover(row, index(from), index(to));
                });
            }
            self.cross(outline, y as f32 + 0.5);
            self.spans(|this, from, to| {
                let index = |x: f32| ((x - 0.5).ceil().clamp(0.0, side)) as usize;
                this.centres[index(from)..index(to).max(index(from))].fill(true);
            });
            for x in columns.clone() {
                let (samples, centre) = (self.samples[x], self.centres[x]);
                if samples != 0 || centre {
                    visit(x, y, samples, centre);
                }
            }
        }
    }

    /// Where the outline crosses a horizontal line, from left to right, and which way.
    fn cross(&mut self, outline: &Outline, y: f32) {
        self.crossings.clear();
        let points = &outline.points;
        let mut last = points[points.len() - 1];
        for &point in points {
            if (last.1 <= y) != (point.1 <= y) {
                let at = last.0 + (point.0 - last.0) * ((y - last.1) / (point.1 - last.1));
                self.crossings.push((at, if point.1 > last.1 { 1 } else { -1 }));
            }
            last = point;
        }
        self.crossings.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    }

    /// Calls `take` for each span that the outline winds round.
    fn spans(&mut self, mut take: impl FnMut(&mut Coverage, f32, f32)) {
        let crossings = std::mem::take(&mut self.crossings);
        let (mut winding, mut from) = (0, 0.0);
        for &(at, way) in &crossings {
            if winding == 0 {
                from = at;
            }
            winding += way;
            if winding == 0 {
                take(self, from, at);
            }
        }
        self.crossings = crossings;
    }

    /// Marks samples `from..to` of a row of samples.
    fn cover(&mut self, row: usize, from: usize, to: usize) {
        let mut at = from;
        while at < to {
            let (pixel, first) = (at / 4, at % 4);
            let last = (to - pixel * 4).min(4);
            let bits = (0xF >> (4 - last) & !((1u16 << first) - 1)) & 0xF;
            self.samples[pixel] |= bits << (row * 4);
            at = pixel * 4 + 4;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(outline: &Outline) -> (f32, usize) {
        let (mut samples, mut centres) = (0, 0);
        Coverage::new(64).trace(outline, |_, _, covered, centre| {
            samples += covered.count_ones();
            centres += usize::from(centre);
        });
        (samples as f32 / 16.0, centres)
    }

    #[test]
    fn areas_are_right_to_a_sample_and_outlines_beyond_the_picture_are_cut() {
        let square = Outline::new(vec![(3.5, 4.25), (23.5, 4.25), (23.5, 14.25), (3.5, 14.25)]);
        assert_eq!(area(&square), (200.0, 200));
        let beyond = Outline::new(vec![(-50.0, -50.0), (500.0, -50.0), (500.0, 500.0), (-50.0, 500.0)]);
        assert_eq!(area(&beyond), (4096.0, 4096));
        let disc = area(&Outline::ellipse((32.0, 32.0), (20.0, 10.0), 64, |_| 0.0));
        assert!((disc.0 - 628.0).abs() < 4.0 && disc.1.abs_diff(628) < 6, "{disc:?}");
        assert_eq!(area(&Outline::new(vec![(f32::NAN, 1.0), (3.0, 4.0), (5.0, 1.0)])).1, 0);
        assert_eq!(area(&Outline::default()).1, 0);
    }

    #[test]
    fn a_steep_edge_has_sixteen_levels() {
        let levels: std::collections::BTreeSet<u32> = (0..=16)
            .map(|step| {
                let x = step as f32 / 16.0;
                let edge = Outline::new(vec![(0.0, 0.0), (x + 0.01, 0.0), (x + 0.01, 1.0), (0.0, 1.0)]);
                (area(&edge).0 * 16.0) as u32
            })
            .collect();
        assert_eq!(levels.len(), 17);
    }
}
