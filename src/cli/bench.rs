//! `netdissect bench`: each kernel's time, beside what the adapter can do at most.

use std::time::Instant;

use clap::{ArgGroup, Args};
use serde_json::{Value, json};

use super::bench_sweep;
use super::context::Context;
use crate::concepts::segmenter::Names;
use crate::error::{Error, Kind, Result};
use crate::gpu::{Gpu, Recording};
use crate::graph::Graph;
use crate::kernels::tune::Tuner;
use crate::models::segmenter::{self, Segmenter};
use crate::models::{Model, progan, vgg16};
use crate::progress::check_stop;
use crate::reference::{self, Case, KERNELS, KernelRow, Size};
use crate::session::Session;
use crate::weights::WeightFile;
use crate::work::network::NetworkChoice;

/// Time each kernel on real layers: GFLOP/s, GB/s, and the share of a roof measured in the same run.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect bench
  netdissect bench conv
  netdissect bench --weights vgg16.safetensors --layer conv5_3 --batch 4 --json
  netdissect bench --weights church.safetensors --layer layer4 --batch 4

A generator with a layer is also timed in its two parts, and sweeping an edit over all positions of that layer.")]
#[command(group(ArgGroup::new("network").args(["weights", "model"]).multiple(true)))]
pub(super) struct BenchArgs {
    /// Only kernels whose name holds this.
    filter: Option<String>,

    /// Timed runs of each kernel, of which the median counts.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeats: u32,

    /// Time a whole network instead, step by step.
    #[arg(short, long, value_name = "FILE.safetensors")]
    weights: Option<std::path::PathBuf>,

    /// Network; read from the weight file if left out. Some come with the program and need no file, such as `demo-classifier`.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,

    /// The layer at which the network ends.
    #[arg(short, long, value_name = "LAYER", requires = "network")]
    layer: Option<String>,

    /// Images at once.
    #[arg(short, long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    batch: u32,
}

/// The most an adapter can do.
struct Roof {
    gflops: f64,
    gigabytes: f64,
}

/// Runs `netdissect bench`.
///
/// # Errors
/// [`Kind::Usage`] if no kernel has such a name; else what the device reports.
pub(super) fn run(args: &BenchArgs, context: &mut Context<'_>) -> Result<()> {
    let gpu = context.host.open_gpu()?;
    let roof = measure_roof(&gpu, args.repeats)?;
    if !context.json {
        context.line(&format!("{} ({} {})", gpu.summary().name, gpu.summary().driver, gpu.summary().driver_info))?;
        context.line(&format!("roof: {:.1} GFLOP/s, {:.1} GB/s", roof.gflops, roof.gigabytes))?;
    }
    let named = NetworkChoice { weights: args.weights.clone(), model: args.model.clone() };
    let rows = match (&named.weights, &named.model) {
        (None, None) => kernels(args, context, &gpu, &roof)?,
        _ => network(args, context, &gpu, &named, &roof)?,
    };
    if context.json {
        return context.json(&json!({
            "adapter": gpu.summary(), "roof": { "gflops": roof.gflops, "gigabytes_per_second": roof.gigabytes }, "rows": rows,
        }));
    }
    Ok(())
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
        gigabytes: best("add", |case, milliseconds| case.work.bytes as f64 / milliseconds / 1e6)?,
    })
}

/// The cases of a kernel that are worth timing.
fn timed(row: &KernelRow) -> Vec<Case> {
    (row.cases)().into_iter().filter(|case| matches!(case.size, Size::Real | Size::Timed)).collect()
}

/// Milliseconds of each timed run, shortest first. The first run, which compiles, does not count.
fn time(gpu: &Gpu, case: &Case, repeats: u32) -> Result<Vec<f64>> {
    let (inputs, outputs) = case.buffers(gpu)?;
    let mut recording = Recording::new();
    (case.record)(gpu, &mut recording, &inputs, &outputs)?;
    let program = gpu.program(recording)?;
    gpu.wait_for(gpu.submit(&program)?)?;
    let mut times = Vec::new();
    for _ in 0..repeats {
        times.push(gpu.submit_timed(&program)?.iter().map(|step| step.milliseconds).sum::<f64>().max(1e-6));
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

fn kernels(args: &BenchArgs, context: &mut Context<'_>, gpu: &Gpu, roof: &Roof) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    let wanted = |stem: &str| args.filter.as_ref().is_none_or(|filter| stem.contains(filter.as_str()));
    let chosen: Vec<_> = KERNELS.iter().filter(|row| wanted(row.entry.stem)).collect();
    if chosen.is_empty() {
        let stems: Vec<_> = KERNELS.iter().map(|row| row.entry.stem).collect();
        return Err(Error::new(Kind::Usage, format!("no kernel matches; there are: {}", stems.join(", "))));
    }
    for row in chosen {
        let entry = row.entry;
        if !(entry.runs_on)(&gpu.traits()) {
            continue;
        }
        for case in &timed(row) {
            check_stop(context.host.stop)?;
            let times = time(gpu, case, args.repeats)?;
            let median = times[times.len() / 2];
            let (gflops, gigabytes) = (case.work.flops as f64 / median / 1e6, case.work.bytes as f64 / median / 1e6);
            let share = (gflops / roof.gflops).max(gigabytes / roof.gigabytes);
            if context.json {
                rows.push(json!({
                    "kernel": entry.stem, "case": case.label, "milliseconds": median, "gflops": gflops,
                    "gigabytes_per_second": gigabytes, "share_of_roof": share,
                }));
            } else {
                context.line(&format!(
                    "{:<22} {median:9.2} ms {gflops:8.1} GFLOP/s {gigabytes:7.2} GB/s {:4.0} %  {}",
                    entry.stem,
                    share * 100.0,
                    case.label
                ))?;
            }
        }
    }
    Ok(rows)
}

/// The network of a file, its graph up to the layer that is named, and the nodes at which that ends.
fn whole(args: &BenchArgs, file: &WeightFile) -> Result<(Model, Graph, Vec<String>)> {
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
    let ends = match (&args.layer, segmenter) {
        (Some(layer), _) => vec![model.node_of(layer, false)?.to_owned()],
        (None, Some(segmenter)) => segmenter.heads().iter().map(|&head| head.to_owned()).collect(),
        (None, None) => vec![model.graph.node(model.graph.output()).name.clone()],
    };
    let graph = model.graph.head(&ends.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok((model, graph, ends))
}

/// A network on noise, step by step and as a whole.
fn network(
    args: &BenchArgs,
    context: &mut Context<'_>,
    gpu: &Gpu,
    named: &NetworkChoice,
    roof: &Roof,
) -> Result<Vec<Value>> {
    let file = named.open()?;
    if named.architecture(&file) != file.model() {
        let message = format!("holds weights of {}, not of {}", file.model(), named.architecture(&file));
        return Err(Error::new(Kind::Usage, message).at(file.path().display()));
    }
    let (model, graph, ends) = whole(args, &file).map_err(|error| error.at(file.path().display()))?;
    let ends: Vec<&str> = ends.iter().map(String::as_str).collect();
    let session = Session::new(gpu, &graph, &file, args.batch, &ends, &mut Tuner::cached())?;
    let program = gpu.program(session.record(args.batch)?)?;
    gpu.wait_for(gpu.submit(&program)?)?;
    let mut rows = Vec::new();
    let mut steps: Vec<(String, &'static str, Vec<f64>)> = Vec::new();
    for _ in 0..args.repeats {
        check_stop(context.host.stop)?;
        for (position, step) in gpu.submit_timed(&program)?.into_iter().enumerate() {
            match steps.get_mut(position) {
                Some((_, _, times)) => times.push(step.milliseconds),
                None => steps.push((step.label, step.stem, vec![step.milliseconds])),
            }
        }
    }
    for (label, stem, times) in &mut steps {
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2].max(1e-6);
        let node = graph.node(graph.find(label)?);
        let input = node.inputs.first().map_or(node.shape, |id| graph.node(*id).shape);
        let flops = node.operator.flops(input, node.shape) as f64 * f64::from(args.batch);
        let gflops = flops / median / 1e6;
        if context.json {
            rows.push(json!({ "layer": label, "kernel": stem, "milliseconds": median, "gflops": gflops, "share_of_roof": gflops / roof.gflops }));
        } else {
            context.line(&format!(
                "{label:<16} {stem:<18} {median:9.2} ms {gflops:8.1} GFLOP/s {:4.0} %",
                gflops / roof.gflops * 100.0
            ))?;
        }
    }
    let mut walls = Vec::new();
    for _ in 0..args.repeats {
        let start = Instant::now();
        gpu.wait_for(gpu.submit(&program)?)?;
        walls.push(start.elapsed().as_secs_f64() * 1e3);
    }
    walls.sort_by(f64::total_cmp);
    let wall = walls[walls.len() / 2];
    let total: u64 = graph
        .nodes()
        .iter()
        .map(|node| node.operator.flops(node.inputs.first().map_or(node.shape, |id| graph.node(*id).shape), node.shape))
        .sum();
    let gflops = total as f64 * f64::from(args.batch) / wall / 1e6;
    if context.json {
        rows.push(json!({ "layer": "whole", "milliseconds": wall, "milliseconds_per_image": wall / f64::from(args.batch), "gflops": gflops, "peak_bytes": gpu.peak_bytes() }));
    } else {
        context.line(&format!(
            "whole, {} images: {wall:.1} ms, {:.1} ms an image, {gflops:.1} GFLOP/s",
            args.batch,
            wall / f64::from(args.batch)
        ))?;
    }
    if args.layer.is_some() && model.name == "progan" {
        drop(session);
        let parts = (gpu, &file, &model);
        rows.extend(bench_sweep::rows(context, parts, ends[0], (args.repeats, args.batch))?);
    }
    Ok(rows)
}
