//! Images of a generator with the units for a concept set at one position after the other.

use std::time::Instant;

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use super::pictures::{drawn, save};
use super::ranked::{Labelled, Ranked, RankedChoice};
use super::{Estimate, Experiment, Findings, Passes, Workplace};
use crate::concepts::MadeImages;
use crate::data::latent_source::LatentSource;
use crate::data::source::First;
use crate::data::{ImageSource, Watch};
use crate::dissect::edits::{Change, by_layer};
use crate::dissect::{Dissection, Settings};
use crate::error::{Error, Result};
use crate::report::experiments::insert::{InsertionReport, Levels, Sampling, SetUnits};
use crate::report::experiments::{ExperimentReport, PictureRow, RankedUnit};
use crate::roles::Sweep;
use crate::roles::insert::{Insertion, InsertionCounts, Positions};
use crate::session::{Parts, Split, Weights};
use crate::tensor::Shape;
use crate::work::Host;
use crate::work::run_folder::RunFiles;

/// Set the units for a concept at one position after the other and count where the concept appears.
#[derive(Debug, Clone, PartialEq)]
pub struct InsertJob {
    /// The units and their generator; at once are as many positions of an image as its batch says.
    pub units: RankedChoice,
    /// What units are set to.
    pub level: Level,
    /// Positions tried in each image.
    pub positions: Positions,
    /// Edits to show; the largest changes if none are named.
    pub shown: Vec<ShownEdit>,
}

/// What units are set to.
#[derive(Debug, Clone, PartialEq)]
pub enum Level {
    /// Each to a quantile of its own activations.
    Quantile {
        /// Share of the activations at or below it: 0.995 in the authors' code, 0.99 in their paper.
        quantile: f64,
        /// Latents to take it over; those of the run if none are named.
        latents: Option<Vec<u32>>,
    },
    /// All to one activation.
    Value(f32),
}

/// A latent and a position of the layer's map to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownEdit {
    /// Number of the latent.
    pub latent: u32,
    /// Row and column.
    pub at: (u32, u32),
}

/// What an [`InsertJob`] names, opened.
pub struct OpenedInsertion<'h> {
    on: Labelled<'h>,
    /// Shape of the layer for one image.
    layer: Shape,
    /// Positions tried; all, if so many are asked for.
    positions: Positions,
    /// Latents that quantiles are taken over, unless a value is given.
    level_latents: Option<LatentSource>,
}

/// The generator on the device for one image at a time, and its weights for what sweeps and for what runs up to the layer.
pub struct LoadedInsertion {
    weights: Weights,
    split: Split,
}

const STATE: &str = "insert-state.safetensors";
const LEVELS: &str = "insert-levels.safetensors";

/// Latents that levels are tried on.
const TRIED: u32 = 16;

/// Changes shown where none are named.
const SHOWN: usize = 6;
/// Rim of a shown position.
const YELLOW: Rgb<u8> = Rgb([255, 255, 0]);

impl Experiment for InsertJob {
    type Report = InsertionReport;
    type Opened<'h> = OpenedInsertion<'h>;
    type Loaded = LoadedInsertion;

    const FILES: RunFiles = RunFiles { job: "insert-run.json", result: "insert.json", states: &[STATE, LEVELS] };

    fn open<'h>(&self, host: &Host<'h>) -> Result<OpenedInsertion<'h>> {
        let on = Ranked::open(&self.units)?.labelled(self.units.labelling.as_ref(), host)?;
        let ranked = &on.ranked;
        let graph = &ranked.generator.model.graph;
        let layer = graph.node(graph.find(&ranked.node)?).shape;
        let level_latents = self.level_latents(ranked)?;
        self.check_shown(ranked, layer)?;
        let positions = match self.positions {
            Positions::Drawn { count, .. } if count >= layer.positions() => Positions::All,
            positions => positions,
        };
        Ok(OpenedInsertion { on, layer, positions, level_latents })
    }

    fn describe(&self, opened: &OpenedInsertion<'_>) -> Result<Value> {
        let mut job = opened.on.describe()?;
        let levels = self.levels(opened);
        job["units"] = json!(opened.on.ranked.units);
        job["value"] = json!(self.value());
        job["level_quantile"] = json!(levels.quantile);
        job["level_latents"] = json!(levels.latents);
        job["positions"] = json!(match opened.positions {
            Positions::All => json!("all"),
            Positions::Drawn { count, seed } => json!({ "count": count, "seed": seed }),
        });
        job["pictures"] = json!(self.shown.iter().map(|shown| (shown.latent, shown.at)).collect::<Vec<_>>());
        Ok(job)
    }

    fn load(&self, opened: &OpenedInsertion<'_>, host: &Host<'_>) -> Result<LoadedInsertion> {
        let ranked = &opened.on.ranked;
        let weights = ranked.generator.weights(&opened.on.gpu);
        let split = ranked.generator.split_to_sweep(host, &weights, &ranked.node)?;
        Ok(LoadedInsertion { weights, split })
    }

    fn cost(&self, opened: &OpenedInsertion<'_>, loaded: LoadedInsertion, host: &Host<'_>) -> Result<Estimate> {
        let latents = opened.on.ranked.generator.indices.len() as u64;
        let levels = opened.level_latents.as_ref().map_or(0, |levels| levels.indices().len() as u64);
        self.quantiles(opened, &loaded.weights, TRIED, host, &host.trial())?;
        let mut sweep = self.sweep(opened, &loaded, host)?;
        let (seconds, batch) = (seconds_of_sweep(opened, &loaded.split, &mut sweep)?, sweep.batch());
        let head = Passes::timed(loaded.split.session(), loaded.split.before(), latents + levels)?;
        try_labelling_swept(opened, &sweep, batch.min(opened.tried()))?;
        let tail = Passes { count: latents * (u64::from(opened.tried()) + 1), seconds, batch };
        Ok(Estimate::new(&opened.on.gpu, head, Some(tail)))
    }

    fn run(
        &self,
        opened: &OpenedInsertion<'_>,
        loaded: LoadedInsertion,
        workplace: &Workplace<'_>,
    ) -> Result<Findings<InsertionReport>> {
        let Labelled { ranked, concepts, .. } = &opened.on;
        let units = self.set_units(opened, &loaded.weights, workplace)?;
        let set: Vec<(u32, f32)> = units.iter().filter_map(|unit| Some((unit.unit, unit.value?))).collect();
        // Not before the levels, whose tables take more room.
        let mut sweep = self.sweep(opened, &loaded, workplace.host)?;
        let mut insertion = Insertion {
            split: &loaded.split,
            sweep: &mut sweep,
            latents: &ranked.generator.source(1),
            concepts: concepts.as_ref(),
            grid: ranked.grid,
            label: ranked.label,
            units: &set,
            positions: opened.positions,
        };
        let counts = insertion.run(&workplace.watch(STATE))?;
        let shown = self.shown(opened, &counts);
        let pictures = pictures(workplace, opened, &loaded.split, &set, shown)?;
        let about = opened.on.about(InsertionReport::NAME)?;
        let set = SetUnits { units, levels: self.levels(opened) };
        let (vocabulary, sampling) = (concepts.vocabulary(), opened.sampling(&counts));
        let report = InsertionReport::new(about, vocabulary, ranked.label, set, sampling, &counts, pictures);
        Ok(Findings { csv: report.csv(), report })
    }
}

impl InsertJob {
    /// The one activation that all units are set to, if it is given.
    fn value(&self) -> Option<f32> {
        match self.level {
            Level::Quantile { .. } => None,
            Level::Value(value) => Some(value),
        }
    }

    /// Where values come from, in words.
    fn levels(&self, opened: &OpenedInsertion<'_>) -> Levels {
        let quantile = match self.level {
            Level::Quantile { quantile, .. } => Some(quantile),
            Level::Value(_) => None,
        };
        Levels { quantile, latents: opened.level_latents.as_ref().map(LatentSource::in_words) }
    }

    /// The latents that quantiles are taken over, unless a value is given.
    fn level_latents(&self, ranked: &Ranked) -> Result<Option<LatentSource>> {
        let Level::Quantile { latents, .. } = &self.level else { return Ok(None) };
        let own = &ranked.generator.latents;
        Ok(Some(match latents {
            Some(chosen) => LatentSource::new(own.clone(), chosen.clone(), 1),
            None => ranked.run.latent_source(own.size())?,
        }))
    }

    /// Checks that the edits asked for can be shown.
    fn check_shown(&self, ranked: &Ranked, layer: Shape) -> Result<()> {
        for ShownEdit { latent, at: (row, column) } in &self.shown {
            ranked.check_shown(*latent)?;
            if *row >= layer.h || *column >= layer.w {
                let (name, h, w) = (&ranked.run.layer.layer, layer.h, layer.w);
                let error = Error::input(format!("there is no place {row},{column}; the maps of {name} are {h}x{w}"));
                return Err(error.hint("row and column count from 0"));
            }
        }
        Ok(())
    }

    /// What makes the images with edits, for as many positions at once as asked or as fit.
    fn sweep(&self, opened: &OpenedInsertion<'_>, loaded: &LoadedInsertion, host: &Host<'_>) -> Result<Sweep> {
        opened.on.ranked.generator.sweep(host, &loaded.weights, &loaded.split, self.units.batch)
    }

    /// The units, each with what it is set to.
    fn set_units(
        &self,
        opened: &OpenedInsertion<'_>,
        weights: &Weights,
        workplace: &Workplace<'_>,
    ) -> Result<Vec<RankedUnit>> {
        let levels = self.quantiles(opened, weights, u32::MAX, workplace.host, &workplace.watch(LEVELS))?;
        let set = |unit: &RankedUnit| {
            let value = self.value().or_else(|| levels.get(unit.unit as usize).copied());
            RankedUnit { value, ..unit.clone() }
        };
        Ok(opened.on.ranked.units.iter().map(set).collect())
    }

    /// The quantile of each unit of the layer over the latents for it, the first `most` of them, exactly; nothing if a value is given.
    fn quantiles(
        &self,
        opened: &OpenedInsertion<'_>,
        weights: &Weights,
        most: u32,
        host: &Host<'_>,
        watch: &Watch<'_>,
    ) -> Result<Vec<f32>> {
        let (Level::Quantile { quantile, .. }, Some(latents)) = (&self.level, &opened.level_latents) else {
            return Ok(Vec::new());
        };
        let Labelled { ranked, gpu, concepts } = &opened.on;
        let settings = Settings {
            layers: vec![(ranked.run.layer.layer.clone(), ranked.node.clone())],
            tail: 1.0 - quantile,
            grid: ranked.grid,
            top: 0,
            shown: 0,
            thumbnail: 1,
            compat_strips: false,
        };
        let (generator, node) = (&ranked.generator, ranked.node.as_str());
        let session = generator.session(host, weights, &generator.model.graph, &[node], None)?;
        let latents = latents.with_batch(session.batch());
        let dissection = Dissection {
            gpu,
            images: &First { images: &latents, count: latents.count().min(most) },
            parts: &Parts::Whole(session),
            concepts: concepts.as_ref(),
            labelled: None,
            settings: &settings,
        };
        dissection.levels(watch)?.pop().ok_or_else(|| Error::internal("no level came back"))
    }

    /// Edits to show, each with a title; those that were found say by how much.
    fn shown(&self, opened: &OpenedInsertion<'_>, counts: &InsertionCounts) -> Vec<(ShownEdit, String)> {
        let title =
            |ShownEdit { latent, at }: ShownEdit| format!("Latent {latent}, set at row {}, column {}", at.0, at.1);
        if !self.shown.is_empty() {
            return self.shown.iter().map(|&shown| (shown, title(shown))).collect();
        }
        let (latents, columns) = (&opened.on.ranked.generator.indices, opened.layer.w);
        let largest = counts.largest.iter().take(SHOWN).filter_map(|change| {
            let at = (change.position / columns, change.position % columns);
            let shown = ShownEdit { latent: *latents.get(change.image as usize)?, at };
            let gain = format!(": {:+} pixels of {}", change.pixels, self.units.concept);
            Some((shown, title(shown) + &gain))
        });
        largest.collect()
    }
}

impl OpenedInsertion<'_> {
    /// Positions tried in each image.
    fn tried(&self) -> u32 {
        match self.positions {
            Positions::All => self.layer.positions(),
            Positions::Drawn { count, .. } => count,
        }
    }

    /// Which samples were taken of all there are.
    fn sampling(&self, counts: &InsertionCounts) -> Sampling {
        Sampling {
            images: counts.images,
            map: [self.layer.h, self.layer.w],
            positions: self.tried(),
            of: self.layer.positions(),
            seed: match self.positions {
                Positions::All => None,
                Positions::Drawn { seed, .. } => Some(seed),
            },
            samples: counts.surroundings.get(&0).map_or(0, |all| all.samples),
        }
    }
}

/// Labels the `n` images that were swept last, as the work does, so that the process has taken the memory that this takes.
fn try_labelling_swept(opened: &OpenedInsertion<'_>, sweep: &Sweep, n: u32) -> Result<()> {
    let Labelled { ranked, gpu, concepts } = &opened.on;
    let (names, (buffer, shape)) = (vec![String::new(); n as usize], sweep.made(n));
    let made = MadeImages { names: &names, origins: &[], buffer, shape };
    concepts.label_maps_on_device(gpu, &made, ranked.grid).map(drop)
}

/// Seconds of an image of a sweep, the first batch not counted.
fn seconds_of_sweep(opened: &OpenedInsertion<'_>, split: &Split, sweep: &mut Sweep) -> Result<f64> {
    let gpu = &opened.on.gpu;
    let cells: Vec<u32> = (0..opened.layer.positions().min(sweep.batch())).collect();
    // What they are set to costs nothing.
    let set: Vec<(u32, f32)> = opened.on.ranked.units.iter().map(|unit| (unit.unit, 0.0)).collect();
    split.begin(&vec![0.5; opened.on.ranked.generator.latents.size()], 1)?;
    split.images(1, None)?;
    let mut time = || {
        let start = Instant::now();
        sweep.images(&set, &cells)?;
        gpu.wait()?;
        Ok::<f64, Error>(start.elapsed().as_secs_f64() / cells.len() as f64)
    };
    time()?;
    time()
}

/// Draws images before and after, with a frame around the position's part of the image.
fn pictures(
    workplace: &Workplace<'_>,
    opened: &OpenedInsertion<'_>,
    split: &Split,
    units: &[(u32, f32)],
    shown: Vec<(ShownEdit, String)>,
) -> Result<Vec<PictureRow>> {
    let (ranked, layer) = (&opened.on.ranked, opened.layer);
    let mut reader = ranked.generator.latents.reader()?;
    let mut rows = Vec::new();
    for (ShownEdit { latent, at }, title) in shown {
        split.begin(&reader.row(latent)?, 1)?;
        let change = Change { layer: ranked.run.layer.layer.clone(), units: units.to_vec(), at: Some(at) };
        let edits = by_layer(&[change], |_| Ok(layer))?;
        let mut pictures = Vec::new();
        for (end, edit) in [("before", None), ("after", edits.first().map(|edit| &edit.1))] {
            let mut image = drawn(split, edit)?;
            frame(&mut image, at, layer);
            let file = format!("{}/{latent}-{}-{}-{end}.png", InsertionReport::NAME, at.0, at.1);
            pictures.push(save(workplace.folder, file, end.to_owned(), &image)?);
        }
        rows.push(PictureRow { title, pictures });
    }
    Ok(rows)
}

/// Draws a frame, two pixels wide where there is room, around the part of an image that belongs to a cell of a layer's map.
fn frame(image: &mut RgbImage, (row, column): (u32, u32), layer: Shape) {
    let (top, bottom) = (row * image.height() / layer.h, (row + 1) * image.height() / layer.h);
    let (left, right) = (column * image.width() / layer.w, (column + 1) * image.width() / layer.w);
    let wide = if bottom - top > 8 { 2 } else { 1 };
    for y in top..bottom {
        for x in left..right {
            if y < top + wide || y + wide >= bottom || x < left + wide || x + wide >= right {
                image.put_pixel(x, y, YELLOW);
            }
        }
    }
}
