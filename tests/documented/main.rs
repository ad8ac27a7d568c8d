//! Every command line that the documents and `--help` show is run, on networks that come with the program and smaller than it is written;
//! one that needs a file from elsewhere says so before it, `# needs church.safetensors`, and is parsed.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod examples;
mod place;

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use examples::{Chapter, Example};
use netdissect::cli::Cli;
use place::Place;
use rayon::prelude::*;

/// The help of a command and of those below it.
fn help_chapters(mut command: clap::Command, chapters: &mut Vec<Chapter>) {
    command = command.term_width(0);
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    chapters.push(Chapter::of_help(&format!("{name} --help"), &command.render_long_help().to_string()));
    for below in command.get_subcommands() {
        help_chapters(below.clone(), chapters);
    }
}

/// The documents that people read.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = pages.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect();
    pages.sort();
    pages.insert(0, root.join("README.md"));
    pages
}

/// What is wrong with the examples of a chapter, a line each; they are run one after the other in a folder of their own.
fn mistakes(chapter: &Chapter) -> Vec<String> {
    let place = runs_examples().then(|| Place::new(chapter));
    let mut found = chapter.mistakes.clone();
    found.extend(chapter.examples.iter().filter_map(|example| {
        let done = match (&example.needs, &place) {
            (None, Some(place)) => place.run(example),
            _ => place::parse(example),
        };
        done.err()
    }));
    found
}

/// Whether there is an adapter to run them on.
fn runs_examples() -> bool {
    !std::env::var("NETDISSECT_NO_GPU").is_ok_and(|value| value == "1")
}

fn chapter(text: &str) -> Chapter {
    Chapter::of_markdown("page.md", text).remove(0)
}

#[test]
fn every_command_line_of_the_documents_and_of_the_help_does_what_it_says() {
    let mut chapters = Vec::new();
    for page in documents() {
        let name = page.file_name().unwrap().to_str().unwrap().to_owned();
        chapters.extend(Chapter::of_markdown(&name, &std::fs::read_to_string(&page).unwrap()));
    }
    let written: usize = chapters.iter().map(|chapter| chapter.examples.len()).sum();
    assert!(written > 10, "{written} examples in the documents");
    let mut command = Cli::command();
    command.build();
    help_chapters(command, &mut chapters);
    let mistakes: Vec<String> = chapters.par_iter().flat_map_iter(mistakes).collect();
    assert!(mistakes.is_empty(), "\n{}", mistakes.join("\n"));
}

#[test]
fn an_example_that_does_not_run_is_noticed() {
    let wrong = [
        ("netdissect devices --no-such-option", "no-such-option"),
        ("netdissect classify nowhere --model demo-classifier", "nowhere"),
        ("netdissect doctor --json | grep -q 'nothing like it'", "grep"),
        ("# needs church.safetensors\nnetdissect generate -w church.safetensors --latnets 0-3 -o made", "--latnets"),
        ("# needs church.safetensors\nnetdissect devices", "devices"),
        ("rm -r photos", "rm -r photos"),
        ("scripts/no-such-script", "no-such-script"),
    ];
    for (lines, word) in wrong {
        let found = mistakes(&chapter(&format!("Text.\n\n```sh\n{lines}\n```\n")));
        assert_eq!(found.len(), 1, "{lines}: {found:?}");
        assert!(found[0].starts_with("page.md:") && found[0].contains(word), "{found:?}");
    }
}

#[test]
fn examples_are_found_where_they_stand() {
    let text = "`netdissect no` is in a line of text.\n\n```sh\nnetdissect devices     # a word\nnohup netdissect cache \\\n    size > log\n\n# needs a.pth\nnetdissect weights inspect a.pth\n\nnetdissect man\n```\n\n```\nnetdissect no\n```\n";
    let chapter = chapter(text);
    let lines: Vec<_> =
        chapter.examples.iter().map(|Example { line, needs, .. }| (line.as_str(), needs.is_some())).collect();
    assert_eq!(lines[0], ("netdissect devices     # a word", false));
    assert_eq!(lines[1], ("nohup netdissect cache size > log", false));
    assert_eq!(lines[2], ("netdissect weights inspect a.pth", true));
    assert_eq!(lines[3], ("netdissect man", false), "a mark holds up to an empty line");
    assert_eq!(lines.len(), 4);
    let help = Chapter::of_help(
        "netdissect --help",
        "Examples:\n  netdissect devices\n  # needs a.pth\n  netdissect weights inspect a.pth\n\nnetdissect is a program.\n",
    );
    assert_eq!(help.examples.len(), 2);
}
