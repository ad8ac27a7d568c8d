//! `netdissect weights`: import a file of another program, or look into one.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::context::Context;
use super::network::GeometryArgs;
use super::written::Written;
use crate::error::Result;
use crate::models::segmenter::Segmenter;
use crate::models::vgg16;
use crate::preprocess::{Geometry, Preprocess};
use crate::weights::{self, Archive, DataFile, Precision, Tensor};
use crate::work::import::{Architecture, ImportJob, Imported};

/// Import weights from other programs, or list what a file holds.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  # needs vgg16.pth
  netdissect weights inspect vgg16.pth
  netdissect weights import vgg16.pth --model vgg16 -o vgg16.safetensors")]
pub(super) struct WeightsArgs {
    #[command(subcommand)]
    command: WeightsCommand,
}

#[derive(Debug, Subcommand)]
enum WeightsCommand {
    /// Turn a .pth, .safetensors, .onnx or .npz file into a .safetensors file that every other command takes.
    Import(ImportArgs),
    /// List tensors, sizes, element types, metadata and hash of a file.
    Inspect(InspectArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  # needs vgg16.pth and classes.txt
  netdissect weights import vgg16.pth --model vgg16 -o vgg16.safetensors
  netdissect weights import vgg16.pth --model vgg16 --body --dry-run -o body.safetensors
  netdissect weights import vgg16.pth --model vgg16 --classes classes.txt -o named.safetensors

  # needs church.pth
  netdissect weights import church.pth --model progan -o church.safetensors

  # needs encoder.pth, decoder.pth and labels.json
  netdissect weights import encoder.pth decoder.pth labels.json --model upernet -o upernet.safetensors")]
struct ImportArgs {
    /// File to read: PyTorch (zip or legacy), safetensors, ONNX, or numpy's .npz; told by its content. A segmenter has three: encoder,
    /// decoder and labels.json.
    #[arg(required = true, num_args = 1..=3, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    entry: EntryArgs,
    /// Network the weights belong to.
    #[arg(long, value_enum)]
    model: ModelName,
    /// File to write; one that is there is replaced once the new one is whole.
    #[arg(short, long, value_name = "FILE.safetensors", value_parser = Written::Safetensors.path())]
    output: PathBuf,
    /// Accept a file without fully connected layers, and drop them where there are some.
    #[arg(long)]
    body: bool,
    /// How the network wants its images: `torch` is RGB/255 with the ImageNet mean and deviation, `caffe` is BGR in
    /// 0..255 minus the caffe means, `none` is RGB/255, `signed` is RGB from -1 to 1 [default: what the file itself does, else
    /// torch]. Segmenters have their own.
    #[arg(long, value_parser = preprocess_words())]
    preprocess: Option<Preprocess>,
    #[command(flatten)]
    geometry: GeometryArgs,
    /// Names of the classes: one a line in the order of the last layer, or with numbers as Places and ImageNet have them; JSON and
    /// Python lists and dictionaries too.
    #[arg(long, value_name = "FILE")]
    classes: Option<PathBuf>,
    /// Keep filters and matrices in half precision: half the size, three digits.
    #[arg(long)]
    half: bool,
    /// Check everything, write nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  # needs vgg16.pth
  netdissect weights inspect vgg16.pth
  netdissect weights inspect vgg16.pth --json")]
struct InspectArgs {
    /// File to look into.
    file: PathBuf,
    #[command(flatten)]
    entry: EntryArgs,
}

/// What of a file is meant.
#[derive(Debug, Args)]
struct EntryArgs {
    /// Which dict of weights to take from a file of PyTorch that holds several, with a dot for each step inwards, such as `ema` or
    /// `state.model`; `.` is the outermost.
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModelName {
    Vgg16,
    Progan,
    /// Objects, parts and materials: ENCODER DECODER labels.json.
    Upernet,
    /// Colours: ENCODER DECODER labels.json.
    ColorSegmenter,
}

impl From<ModelName> for Architecture {
    fn from(name: ModelName) -> Architecture {
        match name {
            ModelName::Vgg16 => Architecture::Vgg16,
            ModelName::Progan => Architecture::Progan,
            ModelName::Upernet => Architecture::Segmenter(Segmenter::Upernet),
            ModelName::ColorSegmenter => Architecture::Segmenter(Segmenter::Colors),
        }
    }
}

/// The names of all ways, as the choice that help lists.
fn preprocess_words() -> impl TypedValueParser<Value = Preprocess> {
    PossibleValuesParser::new(Preprocess::ALL.map(Preprocess::name))
        .map(|word| Preprocess::named(&word).unwrap_or_default())
}

/// Runs `netdissect weights`.
///
/// # Errors
/// [`crate::error::Kind::Input`] if a file is not what it should be; else as [`ImportJob::perform`].
pub(super) fn run(args: &WeightsArgs, context: &mut Context<'_>) -> Result<()> {
    match &args.command {
        WeightsCommand::Import(args) => import(args, context),
        WeightsCommand::Inspect(args) => inspect(args, context),
    }
}

fn import(args: &ImportArgs, context: &mut Context<'_>) -> Result<()> {
    let job = ImportJob {
        files: args.files.clone(),
        key: args.entry.key.clone(),
        architecture: args.model.into(),
        output: args.output.clone(),
        body: args.body,
        preprocess: args.preprocess,
        geometry: args.geometry.choice(),
        classes: args.classes.clone(),
        precision: if args.half { Precision::Half } else { Precision::Single },
    };
    let imported = if args.dry_run { job.check()? } else { job.perform()? };
    context.tell(&in_json(&imported, &args.output), || in_words(&imported, &job))
}

fn in_json(imported: &Imported, output: &Path) -> Value {
    let Imported { sources, assignment, about, written, .. } = imported;
    let source = |archive: &Archive| {
        json!({
            "file": archive.path().to_string_lossy(),
            "container": archive.container().to_string(),
            "sha256": archive.sha256(),
            "data_files": data_files_json(archive),
            "passed_over": passed_over_json(archive),
        })
    };
    let sources: Vec<Value> = sources.iter().map(source).collect();
    json!({
        "output": output.to_string_lossy(),
        "written": written.is_some(),
        "bytes": written.as_ref().map(|written| written.bytes),
        "sha256": written.as_ref().map(|written| &written.sha256),
        "model": about.model,
        "preprocess": about.preprocess.name(),
        "geometry": about.geometry.map(Geometry::describe),
        "body": about.body,
        "classes": vgg16::weights::classes(assignment),
        "tensors": tensors_json(&assignment.tensors),
        "dropped": assignment.dropped,
        "notes": assignment.notes,
        "source": sources.first(),
        "sources": sources,
    })
}

fn in_words(imported: &Imported, job: &ImportJob) -> Vec<String> {
    let Imported { sources, assignment, about, what, written } = imported;
    let (count, output) = (assignment.tensors.len(), job.output.display());
    let mut lines = match written {
        Some(written) => vec![
            format!("wrote {output}: {count} tensors, {} ({what})", size(written.bytes)),
            format!("  sha256  {}", written.sha256),
        ],
        None => vec![format!("would write {output}: {count} tensors ({what})")],
    };
    lines.extend(sources.iter().map(|source| format!("  source  {}, {}", source.path().display(), source.container())));
    if job.architecture == Architecture::Vgg16 {
        let geometry = match about.geometry.unwrap_or(Geometry::DEFAULT) {
            Geometry::AsIs => "taken as they are".to_owned(),
            Geometry::ResizeCrop { resize, crop } if resize == crop => format!("squashed to {crop}x{crop}"),
            Geometry::ResizeCrop { resize, crop } => {
                format!("squashed to {resize}x{resize}, the centre of {crop}x{crop} cut out")
            }
        };
        lines.push(format!("  images  {geometry}, prepared as `{}`", about.preprocess.name()));
    }
    if !assignment.dropped.is_empty() {
        lines.push(format!("  dropped {} tensors: {}", assignment.dropped.len(), list(&assignment.dropped)));
    }
    lines.extend(sources.iter().filter_map(passed_over_words).map(|words| format!("  {words}")));
    lines.extend(assignment.notes.iter().map(|note| format!("  note    {note}")));
    lines
}

fn inspect(args: &InspectArgs, context: &mut Context<'_>) -> Result<()> {
    let archive = weights::open_at(&args.file, args.entry.key.as_deref())?;
    let sha256 = archive.sha256();
    let total: usize = archive.tensors().iter().map(Tensor::bytes_len).sum();
    if context.json {
        let metadata: serde_json::Map<String, Value> =
            archive.metadata().iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        let listing = json!({
            "file": args.file.to_string_lossy(),
            "container": archive.container().to_string(),
            "file_bytes": archive.file_bytes(),
            "sha256": sha256,
            "metadata": metadata,
            "data_files": data_files_json(&archive),
            "passed_over": passed_over_json(&archive),
            "tensor_bytes": total,
            "tensors": tensors_json(archive.tensors()),
        });
        return context.tell(&listing, Vec::new);
    }
    let shown: Vec<String> = archive.tensors().iter().map(|tensor| beginning(tensor.name())).collect();
    let width = shown.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(80);
    for (tensor, name) in archive.tensors().iter().zip(shown) {
        let dims = format!("{:?}", tensor.dims());
        context.line(&format!(
            "{name:width$}  {:5} {dims:20} {:>10}",
            tensor.dtype(),
            size(tensor.bytes_len() as u64)
        ))?;
    }
    for (key, value) in archive.metadata() {
        context.line(&format!("{}: {}", beginning(key), beginning(value)))?;
    }
    for file in archive.data_files() {
        let (name, bytes) = (beginning(file.name()), size(file.file_bytes() as u64));
        context.line(&format!("data in {name}: {bytes} (sha256 {})", file.sha256()))?;
    }
    if let Some(words) = passed_over_words(&archive) {
        context.line(&words)?;
    }
    let (count, kind) = (archive.tensors().len(), archive.container());
    context.line(&format!("{count} tensors, {} ({kind}, sha256 {sha256})", size(total as u64)))
}

fn data_files_json(archive: &Archive) -> Vec<Value> {
    let entry =
        |file: &DataFile| json!({"file": file.name(), "file_bytes": file.file_bytes(), "sha256": file.sha256()});
    archive.data_files().iter().map(entry).collect()
}

fn passed_over_json(archive: &Archive) -> Vec<Value> {
    archive.passed_over().iter().map(|entry| json!({"name": entry.name, "what": entry.what})).collect()
}

/// What a file holds beside its tensors; nothing for most.
fn passed_over_words(archive: &Archive) -> Option<String> {
    let passed = archive.passed_over();
    let names: Vec<String> = passed.iter().map(|entry| format!("{} ({})", entry.name, entry.what)).collect();
    (!names.is_empty()).then(|| format!("passed over {}: {}", passed.len(), list(&names)))
}

fn tensors_json(tensors: &[Tensor]) -> Vec<Value> {
    let entry = |tensor: &Tensor| {
        let (dtype, bytes) = (tensor.dtype().name(), tensor.bytes_len());
        json!({"name": tensor.name(), "dims": tensor.dims(), "dtype": dtype, "bytes": bytes})
    };
    tensors.iter().map(entry).collect()
}

/// The first few names.
fn list(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(6).map(|name| beginning(name)).collect();
    let more = if names.len() > shown.len() { ", ..." } else { "" };
    shown.join(", ") + more
}

/// The beginning of a text from a file.
fn beginning(text: &str) -> String {
    text.chars().take(400).collect()
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
