//! The program as users call it: words, exit codes, what goes where.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use common::{gpu, narrow_vgg};
use netdissect::dissect::ranking::Dissected;

fn netdissect(words: &[&str]) -> Output {
    let mut command = Command::cargo_bin("netdissect").unwrap();
    command.args(words).env("NO_COLOR", "1").env_remove("NETDISSECT_DEVICE").output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// A narrow VGG-16 with its fully connected layers, as `weights import` would write it.
fn weights(folder: &Path) -> String {
    let weights = narrow_vgg([4, 4, 6, 8, 10], 8, 4, 3);
    common::save_vgg(folder, &weights)
}

/// Seven pictures of 64x64 in two folders, and a file that is none.
fn photos(folder: &Path) -> String {
    let root = folder.join("photos");
    for index in 0..7u32 {
        let class = root.join(if index < 4 { "indoor" } else { "outdoor" });
        std::fs::create_dir_all(&class).unwrap();
        let picture = image::RgbImage::from_fn(64, 64, |x, y| {
            let wave = |shift: u32| ((x * (index + 1 + shift) / 3 + y * (shift + 2)) % 64 * 4) as u8;
            image::Rgb([wave(0), wave(1), wave(index % 3)])
        });
        picture.save(class.join(format!("{index}.png"))).unwrap();
    }
    std::fs::write(root.join("indoor/broken.png"), "no picture").unwrap();
    root.to_str().unwrap().to_owned()
}

#[test]
fn help_names_every_subcommand_and_the_exit_codes() {
    let short = netdissect(&["-h"]);
    assert_eq!(code(&short), 0);
    for word in [
        "dissect",
        "classify",
        "activations",
        "segment",
        "cache",
        "remove",
        "insert",
        "detect",
        "ablate",
        "demo",
        "scenes",
        "weights",
        "devices",
        "doctor",
        "bench",
        "completions",
        "man",
        "Examples:",
    ] {
        assert!(out(&short).contains(word), "{word}");
    }
    assert!(out(&netdissect(&["--help"])).contains("130  stopped"));
}

#[test]
fn words_that_make_no_sense_exit_with_2_and_suggest() {
    let typo = netdissect(&["disect"]);
    assert_eq!(code(&typo), 2);
    assert!(err(&typo).contains("'dissect'"), "{}", err(&typo));
    for words in [
        &["dissect", "x", "-w", "y", "-l", "conv5_3", "-o", "z"][..],
        &["dissect", "x", "-w", "y", "-l", "conv5_3", "-o", "z", "--concepts", "colors", "--quantile", "1.5"],
        &["dissect", "x", "-w", "y", "-l", "conv5_3", "-o", "z", "--concepts", "colors", "--grid", "0x5"],
        &["dissect", "x", "-w", "y", "-l", "conv5_3", "-o", "z", "--concepts", "colors", "--labels", "d"],
        &["devices", "--memory", "lots"],
        &["bench", "no_such_kernel"],
    ] {
        assert_eq!(code(&netdissect(words)), 2, "{words:?}");
    }
}

#[test]
fn completions_and_manual_pages_come_from_the_same_definitions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(out(&netdissect(&["completions", shell])).contains("save-labels"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(code(&netdissect(&["man", folder.path().to_str().unwrap()])), 0);
    assert!(std::fs::read_to_string(folder.path().join("netdissect-dissect.1")).unwrap().contains("min\\-iou"));
    assert!(out(&netdissect(&["man"])).contains(".TH netdissect"));
}

#[test]
fn missing_files_exit_with_3_and_name_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let missing = netdissect(&["classify", "nowhere", "-w", "nothing.safetensors"]);
    assert_eq!(code(&missing), 3);
    assert!(err(&missing).starts_with("error: nothing.safetensors: "), "{}", err(&missing));
    let empty = netdissect(&["classify", folder.path().to_str().unwrap(), "-w", &weights(folder.path())]);
    assert_eq!(code(&empty), 3, "{}", err(&empty));
}

#[test]
fn devices_lists_the_default_as_text_and_as_json() {
    if gpu().is_none() {
        return;
    }
    assert!(out(&netdissect(&["devices"])).contains("(default)"));
    let json: serde_json::Value = serde_json::from_str(&out(&netdissect(&["devices", "--json"]))).unwrap();
    assert_eq!(json["default"], 0);
    assert!(json["adapters"][0]["max_binding_bytes"].as_u64().unwrap() >= 128 << 20);
    let unknown = netdissect(&["doctor", "--device", "no such adapter"]);
    assert_eq!(code(&unknown), 4);
    assert!(err(&unknown).contains("hint: `netdissect devices`"), "{}", err(&unknown));
}

#[test]
fn activations_holds_every_layer_and_the_names_of_its_images() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (weights, photos) = (weights(folder.path()), photos(folder.path()));
    let file = folder.path().join("a.safetensors");
    let file_name = file.to_str().unwrap();
    let words = [
        "activations",
        &photos,
        "-w",
        &weights,
        "--layer",
        "conv5_3,conv1_1",
        "--layer",
        "fc7",
        "--as-is",
        "-o",
        file_name,
    ];
    let output = netdissect(&words);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let bytes = std::fs::read(&file).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let shape = |name: &str| tensors.tensor(name).unwrap().shape().to_vec();
    assert_eq!(
        (shape("conv5_3"), shape("conv1_1"), shape("fc7")),
        (vec![7, 10, 4, 4], vec![7, 4, 64, 64], vec![7, 8, 1, 1])
    );
    let images: Vec<String> = serde_json::from_str(&header.metadata().as_ref().unwrap()["images"]).unwrap();
    assert_eq!((images.len(), images[0].as_str(), images[6].as_str()), (7, "indoor/0.png", "outdoor/6.png"));
    // Post-ReLU by default; before it on request.
    let lowest =
        |bytes: &[u8]| bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).fold(0.0, f32::min);
    assert_eq!(lowest(tensors.tensor("conv5_3").unwrap().data()), 0.0);
    let raw = folder.path().join("raw.safetensors");
    let words =
        ["activations", &photos, "-w", &weights, "-l", "conv5_3", "--pre-relu", "--as-is", "-o", raw.to_str().unwrap()];
    assert_eq!(code(&netdissect(&words)), 0);
    let bytes = std::fs::read(raw).unwrap();
    assert!(lowest(safetensors::SafeTensors::deserialize(&bytes).unwrap().tensor("conv5_3").unwrap().data()) < 0.0);
}

#[test]
fn classify_ranks_classes_and_needs_the_fully_connected_layers() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (weights, photos) = (weights(folder.path()), photos(folder.path()));
    let output = netdissect(&["classify", &photos, "-w", &weights, "--top", "2", "--json"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let json: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(json["images"].as_array().unwrap().len(), 7);
    assert_eq!(json["images"][0]["classes"].as_array().unwrap().len(), 2);
    assert!(
        json["images"][0]["classes"][0]["probability"].as_f64()
            >= json["images"][0]["classes"][1]["probability"].as_f64()
    );
    assert_eq!(json["skipped"][0]["image"], "indoor/broken.png");
}

#[test]
fn dissect_writes_a_whole_folder_goes_on_and_protects_what_is_there() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (weights, photos) = (weights(folder.path()), photos(folder.path()));
    let run = folder.path().join("run");
    let run_name = run.to_str().unwrap();
    let base = ["dissect", &photos, "-w", &weights, "-l", "conv5_3,conv2_2", "--concepts", "colors", "-o", run_name];
    let dry = netdissect(&[&base[..], &["--dry-run"]].concat());
    assert_eq!(code(&dry), 0, "{}", err(&dry));
    assert!(out(&dry).contains("nothing was written") && !run.exists());
    let first = netdissect(&[&base[..], &["--save-labels"]].concat());
    assert_eq!(code(&first), 0, "{}", err(&first));
    assert!(out(&first).contains("skipped indoor/broken.png"), "{}", out(&first));
    for name in [
        "run.json",
        "report.json",
        "report.html",
        "units.csv",
        "concepts.svg",
        "timing.json",
        "conv5_3/tally.safetensors",
        "conv5_3/topk.safetensors",
        "conv2_2/tally.safetensors",
        "conv5_3/strips/0.jpg",
        "labels/labels.csv",
        "labels/outdoor/6.png",
    ] {
        assert!(run.join(name).exists(), "{name}");
    }
    // Its units can be ranked by a concept for edits.
    let ranked = Dissected::open(&run.join("conv5_3")).unwrap();
    assert_eq!((ranked.layer.as_str(), ranked.tally.units), ("conv5_3", 10));
    assert!(ranked.label("red").is_ok() && ranked.label("tree").is_err());
    assert!(Dissected::open(&run).unwrap_err().to_string().contains("needed one"));
    let report = std::fs::read(run.join("report.json")).unwrap();
    // The same command again finds it done; other settings do not overwrite it.
    assert!(err(&netdissect(&base)).contains("complete"));
    let other = netdissect(&[&base[..], &["--quantile", "0.02"]].concat());
    assert_eq!(code(&other), 2);
    assert!(err(&other).contains("--restart"), "{}", err(&other));
    let again = netdissect(&[&base[..], &["--restart", "--batch", "1", "--save-labels"]].concat());
    assert_eq!(code(&again), 0, "{}", err(&again));
    assert_eq!(report, std::fs::read(run.join("report.json")).unwrap(), "the report is the same, whatever the batch");
    // The label maps it saved give the same counts when they are read back.
    let labels = folder.path().join("labelled");
    let words = [
        "dissect",
        &photos,
        "-w",
        &weights,
        "-l",
        "conv5_3",
        "--labels",
        run.join("labels").to_str().unwrap(),
        "-o",
        labels.to_str().unwrap(),
    ]
    .map(str::to_owned);
    let output = netdissect(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code(&output), 0, "{}", err(&output));
    let tally = |run: &Path| std::fs::read(run.join("conv5_3/tally.safetensors")).unwrap();
    assert_eq!(tally(&run), tally(&labels));
}

#[test]
fn mistakes_in_a_dissection_are_named_with_a_hint() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (weights, photos) = (weights(folder.path()), photos(folder.path()));
    let run = folder.path().join("run");
    let run = run.to_str().unwrap();
    let layer = netdissect(&["dissect", &photos, "-w", &weights, "-l", "conv5-3", "--concepts", "colors", "-o", run]);
    assert_eq!(code(&layer), 2);
    assert!(err(&layer).contains("hint: did you mean `conv5_3`?"), "{}", err(&layer));
    let file =
        netdissect(&["dissect", &photos, "-w", &weights, "-l", "conv5_3", "--concepts", "colors", "-o", &weights]);
    assert!(code(&file) == 2 && err(&file).contains("a folder is written"), "{}", err(&file));
    let inside = format!("{photos}/run");
    let within =
        netdissect(&["dissect", &photos, "-w", &weights, "-l", "conv5_3", "--concepts", "colors", "-o", &inside]);
    assert!(code(&within) == 2 && err(&within).contains("lies in the folder of the images"), "{}", err(&within));
    let labels = netdissect(&["dissect", &photos, "-w", &weights, "-l", "conv5_3", "--labels", &photos, "-o", run]);
    assert_eq!(code(&labels), 3);
    assert!(err(&labels).contains("labels.csv"), "{}", err(&labels));
}

/// Exit code and standard error of a command whose results nobody reads.
fn unread(words: &[&str]) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_netdissect"));
    let done = command.args(words).env_remove("NETDISSECT_DEVICE").stdout(writer).output().unwrap();
    (done.status.code(), String::from_utf8(done.stderr).unwrap())
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure_of_any_command() {
    let folder = tempfile::tempdir().unwrap();
    let weights = weights(folder.path());
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (scenes, demo, imported) = (place("scenes"), place("demo"), place("imported.safetensors"));
    let plain: [&[&str]; 5] =
        [&["--help"], &["--version"], &["completions", "bash"], &["completions", "zsh"], &["man"]];
    let both: [&[&str]; 9] = [
        &["weights", "inspect", &weights],
        &["weights", "import", &weights, "--model", "vgg16", "--dry-run", "-o", &imported],
        &["cache", "dir"],
        &["cache", "size"],
        &["cache", "prune", "--keep", "1TiB", "--dry-run"],
        &["cache", "clean", "--dry-run"],
        &["scenes", "--count", "9", "-o", &scenes, "--dry-run"],
        &["scenes", "--count", "9", "-o", &scenes],
        &["demo", "-o", &demo, "--dry-run"],
    ];
    let as_json = both.iter().map(|words| [words, &["--json"][..]].concat());
    for words in plain.iter().chain(&both).map(|words| words.to_vec()).chain(as_json) {
        let (code, complaint) = unread(&words);
        assert_eq!((code, complaint.contains("error")), (Some(0), false), "{words:?}: {complaint}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written_are_a_failure() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_netdissect"));
    let done = command.args(["completions", "bash"]).stdout(full).output().unwrap();
    assert_eq!(done.status.code(), Some(9), "{}", String::from_utf8_lossy(&done.stderr));
}
