//! The whole dissection of some layers: passes over the images for the levels, then one that counts.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::checkpoint::{self, State};
use super::pictures::{draw_masks, is_shown, rgb_of, thumbnail};
use super::quantile::{Quantile, THREE_PASSES, TWO_PASSES};
use super::stage::{CountStage, HistogramStage, LabelStage, PackedLabels, PeakStage, positions};
use super::tally::Tally;
use super::topk::TopK;
use crate::concepts::{ConceptInput, ConceptSource, LabelMaps, MadeImages};
use crate::data::{ImageBatch, ImageSource};
use crate::error::{Error, Result};
use crate::gpu::{Buffer, Download, Gpu, Recording, Submission};
use crate::kernels::histogram::Digit;
use crate::progress::{Progress, check_stop};
use crate::session::Session;
use crate::tensor::{HostTensor, Shape};

/// Submissions under way at once: the host prepares one while the device works on another.
const IN_FLIGHT: usize = 2;

/// Bytes of activations held between passes, however much the budget is: the first few hundred images or thousand.
const MOST_HELD: u64 = 1 << 30;

/// Time between checkpoints.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);

/// What to dissect, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Layers: the name users type, and the node that is read.
    pub layers: Vec<(String, String)>,
    /// Fraction of positions above a unit's level.
    pub tail: f64,
    /// Rows and columns of the grid that maps are brought to.
    pub grid: (u32, u32),
    /// Images kept for each unit.
    pub top: usize,
    /// Of those, how many are shown, with the unit's mask.
    pub shown: usize,
    /// Side of a shown image, pixels.
    pub thumbnail: u32,
    /// Show generated images as the reference's batch script does, which takes their values for ones in [0, 1].
    pub compat_strips: bool,
    /// Where to keep the state of unfinished work.
    pub checkpoint: Option<PathBuf>,
    /// What the work is, as one string: work of another name is not taken up.
    pub job: String,
}

/// What came out for a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerOutcome {
    /// The name users type.
    pub name: String,
    /// Levels and counts.
    pub tally: Tally,
    /// The images that drive each unit highest.
    pub topk: TopK,
    /// For each unit and shown image, where the unit fires: `[units, shown, thumbnail, thumbnail]`, 0 or 1.
    pub masks: Vec<u8>,
}

/// What came out for all layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Each layer, in the order of the settings.
    pub layers: Vec<LayerOutcome>,
    /// Every shown image by its index, `[thumbnail, thumbnail, 3]`.
    pub thumbnails: BTreeMap<u32, Vec<u8>>,
}

/// A layer's state between and within passes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LayerState {
    pub(super) labels: usize,
    pub(super) quantile: Quantile,
    pub(super) topk: TopK,
    pub(super) tally: Option<Tally>,
    pub(super) masks: Vec<u8>,
}

/// Activations of a batch kept on the device between passes.
struct Held {
    images: u32,
    next: u32,
    values: Vec<(Buffer, Shape)>,
}

/// A batch on the device.
struct Flying {
    submission: Submission,
    indices: Vec<u32>,
    peaks: Vec<Download>,
    /// Layer and its maps, where shown images are among the batch.
    maps: Vec<(usize, Download, Shape)>,
}

/// Hears of the label maps of each image, by its name.
pub type LabelListener<'a> = dyn Fn(&str, &LabelMaps) -> Result<()> + Sync + 'a;

/// Everything a run needs at hand.
pub struct Dissection<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// The network, or a generator up to the last of the layers; the nodes of the settings' layers are kept.
    pub session: &'a Session,
    /// What makes a generator's images out of the layer where it is cut, one of the settings'.
    pub tail: Option<&'a Session>,
    /// The images.
    pub images: &'a dyn ImageSource,
    /// Their label maps.
    pub concepts: &'a dyn ConceptSource,
    /// Hears of the label maps as they are counted; again of some if the work was stopped and taken up.
    pub labelled: Option<&'a LabelListener<'a>>,
    /// What to dissect.
    pub settings: &'a Settings,
    /// Who listens.
    pub progress: &'a dyn Progress,
    /// Set when the user asks to stop.
    pub stop: &'a AtomicBool,
}

/// The digits to resolve the quantiles of layers of so many units by: in two passes if all tables fit half of the room that is left,
/// and a quarter of the budget, and each fits a binding.
fn digits(gpu: &Gpu, units: &[u32]) -> &'static [Digit] {
    let table = |units: &u32| u64::from(*units) << TWO_PASSES[0].bits << 2;
    let fits = units.iter().map(table).sum::<u64>() <= (gpu.budget() / 4).min(gpu.free_bytes() / 2)
        && units.iter().all(|units| table(units) <= gpu.traits().max_binding_bytes);
    if fits { &TWO_PASSES } else { &THREE_PASSES }
}

impl Dissection<'_> {
    /// Runs all passes.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if no image can be read, an activation is not finite or a label map is broken; [`crate::error::Kind::Interrupted`] if
    /// stopped, after writing a checkpoint; else what the device reports.
    pub fn run(&self) -> Result<Outcome> {
        let (mut state, held) = self.all_levels()?;
        if state.layers.iter().any(|layer| layer.tally.is_none()) {
            self.open_tallies(&mut state)?;
        }
        self.count_pass(&mut state, &held)?;
        if let Some(path) = &self.settings.checkpoint {
            // Whoever runs us removes it once the results are written.
            checkpoint::save(path, &state)?;
        }
        let layers = state.layers.into_iter().zip(&self.settings.layers).map(|(layer, (name, _))| {
            let tally = layer.tally.ok_or_else(|| Error::internal("nothing was counted"))?;
            Ok(LayerOutcome { name: name.clone(), tally, topk: layer.topk, masks: layer.masks })
        });
        Ok(Outcome { layers: layers.collect::<Result<_>>()?, thumbnails: state.thumbnails })
    }

    /// Runs the passes for the levels alone: for each layer the level of each unit.
    ///
    /// # Errors
    /// As [`Dissection::run`].
    pub fn levels(&self) -> Result<Vec<Vec<f32>>> {
        let (state, _) = self.all_levels()?;
        if let Some(path) = &self.settings.checkpoint {
            checkpoint::save(path, &state)?;
        }
        let known = |layer: &LayerState| layer.quantile.thresholds().map(<[f32]>::to_vec);
        let levels: Option<Vec<_>> = state.layers.iter().map(known).collect();
        levels.ok_or_else(|| Error::internal("levels are not known yet"))
    }

    /// From the start or a checkpoint to where all levels are known, with the activations that were held.
    fn all_levels(&self) -> Result<(State, Vec<Held>)> {
        let mut state = self.start()?;
        let resumed = self.settings.checkpoint.as_ref().is_some_and(|path| checkpoint::resume(path, &mut state));
        if resumed {
            self.progress.note(&format!("going on in pass {} at image {}", state.pass + 1, state.next));
        }
        // Work that is taken up keeps its digits, whatever memory there is now.
        let passes = state.layers.iter().map(|layer| layer.quantile.passes()).max().unwrap_or(0) as u64;
        let mut held = Vec::new();
        while state.pass < passes {
            self.level_pass(&mut state, &mut held, passes)?;
        }
        Ok((state, held))
    }

    fn start(&self) -> Result<State> {
        let settings = self.settings;
        let shapes =
            settings.layers.iter().map(|(_, node)| Ok(self.session.value(node, 1)?.1)).collect::<Result<Vec<_>>>()?;
        let digits = digits(self.gpu, &shapes.iter().map(|shape| shape.c).collect::<Vec<_>>());
        let layer = |shape: &Shape| {
            let units = shape.c as usize;
            let side = settings.thumbnail as usize;
            Ok(LayerState {
                labels: self.concepts.vocabulary().len(),
                quantile: Quantile::new(units, settings.tail, digits)?,
                topk: TopK::new(units, settings.top.max(settings.shown)),
                tally: None,
                masks: vec![0; units * settings.shown * side * side],
            })
        };
        let layers = shapes.iter().map(layer).collect::<Result<_>>()?;
        let job = settings.job.clone();
        Ok(State { job, pass: 0, next: 0, images: 0, layers, thumbnails: BTreeMap::new() })
    }

    /// One digit of every layer's quantile; in the first pass the peaks too.
    fn level_pass(&self, state: &mut State, held: &mut Vec<Held>, passes: u64) -> Result<()> {
        let first = state.pass == 0;
        let mut stages = state
            .layers
            .iter()
            .map(|layer| HistogramStage::new(self.gpu, &layer.quantile, self.settings.grid))
            .collect::<Result<Vec<_>>>()?;
        let peaks = self.peak_stages(state)?;
        let mut flying = VecDeque::new();
        let mut saved = Instant::now();
        self.progress.stage(&format!("levels, pass {} of {passes}", state.pass + 1), u64::from(self.images.count()));
        self.progress.advance(u64::from(state.next));
        if !first && state.next == 0 {
            for batch in held.iter() {
                check_stop(self.stop)?;
                let mut recording = Recording::new();
                for (stage, (maps, shape)) in stages.iter_mut().zip(&batch.values) {
                    stage.record(self.gpu, &mut recording, maps, *shape)?;
                }
                self.gpu.submit(&self.gpu.program(recording)?)?;
                state.images += u64::from(batch.images);
                self.progress.advance(u64::from(batch.next - state.next));
                state.next = batch.next;
            }
            self.gpu.wait()?;
        }
        let mut holding = first && state.next == 0;
        for batch in self.images.batches(state.next..self.images.count()) {
            let batch = batch?;
            let n = batch.indices.len() as u32;
            if n > 0 {
                let (mut recording, values) = self.forward(&batch, n, &mut holding, held)?;
                for (position, (maps, shape)) in values.iter().enumerate() {
                    if stages[position].is_full(n) {
                        stages[position].flush(self.gpu, &mut state.layers[position].quantile)?;
                    }
                    stages[position].record(self.gpu, &mut recording, maps, *shape)?;
                    if first {
                        peaks[position].record(self.gpu, &mut recording, maps, *shape)?;
                    }
                }
                let submission = self.gpu.submit(&self.gpu.program(recording)?)?;
                let peaks = if first {
                    peaks.iter().map(|stage| stage.start_download(self.gpu, n)).collect::<Result<_>>()?
                } else {
                    Vec::new()
                };
                flying.push_back(Flying { submission, indices: batch.indices.clone(), peaks, maps: Vec::new() });
                self.land(&mut flying, IN_FLIGHT, state)?;
            }
            self.progress.advance(u64::from(batch.next - state.next));
            state.next = batch.next;
            state.images += u64::from(n);
            self.pause(&mut saved, state, &mut |state| {
                self.land(&mut flying, 0, state)?;
                flush_levels(self.gpu, &mut stages, state)
            })?;
        }
        self.land(&mut flying, 0, state)?;
        flush_levels(self.gpu, &mut stages, state)?;
        if state.images == 0 {
            return Err(
                Error::input("no image could be read").hint("JPEG, PNG and WebP files are read; see the names above")
            );
        }
        let positions = positions(1, self.settings.grid) * state.images;
        for (layer, (name, _)) in state.layers.iter_mut().zip(&self.settings.layers) {
            layer.quantile.finish_pass(positions).map_err(|error| error.at(name))?;
        }
        (state.pass, state.next, state.images) = (state.pass + 1, 0, 0);
        Ok(())
    }

    fn open_tallies(&self, state: &mut State) -> Result<()> {
        for layer in &mut state.layers {
            let levels = layer.quantile.thresholds().ok_or_else(|| Error::internal("levels are not known yet"))?;
            layer.tally = Some(Tally::new(levels.to_vec(), layer.labels));
        }
        Ok(())
    }

    /// Counts where units fire and on which labels; masks of the shown images on the way.
    fn count_pass(&self, state: &mut State, held: &[Held]) -> Result<()> {
        let grid = self.settings.grid;
        let tallies = state.layers.iter().filter_map(|layer| layer.tally.as_ref());
        let mut stages = tallies.map(|tally| CountStage::new(self.gpu, tally)).collect::<Result<Vec<_>>>()?;
        let mut labels = LabelStage::new(self.gpu, grid)?;
        let mut flying = VecDeque::new();
        let mut saved = Instant::now();
        self.progress.stage("counting", u64::from(self.images.count()));
        self.progress.advance(u64::from(state.next));
        for batch in self.images.batches(state.next..self.images.count()) {
            let batch = batch?;
            let n = batch.indices.len() as u32;
            if n > 0 {
                let kept = held.iter().find(|held| held.next == batch.next && held.images == n);
                let (recording, values) = match kept {
                    Some(held) => (Recording::new(), held.values.clone()),
                    None => self.forward(&batch, n, &mut false, &mut Vec::new())?,
                };
                let mut recording = self.make_images(recording, &values, n)?;
                let packed = PackedLabels::new(&self.label_maps(&batch)?, grid, self.concepts.vocabulary().len())?;
                labels.upload(self.gpu, &packed)?;
                for (position, value) in values.iter().enumerate() {
                    let Some(tally) = &mut state.layers[position].tally else { continue };
                    if stages[position].is_full(n, grid) {
                        stages[position].flush(self.gpu, tally)?;
                    }
                    stages[position].record(self.gpu, &mut recording, (&value.0, value.1), &labels)?;
                    packed.add_areas(&mut tally.concept_area);
                    tally.positions += positions(n, grid);
                }
                let submission = self.gpu.submit(&self.gpu.program(recording)?)?;
                let mut maps = Vec::new();
                for (position, (buffer, shape)) in values.iter().enumerate() {
                    let topk = &state.layers[position].topk;
                    if batch.indices.iter().any(|&image| is_shown(topk, self.settings.shown, image)) {
                        maps.push((position, self.gpu.start_download(buffer, shape.bytes())?, *shape));
                    }
                }
                self.keep_thumbnails(state, &batch)?;
                flying.push_back(Flying { submission, indices: batch.indices.clone(), peaks: Vec::new(), maps });
                self.land(&mut flying, IN_FLIGHT, state)?;
            }
            self.progress.advance(u64::from(batch.next - state.next));
            state.next = batch.next;
            self.pause(&mut saved, state, &mut |state| {
                self.land(&mut flying, 0, state)?;
                flush_counts(self.gpu, &mut stages, state)
            })?;
        }
        self.land(&mut flying, 0, state)?;
        flush_counts(self.gpu, &mut stages, state)
    }

    fn peak_stages(&self, state: &State) -> Result<Vec<PeakStage>> {
        let units = state.layers.iter().map(|layer| layer.topk.units as u32);
        units.map(|units| PeakStage::new(self.gpu, units, self.session.batch())).collect()
    }

    /// The steps of a batch and where the layers' maps will be; held for later passes while memory allows.
    fn forward(
        &self,
        batch: &ImageBatch,
        n: u32,
        holding: &mut bool,
        held: &mut Vec<Held>,
    ) -> Result<(Recording, Vec<(Buffer, Shape)>)> {
        self.session.upload(&batch.input, n)?;
        let mut recording = self.session.record(n)?;
        let values =
            self.settings.layers.iter().map(|(_, node)| self.session.value(node, n)).collect::<Result<Vec<_>>>()?;
        if *holding {
            let bytes: u64 = values.iter().map(|(_, shape)| shape.bytes()).sum();
            let taken: u64 = held.iter().flat_map(|batch| &batch.values).map(|(_, shape)| shape.bytes()).sum();
            // A quarter stays free for readbacks and labels.
            *holding = taken + bytes <= MOST_HELD && self.gpu.free_bytes() > bytes + self.gpu.budget() / 4;
        }
        if *holding {
            let mut copies = Vec::new();
            for (buffer, shape) in &values {
                let copy = self.gpu.buffer("held activations", shape.bytes())?;
                recording.copy(buffer, 0, &copy, 0, shape.bytes())?;
                copies.push((copy, *shape));
            }
            held.push(Held { images: n, next: batch.next, values: copies });
        }
        Ok((recording, values.into_iter().map(|(buffer, shape)| (buffer.clone(), shape)).collect()))
    }

    /// Waits for batches until at most `leave` are under way, and takes in what they bring.
    fn land(&self, flying: &mut VecDeque<Flying>, leave: usize, state: &mut State) -> Result<()> {
        while flying.len() > leave {
            let Some(batch) = flying.pop_front() else { break };
            self.gpu.wait_for(batch.submission)?;
            for (layer, download) in state.layers.iter_mut().zip(batch.peaks) {
                let units = layer.topk.units;
                let peaks: Vec<f32> = download.finish(self.gpu, units * batch.indices.len())?;
                for (&image, row) in batch.indices.iter().zip(peaks.chunks_exact(units)) {
                    layer.topk.insert(image, row);
                }
            }
            for (position, download, shape) in batch.maps {
                let maps = HostTensor::new(shape, download.finish(self.gpu, shape.len())?)?;
                let look = (self.settings.shown, self.settings.thumbnail);
                draw_masks(&mut state.layers[position], look, &batch.indices, &maps);
            }
        }
        Ok(())
    }

    /// Has a generator make the images of a batch whose layers are among `values` once `recording` has run: submits both, and
    /// returns what is to be recorded next.
    fn make_images(&self, mut recording: Recording, values: &[(Buffer, Shape)], n: u32) -> Result<Recording> {
        let Some(tail) = self.tail else { return Ok(recording) };
        let cut = &tail.graph().node(tail.graph().input()).name;
        let place = self.settings.layers.iter().position(|(_, node)| node == cut);
        let (maps, shape) = place.map(|place| &values[place]).ok_or_else(|| Error::internal("is not read").at(cut))?;
        recording.copy(maps, 0, tail.value(cut, n)?.0, 0, shape.bytes())?;
        self.gpu.submit(&self.gpu.program(recording)?)?;
        self.gpu.submit(&self.gpu.program(tail.record(n)?)?)?;
        Ok(Recording::new())
    }

    fn label_maps(&self, batch: &ImageBatch) -> Result<Vec<LabelMaps>> {
        let grid = self.settings.grid;
        let maps = match self.tail {
            None => self.concepts.label_maps(&ConceptInput::of(&batch.names, &batch.images), grid)?,
            Some(tail) => {
                let output = &tail.graph().node(tail.graph().output()).name;
                let (buffer, shape) = tail.value(output, batch.indices.len() as u32)?;
                let made = MadeImages { names: &batch.names, origins: &batch.origins, buffer, shape };
                self.concepts.label_maps_on_device(self.gpu, &made, grid)?
            }
        };
        if let Some(labelled) = self.labelled {
            batch.names.iter().zip(&maps).try_for_each(|(name, maps)| labelled(name, maps))?;
        }
        Ok(maps)
    }

    /// Keeps small pictures of those of a batch's images that some unit shows.
    fn keep_thumbnails(&self, state: &mut State, batch: &ImageBatch) -> Result<()> {
        let Settings { shown, thumbnail: side, compat_strips, .. } = *self.settings;
        let shows = |image: u32| state.layers.iter().any(|layer| is_shown(&layer.topk, shown, image));
        let wanted: Vec<usize> =
            (0..batch.indices.len()).filter(|&place| shown > 0 && shows(batch.indices[place])).collect();
        let made = match self.tail {
            Some(tail) if !wanted.is_empty() => {
                let output = &tail.graph().node(tail.graph().output()).name;
                Some(tail.read(output, batch.indices.len() as u32)?)
            }
            _ => None,
        };
        for place in wanted {
            let small = match &made {
                None => {
                    let image = &batch.images[place];
                    thumbnail(&image.rgb, (image.h, image.w), side)
                }
                Some(made) => {
                    let rgb = rgb_of(
                        &made.data[made.index(place as u32, 0, 0, 0)..][..made.shape.with_batch(1).len()],
                        compat_strips,
                    );
                    thumbnail(&rgb, (made.shape.h, made.shape.w), side)
                }
            };
            state.thumbnails.insert(batch.indices[place], small);
        }
        Ok(())
    }

    /// Writes a checkpoint if it is time, or if the user asks to stop, and then stops. `settle` brings everything counted into
    /// the state first.
    fn pause(
        &self,
        saved: &mut Instant,
        state: &mut State,
        settle: &mut dyn FnMut(&mut State) -> Result<()>,
    ) -> Result<()> {
        let stopping = check_stop(self.stop);
        let Some(path) = &self.settings.checkpoint else { return stopping };
        if stopping.is_err() || saved.elapsed() > CHECKPOINT_EVERY {
            settle(state)?;
            checkpoint::save(path, state)?;
            *saved = Instant::now();
        }
        stopping
    }
}

fn flush_levels(gpu: &Gpu, stages: &mut [HistogramStage], state: &mut State) -> Result<()> {
    stages.iter_mut().zip(&mut state.layers).try_for_each(|(stage, layer)| stage.flush(gpu, &mut layer.quantile))
}

fn flush_counts(gpu: &Gpu, stages: &mut [CountStage], state: &mut State) -> Result<()> {
    let tallies = state.layers.iter_mut().filter_map(|layer| layer.tally.as_mut());
    stages.iter_mut().zip(tallies).try_for_each(|(stage, tally)| stage.flush(gpu, tally))
}
