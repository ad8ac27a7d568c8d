//! The command line of `netdissect weights`.

use std::path::{Path, PathBuf};

use netdissect::cli;
use netdissect::error::{Error, Kind};
use netdissect::preprocess::Geometry;
use netdissect::weights::{Stored, WeightFile, save};
use netdissect::work::Host;
use serde_json::Value;

use crate::support::{difference, golden, shapes, values};

fn weights(words: &[&str]) -> Result<String, Error> {
    let mut out = Vec::new();
    cli::type_in(&[&["weights"], words].concat(), &Host::default(), &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn places() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("vgg.safetensors");
    (folder, output)
}

#[test]
fn import_says_what_it_wrote_and_what_it_dropped() {
    let (_folder, output) = places();
    let source = golden("keras_body.onnx");
    let words = ["import", text(&source), "--model", "vgg16", "-o", text(&output), "--body", "--preprocess", "caffe"];
    let said = weights(&words).unwrap();
    for part in ["26 tensors", "body only", "`caffe`", "dropped 1 tensors: head", "keras_body.onnx, onnx"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let file = WeightFile::open(&output).unwrap();
    assert!(said.contains(file.sha256()));
    assert_eq!(difference(&file, 26), None);
}

#[test]
fn import_as_json_names_source_tensors_and_classes() {
    let (folder, output) = places();
    let names = folder.path().join("classes.txt");
    std::fs::write(&names, "airfield\nairplane_cabin\nalley\narch\nzen garden\n").unwrap();
    let source = golden("authors_legacy.pth");
    let words = ["import", text(&source), "--model", "vgg16", "-o", text(&output), "--classes", text(&names), "--json"];
    let said: Value = serde_json::from_str(&weights(&words).unwrap()).unwrap();
    assert_eq!((&said["classes"], &said["source"]["container"]), (&5.into(), &"pth (legacy)".into()));
    assert_eq!(said["tensors"].as_array().unwrap().len(), 32);
    assert_eq!(said["tensors"][0]["dims"], serde_json::json!([2, 3, 3, 3]));
    assert_eq!(WeightFile::open(&output).unwrap().class_names().unwrap().unwrap()[4], "zen garden");
    std::fs::write(&names, "airfield\nalley\n").unwrap();
    let error = weights(&words).unwrap_err().to_string();
    assert!(error.ends_with("2 class names; the network has 5 classes"), "{error}");
    // Each line of such a list would take a hundred times its bytes.
    std::fs::write(&names, "a\n".repeat(5 << 19)).unwrap();
    let error = weights(&words).unwrap_err().to_string();
    assert!(error.ends_with("classes.txt: is 5242880 bytes; at most 4194304 are read"), "{error}");
}

#[test]
fn a_dry_run_checks_everything_and_writes_nothing() {
    let (folder, output) = places();
    let source = golden("wrapped_zip.pth");
    let words = ["import", text(&source), "--model", "vgg16", "-o", text(&output), "--dry-run"];
    assert!(weights(&words).unwrap().starts_with("would write"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_failed_import_leaves_an_existing_file_as_it_was_and_the_source_is_never_replaced() {
    let (folder, output) = places();
    std::fs::write(&output, "precious").unwrap();
    let broken = folder.path().join("broken.pth");
    std::fs::write(&broken, &std::fs::read(golden("authors_zip.pth")).unwrap()[..2000]).unwrap();
    weights(&["import", text(&broken), "--model", "vgg16", "-o", text(&output)]).unwrap_err();
    assert_eq!(std::fs::read(&output).unwrap(), b"precious");
    let source = golden("authors_zip.pth");
    weights(&["import", text(&source), "--model", "vgg16", "-o", text(&output)]).unwrap();
    let before = std::fs::read(&output).unwrap();
    let onto_itself = ["import", text(&output), "--model", "vgg16", "-o", text(&output)];
    assert!(weights(&onto_itself).unwrap_err().to_string().contains("the output is the input file"));
    assert_eq!(std::fs::read(&output).unwrap(), before);
}

#[test]
fn folders_and_devices_are_never_replaced() {
    let (folder, _) = places();
    let source = golden("authors_zip.pth");
    let words = ["import", text(&source), "--model", "vgg16", "-o", text(folder.path())];
    let error = weights(&words).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{error}");
    assert!(folder.path().is_dir());
}

#[test]
fn inspect_lists_names_sizes_types_and_hash() {
    let said = weights(&["inspect", text(&golden("torchvision_half.pth"))]).unwrap();
    let hash = netdissect::hash::sha256(std::fs::read(golden("torchvision_half.pth")).unwrap());
    for part in ["features.0.weight", "f16", "[2, 3, 3, 3]", "32 tensors", "pth (zip)", &hash] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let (_folder, output) = places();
    weights(&["import", text(&golden("authors_zip.pth")), "--model", "vgg16", "-o", text(&output)]).unwrap();
    let said: Value = serde_json::from_str(&weights(&["inspect", text(&output), "--json"]).unwrap()).unwrap();
    assert_eq!((&said["metadata"]["model"], &said["metadata"]["preprocess"]), (&"vgg16".into(), &"torch".into()));
    assert_eq!(said["tensors"][1]["name"], "features.conv1_1.bias");
}

#[test]
fn a_weight_file_knows_the_size_of_its_images() {
    let (_folder, output) = places();
    let source = golden("authors_zip.pth");
    let import = ["import", text(&source), "--model", "vgg16", "-o", text(&output), "--json"];
    for (words, geometry) in [
        (&[][..], Geometry::DEFAULT),
        (&["--size", "32"], Geometry::square(32)),
        (&["--resize", "40", "--crop", "32"], Geometry::ResizeCrop { resize: 40, crop: 32 }),
        (&["--as-is"], Geometry::AsIs),
    ] {
        let said: Value = serde_json::from_str(&weights(&[&import, words].concat()).unwrap()).unwrap();
        assert_eq!(said["geometry"], geometry.describe());
        assert_eq!(WeightFile::open(&output).unwrap().geometry().unwrap(), geometry);
    }
    let error = weights(&[&import[..], &["--resize", "32", "--crop", "40"]].concat()).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{error}");
}

/// A weight file of the narrow network with this metadata besides.
fn with_metadata(path: &Path, key: &str, value: &str) {
    let pairs = [("model", "vgg16"), (key, value)].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let stored: Vec<Stored> = shapes().into_iter().map(|(name, dims)| Stored { name, dims }).collect();
    save(path, &pairs, &stored, |index| Ok(values(index, stored[index].dims.iter().product()).into())).unwrap();
}

#[test]
fn names_of_another_number_of_classes_are_refused_when_the_file_is_opened() {
    let (folder, output) = places();
    let picture = folder.path().join("a.png");
    image::RgbImage::new(8, 8).save(&picture).unwrap();
    let classify = |words: &[&str]| {
        let words = [&["classify", text(&picture), "-w", text(&output)], words].concat();
        cli::type_in(&words, &Host::default(), &mut Vec::new()).unwrap_err().to_string()
    };
    with_metadata(&output, "class_names", r#"["a","b"]"#);
    assert!(classify(&[]).ends_with("2 class names; the network has 5 classes"));
    with_metadata(&output, "class_names", "no list");
    assert!(classify(&[]).contains("5 classes") || classify(&[]).contains("class_names"));
    with_metadata(&output, "geometry", r#"{"resize":1}"#);
    assert!(classify(&[]).contains("geometry"), "{}", classify(&[]));
}

#[test]
fn a_file_of_an_earlier_version_is_given_what_every_network_was() {
    let (_folder, output) = places();
    with_metadata(&output, "preprocess", "torch");
    assert_eq!(WeightFile::open(&output).unwrap().geometry().unwrap(), Geometry::DEFAULT);
}
