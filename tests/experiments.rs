//! `remove`, `insert` and `detect` from the command line to the files: numbers, pages, repeats, mistakes.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::path::Path;

use common::{Place, gpu};
use netdissect::concepts::colors::Colors;
use netdissect::concepts::{ConceptInput, ConceptSource, Pixels};
use netdissect::dissect::ranking::{Dissected, ranked};
use netdissect::roles::detect::judge;
use safetensors::SafeTensors;
use serde_json::Value;

const LATENTS: &str = "0-5";

/// A generator dissected at layer4 on twelve images, cells of one pixel.
fn dissected() -> Place {
    let place = Place::new("layers.pth");
    let words = ["dissect", "-w", "g.safetensors", "-l", "layer4", "--latents", "0-11", "--concepts", "colors"];
    place.run(&[&words[..], &["--grid", "16x16", "-o", "run"]].concat(), 0);
    place
}

fn experiment(place: &Place, words: &[&str], code: i32) -> String {
    let common = ["-w", "g.safetensors", "--latents", LATENTS, "--concepts", "colors"];
    place.run(&[words, &common].concat(), code)
}

/// Pixels of each colour in each image that `generate` makes with these edits.
fn counts(place: &Place, edits: &[&str]) -> Vec<Vec<i64>> {
    let words = ["generate", "-w", "g.safetensors", "--latents", LATENTS, "--raw", "raw.safetensors"];
    place.run(&[&words[..], edits].concat(), 0);
    let bytes = place.read("raw.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let data: Vec<f32> = bytemuck::pod_collect_to_vec(file.tensor("images").unwrap().data());
    let of = |image: &[f32]| {
        let input = ConceptInput { name: "", pixels: Pixels::Signed(image), h: 16, w: 16 };
        let labels = Colors::new().label_maps(&[input], (16, 16)).unwrap().remove(0).labels;
        (0..12u16)
            .map(|label| if label == 0 { 0 } else { labels.iter().filter(|&&l| l == label).count() as i64 })
            .collect()
    };
    data.chunks_exact(3 * 256).map(of).collect()
}

fn total(counts: &[Vec<i64>], label: usize) -> i64 {
    counts.iter().map(|image| image[label]).sum()
}

/// Every file of the folder that must be the same in every run.
fn same_files(place: &Place, one: &str, other: &str, files: &[&str]) {
    for file in files {
        assert_eq!(place.read(&format!("{one}/{file}")), place.read(&format!("{other}/{file}")), "{file}");
    }
}

#[test]
fn remove_counts_what_generate_shows() {
    if gpu().is_none() {
        return;
    }
    let place = dissected();
    let remove = ["remove", "run", "--concept", "blue", "--units", "5", "--pictures", "2,9"];
    let said = experiment(&place, &[&remove[..], &["-o", "out", "--json"]].concat(), 0);
    let result = place.json("out/remove.json");
    let run = Dissected::open(&place.folder.path().join("run")).unwrap();
    let blue = run.label("blue").unwrap();
    let units: Vec<u64> = ranked(&run.tally, blue).into_iter().take(5).map(|unit| unit as u64).collect();
    let listed: Vec<u64> = result["units"].as_array().unwrap().iter().map(|u| u["unit"].as_u64().unwrap()).collect();
    assert_eq!(listed, units);
    let before = counts(&place, &[]);
    for removed in [1, 3, 5] {
        let list: Vec<String> = units[..removed].iter().map(u64::to_string).collect();
        let after = counts(&place, &["--zero", &format!("layer4:{}", list.join(","))]);
        let mut changes = 0;
        for loss in result["labels"].as_array().unwrap() {
            let label = loss["number"].as_u64().unwrap() as usize;
            assert_eq!(loss["pixels"].as_i64().unwrap(), total(&before, label));
            let step = &loss["steps"][removed - 1];
            let change = total(&after, label) - total(&before, label);
            let squares: i64 = after.iter().zip(&before).map(|(a, b)| (a[label] - b[label]).pow(2)).sum();
            assert_eq!((step["change"].as_i64(), step["squares"].as_i64()), (Some(change), Some(squares)), "{label}");
            changes += squares;
        }
        assert!(changes > 0, "{removed} units change nothing: it proves nothing");
    }
    let own = &result["labels"][0];
    assert_eq!(own["name"], "blue");
    let (pixels, last) = (own["pixels"].as_f64().unwrap(), &own["steps"][4]);
    assert!((last["lost"].as_f64().unwrap() + last["change"].as_f64().unwrap() / pixels).abs() < 1e-12);
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["lost"], last["lost"]);
    // The whole again, one image at a time: the same numbers and pictures.
    experiment(&place, &[&remove[..], &["-o", "again", "--batch", "1"]].concat(), 0);
    let files = ["remove.json", "remove.csv", "remove.svg", "remove-classes.svg", "report.html", "remove/9-4.png"];
    same_files(&place, "out", "again", &files);
    let page = String::from_utf8(place.read("out/report.html")).unwrap();
    assert!(
        page.contains("data:image") && page.matches("http:").count() == 2,
        "only namespaces of plots lead elsewhere"
    );
    assert!(!place.folder.path().join("out/remove-state.safetensors").exists());
    // Done is done; other work does not replace it.
    experiment(&place, &[&remove[..], &["-o", "out"]].concat(), 0);
    let complaint = experiment(&place, &["remove", "run", "--concept", "blue", "--units", "4", "-o", "out"], 2);
    assert!(complaint.contains("holds another run") && complaint.contains("--restart"), "{complaint}");
    experiment(&place, &["remove", "run", "--concept", "blue", "--units", "4", "-o", "out", "--restart"], 0);
    assert_eq!(place.json("out/remove.json")["units"].as_array().unwrap().len(), 4);
}

#[test]
fn insert_counts_what_generate_shows_at_a_position() {
    if gpu().is_none() {
        return;
    }
    let place = dissected();
    let insert = ["insert", "run", "--concept", "purple", "--units", "3", "--picture", "1@2,5"];
    experiment(&place, &[&insert[..], &["-o", "out"]].concat(), 0);
    let result = place.json("out/insert.json");
    assert_eq!((result["sampling"]["samples"].as_u64(), result["sampling"]["seed"].as_u64()), (Some(6 * 64), None));
    assert_eq!((result["levels"]["quantile"].as_f64(), &result["levels"]["latents"]), (Some(0.995), &"0-11".into()));
    // Values are the quantile that a dissection with this tail finds.
    let words = ["dissect", "-w", "g.safetensors", "-l", "layer4", "--latents", "0-11", "--concepts", "colors"];
    place.run(&[&words[..], &["--grid", "16x16", "--quantile", "0.005", "-o", "high"]].concat(), 0);
    let high = Dissected::open(&place.folder.path().join("high")).unwrap();
    let mut edits = Vec::new();
    let label = high.label("purple").unwrap();
    for unit in result["units"].as_array().unwrap() {
        let (number, value) = (unit["unit"].as_u64().unwrap(), unit["value"].as_f64().unwrap() as f32);
        assert_eq!(value, high.tally.threshold[number as usize], "unit {number}");
        edits.push(format!("layer4:{number}={value}@"));
    }
    let before = counts(&place, &[]);
    assert_eq!(result["pixels"].as_i64(), Some(total(&before, label)));
    for (row, column) in [(0, 0), (2, 5), (7, 3)] {
        let words: Vec<String> = edits.iter().map(|edit| format!("{edit}{row},{column}")).collect();
        let words: Vec<&str> = words.iter().flat_map(|word| ["--set", word]).collect();
        let change = total(&counts(&place, &words), label) - total(&before, label);
        assert_eq!(result["change_at"][row * 8 + column].as_i64(), Some(change), "{row},{column}");
        assert_eq!(result["samples_at"][row * 8 + column].as_u64(), Some(6));
    }
    let all: i64 = result["change_at"].as_array().unwrap().iter().map(|change| change.as_i64().unwrap()).sum();
    assert!(result["all"]["change"].as_i64() == Some(all) && all != 0, "{}", result["all"]);
    let surroundings = result["surroundings"].as_array().unwrap();
    // One channel, and every pixel has a colour: each sample has one surrounding.
    let samples: u64 = surroundings.iter().map(|known| known["samples"].as_u64().unwrap()).sum();
    assert_eq!(samples, 6 * 64);
    experiment(&place, &[&insert[..], &["-o", "again", "--batch", "7"]].concat(), 0);
    let files = ["insert.json", "insert.csv", "insert.svg", "insert-map.svg", "report.html", "insert/1-2-5-after.png"];
    same_files(&place, "out", "again", &files);
    // A part of the positions, and another experiment in the same folder.
    let some = ["insert", "run", "--concept", "purple", "--positions", "5", "--value", "-2.5", "-o", "some"];
    experiment(&place, &some, 0);
    let part = place.json("some/insert.json");
    assert_eq!((part["sampling"]["samples"].as_u64(), part["sampling"]["seed"].as_u64()), (Some(30), Some(1)));
    assert_eq!((&part["levels"]["quantile"], part["units"][0]["value"].as_f64()), (&Value::Null, Some(-2.5)));
    experiment(&place, &["remove", "run", "--concept", "blue", "--units", "2", "-o", "some"], 0);
    let page = String::from_utf8(place.read("some/report.html")).unwrap();
    assert!(page.contains("id=\"remove\"") && page.contains("id=\"insert\""));
}

#[test]
fn detect_judges_the_peaks_that_activations_holds() {
    if gpu().is_none() {
        return;
    }
    let place = dissected();
    let run = Dissected::open(&place.folder.path().join("run")).unwrap();
    let purple = run.label("purple").unwrap();
    // Present in half of the images.
    let pixels: Vec<i64> = counts(&place, &[]).iter().map(|image| image[purple]).collect();
    let mut sorted = pixels.clone();
    sorted.sort_unstable();
    assert!(sorted[2] < sorted[3], "{sorted:?}");
    let share = (sorted[2] as f64 + 0.5) / 256.0;
    let presence = share.to_string();
    let detect = ["detect", "run", "--concept", "purple", "--presence", &presence];
    experiment(&place, &[&detect[..], &["-o", "out"]].concat(), 0);
    let result = place.json("out/detect.json");
    let unit = ranked(&run.tally, purple)[0];
    assert_eq!((result["unit"].as_u64(), result["iou"].as_f64()), (Some(unit as u64), run.tally.iou(unit, purple)));
    let words = ["activations", "-w", "g.safetensors", "-l", "layer4", "--latents", LATENTS, "-o", "a.safetensors"];
    place.run(&words, 0);
    let bytes = place.read("a.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let data: Vec<f32> = bytemuck::pod_collect_to_vec(file.tensor("layer4").unwrap().data());
    let peaks = data.chunks_exact(20 * 64).map(|maps| maps[unit * 64..][..64].iter().copied().fold(f32::MIN, f32::max));
    let present: Vec<bool> = pixels.iter().map(|&pixels| pixels > sorted[2]).collect();
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for (peak, present) in peaks.zip(&present) {
        if *present { with.push(peak) } else { without.push(peak) }
    }
    let verdict = judge(&with, &without).expect("images of both kinds");
    assert_eq!(result["verdict"]["threshold"].as_f64().map(|value| value as f32), Some(verdict.threshold));
    assert_eq!(result["verdict"]["balanced_accuracy"].as_f64(), Some(verdict.balanced_accuracy));
    assert_eq!(result["with"]["images"].as_u64(), Some(with.len() as u64));
    let table = String::from_utf8(place.read("out/detect.csv")).unwrap();
    assert_eq!((table.lines().count(), table.lines().next()), (7, Some("image,peak,present")));
    let named = ["detect", "-l", "layer4", "--unit", &unit.to_string(), "--concept", "purple", "--presence", &presence];
    experiment(&place, &[&named[..], &["--grid", "16x16", "--batch", "1", "-o", "again"]].concat(), 0);
    same_files(&place, "out", "again", &["detect.csv", "detect.svg"]);
}

#[test]
fn a_page_that_a_stop_left_out_is_written_by_the_same_command() {
    if gpu().is_none() {
        return;
    }
    let place = dissected();
    let at = |name: &str| place.folder.path().join("out").join(name);
    let remove = ["remove", "run", "--concept", "blue", "--units", "2", "-o", "out"];
    experiment(&place, &remove, 0);
    let page = place.read("out/report.html");
    let left = |state: &str| {
        std::fs::remove_file(at("report.html")).unwrap();
        std::fs::write(at(state), "half").unwrap();
    };
    left("remove-state.safetensors");
    experiment(&place, &remove, 0);
    assert_eq!(place.read("out/report.html"), page);
    assert!(!at("remove-state.safetensors").exists());
    // What is wrong with another experiment's file is said of that file, before and after the own work.
    std::fs::write(at("insert.json"), "{").unwrap();
    let again = [&remove[..], &["--restart"]].concat();
    for words in [&remove[..], &again] {
        let complaint = experiment(&place, words, 3);
        let says = ["out/insert.json", "no result of insert", "move insert.json away"];
        assert!(says.iter().all(|text| complaint.contains(text)), "{complaint}");
        assert!(at("remove.json").exists() && !at("remove-state.safetensors").exists());
    }
    std::fs::remove_file(at("insert.json")).unwrap();
    left("remove-state.safetensors");
    experiment(&place, &remove, 0);
    assert_eq!(place.read("out/report.html"), page);
}

#[test]
fn a_concept_that_no_image_shows_is_said_to_be_missing_and_no_other_takes_its_place() {
    if gpu().is_none() {
        return;
    }
    let place = dissected();
    let run = Dissected::open(&place.folder.path().join("run")).unwrap();
    let counts = counts(&place, &[]);
    let missing = |image: usize| (1..12).find(|&l| counts[image][l] == 0 && !ranked(&run.tally, l).is_empty());
    let (image, label) =
        (0..6).find_map(|image| Some((image, missing(image)?))).expect("a colour that is not everywhere");
    let (latent, name) = (image.to_string(), run.vocabulary.names[label].clone());
    let words = ["remove", "run", "--concept", &name, "--units", "3", "-w", "g.safetensors", "--latents", &latent];
    let said = place.run(&[&words[..], &["--concepts", "colors", "-o", "out"]].concat(), 0);
    assert!(said.contains(&format!("{name}: no pixel in 1 images")), "{said}");
    let text = |file: &str| String::from_utf8(place.read(file)).unwrap();
    let curves = text("out/remove.svg");
    assert!(curves.contains(&format!("no image shows {name}")) && !curves.contains("stroke-width=\"2.4\""), "{curves}");
    let result = place.json("out/remove.json");
    let labels = result["labels"].as_array().unwrap();
    let often: Vec<bool> = labels.iter().map(|loss| loss["pixels"].as_i64().unwrap() * 100 >= 256).collect();
    assert!(often[1] && often.contains(&false), "{labels:?}");
    for (place, (loss, often)) in labels.iter().zip(often).enumerate() {
        let drawn = curves.contains(&format!(">{}<", loss["name"].as_str().unwrap()));
        assert_eq!(drawn, often && (1..5).contains(&place), "{}", loss["name"]);
    }
    assert!(text("out/remove-classes.svg").contains(&format!(">{name}<")));
    let page = text("out/report.html");
    assert!(page.contains(&format!("None of 1 images shows {name}")) && !page.contains("The band holds"));
}

/// Pictures of one colour and of another.
fn photographs(folder: &Path, name: &str, red: u8) {
    std::fs::create_dir_all(folder.join(name)).unwrap();
    for index in 0..5u32 {
        let picture = image::RgbImage::from_fn(64, 64, |x, y| {
            let wave = ((x * (index + 2) + y * 3) % 64 * 3) as u8;
            image::Rgb([red.saturating_add(wave / 4), wave, 255 - wave])
        });
        picture.save(folder.join(name).join(format!("{index}.png"))).unwrap();
    }
}

/// Code of a command in a folder, and all it says.
fn run_in(folder: &Path, words: &[&str]) -> (Option<i32>, String) {
    let mut command = assert_cmd::Command::cargo_bin("netdissect").unwrap();
    let output = command.current_dir(folder).args(words).arg("--quiet").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    (output.status.code(), text)
}

#[test]
fn a_run_that_is_taken_up_names_the_files_that_were_skipped_before() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = common::save_vgg(folder.path(), &common::narrow_vgg([4, 4, 6, 8, 10], 8, 4, 3));
    photographs(folder.path(), "warm", 190);
    photographs(folder.path(), "cold", 0);
    for broken in ["warm/00.png", "warm/3b.png", "cold/9.png"] {
        std::fs::write(folder.path().join(broken), "no picture").unwrap();
    }
    let detect = ["detect", "--positive", "warm", "--negative", "cold", "--unit", "2", "--batch", "2"];
    let dissect = ["dissect", "warm", "--concepts", "colors", "--grid", "8x8", "--batch", "2"];
    let layer = ["-w", &path, "-l", "conv3_3", "--as-is"];
    // A folder where a file is to be: the run ends when all is counted and kept, but nothing written.
    for (words, [job, result, obstacle], counts) in [
        (&detect[..], ["detect-run.json", "detect.json", "detect.csv"], (10, 3)),
        (&dissect, ["run.json", "report.json", "conv3_3/tally.safetensors"], (5, 2)),
    ] {
        let place = folder.path().join(words[0]);
        let (whole, stopped) = (place.join("whole"), place.join("stopped"));
        let run = |output: &Path| run_in(folder.path(), &[words, &layer, &["-o", output.to_str().unwrap()]].concat());
        let (code, said) = run(&whole);
        assert_eq!(code, Some(0), "{said}");
        std::fs::create_dir_all(stopped.join(obstacle)).unwrap();
        std::fs::copy(whole.join(job), stopped.join(job)).unwrap();
        let (code, said) = run(&stopped);
        assert!(code == Some(9) && said.contains(obstacle), "{said}");
        std::fs::remove_dir(stopped.join(obstacle)).unwrap();
        let (code, said) = run(&stopped);
        assert_eq!(code, Some(0), "{said}");
        let read = |output: &Path| std::fs::read(output.join(result)).unwrap();
        assert!(read(&whole) == read(&stopped), "{said}");
        let images = &serde_json::from_slice::<Value>(&read(&stopped)).unwrap()["images"];
        assert_eq!(
            (images["count"].as_u64(), images["skipped"].as_array().map(Vec::len)),
            (Some(counts.0), Some(counts.1))
        );
    }
}

#[test]
fn a_classifiers_unit_is_judged_on_two_folders_of_photographs() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let weights = common::narrow_vgg([4, 4, 6, 8, 10], 8, 4, 3);
    let path = common::save_vgg(folder.path(), &weights);
    photographs(folder.path(), "warm", 190);
    photographs(folder.path(), "cold", 0);
    std::fs::write(folder.path().join("cold/broken.png"), "no picture").unwrap();
    let run = |words: &[&str]| run_in(folder.path(), words);
    let words = ["detect", "-w", &path, "-l", "conv3_3", "--unit", "2", "--pre-relu", "--as-is"];
    let folders = ["--positive", "warm", "--negative", "cold"];
    let (code, said) = run(&[&words[..], &folders, &["-o", "out"]].concat());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("skipped cold/broken.png"), "{said}");
    let result: Value = serde_json::from_slice(&std::fs::read(folder.path().join("out/detect.json")).unwrap()).unwrap();
    assert_eq!((&result["concept"], &result["presence"]["negative"]), (&"warm".into(), &"cold".into()));
    assert_eq!((result["with"]["images"].as_u64(), result["without"]["images"].as_u64()), (Some(5), Some(5)));
    let peaks = |folder_name: &str| -> Vec<f32> {
        let words =
            ["activations", folder_name, "-w", &path, "-l", "conv3_3", "--pre-relu", "--as-is", "-o", "a.safetensors"];
        assert_eq!(run(&words).0, Some(0));
        let bytes = std::fs::read(folder.path().join("a.safetensors")).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let data: Vec<f32> = bytemuck::pod_collect_to_vec(file.tensor("conv3_3").unwrap().data());
        data.chunks_exact(6 * 256).map(|maps| maps[2 * 256..][..256].iter().copied().fold(f32::MIN, f32::max)).collect()
    };
    let verdict = judge(&peaks("warm"), &peaks("cold")).unwrap();
    assert_eq!(result["verdict"]["balanced_accuracy"].as_f64(), Some(verdict.balanced_accuracy));
    let (code, said) = run(&[&words[..], &["--positive", "warm", "-o", "x"]].concat());
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = run(&[&words[..], &["--positive", "warm", "--negative", "cold/../warm", "-o", "x"]].concat());
    assert!(code == Some(2) && said.contains("as `--positive` and as `--negative`"), "{said}");
    // Folders of one name are told apart by the folders they lie in.
    photographs(&folder.path().join("other"), "warm", 20);
    let (code, said) = run(&[&words[..], &["--positive", "warm", "--negative", "other/warm", "-o", "same"]].concat());
    assert_eq!(code, Some(0), "{said}");
    let table = std::fs::read_to_string(folder.path().join("same/detect.csv")).unwrap();
    let named = |present: &str, name: &str| table.lines().any(|line| line.ends_with(present) && line.contains(name));
    assert!(
        named(",false", "other/warm/3.png,") && !named(",true", "other/") && named(",true", "/warm/3.png,"),
        "{table}"
    );
}

#[test]
fn mistakes_are_named_before_anything_is_written() {
    if gpu().is_none() {
        return;
    }
    let place = dissected();
    let says = |words: &[&str], code: i32, text: &str| {
        let complaint = experiment(&place, words, code);
        assert!(complaint.contains(text), "{words:?}: {complaint}");
    };
    says(&["remove", "run", "--concept", "blu", "-o", "x"], 3, "did you mean `blue`");
    says(&["remove", "nowhere", "--concept", "blue", "-o", "x"], 3, "netdissect dissect");
    says(&["remove", "run", "--concept", "blue", "-o", "run"], 2, "holds a dissection");
    says(&["insert", "run", "--concept", "blue", "--picture", "0@8,0", "-o", "x"], 3, "the maps of layer4 are 8x8");
    says(
        &["insert", "run", "--concept", "blue", "--value", "1", "--level-quantile", "0.9", "-o", "x"],
        2,
        "cannot be used with",
    );
    says(&["detect", "run", "--concept", "blue", "--channel", "3", "-o", "x"], 3, "--channel");
    says(&["detect", "-l", "layer4", "--unit", "20", "--concept", "blue", "-o", "x2"], 3, "there is no unit 20");
    for words in [&["remove", "run"][..], &["insert", "run"], &["detect", "run"]] {
        let twice = ["--concept", "blue", "-w", "g.safetensors", "--latents", "0-3,2,2", "--concepts", "colors"];
        assert!(place.run(&[words, &twice, &["-o", "x"]].concat(), 2).contains("latent 2 is named twice"));
    }
    let labels =
        ["remove", "run", "--concept", "blue", "-w", "g.safetensors", "--latents", "0", "--labels", "run", "-o", "x"];
    assert!(place.run(&labels, 2).contains("label maps from files"));
    let none = ["detect", "-l", "layer4", "--unit", "0", "--concept", "blue", "-w", "g.safetensors", "--latents", "0"];
    assert!(place.run(&[&none[..], &["-o", "x"]].concat(), 2).contains("nothing says where the concept is"));
    let dry = experiment(&place, &["remove", "run", "--concept", "blue", "-o", "dry", "--dry-run"], 0);
    assert!(dry.contains("nothing was written") && !place.folder.path().join("dry").exists(), "{dry}");
    // Other weights than those that were dissected.
    let mut bytes = place.read("g.safetensors");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(place.folder.path().join("h.safetensors"), bytes).unwrap();
    let words = [
        "remove",
        "run",
        "--concept",
        "blue",
        "-w",
        "h.safetensors",
        "--latents",
        "0",
        "--concepts",
        "colors",
        "-o",
        "y",
    ];
    assert!(place.run(&words, 3).contains("other weights"));
}
