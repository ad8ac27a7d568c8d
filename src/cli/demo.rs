//! `netdissect demo`: the whole story on networks that come with the program, told on one page.
//!
//! Every step is a command that users can type; the demo types it for them.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, Parser};
use serde_json::json;

use super::Cli;
use super::context::{Context, time_in_words};
use crate::error::{Error, Result};
use crate::files;
use crate::report::story::{self, folders};
use crate::roles::control::{self, Tensors};
use crate::weights::{Precision, Stored, WeightFile, save_as, shipped};

/// See what the units of a network have learned, in a minute or two, without any download.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect demo
  netdissect demo -o story --scenes 1200
  netdissect demo --dry-run

Draws places with exact label maps, dissects a classifier of places, removes its units, and does the same to networks that have learned
nothing. The folder then holds report.html, which tells the story, demo.json, and a folder for each run. The same command goes on where
a stopped one left off. `--dry-run` prints the commands that it runs; each can be run by itself.")]
pub(super) struct DemoArgs {
    /// Folder for the results.
    #[arg(short, long, value_name = "DIR", default_value = "netdissect-demo")]
    output: PathBuf,

    /// Pictures to look at; units are removed from fewer.
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u32).range(90..=100_000))]
    scenes: u32,

    /// Start over, whatever the folder holds.
    #[arg(long)]
    restart: bool,

    /// Only print the commands.
    #[arg(long)]
    dry_run: bool,
}

/// The layer that is dissected, and its tensors.
const LAYER: &str = "conv5_3";
/// A sixth of its units.
const SIXTH: &str = "21";
const STEM: &str = "features.conv5_3";
/// Seeds of the pictures, that the classifier was trained on and another, and by what their number is divided: units are removed
/// from fewer.
const SEEDS: [(&str, u32, u32); 3] = [(folders::TRAINING, 1, 3), (folders::HELD_OUT, 2, 1), (folders::JUDGED, 2, 2)];
/// Seed of the controls.
const CONTROL_SEED: u32 = 1;
/// The generator's layer, and latents to look at.
const GENERATOR_LAYER: &str = "layer4";
const LATENTS: &str = "0-255";
const EDITED: &str = "0-63";

/// A step of the story.
struct Step {
    /// What it does, for the user.
    title: &'static str,
    /// Shipped networks it needs.
    needs: &'static [&'static str],
    /// The command without the program's name.
    words: Vec<String>,
}

/// Runs `netdissect demo`.
///
/// # Errors
/// [`crate::error::Kind::Usage`] if the folder holds something else; [`crate::error::Kind::Interrupted`] if stopped, with what was done kept; else as the commands'.
pub(super) fn run(args: &DemoArgs, context: &mut Context<'_>) -> Result<()> {
    let (steps, missing) = steps(args);
    if args.dry_run {
        return dry_run(args, context, &steps, &missing);
    }
    let started = Instant::now();
    write_controls(&args.output)?;
    for (place, step) in steps.iter().enumerate() {
        context.progress.note(&format!("[{} of {}] {}", place + 1, steps.len(), step.title));
        type_in(&step.words, context)?;
    }
    let story = story::write(&args.output, args.scenes.into(), &missing)?;
    let (page, seconds) = (args.output.join("report.html"), started.elapsed().as_secs_f64());
    if context.global.json {
        let story = serde_json::to_value(&story).map_err(|error| Error::internal(error.to_string()))?;
        return context.json(&json!({ "folder": args.output, "report": page, "seconds": seconds, "story": story }));
    }
    let found = [("classifier", story.classifier), ("rotated units", story.rotated), ("random weights", story.random)];
    for (name, found) in found.into_iter().chain([("generator", story.generator)]) {
        if let Some(found) = found {
            let counts = format!("{} of {} units match {} concepts", found.matched, found.units, found.concepts);
            context.line(&format!("{name}: {counts}, {} of them objects and parts", found.things))?;
        }
    }
    context.line(&format!("told in {}; open this in a browser:", time_in_words(seconds)))?;
    context.line(&page.display().to_string())
}

/// Runs a command, whose results go to files alone.
fn type_in(words: &[String], context: &Context<'_>) -> Result<()> {
    let parsed = Cli::try_parse_from(std::iter::once("netdissect").chain(words.iter().map(String::as_str)));
    let cli = parsed.map_err(|error| Error::internal(error.to_string()).at(words.join(" ")))?;
    let mut unheard = std::io::sink();
    let (global, progress, stop) = (context.global, context.progress, context.stop);
    super::perform(&cli.command, &mut Context { global, out: &mut unheard, progress, stop })
}

/// The steps that can be taken, and the networks that keep others from it.
fn steps(args: &DemoArgs) -> (Vec<Step>, Vec<&'static str>) {
    let is_there = |name: &&str| shipped::find(name).is_some();
    let all = all_steps(args);
    let mut missing = Vec::new();
    for name in all.iter().flat_map(|step| step.needs).filter(|name| !is_there(name)) {
        if !missing.contains(name) {
            missing.push(*name);
        }
    }
    (all.into_iter().filter(|step| step.needs.iter().all(is_there)).collect(), missing)
}

/// The whole story.
fn all_steps(args: &DemoArgs) -> Vec<Step> {
    let at = |folder: &str| args.output.join(folder).display().to_string();
    let step = |title, needs, words: &[&str]| {
        let mut words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        if args.restart && words.first().is_some_and(|word| word != "scenes" && word != "generate") {
            words.push("--restart".to_owned());
        }
        Step { title, needs, words }
    };
    let mut all: Vec<Step> = SEEDS
        .iter()
        .map(|(folder, seed, share)| {
            let count = (args.scenes / share).to_string();
            let words = ["scenes", "--count", &count, "--seed", &seed.to_string(), "-o", &at(folder)];
            step("drawing places, with exact label maps", &[], &words)
        })
        .collect();
    let (images, labels) = (at(&format!("{}/images", folders::HELD_OUT)), at(&format!("{}/labels", folders::HELD_OUT)));
    let dissect = |title, needs, network: &[&str], concepts: &[&str], folder: &str| {
        let words = ["dissect", &images, "--as-is", "-l", LAYER, "-o", &at(folder)];
        step(title, needs, &[&words[..], network, concepts].concat())
    };
    let (classifier, exact) = (["--model", shipped::CLASSIFIER], ["--labels", &labels]);
    let segmenter = ["--concepts", "upernet", "--segmenter", shipped::SEGMENTER];
    let (random, rotated) = control_files(&args.output);
    let (random, rotated) = (random.display().to_string(), rotated.display().to_string());
    all.push(dissect(
        "what the classifier's units see",
        &[shipped::CLASSIFIER],
        &classifier,
        &exact,
        folders::CLASSIFIER,
    ));
    all.push(dissect(
        "the same, with a segmenter in place of the exact maps",
        &[shipped::CLASSIFIER, shipped::SEGMENTER],
        &classifier,
        &segmenter,
        folders::SEGMENTED,
    ));
    let training = at(&format!("{}/images", folders::TRAINING));
    let judged = at(&format!("{}/images", folders::JUDGED));
    let words = [
        "ablate",
        &training,
        "--held-out",
        &judged,
        "--as-is",
        "-l",
        LAYER,
        "--sizes",
        SIXTH,
        "-o",
        &at(folders::ABLATION),
    ];
    all.push(step("the classifier without some units", &[shipped::CLASSIFIER], &[&words[..], &classifier].concat()));
    all.push(dissect("control: random weights", &[shipped::CLASSIFIER], &["-w", &random], &exact, folders::RANDOM));
    let turned = ["-w", &rotated, "--pre-relu"];
    all.push(dissect("control: units turned at random", &[shipped::CLASSIFIER], &turned, &exact, folders::ROTATED));
    all.extend(generator_steps(at, step));
    all
}

/// What the generator's units make, and what becomes of its images without or with them.
fn generator_steps(
    at: impl Fn(&str) -> String,
    step: impl Fn(&'static str, &'static [&'static str], &[&str]) -> Step,
) -> Vec<Step> {
    const NEEDS: &[&str] = &[shipped::GENERATOR, shipped::SEGMENTER];
    let segmented = ["--model", shipped::GENERATOR, "--concepts", "upernet", "--segmenter", shipped::SEGMENTER];
    let (run, edits) = (at(folders::GENERATOR), at(folders::EDITS));
    let dissect = ["dissect", "--latents", LATENTS, "-l", GENERATOR_LAYER, "-o", &run];
    let remove = ["remove", &run, "--concept", "tree", "--latents", EDITED, "-o", &edits];
    let insert = ["insert", &run, "--concept", "door", "--latents", EDITED, "--positions", "8", "-o", &edits];
    vec![
        step("what the generator's units make", NEEDS, &[&dissect[..], &segmented].concat()),
        step("images without trees", NEEDS, &[&remove[..], &segmented].concat()),
        step("images with more doors", NEEDS, &[&insert[..], &segmented].concat()),
    ]
}

/// Where the controls' weights go.
fn control_files(output: &Path) -> (PathBuf, PathBuf) {
    (output.join("control/random.safetensors"), output.join("control/rotated.safetensors"))
}

/// Writes the weights of the controls; the same bytes every time.
fn write_controls(output: &Path) -> Result<()> {
    let Some(path) = shipped::find(shipped::CLASSIFIER).and_then(|network| network.paths().into_iter().next()) else {
        return Ok(());
    };
    let file = WeightFile::open(&path)?;
    let (random, rotated) = control_files(output);
    files::make_folder(&output.join("control"))?;
    write_weights(&random, &file, control::random(&file, CONTROL_SEED)?, false)?;
    write_weights(&rotated, &file, control::rotated(&file, STEM, "classifier.", CONTROL_SEED)?, true)
}

fn write_weights(path: &Path, like: &WeightFile, tensors: Tensors, body: bool) -> Result<()> {
    let mut metadata = like.metadata().to_vec();
    if body {
        use crate::weights::import::{BODY_KEY, CLASSES_KEY};
        metadata.retain(|(key, _)| key != BODY_KEY && key != CLASSES_KEY);
        metadata.push((BODY_KEY.to_owned(), "true".to_owned()));
    }
    let (stored, values): (Vec<Stored>, Vec<Vec<f32>>) = tensors.into_iter().unzip();
    save_as(Precision::Single, path, &metadata, &stored, |index| Ok(values[index].as_slice().into())).map(drop)
}

/// Prints the commands.
fn dry_run(args: &DemoArgs, context: &mut Context<'_>, steps: &[Step], missing: &[&str]) -> Result<()> {
    if context.global.json {
        let steps: Vec<_> = steps.iter().map(|step| json!({ "title": step.title, "command": step.words })).collect();
        return context.json(&json!({ "folder": args.output, "steps": steps, "missing": missing }));
    }
    for step in steps {
        context.line(&format!("# {}", step.title))?;
        context.line(&format!("netdissect {}", step.words.join(" ")))?;
    }
    for name in missing {
        context.line(&format!("# without {name}, which does not come with this program"))?;
    }
    context.line(&format!("would write {}; nothing was written", args.output.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_a_command_that_can_be_typed() {
        for restart in [false, true] {
            let args = DemoArgs { output: "story".into(), scenes: 90, restart, dry_run: false };
            let all = all_steps(&args);
            assert!(all.len() >= 10);
            for step in all {
                let words = std::iter::once("netdissect").chain(step.words.iter().map(String::as_str));
                assert!(Cli::try_parse_from(words).is_ok(), "{:?}", step.words);
            }
        }
    }
}
