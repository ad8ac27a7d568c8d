//! The whole dissection on the device against brute force that stores every upsampled map.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use common::{Noise, Weights, gpu, narrow_vgg, shapes};
use netdissect::concepts::{ConceptInput, ConceptSource, LabelMaps, Pixels, Vocabulary};
use netdissect::data::{ImageSource, Watch};
use netdissect::dissect::{Dissection, LayerOutcome, Settings};
use netdissect::error::{Kind, Result};
use netdissect::geometry::Border;
use netdissect::models::vgg16;
use netdissect::progress::{Progress, Silent};
use netdissect::reference::upsample_bilinear::upsample_bilinear;
use netdissect::reference::{Maps, rng};
use netdissect::session::Parts;
use netdissect::tensor::{HostTensor, Shape};

/// Two channels of five labels by noise from the image's name.
struct NoiseLabels(Vocabulary);

impl NoiseLabels {
    fn new() -> Self {
        let names: Vec<String> = ["-", "a", "b", "c", "d", "never"].map(str::to_owned).to_vec();
        NoiseLabels(Vocabulary { categories: names.clone(), names })
    }
}

impl ConceptSource for NoiseLabels {
    fn vocabulary(&self) -> &Vocabulary {
        &self.0
    }

    fn describe(&self) -> serde_json::Value {
        serde_json::json!("noise")
    }

    fn label_maps(&self, images: &[ConceptInput<'_>], (h, w): (u32, u32)) -> Result<Vec<LabelMaps>> {
        let of = |image: &ConceptInput<'_>| {
            let mut rng = rng::seeded(image.name.bytes().map(u32::from).sum());
            let labels = (0..2 * h * w).map(|_| (rng.next_u32() % 5) as u16).collect();
            LabelMaps { channels: 2, h, w, labels }
        };
        Ok(images.iter().map(of).collect())
    }
}

const GRID: (u32, u32) = (12, 20);
const LAYERS: [(&str, &str); 3] = [("conv3_3", "relu3_3"), ("conv4_1", "conv4_1"), ("conv5_3", "relu5_3")];

fn settings() -> Settings {
    Settings {
        layers: LAYERS.map(|(name, node)| (name.to_owned(), node.to_owned())).to_vec(),
        tail: 0.05,
        grid: GRID,
        top: 4,
        shown: 2,
        thumbnail: 10,
        compat_strips: false,
    }
}

fn watch<'a>(checkpoint: Option<PathBuf>, progress: &'a dyn Progress, stop: &'a AtomicBool) -> Watch<'a> {
    Watch { checkpoint, job: "test".to_owned(), progress, stop }
}

struct Setting {
    weights: Weights,
    images: Noise,
}

impl Setting {
    fn new() -> Self {
        let mut weights = narrow_vgg([4, 4, 6, 8, 10], 8, 4, 3);
        // A unit that never fires.
        weights.get_mut("features.conv5_3.bias").unwrap().1[2] = -1e3;
        Setting { weights, images: Noise { count: 7, batch: 2, side: 64 } }
    }

    fn parts(&self, batch: u32) -> Parts {
        let model = vgg16::build(&shapes(&self.weights), 64, 64).unwrap();
        let keep = LAYERS.map(|(_, node)| node);
        let graph = model.graph.head(&keep).unwrap();
        Parts::Whole(common::session(gpu().unwrap(), &graph, &self.weights, batch, &keep))
    }

    fn run(&self, parts: &Parts, watch: &Watch<'_>) -> Result<Vec<LayerOutcome>> {
        let concepts = NoiseLabels::new();
        let gpu = gpu().unwrap();
        let images = Noise { batch: parts.session().batch(), ..self.images };
        let (images, concepts, settings) = (&images, &concepts, &settings());
        let job = Dissection { gpu, parts, images, concepts, labelled: None, settings };
        Ok(job.run(watch)?.layers)
    }

    /// Without a checkpoint or a stop.
    fn whole(&self, batch: u32) -> Vec<LayerOutcome> {
        self.run(&self.parts(batch), &watch(None, &Silent, &AtomicBool::new(false))).unwrap()
    }

    /// Upsampled maps of a layer, `[image][unit][position]`, by the twin from the device's activations.
    fn upsampled(&self, node: &str) -> Vec<Maps> {
        let parts = self.parts(1);
        let session = parts.session();
        (0..self.images.count())
            .map(|index| {
                let input = HostTensor::new(Shape::new(1, 3, 64, 64), self.images.input(index)).unwrap();
                session.run(&input).unwrap();
                upsample_bilinear(&Maps::from(&session.read(node, 1).unwrap()), GRID.0, GRID.1, Border::Zero)
            })
            .collect()
    }
}

/// numpy's hazen quantile by sorting.
fn quantile(mut values: Vec<f64>, tail: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let position = values.len() as f64 * (1.0 - tail) - 0.5;
    let (lower, upper) = (values[position.floor() as usize], values[position.ceil() as usize]);
    lower + (upper - lower) * position.fract()
}

#[test]
fn thresholds_areas_and_intersections_equal_brute_force_for_every_batch_size() {
    if gpu().is_none() {
        return;
    }
    let setting = Setting::new();
    let outcome = setting.whole(2);
    for batch in [1, 5, 7] {
        assert_eq!(outcome, setting.whole(batch), "batch {batch}");
    }
    let concepts = NoiseLabels::new();
    for ((_, node), layer) in LAYERS.iter().zip(&outcome) {
        let maps = setting.upsampled(node);
        let positions = (GRID.0 * GRID.1) as usize;
        assert_eq!(layer.tally.positions, 7 * positions as u64);
        for unit in 0..layer.tally.units {
            let values: Vec<f64> =
                maps.iter().flat_map(|map| map.data[unit * positions..][..positions].iter().copied()).collect();
            let level = layer.tally.threshold[unit];
            let want = quantile(values.clone(), 0.05);
            assert!(
                (f64::from(level) - want).abs() <= 1e-6 * want.abs().max(1e-3),
                "{node} unit {unit}: {level} and {want}"
            );
            let fires: Vec<bool> = values.iter().map(|&value| value as f32 > level).collect();
            let mut area = 0;
            let mut intersection = vec![0; 6];
            for (image, fires) in fires.chunks_exact(positions).enumerate() {
                let name = format!("{image}.png");
                let input = ConceptInput { name: &name, pixels: Pixels::Rgb(&[]), h: 64, w: 64 };
                let labels = concepts.label_maps(&[input], GRID).unwrap()[0].labels.clone();
                for (place, _) in fires.iter().enumerate().filter(|(_, fires)| **fires) {
                    area += 1;
                    let (first, second) = (labels[place], labels[place + positions]);
                    intersection[usize::from(first)] += u64::from(first > 0);
                    intersection[usize::from(second)] += u64::from(second > 0 && second != first);
                }
            }
            assert_eq!(layer.tally.unit_area[unit], area, "{node} unit {unit}");
            assert_eq!(layer.tally.intersection[unit * 6..][..6], intersection, "{node} unit {unit}");
        }
        assert!(layer.tally.unit_area.iter().any(|area| *area > 0) && layer.tally.concept_area[1] > 0);
        assert_eq!((layer.tally.concept_area[0], layer.tally.concept_area[5]), (0, 0));
    }
    let silent = &outcome[2].tally;
    assert_eq!((silent.threshold[2], silent.unit_area[2]), (0.0, 0));
}

#[test]
fn too_little_memory_to_hold_activations_changes_nothing() {
    let Some(gpu) = gpu() else { return };
    let setting = Setting::new();
    let outcome = setting.whole(2);
    // A device of its own, for the budget is shared by all handles of one.
    let small = netdissect::gpu::Gpu::open(&netdissect::gpu::DeviceChoice::Name(gpu.summary().name.clone())).unwrap();
    small.set_budget(24 << 20);
    let model = vgg16::build(&shapes(&setting.weights), 64, 64).unwrap();
    let keep = LAYERS.map(|(_, node)| node);
    let graph = model.graph.head(&keep).unwrap();
    let parts = Parts::Whole(common::session(&small, &graph, &setting.weights, 2, &keep));
    let (settings, concepts) = (settings(), NoiseLabels::new());
    let job = Dissection {
        gpu: &small,
        parts: &parts,
        images: &setting.images,
        concepts: &concepts,
        labelled: None,
        settings: &settings,
    };
    assert_eq!(outcome, job.run(&watch(None, &Silent, &AtomicBool::new(false))).unwrap().layers);
}

/// Asks to stop after so many advances.
struct StopAfter<'a> {
    left: AtomicU32,
    stop: &'a AtomicBool,
}

impl Progress for StopAfter<'_> {
    fn stage(&self, _: &str, _: u64) {}
    fn advance(&self, items: u64) {
        if items > 0 && self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
    fn note(&self, _: &str) {}
}

#[test]
fn a_stop_at_any_batch_and_a_restart_end_in_the_same_counts() {
    if gpu().is_none() {
        return;
    }
    let setting = Setting::new();
    let parts = setting.parts(2);
    let want = setting.whole(2);
    for stop_after in 1..12 {
        let folder = tempfile::tempdir().unwrap();
        let path = || Some(folder.path().join("checkpoint.safetensors"));
        let stop = AtomicBool::new(false);
        let progress = StopAfter { left: AtomicU32::new(stop_after), stop: &stop };
        let error = setting.run(&parts, &watch(path(), &progress, &stop)).unwrap_err();
        assert_eq!(error.kind(), Kind::Interrupted);
        stop.store(false, Ordering::Relaxed);
        let got = setting.run(&parts, &watch(path(), &Silent, &stop)).unwrap();
        assert_eq!(want, got, "stopped after {stop_after} batches");
        // What is finished is not done again: nothing is counted, and the result is the same.
        let nothing_left = AtomicU32::new(u32::MAX);
        let progress = StopAfter { left: nothing_left, stop: &stop };
        assert_eq!(want, setting.run(&parts, &watch(path(), &progress, &stop)).unwrap());
    }
}

/// Hears of stages and notes.
#[derive(Default)]
struct Heard {
    stages: AtomicU32,
    notes: std::sync::Mutex<Vec<String>>,
}

impl Progress for Heard {
    fn stage(&self, _: &str, _: u64) {
        self.stages.fetch_add(1, Ordering::Relaxed);
    }
    fn advance(&self, _: u64) {}
    fn note(&self, text: &str) {
        self.notes.lock().unwrap().push(text.to_owned());
    }
}

#[test]
fn levels_that_are_known_are_not_looked_for_again() {
    let Some(gpu) = gpu() else { return };
    let setting = Setting::new();
    let (parts, concepts, settings) = (setting.parts(2), NoiseLabels::new(), settings());
    let job = Dissection {
        gpu,
        parts: &parts,
        images: &setting.images,
        concepts: &concepts,
        labelled: None,
        settings: &settings,
    };
    let folder = tempfile::tempdir().unwrap();
    let path = || Some(folder.path().join("levels.safetensors"));
    let stop = AtomicBool::new(false);
    let want = job.levels(&watch(path(), &Silent, &stop)).unwrap();
    let heard = Heard::default();
    assert_eq!(job.levels(&watch(path(), &heard, &stop)).unwrap(), want);
    assert_eq!(heard.stages.load(Ordering::Relaxed), 0);
    let notes = heard.notes.lock().unwrap().clone();
    assert!(matches!(&notes[..], [note] if note.starts_with("going on in pass ")), "{notes:?}");
}

#[test]
fn a_damaged_checkpoint_is_not_taken_up() {
    if gpu().is_none() {
        return;
    }
    let setting = Setting::new();
    let parts = setting.parts(2);
    let want = setting.whole(2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let stop = AtomicBool::new(false);
    let progress = StopAfter { left: AtomicU32::new(2), stop: &stop };
    setting.run(&parts, &watch(Some(path.clone()), &progress, &stop)).unwrap_err();
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let heard = Heard::default();
    let again = setting.run(&parts, &watch(Some(path), &heard, &AtomicBool::new(false)));
    assert_eq!(want, again.unwrap());
    assert!(heard.notes.lock().unwrap()[0].starts_with("starting over: "), "and it is said");
}

#[test]
fn units_that_overflow_have_no_level_and_no_count_and_leave_the_others_as_they_are() {
    if gpu().is_none() {
        return;
    }
    let plain = Setting::new();
    let mut setting = Setting::new();
    // Finite weights, whose sums grow beyond the largest number.
    let taps = setting.weights["features.conv3_3.weight"].1.len() / 6;
    setting.weights.get_mut("features.conv3_3.weight").unwrap().1[taps..2 * taps].iter_mut().for_each(|w| *w = 3e38);
    let outcome = setting.whole(2);
    let (before, layer) = (&plain.whole(2)[0], &outcome[0]);
    for unit in (0..6).filter(|&unit| unit != 1) {
        assert_eq!(layer.tally.threshold[unit], before.tally.threshold[unit]);
        let row = |of: &LayerOutcome| of.tally.intersection[unit * 6..][..6].to_vec();
        assert_eq!((layer.tally.unit_area[unit], row(layer)), (before.tally.unit_area[unit], row(before)));
        assert!(layer.topk.of(unit).eq(before.topk.of(unit)));
    }
    assert!(layer.tally.threshold[1].is_nan());
    assert_eq!((layer.tally.unit_area[1], &layer.tally.intersection[6..12]), (0, &[0; 6][..]));
    assert_eq!(layer.not_finite.of_unit, [0, 7, 0, 0, 0, 0]);
    assert_eq!((layer.not_finite.images, layer.not_finite.first_image(), layer.topk.of(1).count()), (7, Some(0), 0));
    // What follows reads all units of it.
    for layer in &outcome[1..] {
        assert_eq!(layer.not_finite.units(), layer.tally.units);
        assert!(layer.tally.threshold.iter().all(|level| level.is_nan()));
    }
    // NaN is not equal to itself: what is compared are words.
    let words = |outcome: &[LayerOutcome]| format!("{outcome:?}");
    for stop_after in [1, 3, 6, 10] {
        let folder = tempfile::tempdir().unwrap();
        let path = || Some(folder.path().join("checkpoint.safetensors"));
        let stop = AtomicBool::new(false);
        let progress = StopAfter { left: AtomicU32::new(stop_after), stop: &stop };
        let parts = setting.parts(2);
        setting.run(&parts, &watch(path(), &progress, &stop)).unwrap_err();
        stop.store(false, Ordering::Relaxed);
        assert_eq!(words(&outcome), words(&setting.run(&parts, &watch(path(), &Silent, &stop)).unwrap()));
    }
}
