//! `netdissect weights`: import a file of another program, or look into one.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::concepts::segmenter::Names;
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::models::segmenter::Segmenter;
use crate::models::{progan_weights, segmenter_weights, vgg16_weights};
use crate::preprocess::Preprocess;
use crate::weights::import::{self, About, Assignment};
use crate::weights::{self, Archive, Precision, Tensor, Written};

/// Import weights from other programs, or list what a file holds.
#[derive(Debug, Args)]
pub struct WeightsArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Turn a .pth, .safetensors, .onnx or .npz file into a .safetensors file that every other command takes.
    Import(ImportArgs),
    /// List tensors, sizes, element types, metadata and hash of a file.
    Inspect(InspectArgs),
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// File to read: PyTorch (zip or legacy), safetensors, ONNX, or numpy's .npz; told by its content. A segmenter has three: encoder,
    /// decoder and labels.json.
    #[arg(required = true, num_args = 1..=3, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Network the weights belong to.
    #[arg(long, value_enum)]
    model: ModelName,
    /// File to write; one that is there is replaced once the new one is whole.
    #[arg(short, long, value_name = "FILE.safetensors")]
    output: PathBuf,
    /// Accept a file without fully connected layers, and drop them where there are some.
    #[arg(long)]
    body: bool,
    /// How the network wants its images: `torch` is RGB/255 with the ImageNet mean and deviation, `caffe` is BGR in
    /// 0..255 minus the caffe means, `none` is RGB/255, `signed` is RGB from -1 to 1. Segmenters have their own.
    #[arg(long, value_parser = preprocess_words(), default_value = Preprocess::default().name())]
    preprocess: Preprocess,
    /// Names of the classes, one a line, in the order of the last layer.
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
struct InspectArgs {
    /// File to look into.
    file: PathBuf,
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

impl ModelName {
    fn name(self) -> &'static str {
        match self {
            ModelName::Vgg16 => "vgg16",
            ModelName::Progan => "progan",
            ModelName::Upernet => Segmenter::Upernet.name(),
            ModelName::ColorSegmenter => Segmenter::Colors.name(),
        }
    }

    fn segmenter(self) -> Option<Segmenter> {
        match self {
            ModelName::Vgg16 | ModelName::Progan => None,
            ModelName::Upernet => Some(Segmenter::Upernet),
            ModelName::ColorSegmenter => Some(Segmenter::Colors),
        }
    }
}

/// The names of all ways, as the choice that help lists.
fn preprocess_words() -> impl TypedValueParser<Value = Preprocess> {
    PossibleValuesParser::new(Preprocess::ALL.map(Preprocess::name))
        .map(|word| Preprocess::named(&word).unwrap_or_default())
}

/// Runs `netdissect weights`; results go to `out`.
///
/// # Errors
/// [`Kind::Input`] if a file is not what it should be, [`Kind::Usage`] if the output is the input or no plain file,
/// [`Kind::Output`] if it cannot be written.
pub fn run(args: &WeightsArgs, json: bool, out: &mut dyn Write) -> Result<()> {
    match &args.command {
        Command::Import(args) => import_file(args, json, out),
        Command::Inspect(args) => inspect(args, json, out),
    }
}

fn import_file(args: &ImportArgs, json: bool, out: &mut dyn Write) -> Result<()> {
    check_output(args)?;
    let imported = Imported::read(args)?;
    let written = if args.dry_run {
        import::check(&imported.sources, &imported.assignment)?;
        None
    } else {
        let precision = if args.half { Precision::Half } else { Precision::Single };
        Some(import::write(&imported.sources, &imported.assignment, (&imported.about, precision), &args.output)?)
    };
    let text = if json {
        format!("{:#}\n", imported.json(args, written.as_ref()))
    } else {
        imported.text(args, written.as_ref())
    };
    print(out, &text)
}

/// Refuses to replace what the user may still need.
fn check_output(args: &ImportArgs) -> Result<()> {
    let same = |a: &Path, b: &Path| files::resolve(a).ok().zip(files::resolve(b).ok()).is_some_and(|(a, b)| a == b);
    if args.files.iter().any(|file| same(file, &args.output)) {
        let error = Error::new(Kind::Usage, "the output is the input file; needed another name");
        return Err(error.at(args.output.display()));
    }
    if files::exists(&args.output) && !files::is_file(&args.output) {
        let error = Error::new(Kind::Usage, "not a regular file; needed the name of a file to write");
        return Err(error.at(args.output.display()));
    }
    Ok(())
}

/// What is to be written.
struct Imported {
    sources: Vec<Archive>,
    assignment: Assignment,
    about: About,
    /// The network in words.
    what: String,
}

impl Imported {
    fn read(args: &ImportArgs) -> Result<Imported> {
        if !matches!(args.model, ModelName::Vgg16) && (args.body || args.classes.is_some()) {
            let message = format!("{} has no classes: `--body` and `--classes` are for classifiers", args.model.name());
            return Err(Error::new(Kind::Usage, message));
        }
        match (args.model.segmenter(), args.files.as_slice()) {
            (Some(segmenter), [encoder, decoder, labels]) => {
                let sources = vec![weights::open(encoder)?, weights::open(decoder)?];
                let text = files::read_to_string(labels)?;
                let here = |error: Error| error.at(labels.display());
                let names = Names::parse(segmenter, &text).map_err(here)?;
                let assignment =
                    segmenter_weights::assign(segmenter, &names.normalisation(), &sources[0], &sources[1])?;
                names.check(&assignment.shapes()).map_err(here)?;
                let what = segmenter_weights::describe(segmenter, &assignment);
                let about = args.about(None, Some(text));
                Ok(Imported { sources, assignment, about, what })
            }
            (Some(segmenter), files) => {
                let message = format!("{} is imported from three files; {} given", segmenter.name(), files.len());
                Err(Error::new(Kind::Usage, message).hint("name them in this order: ENCODER DECODER labels.json"))
            }
            (None, [file]) => {
                let archive = weights::open(file)?;
                let (assignment, what) = match args.model {
                    ModelName::Progan => {
                        let assignment = progan_weights::assign(&archive)?;
                        let what = progan_weights::describe(&assignment);
                        (assignment, what)
                    }
                    _ => {
                        let assignment = vgg16_weights::assign(&archive, args.body)?;
                        let what = match vgg16_weights::classes(&assignment) {
                            Some(classes) => format!("vgg16, {classes} classes"),
                            None => "vgg16, body only".to_owned(),
                        };
                        (assignment, what)
                    }
                };
                let classes = args.classes.as_deref().map(|path| read_classes(path, &assignment)).transpose()?;
                Ok(Imported { sources: vec![archive], assignment, about: args.about(classes, None), what })
            }
            (None, files) => {
                let message = format!("{} is imported from one file; {} given", args.model.name(), files.len());
                Err(Error::new(Kind::Usage, message))
            }
        }
    }
}

impl ImportArgs {
    fn about(&self, classes: Option<Vec<String>>, labels: Option<String>) -> About {
        let model = self.model.name().into();
        // A segmenter's first layer brings pixels from -1 to 1 to what its encoder wants.
        let preprocess = if self.model.segmenter().is_some() { Preprocess::Signed } else { self.preprocess };
        About { model, preprocess, body: self.body, classes, labels }
    }
}

fn read_classes(path: &Path, assignment: &Assignment) -> Result<Vec<String>> {
    let text = files::read_to_string(path)?;
    import::class_names(&text, vgg16_weights::classes(assignment)).map_err(|error| error.at(path.display()))
}

impl Imported {
    fn json(&self, args: &ImportArgs, written: Option<&Written>) -> Value {
        let (assignment, about) = (&self.assignment, &self.about);
        let source = |archive: &Archive| {
            json!({
                "file": archive.path().to_string_lossy(),
                "container": archive.container().to_string(),
                "sha256": archive.sha256(),
            })
        };
        let sources: Vec<Value> = self.sources.iter().map(source).collect();
        json!({
            "output": args.output.to_string_lossy(),
            "written": written.is_some(),
            "bytes": written.map(|written| written.bytes),
            "sha256": written.map(|written| &written.sha256),
            "model": about.model,
            "preprocess": about.preprocess.name(),
            "body": about.body,
            "classes": vgg16_weights::classes(assignment),
            "tensors": tensors_json(&assignment.tensors),
            "dropped": assignment.dropped,
            "notes": assignment.notes,
            "source": sources.first(),
            "sources": sources,
        })
    }

    fn text(&self, args: &ImportArgs, written: Option<&Written>) -> String {
        let (assignment, what) = (&self.assignment, &self.what);
        let count = assignment.tensors.len();
        let mut text = match written {
            Some(written) => {
                let (size, sha256) = (size(written.bytes), &written.sha256);
                format!("wrote {}: {count} tensors, {size} ({what})\n  sha256  {sha256}\n", args.output.display())
            }
            None => format!("would write {}: {count} tensors ({what})\n", args.output.display()),
        };
        for source in &self.sources {
            text += &format!("  source  {}, {}\n", source.path().display(), source.container());
        }
        if matches!(args.model, ModelName::Vgg16) {
            text += &format!("  images  prepared as `{}`\n", self.about.preprocess.name());
        }
        if !assignment.dropped.is_empty() {
            text += &format!("  dropped {} tensors: {}\n", assignment.dropped.len(), list(&assignment.dropped));
        }
        for note in &assignment.notes {
            text += &format!("  note    {note}\n");
        }
        text
    }
}

fn inspect(args: &InspectArgs, json: bool, out: &mut dyn Write) -> Result<()> {
    let archive = weights::open(&args.file)?;
    let sha256 = archive.sha256();
    let total: usize = archive.tensors().iter().map(Tensor::bytes_len).sum();
    if json {
        let metadata: serde_json::Map<String, Value> =
            archive.metadata().iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        let listing = json!({
            "file": args.file.to_string_lossy(),
            "container": archive.container().to_string(),
            "file_bytes": archive.file_bytes(),
            "sha256": sha256,
            "metadata": metadata,
            "tensor_bytes": total,
            "tensors": tensors_json(archive.tensors()),
        });
        return print(out, &format!("{listing:#}\n"));
    }
    let shown: Vec<String> = archive.tensors().iter().map(|tensor| printable(tensor.name())).collect();
    let width = shown.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(80);
    let mut text = String::new();
    for (tensor, name) in archive.tensors().iter().zip(shown) {
        let dims = format!("{:?}", tensor.dims());
        text += &format!("{name:width$}  {:5} {dims:20} {:>10}\n", tensor.dtype(), size(tensor.bytes_len() as u64));
    }
    for (key, value) in archive.metadata() {
        text += &format!("{}: {}\n", printable(key), printable(value));
    }
    let (count, kind) = (archive.tensors().len(), archive.container());
    text += &format!("{count} tensors, {} ({kind}, sha256 {sha256})\n", size(total as u64));
    print(out, &text)
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
    let shown: Vec<String> = names.iter().take(6).map(|name| printable(name)).collect();
    let more = if names.len() > shown.len() { ", ..." } else { "" };
    shown.join(", ") + more
}

/// Text from a file without control characters, which could rewrite the terminal.
fn printable(text: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_unicode().collect() } else { String::from(c) };
    text.chars().take(400).map(escape).collect()
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

fn print(out: &mut dyn Write, text: &str) -> Result<()> {
    out.write_all(text.as_bytes()).map_err(|error| Error::writing(Path::new("standard output"), &error))
}
