//! From the arg-maxima of the networks to label maps, with the pieces of objects split into halves.

use super::components::components;
use super::vocabulary::SegmenterVocabulary;
use crate::concepts::LabelMaps;
use crate::error::{Error, Result};

/// What the networks say of one image: the channel that wins at each cell, before any numbering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLabels {
    /// Rows.
    pub h: u32,
    /// Columns.
    pub w: u32,
    /// Object channel of each cell, `[h, w]`; 0 is "no object".
    pub object: Vec<u16>,
    /// Part channel of each cell plus 1, `[h, w]`: the winner among the channels of the cell's own object (its block), counted over
    /// all blocks, its first entry "no part" included. 0 where that object owns no parts.
    pub part: Option<Vec<u16>>,
    /// Material channel of each cell, `[h, w]`; 0 is "no material".
    pub material: Option<Vec<u16>>,
    /// Colour channel of each cell, `[h, w]`.
    pub color: Option<Vec<u16>>,
}

impl SegmenterVocabulary {
    /// Label maps in the reference's order: object, material, part, top or bottom half, left or right half, colour. Channels that
    /// are not wanted are left out.
    ///
    /// `compat` leaves the last component of the object map whole, as the reference does: an image of one piece then has no halves.
    ///
    /// # Errors
    /// [`crate::error::Kind::Internal`] if a map that is wanted is missing, has another size, or holds a channel that does not exist
    /// or a part of another object.
    pub fn maps(&self, raw: &RawLabels, compat: bool) -> Result<LabelMaps> {
        let (wanted, cells) = (self.wanted(), raw.h as usize * raw.w as usize);
        let mut maps = LabelMaps { channels: 0, h: raw.h, w: raw.w, labels: Vec::with_capacity(6 * cells) };
        let mut append = |channel: &[u16]| {
            maps.labels.extend_from_slice(channel);
            maps.channels += 1;
        };
        let objects: Vec<u16> = (0..self.objects()).collect();
        append(&translate("object", Some(&raw.object), cells, &objects)?);
        if wanted.materials {
            append(&translate("material", raw.material.as_ref(), cells, self.label_of_material())?);
        }
        if wanted.parts {
            append(&self.parts(raw, cells)?);
        }
        if wanted.halves {
            halves(&raw.object, raw.w as usize, self.objects() - 1, compat).iter().for_each(|channel| append(channel));
        }
        if wanted.colors {
            append(&translate("color", raw.color.as_ref(), cells, self.label_of_color())?);
        }
        Ok(maps)
    }

    /// Label of each cell's part; the object channels are known to exist.
    fn parts(&self, raw: &RawLabels, cells: usize) -> Result<Vec<u16>> {
        let parts = sized("part", raw.part.as_ref(), cells)?;
        let label = |(&part, &object): (&u16, &u16)| {
            let block = self.owner_block(object.into()).unwrap_or_default();
            match part.checked_sub(1).map(usize::from) {
                None if block.is_empty() => Ok(0),
                Some(channel) if block.contains(&channel) => Ok(self.label_of_part_channel()[channel]),
                _ => Err(Error::internal(format!("part map: {part} where object {object} has channels {block:?}"))),
            }
        };
        parts.iter().zip(&raw.object).map(label).collect()
    }
}

fn sized<'a>(name: &str, map: Option<&'a Vec<u16>>, cells: usize) -> Result<&'a Vec<u16>> {
    let map = map.ok_or_else(|| Error::internal(format!("{name} map: is missing")))?;
    match map.len() == cells {
        true => Ok(map),
        false => Err(Error::internal(format!("{name} map: has {} cells; needs {cells}", map.len()))),
    }
}

/// A map of channels as labels; `labels` holds that of each channel.
fn translate(name: &str, map: Option<&Vec<u16>>, cells: usize, labels: &[u16]) -> Result<Vec<u16>> {
    let label = |&channel: &u16| {
        let found = labels.get(usize::from(channel)).copied();
        found.ok_or_else(|| Error::internal(format!("{name} map: channel {channel} of {}", labels.len())))
    };
    sized(name, map, cells)?.iter().map(label).collect()
}

/// Rows and columns that a component covers, all inclusive.
#[derive(Clone, Copy)]
struct Bounds {
    top: usize,
    bottom: usize,
    left: usize,
    right: usize,
}

/// The labels of top and bottom, and of left and right halves: object + `objects` times 1, 3, 2 and 4; 0 where nothing is split.
///
/// Each component is cut in the middle of its bounds; what lies on the middle belongs to the bottom and to the right.
fn halves(map: &[u16], w: usize, objects: u16, compat: bool) -> [Vec<u16>; 2] {
    let (of_cell, count) = components(map, w);
    let none = Bounds { top: usize::MAX, bottom: 0, left: usize::MAX, right: 0 };
    let mut bounds = vec![none; count as usize + 1];
    let place = |cell: usize| (cell / w, cell % w);
    for (cell, &component) in of_cell.iter().enumerate() {
        let (row, column) = place(cell);
        let bound = &mut bounds[component as usize];
        *bound = Bounds {
            top: bound.top.min(row),
            bottom: bound.bottom.max(row),
            left: bound.left.min(column),
            right: bound.right.max(column),
        };
    }
    let split = |component: u32| component > 0 && !(compat && component == count);
    let mut out = [vec![0; map.len()], vec![0; map.len()]];
    for (cell, &component) in of_cell.iter().enumerate().filter(|(_, component)| split(**component)) {
        let (row, column) = place(cell);
        let bound = bounds[component as usize];
        let bottom = row >= (bound.top + bound.bottom).div_ceil(2);
        let right = column >= (bound.left + bound.right).div_ceil(2);
        out[0][cell] = map[cell] + objects * if bottom { 3 } else { 1 };
        out[1][cell] = map[cell] + objects * if right { 4 } else { 2 };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{ColorLabels, SegmenterLabels, Wanted};
    use super::*;

    fn vocabulary(wanted: Wanted) -> SegmenterVocabulary {
        let labels = r#"{"object": ["-", "wall", "door", "car"], "material": ["-", "wood", "hair"],
            "object_part": {"car": ["-", "door", "hair"], "door": ["-", "knob", "wall"]}}"#;
        let colors = r#"{"labels": ["black", "blue"], "byteorder": "BGR", "mean": [0, 0, 0], "stdev": [1, 1, 1]}"#;
        let colors = ColorLabels::parse(colors).unwrap();
        SegmenterVocabulary::new(&SegmenterLabels::parse(labels).unwrap(), Some(&colors), wanted).unwrap()
    }

    const OBJECTS: Wanted = Wanted { halves: false, materials: false, parts: false, colors: false };

    fn raw() -> RawLabels {
        RawLabels {
            h: 2,
            w: 3,
            object: vec![1, 2, 2, 3, 3, 0],
            part: Some(vec![0, 1, 3, 4, 6, 0]),
            material: Some(vec![0, 1, 2, 0, 1, 2]),
            color: Some(vec![0, 1, 0, 1, 0, 1]),
        }
    }

    #[test]
    fn the_six_channels_come_in_the_reference_s_order() {
        let maps = vocabulary(Wanted::ALL).maps(&raw(), true).unwrap();
        assert_eq!(maps.channels, 6);
        let channels: Vec<&[u16]> = maps.labels.chunks_exact(6).collect();
        assert_eq!(channels[0], [1, 2, 2, 3, 3, 0]);
        assert_eq!(channels[1], [0, 16, 17, 0, 16, 17]);
        assert_eq!(channels[2], [0, 0, 1, 0, 19, 0], "the first entry of a block is no part");
        assert_eq!(channels[3], [10, 11, 11, 0, 0, 0], "one row is all bottom, and the last component is not split");
        assert_eq!(channels[4], [13, 8, 14, 0, 0, 0], "one column is all right");
        assert_eq!(channels[5], [21, 22, 21, 22, 21, 22]);
    }

    #[test]
    fn without_compat_the_last_component_is_split_too() {
        let maps = vocabulary(Wanted { halves: true, ..OBJECTS }).maps(&raw(), false).unwrap();
        assert_eq!(maps.labels[6..12], [10, 11, 11, 12, 12, 0]);
        assert_eq!(maps.labels[12..18], [13, 8, 14, 9, 15, 0]);
    }

    #[test]
    fn an_image_of_one_piece_has_no_halves_in_the_reference() {
        let whole = RawLabels { object: vec![1; 6], part: None, material: None, color: None, ..raw() };
        let vocabulary = vocabulary(Wanted { halves: true, ..OBJECTS });
        assert_eq!(vocabulary.maps(&whole, true).unwrap().labels[6..], [0; 12]);
        assert_eq!(vocabulary.maps(&whole, false).unwrap().labels[6..12], [4, 4, 4, 10, 10, 10]);
    }

    #[test]
    fn what_is_not_wanted_is_left_out_whether_the_networks_say_it_or_not() {
        let maps = |wanted| vocabulary(wanted).maps(&raw(), true).unwrap();
        assert_eq!((maps(OBJECTS).channels, maps(OBJECTS).labels.len()), (1, 6));
        assert_eq!(maps(Wanted { colors: true, ..OBJECTS }).labels[6..], [5, 6, 5, 6, 5, 6]);
    }

    #[test]
    fn maps_that_do_not_fit_are_errors() {
        let says = |raw: &RawLabels| vocabulary(Wanted::ALL).maps(raw, true).unwrap_err().to_string();
        assert_eq!(says(&RawLabels { material: None, ..raw() }), "material map: is missing");
        assert_eq!(says(&RawLabels { color: Some(vec![0; 5]), ..raw() }), "color map: has 5 cells; needs 6");
        assert_eq!(says(&RawLabels { color: Some(vec![2; 6]), ..raw() }), "color map: channel 2 of 2");
        assert_eq!(says(&RawLabels { object: vec![4; 6], ..raw() }), "object map: channel 4 of 4");
        let stolen = RawLabels { part: Some(vec![0, 4, 3, 4, 6, 0]), ..raw() };
        assert_eq!(says(&stolen), "part map: 4 where object 2 has channels 0..3");
        let unowned = RawLabels { part: Some(vec![1, 1, 3, 4, 6, 0]), ..raw() };
        assert_eq!(says(&unowned), "part map: 1 where object 1 has channels 0..0");
        assert!(says(&RawLabels { part: Some(vec![0; 6]), ..raw() }).starts_with("part map: 0 where object 2"));
    }
}
