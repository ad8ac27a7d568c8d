//! `netdissect bench`: each kernel's time, beside what the adapter can do at most.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use serde_json::json;

use super::context::Context;
use super::words::size_in_words;
use crate::error::Result;
use crate::work::bench::{BenchChoice, BenchJob, BenchRow};
use crate::work::network::NetworkChoice;

/// Time each kernel on real layers: GFLOP/s, GB/s, and the share of a roof measured in the same run.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect bench
  netdissect bench conv
  netdissect bench --model demo-classifier --layer conv5_3 --batch 4 --json
  netdissect bench --model demo-generator --layer layer4 --batch 4

  # needs vgg16.safetensors
  netdissect bench -w vgg16.safetensors --layer conv5_3

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
    weights: Option<PathBuf>,

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

/// Runs `netdissect bench`.
///
/// # Errors
/// As [`crate::work::bench::OpenedBench::perform`].
pub(super) fn run(args: &BenchArgs, context: &mut Context<'_>) -> Result<()> {
    let network = NetworkChoice { weights: args.weights.clone(), model: args.model.clone() };
    let what = match network == NetworkChoice::default() {
        true => BenchChoice::Kernels(args.filter.clone()),
        false => BenchChoice::Network { network, layer: args.layer.clone(), batch: args.batch },
    };
    let job = BenchJob { what, repeats: args.repeats };
    let bench = job.open(context.host)?;
    let (adapter, roof) = (bench.adapter(), bench.roof);
    if !context.json {
        context.line(&format!("{} ({} {})", adapter.name, adapter.driver, adapter.driver_info))?;
        context.line(&format!("roof: {:.1} GFLOP/s, {:.1} GB/s", roof.gflops, roof.gigabytes_per_second))?;
    }
    let mut rows = Vec::new();
    bench.perform(context.host, &mut |row| {
        // As they come: a whole bench takes minutes.
        if !context.json {
            in_words(&row).iter().try_for_each(|line| context.line(line))?;
        }
        rows.push(row);
        Ok(())
    })?;
    context.tell(&json!({ "adapter": adapter, "roof": roof, "rows": rows }), Vec::new)
}

fn in_words(row: &BenchRow) -> Vec<String> {
    match row {
        BenchRow::Kernel { kernel, case, milliseconds, gflops, gigabytes_per_second, share_of_roof } => vec![format!(
            "{kernel:<22} {milliseconds:9.2} ms {gflops:8.1} GFLOP/s {gigabytes_per_second:7.2} GB/s {:4.0} %  {case}",
            share_of_roof * 100.0
        )],
        BenchRow::Step { layer, kernel, milliseconds, gflops, share_of_roof } => vec![format!(
            "{layer:<16} {kernel:<18} {milliseconds:9.2} ms {gflops:8.1} GFLOP/s {:4.0} %",
            share_of_roof * 100.0
        )],
        BenchRow::Whole { milliseconds, milliseconds_per_image, gflops, batch, .. } => vec![format!(
            "whole, {batch} images: {milliseconds:.1} ms, {milliseconds_per_image:.1} ms an image, {gflops:.1} GFLOP/s"
        )],
        BenchRow::Part { layer, milliseconds } => vec![format!("{layer}, 1 image: {milliseconds:.1} ms")],
        BenchRow::Sweep {
            positions,
            batch,
            milliseconds,
            head_and_tails_milliseconds: apart,
            ratio,
            peak_bytes,
            ..
        } => vec![
            format!(
                "sweep over {positions} positions, {batch} at once: {milliseconds:.1} ms, {ratio:.2} of {apart:.1} ms for 1 head and {positions} tails"
            ),
            format!("most memory at one time: {}", size_in_words(*peak_bytes)),
        ],
    }
}
