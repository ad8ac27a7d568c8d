//! `netdissect cache`: what is kept between runs, and removing it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::Context;
use super::words::{parse_size, size_in_words};
use crate::concepts::cache::{self, Network};
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::kernels::tune;

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
    Dir,
    /// Print how much is kept of what.
    Size,
    /// Remove the label maps that were not used for longest.
    Prune(PruneArgs),
    /// Remove all label maps.
    Clean(CleanArgs),
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("limit").required(true).multiple(true).args(["keep", "older_than"])))]
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
/// [`Kind::Usage`] if there is no folder for caches; [`Kind::Output`] if something cannot be removed.
pub(super) fn run(args: &CacheArgs, context: &mut Context<'_>) -> Result<()> {
    let folder = files::cache_dir().ok_or_else(|| {
        let error = Error::new(Kind::Usage, "there is no folder for caches: the home folder is not known");
        error.hint("name one with NETDISSECT_CACHE_DIR")
    })?;
    match &args.command {
        CacheCommand::Dir if context.json => context.json(&json!({ "folder": folder })),
        CacheCommand::Dir => context.line(&folder.display().to_string()),
        CacheCommand::Size => size(context, &folder),
        CacheCommand::Prune(args) => {
            let found = cache::survey(&folder);
            let older_than = args.older_than.map(|days| Duration::from_secs(u64::from(days) * 24 * 60 * 60));
            let beyond = Network::beyond(&found, args.keep, older_than);
            remove(context, &folder, &Removal { found: &found, remove: &beyond, tuning: None, dry_run: args.dry_run })
        }
        CacheCommand::Clean(args) => {
            let found = cache::survey(&folder);
            let tuning = if args.all { Tuning::read(&folder) } else { None };
            let removal = Removal { found: &found, remove: &found, tuning: tuning.as_ref(), dry_run: args.dry_run };
            remove(context, &folder, &removal)
        }
    }
}

fn size(context: &mut Context<'_>, folder: &Path) -> Result<()> {
    let networks = cache::survey(folder);
    let tuning = Tuning::read(folder);
    let bytes = totals(&networks).1 + tuning.as_ref().map_or(0, |tuning| tuning.bytes);
    if context.json {
        let label_maps: Vec<_> = networks
            .iter()
            .map(|network| {
                let (images, bytes) = totals(std::slice::from_ref(network));
                json!({ "network": network.folder, "key": network.key, "images": images, "bytes": bytes })
            })
            .collect();
        let tuning = tuning.map(|tuning| json!({ "choices": tuning.choices, "bytes": tuning.bytes }));
        return context.json(&json!({ "folder": folder, "bytes": bytes, "label_maps": label_maps, "tuning": tuning }));
    }
    for network in &networks {
        let (images, bytes) = totals(std::slice::from_ref(network));
        let size = size_in_words(bytes);
        context.line(&format!(
            "label maps      {size:>10}  {images} image{}  {}",
            if images == 1 { "" } else { "s" },
            in_words(network)
        ))?;
    }
    if let Some(tuning) = tuning {
        let size = size_in_words(tuning.bytes);
        context.line(&format!("tuning choices  {size:>10}  {} convolutions", tuning.choices))?;
    }
    context.line(&format!("in all          {:>10}  {}", size_in_words(bytes), folder.display()))
}

/// Entries and bytes.
fn totals(networks: &[Network]) -> (usize, u64) {
    (networks.iter().map(|network| network.entries.len()).sum(), networks.iter().map(Network::bytes).sum())
}

/// Characters of a network's hash, or of a key of unknown form, that are shown; `--json` shows all.
const HASH_SHOWN: usize = 8;
const KEY_SHOWN: usize = 72;

/// The networks that spoke, each with the front of its weights' hash and what was asked of it.
fn in_words(network: &Network) -> String {
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

/// The remembered choices of kernels.
struct Tuning {
    path: PathBuf,
    choices: usize,
    bytes: u64,
}

impl Tuning {
    /// The file in this folder; none if it is not there, is a link, or holds something else.
    fn read(folder: &Path) -> Option<Tuning> {
        let path = folder.join(tune::FILE);
        let about = path.symlink_metadata().ok().filter(std::fs::Metadata::is_file)?;
        let choices: serde_json::Map<String, Value> = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
        // Adapter, driver, version and shape; what is chosen may be a kernel of another version.
        let ours = |key: &String| key.split(" | ").count() == 4;
        choices.keys().all(ours).then(|| Tuning { path, choices: choices.len(), bytes: about.len() })
    }
}

/// What to remove of what there is.
struct Removal<'a> {
    found: &'a [Network],
    remove: &'a [Network],
    tuning: Option<&'a Tuning>,
    dry_run: bool,
}

fn remove(context: &mut Context<'_>, folder: &Path, removal: &Removal<'_>) -> Result<()> {
    let (images, bytes) = totals(removal.found);
    let (mut removed, mut removed_bytes) = totals(removal.remove);
    if !removal.dry_run {
        let done = cache::remove(folder, removal.remove)?;
        (removed, removed_bytes) = (done.0 as usize, done.1);
        if let Some(tuning) = removal.tuning {
            std::fs::remove_file(&tuning.path).map_err(|error| Error::writing(&tuning.path, &error))?;
        }
    }
    let (left, left_bytes) = (images.saturating_sub(removed), bytes.saturating_sub(removed_bytes));
    if context.json {
        return context.json(&json!({
            "folder": folder, "dry_run": removal.dry_run,
            "removed": { "images": removed, "bytes": removed_bytes, "tuning": removal.tuning.is_some() },
            "left": { "images": left, "bytes": left_bytes },
        }));
    }
    let words = if removal.dry_run { "would remove" } else { "removed" };
    context.line(&format!(
        "{words} label maps of {removed} images, {}; {left} images, {} left",
        size_in_words(removed_bytes),
        size_in_words(left_bytes)
    ))?;
    match removal.tuning {
        Some(tuning) => context.line(&format!("{words} tuning choices of {} convolutions", tuning.choices)),
        None => Ok(()),
    }
}
