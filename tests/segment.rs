//! `netdissect segment` as users call it.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use common::gpu;
use netdissect::concepts::ConceptSource;
use netdissect::concepts::colors::color_of;
use netdissect::concepts::label_maps::LabelFolder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn segment(words: &[&str]) -> Output {
    let mut command = Command::cargo_bin("netdissect").unwrap();
    command.arg("segment").args(words).env("NO_COLOR", "1").env_remove("NETDISSECT_DEVICE").output().unwrap()
}

fn out(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What was complained about, with the exit code.
fn refused(output: &Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8(output.stderr.clone()).unwrap())
}

fn picture(path: &Path, w: u32, h: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let color = |x: u32, y: u32| if x < w / 2 { [220, 20, 20] } else { [30, 30 + (y % 200) as u8, 200] };
    image::RgbImage::from_fn(w, h, |x, y| image::Rgb(color(x, y))).save(path).unwrap();
}

/// Photographs of different sizes in two folders, and a file that is none.
fn photos(folder: &Path) -> String {
    let root = folder.join("photos");
    picture(&root.join("wide.png"), 300, 100);
    picture(&root.join("in it/a #1.png"), 64, 64);
    fs::write(root.join("broken.png"), "no picture").unwrap();
    root.to_str().unwrap().to_owned()
}

fn at(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

/// Files with their sizes and the hashes of what they hold.
fn files_below(folder: &str) -> Vec<(String, usize, [u8; 32])> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(folder).to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let bytes = fs::read(&path).unwrap();
                    found.push((path.to_str().unwrap().to_owned(), bytes.len(), Sha256::digest(&bytes).into()));
                }
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_folder_of_photographs_gets_label_maps_pictures_areas_and_a_page() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (photos, run) = (photos(folder.path()), at(&folder, "run"));
    let said = out(&segment(&[&photos, "--concepts", "colors", "-o", &run]));
    assert!(said.starts_with("2 images segmented\nskipped broken.png: content is not a JPEG"), "{said}");
    let areas: Value = serde_json::from_slice(&fs::read(format!("{run}/areas.json")).unwrap()).unwrap();
    let images = areas["images"].as_array().unwrap();
    assert_eq!(images.iter().map(|image| &image["image"]).collect::<Vec<_>>(), ["wide.png", "in it/a #1.png"]);
    assert_eq!(areas["skipped"][0]["name"], "broken.png");
    let labels = images[0]["labels"].as_array().unwrap();
    let red = labels.iter().find(|label| label["name"] == "red").unwrap();
    // Squashed to 256 and cut to 224, the left half of the photograph is the left half of the grid.
    assert_eq!((&red["pixels"], &red["fraction"], &red["category"]), (&json!(56 * 28), &json!(0.5), &json!("color")));
    let maps = LabelFolder::open(Path::new(&run).to_owned()).unwrap();
    let whole = maps.whole("wide.png").unwrap();
    assert_eq!((whole.h, whole.w, whole.labels[0]), (56, 56, color_of([220, 20, 20])));
    assert_eq!(maps.vocabulary().names[usize::from(whole.labels[0])], "red");
    for (name, side) in [("wide.overlay.png", 224), ("wide.picture.jpg", 224), ("in it/a #1.overlay.png", 224)] {
        assert_eq!(image::image_dimensions(format!("{run}/{name}")).unwrap(), (side, side), "{name}");
    }
    let overlay = image::open(format!("{run}/wide.overlay.png")).unwrap().to_rgb8();
    assert!(overlay.get_pixel(10, 100).0[0] > 190 && overlay.get_pixel(10, 100).0[1] < 60);
    let page = fs::read_to_string(format!("{run}/index.html")).unwrap();
    assert!(
        page.contains("in it&#x2f;a #1.png")
            && page.contains("in%20it/a%20%231.overlay.png")
            && page.contains("50.0 %")
    );
}

#[test]
fn a_second_run_changes_nothing_and_only_unfinished_images_are_made_again() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (photos, run) = (photos(folder.path()), at(&folder, "run"));
    let words = [photos.as_str(), "--concepts", "colors", "-o", &run];
    out(&segment(&words));
    let first = files_below(&run);
    let told = || {
        let again = segment(&words);
        assert!(again.status.success());
        String::from_utf8(again.stderr).unwrap()
    };
    fs::remove_file(format!("{run}/wide.overlay.png")).unwrap();
    let missing = told();
    assert!(missing.contains("wide.overlay.png is missing: made again"), "{missing}");
    assert!(missing.contains("1 of 3 images are finished already"), "{missing}");
    assert_eq!(files_below(&run), first);
    picture(&Path::new(&run).join("in it/a #1.png"), 56, 56);
    let changed = told();
    assert!(changed.contains("in it/a #1.png is not as it was written: made again"), "{changed}");
    assert_eq!(files_below(&run), first);
    let restarted = out(&segment(&[&words[..], &["--json", "--restart"]].concat()));
    assert_eq!(files_below(&run), first);
    assert_eq!(restarted.as_bytes(), fs::read(format!("{run}/areas.json")).unwrap());
}

#[test]
fn label_maps_of_a_run_can_be_segmented_again_as_they_are() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (photos, one, two) = (photos(folder.path()), at(&folder, "one"), at(&folder, "two"));
    out(&segment(&[&photos, "--concepts", "colors", "-o", &one]));
    out(&segment(&[&photos, "--labels", &one, "-o", &two]));
    for name in ["wide.png", "in it/a #1.png", "in it/a #1.overlay.png"] {
        assert_eq!(fs::read(format!("{one}/{name}")).unwrap(), fs::read(format!("{two}/{name}")).unwrap(), "{name}");
    }
}

#[test]
fn images_as_they_are_may_differ_in_size_and_those_too_small_are_named() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("photos");
    for (name, w, h) in [("1 dot.png", 1, 1), ("2 flat.png", 3000, 3), ("3 long.png", 10_000, 9), ("4 odd.png", 31, 50)]
    {
        picture(&root.join(name), w, h);
    }
    let (photos, run) = (root.to_str().unwrap().to_owned(), at(&folder, "run"));
    let said = out(&segment(&[&photos, "--concepts", "colors", "--as-is", "-o", &run]));
    assert!(
        said.contains("skipped 1 dot.png: is 1x1; too small") && said.contains("skipped 2 flat.png: is 3x3000"),
        "{said}"
    );
    let maps = LabelFolder::open(Path::new(&run).to_owned()).unwrap();
    let size = |name| maps.whole(name).map(|maps| (maps.h, maps.w)).unwrap();
    assert_eq!((size("3 long.png"), size("4 odd.png")), ((2, 2500), (12, 7)));
    assert_eq!(image::image_dimensions(format!("{run}/3 long.overlay.png")).unwrap(), (1024, 1));
    let dots = root.join("1 dot.png").to_str().unwrap().to_owned();
    let none = refused(&segment(&[&dots, "--concepts", "colors", "--as-is", "-o", &at(&folder, "none")]));
    assert!(none.0 == 3 && none.1.contains("none of 1 images can be used; the first, 1 dot.png: is 1x1"), "{}", none.1);
}

#[test]
fn squares_of_a_network_s_size_go_in_whole_and_others_are_squashed_and_cut() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("photos");
    for (name, w, h) in [("a.png", 224, 224), ("b.png", 256, 256), ("c.png", 256, 224), ("d.png", 255, 255)] {
        picture(&root.join(name), w, h);
    }
    let run = at(&folder, "run");
    out(&segment(&[root.to_str().unwrap(), "--concepts", "colors", "-o", &run]));
    let maps = LabelFolder::open(Path::new(&run).to_owned()).unwrap();
    let sizes = ["a.png", "b.png", "c.png", "d.png"].map(|name| maps.whole(name).map(|maps| (maps.h, maps.w)).unwrap());
    assert_eq!(sizes, [(56, 56), (64, 64), (56, 56), (56, 56)]);
    // The page says what was done, to how many.
    let says = |run: &str, words: &str| {
        let page = fs::read_to_string(format!("{run}/index.html")).unwrap();
        assert!(page.contains(words), "{words} is not in {run}");
    };
    says(&run, "2 squashed to 256 × 256, of which the centre 224 × 224 is looked at; 2 whole, as they are 224 × 224");
    let (whole, squashed) = (at(&folder, "whole"), at(&folder, "squashed"));
    let one = |name: &str, run: &str| out(&segment(&[&at(&folder, name), "--concepts", "colors", "-o", run]));
    one("photos/a.png", &whole);
    says(&whole, "<dd>whole, as they are 224 × 224 or 256 × 256;");
    one("photos/d.png", &squashed);
    says(&squashed, "<dd>squashed to 256 × 256,");
}

#[test]
fn folders_that_hold_something_else_are_left_alone() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (photos, run) = (photos(folder.path()), at(&folder, "run"));
    let colors = |more: &[&str]| refused(&segment(&[&[photos.as_str(), "--concepts", "colors"], more].concat()));
    let inside = format!("{photos}/in it/labels");
    assert!(colors(&["-o", &inside]).1.contains("lies in the folder of the images"));
    let (code, text) = colors(&["-o", folder.path().to_str().unwrap(), "--restart"]);
    assert!(code == 2 && text.contains("holds files that are not of this command"), "{text}");
    fs::create_dir(&run).unwrap();
    fs::write(format!("{run}/run.json"), r#"{"tool": "dissect"}"#).unwrap();
    assert!(colors(&["-o", &run, "--restart"]).1.contains("holds a run of another command"));
    fs::remove_file(format!("{run}/run.json")).unwrap();
    assert_eq!(colors(&["-o", &run]).0, 0);
    let before = files_below(&run);
    let (code, text) = colors(&["-o", &run, "--downsample", "8"]);
    assert!(code == 2 && text.contains("holds another run") && text.contains("--restart"), "{text}");
    assert_eq!(files_below(&run), before);
    assert_eq!(colors(&["-o", &run, "--downsample", "8", "--restart"]).0, 0);
    assert_eq!(image::image_dimensions(format!("{run}/wide.png")).unwrap(), (28, 28));
}

#[test]
fn names_and_categories_that_make_no_sense_are_refused_and_a_dry_run_writes_nothing() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (photos, run) = (photos(folder.path()), at(&folder, "run"));
    let dry = out(&segment(&[&photos, "--concepts", "colors", "-o", &run, "--dry-run"]));
    assert!(dry.contains("3 images, 0 of them finished\nlabel maps of 56x56") && !Path::new(&run).exists(), "{dry}");
    let (code, text) = refused(&segment(&[&photos, "--concepts", "colors", "--paint", "colour", "-o", &run]));
    assert!(
        code == 2 && text.contains("no label is of category `colour`") && text.contains("there are: color"),
        "{text}"
    );
    picture(&folder.path().join("photos/wide.jpg"), 9, 9);
    let (code, text) = refused(&segment(&[&photos, "--concepts", "colors", "-o", &run]));
    assert!(code == 3 && text.contains("wide.jpg and wide.png would have label maps of the same name"), "{text}");
    assert!(!Path::new(&run).exists());
}

#[test]
fn several_channels_are_written_as_several_files_and_chosen_categories_painted() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("photos");
    picture(&root.join("a.png"), 224, 224);
    let labels = folder.path().join("labels");
    fs::create_dir(&labels).unwrap();
    fs::write(labels.join("labels.csv"), "number,name,category\n1,sky,object\n2,cloud,part\n3,paper,material\n")
        .unwrap();
    for (channel, label) in [(0, 1u8), (1, 3), (2, 2)] {
        let map =
            image::GrayImage::from_fn(56, 56, |x, _| image::Luma([if channel < 2 || x < 10 { label } else { 0 }]));
        map.save(labels.join(format!("a.{channel}.png"))).unwrap();
    }
    let (photos, labels) = (root.to_str().unwrap(), labels.to_str().unwrap());
    let overlay = |name: &str, more: &[&str]| {
        let run = at(&folder, name);
        out(&segment(&[&[photos, "--labels", labels, "-o", &run], more].concat()));
        assert!(Path::new(&format!("{run}/a.2.png")).exists() && !Path::new(&format!("{run}/a.png")).exists());
        let pixels = image::open(format!("{run}/a.overlay.png")).unwrap().to_rgb8();
        (pixels.get_pixel(8, 100).0, pixels.get_pixel(60, 100).0)
    };
    let (left, right) = overlay("objects", &[]);
    assert_eq!(left, right, "only the sky is painted, and it is everywhere");
    let (cloud, sky) = overlay("both", &["--paint", "part,object"]);
    assert!(cloud != sky && sky == right, "the cloud is smaller, so it lies on top");
    let (cloud_alone, bare) = overlay("parts", &["--paint", "part"]);
    assert_eq!((cloud_alone, bare), (cloud, [220, 20, 20]));
    let noted = |more: &[&str]| {
        let run = at(&folder, &format!("noted{}", more.len()));
        refused(&segment(&[&[photos, "--labels", labels, "-o", &run], more].concat())).1
    };
    assert!(noted(&[]).contains("1 images of 224x224 or 256x256 went in as they are"));
    assert!(!noted(&["--as-is"]).contains("went in as they are"));
}
