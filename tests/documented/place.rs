//! Where examples are run: a folder with what a reader would have, in a shell that finds the program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use clap::Parser;
use netdissect::cli::Cli;

use crate::examples::{Chapter, Example};

/// What readers have of their own; `run` is a dissection of the shipped generator.
const GIVEN: [(&str, &str); 4] = [
    ("scenes", "netdissect scenes --count 3 --classes church,street,farm -o scenes"),
    ("photos", "cp -r scenes/images photos"),
    ("photo.jpg", "cp photos/church/*0.png photo.jpg"),
    (
        "run",
        "netdissect dissect --latents 0-1 --model demo-generator -l layer6 --concepts upernet --segmenter demo-segmenter -o run",
    ),
];

/// Numbers that decide how long an example takes, and the highest that is tried.
const SHRUNK: [(&str, u32); 6] =
    [("--count", 3), ("--units", 2), ("--positions", 2), ("--limit", 3), ("--top", 2), ("--repeats", 1)];

/// How many latents of a range are taken.
const LATENTS: u32 = 2;

/// What is typed instead of commands that take long, the first that fits; tests of their own run them whole.
const LONG: [(&str, &str); 7] = [
    ("netdissect bench -", "netdissect bench -"),
    ("netdissect bench conv", "netdissect bench relu"),
    ("netdissect bench", "netdissect bench relu"),
    ("netdissect demo --dry-run", "netdissect demo --dry-run"),
    ("netdissect demo", "netdissect demo --dry-run"),
    ("netdissect dissect", "netdissect dissect --show 0"),
    ("doctor", "doctor --help"),
];

/// A folder for what examples share, empty at first.
fn shared() -> &'static Path {
    static SHARED: OnceLock<PathBuf> = OnceLock::new();
    SHARED.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("documented");
        // It is not there the first time.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    })
}

/// A folder with everything that readers have.
fn given() -> &'static Path {
    static GIVEN_THINGS: OnceLock<()> = OnceLock::new();
    GIVEN_THINGS.get_or_init(|| GIVEN.iter().for_each(|(_, how)| shell(how, shared()).unwrap()));
    shared()
}

/// A folder for the examples of a chapter.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    /// With what the chapter reads and does not make.
    pub(crate) fn new(chapter: &Chapter) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let made: Vec<&str> = chapter.examples.iter().filter_map(Example::output).collect();
        let is_read =
            |name: &str| chapter.examples.iter().any(|example| example.needs.is_none() && example.line.contains(name));
        for (name, _) in GIVEN.iter().filter(|(name, _)| !made.contains(name) && is_read(name)) {
            let copied = Command::new("cp").arg("-r").arg(given().join(name)).arg(folder.path()).status();
            assert!(copied.unwrap().success());
        }
        Place(folder)
    }

    /// Runs an example, smaller than it is written.
    pub(crate) fn run(&self, example: &Example) -> Result<(), String> {
        shell(&shrunk(&example.line), self.0.path()).map_err(|said| example.wrong(&said))
    }
}

/// An example with smaller numbers.
fn shrunk(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let smaller = words.iter().enumerate().map(|(place, word)| {
        let before = place.checked_sub(1).map_or("", |before| words[before]);
        let most = SHRUNK.iter().find(|(option, _)| *option == before).map(|(_, most)| *most);
        match (most, word.parse::<u32>()) {
            (Some(most), Ok(number)) => number.min(most).to_string(),
            _ if before == "--latents" => fewer_latents(word),
            _ => (*word).to_owned(),
        }
    });
    let smaller = smaller.collect::<Vec<_>>().join(" ");
    let long = LONG.iter().find(|(long, _)| smaller.contains(long));
    long.map_or(smaller.clone(), |(long, instead)| smaller.replacen(long, instead, 1))
}

/// The first latents of each range.
fn fewer_latents(list: &str) -> String {
    let few = |part: &str| match part.split_once('-') {
        Some((first, last)) => {
            let (first, last): (u32, u32) = (first.parse().unwrap(), last.parse().unwrap());
            format!("{first}-{}", last.min(first + LATENTS - 1))
        }
        None => part.to_owned(),
    };
    list.split(',').map(few).collect::<Vec<_>>().join(",")
}

/// Parses the words of an example as the shell would hand them over.
pub(crate) fn parse(example: &Example) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    // Commands are separated by an empty word, which none of them has.
    let recorder = "#!/bin/sh\nprintf '%s\\0' netdissect \"$@\" '' >> \"$WORDS\"\n";
    let program = folder.path().join("netdissect");
    std::fs::write(&program, recorder).unwrap();
    make_executable(&program);
    let recorded = folder.path().join("words");
    let shell = in_shell(&example.line, folder.path(), folder.path()).env("WORDS", &recorded).output().unwrap();
    let words =
        std::fs::read_to_string(&recorded).map_err(|_| example.wrong(&String::from_utf8_lossy(&shell.stderr)))?;
    let mut commands = words.split_terminator("\0\0");
    commands.try_for_each(|words| {
        Cli::try_parse_from(words.split('\0')).map(drop).map_err(|error| example.wrong(&error.to_string()))
    })
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs a line; what it said on standard error if it failed.
fn shell(line: &str, folder: &Path) -> Result<(), String> {
    let program = Path::new(env!("CARGO_BIN_EXE_netdissect")).parent().unwrap();
    let output = in_shell(line, folder, program).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{}: {line}\n{said}", output.status)) }
}

/// A shell that runs a line in a folder and looks for programs in another one first.
fn in_shell(line: &str, folder: &Path, program: &Path) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(program.to_owned()).chain(std::env::split_paths(&path));
    let mut shell = Command::new("sh");
    shell.args(["-euc", line]).current_dir(folder).env("PATH", std::env::join_paths(folders).unwrap());
    // What an example cleans away is not what others use.
    let cache = if line.contains("netdissect cache") { folder } else { shared() };
    shell.env("NETDISSECT_CACHE_DIR", cache.join("cache"));
    shell.env_remove("NETDISSECT_DEVICE").env_remove("NETDISSECT_SEGMENTER");
    shell
}
