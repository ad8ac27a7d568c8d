//! The segmenters: import of the published files, scores of every head and labels against PyTorch, on the CPU and on a device.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use common::{Weights, gpu};
use netdissect::concepts::label_maps::LabelFolder;
use netdissect::concepts::parsing::{RawLabels, SegmenterLabels, SegmenterVocabulary, Wanted};
use netdissect::concepts::segmenter::{Names, SegmenterChoice, UpernetConcepts};
use netdissect::concepts::{ConceptInput, ConceptSource, LabelMaps, MadeImages, Pixels};
use netdissect::dissect::tally::Tally;
use netdissect::geometry::Border;
use netdissect::gpu::{DeviceChoice, Gpu};
use netdissect::models::segmenter::{self, Segmenter};
use netdissect::progress::{Progress, Silent};
use netdissect::reference::graph::{relative_error, run};
use netdissect::reference::upsample_bilinear::upsample_bilinear;
use netdissect::reference::{Maps, adaptive_average_pool};
use netdissect::tensor::{HostTensor, Shape};
use netdissect::weights::{Stored, WeightFile, save};
use safetensors::SafeTensors;

const VALUES: &[u8] = include_bytes!("golden/upernet/values.safetensors");
/// Side of the square that the fixtures' networks see.
const SIDE: u32 = 64;
const PICTURES: [(&str, u32, u32); 2] = [("square", 64, 64), ("odd", 45, 77)];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/upernet").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    let file = SafeTensors::deserialize(VALUES).unwrap();
    file.tensor(name).unwrap_or_else(|_| panic!("{name} is missing")).data().to_vec()
}

fn floats(name: &str) -> Vec<f32> {
    bytes(name).chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
}

fn labels(name: &str) -> Vec<u16> {
    bytes(name).chunks_exact(4).map(|four| i32::from_le_bytes(four.try_into().unwrap()) as u16).collect()
}

fn command(args: &[&str]) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::cargo_bin("netdissect").unwrap();
    command.args(args);
    command
}

/// The fixture's files, in the order of the command line.
fn files(segmenter: Segmenter) -> [PathBuf; 3] {
    let stem = if segmenter == Segmenter::Upernet { "upernet" } else { "color" };
    ["encoder.pth", "decoder.pth", "labels.json"].map(|end| golden(&format!("{stem}-{end}")))
}

fn import(segmenter: Segmenter, files: &[PathBuf], output: &Path) -> assert_cmd::assert::Assert {
    let mut command = command(&["weights", "import", "--model", segmenter.name(), "-o"]);
    command.arg(output).args(files).assert()
}

/// Both segmenters, imported.
fn imported(folder: &Path) -> [PathBuf; 2] {
    Segmenter::ALL.map(|segmenter| {
        let path = folder.join(format!("{}.safetensors", segmenter.name()));
        import(segmenter, &files(segmenter), &path).success();
        path
    })
}

fn weights(path: &Path) -> Weights {
    let file = WeightFile::open(path).unwrap();
    let tensor =
        |name: &str| (name.to_owned(), file.tensor(name).map(|(dims, data)| (dims, data.into_owned())).unwrap());
    file.names().map(tensor).collect()
}

/// A picture as the networks see it.
fn seen(picture: (&str, u32, u32)) -> Maps {
    let (name, h, w) = picture;
    let image = HostTensor::new(Shape::new(1, 3, h, w), floats(&format!("{name}.image"))).unwrap();
    adaptive_average_pool::adaptive_average_pool(&Maps::from(&image), SIDE, SIDE)
}

fn assert_scores(name: &str, within: f64, got: impl Fn(&str) -> Vec<f32>, segmenter: Segmenter) {
    for head in segmenter.heads() {
        let want: Vec<f64> = floats(&format!("{name}.{head}.scores")).into_iter().map(f64::from).collect();
        let error = relative_error(&got(head), &want);
        assert!(error < within, "{name}.{head}: relative error {error:e}");
    }
}

#[test]
fn the_reference_agrees_with_pytorch() {
    let folder = tempfile::tempdir().unwrap();
    for (segmenter, path) in Segmenter::ALL.into_iter().zip(imported(folder.path())) {
        let weights = weights(&path);
        let graph = segmenter::build(segmenter, &common::shapes(&weights), SIDE, (SIDE, SIDE)).unwrap().graph;
        for picture in PICTURES {
            let values = run(&graph, &weights, &[("input", &seen(picture))]).unwrap();
            assert_scores(picture.0, 1e-6, |head| values[head].to_f32(), segmenter);
        }
    }
}

#[test]
fn a_session_agrees_with_pytorch() {
    let Some(gpu) = gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (segmenter, path) in Segmenter::ALL.into_iter().zip(imported(folder.path())) {
        let weights = weights(&path);
        let graph = segmenter::build(segmenter, &common::shapes(&weights), SIDE, (SIDE, SIDE)).unwrap().graph;
        let session = common::session(gpu, &graph, &weights, 2, segmenter.heads());
        let both = PICTURES.map(|picture| seen(picture).to_f32()).concat();
        session.run(&HostTensor::new(Shape::new(2, 3, SIDE, SIDE), both).unwrap()).unwrap();
        for (index, (name, ..)) in PICTURES.into_iter().enumerate() {
            let scores = |head: &str| {
                let all = session.read(head, 2).unwrap();
                all.data.chunks_exact(all.data.len() / 2).nth(index).unwrap().to_vec()
            };
            assert_scores(name, 1e-5, scores, segmenter);
        }
    }
}

fn names() -> SegmenterLabels {
    let text = std::fs::read_to_string(golden("upernet-labels.json")).unwrap();
    SegmenterLabels::parse(&text).unwrap()
}

/// What PyTorch's labels come to.
fn wanted_maps((name, h, w): (&str, u32, u32), wanted: Wanted, compat: bool) -> LabelMaps {
    let map = |head: &str| labels(&format!("{name}.{head}.labels"));
    let raw = RawLabels {
        h: h / 4,
        w: w / 4,
        object: map("object"),
        part: Some(map("part")),
        material: Some(map("material")),
        color: Some(map("color")),
    };
    let Names::Colors(colors) =
        Names::parse(Segmenter::Colors, &std::fs::read_to_string(golden("color-labels.json")).unwrap()).unwrap()
    else {
        panic!("no colours")
    };
    SegmenterVocabulary::new(&names(), Some(&colors), wanted).unwrap().maps(&raw, compat).unwrap()
}

#[test]
fn label_maps_are_those_of_pytorch_from_pixels_and_from_the_device() {
    let Some(gpu) = gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let files = imported(folder.path()).to_vec();
    for (wanted, compat) in [(Wanted::ALL, true), (Wanted { materials: false, colors: false, ..Wanted::ALL }, false)] {
        let choice = SegmenterChoice { files: files.clone(), wanted, compat, cache_dir: None };
        let concepts = UpernetConcepts::open(&choice, gpu, &Silent).unwrap();
        for picture in PICTURES {
            let (name, h, w) = picture;
            let planes = floats(&format!("{name}.image"));
            let want = wanted_maps(picture, wanted, compat);
            let input = ConceptInput { name, pixels: Pixels::Signed(&planes), h, w };
            let grid = (h / 4, w / 4);
            assert_eq!(concepts.label_maps(&[input, input, input], grid).unwrap(), vec![want.clone(); 3], "{name}");
            let images = gpu.buffer_of("images", &planes.repeat(5)).unwrap();
            let shape = Shape::new(5, 3, h, w);
            let names: Vec<String> = (0..5).map(|index| index.to_string()).collect();
            let made = MadeImages { names: &names, origins: &[], buffer: &images, shape };
            let got = concepts.label_maps_on_device(gpu, &made, grid).unwrap();
            assert_eq!(got, vec![want; 5], "{name}");
        }
    }
}

#[test]
fn generated_images_of_known_origin_are_segmented_once() {
    let Some(gpu) = gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let choice = SegmenterChoice {
        files: imported(folder.path()).to_vec(),
        wanted: Wanted::ALL,
        compat: true,
        cache_dir: Some(folder.path().join("cache")),
    };
    let planes = floats("square.image");
    let (images, black) = (gpu.buffer_of("images", &planes).unwrap(), gpu.buffer("black", 3 * 64 * 64 * 4).unwrap());
    let (shape, names) = (Shape::new(1, 3, 64, 64), ["0".to_owned()]);
    let maps = |buffer, origins: &[[u8; 32]]| {
        let concepts = UpernetConcepts::open(&choice, gpu, &Silent).unwrap();
        concepts.label_maps_on_device(gpu, &MadeImages { names: &names, origins, buffer, shape }, (16, 16)).unwrap()
    };
    let want = maps(&images, &[[7; 32]]);
    assert_eq!(want, [wanted_maps(PICTURES[0], Wanted::ALL, true)]);
    // What is on the device is not looked at where the origin is known.
    assert_eq!(maps(&black, &[[7; 32]]), want);
    assert_ne!(maps(&black, &[]), want);
    assert_ne!(maps(&black, &[[8; 32]]), want);
}

/// Hears what is noted.
#[derive(Default)]
struct Notes(std::sync::Mutex<Vec<String>>);

impl Progress for Notes {
    fn stage(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64) {}
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

#[test]
fn where_memory_is_short_all_networks_take_fewer_images_at_once_and_say_so_once() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let files = imported(folder.path()).to_vec();
    let choice = SegmenterChoice { files, wanted: Wanted::ALL, compat: true, cache_dir: None };
    let planes = floats("square.image");
    let input = ConceptInput { name: "a", pixels: Pixels::Signed(&planes), h: 64, w: 64 };
    let segment = |budget: Option<u64>, images: usize| {
        let gpu = Gpu::open(&DeviceChoice::Auto).unwrap();
        budget.into_iter().for_each(|bytes| gpu.set_budget(bytes));
        let notes = Notes::default();
        let concepts = UpernetConcepts::open(&choice, &gpu, &notes).unwrap();
        let maps = concepts.label_maps(&vec![input; images], (16, 16)).unwrap();
        drop(concepts);
        (maps, gpu.peak_bytes(), notes.0.into_inner().unwrap())
    };
    let (want, one, notes) = segment(None, 1);
    assert_eq!(notes, ["loading the segmenters"]);
    let (_, four, _) = segment(None, 4);
    let mut refused = 0;
    for budget in (0..8).map(|step| one + (four - 16 - one) * step / 7) {
        let (maps, peak, notes) = segment(Some(budget), 4);
        assert_eq!(maps, vec![want[0].clone(); 4]);
        assert!(peak <= budget);
        let said = notes.iter().filter(|note| note.contains("going on with")).count();
        assert!(said <= 1, "{notes:?}");
        refused += said;
    }
    assert!(refused > 0, "no budget was chosen too large at first");
}

#[test]
fn label_maps_of_other_parts_of_the_photographs_are_refused() {
    if gpu().is_none() {
        return;
    }
    let place = Place::new();
    place.run("segment photos --as-is --concepts colors -o maps --quiet");
    let dissect = "dissect photos -w vgg16.safetensors -l conv4_3 --labels maps --quiet -o run";
    let mut command = command(&dissect.split(' ').collect::<Vec<_>>());
    let assert = command.current_dir(place.folder.path()).assert().code(3);
    let text = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        text.contains("maps: its label maps show photographs as \"as-is\"") && text.contains("`--as-is` to both"),
        "{text}"
    );
    place.run(&format!("{dissect} --as-is"));
}

#[test]
fn files_that_do_not_belong_together_are_refused_and_what_is_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.safetensors");
    let [encoder, decoder, labels] = files(Segmenter::Upernet);
    let says = |files: &[&PathBuf]| {
        let files: Vec<PathBuf> = files.iter().map(|&file| file.clone()).collect();
        let assert = import(Segmenter::Upernet, &files, &output).failure();
        let code = assert.get_output().status.code().unwrap();
        (code, String::from_utf8_lossy(&assert.get_output().stderr).into_owned())
    };
    let (code, text) = says(&[&encoder]);
    assert!(
        code == 2 && text.contains("three files; 1 given") && text.contains("ENCODER DECODER labels.json"),
        "{text}"
    );
    let (code, text) = says(&[&decoder, &encoder, &labels]);
    assert!(code == 3 && text.contains("missing `conv1.weight`") && text.contains("look exchanged"), "{text}");
    let (code, text) = says(&[&encoder, &decoder, &golden("color-labels.json")]);
    assert!(code == 3 && text.contains("color-labels.json: missing field `object`"), "{text}");
    let mut value: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&labels).unwrap()).unwrap();
    value["object"].as_array_mut().unwrap().push("boat".into());
    let longer = folder.path().join("longer.json");
    std::fs::write(&longer, value.to_string()).unwrap();
    let (code, text) = says(&[&encoder, &decoder, &longer]);
    assert!(code == 3 && text.contains("lists 8 names; the decoder has 7 object channels"), "{text}");
    value["segsizes"] = serde_json::json!([64, 32]);
    std::fs::write(&longer, value.to_string()).unwrap();
    assert!(says(&[&encoder, &decoder, &longer]).1.contains("asks for 2 scales; one is supported"));
    assert!(!output.exists());
}

#[test]
fn what_the_graph_does_not_need_is_left_out_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.safetensors");
    let mut command = command(&["weights", "import", "--model", "upernet", "--json", "-o"]);
    let assert = command.arg(&output).args(files(Segmenter::Upernet)).assert().success();
    let report: serde_json::Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    let dropped: Vec<&str> = report["dropped"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    for name in ["fc.weight", "bn1._tmp_running_mean", "module.scene_head.2.bias"] {
        assert!(dropped.contains(&name), "{name}: {dropped:?}");
    }
    let shapes: HashMap<_, _> = WeightFile::open(&output).unwrap().shapes();
    assert!(shapes.keys().all(|name| !name.contains("bn") && !name.contains("running")));
    assert_eq!(shapes["encoder.layer1.0.downsample.0.weight"], [12, 10, 1, 1]);
}

/// A folder with photographs, a narrow VGG-16 and both segmenters, and the program's answer to words in it.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        imported(folder.path());
        let planes = floats("square.image");
        let area = (SIDE * SIDE) as usize;
        let byte = |at: usize| ((planes[at] + 1.0) * 127.5).round() as u8;
        let pixel = |x: u32, y: u32| [0, 1, 2].map(|c: usize| byte(c * area + (y * SIDE + x) as usize));
        std::fs::create_dir(folder.path().join("photos")).unwrap();
        for (name, turned) in [("a.png", 0), ("b.png", 1), ("c.png", 2)] {
            let at = |x: u32, y: u32| match turned {
                0 => pixel(x, y),
                1 => pixel(y, x),
                _ => pixel(SIDE - 1 - x, y),
            };
            let image = image::RgbImage::from_fn(SIDE, SIDE, |x, y| image::Rgb(at(x, y)));
            image.save(folder.path().join("photos").join(name)).unwrap();
        }
        let weights = common::narrow_vgg([4, 4, 6, 8, 10], 8, 4, 3);
        let about = [("model", "vgg16"), ("preprocess", "torch"), ("body", "false")];
        let about: Vec<_> = about.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let stored =
            |(name, (dims, _)): (&String, &(Vec<usize>, Vec<f32>))| Stored { name: name.clone(), dims: dims.clone() };
        let tensors: Vec<Stored> = weights.iter().map(stored).collect();
        let path = folder.path().join("vgg16.safetensors");
        save(&path, &about, &tensors, |index| Ok((&weights[&tensors[index].name].1).into())).unwrap();
        Place { folder }
    }

    fn run(&self, words: &str) -> String {
        let mut command = command(&words.split(' ').collect::<Vec<_>>());
        command.current_dir(self.folder.path()).env("NETDISSECT_CACHE_DIR", self.folder.path().join("cache"));
        let assert = command.assert().success();
        String::from_utf8(assert.get_output().stdout.clone()).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

const DISSECT: &str = "dissect photos --as-is -w vgg16.safetensors -l conv4_3 --concepts upernet \
    --segmenter upernet.safetensors,color-segmenter.safetensors --grid 16x16 --quantile 0.05 --save-labels --quiet";

#[test]
fn a_dissection_counts_what_brute_force_counts_and_the_next_one_segments_nothing() {
    if gpu().is_none() {
        return;
    }
    let place = Place::new();
    place.run(&format!("{DISSECT} -o run"));
    place.run("activations photos --as-is -w vgg16.safetensors -l conv4_3 -o maps.safetensors --quiet");
    let bytes = std::fs::read(place.path("maps.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let view = file.tensor("conv4_3").unwrap();
    let &[n, units, h, w] = view.shape() else { panic!("{:?}", view.shape()) };
    let values = view.data().chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    let maps = HostTensor::new(Shape::new(n as u32, units as u32, h as u32, w as u32), values).unwrap();
    let up = upsample_bilinear(&Maps::from(&maps), 16, 16, Border::Zero);
    let tally = Tally::load(&place.path("run/conv4_3/tally.safetensors")).unwrap();
    let folder = LabelFolder::open(place.path("run/labels")).unwrap();
    let names = ["a.png", "b.png", "c.png"];
    let input = |name| ConceptInput { name, pixels: Pixels::Rgb(&[]), h: SIDE, w: SIDE };
    let labels = folder.label_maps(&names.map(input), (16, 16)).unwrap();
    assert_eq!(labels[0].channels, 6);
    let (mut area, mut both) = (vec![0u64; units], vec![0u64; units * tally.labels]);
    let mut concepts = vec![0u64; tally.labels];
    for (n, maps) in labels.iter().enumerate() {
        for place in 0..256 {
            let mut here: Vec<u16> = (0..6).map(|channel| maps.labels[channel * 256 + place]).collect();
            here.sort_unstable();
            here.dedup();
            here.iter().filter(|&&label| label > 0).for_each(|&label| concepts[usize::from(label)] += 1);
            for unit in 0..units {
                if up.data[(n * units + unit) * 256 + place] > f64::from(tally.threshold[unit]) {
                    area[unit] += 1;
                    let counts = &mut both[unit * tally.labels..];
                    here.iter().filter(|&&label| label > 0).for_each(|&label| counts[usize::from(label)] += 1);
                }
            }
        }
    }
    assert_eq!((&tally.unit_area, &tally.intersection, &tally.concept_area), (&area, &both, &concepts));
    assert!(both.iter().filter(|&&count| count > 0).count() > 20);

    let kept = || serde_json::from_str::<serde_json::Value>(&place.run("cache size --json")).unwrap();
    let before = kept();
    place.run(&format!("{DISSECT} -o again"));
    assert_eq!(Tally::load(&place.path("again/conv4_3/tally.safetensors")).unwrap(), tally);
    assert_eq!(kept(), before);
}
