//! What several test files share: a device, a small network, pictures made of numbers.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use assert_cmd::Command;
use netdissect::data::framing::{Frame, Prepared};
use netdissect::data::{ImageBatch, ImageSource};
use netdissect::error::Result;
use netdissect::gpu::{DeviceChoice, Gpu};
use netdissect::models::vgg16;
use netdissect::reference::rng;
use netdissect::weights::{Stored, save};

/// The device of these tests. No adapter is a failure unless `NETDISSECT_NO_GPU=1` says it is meant.
pub fn gpu() -> Option<&'static Gpu> {
    static GPU: OnceLock<Option<Gpu>> = OnceLock::new();
    GPU.get_or_init(|| {
        if std::env::var("NETDISSECT_NO_GPU").is_ok_and(|value| value == "1") {
            println!("skipped: no GPU");
            return None;
        }
        Some(Gpu::open(&DeviceChoice::Auto).expect("an adapter; set NETDISSECT_NO_GPU=1 to go without"))
    })
    .as_ref()
}

pub type Weights = HashMap<String, (Vec<usize>, Vec<f32>)>;

/// A VGG-16 of these widths, one a group, with weights scaled to keep activations alive.
pub fn narrow_vgg(widths: [usize; 5], hidden: usize, classes: usize, seed: u32) -> Weights {
    let mut weights = Weights::new();
    let mut tensor = |name: String, dims: Vec<usize>, scale: f32, seed: u32| {
        let data = rng::floats(dims.iter().product(), seed).into_iter().map(|value| value * scale).collect();
        weights.insert(name, (dims, data));
    };
    let mut channels = 3;
    for (position, name) in vgg16::convolutions().enumerate() {
        let width = widths[usize::from(name.as_bytes()[4] - b'1')];
        let scale = (6.0 / (channels * 9) as f32).sqrt();
        let seed = seed + position as u32 * 2;
        tensor(format!("features.{name}.weight"), vec![width, channels, 3, 3], scale, seed);
        tensor(format!("features.{name}.bias"), vec![width], 0.1, seed + 1);
        channels = width;
    }
    let mut inputs = channels * 49;
    for (position, (name, outputs)) in vgg16::LINEAR.into_iter().zip([hidden, hidden, classes]).enumerate() {
        let seed = seed + 100 + position as u32 * 2;
        tensor(format!("classifier.{name}.weight"), vec![outputs, inputs], (6.0 / inputs as f32).sqrt(), seed);
        tensor(format!("classifier.{name}.bias"), vec![outputs], 0.1, seed + 1);
        inputs = outputs;
    }
    weights
}

/// Shapes of the tensors, as a file would list them.
pub fn shapes(weights: &Weights) -> HashMap<String, Vec<usize>> {
    weights.iter().map(|(name, (dims, _))| (name.clone(), dims.clone())).collect()
}

/// Images of noise, `[3, side, side]` each.
pub struct Noise {
    pub count: u32,
    pub batch: u32,
    pub side: u32,
}

impl Noise {
    pub fn input(&self, index: u32) -> Vec<f32> {
        rng::floats((3 * self.side * self.side) as usize, 1000 + index)
    }
}

impl ImageSource for Noise {
    fn count(&self) -> u32 {
        self.count
    }

    fn batches<'a>(&'a self, range: Range<u32>) -> Box<dyn Iterator<Item = Result<ImageBatch>> + 'a> {
        let (batch, end) = (self.batch, range.end.min(self.count));
        let black = Prepared {
            rgb: vec![0; (3 * self.side * self.side) as usize],
            h: self.side,
            w: self.side,
            frame: Frame::whole(self.side, self.side),
        };
        let black = Arc::new(black);
        Box::new((range.start..end).step_by(batch as usize).map(move |first| {
            let indices: Vec<u32> = (first..(first + batch).min(end)).collect();
            Ok(ImageBatch {
                names: indices.iter().map(|index| format!("{index}.png")).collect(),
                input: indices.iter().flat_map(|&index| self.input(index)).collect(),
                images: indices.iter().map(|_| Arc::clone(&black)).collect(),
                origins: Vec::new(),
                next: (first + batch).min(end),
                indices,
            })
        }))
    }
}

/// A file of the generator's fixtures.
pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/progan").join(name)
}

/// A folder with imported weights, and the program's answer to words in it.
pub struct Place {
    pub folder: tempfile::TempDir,
}

impl Place {
    pub fn new(layout: &str) -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        let source = golden(layout);
        place.run(&["weights", "import", source.to_str().unwrap(), "--model", "progan", "-o", "g.safetensors"], 0);
        place
    }

    /// Standard output, or standard error where the code is not 0.
    pub fn run(&self, words: &[&str], code: i32) -> String {
        let mut command = Command::cargo_bin("netdissect").unwrap();
        command.current_dir(self.folder.path()).env("NETDISSECT_CACHE_DIR", self.folder.path().join("cache"));
        let output = command.args(words).arg("--quiet").output().unwrap();
        let (said, complaint) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}{complaint}");
        if code == 0 { said } else { complaint }
    }

    /// A file of the folder.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A file of the folder as JSON.
    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }
}

/// Writes a VGG-16 as `weights import` would; its path.
pub fn save_vgg(folder: &Path, weights: &Weights) -> String {
    let mut names: Vec<_> = weights.keys().cloned().collect();
    names.sort();
    let stored: Vec<Stored> =
        names.iter().map(|name| Stored { name: name.clone(), dims: weights[name].0.clone() }).collect();
    let metadata =
        [("model", "vgg16"), ("preprocess", "torch"), ("body", "false"), ("class_names", r#"["a","b","c","d"]"#)];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let path = folder.join("vgg.safetensors");
    save(&path, &metadata, &stored, |index| Ok(weights[&names[index]].1.clone().into())).unwrap();
    path.to_str().unwrap().to_owned()
}
