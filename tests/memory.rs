//! What a dry run says of the memory of the process, against what the same command takes.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::gpu;
use serde_json::Value;

/// A command whose label maps and tuning are found by no other.
fn netdissect(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("netdissect"));
    command.current_dir(folder).args(words).env("NETDISSECT_CACHE_DIR", folder.join("cache"));
    command.stderr(Stdio::null());
    command
}

/// Most bytes that a process has taken at one time, for as long as it is there.
fn taken(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().unwrap() * 1024.0)
}

/// Most bytes that a command takes at one time, looked at until it ends.
fn measured(mut command: Command) -> f64 {
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut most = 0.0f64;
    loop {
        most = most.max(taken(child.id()).unwrap_or(0.0));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return most;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_dry_run_foretells_the_memory_of_the_process() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    measured(netdissect(folder.path(), &["scenes", "--count", "24", "-o", "scenes"]));
    let dissect = ["dissect", "scenes/images", "--as-is", "--labels", "scenes/labels", "-o", "dissected"];
    let segment = ["segment", "scenes/images", "--as-is", "--model", "demo-segmenter", "-o", "segmented"];
    let generator = ["dissect", "--model", "demo-generator", "-l", "layer6", "--latents", "0-31", "-o", "made"];
    let commands = [
        [&dissect[..], &["--model", "demo-classifier", "-l", "conv4_3,conv5_3"]].concat(),
        segment.to_vec(),
        [&generator[..], &["--concepts", "colors"]].concat(),
    ];
    for words in commands {
        let dry = || netdissect(folder.path(), &[&words[..], &["--dry-run", "--json"]].concat());
        // The first time kernels are tuned, which takes memory that is not needed again.
        measured(dry());
        let dry = dry().output().unwrap();
        assert!(dry.status.success());
        let said: Value = serde_json::from_slice(&dry.stdout).unwrap();
        let [from, to] = ["from", "to"].map(|end| said["process_bytes"][end].as_f64().unwrap());
        let most = measured(netdissect(folder.path(), &words));
        let told = format!("{words:?}: {from} to {to} foretold, {most} taken");
        assert!(from < to && (from - most).abs() < 0.25 * most && (to - most).abs() < 0.25 * most, "{told}");
    }
}
