//! A network whose activations grow beyond the largest number: every command that looks at them says so, and none labels by them.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::path::Path;

use assert_cmd::Command;
use common::{gpu, narrow_vgg};
use serde_json::Value;

/// Finite weights, all of one convolution so large that its sums are not; and three pictures.
fn make(folder: &Path) {
    let mut weights = narrow_vgg([2, 2, 3, 3, 4], 8, 4, 3);
    weights.get_mut("features.conv3_3.weight").unwrap().1.fill(3e38);
    common::save_vgg(folder, &weights);
    std::fs::create_dir(folder.join("photos")).unwrap();
    for index in 0..3u32 {
        let picture =
            image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([(x * 4) as u8, (y * 4) as u8, (index * 100) as u8]));
        picture.save(folder.join(format!("photos/{index}.png"))).unwrap();
    }
}

/// Standard output of the program in a folder, which must succeed.
fn run(folder: &Path, words: &[&str]) -> String {
    let mut command = Command::cargo_bin("netdissect").unwrap();
    let output = command.current_dir(folder).args(words).arg("--quiet").output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{words:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

const WEIGHTS: [&str; 3] = ["photos", "-w", "vgg.safetensors"];
/// How the first of three images is named.
const NAMED: &str = "on 3 of 3 images, the first 0.png";

#[test]
fn a_dissection_gives_no_level_and_no_label_to_units_that_are_not_finite() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    let words = ["dissect", "-l", "conv3_2,conv5_3", "--concepts", "colors", "--grid", "14x14", "-o", "run"];
    let said = run(folder.path(), &[&words[..1], &WEIGHTS, &words[1..]].concat());
    assert!(said.contains("warning: conv5_3: 4 of 4 units are NaN or infinite") && said.contains(NAMED), "{said}");
    assert!(said.contains("warning: 3 images are few") && !said.contains("conv3_2: 3 of 3 units are"), "{said}");
    let report: Value = serde_json::from_slice(&std::fs::read(folder.path().join("run/report.json")).unwrap()).unwrap();
    let [whole, lost] = [0, 1].map(|layer| &report["layers"][layer]);
    assert_eq!((&whole["not_finite"], whole["units"][0]["threshold"].is_f64()), (&Value::Null, true));
    assert_eq!(lost["not_finite"], serde_json::json!({ "units": 4, "images": 3, "first": "0.png" }));
    for unit in lost["units"].as_array().unwrap() {
        assert_eq!((&unit["threshold"], &unit["label"], &unit["not_finite"]), (&Value::Null, &Value::Null, &3.into()));
        assert_eq!((&unit["area"], unit["top"].as_array().unwrap().len()), (&0.into(), 0));
    }
    let kinds: Vec<_> = report["warnings"].as_array().unwrap().iter().map(|warning| &warning["kind"]).collect();
    assert!(kinds.contains(&&"not_finite".into()) && kinds.contains(&&"few_positions".into()), "{kinds:?}");
    let page = std::fs::read_to_string(folder.path().join("run/report.html")).unwrap();
    assert!(page.contains("conv5_3: 4 of 4 units are NaN or infinite"));
}

#[test]
fn scores_and_activations_that_are_not_finite_are_named_with_their_image() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    let classified: Value =
        serde_json::from_str(&run(folder.path(), &[&["classify"], &WEIGHTS[..], &["--json"]].concat())).unwrap();
    for image in classified["images"].as_array().unwrap() {
        assert_eq!((&image["class"], &image["classes"]), (&Value::Null, &serde_json::json!([])));
    }
    assert!(classified["warnings"][0]["message"].as_str().unwrap().contains(NAMED));
    let words = ["-l", "conv3_2,conv3_3", "-o", "maps.safetensors"];
    let said = run(folder.path(), &[&["activations"], &WEIGHTS[..], &words].concat());
    assert!(said.contains("warning: conv3_3: 3 of 3 units are NaN or infinite") && said.contains(NAMED), "{said}");
    assert!(!said.contains("conv3_2: "), "{said}");
}
