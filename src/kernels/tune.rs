//! Chooses the fastest variant of a convolution on an adapter, among those that give the portable kernel's bits.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::chooser::{self, Variant};
use super::convolution::{Buffers, Epilogue};
use crate::error::{Error, Result};
use crate::files;
use crate::geometry::{Activation, Convolution};
use crate::gpu::{Buffer, Gpu, Recording};
use crate::tensor::Shape;

/// Work of a timed run: enough to tell variants apart, little enough that nobody waits.
const TIMED_FLOPS: u64 = 150_000_000;

/// The same where thousands of invocations must be busy before a variant shows what it can.
const TIMED_FLOPS_ON_GPUS: u64 = 4_000_000_000;

/// Work of the check of a remembered choice.
const CHECKED_FLOPS: u64 = 2_000_000;

/// Where choices are kept in the user's cache folder.
pub const FILE: &str = "tuning.json";

/// Channels that come out of a kernel in whole blocks, whichever it is.
const BLOCK: u32 = 64;

/// Timed runs of each candidate, the fastest of which counts.
const REPEATS: usize = 3;

/// What a step does in the same dispatch as its convolution and the activation behind that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fused {
    /// Nearest doubling of the map that it reads.
    pub doubled: bool,
    /// 2x2 max-pooling with stride 2 of what it makes.
    pub pooled: bool,
}

/// Remembers the choice for each convolution, adapter, driver and version of this crate.
///
/// The choice does not depend on the batch size, and all candidates sum in the same order: it cannot change a result.
#[derive(Debug, Default)]
pub struct Tuner {
    path: Option<PathBuf>,
    choices: BTreeMap<String, Variant>,
    checked: Vec<String>,
    /// Whether the variant chosen gave the same bits with pooling, in this run.
    pooled: BTreeMap<String, bool>,
}

impl Tuner {
    /// A tuner that remembers nothing from earlier runs and leaves nothing behind.
    pub fn forgetful() -> Tuner {
        Tuner::default()
    }

    /// A tuner that reads and keeps its choices in the user's cache folder.
    pub fn cached() -> Tuner {
        files::cache_dir().map_or_else(Tuner::forgetful, |dir| Tuner::at(dir.join(FILE)))
    }

    /// A tuner that reads and keeps its choices in this file. An unreadable file is as good as none.
    pub fn at(path: PathBuf) -> Tuner {
        let choices = remembered(&path);
        Tuner { path: Some(path), choices, ..Tuner::default() }
    }

    /// The variant to run a convolution of maps of this shape by, with what is fused to it, if there is one that takes that.
    ///
    /// Doubling changes the sums, so a rule decides it; everything else is chosen by the clock among equal bits.
    ///
    /// # Errors
    /// What the device reports; a candidate that merely gives wrong results is passed over.
    pub fn choose(
        &mut self,
        gpu: &Gpu,
        convolution: &Convolution,
        shape: Shape,
        fused: Fused,
    ) -> Result<Option<Variant>> {
        match fused {
            Fused { doubled: true, pooled } => {
                Ok(Variant::of_doubled(convolution, shape, &gpu.traits()).filter(|_| !pooled))
            }
            Fused { pooled: false, .. } => self.alone(gpu, convolution, shape).map(Some),
            Fused { pooled: true, .. } => self.pooling(gpu, convolution, shape),
        }
    }

    /// The variant for a convolution alone.
    fn alone(&mut self, gpu: &Gpu, convolution: &Convolution, shape: Shape) -> Result<Variant> {
        let candidates = Variant::candidates(convolution, shape, &gpu.traits());
        if candidates.len() == 1 {
            return Ok(Variant::Portable);
        }
        let key = key(gpu, convolution, shape);
        if let Some(&variant) = self.choices.get(&key).filter(|variant| candidates.contains(variant)) {
            if self.checked.contains(&key) {
                return Ok(variant);
            }
            let trial = Trial::new(gpu, convolution, shape, CHECKED_FLOPS)?;
            if variant == Variant::Portable || trial.bits(variant, false)? == trial.bits(Variant::Portable, false)? {
                self.checked.push(key);
                return Ok(variant);
            }
        }
        let variant = fastest(gpu, convolution, shape, &candidates)?;
        self.choices.insert(key.clone(), variant);
        self.checked.push(key);
        self.save();
        Ok(variant)
    }

    /// The variant for a convolution that ends, behind ReLU, with 2x2 max-pooling in the same dispatch: if that for the convolution
    /// alone can, and gives the bits of the portable kernel with pooling behind it. Where it can it pays: the sums are there, and
    /// three quarters of the stores are saved (benches/README.md).
    fn pooling(&mut self, gpu: &Gpu, convolution: &Convolution, shape: Shape) -> Result<Option<Variant>> {
        let variant = self.alone(gpu, convolution, shape)?;
        if !variant.pools(convolution) {
            return Ok(None);
        }
        let key = key(gpu, convolution, shape);
        let same = match self.pooled.get(&key) {
            Some(&same) => same,
            None => {
                let trial = Trial::new(gpu, convolution, shape, CHECKED_FLOPS)?;
                trial.bits(variant, true)? == trial.pooled(&trial.bits(Variant::Portable, false)?)
            }
        };
        self.pooled.insert(key, same);
        Ok(same.then_some(variant))
    }

    /// Writes the choices, with those that others have written there meanwhile; where both chose, ours: either gives the same bits.
    /// A cache that cannot be written costs time in the next run, nothing else.
    fn save(&self) {
        let Some(path) = &self.path else { return };
        let mut all = remembered(path);
        all.extend(self.choices.clone());
        if let Ok(text) = serde_json::to_string_pretty(&all) {
            let _ = path.parent().map(files::make_folder);
            let _ = files::write_atomic(path, text.as_bytes());
        }
    }
}

/// What a file holds; nothing if it cannot be read.
fn remembered(path: &Path) -> BTreeMap<String, Variant> {
    let text = files::read_to_string(path).ok();
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

fn key(gpu: &Gpu, convolution: &Convolution, shape: Shape) -> String {
    let adapter = gpu.summary();
    let window = &convolution.window;
    format!(
        "{} | {} {} | {} | {}x{}x{} -> {} window {:?} stride {:?} padding {:?} dilation {:?} groups {}",
        adapter.name,
        adapter.driver,
        adapter.driver_info,
        env!("CARGO_PKG_VERSION"),
        shape.c,
        shape.h,
        shape.w,
        convolution.channels,
        window.kernel,
        window.stride,
        window.padding,
        window.dilation,
        convolution.groups
    )
}

/// The fastest candidate whose every bit is the portable kernel's.
fn fastest(gpu: &Gpu, convolution: &Convolution, shape: Shape, candidates: &[Variant]) -> Result<Variant> {
    let flops = if gpu.traits().software { TIMED_FLOPS } else { TIMED_FLOPS_ON_GPUS };
    let trial = Trial::new(gpu, convolution, shape, flops)?;
    let (mut best_time, wanted) = trial.time(Variant::Portable)?;
    let mut best = Variant::Portable;
    for &candidate in candidates.iter().filter(|candidate| **candidate != Variant::Portable) {
        let (time, output) = trial.time(candidate)?;
        if output == wanted && time < best_time {
            (best, best_time) = (candidate, time);
        }
    }
    Ok(best)
}

/// A convolution of a part of the layer: full width and all channels that come in, as many rows, and channels that come out, as the
/// work allows.
struct Trial<'a> {
    gpu: &'a Gpu,
    convolution: Convolution,
    shape: Shape,
    /// Maps, rows and columns that come out.
    outputs: [usize; 3],
    x: Buffer,
    bias: Buffer,
    weight: Vec<f32>,
}

impl<'a> Trial<'a> {
    fn new(gpu: &'a Gpu, whole: &Convolution, layer: Shape, flops: u64) -> Result<Trial<'a>> {
        let window = whole.window;
        let taps = u64::from(layer.c / whole.groups) * u64::from(window.kernel[0]) * u64::from(window.kernel[1]);
        let a_row = 2 * taps * u64::from(whole.channels) * u64::from(layer.w);
        let rows = u32::try_from(flops / a_row.max(1)).unwrap_or(u32::MAX);
        let reach = (window.kernel[0] - 1) * window.dilation[0] + 1;
        // Four rows of output, or all: then a kernel that takes positions by four can run the part if it can run the layer.
        let unit = 4 * window.stride[0];
        let h = rows.clamp(reach.min(layer.h), layer.h).next_multiple_of(unit).min(layer.h);
        let mut convolution = *whole;
        let work = a_row * u64::from(h);
        if whole.groups == 1 && work > 2 * flops {
            // Whole blocks of every kernel, and what is left of the last.
            let blocks = u64::from(whole.channels / BLOCK) * 2 * flops / work;
            convolution.channels = u32::try_from(blocks.max(1)).unwrap_or(u32::MAX) * BLOCK + whole.channels % BLOCK;
            convolution.channels = convolution.channels.min(whole.channels);
        }
        let shape = Shape { n: 1, h, ..layer };
        let (out_h, out_w) = convolution.window.output(shape.h, shape.w)?;
        let outputs = [convolution.channels, out_h, out_w].map(|size| size as usize);
        let weights =
            usize::try_from(taps).map_err(|_| Error::internal("too many taps"))? * convolution.channels as usize;
        Ok(Trial {
            gpu,
            convolution,
            shape,
            outputs,
            x: gpu.buffer_of("tuning", &noise(shape.len(), 1))?,
            bias: gpu.buffer_of("tuning", &noise(convolution.channels as usize, 2))?,
            weight: noise(weights, 3),
        })
    }

    /// Milliseconds of the fastest run, and the output's bits.
    fn time(&self, variant: Variant) -> Result<(f64, Vec<u32>)> {
        self.run(variant, false, REPEATS)
    }

    /// The output's bits; `pool` ends with 2x2 max-pooling.
    fn bits(&self, variant: Variant, pool: bool) -> Result<Vec<u32>> {
        Ok(self.run(variant, pool, 0)?.1)
    }

    fn run(&self, variant: Variant, pool: bool, repeats: usize) -> Result<(f64, Vec<u32>)> {
        let weight = self.gpu.buffer_of("tuning", &variant.pack(&self.convolution, &self.weight))?;
        let [maps, h, w] = self.outputs;
        let outputs = if pool { maps * (h / 2) * (w / 2) } else { maps * h * w };
        let y = self.gpu.buffer("tuning", outputs as u64 * 4)?;
        let mut recording = Recording::new();
        recording.label("tuning");
        let epilogue = Epilogue { bias: true, activation: Activation::RELU, pool };
        let buffers = Buffers { x: &self.x, weight: &weight, bias: &self.bias, y: &y };
        chooser::convolve(self.gpu, &mut recording, variant, &self.convolution, epilogue, self.shape, &buffers)?;
        let program = self.gpu.program(recording)?;
        // The first run compiles.
        self.gpu.submit(&program)?;
        let mut best = f64::INFINITY;
        for _ in 0..repeats {
            let times = self.gpu.submit_timed(&program)?;
            best = best.min(times.iter().map(|time| time.milliseconds).sum());
        }
        Ok((best, self.gpu.download(&y, outputs)?))
    }

    /// The maximum of each 2x2 of an output. After ReLU the bits are in the order of the values.
    fn pooled(&self, bits: &[u32]) -> Vec<u32> {
        let [_, h, w] = self.outputs;
        let maps = bits.chunks_exact((h * w).max(1));
        let corner = |map: &[u32], y: usize, x: usize| {
            [0, 1, w, w + 1].map(|offset| map[2 * y * w + 2 * x + offset]).into_iter().max().unwrap_or(0)
        };
        maps.flat_map(|map| (0..h / 2).flat_map(move |y| (0..w / 2).map(move |x| corner(map, y, x)))).collect()
    }
}

/// Repeatable numbers of `[-0.5, 0.5)`.
fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut rng = rand_mt::Mt::new(seed);
    (0..count).map(|_| f32::from((rng.next_u32() >> 16) as u16) / 65_536.0 - 0.5).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Window;
    use crate::gpu::DeviceChoice;

    fn gpu() -> Option<Gpu> {
        let without = std::env::var("NETDISSECT_NO_GPU").is_ok_and(|value| value == "1");
        (!without).then(|| Gpu::open(&DeviceChoice::Auto).unwrap())
    }

    const SHAPE: Shape = Shape::new(1, 16, 14, 14);
    const CONVOLUTION: Convolution = Convolution { channels: 32, window: Window::square(3, 1, 1), groups: 1 };

    fn candidates(gpu: &Gpu) -> Vec<Variant> {
        let all = Variant::candidates(&CONVOLUTION, SHAPE, &gpu.traits());
        all.into_iter().filter(|variant| matches!(variant, Variant::Portable | Variant::Broadcast { .. })).collect()
    }

    /// A device whose broadcast kernel forgets the left border.
    fn broken(gpu: &Gpu) -> Gpu {
        gpu.mutated("conv_broadcast", "has_line_1 && has_0", "has_line_1")
    }

    #[test]
    fn a_faster_candidate_with_a_wrong_bit_never_wins() {
        let Some(gpu) = gpu() else { return };
        let candidates = candidates(&gpu);
        if candidates.len() > 1 && gpu.traits().software {
            assert_ne!(fastest(&gpu, &CONVOLUTION, SHAPE, &candidates).unwrap(), Variant::Portable);
        }
        assert_eq!(fastest(&broken(&gpu), &CONVOLUTION, SHAPE, &candidates).unwrap(), Variant::Portable);
    }

    #[test]
    fn a_choice_is_kept_and_read_again_and_an_unreadable_file_is_as_good_as_none() {
        let Some(gpu) = gpu() else { return };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tuning.json");
        std::fs::write(&path, "{ half a fi").unwrap();
        let chosen = Tuner::at(path.clone()).alone(&gpu, &CONVOLUTION, SHAPE).unwrap();
        if Variant::candidates(&CONVOLUTION, SHAPE, &gpu.traits()).len() > 1 {
            let again = Tuner::at(path);
            assert_eq!(again.choices.values().collect::<Vec<_>>(), [&chosen]);
        }
    }

    #[test]
    fn what_two_processes_found_is_kept_of_both() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tuning.json");
        let mut tuners = [Tuner::at(path.clone()), Tuner::at(path.clone())];
        for (tuner, key) in tuners.iter_mut().zip(["one", "other"]) {
            tuner.choices.insert(key.to_owned(), Variant::Portable);
            tuner.save();
        }
        assert_eq!(Tuner::at(path).choices.keys().collect::<Vec<_>>(), ["one", "other"]);
    }

    #[test]
    fn a_remembered_choice_that_has_become_wrong_is_dropped() {
        let Some(gpu) = gpu() else { return };
        let Some(&remembered) = candidates(&gpu).get(1) else { return };
        let mut tuner = Tuner::forgetful();
        tuner.choices.insert(key(&gpu, &CONVOLUTION, SHAPE), remembered);
        assert_eq!(tuner.alone(&gpu, &CONVOLUTION, SHAPE).unwrap(), remembered);
        tuner.checked.clear();
        assert_ne!(tuner.alone(&broken(&gpu), &CONVOLUTION, SHAPE).unwrap(), remembered);
    }

    #[test]
    fn a_part_of_a_layer_is_run_by_what_can_run_the_layer() {
        let Some(gpu) = gpu() else { return };
        for stride in [1, 2] {
            let convolution = Convolution { channels: 512, window: Window::square(1, stride, 0), groups: 1 };
            let shape = Shape::new(1, 512, 14 * stride, 14 * stride);
            let mut tuner = Tuner::forgetful();
            let chosen = tuner.alone(&gpu, &convolution, shape).unwrap();
            tuner.checked.clear();
            assert_eq!(tuner.alone(&gpu, &convolution, shape).unwrap(), chosen);
            if gpu.traits().software && gpu.traits().subgroups {
                assert!(matches!(chosen, Variant::Pointwise { .. }), "{chosen:?}");
            }
        }
    }

    #[test]
    fn pooling_is_fused_only_where_it_gives_the_same_bits() {
        let Some(gpu) = gpu() else { return };
        let Some(&variant) = candidates(&gpu).get(1) else { return };
        let pools = |gpu: &Gpu| {
            let mut tuner = Tuner::forgetful();
            let key = key(gpu, &CONVOLUTION, SHAPE);
            tuner.choices.insert(key.clone(), variant);
            tuner.checked.push(key);
            tuner.choose(gpu, &CONVOLUTION, SHAPE, Fused { doubled: false, pooled: true }).unwrap().is_some()
        };
        assert!(pools(&gpu));
        assert!(!pools(&gpu.mutated("conv_broadcast", "(params.height / 2u)", "params.height")));
    }
}
