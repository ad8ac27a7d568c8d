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
use crate::report::story::{self, Agreement, Story, folders};
use crate::roles::control::{self, Tensors};
use crate::scenes;
use crate::weights::{Precision, Stored, WeightFile, save_as, shipped};

/// See what the units of a network have learned, in a minute or two, without any download.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect demo
  netdissect demo -o story --scenes 1200
  netdissect demo --dry-run

Draws places with exact label maps; dissects a classifier of places with them, and again with a segmenter; removes the units of each class;
lets a generator make places up, dissects it, removes its trees and adds doors; and does the same to networks that have learned nothing.
All of them come with the program. The folder then holds report.html, which tells the story, demo.json, and a folder for each run. The
same command goes on where a stopped one left off. `--dry-run` prints the commands that it runs; each can be run by itself.")]
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
/// The generator's layers: all that are dissected, those whose units for trees are switched off and whose units for doors are set.
const GENERATOR_LAYERS: &str = "layer4,layer5,layer6";
const TREES_LAYER: &str = "layer6";
const DOORS_LAYER: &str = "layer5";
/// Latents to look at, to show and to edit.
const LATENTS: &str = "0-255";
const SHOWN: &str = "0-15";
const EDITED: &str = "0-31";
/// Units switched off, units set, and positions of an image at which they are.
const REMOVED: &str = "6";
const SET: &str = "5";
const POSITIONS: &str = "16";
/// Rows and columns on which its images are labelled: those of its images.
const GENERATOR_GRID: &str = "64x64";
/// What the segmenter says of a picture. Halves of objects are in no exact map.
const SEGMENTED: [&str; 8] = [
    "--concepts",
    "upernet",
    "--segmenter",
    shipped::SEGMENTER,
    "--categories",
    "object,part,material",
    "--halves",
    "off",
];

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
    files::make_folder(&args.output.join("control"))?;
    Control::ALL.iter().try_for_each(|control| control.write(&args.output))?;
    for (place, step) in steps.iter().enumerate() {
        context.host.progress.note(&format!("[{} of {}] {}", place + 1, steps.len(), step.title));
        type_in(&step.words, context)?;
    }
    let world =
        story::World { pictures: args.scenes.into(), classes: &scenes::classes(), concepts: scenes::concepts().len() };
    let story = story::write(&args.output, &world, &missing)?;
    let (page, seconds) = (args.output.join("report.html"), started.elapsed().as_secs_f64());
    if context.json {
        let story = serde_json::to_value(&story).map_err(|error| Error::internal(error.to_string()))?;
        return context.json(&json!({ "folder": args.output, "report": page, "seconds": seconds, "story": story }));
    }
    tell(context, &story)?;
    context.line(&format!("told in {}; open this in a browser:", time_in_words(seconds)))?;
    context.line(&page.display().to_string())
}

/// Says what was found, a line each.
fn tell(context: &mut Context<'_>, story: &Story) -> Result<()> {
    let found = [("classifier", story.classifier), ("rotated units", story.rotated), ("random weights", story.random)];
    let made = [("generator", story.generator), ("random generator", story.generator_random)];
    for (name, found) in found.into_iter().chain(made) {
        if let Some(found) = found {
            let counts = format!("{} of {} units match {} concepts", found.matched, found.units, found.concepts);
            context.line(&format!("{name}: {counts}, {} of them objects and parts", found.things))?;
        }
    }
    if let Some(Agreement { matched, same }) = story.agreement {
        context.line(&format!("segmenter: {same} of {matched} matched units named as by the exact maps"))?;
    }
    if let Some(lost) = &story.removal {
        let share = lost.lost.map_or_else(|| "none".to_owned(), |share| format!("{:.0} %", share * 100.0));
        let most = lost.most_changed.as_deref().zip(lost.most_changed_by);
        let most = most.map_or_else(String::new, |(name, by)| format!(", {name} most by {:+.0} %", by * 100.0));
        let others = format!("other objects change by {:.0} % in all{most}", lost.others * 100.0);
        context.line(&format!("{} lost with {} units removed: {share}; {others}", lost.concept, lost.units))?;
    }
    if let Some(added) = &story.insertion {
        let pixels = |mean: Option<f64>| mean.map_or_else(|| "-".to_owned(), |mean| format!("{mean:.2}"));
        let (house, sky) = (pixels(added.to_buildings), pixels(added.to_sky));
        context.line(&format!(
            "{} pixels added by one insertion: {house} amid buildings, {sky} amid the sky",
            added.concept
        ))?;
    }
    Ok(())
}

/// Runs a command, whose results go to files alone.
fn type_in(words: &[String], context: &Context<'_>) -> Result<()> {
    let parsed = Cli::try_parse_from(std::iter::once("netdissect").chain(words.iter().map(String::as_str)));
    let cli = parsed.map_err(|error| Error::internal(error.to_string()).at(words.join(" ")))?;
    let mut unheard = std::io::sink();
    super::perform(&cli.command, &mut Context { host: context.host, json: context.json, out: &mut unheard })
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
    let control = |control: Control| control.path(&args.output).display().to_string();
    let (random, rotated) = (control(Control::Random), control(Control::Rotated));
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
        &SEGMENTED,
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
    all.extend(generator_steps(at, step, &control(Control::RandomGenerator)));
    all
}

/// What the generator's units make, and what becomes of its images without or with them.
fn generator_steps(
    at: impl Fn(&str) -> String,
    step: impl Fn(&'static str, &'static [&'static str], &[&str]) -> Step,
    untaught: &str,
) -> Vec<Step> {
    const NEEDS: &[&str] = &[shipped::GENERATOR, shipped::SEGMENTER];
    let network = ["--model", shipped::GENERATOR];
    let (run, edits, random) = (at(folders::GENERATOR), at(folders::EDITS), at(folders::GENERATOR_RANDOM));
    let dissect = ["dissect", "--latents", LATENTS, "-l", GENERATOR_LAYERS, "--grid", GENERATOR_GRID];
    let layer = |name: &str| at(&format!("{}/{name}", folders::GENERATOR));
    let (trees, doors) = (layer(TREES_LAYER), layer(DOORS_LAYER));
    let generate = ["generate", "--latents", SHOWN, "-o", &at(folders::GENERATED)];
    let remove = ["remove", &trees, "--concept", "tree", "--units", REMOVED, "--latents", EDITED, "-o", &edits];
    let insert = [
        "insert",
        &doors,
        "--concept",
        "door",
        "--units",
        SET,
        "--positions",
        POSITIONS,
        "--latents",
        EDITED,
        "-o",
        &edits,
    ];
    vec![
        step("places that a generator makes up", NEEDS, &[&generate[..], &network].concat()),
        step("what the generator's units make", NEEDS, &[&dissect[..], &network, &SEGMENTED, &["-o", &run]].concat()),
        step("images without trees", NEEDS, &[&remove[..], &network, &SEGMENTED].concat()),
        step("images with more doors", NEEDS, &[&insert[..], &network, &SEGMENTED].concat()),
        step(
            "control: a generator of random weights",
            NEEDS,
            &[&dissect[..], &["-w", untaught], &SEGMENTED, &["-o", &random]].concat(),
        ),
    ]
}

/// A network that the story is held against: it has learned nothing, or has no units of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    Random,
    Rotated,
    RandomGenerator,
}

impl Control {
    const ALL: [Control; 3] = [Control::Random, Control::Rotated, Control::RandomGenerator];

    /// Where its weights go.
    fn path(self, output: &Path) -> PathBuf {
        output.join(match self {
            Control::Random => "control/random.safetensors",
            Control::Rotated => "control/rotated.safetensors",
            Control::RandomGenerator => "control/random-generator.safetensors",
        })
    }

    /// The network that it is made from.
    fn of(self) -> &'static str {
        if self == Control::RandomGenerator { shipped::GENERATOR } else { shipped::CLASSIFIER }
    }

    /// Writes its weights; the same bytes every time.
    fn write(self, output: &Path) -> Result<()> {
        let Some(path) = shipped::find(self.of()).and_then(|network| network.paths().into_iter().next()) else {
            return Ok(());
        };
        let (file, to, rotated) = (WeightFile::open(&path)?, self.path(output), self == Control::Rotated);
        let tensors = match rotated {
            true => control::rotated(&file, STEM, "classifier.", CONTROL_SEED)?,
            false => control::random(&file, CONTROL_SEED)?,
        };
        write_weights(&to, &file, tensors, rotated)
    }
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
    if context.json {
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
