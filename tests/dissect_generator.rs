//! A generator's layers dissected on its own images.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::process::{Command, Stdio};

use common::{Place, gpu};
use netdissect::concepts::colors::Colors;
use netdissect::concepts::{ConceptInput, ConceptSource, Pixels};
use netdissect::dissect::tally::Tally;

const RUN: [&str; 9] =
    ["dissect", "-w", "g.safetensors", "-l", "layer2,layer4", "--latents", "3-9,0", "--concepts", "colors"];

fn tally(place: &Place, file: &str) -> Tally {
    Tally::load(&place.folder.path().join(file)).unwrap()
}

#[test]
fn concepts_are_those_of_the_generators_own_images_whatever_the_batch() {
    let Some(_) = gpu() else { return };
    let place = Place::new("layers.pth");
    place.run(&[&RUN[..], &["--save-labels", "-o", "run"]].concat(), 0);
    place.run(&["generate", "-w", "g.safetensors", "--latents", "0-9", "-o", "images"], 0);
    // The default grid is a quarter of the image, and cells have the colour of the image that `generate` writes.
    let mut areas = vec![0; 12];
    for latent in [3, 4, 5, 6, 7, 8, 9, 0] {
        let image = image::open(place.folder.path().join(format!("images/{latent}.png"))).unwrap().to_rgb8();
        let input = ConceptInput { name: "", pixels: Pixels::Rgb(image.as_raw()), h: 16, w: 16 };
        let want = Colors::new().label_maps(&[input], (4, 4)).unwrap().remove(0).labels;
        let saved = image::open(place.folder.path().join(format!("run/labels/{latent}.png"))).unwrap().to_rgb8();
        assert_eq!(saved.pixels().map(|pixel| u16::from(pixel[0])).collect::<Vec<_>>(), want, "{latent}");
        want.iter().for_each(|&label| areas[usize::from(label)] += 1u64);
    }
    let layer = tally(&place, "run/layer4/tally.safetensors");
    assert_eq!((layer.units, layer.positions, &layer.concept_area), (20, 8 * 16, &areas));
    assert!(layer.intersection.iter().any(|count| *count > 0));
    // A layer alone, one image at a time, with labels read from files: the same counts.
    let alone = ["dissect", "-w", "g.safetensors", "-l", "layer4", "--latents", "3-9,0", "--labels", "run/labels"];
    place.run(&[&alone[..], &["-o", "alone", "--batch", "1"]].concat(), 0);
    assert_eq!(tally(&place, "alone/layer4/tally.safetensors"), layer);
    let report = place.json("run/report.json");
    assert_eq!(report["images"]["latents"], serde_json::json!({ "list": "3-9,0", "from": "seed 1" }));
    assert_eq!((report["images"]["count"].as_u64(), report["settings"]["grid"][0].as_u64()), (Some(8), Some(4)));
    assert_eq!(place.json("run/run.json")["images"]["latents"], "3-9,0");
    assert!(report["layers"][0]["units"][0]["top"][0]["name"].as_str().unwrap().parse::<u32>().is_ok());
}

#[test]
fn strips_show_the_image_itself_and_dark_ones_only_on_request() {
    let Some(_) = gpu() else { return };
    let place = Place::new("layers.pth");
    let words =
        ["dissect", "-w", "g.safetensors", "-l", "layer4", "--latents", "0", "--concepts", "colors", "--show", "1"];
    place.run(&[&words[..], &["-o", "bright"]].concat(), 0);
    place.run(&[&words[..], &["-o", "dark", "--compat-strips"]].concat(), 0);
    place.run(&["generate", "-w", "g.safetensors", "--latents", "0", "-o", "images"], 0);
    let mean = |path: &str| {
        let image = image::open(place.folder.path().join(path)).unwrap().to_rgb8();
        image.as_raw().iter().map(|&byte| f64::from(byte)).sum::<f64>() / image.as_raw().len() as f64
    };
    // Outside the mask a strip has half the brightness.
    let (image, bright, dark) =
        (mean("images/0.png"), mean("bright/layer4/strips/0.jpg"), mean("dark/layer4/strips/0.jpg"));
    assert!(bright > image * 0.45 && bright < image * 1.1, "{image} {bright}");
    assert!(dark < bright * 0.9, "{bright} {dark}");
    assert_eq!(tally(&place, "bright/layer4/tally.safetensors"), tally(&place, "dark/layer4/tally.safetensors"));
}

#[cfg(unix)]
#[test]
fn a_run_that_is_stopped_goes_on_and_ends_in_the_same_report() {
    let Some(_) = gpu() else { return };
    let place = Place::new("layers.pth");
    let words = [
        "dissect",
        "-w",
        "g.safetensors",
        "-l",
        "layer4",
        "--latents",
        "0-1999",
        "--concepts",
        "colors",
        "--batch",
        "2",
    ];
    place.run(&[&words[..], &["-o", "whole"]].concat(), 0);
    let stopped = [&words[..], &["-o", "stopped"]].concat();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("netdissect"))
        .current_dir(place.folder.path())
        .env("NETDISSECT_CACHE_DIR", place.folder.path().join("cache"))
        .args(&stopped)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let code = child.wait().unwrap().code();
    assert!(matches!(code, Some(0 | 130)), "{code:?}");
    place.run(&stopped, 0);
    assert_eq!(place.read("whole/report.json"), place.read("stopped/report.json"));
    assert_eq!(place.read("whole/layer4/strips/3.jpg"), place.read("stopped/layer4/strips/3.jpg"));
    assert!(!place.folder.path().join("stopped/checkpoint.safetensors").exists());
}

#[test]
fn what_makes_no_sense_for_a_generator_is_said() {
    let place = Place::new("layers.pth");
    let dissect =
        |words: &[&str], code| place.run(&[&["dissect", "-w", "g.safetensors", "-o", "x"], words].concat(), code);
    let complaint = dissect(&["images", "-l", "layer4", "--latents", "0", "--concepts", "colors"], 2);
    assert!(complaint.contains("both images and latents"), "{complaint}");
    let complaint = dissect(&["-l", "layer4", "--concepts", "colors"], 2);
    assert!(complaint.contains("--latents 0-63"), "{complaint}");
    if gpu().is_some() {
        let complaint = dissect(&["-l", "layer4", "--latents", "0", "--concepts", "broden"], 2);
        assert!(complaint.contains("those of its own images"), "{complaint}");
    }
}
