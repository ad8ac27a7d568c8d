//! The picture as it is painted: sixteen samples a pixel where an edge runs through it, one elsewhere, and a label a pixel.
//!
//! Samples belong to one shape or another and never to a mixture, so that faces that share an edge leave no seam.

use super::labels::Tag;
use super::math::{Vec3, mix};
use super::outline::{Coverage, Outline};

/// Samples of a pixel are rows of four.
const SAMPLES: usize = 16;
/// Every sample.
pub(crate) const WHOLE: u16 = 0xFFFF;

/// A pixel: one colour, or a block of samples.
#[derive(Debug, Clone, Copy)]
struct Cell {
    color: Vec3,
    /// Index of its block plus one; 0 if all samples have the colour.
    block: u32,
}

/// What a shape does to a pixel: a colour in linear light and how much of it, 0 to 1.
pub(crate) type Paint = (Vec3, f32);

/// The picture in the making.
#[derive(Debug)]
pub(crate) struct Canvas {
    side: usize,
    cells: Vec<Cell>,
    blocks: Vec<[Vec3; SAMPLES]>,
    tags: Vec<Tag>,
    coverage: Coverage,
}

impl Canvas {
    /// A black square without labels.
    pub(crate) fn new(side: usize) -> Canvas {
        Canvas {
            side,
            cells: vec![Cell { color: Vec3::ZERO, block: 0 }; side * side],
            blocks: Vec::new(),
            tags: vec![Tag::NONE; side * side],
            coverage: Coverage::new(side),
        }
    }

    pub(crate) fn side(&self) -> usize {
        self.side
    }

    /// Paints what is inside an outline (pixels, y down). `shade` is asked at pixel centres. The label is written where the
    /// pixel's centre is inside and the paint covers at least half; `None` leaves labels as they are.
    pub(crate) fn fill(&mut self, outline: &Outline, tag: Option<Tag>, mut shade: impl FnMut(f32, f32) -> Paint) {
        let mut coverage = std::mem::take(&mut self.coverage);
        coverage.trace(outline, |x, y, samples, centre| {
            let (color, alpha) = shade(x as f32 + 0.5, y as f32 + 0.5);
            self.blend(x, y, samples, color, alpha);
            if let Some(tag) = tag.filter(|_| centre && alpha >= 0.5) {
                self.tags[y * self.side + x] = tag;
            }
        });
        self.coverage = coverage;
    }

    /// Share of each pixel inside an outline is added to `mask`, up to 1.
    pub(crate) fn mask(&mut self, outline: &Outline, mask: &mut [f32]) {
        let side = self.side;
        self.coverage.trace(outline, |x, y, samples, _| {
            let share = samples.count_ones() as f32 / SAMPLES as f32;
            let cell = &mut mask[y * side + x];
            *cell = (*cell + share).min(1.0);
        });
    }

    /// Mixes a colour into samples of a pixel.
    fn blend(&mut self, x: usize, y: usize, samples: u16, color: Vec3, alpha: f32) {
        let cell = &mut self.cells[y * self.side + x];
        if samples == WHOLE && alpha >= 1.0 {
            *cell = Cell { color, block: 0 };
            return;
        }
        if cell.block == 0 {
            if samples == WHOLE {
                cell.color = mix(cell.color, color, alpha);
                return;
            }
            self.blocks.push([cell.color; SAMPLES]);
            cell.block = self.blocks.len() as u32;
        }
        let block = &mut self.blocks[cell.block as usize - 1];
        for (index, sample) in block.iter_mut().enumerate() {
            if samples >> index & 1 == 1 {
                *sample = mix(*sample, color, alpha);
            }
        }
    }

    /// Mixes a colour into a whole pixel.
    pub(crate) fn tint(&mut self, x: usize, y: usize, color: Vec3, alpha: f32) {
        self.blend(x, y, WHOLE, color, alpha);
    }

    /// Changes every colour of a pixel.
    pub(crate) fn change(&mut self, x: usize, y: usize, change: impl Fn(Vec3) -> Vec3) {
        let cell = &mut self.cells[y * self.side + x];
        if cell.block == 0 {
            cell.color = change(cell.color);
        } else {
            self.blocks[cell.block as usize - 1].iter_mut().for_each(|sample| *sample = change(*sample));
        }
    }

    /// A pixel's colour: the mean of its samples.
    pub(crate) fn color(&self, x: usize, y: usize) -> Vec3 {
        let cell = self.cells[y * self.side + x];
        if cell.block == 0 {
            return cell.color;
        }
        let block = &self.blocks[cell.block as usize - 1];
        block.iter().fold(Vec3::ZERO, |sum, &sample| sum + sample) * (1.0 / SAMPLES as f32)
    }

    /// What a pixel's centre shows.
    pub(crate) fn tag(&self, x: usize, y: usize) -> Tag {
        self.tags[y * self.side + x]
    }

    pub(crate) fn set_tag(&mut self, x: usize, y: usize, tag: Tag) {
        self.tags[y * self.side + x] = tag;
    }

    /// The colours of all pixels, row by row.
    pub(crate) fn colors(&self) -> Vec<Vec3> {
        (0..self.side * self.side).map(|at| self.color(at % self.side, at / self.side)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::labels::Object;
    use super::*;

    fn square(x: f32, y: f32, size: f32) -> Outline {
        Outline::new(vec![(x, y), (x + size, y), (x + size, y + size), (x, y + size)])
    }

    #[test]
    fn faces_that_share_an_edge_leave_no_seam() {
        let mut canvas = Canvas::new(8);
        let white = |_: f32, _: f32| (Vec3::grey(1.0), 1.0);
        canvas.fill(&Outline::new(vec![(0.0, 0.0), (8.0, 0.0), (0.0, 8.0)]), None, white);
        canvas.fill(&Outline::new(vec![(8.0, 0.0), (8.0, 8.0), (0.0, 8.0)]), None, white);
        assert!(canvas.colors().iter().all(|color| *color == Vec3::grey(1.0)));
    }

    #[test]
    fn edges_are_shares_of_pixels_and_labels_go_by_the_centre() {
        let mut canvas = Canvas::new(4);
        canvas.fill(&square(0.75, 0.0, 2.0), Some(Object::House.into()), |_, _| (Vec3::grey(1.0), 1.0));
        assert!((canvas.color(0, 0).x - 0.25).abs() < 0.07);
        assert_eq!(canvas.color(1, 1).x, 1.0);
        let labelled = |x| canvas.tag(x, 0) == Object::House.into();
        assert_eq!([0, 1, 2, 3].map(labelled), [false, true, true, false]);
    }

    #[test]
    fn paint_that_covers_less_than_half_writes_no_label() {
        let mut canvas = Canvas::new(2);
        canvas.fill(&square(0.0, 0.0, 2.0), Some(Object::Cloud.into()), |x, _| (Vec3::grey(1.0), x / 2.0));
        assert_eq!((canvas.tag(0, 0), canvas.tag(1, 0)), (Tag::NONE, Object::Cloud.into()));
        assert_eq!(canvas.color(0, 1).x, 0.25);
    }
}
