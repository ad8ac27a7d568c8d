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
    let said = netdissect(folder, &["classify", "s/images", "--as-is", "--model", "demo-classifier", "--json"], 0);
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
