//! Scene parsing with the published names: the numbers of the labels, and label maps against scikit-image's.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use netdissect::concepts::parsing::{ColorLabels, RawLabels, SegmenterLabels, SegmenterVocabulary, Wanted};
use safetensors::SafeTensors;

const LABELS: &str = include_str!("golden/segmenter/labels.json");
const MAPS: &[u8] = include_bytes!("golden/segmenter/segmenter.safetensors");
const COLORS: [&str; 11] =
    ["black", "blue", "brown", "grey", "green", "orange", "pink", "purple", "red", "white", "yellow"];

fn netpqc() -> SegmenterVocabulary {
    let colors = serde_json::json!({
        "labels": COLORS.map(|name| serde_json::json!({ "name": name, "category": "color" })),
        "categories": [{ "name": "color" }],
        "imageformat": { "byteorder": "BGR", "mean": [0.4, 0.45, 0.48], "stdev": [0.004, 0.004, 0.004] },
    });
    let colors = ColorLabels::parse(&colors.to_string()).unwrap();
    SegmenterVocabulary::new(&SegmenterLabels::parse(LABELS).unwrap(), Some(&colors), Wanted::ALL).unwrap()
}

#[test]
fn the_published_names_get_the_paper_s_1825_numbers() {
    let found = netpqc();
    let vocabulary = found.vocabulary();
    assert_eq!(vocabulary.len(), 1825);
    for (number, name, category) in [
        (0, "-", "object"),
        (1, "wall", "object"),
        (2, "sky", "object"),
        (4, "tree", "object"),
        (5, "building", "object"),
        (9, "window", "object"),
        (11, "grass", "object"),
        (16, "door", "object"),
        (68, "airplane", "object"),
        (80, "stairway", "object"),
        (128, "snow", "object"),
        (335, "chimney", "object"),
        (336, "wall-t", "part"),
        (671, "wall-l", "part"),
        (1006, "wall-b", "part"),
        (1341, "wall-r", "part"),
        (1675, "chimney-r", "part"),
        (1676, "brick", "material"),
        (1700, "wood", "material"),
        (1701, "cloud", "part"),
        (1702, "roof", "part"),
        (1708, "dome", "part"),
        (1715, "leg", "part"),
        (1716, "head", "part"),
        (1744, "seat cushion", "part"),
        (1785, "wing", "part"),
        (1792, "screen", "part"),
        (1812, "side pocket", "part"),
        (1813, "-", "-"),
        (1814, "black", "color"),
        (1824, "yellow", "color"),
    ] {
        assert_eq!((vocabulary.names[number].as_str(), vocabulary.categories[number].as_str()), (name, category));
    }
    let count = |category: &str| vocabulary.categories.iter().filter(|found| *found == category).count();
    assert_eq!(["object", "part", "material", "color", "-"].map(count), [336, 1452, 25, 11, 1]);
}

#[test]
fn the_part_head_has_427_channels_in_77_blocks_and_33_names_of_objects() {
    let labels = SegmenterLabels::parse(LABELS).unwrap();
    assert_eq!((labels.objects().len(), labels.materials().len()), (336, 26));
    assert_eq!((labels.blocks().len(), labels.part_channels()), (77, 427));
    let found = netpqc();
    assert_eq!(found.owner_block(2), Some(0..2), "sky");
    assert_eq!(found.owner_block(5), Some(2..26), "building");
    assert_eq!(found.owner_block(321), Some(425..427), "lighthouse");
    assert_eq!(found.owner_block(1), None, "wall");
    let of_channel = found.label_of_part_channel();
    assert_eq!((of_channel.len(), of_channel[1], of_channel[3], of_channel[426]), (427, 1701, 9, 9));
    let objects: std::collections::BTreeSet<_> = of_channel.iter().filter(|label| (1..336).contains(*label)).collect();
    assert_eq!(objects.len(), 33);
}

#[test]
fn without_halves_the_later_numbers_close_up() {
    let labels = SegmenterLabels::parse(LABELS).unwrap();
    let wanted = Wanted { halves: false, colors: false, ..Wanted::ALL };
    let found = SegmenterVocabulary::new(&labels, None, wanted).unwrap();
    let names = &found.vocabulary().names;
    assert_eq!((names.len(), names[336].as_str(), names[361].as_str()), (473, "brick", "cloud"));
}

/// Cells and shape of a map.
fn map(file: &SafeTensors<'_>, name: &str, case: usize) -> Option<(Vec<u16>, Vec<usize>)> {
    let tensor = file.tensor(&format!("{name}.{case}")).ok()?;
    let values = tensor.data().chunks_exact(2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]])).collect();
    Some((values, tensor.shape().to_vec()))
}

#[test]
fn label_maps_are_those_that_scikit_image_s_components_give() {
    let file = SafeTensors::deserialize(MAPS).unwrap();
    let vocabulary = netpqc();
    let mut cases = 0;
    let mut skipped = 0;
    while let Some((object, shape)) = map(&file, "object", cases) {
        let of = |name: &str| map(&file, name, cases).unwrap().0;
        let (part, material, color) = (Some(of("part")), Some(of("material")), Some(of("color")));
        let raw = RawLabels { h: shape[0] as u32, w: shape[1] as u32, object, part, material, color };
        for (compat, want) in [(true, of("compat")), (false, of("whole"))] {
            let found = vocabulary.maps(&raw, compat).unwrap();
            assert_eq!((found.channels, found.h, found.w), (6, raw.h, raw.w));
            let cells = found.labels.len() / 6;
            for channel in 0..6 {
                let part = channel * cells..(channel + 1) * cells;
                assert_eq!(found.labels[part.clone()], want[part], "case {cases}, channel {channel}, {compat}");
            }
        }
        skipped += usize::from(of("compat") != of("whole"));
        cases += 1;
    }
    assert_eq!(cases, 23);
    assert!(skipped > 15, "the two rules differ in only {skipped} cases");
}
