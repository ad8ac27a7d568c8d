//! Pictures of a world with known truth: the same everywhere, labelled to the pixel, not told apart by colour alone.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;

use assert_cmd::Command;
use common::{gpu, narrow_vgg};
use netdissect::concepts::colors::color_of;
use netdissect::scenes::{Picture, classes, concepts, defining, render};
use netdissect::weights::{Stored, save};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

const SIDE: u32 = 128;
/// Pictures of each class that are looked at.
const SAMPLE: usize = 24;

/// Pictures of all classes, by class.
fn sample() -> &'static [Vec<Picture>] {
    static PICTURES: OnceLock<Vec<Vec<Picture>>> = OnceLock::new();
    let draw = |class: usize| (0..SAMPLE as u64).map(|number| render(1, class, number, SIDE).unwrap()).collect();
    PICTURES.get_or_init(|| (0..classes().len()).into_par_iter().map(draw).collect())
}

/// Label number of a concept.
fn number(name: &str) -> u16 {
    1 + concepts().iter().position(|(concept, _)| *concept == name).unwrap() as u16
}

/// A hash that changes with any pixel or label of the pictures, whatever the file format does.
fn hash(pictures: &[Picture]) -> String {
    let mut hash = Sha256::new();
    for picture in pictures {
        hash.update(&picture.rgb);
        for channel in &picture.labels {
            channel.iter().for_each(|label| hash.update(label.to_le_bytes()));
        }
    }
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// If this fails and nothing was changed on purpose, arithmetic differs here. If a picture was changed on purpose, raise
/// `scenes::VERSION` and put the new hashes here.
#[test]
fn pictures_are_the_same_everywhere() {
    let of = |seed: u64, side: u32| {
        let draw = |class: usize| render(seed, class, 5, side).unwrap();
        hash(&(0..classes().len()).into_par_iter().map(draw).collect::<Vec<_>>())
    };
    assert_eq!([of(1, 128), of(2, 128), of(1, 256)], ["1fd4d3c3c1e91111", "229f26b4e4436fe2", "db60317be5f96f1f"]);
}

#[test]
fn seeds_classes_and_numbers_each_make_another_picture() {
    let pictures = [(1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1)].map(|(s, c, n)| render(s, c, n, 64).unwrap().rgb);
    assert_eq!(pictures.iter().collect::<BTreeSet<_>>().len(), 4);
    assert!(render(1, classes().len(), 0, 64).is_none());
}

#[test]
fn there_are_enough_classes_and_concepts_each_once() {
    assert!(classes().len() >= 20, "{}", classes().len());
    let things = concepts().iter().filter(|(_, category)| ["object", "part"].contains(category)).count();
    assert!(things >= 40, "{things}");
    // Maps are 8-bit grey values.
    assert!(concepts().len() < 256);
    assert_eq!(concepts().iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len(), concepts().len());
    assert_eq!(classes().iter().collect::<BTreeSet<_>>().len(), classes().len());
}

#[test]
fn maps_fit_their_pictures_and_colours_are_those_of_the_pixels() {
    let known = concepts();
    let category = |label: u16| known.get(usize::from(label).wrapping_sub(1)).map(|(_, category)| *category);
    for picture in sample().iter().flat_map(|pictures| &pictures[..2]) {
        let area = (picture.side * picture.side) as usize;
        assert_eq!(picture.rgb.len(), 3 * area);
        assert!(picture.labels.iter().all(|channel| channel.len() == area));
        let [objects, parts, materials, colors] = &picture.labels;
        // Every pixel shows something.
        assert!(objects.iter().all(|&label| category(label) == Some("object")));
        for (channel, name) in [(parts, "part"), (materials, "material")] {
            assert!(channel.iter().all(|&label| label == 0 || category(label) == Some(name)), "{name}");
        }
        for (pixel, &label) in picture.rgb.chunks_exact(3).zip(colors) {
            let term = color_of([pixel[0].into(), pixel[1].into(), pixel[2].into()]);
            assert_eq!((label + 11) as usize, known.len() + usize::from(term));
        }
    }
}

/// A picture shows a thing if one pixel in 500 does.
fn shows(picture: &Picture, label: u16) -> bool {
    let pixels = picture.labels[0].iter().filter(|&&found| found == label).count();
    pixels * 500 >= picture.labels[0].len()
}

#[test]
fn most_pictures_of_a_class_show_what_defines_it() {
    for (class, pictures) in sample().iter().enumerate() {
        assert!(!defining(class).is_empty());
        for name in defining(class) {
            let count = pictures.iter().filter(|picture| shows(picture, number(name))).count();
            assert!(count * 4 >= pictures.len() * 3, "{} shows {name} in {count} of {SAMPLE}", classes()[class]);
        }
    }
}

#[test]
fn every_concept_is_found_somewhere_and_most_in_several_classes() {
    let mut where_found = vec![BTreeSet::new(); concepts().len() + 1];
    for (class, pictures) in sample().iter().enumerate() {
        for &label in pictures.iter().flat_map(|picture| picture.labels.iter().flatten()) {
            where_found[usize::from(label)].insert(class);
        }
    }
    let missing: Vec<_> = concepts().into_iter().zip(&where_found[1..]).filter(|(_, found)| found.is_empty()).collect();
    assert_eq!(missing, []);
    // A concept that only one class has would give the class away; most must not.
    let shared = where_found[1..].iter().filter(|found| found.len() > 1).count();
    assert!(shared * 4 >= concepts().len() * 3, "{shared} of {}", concepts().len());
}

/// Shares of 6x6x6 colours, as square roots, so that their distance is Hellinger's.
fn histogram(picture: &Picture) -> Vec<f32> {
    let mut counts = vec![0.0f32; 216];
    for pixel in picture.rgb.chunks_exact(3) {
        let bin = |value: u8| usize::from(value) * 6 / 256;
        counts[(bin(pixel[0]) * 6 + bin(pixel[1])) * 6 + bin(pixel[2])] += 1.0;
    }
    counts.iter().map(|count| (count / (SIDE * SIDE) as f32).sqrt()).collect()
}

#[test]
fn colours_alone_do_not_tell_classes_apart() {
    let histograms: Vec<Vec<Vec<f32>>> =
        sample().iter().map(|pictures| pictures.iter().map(histogram).collect()).collect();
    let (learn, test) = (0..SAMPLE * 2 / 3, SAMPLE * 2 / 3..SAMPLE);
    let mean = |class: &[Vec<f32>]| -> Vec<f32> {
        let learn = &class[learn.clone()];
        (0..216).map(|bin| learn.iter().map(|histogram| histogram[bin]).sum::<f32>() / learn.len() as f32).collect()
    };
    let means: Vec<Vec<f32>> = histograms.iter().map(|class| mean(class)).collect();
    let distance = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
    let nearest = |histogram: &[f32]| {
        (0..means.len()).min_by(|&a, &b| distance(&means[a], histogram).total_cmp(&distance(&means[b], histogram)))
    };
    let mut right = 0;
    for (class, histograms) in histograms.iter().enumerate() {
        right += histograms[test.clone()].iter().filter(|histogram| nearest(histogram) == Some(class)).count();
    }
    let accuracy = right as f32 / (histograms.len() * test.len()) as f32;
    // Better than chance, or the measure would be broken.
    assert!((0.1..0.5).contains(&accuracy), "{accuracy}");
}

fn netdissect(words: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("netdissect").unwrap();
    let output = command.args(words).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A narrow VGG-16 for pictures of 128x128.
fn weights(folder: &Path) -> String {
    let weights = narrow_vgg([4, 4, 6, 8, 10], 8, 4, 3);
    let mut names: Vec<_> = weights.keys().filter(|name| !name.starts_with("classifier")).cloned().collect();
    names.sort();
    let stored: Vec<Stored> =
        names.iter().map(|name| Stored { name: name.clone(), dims: weights[name].0.clone() }).collect();
    let metadata = [("model", "vgg16"), ("preprocess", "torch"), ("body", "true")];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let path = folder.join("vgg.safetensors");
    save(&path, &metadata, &stored, |index| Ok(weights[&names[index]].1.clone().into())).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_set_is_drawn_listed_and_dissected() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let set = path("set");
    let (code, out, err) = netdissect(&["scenes", "--count", "6", "--classes", "church,kitchen", "-o", &set, "--json"]);
    assert_eq!(code, 0, "{err}");
    let said: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&said["drawn"], &said["classes"]["kitchen"]), (&6.into(), &3.into()));
    let rows = std::fs::read_to_string(path("set/labels/labels.csv")).unwrap();
    assert_eq!(rows.lines().count(), concepts().len() + 1);
    assert!(rows.lines().any(|row| row == format!("{},church,object", number("church"))));
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(path("set/scenes.json")).unwrap()).unwrap();
    assert_eq!((&kept["seed"], &kept["classes"]["church"]), (&1.into(), &3.into()));
    let weights = weights(folder.path());
    let run = path("run");
    let images = path("set/images");
    let labels = path("set/labels");
    let words =
        ["dissect", &images, "--as-is", "--labels", &labels, "-w", &weights, "-l", "conv3_3", "-o", &run, "--quiet"];
    let (code, _, err) = netdissect(&words);
    assert_eq!(code, 0, "{err}");
    let report = std::fs::read_to_string(path("run/report.json")).unwrap();
    assert!(report.contains("\"church\""));
}

#[test]
fn words_that_make_no_sense_are_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("set");
    let at = at.to_str().unwrap();
    let (code, _, err) = netdissect(&["scenes", "--count", "2", "--classes", "moonbase", "-o", at]);
    assert_eq!(code, 2);
    assert!(err.contains("`moonbase`") && err.contains("bathroom"), "{err}");
    assert_eq!(netdissect(&["scenes", "--count", "0", "-o", at]).0, 2);
    assert_eq!(netdissect(&["scenes", "--count", "1", "--size", "100", "-o", at]).0, 2);
    let (code, out, _) = netdissect(&["scenes", "--count", "60", "-o", at, "--dry-run"]);
    assert!(code == 0 && out.contains("60 pictures of 128x128, 302 files"), "{out}");
    assert!(!Path::new(at).exists());
}
