//! The `labels.json` files that are published beside the weights of the two segmentation networks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

/// First entry of every list: no label.
const NONE: &str = "-";

/// Names of the unified parsing network, in the order of its channels.
///
/// Serialises to the published form: `{object: [..], part: [..], material: [..], scene: [..], object_part: {object: [..]}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Published", into = "Published")]
pub struct SegmenterLabels {
    objects: Vec<String>,
    parts: Vec<String>,
    materials: Vec<String>,
    scenes: Vec<String>,
    blocks: Vec<PartBlock>,
    sizes: Vec<u32>,
}

/// Parts of one object: a block of neighbouring part channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartBlock {
    /// Index of the object that owns them.
    pub object: u16,
    /// Names, one a channel; the first is `-`, no part.
    pub parts: Vec<String>,
}

/// The file as it is published.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Published {
    object: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    part: Vec<String>,
    material: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scene: Vec<String>,
    object_part: BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    segsizes: Vec<u32>,
}

impl SegmenterLabels {
    /// The lists in the text of a `labels.json`.
    ///
    /// `part` and `scene` may be left out: no label comes from them. Without `segsizes` there is one scale, 256.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if it is not JSON, a list is missing or does not begin with `-`, a name comes twice in a list,
    /// an owner of parts is no object, or there are more entries than labels can count.
    pub fn parse(text: &str) -> Result<SegmenterLabels> {
        let published: Published =
            serde_json::from_str(text).map_err(|error| Error::input(error.to_string()).hint(FORM))?;
        published.try_into().map_err(|error: Error| error.hint(FORM))
    }

    /// Names of the objects by channel; index 0 is `-`.
    pub fn objects(&self) -> &[String] {
        &self.objects
    }

    /// Names of the materials by channel; index 0 is `-`.
    pub fn materials(&self) -> &[String] {
        &self.materials
    }

    /// Parts of each object that owns some, by rising object index: the order of the part channels.
    pub fn blocks(&self) -> &[PartBlock] {
        &self.blocks
    }

    /// Sides of the squares that images are brought to, one scale each.
    pub fn sizes(&self) -> &[u32] {
        if self.sizes.is_empty() { &[DEFAULT_SIZE] } else { &self.sizes }
    }

    /// Channels of the part head: the sum of all block lengths.
    pub fn part_channels(&self) -> usize {
        self.blocks.iter().map(|block| block.parts.len()).sum()
    }
}

const FORM: &str = "the labels.json of the unified parsing network holds the lists `object` and `material`, and `object_part` with the \
                    parts of each object that has some; each list begins with \"-\"";

impl TryFrom<Published> for SegmenterLabels {
    type Error = Error;

    fn try_from(published: Published) -> Result<SegmenterLabels> {
        let Published { object, part, material, scene, object_part, segsizes: sizes } = published;
        if let Some(size) = sizes.iter().find(|size| !SIZES.contains(size)) {
            return Err(bad_size(size).at("segsizes"));
        }
        check(&object).map_err(|error| error.at("object"))?;
        check(&material).map_err(|error| error.at("material"))?;
        let mut blocks = Vec::new();
        for (owner, parts) in object_part {
            let place = |error: Error| error.at(&owner).at("object_part");
            let object = object.iter().position(|name| *name == owner).filter(|index| *index > 0);
            let object = object.ok_or_else(|| place(Error::input("is no object, so it can own no parts")))?;
            check(&parts).map_err(place)?;
            blocks.push(PartBlock { object: object as u16, parts });
        }
        blocks.sort_by_key(|block| block.object);
        let labels =
            SegmenterLabels { objects: object, parts: part, materials: material, scenes: scene, blocks, sizes };
        // Four halves of each object, and every other entry a label of its own at most.
        let most = labels.objects.len() * 5 + labels.materials.len() + labels.part_channels();
        if most > usize::from(u16::MAX) / 2 {
            return Err(Error::input(format!("lists names for up to {most} labels; at most 32767 can be numbered")));
        }
        Ok(labels)
    }
}

impl From<SegmenterLabels> for Published {
    fn from(labels: SegmenterLabels) -> Published {
        let SegmenterLabels { objects, parts, materials, scenes, blocks, sizes } = labels;
        let object_part = blocks.into_iter().map(|block| (objects[usize::from(block.object)].clone(), block.parts));
        let object_part = object_part.collect();
        Published { object: objects, part: parts, material: materials, scene: scenes, object_part, segsizes: sizes }
    }
}

/// A list of names that begins with `-` and holds none twice, small enough for its indices to be labels.
fn check(names: &[String]) -> Result<()> {
    match names.first() {
        Some(first) if first == NONE => {}
        Some(first) => return Err(Error::input(format!("begins with `{first}`; needs `-`, no label"))),
        None => return Err(Error::input("is empty; needs `-`, no label, as its first entry")),
    }
    no_name_twice(names)
}

fn no_name_twice(names: &[String]) -> Result<()> {
    if names.len() > usize::from(u16::MAX) {
        return Err(Error::input(format!("holds {} names; at most 65535 can be numbered", names.len())));
    }
    let mut seen = std::collections::HashSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(twice) => Err(Error::input(format!("holds `{twice}` twice"))),
        None => Ok(()),
    }
}

/// Names of the colour network, in the order of its channels, and what its pixels are.
#[derive(Debug, Clone, PartialEq)]
pub struct ColorLabels {
    /// Names by channel. No entry stands for "no colour".
    pub names: Vec<String>,
    /// Whether pixels go in as blue, green, red.
    pub bgr: bool,
    /// Subtracted from each channel of pixels from 0 to 1, in the order in which channels go in.
    pub mean: [f64; 3],
    /// What the difference is divided by.
    pub stdev: [f64; 3],
    /// Sides of the squares that images are brought to, one scale each.
    pub sizes: Vec<u32>,
}

/// Side of the square that images are brought to where the file does not say.
const DEFAULT_SIZE: u32 = 256;

/// Sides that make sense.
const SIZES: std::ops::RangeInclusive<u32> = 1..=4096;

fn bad_size(size: impl std::fmt::Display) -> Error {
    Error::input(format!("holds {size}; needs sizes from {} to {}", SIZES.start(), SIZES.end()))
}

const COLOR_FORM: &str = "the labels.json of the colour network holds `labels` (a list of {\"name\", \"category\"}) and `imageformat` \
                          with `byteorder`, `mean` and `stdev`";

impl ColorLabels {
    /// What the text of a `labels.json` says: `{labels: [{name, category}, ..], imageformat: {byteorder, mean, stdev}, segsizes}`.
    ///
    /// Labels may also be plain names, and what `imageformat` holds may stand beside it. Without `segsizes` there is one scale, 256.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if it is not JSON, or a key is missing or holds something else; a label of another category
    /// than `color`.
    pub fn parse(text: &str) -> Result<ColorLabels> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| Error::input(error.to_string()).hint(COLOR_FORM))?;
        read_colors(&value).map_err(|error| error.hint(COLOR_FORM))
    }
}

fn read_colors(value: &Value) -> Result<ColorLabels> {
    let format = value.get("imageformat").unwrap_or(value);
    let names = list(value, "labels")?.iter().map(color_name).collect::<Result<Vec<_>>>()?;
    if names.is_empty() {
        return Err(Error::input("is empty; needs the names of the colours").at("labels"));
    }
    no_name_twice(&names).map_err(|error| error.at("labels"))?;
    let order = format.get("byteorder").or_else(|| format.get("byte_order")).and_then(Value::as_str);
    let order = order.ok_or_else(|| Error::input("is missing; needs \"BGR\" or \"RGB\"").at("byteorder"))?;
    let bgr = match order.to_ascii_uppercase().as_str() {
        "BGR" => true,
        "RGB" => false,
        _ => return Err(Error::input(format!("is `{order}`; needs \"BGR\" or \"RGB\"")).at("byteorder")),
    };
    let sizes = match value.get("segsizes") {
        None => vec![DEFAULT_SIZE],
        Some(_) => list(value, "segsizes")?.iter().map(size).collect::<Result<Vec<_>>>()?,
    };
    let stdev = three(format, "stdev")?;
    if stdev.contains(&0.0) {
        return Err(Error::input("holds 0; pixels are divided by it").at("stdev"));
    }
    Ok(ColorLabels { names, bgr, mean: three(format, "mean")?, stdev, sizes })
}

fn color_name(label: &Value) -> Result<String> {
    let name = label.as_str().or_else(|| label.get("name")?.as_str());
    let name = name.ok_or_else(|| Error::input(format!("holds {label}; needs a name")).at("labels"))?;
    match label.get("category").map(|category| category.as_str().unwrap_or_default()) {
        None | Some("color") => Ok(name.to_owned()),
        Some(other) => Err(Error::input(format!("`{name}` is of category `{other}`; needs `color`")).at("labels")),
    }
}

fn size(value: &Value) -> Result<u32> {
    let size = value.as_u64().and_then(|size| u32::try_from(size).ok()).filter(|size| SIZES.contains(size));
    size.ok_or_else(|| bad_size(value).at("segsizes"))
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    let found = value.get(key).ok_or_else(|| Error::input("is missing").at(key))?;
    found
        .as_array()
        .filter(|list| list.len() <= usize::from(u16::MAX))
        .ok_or_else(|| Error::input("is no list").at(key))
}

fn three(value: &Value, key: &str) -> Result<[f64; 3]> {
    let numbers: Option<Vec<f64>> = list(value, key)?.iter().map(Value::as_f64).collect();
    let numbers = numbers.and_then(|numbers| <[f64; 3]>::try_from(numbers).ok());
    numbers.ok_or_else(|| Error::input("needs three numbers, one a channel").at(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: &str = r#"{"object": ["-", "wall", "door", "car"], "part": ["-", "knob", "door"], "material": ["-", "wood"],
        "scene": ["attic"], "object_part": {"car": ["-", "door", "wheel"], "door": ["-", "knob"]}}"#;

    fn says(text: &str) -> String {
        SegmenterLabels::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn part_channels_follow_the_objects_that_own_them_whatever_the_order_in_the_file() {
        let labels = SegmenterLabels::parse(LABELS).unwrap();
        let owners: Vec<u16> = labels.blocks().iter().map(|block| block.object).collect();
        assert_eq!((owners, labels.part_channels()), (vec![2, 3], 5));
        assert_eq!(labels.blocks()[1].parts, ["-", "door", "wheel"]);
    }

    #[test]
    fn the_published_form_comes_back_when_it_is_written() {
        let labels = SegmenterLabels::parse(LABELS).unwrap();
        let text = serde_json::to_string(&labels).unwrap();
        assert_eq!(serde_json::from_str::<SegmenterLabels>(&text).unwrap(), labels);
        let [written, published] = [&text, LABELS].map(|text| serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(written, published);
    }

    #[test]
    fn part_and_scene_may_be_missing_and_nothing_else() {
        let mut value: Value = serde_json::from_str(LABELS).unwrap();
        for key in ["part", "scene"] {
            value.as_object_mut().unwrap().remove(key);
        }
        assert!(SegmenterLabels::parse(&value.to_string()).is_ok());
        for key in ["object", "material", "object_part"] {
            let mut less = value.clone();
            less.as_object_mut().unwrap().remove(key);
            let error = SegmenterLabels::parse(&less.to_string()).unwrap_err();
            assert!(error.to_string().contains(&format!("`{key}`")), "{error}");
            assert!(error.advice().unwrap().contains("object_part"));
        }
    }

    #[test]
    fn lists_that_cannot_be_numbered_are_refused_and_the_list_is_named() {
        let object =
            |list: &str| format!(r#"{{"object": {list}, "material": ["-"], "object_part": {{"a": ["-", "b"]}}}}"#);
        assert_eq!(says(&object("[]")), "object: is empty; needs `-`, no label, as its first entry");
        assert_eq!(says(&object(r#"["a"]"#)), "object: begins with `a`; needs `-`, no label");
        assert_eq!(says(&object(r#"["-", "a", "b", "a"]"#)), "object: holds `a` twice");
        assert_eq!(says(&object(r#"["-", "b"]"#)), "object_part: a: is no object, so it can own no parts");
        let parts = r#"{"object": ["-", "a"], "material": ["-"], "object_part": {"a": ["b"]}}"#;
        assert_eq!(says(parts), "object_part: a: begins with `b`; needs `-`, no label");
        let many: Vec<String> = std::iter::once("-".to_owned()).chain((0..7000).map(|n| n.to_string())).collect();
        let many = serde_json::json!({ "object": many, "material": ["-"], "object_part": {} }).to_string();
        assert!(says(&many).starts_with("lists names for up to 35006 labels"), "{}", says(&many));
        for broken in ["", "[]", "{\"object\": 3}", "null"] {
            assert!(SegmenterLabels::parse(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn nothing_cut_short_reads_or_panics() {
        for length in 0..LABELS.len() {
            assert!(SegmenterLabels::parse(&LABELS[..length]).is_err(), "{length}");
            let _ = ColorLabels::parse(&COLORS[..length.min(COLORS.len())]);
        }
    }

    const COLORS: &str = r#"{"labels": [{"name": "black", "category": "color"}, {"name": "blue", "category": "color"}],
        "categories": [{"name": "color"}],
        "imageformat": {"byteorder": "BGR", "mean": [0.4, 0.45, 0.48], "stdev": [0.5, 0.25, 1]}}"#;

    #[test]
    fn colours_and_their_pixels_are_read_from_either_form() {
        let found = ColorLabels::parse(COLORS).unwrap();
        assert_eq!(found.names, ["black", "blue"]);
        assert_eq!((found.bgr, found.mean, found.stdev), (true, [0.4, 0.45, 0.48], [0.5, 0.25, 1.0]));
        assert_eq!(found.sizes, [256]);
        let flat = r#"{"labels": ["black", "blue"], "byte_order": "bgr", "mean": [0.4, 0.45, 0.48], "stdev": [0.5, 0.25, 1],
            "segsizes": [256]}"#;
        assert_eq!(ColorLabels::parse(flat).unwrap(), found);
    }

    #[test]
    fn a_colour_file_without_a_key_or_with_another_in_its_place_is_refused_by_name() {
        let with = |key: &str, value: Value| {
            let mut file: Value = serde_json::from_str(COLORS).unwrap();
            let inside = file.get(key).is_none() && !["segsizes", "labels"].contains(&key);
            let place = if inside { &mut file["imageformat"] } else { &mut file };
            match value {
                Value::Null => place.as_object_mut().unwrap().remove(key),
                value => place.as_object_mut().unwrap().insert(key.to_owned(), value),
            };
            ColorLabels::parse(&file.to_string()).unwrap_err().to_string()
        };
        assert_eq!(with("labels", Value::Null), "labels: is missing");
        assert_eq!(with("byteorder", Value::Null), "byteorder: is missing; needs \"BGR\" or \"RGB\"");
        assert_eq!(with("byteorder", "GBR".into()), "byteorder: is `GBR`; needs \"BGR\" or \"RGB\"");
        assert_eq!(with("mean", Value::Null), "mean: is missing");
        assert_eq!(with("stdev", vec![1.0].into()), "stdev: needs three numbers, one a channel");
        assert_eq!(with("stdev", vec![1.0, 0.0, 1.0].into()), "stdev: holds 0; pixels are divided by it");
        assert_eq!(with("segsizes", vec![0].into()), "segsizes: holds 0; needs sizes from 1 to 4096");
        assert_eq!(with("labels", vec!["a", "a"].into()), "labels: holds `a` twice");
        let texture = serde_json::json!([{ "name": "dotted", "category": "texture" }]);
        assert_eq!(with("labels", texture), "labels: `dotted` is of category `texture`; needs `color`");
    }
}
