//! The networks that come with the program, and the story it tells with them: numbers by brute force, names, repeats.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::path::Path;

use assert_cmd::Command;
use common::gpu;
use safetensors::SafeTensors;
use serde_json::Value;

fn netdissect(folder: &Path, words: &[&str], code: i32) -> String {
    let mut command = Command::cargo_bin("netdissect").unwrap();
    let output = command.current_dir(folder).args(words).env_remove("NETDISSECT_SEGMENTER").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(code), "{words:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    if code == 0 { said } else { String::from_utf8(output.stderr).unwrap() }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn read(path: impl AsRef<Path>) -> Value {
    json(&std::fs::read_to_string(path).unwrap())
}

/// Class scores of each image by `activations`, after the units of conv5_3 that a copy of the weights has as zero.
fn scores(folder: &Path, images: &str, weights: &[&str]) -> (Vec<String>, Vec<Vec<f32>>) {
    let words = ["activations", images, "--as-is", "-l", "fc8a", "-o", "scores.safetensors", "--json"];
    let said = netdissect(folder, &[&words[..], weights].concat(), 0);
    let said = json(&said);
    let names = said["images"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
    let bytes = std::fs::read(folder.join("scores.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let values: Vec<f32> = bytemuck::pod_collect_to_vec(file.tensor("fc8a").unwrap().data());
    (names.collect(), values.chunks_exact(30).map(<[f32]>::to_vec).collect())
}

/// Balanced accuracy of a class, from what is said of each image.
fn balanced(names: &[String], scores: &[Vec<f32>], class: &str, number: usize) -> f64 {
    let (mut own, mut others, mut hits, mut rejections) = (0.0, 0.0, 0.0, 0.0);
    for (name, scores) in names.iter().zip(scores) {
        let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let said = scores.iter().position(|&score| score == most).unwrap() == number;
        if name.starts_with(&format!("{class}/")) {
            (own, hits) = (own + 1.0, hits + f64::from(u8::from(said)));
        } else {
            (others, rejections) = (others + 1.0, rejections + f64::from(u8::from(!said)));
        }
    }
    (hits / own + rejections / others) / 2.0
}

/// The shipped classifier with some units of conv5_3 made to be zero by their weights.
fn without(folder: &Path, units: &[u64]) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/demo-classifier.safetensors");
    let mut bytes = std::fs::read(shipped).unwrap();
    let (start, header) = SafeTensors::read_metadata(&bytes).unwrap();
    for name in ["features.conv5_3.weight", "features.conv5_3.bias"] {
        let (from, to) = header.info(name).unwrap().data_offsets;
        let unit = (to - from) / 128;
        for &removed in units {
            let at = start + 8 + from + removed as usize * unit;
            bytes[at..at + unit].fill(0);
        }
    }
    std::fs::write(folder.join("without.safetensors"), bytes).unwrap();
}

#[test]
fn ablation_says_what_networks_with_those_weights_zeroed_say() {
    if gpu().is_none() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    netdissect(folder, &["scenes", "--count", "60", "--seed", "5", "-o", "a"], 0);
    netdissect(folder, &["scenes", "--count", "60", "--seed", "6", "-o", "b"], 0);
    let model = ["--model", "demo-classifier"];
    let ablate = ["ablate", "a/images", "--held-out", "b/images", "--as-is", "-l", "conv5_3", "--sizes", "20"];
    let ablate = [&ablate[..], &model].concat();
    netdissect(folder, &[&ablate[..], &["-o", "out"]].concat(), 0);
    let result = read(folder.join("out/ablate.json"));
    let (names, as_it_is) = scores(folder, "b/images", &model);
    let classes = result["classes"].as_array().unwrap();
    assert_eq!((classes.len(), names.len()), (30, 60));
    let close = |found: &Value, expected: f64| (found.as_f64().unwrap() - expected).abs() < 1e-12;
    for class in classes {
        let (name, number) = (class["name"].as_str().unwrap(), class["number"].as_u64().unwrap() as usize);
        assert!(close(&class["baseline"], balanced(&names, &as_it_is, name, number)), "{class}");
        let drops: Vec<f64> =
            class["ranking"].as_array().unwrap().iter().map(|unit| unit[1].as_f64().unwrap()).collect();
        assert!(drops.len() == 128 && drops.is_sorted(), "most damaging first");
    }
    for class in classes.iter().step_by(11) {
        let (name, number) = (class["name"].as_str().unwrap(), class["number"].as_u64().unwrap() as usize);
        let ranked: Vec<u64> =
            class["ranking"].as_array().unwrap().iter().map(|unit| unit[0].as_u64().unwrap()).collect();
        without(folder, &ranked[..20]);
        let (names, most) = scores(folder, "b/images", &["-w", "without.safetensors"]);
        assert!(close(&class["steps"][0]["most"], balanced(&names, &most, name, number)), "{class}");
        without(folder, &ranked[108..]);
        let (names, least) = scores(folder, "b/images", &["-w", "without.safetensors"]);
        assert!(close(&class["steps"][0]["least"], balanced(&names, &least, name, number)), "{class}");
        without(folder, &ranked[..1]);
        let (names, one) = scores(folder, "a/images", &["-w", "without.safetensors"]);
        assert!(close(&class["ranking"][0][1], balanced(&names, &one, name, number)), "{class}");
    }
    // Another batch, and a second run, change nothing.
    netdissect(folder, &[&ablate[..], &["-o", "other", "--batch", "7"]].concat(), 0);
    let files = ["ablate.json", "ablate.csv", "ablate.svg", "report.html"];
    let bytes = |out: &str| files.map(|file| std::fs::read(folder.join(out).join(file)).unwrap());
    assert_eq!(bytes("out"), bytes("other"));
    let before = std::fs::metadata(folder.join("out/ablate.json")).unwrap().modified().unwrap();
    netdissect(folder, &[&ablate[..], &["-o", "out"]].concat(), 0);
    assert_eq!(std::fs::metadata(folder.join("out/ablate.json")).unwrap().modified().unwrap(), before);
    // A file that cannot be read is left out and named.
    std::fs::write(folder.join("b/images/beach/broken.png"), "no picture").unwrap();
    let said = json(&netdissect(folder, &[&ablate[..], &["-o", "broken", "--json"]].concat(), 0));
    assert_eq!(said["skipped"][0]["name"], "beach/broken.png");
    assert_eq!((&said["accuracy"], said["skipped"].as_array().unwrap().len()), (&result["accuracy"], 1));
}

#[test]
fn the_classifier_is_found_by_name_and_knows_its_places() {
    if gpu().is_none() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    netdissect(folder, &["scenes", "--count", "90", "--seed", "2", "-o", "s"], 0);
    let said = netdissect(folder, &["classify", "s/images", "--model", "demo-classifier", "--json"], 0);
    let images = json(&said)["images"].as_array().unwrap().clone();
    let right = |image: &&Value| {
        let name = image["image"].as_str().unwrap();
        name.split('/').next() == image["classes"][0]["name"].as_str()
    };
    assert!(images.iter().filter(right).count() >= 81, "nine of ten");
    let model = ["classify", "s/images", "--model"];
    assert!(netdissect(folder, &[&model[..], &["demo-nothing"]].concat(), 2).contains("demo-classifier"));
    let both = [&model[..], &["demo-classifier", "-w", "x.safetensors"]].concat();
    assert!(netdissect(folder, &both, 2).contains("needed one of them"));
    assert!(
        netdissect(folder, &["generate", "--model", "demo-classifier", "--latents", "0", "-o", "x"], 3)
            .contains("progan")
    );
}

/// Names of the labels of a category at each pixel of a picture, from a folder of label maps.
fn names_at(labels: &Path, picture: &str, category: &str) -> Vec<Option<String>> {
    let mut table = csv::Reader::from_path(labels.join("labels.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).filter(|row| &row[2] == category).collect();
    let name = |number: u32| {
        let row = rows.iter().find(|row| row[0].parse::<u32>().unwrap() == number)?;
        Some(row[1].to_owned())
    };
    let files = (0..).map(|channel| labels.join(format!("{picture}.{channel}.png"))).take_while(|file| file.exists());
    let channels = files.map(|file| image::open(file).unwrap());
    let mut found: Vec<Option<String>> = Vec::new();
    for channel in channels {
        // Grey maps hold a number; coloured ones its lower and upper half.
        let grey = channel.color().channel_count() == 1;
        let rgb = channel.to_rgb8();
        let numbers = rgb
            .pixels()
            .map(|pixel| if grey { pixel[0].into() } else { u32::from(pixel[0]) + 256 * u32::from(pixel[1]) });
        let names: Vec<_> = numbers.map(name).collect();
        found.resize(names.len(), None);
        found.iter_mut().zip(names).for_each(|(found, name)| *found = found.take().or(name));
    }
    found
}

#[test]
fn the_segmenters_are_found_by_name_and_see_what_was_drawn() {
    if gpu().is_none() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    netdissect(folder, &["scenes", "--count", "30", "--seed", "2", "-o", "s"], 0);
    let segment = ["segment", "s/images", "--downsample", "1", "--no-cache", "-o", "seen"];
    netdissect(folder, &[&segment[..], &["--model", "demo-segmenter"]].concat(), 0);
    let classes = std::fs::read_dir(folder.join("s/images")).unwrap();
    let classes: Vec<String> = classes.map(|class| class.unwrap().file_name().into_string().unwrap()).collect();
    // Of 750 held-out pictures: 90 % of the objects' pixels, 88 % of the materials', 83 % of the colours'.
    for (category, least) in [("object", 0.83), ("material", 0.8), ("color", 0.78)] {
        let (mut right, mut all) = (0, 0);
        for class in &classes {
            let picture = format!("{class}/00000");
            let drawn = names_at(&folder.join("s/labels"), &picture, category);
            let seen = names_at(&folder.join("seen"), &picture, category);
            let there = drawn.iter().zip(&seen).filter(|(drawn, _)| drawn.is_some());
            all += there.clone().count();
            right += there.filter(|(drawn, seen)| drawn == seen).count();
        }
        assert!(
            all > 30 * 1000 && f64::from(right as u32) >= least * f64::from(all as u32),
            "{category}: {right} of {all}"
        );
    }
    let colors = [&segment[..], &["--concepts", "colors", "--model", "demo-segmenter"]].concat();
    assert!(netdissect(folder, &colors, 2).contains("needed one of them"));
    assert!(netdissect(folder, &[&segment[..], &["--model", "demo-classifier"]].concat(), 3).contains("a segmenter"));
}

fn share(of: &Value, part: &str, whole: &str) -> f64 {
    of[part].as_f64().unwrap() / of[whole].as_f64().unwrap()
}

/// What the story says of removal and insertion, from the tables beside them.
fn edits_follow_from_their_counts(folder: &Path, story: &Value) {
    let table = |file: &str| {
        let mut reader = csv::Reader::from_path(folder.join("d/edits").join(file)).unwrap();
        let names = reader.headers().unwrap().clone();
        let rows = reader.records().map(Result::unwrap);
        let row = |row: csv::StringRecord| names.iter().map(str::to_owned).zip(row.iter().map(str::to_owned)).collect();
        rows.map(row).collect::<Vec<std::collections::HashMap<String, String>>>()
    };
    let number = |row: &std::collections::HashMap<String, String>, key: &str| row[key].parse::<f64>().unwrap();
    let removed = table("remove.csv");
    let last = removed.iter().filter(|row| row["units_removed"] == "6" && row["category"] == "object");
    let (tree, others): (Vec<_>, Vec<_>) = last.partition(|row| row["name"] == "tree");
    let sum = |rows: &[&std::collections::HashMap<String, String>], key: &str| {
        rows.iter().map(|row| number(row, key).abs()).sum::<f64>()
    };
    assert!(
        (story["removal"]["lost"].as_f64().unwrap() + number(tree[0], "change") / number(tree[0], "pixels")).abs()
            < 1e-12
    );
    assert!(
        (story["removal"]["others"].as_f64().unwrap() - sum(&others, "change") / sum(&others, "pixels")).abs() < 1e-12
    );
    let positions = 32.0 * 64.0 * 64.0;
    let large = others.iter().filter(|row| number(row, "pixels") * 100.0 >= positions);
    let most = large.map(|row| (number(row, "change") / number(row, "pixels")).abs()).fold(0.0, f64::max);
    assert!((story["removal"]["most_changed_by"].as_f64().unwrap().abs() - most).abs() < 1e-12);
    let inserted = table("insert.csv");
    let sky: Vec<_> = inserted.iter().filter(|row| row["name"] == "sky" || row["name"] == "cloud").collect();
    let (new, samples) = (sky.iter().map(|row| number(row, "change")).sum::<f64>(), sum(&sky, "samples"));
    assert!((story["insertion"]["to_sky"].as_f64().unwrap() - new / samples).abs() < 1e-12);
}

#[test]
fn the_demo_tells_its_story_and_goes_on_where_it_stopped() {
    if gpu().is_none() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let demo = ["demo", "-o", "d", "--scenes", "120", "--json"];
    let planned = json(&netdissect(folder, &[&demo[..], &["--dry-run"]].concat(), 0));
    assert!(!folder.join("d").exists() && planned["steps"].as_array().unwrap().len() >= 6);
    let story = json(&netdissect(folder, &demo, 0))["story"].clone();
    let report = read(folder.join("d/classifier/report.json"));
    let is_matched = |unit: &&Value| unit["label"]["iou"].as_f64().is_some_and(|iou| iou > 0.04);
    let units = report["layers"][0]["units"].as_array().unwrap();
    let matched: Vec<&Value> = units.iter().filter(is_matched).collect();
    let mut things: Vec<&str> = matched
        .iter()
        .filter(|unit| ["object", "part"].contains(&unit["label"]["category"].as_str().unwrap()))
        .map(|unit| unit["label"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(story["classifier"]["matched"], matched.len());
    assert_eq!(story["classifier"]["matched_things"], things.len());
    things.sort_unstable();
    things.dedup();
    assert_eq!(story["classifier"]["things"], things.len());
    // What the demo must show, on a small sample.
    let things = |of: &str| story[of]["things"].as_u64().unwrap();
    assert!(matched.len() * 3 >= units.len(), "{} of {}", matched.len(), units.len());
    assert!(things("classifier") >= 15 && things("random") * 2 < things("classifier"), "{story}");
    let clear = |of: &str| story[of]["clear"].as_u64().unwrap();
    assert!(clear("rotated") < clear("classifier") && clear("random") < clear("classifier"), "{story}");
    let iou = |of: &str| story[of]["mean_iou"].as_f64().unwrap();
    assert!(iou("rotated") < iou("classifier") && iou("random") < iou("classifier"), "{story}");
    assert!(share(&story["agreement"], "same", "matched") >= 0.7, "{story}");
    assert!(things("generator") >= 10 && things("generator_random") * 2 < things("generator"), "{story}");
    let number = |of: &str, key: &str| story[of][key].as_f64().unwrap();
    assert!(number("removal", "lost") >= 0.5 && number("removal", "others") < 0.25, "{story}");
    let (house, sky) = (number("insertion", "to_buildings"), number("insertion", "to_sky"));
    assert!(house > 0.0 && house >= 5.0 * sky, "{story}");
    edits_follow_from_their_counts(folder, &story);
    let page = std::fs::read_to_string(folder.join("d/report.html")).unwrap();
    // Names of XML are no addresses.
    let addresses = page.replace("http://www.w3.org/", "");
    assert!(!addresses.contains("http://") && !addresses.contains("https://"), "the page is by itself");
    // A missing step is made again, the others stay, the page is the same.
    std::fs::remove_dir_all(folder.join("d/control/random")).unwrap();
    let when = |file: &str| std::fs::metadata(folder.join(file)).unwrap().modified().unwrap();
    let files = ["d/classifier/report.json", "d/ablation/ablate.json", "d/control/rotated/report.json"];
    let before = files.map(when);
    assert_eq!(json(&netdissect(folder, &demo, 0))["story"], story);
    assert_eq!(files.map(when), before);
    assert!(std::fs::read_to_string(folder.join("d/report.html")).unwrap() == page);
}
