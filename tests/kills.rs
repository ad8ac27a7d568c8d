//! Commands that are killed at any time, run again, end in the same bytes as if nothing had happened.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Place, gpu};
use rand_mt::Mt;

/// Kills before a command is left to end.
const KILLS: u32 = 2;

/// Starts a command in the folder of the place, its results in `output`.
fn start(place: &Place, words: &[&str], output: &str) -> Child {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("netdissect"));
    command.current_dir(place.folder.path()).env("NETDISSECT_CACHE_DIR", place.folder.path().join("cache"));
    command.args(words).args(["-q", "-o", output]).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap()
}

/// Every file of a folder, but what says when and where it was made.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(below) = folders.pop() {
        for entry in std::fs::read_dir(below).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !name.ends_with("timing.json") {
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn killed_at_any_time_and_run_again_a_command_ends_in_the_same_bytes() {
    let Some(_) = gpu() else { return };
    let place = Place::new("layers.pth");
    let generator = ["-w", "g.safetensors"];
    let dissect = ["dissect", "-l", "layer4", "--latents", "0-199", "--concepts", "colors", "--batch", "2"];
    place.run(&[&dissect[..], &generator, &["-o", "run"]].concat(), 0);
    let remove = ["remove", "run", "--concept", "1", "--units", "3", "--latents", "0-39"];
    let concept = place.json("run/report.json")["layers"][0]["concepts"][0]["number"].to_string();
    let remove: Vec<&str> = remove.map(|word| if word == "1" { concept.as_str() } else { word }).to_vec();
    let scenes = ["scenes", "--count", "6", "--classes", "church,bedroom"];
    place.run(&[&scenes[..], &["-o", "drawn"]].concat(), 0);
    let mut random = Mt::new(12);
    for (name, words) in [
        ("dissect", [&dissect[..], &generator].concat()),
        ("remove", remove),
        ("generate", [&["generate", "--latents", "0-63"][..], &generator].concat()),
        ("segment", ["segment", "drawn/images", "--concepts", "colors", "--as-is"].to_vec()),
        ("scenes", scenes.to_vec()),
    ] {
        let (whole, killed) = (format!("{name}-whole"), format!("{name}-killed"));
        let began = Instant::now();
        assert!(start(&place, &words, &whole).wait().unwrap().success(), "{name}");
        let time = began.elapsed();
        for _ in 0..KILLS {
            let mut child = start(&place, &words, &killed);
            std::thread::sleep(time.mul_f64(f64::from(random.next_u32()) / f64::from(u32::MAX)));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(start(&place, &words, &killed).wait().unwrap().success(), "{name}, killed and run again");
        let (whole, killed) = (files(&place.folder.path().join(whole)), files(&place.folder.path().join(killed)));
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&whole), names(&killed), "{name}");
        whole.iter().for_each(|(file, bytes)| assert!(killed[file] == *bytes, "{name}: {file} differs"));
    }
}

#[test]
fn one_command_works_in_a_folder_at_a_time_and_a_killed_one_leaves_it_free() {
    let Some(_) = gpu() else { return };
    let place = Place::new("layers.pth");
    let words = ["dissect", "-w", "g.safetensors", "-l", "layer4", "--latents", "0-1999", "--concepts", "colors"];
    let words = [&words[..], &["--batch", "1"]].concat();
    let mut first = start(&place, &words, "run");
    let lock = place.folder.path().join("run/.netdissect.lock");
    let patience = Instant::now();
    while std::fs::read(&lock).unwrap_or_default().is_empty() {
        assert!(patience.elapsed() < Duration::from_secs(60) && first.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    for more in [&[][..], &["--restart"]] {
        let refusal = place.run(&[&words[..], more, &["-o", "run"]].concat(), 7);
        assert!(refusal.contains(&format!("process {} on", first.id())), "{refusal}");
    }
    first.kill().unwrap();
    first.wait().unwrap();
    place.run(&[&words[..], &["--restart", "--limit", "2", "-o", "run"]].concat(), 0);
    assert!(!lock.exists());
}
