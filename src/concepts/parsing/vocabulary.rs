//! How the labels of the segmentation networks are numbered: the reference's "netpqc".
//!
//! Objects first, then their halves (`-t`, `-l`, `-b`, `-r`: top, left, bottom, right), materials, named parts and colours. With
//! the published lists these are 1825 numbers. What is not wanted leaves no gap: later numbers close up.

use std::collections::HashMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::labels::{ColorLabels, SegmenterLabels};
use crate::concepts::Vocabulary;
use crate::error::{Error, Kind, Result};

/// Endings of the halves, in the order of their numbers.
const HALVES: [&str; 4] = ["t", "l", "b", "r"];

/// What is labelled besides objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wanted {
    /// Top, left, bottom and right half of each piece of an object.
    pub halves: bool,
    /// Materials.
    pub materials: bool,
    /// Named parts of objects.
    pub parts: bool,
    /// Colours; they come from a network of their own.
    pub colors: bool,
}

impl Wanted {
    /// All there is, as in the paper.
    pub const ALL: Wanted = Wanted { halves: true, materials: true, parts: true, colors: true };
}

/// Label numbers, and how they follow from the channels of the networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmenterVocabulary {
    vocabulary: Vocabulary,
    wanted: Wanted,
    /// Objects and "no object": labels below this are objects.
    objects: u16,
    /// Channels of each object's parts, by object.
    blocks: Vec<Option<Range<usize>>>,
    /// By channel.
    parts: Vec<u16>,
    materials: Vec<u16>,
    colors: Vec<u16>,
}

impl SegmenterVocabulary {
    /// Numbers what is wanted.
    ///
    /// # Errors
    /// [`Kind::Usage`] if colours are wanted and there are no names for them.
    pub fn new(labels: &SegmenterLabels, colors: Option<&ColorLabels>, wanted: Wanted) -> Result<SegmenterVocabulary> {
        let mut numbers = Numbers::new();
        let objects: Vec<u16> = labels.objects().iter().map(|name| numbers.add(name, "object")).collect();
        if wanted.halves {
            for half in HALVES {
                for name in &labels.objects()[1..] {
                    numbers.add(&format!("{name}-{half}"), "part");
                }
            }
        }
        let materials = match wanted.materials {
            true => numbers.after_none(labels.materials(), "material"),
            false => Vec::new(),
        };
        let mut blocks = vec![None; objects.len()];
        let mut channels = 0;
        for block in labels.blocks() {
            blocks[usize::from(block.object)] = Some(channels..channels + block.parts.len());
            channels += block.parts.len();
        }
        let parts = if wanted.parts { number_parts(labels, &mut numbers) } else { Vec::new() };
        let colors = match (wanted.colors, colors) {
            (false, _) => Vec::new(),
            (true, Some(colors)) => {
                // Heads the list of colours and is never predicted; the reference counts it all the same.
                numbers.add("-", "-");
                colors.names.iter().map(|name| numbers.add(name, "color")).collect()
            }
            (true, None) => {
                return Err(Error::new(Kind::Usage, "colours are wanted, but there is no colour network to give them")
                    .hint("name its weights too, with `--segmenter`, or leave `color` out of `--categories`"));
            }
        };
        let objects = objects.len() as u16;
        Ok(SegmenterVocabulary { vocabulary: numbers.0, wanted, objects, blocks, parts, materials, colors })
    }

    /// Names and categories by label number.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// What is labelled besides objects.
    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// Number of object channels, "no object" included. An object's label is its channel.
    pub fn objects(&self) -> u16 {
        self.objects
    }

    /// Part channels of an object's parts, whether or not parts are wanted; the first of them means "no part". None for an object
    /// that owns no parts or does not exist.
    pub fn owner_block(&self, object: usize) -> Option<Range<usize>> {
        self.blocks.get(object)?.clone()
    }

    /// Label of each part channel; 0 for the channels that mean "no part". Empty if parts are not wanted.
    pub fn label_of_part_channel(&self) -> &[u16] {
        &self.parts
    }

    /// Label of each material channel; 0 for the first, which means "no material". Empty if materials are not wanted.
    pub fn label_of_material(&self) -> &[u16] {
        &self.materials
    }

    /// Label of each colour channel. Empty if colours are not wanted.
    pub fn label_of_color(&self) -> &[u16] {
        &self.colors
    }
}

/// Label of each part channel. A part with the name of an object is that object; others are numbered where they first appear.
fn number_parts(labels: &SegmenterLabels, numbers: &mut Numbers) -> Vec<u16> {
    let objects = labels.objects().iter().enumerate().map(|(index, name)| (name.as_str(), index as u16));
    let mut known: HashMap<&str, u16> = objects.collect();
    let names = labels.blocks().iter().flat_map(|block| &block.parts);
    names.map(|name| *known.entry(name).or_insert_with(|| numbers.add(name, "part"))).collect()
}

/// Names as they are numbered.
struct Numbers(Vocabulary);

impl Numbers {
    fn new() -> Numbers {
        Numbers(Vocabulary { names: Vec::new(), categories: Vec::new() })
    }

    /// The next number; [`SegmenterLabels`] has made sure that there are enough.
    fn add(&mut self, name: &str, category: &str) -> u16 {
        self.0.names.push(name.to_owned());
        self.0.categories.push(category.to_owned());
        (self.0.names.len() - 1) as u16
    }

    /// Numbers of a list whose first entry means "none" and is 0.
    fn after_none(&mut self, names: &[String], category: &str) -> Vec<u16> {
        names.iter().enumerate().map(|(index, name)| if index == 0 { 0 } else { self.add(name, category) }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> SegmenterLabels {
        let text = r#"{"object": ["-", "wall", "door", "car"], "material": ["-", "wood", "hair"],
            "object_part": {"car": ["-", "door", "hair", "knob", "wheel"], "door": ["-", "knob", "wall"]}}"#;
        SegmenterLabels::parse(text).unwrap()
    }

    fn colors() -> ColorLabels {
        let text = r#"{"labels": ["black", "wood"], "byteorder": "BGR", "mean": [0, 0, 0], "stdev": [1, 1, 1]}"#;
        ColorLabels::parse(text).unwrap()
    }

    fn numbered(wanted: Wanted) -> (SegmenterVocabulary, Vec<String>) {
        let found = SegmenterVocabulary::new(&labels(), Some(&colors()), wanted).unwrap();
        let words = found.vocabulary().names.iter().zip(&found.vocabulary().categories);
        let words = words.map(|(name, category)| format!("{name} {category}")).collect();
        (found, words)
    }

    const NONE: Wanted = Wanted { halves: false, materials: false, parts: false, colors: false };

    #[test]
    fn objects_halves_materials_parts_and_colours_follow_each_other() {
        let (found, words) = numbered(Wanted::ALL);
        assert_eq!(words[..4], ["- object", "wall object", "door object", "car object"]);
        assert_eq!(words[4..7], ["wall-t part", "door-t part", "car-t part"]);
        assert_eq!(
            (words[7].as_str(), words[10].as_str(), words[15].as_str()),
            ("wall-l part", "wall-b part", "car-r part")
        );
        assert_eq!(words[16..18], ["wood material", "hair material"]);
        assert_eq!(words[18..21], ["knob part", "hair part", "wheel part"]);
        assert_eq!(words[21..], ["- -", "black color", "wood color"]);
        assert_eq!(found.label_of_material(), [0, 16, 17]);
        assert_eq!(found.label_of_color(), [22, 23]);
    }

    #[test]
    fn a_part_named_like_an_object_is_that_object_and_a_part_named_like_a_material_is_not_that_material() {
        let found = numbered(Wanted::ALL).0;
        assert_eq!(found.label_of_part_channel(), [0, 18, 1, 0, 2, 19, 18, 20]);
        assert_eq!((found.owner_block(2), found.owner_block(3)), (Some(0..3), Some(3..8)));
        assert_eq!((found.owner_block(0), found.owner_block(1), found.owner_block(99)), (None, None, None));
    }

    #[test]
    fn numbers_close_up_over_what_is_not_wanted() {
        let (found, words) = numbered(Wanted { parts: true, ..NONE });
        assert_eq!(words[4..], ["knob part", "hair part", "wheel part"]);
        assert_eq!(found.label_of_part_channel(), [0, 4, 1, 0, 2, 5, 4, 6]);
        assert_eq!(numbered(Wanted { colors: true, ..NONE }).1[4..], ["- -", "black color", "wood color"]);
        assert_eq!(numbered(Wanted { materials: true, ..NONE }).1[4..], ["wood material", "hair material"]);
        let (found, words) = numbered(NONE);
        assert_eq!(words.len(), 4);
        assert!(found.label_of_part_channel().is_empty() && found.label_of_material().is_empty());
        assert_eq!(found.owner_block(3), Some(3..8));
    }

    #[test]
    fn colours_without_a_colour_network_are_refused() {
        let error = SegmenterVocabulary::new(&labels(), None, Wanted::ALL).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(SegmenterVocabulary::new(&labels(), None, Wanted { colors: false, ..Wanted::ALL }).is_ok());
    }
}
