//! Removing, inserting and detecting on the device against brute force: the whole generator again for every edit.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use common::{Weights, golden, gpu, shapes};
use netdissect::concepts::{ConceptInput, ConceptSource, LabelMaps, Pixels, Vocabulary};
use netdissect::data::Watch;
use netdissect::data::latent_source::LatentSource;
use netdissect::data::latents::Latents;
use netdissect::error::{Error, Kind, Result};
use netdissect::kernels::edit::Extent;
use netdissect::kernels::tune::Tuner;
use netdissect::models::{progan, progan_weights};
use netdissect::progress::{Progress, Silent};
use netdissect::roles::detect::{Detection, Presence, Sightings};
use netdissect::roles::insert::{Insertion, InsertionCounts, Positions};
use netdissect::roles::remove::{Removal, RemovalCounts};
use netdissect::roles::{Split, Sweep, sweep};
use netdissect::session::{Edit, Session};
use netdissect::state::Merge;
use netdissect::tensor::{HostTensor, Shape};
use netdissect::weights;

const LAYER: &str = "layer4";
const IMAGE: &str = "output_16x16";
const GRID: (u32, u32) = (8, 8);
const LATENTS: [u32; 5] = [4, 0, 9, 1, 7];

/// Two channels of labels that are functions of the pixel at each cell's centre.
struct Toy(Vocabulary);

impl Toy {
    fn new() -> Toy {
        let names: Vec<String> = ["-", "reddish", "greenish", "bluish"].map(str::to_owned).to_vec();
        Toy(Vocabulary { categories: names.clone(), names })
    }
}

impl ConceptSource for Toy {
    fn vocabulary(&self) -> &Vocabulary {
        &self.0
    }

    fn describe(&self) -> serde_json::Value {
        serde_json::json!("toy")
    }

    fn label_maps(&self, images: &[ConceptInput<'_>], grid: (u32, u32)) -> Result<Vec<LabelMaps>> {
        let of = |image: &ConceptInput<'_>| {
            let Pixels::Signed(planes) = image.pixels else { return Err(Error::input("no generated image")) };
            let area = (image.h * image.w) as usize;
            let at = |cell: u32| {
                let (y, x) = (cell / grid.1 * image.h / grid.0, cell % grid.1 * image.w / grid.1);
                let place = (y * image.w + x) as usize;
                [planes[place], planes[area + place], planes[2 * area + place]]
            };
            let first = |[r, g, _]: [f32; 3]| if r > 0.3 { 1 } else { 2 * u16::from(g > 0.0) };
            let second = |[r, _, b]: [f32; 3]| if b > 0.1 { 3 } else { u16::from(r > 0.6) };
            let cells = || (0..grid.0 * grid.1).map(at);
            let labels = cells().map(first).chain(cells().map(second)).collect();
            Ok(LabelMaps { channels: 2, h: grid.0, w: grid.1, labels })
        };
        images.iter().map(of).collect()
    }
}

fn generator() -> Weights {
    let assignment = progan_weights::assign(&weights::open(&golden("layers.pth")).unwrap()).unwrap();
    let pair = |t: &weights::Tensor| (t.name().to_owned(), (t.dims().to_vec(), t.to_f32().unwrap()));
    assignment.tensors.iter().map(pair).collect()
}

/// Head and tail, each for batches of this size.
fn parts(head: u32, tail: u32) -> (Session, Session) {
    let weights = generator();
    let (first, second) = progan::build(&shapes(&weights)).unwrap().graph.split(LAYER).unwrap();
    let gpu = gpu().unwrap();
    let mut tuner = Tuner::forgetful();
    (
        Session::new(gpu, &first, &weights, head, &[LAYER], &mut tuner).unwrap(),
        Session::new(gpu, &second, &weights, tail, &[], &mut tuner).unwrap(),
    )
}

fn latents(batch: u32) -> LatentSource {
    latents_of(&LATENTS, batch)
}

fn latents_of(numbers: &[u32], batch: u32) -> LatentSource {
    LatentSource::new(Latents::seeded(1, 24), numbers.to_vec(), batch)
}

/// Label maps of one latent's image under an edit, by a session of the whole generator, and the layer's maps.
struct Brute(Session);

impl Brute {
    fn new() -> Brute {
        let weights = generator();
        let graph = progan::build(&shapes(&weights)).unwrap().graph;
        Brute(Session::new(gpu().unwrap(), &graph, &weights, 1, &[LAYER, IMAGE], &mut Tuner::forgetful()).unwrap())
    }

    fn maps(&mut self, latent: u32, edit: Option<&Edit>) -> LabelMaps {
        self.0.edit(LAYER, edit).unwrap();
        let row = Latents::seeded(1, 24).reader().unwrap().row(latent).unwrap();
        self.0.run(&HostTensor::new(Shape::new(1, 24, 1, 1), row).unwrap()).unwrap();
        let image = self.0.read(IMAGE, 1).unwrap();
        let input = ConceptInput { name: "", pixels: Pixels::Signed(&image.data), h: 16, w: 16 };
        Toy::new().label_maps(&[input], GRID).unwrap().remove(0)
    }

    fn counts(&mut self, latent: u32, edit: Option<&Edit>) -> Vec<i64> {
        let maps = self.maps(latent, edit);
        (0..4)
            .map(|label| if label == 0 { 0 } else { maps.labels.iter().filter(|&&l| l == label).count() as i64 })
            .collect()
    }
}

/// Asks to stop after so many advances.
struct StopAfter<'a>(AtomicU32, &'a AtomicBool);

impl Progress for StopAfter<'_> {
    fn stage(&self, _: &str, _: u64) {}
    fn advance(&self, items: u64) {
        if items > 0 && self.0.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.1.store(true, Ordering::Relaxed);
        }
    }
    fn note(&self, _: &str) {}
}

/// Runs work again and again, each time stopped a little later, until it ends; the number of stops.
fn with_stops<T>(step: u32, checkpoint: PathBuf, work: impl Fn(&Watch<'_>) -> Result<T>) -> (T, u32) {
    for stops in 0..100 {
        let stop = AtomicBool::new(false);
        let progress = StopAfter(AtomicU32::new(step), &stop);
        let watch = Watch { checkpoint: Some(checkpoint.clone()), job: "job".into(), progress: &progress, stop: &stop };
        match work(&watch) {
            Ok(result) => return (result, stops),
            Err(error) => assert_eq!(error.kind(), Kind::Interrupted, "{error}"),
        }
    }
    panic!("the work makes no progress between stops");
}

fn quietly<T>(work: impl Fn(&Watch<'_>) -> Result<T>) -> T {
    let stop = AtomicBool::new(false);
    work(&Watch { checkpoint: None, job: String::new(), progress: &Silent, stop: &stop }).unwrap()
}

const UNITS: [u32; 4] = [7, 2, 11, 19];

fn remove(batch: u32, watch: &Watch<'_>) -> Result<RemovalCounts> {
    remove_from(&LATENTS, batch, watch)
}

fn remove_from(numbers: &[u32], batch: u32, watch: &Watch<'_>) -> Result<RemovalCounts> {
    let (head, mut tail) = parts(batch, batch);
    let split = Split { gpu: gpu().unwrap(), head: &head, tail: &mut tail };
    let (latents, concepts) = (latents_of(numbers, batch), Toy::new());
    Removal { split, latents: &latents, concepts: &concepts, grid: GRID, units: &UNITS }.run(watch)
}

#[test]
fn removal_equals_brute_force_for_every_batch() {
    if gpu().is_none() {
        return;
    }
    let counts = quietly(|watch| remove(2, watch));
    for batch in [1, 3, 8] {
        assert_eq!(counts, quietly(|watch| remove(batch, watch)), "batch {batch}");
    }
    let (first, rest) = LATENTS.split_at(3);
    let mut merged = quietly(|watch| remove_from(rest, 2, watch));
    merged.merge(&quietly(|watch| remove_from(first, 2, watch))).unwrap();
    assert_eq!(counts, merged, "in two runs");
    let mut brute = Brute::new();
    let before: Vec<Vec<i64>> = LATENTS.iter().map(|&latent| brute.counts(latent, None)).collect();
    let sum = |values: &[Vec<i64>], label: usize| values.iter().map(|counts| counts[label]).sum::<i64>();
    let squares = |values: &[Vec<i64>], label: usize| values.iter().map(|c| (c[label] * c[label]) as u64).sum::<u64>();
    for removed in 1..=UNITS.len() {
        let edit = Edit::zero(20, &UNITS[..removed]);
        let change: Vec<Vec<i64>> = LATENTS
            .iter()
            .zip(&before)
            .map(|(&latent, before)| {
                brute.counts(latent, Some(&edit)).iter().zip(before).map(|(after, before)| after - before).collect()
            })
            .collect();
        for label in 0..4 {
            let got = &counts.change[removed - 1];
            assert_eq!(
                (got.sum[label], got.squares[label]),
                (sum(&change, label), squares(&change, label)),
                "{removed} {label}"
            );
        }
        assert!(counts.change[removed - 1].squares.iter().any(|squares| *squares > 0), "{removed}: nothing changes");
    }
    for label in 0..4 {
        assert_eq!(
            (counts.baseline.sum[label], counts.baseline.squares[label]),
            (sum(&before, label), squares(&before, label))
        );
    }
    assert_eq!((counts.images, counts.baseline.sum[0]), (5, 0));
    let losses = counts.losses(1).unwrap();
    let share = -(counts.change[1].sum[1] as f64) / counts.baseline.sum[1] as f64;
    assert!((losses[2].share - share).abs() < 1e-12 && losses[2].band.unwrap().0 < share);
}

#[test]
fn a_removal_stopped_again_and_again_ends_in_the_same_counts() {
    if gpu().is_none() {
        return;
    }
    let want = quietly(|watch| remove(2, watch));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    // Stops within a batch lose that batch, so each turn must get further than one.
    let (got, stops) = with_stops(7, path.clone(), |watch| remove(2, watch));
    assert_eq!((got, stops > 1), (want.clone(), true), "{stops} stops");
    // Another job, or a damaged file, is not taken up.
    let stop = AtomicBool::new(true);
    let other = Watch { checkpoint: Some(path.clone()), job: "other".into(), progress: &Silent, stop: &stop };
    assert_eq!(remove(2, &other).unwrap_err().kind(), Kind::Interrupted);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let stop = AtomicBool::new(false);
    let watch = Watch { checkpoint: Some(path), job: "other".into(), progress: &Silent, stop: &stop };
    assert_eq!(remove(1, &watch).unwrap(), want);
}

/// Head, tail for one image, and a sweep for this many at once.
fn sweep_parts(layer: &str, batch: u32) -> (Session, Session, Sweep) {
    let weights = generator();
    let (first, second) = progan::build(&shapes(&weights)).unwrap().graph.split(layer).unwrap();
    let (gpu, mut tuner) = (gpu().unwrap(), Tuner::forgetful());
    let kept = sweep::kept(&second).unwrap();
    let kept: Vec<&str> = std::iter::once(layer).chain(kept.iter().map(String::as_str)).collect();
    (
        Session::new(gpu, &first, &weights, 1, &[layer], &mut tuner).unwrap(),
        Session::new(gpu, &second, &weights, 1, &kept, &mut tuner).unwrap(),
        Sweep::new(gpu, &second, &weights, batch, &mut tuner).unwrap(),
    )
}

/// The whole tail again for each position, against windows of what an edit can reach.
#[test]
fn a_sweep_makes_the_images_of_the_whole_tail_to_the_bit() {
    let Some(gpu) = gpu() else { return };
    // The layer may also be cut before its ReLU.
    for (layer, side) in [("layer4", 8), ("layer2", 4), ("layer3.conv", 8), ("layer6", 16)] {
        let (head, mut tail, mut sweep) = sweep_parts(layer, 5);
        let mut split = Split { gpu, head: &head, tail: &mut tail };
        split.begin(&Latents::seeded(1, 24).reader().unwrap().row(3).unwrap(), 1).unwrap();
        let shape = split.layer();
        assert_eq!((shape.h, shape.w), (side, side));
        split.images(&[0], None).unwrap();
        let plain = split.read(1).unwrap().data;
        let units = [(3, 9.0), (7, -4.0), (0, 6.5)];
        let mut made = Vec::new();
        let cells: Vec<u32> = (0..side * side).collect();
        for chunk in cells.chunks(5) {
            sweep.images(gpu, split.tail, &units, chunk).unwrap();
            let (images, shape) = sweep.made(chunk.len() as u32);
            made.extend(gpu.download::<f32>(images, shape.len()).unwrap());
        }
        for (&cell, image) in cells.iter().zip(made.chunks_exact(plain.len())) {
            let extent = Extent { per_image: false, per_position: true };
            let mut edit = Edit { extent, amount: vec![0.0; shape.len()], value: vec![0.0; shape.len()] };
            for (unit, value) in units {
                let at = (unit * shape.positions() + cell) as usize;
                (edit.amount[at], edit.value[at]) = (1.0, value);
            }
            split.images(&[0], Some(&edit)).unwrap();
            let want = split.read(1).unwrap().data;
            assert_ne!(want, plain, "{layer} {cell}: the edit shows nowhere");
            let differ = want.iter().zip(image).filter(|(want, got)| want != got).count();
            assert_eq!(differ, 0, "{layer} {cell}: {differ} of {} values", want.len());
        }
    }
}

const SET: [(u32, f32); 3] = [(3, 9.0), (12, -4.0), (0, 6.5)];

fn insert(batch: u32, positions: Positions, watch: &Watch<'_>) -> Result<InsertionCounts> {
    let (head, mut tail, mut sweep) = sweep_parts(LAYER, batch);
    let split = Split { gpu: gpu().unwrap(), head: &head, tail: &mut tail };
    let (latents, concepts, sweep) = (latents(1), Toy::new(), &mut sweep);
    Insertion { split, sweep, latents: &latents, concepts: &concepts, grid: GRID, label: 1, units: &SET, positions }
        .run(watch)
}

/// The units at one position, alone.
fn set_at(position: usize) -> Edit {
    let extent = Extent { per_image: false, per_position: true };
    let mut edit = Edit { extent, amount: vec![0.0; 20 * 64], value: vec![0.0; 20 * 64] };
    for (unit, value) in SET {
        edit.amount[unit as usize * 64 + position] = 1.0;
        edit.value[unit as usize * 64 + position] = value;
    }
    edit
}

#[test]
fn insertion_equals_brute_force_position_by_position() {
    if gpu().is_none() {
        return;
    }
    let drawn = Positions::Drawn { count: 11, seed: 3 };
    let counts = quietly(|watch| insert(4, drawn, watch));
    for batch in [1, 7, 16] {
        assert_eq!(counts, quietly(|watch| insert(batch, drawn, watch)), "batch {batch}");
    }
    let mut brute = Brute::new();
    let mut sums = std::collections::BTreeMap::<u16, (u64, Vec<i64>, u64)>::new();
    let (mut at, mut best) = (vec![(0u64, 0i64); 64], Vec::new());
    for (image, &latent) in LATENTS.iter().enumerate() {
        let maps = brute.maps(latent, None);
        let before = brute.counts(latent, None);
        let mut groups = std::collections::BTreeMap::<u16, i64>::new();
        let mut largest = (i64::MIN, 0);
        for position in drawn.of_image(&latent.to_string(), 64) {
            let after = brute.counts(latent, Some(&set_at(position as usize)));
            let change: Vec<i64> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
            at[position as usize] = (at[position as usize].0 + 1, at[position as usize].1 + change[1]);
            if change[1] > largest.0 {
                largest = (change[1], position);
            }
            // The grid has the layer's size: a cell's surroundings are its own labels.
            let mut around = vec![0, maps.labels[position as usize], maps.labels[64 + position as usize]];
            around.sort_unstable();
            around.dedup();
            for label in around {
                let entry = sums.entry(label).or_insert((0, vec![0; 4], 0));
                entry.0 += 1;
                entry.1.iter_mut().zip(&change).for_each(|(sum, change)| *sum += change);
                *groups.entry(label).or_default() += change[1];
            }
        }
        groups.iter().for_each(|(label, sum)| sums.get_mut(label).unwrap().2 += (sum * sum) as u64);
        best.push((-largest.0, image as u32, largest.1));
    }
    best.sort_unstable();
    assert_eq!(counts.surroundings.keys().collect::<Vec<_>>(), sums.keys().collect::<Vec<_>>());
    assert!(sums.len() > 2 && sums[&0].0 == 55, "{sums:?}");
    for (label, (samples, change, squares)) in &sums {
        let got = &counts.surroundings[label];
        assert_eq!((got.samples, &got.change.sum, got.concept.sum_squares), (*samples, change, *squares), "{label}");
        assert_eq!((got.concept.sum, got.concept.values), (change[1], *samples), "{label}");
    }
    let (samples, change): (Vec<u64>, Vec<i64>) = at.into_iter().unzip();
    assert_eq!((&counts.samples_at, &counts.change_at), (&samples, &change));
    let largest: Vec<_> = counts.largest.iter().map(|change| (-change.pixels, change.image, change.position)).collect();
    assert_eq!(largest, best);
    assert!(sums[&0].1[1] != 0, "nothing changes: it proves nothing");
}

#[test]
fn an_insertion_stopped_again_and_again_ends_in_the_same_counts() {
    if gpu().is_none() {
        return;
    }
    let want = quietly(|watch| insert(16, Positions::All, watch));
    assert_eq!(want.surroundings[&0].samples, 5 * 64);
    let folder = tempfile::tempdir().unwrap();
    let (got, stops) = with_stops(7, folder.path().join("state"), |watch| insert(16, Positions::All, watch));
    assert_eq!((got, stops > 2), (want, true), "{stops} stops");
}

fn detect(batch: u32, watch: &Watch<'_>) -> Result<Sightings> {
    let (head, mut tail) = parts(batch, batch);
    let mut split = Split { gpu: gpu().unwrap(), head: &head, tail: &mut tail };
    let (latents, concepts) = (latents(batch), Toy::new());
    let presence = Presence { label: 2, channel: Some(0), share: 0.4 };
    Detection { images: &latents, node: LAYER, unit: 6 }.generated(&mut split, &concepts, &presence, GRID, watch)
}

#[test]
fn detection_equals_brute_force_and_survives_stops() {
    if gpu().is_none() {
        return;
    }
    let got = quietly(|watch| detect(2, watch));
    assert_eq!(got, quietly(|watch| detect(5, watch)));
    let mut brute = Brute::new();
    for (image, &latent) in LATENTS.iter().enumerate() {
        let maps = brute.maps(latent, None);
        let layer = brute.0.read(LAYER, 1).unwrap();
        let peak = layer.data[6 * 64..7 * 64].iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let pixels = maps.labels[..64].iter().filter(|label| **label == 2).count();
        assert_eq!(
            (got.images[image], got.peaks[image], got.present[image]),
            (image as u32, peak, pixels * 5 > 2 * 64)
        );
    }
    assert!(got.present.contains(&true) && got.present.contains(&false), "{:?}", got.present);
    let folder = tempfile::tempdir().unwrap();
    let (again, stops) = with_stops(1, folder.path().join("state"), |watch| detect(2, watch));
    // The first advance of a resumed pass is what was done before.
    assert_eq!((again, stops > 1), (got, true), "{stops} stops");
}
