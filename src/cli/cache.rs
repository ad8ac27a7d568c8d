//! `netdissect cache`: what is kept between runs, and removing it.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::Context;
use super::words::{parse_size, size_in_words};
use crate::concepts::cache::KeptNetwork;
use crate::error::Result;
use crate::work::cache::{self, CacheContents, CacheJob, totals};

/// Show or remove what is kept between runs: label maps of segmentation networks, and which kernels are fastest.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect cache size
  netdissect cache prune --keep 1GiB
  netdissect cache prune --older-than 90 --dry-run
  netdissect cache clean --all

All of it can be made again. NETDISSECT_CACHE_DIR names another folder.")]
pub(super) struct CacheArgs {
    #[command(subcommand)]
    command: CacheCommand,
}

#[derive(Debug, Subcommand)]
enum CacheCommand {
    /// Print the folder.
    #[command(after_help = "Examples:\n  netdissect cache dir")]
    Dir,
    /// Print how much is kept of what.
    #[command(after_help = "Examples:\n  netdissect cache size\n  netdissect cache size --json")]
    Size,
    /// Remove the label maps that were not used for longest.
    Prune(PruneArgs),
    /// Remove all label maps.
    Clean(CleanArgs),
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("limit").required(true).multiple(true).args(["keep", "older_than"])))]
#[command(after_help = "Examples:
  netdissect cache prune --keep 1GiB
  netdissect cache prune --older-than 90 --dry-run")]
struct PruneArgs {
    /// Size that label maps may take after it, such as `1GiB`.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    keep: Option<u64>,

    /// Remove label maps that were not used for more than so many days.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    older_than: Option<u32>,

    /// Only say what would be removed.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect cache clean --dry-run
  netdissect cache clean --all")]
struct CleanArgs {
    /// Also forget which kernels are fastest; the next run of each network tries them again.
    #[arg(long)]
    all: bool,

    /// Only say what would be removed.
    #[arg(long)]
    dry_run: bool,
}

/// Runs `netdissect cache`.
///
/// # Errors
/// As [`CacheJob::perform`].
pub(super) fn run(args: &CacheArgs, context: &mut Context<'_>) -> Result<()> {
    match &args.command {
        CacheCommand::Dir => {
            let folder = cache::folder()?;
            context.tell(&json!({ "folder": folder }), || vec![folder.display().to_string()])
        }
        CacheCommand::Size => size(context),
        CacheCommand::Prune(args) => {
            let older_than = args.older_than.map(|days| Duration::from_secs(u64::from(days) * 24 * 60 * 60));
            remove(&CacheJob::Prune { keep: args.keep, older_than }, args.dry_run, context)
        }
        CacheCommand::Clean(args) => remove(&CacheJob::Clean { tuning: args.all }, args.dry_run, context),
    }
}

fn size(context: &mut Context<'_>) -> Result<()> {
    let found = CacheContents::survey()?;
    let totals_of = |network: &KeptNetwork| totals(std::slice::from_ref(network));
    let label_maps = found.networks.iter().map(|network| {
        let (images, bytes) = totals_of(network);
        json!({ "network": network.folder, "key": network.key, "images": images, "bytes": bytes })
    });
    let tuning = found.tuning.as_ref().map(|tuning| json!({ "choices": tuning.choices, "bytes": tuning.bytes }));
    let (label_maps, bytes) = (label_maps.collect::<Vec<_>>(), found.bytes());
    let said = json!({ "folder": found.folder, "bytes": bytes, "label_maps": label_maps, "tuning": tuning });
    context.tell(&said, || {
        let of_network = |network: &KeptNetwork| {
            let (images, bytes) = totals_of(network);
            let (size, s) = (size_in_words(bytes), if images == 1 { "" } else { "s" });
            format!("label maps      {size:>10}  {images} image{s}  {}", in_words(network))
        };
        let mut lines: Vec<_> = found.networks.iter().map(of_network).collect();
        lines.extend(found.tuning.as_ref().map(|tuning| {
            format!("tuning choices  {:>10}  {} convolutions", size_in_words(tuning.bytes), tuning.choices)
        }));
        lines.push(format!("in all          {:>10}  {}", size_in_words(bytes), found.folder.display()));
        lines
    })
}

/// Characters of a network's hash, or of a key of unknown form, that are shown; `--json` shows all.
const HASH_SHOWN: usize = 8;
const KEY_SHOWN: usize = 72;

/// The networks that spoke, each with the front of its weights' hash and what was asked of it.
fn in_words(network: &KeptNetwork) -> String {
    let key = network.key.as_ref();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one = |network: &Value| {
        let heads: Vec<String> = network["heads"].as_array().into_iter().flatten().map(word).collect();
        let hash: String = word(&network["sha256"]).chars().take(HASH_SHOWN).collect();
        format!("{} {hash} ({})", word(&network["network"]), heads.join(", "))
    };
    match key.and_then(|key| key["networks"].as_array()) {
        Some(networks) => networks.iter().map(one).collect::<Vec<_>>().join(" + "),
        None => key.map_or_else(String::new, Value::to_string).chars().take(KEY_SHOWN).collect(),
    }
}

fn remove(job: &CacheJob, dry_run: bool, context: &mut Context<'_>) -> Result<()> {
    let removal = if dry_run { job.estimate()? } else { job.perform()? };
    let said = json!({
        "folder": removal.folder, "dry_run": dry_run,
        "removed": { "images": removal.images, "bytes": removal.bytes, "tuning": removal.tuning.is_some() },
        "left": { "images": removal.left_images, "bytes": removal.left_bytes },
    });
    context.tell(&said, || {
        let words = if dry_run { "would remove" } else { "removed" };
        let (bytes, left) = (size_in_words(removal.bytes), size_in_words(removal.left_bytes));
        let (images, left_images) = (removal.images, removal.left_images);
        let label_maps = format!("{words} label maps of {images} images, {bytes}; {left_images} images, {left} left");
        let tuning = removal.tuning.map(|choices| format!("{words} tuning choices of {choices} convolutions"));
        [label_maps].into_iter().chain(tuning).collect()
    })
}
