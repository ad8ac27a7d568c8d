//! Timing kernels and networks beside what the adapter can do at most, as a job.

mod rows;
mod sweep;

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use self::sweep::SweepTiming;
use super::network::NetworkChoice;
use super::{Host, check};
use crate::concepts::segmenter::Names;
use crate::error::{Error, Kind, Result};
use crate::gpu::{AdapterSummary, Gpu, Recording};
use crate::graph::{Graph, Node, Wanted};
use crate::kernels::tune::Tuner;
use crate::models::segmenter::{self, Segmenter};
use crate::models::{Model, progan, vgg16};
use crate::progress::check_stop;
use crate::reference::{self, Case, KERNELS, KernelRow, Size};
use crate::session::{Session, Weights};
use crate::weights::WeightFile;

use rows::middle;
pub use rows::{BenchRow, RowListener};

/// What to time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BenchJob {
    /// A network step by step, or the kernels one by one.
    pub what: BenchChoice,
    /// Timed runs of each, of which the median counts; at least 1.
    pub repeats: u32,
}

/// What is timed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BenchChoice {
    /// Kernels on real layers; only those whose name holds this.
    Kernels(Option<String>),
    /// A network on noise.
    Network {
        /// The network.
        network: NetworkChoice,
        /// The layer at which it ends; its own end if left out. A generator with a layer is also timed in its two parts, and sweeping
        /// an edit over all positions of that layer.
        layer: Option<String>,
        /// Images at once, at least 1.
        batch: u32,
    },
}

/// The most an adapter can do, measured in the same run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Roof {
    /// 10^9 additions and multiplications a second.
    pub gflops: f64,
    /// 10^9 bytes read and written a second.
    pub gigabytes_per_second: f64,
}

/// A job on an opened adapter, whose roof is known.
pub struct OpenedBench<'a> {
    job: &'a BenchJob,
    gpu: Gpu,
    /// The most it can do.
    pub roof: Roof,
}

impl BenchJob {
    /// Opens the adapter and measures its roof.
    ///
    /// # Errors
    /// What the device reports.
    pub fn open(&self, host: &Host<'_>) -> Result<OpenedBench<'_>> {
        check("repeats", self.repeats > 0, "a run at least")?;
        if let BenchChoice::Network { batch, .. } = &self.what {
            check("batch", *batch > 0, "an image at least")?;
        }
        let gpu = host.open_gpu()?;
        let roof = measure_roof(&gpu, self.repeats)?;
        Ok(OpenedBench { job: self, gpu, roof })
    }
}

impl OpenedBench<'_> {
    /// The adapter.
    pub fn adapter(&self) -> &AdapterSummary {
        self.gpu.summary()
    }

    /// Times; `each` hears of every row as soon as it is known.
    ///
    /// # Errors
    /// [`Kind::Usage`] if no kernel has such a name; what `each` returns; else what the device reports.
    pub fn perform(&self, host: &Host<'_>, each: &mut RowListener<'_>) -> Result<()> {
        match &self.job.what {
            BenchChoice::Kernels(filter) => self.kernels(host, filter.as_deref(), each),
            BenchChoice::Network { network, layer, batch } => {
                let timed = TimedNetwork::open(network, layer.as_deref(), *batch)?;
                timed.rows(host, &self.gpu, self.job.repeats, &self.roof, each)
            }
        }
    }

    fn kernels(&self, host: &Host<'_>, filter: Option<&str>, each: &mut RowListener<'_>) -> Result<()> {
        let OpenedBench { job, gpu, roof } = self;
        let wanted = |stem: &str| filter.is_none_or(|filter| stem.contains(filter));
        let chosen: Vec<_> = KERNELS.iter().filter(|row| wanted(row.entry.stem)).collect();
        if chosen.is_empty() {
            let stems: Vec<_> = KERNELS.iter().map(|row| row.entry.stem).collect();
            return Err(Error::new(Kind::Usage, format!("no kernel matches; there are: {}", stems.join(", "))));
        }
        for row in chosen.into_iter().filter(|row| (row.entry.runs_on)(&gpu.traits())) {
            for case in &timed(row) {
                check_stop(host.stop)?;
                let milliseconds = middle(time(gpu, case, job.repeats)?);
                let rate = |amount: u64| amount as f64 / milliseconds / 1e6;
                let (gflops, gigabytes_per_second) = (rate(case.work.flops), rate(case.work.bytes));
                let share_of_roof = (gflops / roof.gflops).max(gigabytes_per_second / roof.gigabytes_per_second);
                let (kernel, case) = (row.entry.stem, case.label.clone());
                each(BenchRow::Kernel { kernel, case, milliseconds, gflops, gigabytes_per_second, share_of_roof })?;
            }
        }
        Ok(())
    }
}

/// The cases of a kernel that are worth timing.
fn timed(row: &KernelRow) -> Vec<Case> {
    (row.cases)().into_iter().filter(|case| matches!(case.size, Size::Real | Size::Timed)).collect()
}

/// Arithmetic by chains of multiply-adds, bandwidth by adding two maps.
fn measure_roof(gpu: &Gpu, repeats: u32) -> Result<Roof> {
    let best = |stem: &str, rate: fn(&Case, f64) -> f64| {
        let mut best: f64 = 0.0;
        for case in &reference::kernel(stem).map_or_else(Vec::new, timed) {
            let times = time(gpu, case, repeats)?;
            best = times.iter().map(|&milliseconds| rate(case, milliseconds)).fold(best, f64::max);
        }
        Ok::<f64, Error>(best)
    };
    Ok(Roof {
        gflops: best("roof_arithmetic", |case, milliseconds| case.work.flops as f64 / milliseconds / 1e6)?,
        gigabytes_per_second: best("add", |case, milliseconds| case.work.bytes as f64 / milliseconds / 1e6)?,
    })
}

/// Milliseconds of each timed run. The first run, which compiles, does not count.
fn time(gpu: &Gpu, case: &Case, repeats: u32) -> Result<Vec<f64>> {
    let (inputs, outputs) = case.buffers(gpu, 0)?;
    let mut recording = Recording::new();
    (case.record)(gpu, &mut recording, &inputs, &outputs)?;
    let program = gpu.program(recording)?;
    gpu.wait_for(gpu.submit(&program)?)?;
    let mut times = Vec::new();
    for _ in 0..repeats {
        times.push(gpu.submit_timed(&program)?.iter().map(|step| step.milliseconds).sum::<f64>().max(1e-6));
    }
    Ok(times)
}

/// A network up to a layer.
struct TimedNetwork {
    file: Arc<WeightFile>,
    model: Model,
    graph: Graph,
    /// Nodes at which it ends.
    ends: Vec<String>,
    /// Whether a layer was named.
    cut: bool,
    batch: u32,
}

impl TimedNetwork {
    fn open(network: &NetworkChoice, layer: Option<&str>, batch: u32) -> Result<TimedNetwork> {
        let file = network.open()?;
        if network.architecture(&file) != file.model() {
            let message = format!("holds weights of {}, not of {}", file.model(), network.architecture(&file));
            return Err(Error::new(Kind::Usage, message).at(file.path().display()));
        }
        let (model, graph, ends) = whole(layer, &file).map_err(|error| error.at(file.path().display()))?;
        Ok(TimedNetwork { file: Arc::new(file), model, graph, ends, cut: layer.is_some(), batch })
    }

    /// On noise, step by step and as a whole.
    fn rows(&self, host: &Host<'_>, gpu: &Gpu, repeats: u32, roof: &Roof, each: &mut RowListener<'_>) -> Result<()> {
        let ends: Vec<&str> = self.ends.iter().map(String::as_str).collect();
        let weights = Weights::new(gpu, Arc::clone(&self.file) as _);
        let session = Session::new(&weights, &self.graph, self.batch, Wanted::kept(&ends), &mut Tuner::cached())?;
        let program = session.program(self.batch, session.whole())?;
        gpu.wait_for(gpu.submit(&program)?)?;
        let mut steps: Vec<(String, &'static str, Vec<f64>)> = Vec::new();
        for _ in 0..repeats {
            check_stop(host.stop)?;
            for (position, step) in gpu.submit_timed(&program)?.into_iter().enumerate() {
                match steps.get_mut(position) {
                    Some((_, _, times)) => times.push(step.milliseconds),
                    None => steps.push((step.label, step.stem, vec![step.milliseconds])),
                }
            }
        }
        let images = f64::from(self.batch);
        for (layer, kernel, times) in steps {
            let milliseconds = middle(times).max(1e-6);
            let flops = self.flops(self.graph.node(self.graph.find(&layer)?)) as f64 * images;
            let gflops = flops / milliseconds / 1e6;
            each(BenchRow::Step { layer, kernel, milliseconds, gflops, share_of_roof: gflops / roof.gflops })?;
        }
        let mut walls = Vec::new();
        for _ in 0..repeats {
            let start = Instant::now();
            gpu.wait_for(gpu.submit(&program)?)?;
            walls.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let milliseconds = middle(walls);
        let total: u64 = self.graph.nodes().iter().map(|node| self.flops(node)).sum();
        each(BenchRow::Whole {
            layer: "whole",
            milliseconds,
            milliseconds_per_image: milliseconds / images,
            gflops: total as f64 * images / milliseconds / 1e6,
            peak_bytes: gpu.peak_bytes(),
            batch: self.batch,
        })?;
        if self.cut && self.model.name == "progan" {
            drop(session);
            let timing = SweepTiming { node: ends[0], repeats, batch: self.batch };
            sweep::rows(host, &weights, &self.model, &timing, each)?;
        }
        Ok(())
    }

    /// Operations of a node on one image.
    fn flops(&self, node: &Node) -> u64 {
        let input = node.inputs.first().map_or(node.shape, |id| self.graph.node(*id).shape);
        node.operator.flops(input, node.shape)
    }
}

/// The network of a file, its graph up to the layer that is named, and the nodes at which that ends.
fn whole(layer: Option<&str>, file: &WeightFile) -> Result<(Model, Graph, Vec<String>)> {
    let shapes = file.shapes();
    let segmenter = Segmenter::named(file.model());
    let model = match file.model() {
        _ if segmenter.is_some() => {
            let (segmenter, names) = Names::of(file)?;
            segmenter::build(segmenter, &shapes, names.side(), (names.side(), names.side()))?
        }
        "progan" => progan::build(&shapes)?,
        _ => vgg16::build(&shapes, 224, 224)?,
    };
    let ends = match (layer, segmenter) {
        (Some(layer), _) => vec![model.node_of(layer, false)?.to_owned()],
        (None, Some(segmenter)) => segmenter.heads().iter().map(|&head| head.to_owned()).collect(),
        (None, None) => vec![model.graph.node(model.graph.output()).name.clone()],
    };
    let graph = model.graph.head(&ends.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok((model, graph, ends))
}
