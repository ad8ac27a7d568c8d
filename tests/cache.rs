//! `netdissect cache` as users call it.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use netdissect::concepts::cache::{ImageHash, LabelCache};
use netdissect::concepts::parsing::RawLabels;
use serde_json::{Value, json};

fn cache(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::cargo_bin("netdissect").unwrap();
    command.arg("cache").args(words).env("NO_COLOR", "1").env("NETDISSECT_CACHE_DIR", folder).output().unwrap()
}

fn out(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(folder: &Path, words: &[&str]) -> Value {
    serde_json::from_str(&out(&cache(folder, &[words, &["--json"]].concat()))).unwrap()
}

const CHOICES: &str = r#"{"adapter | driver | 1 | 3x8x8 -> 4": "a kernel"}"#;

/// Two networks with three images between them, and choices of kernels.
fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let raw = RawLabels { h: 5, w: 7, object: (0..35).collect(), part: None, material: None, color: None };
    for (network, image) in [("one", "a"), ("one", "b"), ("two", "a")] {
        let cache = LabelCache::within(Some(folder.path()), json!({ "network": network, "note": "x".repeat(100) }));
        cache.put(&ImageHash::of_parts(&[image.as_bytes()]), &raw);
    }
    std::fs::write(folder.path().join("tuning.json"), CHOICES).unwrap();
    folder
}

#[test]
fn dir_prints_the_folder_and_an_empty_one_has_no_size() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("not made yet");
    assert_eq!(out(&cache(&missing, &["dir"])).trim_end(), missing.to_str().unwrap());
    assert_eq!(json(&missing, &["dir"]), json!({ "folder": missing }));
    assert_eq!(out(&cache(&missing, &["size"])), format!("in all                 0 B  {}\n", missing.display()));
    assert!(out(&cache(&missing, &["clean", "--all"])).starts_with("removed label maps of 0 images"));
    assert!(!missing.exists());
}

#[test]
fn size_tells_networks_apart_and_counts_the_choices_of_kernels() {
    let folder = filled();
    let found = json(folder.path(), &["size"]);
    let networks = found["label_maps"].as_array().unwrap();
    let images = |name: &str| networks.iter().find(|n| n["key"]["network"] == name).unwrap()["images"].clone();
    assert_eq!((images("one"), images("two")), (json!(2), json!(1)));
    assert_eq!(found["tuning"], json!({ "choices": 1, "bytes": CHOICES.len() }));
    let bytes: u64 = networks.iter().map(|network| network["bytes"].as_u64().unwrap()).sum();
    assert_eq!(found["bytes"], bytes + CHOICES.len() as u64);
    let text = out(&cache(folder.path(), &["size"]));
    assert!(
        text.contains("2 images") && text.contains("1 convolutions") && text.contains(r#"{"network":"one""#),
        "{text}"
    );
    assert!(text.lines().all(|line| line.len() < 200), "{text}");
}

#[test]
fn prune_keeps_what_it_is_told_to_and_a_dry_run_removes_nothing() {
    let folder = filled();
    let bytes: u64 = json(folder.path(), &["size"])["label_maps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|network| network["bytes"].as_u64().unwrap())
        .sum();
    assert_eq!(cache(folder.path(), &["prune"]).status.code(), Some(2));
    assert_eq!(json(folder.path(), &["prune", "--older-than", "1"])["removed"]["images"], 0);
    let keep = (bytes * 2 / 3).to_string();
    let dry = json(folder.path(), &["prune", "--keep", &keep, "--dry-run"]);
    assert_eq!((&dry["removed"]["images"], &dry["left"]["images"]), (&json!(1), &json!(2)));
    assert_eq!(json(folder.path(), &["prune", "--keep", "1"])["removed"]["images"], 3);
    assert_eq!(json(folder.path(), &["size"])["bytes"], CHOICES.len());
}

#[test]
fn clean_removes_label_maps_and_only_with_all_the_choices_of_kernels() {
    let folder = filled();
    let tuning = folder.path().join("tuning.json");
    out(&cache(folder.path(), &["clean", "--all", "--dry-run"]));
    assert_eq!(json(folder.path(), &["clean"])["removed"]["images"], 3);
    assert!(tuning.exists());
    assert_eq!(json(folder.path(), &["clean", "--all"])["removed"]["tuning"], true);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    std::fs::write(&tuning, r#"{"notes": "of somebody else"}"#).unwrap();
    assert_eq!(json(folder.path(), &["clean", "--all"])["removed"]["tuning"], false);
    assert!(tuning.exists());
}
