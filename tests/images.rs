//! Images as users name them, and what is said of those that are passed over.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use common::{gpu, narrow_vgg};

fn netdissect(words: &[&str]) -> Output {
    let mut command = Command::cargo_bin("netdissect").unwrap();
    command.args(words).env("NO_COLOR", "1").env_remove("NETDISSECT_DEVICE").output().unwrap()
}

/// Standard output of a command that ends as expected, or standard error of one that does not end well.
fn said(words: &[&str], code: i32) -> String {
    let output = netdissect(words);
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(code), "{words:?}: {err}");
    if code == 0 { out } else { err }
}

fn picture(path: &Path, (w, h): (u32, u32), shift: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::RgbImage::from_fn(w, h, |x, y| image::Rgb([(x * (shift + 3)) as u8, (y * 5) as u8, shift as u8]))
        .save(path)
        .unwrap();
}

/// Four pictures in folders, with all that lies beside pictures.
fn photos(folder: &Path) -> String {
    let root = folder.join("photos");
    for (shift, name) in
        ["a/1.png", "a/2.bmp", "b/3.png", "b/4.ppm", "a/.hidden.png", "__MACOSX/a/._1.png"].iter().enumerate()
    {
        picture(&root.join(name), (40, 30), shift as u32);
    }
    fs::write(root.join("a/x.heic"), "").unwrap();
    fs::write(root.join("b/evil\u{1b}[31m.png"), "\0\0\0\x18ftypheic").unwrap();
    fs::write(root.join("some.txt"), "a/1.png 0\nb/3.png 2\nlost.png 1\n").unwrap();
    root.to_str().unwrap().to_owned()
}

#[test]
fn what_is_passed_over_is_said_in_words_and_in_json_by_every_command_that_reads_images() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let photos = photos(folder.path());
    let weights = common::save_vgg(folder.path(), &narrow_vgg([4, 4, 6, 8, 10], 8, 4, 3));
    let (run, maps, kept) = (place("run"), place("maps"), place("kept.safetensors"));
    let network = ["-w", weights.as_str()];
    for words in [
        &["classify", &photos, "-w", &weights][..],
        &["activations", &photos, "-w", &weights, "-l", "conv1_1", "-o", &kept],
        &["segment", &photos, "--concepts", "colors", "-o", &maps],
        &["dissect", &photos, "-w", &weights, "-l", "conv5_3", "--concepts", "colors", "-o", &run],
    ] {
        let told = said(words, 0);
        assert!(told.contains("skipped b/evil\\u{1b}[31m.png: content is HEIC"), "{told}");
        assert!(told.contains("left out 1 .heic, 1 .txt, 2 hidden pictures"), "{told}");
        let json: serde_json::Value = serde_json::from_str(&said(&[words, &["--json"]].concat(), 0)).unwrap();
        assert_eq!(json["left_out"]["hidden"], 2, "{words:?}");
        assert_eq!(json["skipped"].as_array().unwrap().len(), 1, "{words:?}");
    }
    let list = format!("{photos}/some.txt");
    let told = said(&[&["classify", &list][..], &network].concat(), 0);
    assert!(
        told.contains("skipped lost.png: no such file") && told.contains("of 2 images whose class is known"),
        "{told}"
    );
    let both = format!("{photos}/*/[13].png");
    let json: serde_json::Value =
        serde_json::from_str(&said(&[&["classify", &both, &list, "--json"][..], &network].concat(), 0)).unwrap();
    let names: Vec<_> = json["images"].as_array().unwrap().iter().map(|image| image["image"].clone()).collect();
    assert_eq!((names, &json["left_out"]["doubled"]), (vec!["a/1.png".into(), "b/3.png".into()], &2.into()));
}

#[test]
fn label_maps_are_looked_for_before_the_work_and_a_run_is_not_taken_up_when_one_has_changed() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let weights = common::save_vgg(folder.path(), &narrow_vgg([4, 4, 6, 8, 10], 8, 4, 3));
    for name in ["1", "2", "3"] {
        picture(&folder.path().join(format!("photos/{name}.png")), (60, 40), 7);
    }
    let map = |name: &str, side: u32, value: u8| {
        let path = folder.path().join("maps").join(name);
        image::GrayImage::from_pixel(60 * side, 40 * side, image::Luma([value])).save(path).unwrap();
    };
    fs::create_dir(folder.path().join("maps")).unwrap();
    fs::write(folder.path().join("maps/labels.csv"), "number,name,category\n1,wall,object\n2,sky,object\n").unwrap();
    let (photos, maps, run) = (place("photos"), place("maps"), place("run"));
    let words = ["dissect", &photos, "--labels", &maps, "-w", &weights, "-l", "conv5_3", "-o", &run, "--quiet"];
    map("1.png", 1, 1);
    let error = said(&[&words[..], &["--dry-run"]].concat(), 3);
    assert!(error.contains("2 of 3 images have no label map: 2.png, 3.png"), "{error}");
    map("2.png", 1, 255);
    map("3.png", 2, 2);
    let error = said(&words, 3);
    assert!(error.contains("is 80x120; needs 40x60, the shape of the photograph, or 224x224"), "{error}");
    map("3.png", 1, 2);
    let error = said(&words, 3);
    assert!(error.contains("label 255") && error.contains("`--ignore 255`"), "{error}");
    let words = [&words[..], &["--ignore", "255"]].concat();
    let fresh = place("fresh");
    let fresh: Vec<&str> = words.iter().map(|&word| if word == run { fresh.as_str() } else { word }).collect();
    said(&fresh, 0);
    said(&fresh, 0);
    // Of the same size and as many bytes.
    map("3.png", 1, 1);
    let error = said(&fresh, 2);
    assert!(error.contains("of other label maps"), "{error}");
}
