//! What a label map shows of a photograph, and which of its pixels stands for a cell of the grid.

use image::metadata::Orientation;

use super::nearest;
use crate::data::framing::Geometry;
use crate::data::resize::centre_offset;

/// What a label map shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    /// What the network sees.
    Seen,
    /// The whole photograph, of which the network sees a part.
    Photograph {
        /// The part.
        geometry: Geometry,
        /// How the map has to be turned to be upright.
        turn: Orientation,
    },
}

/// A photograph, as far as label maps are concerned. Rows before columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shot {
    /// As it is stored.
    pub(super) stored: (u32, u32),
    /// The turn that makes it upright.
    pub(super) turn: Orientation,
    /// The part that the network sees.
    pub(super) geometry: Geometry,
}

impl Shot {
    /// As people see it.
    pub(super) fn upright(&self) -> (u32, u32) {
        let (h, w) = self.stored;
        if swaps_sides(self.turn) { (w, h) } else { (h, w) }
    }

    /// What the network sees.
    pub(super) fn seen(&self) -> (u32, u32) {
        self.geometry.frame(self.upright()).size.into()
    }

    /// Whether a map of the photograph's shape may be of it as stored or upright: nothing tells.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.turn != Orientation::NoTransforms && self.stored == self.upright()
    }

    /// What a map of this shape shows; none if it is of no shape of the photograph's.
    ///
    /// Of the photograph's own shape it is the photograph: of that as stored, it is turned with it; of that upright, where the two
    /// differ, it is upright already. Else it must be of the shape that the network sees.
    pub(super) fn cover(&self, map: (u32, u32)) -> Option<Cover> {
        let geometry = self.geometry;
        match map {
            map if map == self.stored => Some(Cover::Photograph { geometry, turn: self.turn }),
            map if map == self.upright() => Some(Cover::Photograph { geometry, turn: Orientation::NoTransforms }),
            map if map == self.seen() => Some(Cover::Seen),
            _ => None,
        }
    }
}

/// What to say of the photographs whose maps are turned with them although they might be upright already.
pub(super) fn turned_note(names: &[&str]) -> Option<String> {
    names.first().map(|first| {
        format!(
            "label maps of {} of the photographs (the first: {first}) are turned as EXIF turns the photographs; their shape does not \
             tell whether they are upright already: if they are, store the photographs upright",
            names.len()
        )
    })
}

fn swaps_sides(turn: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(turn, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

impl Cover {
    /// Row or column of an upright map of `source` that a cell shows: the pixel that its centre lies in, seen through squash and crop.
    ///
    /// Cell `i` of `n` shows pixel `floor(((offset + (i + 1/2) crop / n) / resize) source)` of a photograph, where `offset` is that of the
    /// crop, and `floor((i + 1/2) source / n)` of what the network sees. All in whole numbers, so no rounding decides.
    pub(super) fn pixel(self, cell: u32, cells: u32, source: u32) -> u32 {
        let Cover::Photograph { geometry: Geometry::ResizeCrop { resize, crop }, .. } = self else {
            return nearest(cell, source, cells);
        };
        let [resized, offset, size] = [resize, centre_offset(resize, crop), crop].map(u64::from);
        let (cell, cells) = (u64::from(cell), u64::from(cells));
        let twice_centre = 2 * offset * cells + (2 * cell + 1) * size;
        // The centre lies inside the crop and the crop inside the photograph, so this is below `source`.
        (twice_centre * u64::from(source) / (2 * cells * resized)) as u32
    }

    /// How the map has to be turned first.
    pub(super) fn turn(self) -> Orientation {
        match self {
            Cover::Seen => Orientation::NoTransforms,
            Cover::Photograph { turn, .. } => turn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_shows_the_pixel_under_its_centre_through_squash_and_crop() {
        let cover = Cover::Photograph { geometry: Geometry::DEFAULT, turn: Orientation::NoTransforms };
        for source in [1, 3, 7, 112, 224, 500] {
            for cells in [1, 7, 56, 300] {
                let want = |cell: u32| {
                    let place = (16.0 + (f64::from(cell) + 0.5) * 224.0 / f64::from(cells)) / 256.0;
                    (place * f64::from(source) + 1e-9).floor() as u32
                };
                let found: Vec<u32> = (0..cells).map(|cell| cover.pixel(cell, cells, source)).collect();
                assert_eq!(found, (0..cells).map(want).collect::<Vec<_>>(), "{source} to {cells}");
            }
        }
        assert_eq!((0..4).map(|cell| Cover::Seen.pixel(cell, 4, 8)).collect::<Vec<_>>(), [1, 3, 5, 7]);
    }

    #[test]
    fn the_shape_of_a_map_tells_what_it_shows() {
        let shot = Shot { stored: (300, 400), turn: Orientation::Rotate90, geometry: Geometry::DEFAULT };
        let photograph = |turn| Some(Cover::Photograph { geometry: Geometry::DEFAULT, turn });
        assert_eq!(shot.cover((300, 400)), photograph(Orientation::Rotate90));
        assert_eq!(shot.cover((400, 300)), photograph(Orientation::NoTransforms));
        assert_eq!(shot.cover((224, 224)), Some(Cover::Seen));
        assert_eq!(shot.cover((256, 256)), None);
        let mirrored = Shot { turn: Orientation::Rotate180, ..shot };
        assert!(mirrored.is_ambiguous() && !shot.is_ambiguous() && Shot { stored: (4, 4), ..shot }.is_ambiguous());
        let square = Shot { stored: (224, 224), turn: Orientation::NoTransforms, geometry: Geometry::DEFAULT };
        assert_eq!(
            square.cover((224, 224)),
            photograph(Orientation::NoTransforms),
            "it is squashed and cut as the photograph is"
        );
    }
}
