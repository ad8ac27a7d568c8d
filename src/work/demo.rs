//! The demo's story as data: the commands that tell it, and the networks that it is held against.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::run_folder;
use crate::error::Result;
use crate::files::{self, lock::FolderLock};
use crate::report::story::{self, Story, World, folders};
use crate::report::{self, schema};
use crate::roles::control::{self, Tensors};
use crate::scenes;
use crate::weights::{Precision, Stored, WeightFile, save_as, shipped};

/// A story to be told: every step is a command that users can type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoJob {
    /// Folder for the results.
    pub output: PathBuf,
    /// Pictures to look at, 90 or more; units are removed from fewer.
    pub scenes: u32,
    /// Start over, whatever the folder holds.
    pub restart: bool,
}

/// What is told in the folder.
const JOB: &str = "demo-run.json";
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoStep {
    /// What it does, for the user.
    pub title: &'static str,
    /// Shipped networks it needs.
    pub needs: &'static [&'static str],
    /// The command without the program's name.
    pub words: Vec<String>,
}

impl DemoJob {
    /// The steps that can be taken, and the networks that keep others from it.
    pub fn steps(&self) -> (Vec<DemoStep>, Vec<&'static str>) {
        let is_there = |name: &&str| shipped::find(name).is_some();
        let all = self.all_steps();
        let mut missing = Vec::new();
        for name in all.iter().flat_map(|step| step.needs).filter(|name| !is_there(name)) {
            if !missing.contains(name) {
                missing.push(*name);
            }
        }
        (all.into_iter().filter(|step| step.needs.iter().all(is_there)).collect(), missing)
    }

    /// The whole story.
    pub fn all_steps(&self) -> Vec<DemoStep> {
        [self.scene_steps(), self.classifier_steps(), self.generator_steps()].concat()
    }

    /// Pictures of the world, with exact label maps.
    fn scene_steps(&self) -> Vec<DemoStep> {
        let drawing = |(folder, seed, share): &(&str, u32, u32)| {
            let (count, seed) = ((self.scenes / share).to_string(), seed.to_string());
            let words = ["scenes", "--count", &count, "--seed", &seed, "-o", &self.at(folder)];
            self.step("drawing places, with exact label maps", &[], &[&words])
        };
        SEEDS.iter().map(drawing).collect()
    }

    /// What the classifier's units see, what it knows without them, and what networks see that have learned nothing.
    fn classifier_steps(&self) -> Vec<DemoStep> {
        const CLASSIFIER: &[&str] = &[shipped::CLASSIFIER];
        const BOTH: &[&str] = &[shipped::CLASSIFIER, shipped::SEGMENTER];
        let part = |folder: &str, part: &str| self.at(&format!("{folder}/{part}"));
        let (images, labels) = (part(folders::HELD_OUT, "images"), part(folders::HELD_OUT, "labels"));
        let (training, judged) = (part(folders::TRAINING, "images"), part(folders::JUDGED, "images"));
        let dissect = |title, needs, network: &[&str], concepts: &[&str], folder: &str| {
            let words = ["dissect", &images, "--as-is", "-l", LAYER, "-o", &self.at(folder)];
            self.step(title, needs, &[&words, network, concepts])
        };
        let (shipped, exact) = (["--model", shipped::CLASSIFIER], ["--labels", &labels]);
        let (random, rotated) = (self.control(Control::Random), self.control(Control::Rotated));
        let (random, rotated) = (["-w", &random], ["-w", &rotated, "--pre-relu"]);
        let (ablate, how) = (["ablate", &training, "--held-out", &judged, "--as-is"], ["-l", LAYER, "--sizes", SIXTH]);
        let output = ["-o", &self.at(folders::ABLATION)];
        let segmented = "the same, with a segmenter in place of the exact maps";
        vec![
            dissect("what the classifier's units see", CLASSIFIER, &shipped, &exact, folders::CLASSIFIER),
            dissect(segmented, BOTH, &shipped, &SEGMENTED, folders::SEGMENTED),
            self.step("the classifier without some units", CLASSIFIER, &[&ablate, &how, &output, &shipped]),
            dissect("control: random weights", CLASSIFIER, &random, &exact, folders::RANDOM),
            dissect("control: units turned at random", CLASSIFIER, &rotated, &exact, folders::ROTATED),
        ]
    }

    /// What the generator's units make, and what becomes of its images without or with them.
    fn generator_steps(&self) -> Vec<DemoStep> {
        const NEEDS: &[&str] = &[shipped::GENERATOR, shipped::SEGMENTER];
        let network = ["--model", shipped::GENERATOR];
        let untaught = self.control(Control::RandomGenerator);
        let layer = |name: &str| self.at(&format!("{}/{name}", folders::GENERATOR));
        let (trees, doors) = (layer(TREES_LAYER), layer(DOORS_LAYER));
        let generate = ["generate", "--latents", SHOWN, "-o", &self.at(folders::GENERATED)];
        let dissect = ["dissect", "--latents", LATENTS, "-l", GENERATOR_LAYERS, "--grid", GENERATOR_GRID];
        let remove = ["remove", &trees, "--concept", "tree", "--units", REMOVED];
        let insert = ["insert", &doors, "--concept", "door", "--units", SET, "--positions", POSITIONS];
        let edits = ["--latents", EDITED, "-o", &self.at(folders::EDITS)];
        let (run, random) = (["-o", &self.at(folders::GENERATOR)], ["-o", &self.at(folders::GENERATOR_RANDOM)]);
        let control = "control: a generator of random weights";
        vec![
            self.step("places that a generator makes up", NEEDS, &[&generate, &network]),
            self.step("what the generator's units make", NEEDS, &[&dissect, &network, &SEGMENTED, &run]),
            self.step("images without trees", NEEDS, &[&remove, &edits, &network, &SEGMENTED]),
            self.step("images with more doors", NEEDS, &[&insert, &edits, &network, &SEGMENTED]),
            self.step(control, NEEDS, &[&dissect, &["-w", &untaught], &SEGMENTED, &random]),
        ]
    }

    /// A folder or a file of the story, as it is typed.
    fn at(&self, name: &str) -> String {
        self.output.join(name).display().to_string()
    }

    fn control(&self, control: Control) -> String {
        control.path(&self.output).display().to_string()
    }

    fn step(&self, title: &'static str, needs: &'static [&'static str], words: &[&[&str]]) -> DemoStep {
        let mut words: Vec<String> = words.concat().into_iter().map(str::to_owned).collect();
        // Pictures depend on nothing but the command, and are kept in any case.
        if self.restart && words.first().is_some_and(|word| word != "scenes" && word != "generate") {
            words.push("--restart".to_owned());
        }
        DemoStep { title, needs, words }
    }

    /// Takes the folder and notes that the story is told in it.
    ///
    /// # Errors
    /// As [`run_folder::take`]; [`crate::error::Kind::Output`] if it cannot be written.
    pub(crate) fn take(&self) -> Result<FolderLock> {
        let taken = run_folder::take(&self.output, &[JOB, story::JSON])?;
        let described = json!({ "command": "demo", "tool": schema::Tool::current() });
        report::write_json(&self.output.join(JOB), &described)?;
        Ok(taken)
    }

    /// Writes the weights of the networks that have learned nothing; the same bytes every time.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if a file cannot be written.
    pub fn write_controls(&self) -> Result<()> {
        files::make_folder(&self.output.join("control"))?;
        Control::ALL.iter().try_for_each(|control| control.write(&self.output))
    }

    /// Writes the page that tells the story, from what the steps have written.
    ///
    /// # Errors
    /// As [`story::write`].
    pub fn write_story(&self, missing: &[&'static str]) -> Result<Story> {
        let (classes, concepts) = (scenes::classes(), scenes::concepts().len());
        let world = World { pictures: self.scenes.into(), classes: &classes, concepts };
        story::write(&self.output, &world, missing)
    }
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
