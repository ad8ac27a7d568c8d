//! `netdissect generate`: images of a generator, as it is or with units changed.

use std::borrow::Cow;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::latents::LatentArgs;
use super::network::WeightArgs;
use super::words::size_in_words;
use crate::data::pixels::rgb_of_signed;
use crate::dissect::edits::{self, Change, Words};
use crate::error::{Error, Result};
use crate::files;
use crate::report::sheet;
use crate::session::Session;
use crate::weights::{self, Stored};
use crate::work::generator::Generator;

/// Make images with a generator, as it is or with units changed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect generate --weights church.safetensors --latents 0-63 --sheet church.png
  netdissect generate -w church.safetensors --latents 489,726,920-926 -o images
  netdissect generate -w church.safetensors --latents 0-9 --zero layer4:0-19 -o without
  netdissect generate -w church.safetensors --latents 0-9 --zero run:tree:20 -o treeless
  netdissect generate -w church.safetensors --latents 0-9 --set layer4:0-19=3.0@2,5 --raw door.safetensors

Files written by `--raw` hold the tensor `images` [n, 3, h, w] as the generator makes it, not clamped to [-1, 1]. Pictures are:
byte = trunc(clamp(127.5 v + 127.5, 0, 255)).")]
pub(super) struct GenerateArgs {
    #[command(flatten)]
    network: WeightArgs,

    #[command(flatten)]
    latents: LatentArgs,

    /// Folder for one PNG file an image, named by the latent's number.
    #[arg(short, long, value_name = "DIR", required_unless_present_any = ["sheet", "raw"])]
    output: Option<PathBuf>,

    /// PNG file for all images side by side.
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,

    /// File for the images as numbers, not clamped.
    #[arg(long, value_name = "FILE.safetensors")]
    raw: Option<PathBuf>,

    /// Switch units of a layer off, by number or the first of a dissection's ranking by a concept; may be given several times.
    #[arg(long, value_name = "LAYER:UNITS|RUN:CONCEPT:COUNT", value_parser = Words::zero)]
    zero: Vec<Words>,

    /// Set units of a layer, everywhere or at a row and column of the layer's own map; after `--zero`, in the order given.
    /// Units of a dissection's ranking are set to their levels in that run unless a value is given.
    #[arg(long, value_name = "LAYER:UNITS=VALUE[@ROW,COLUMN]|RUN:CONCEPT:COUNT[=VALUE][@ROW,COLUMN]", value_parser = Words::set)]
    set: Vec<Words>,

    /// Images at once [default: as many as the memory allows, up to 16].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch: Option<u32>,
}

/// Runs `netdissect generate`.
///
/// # Errors
/// [`crate::error::Kind::Input`] if a layer, unit or latent is not there; [`crate::error::Kind::Output`] if a file cannot be written.
pub(super) fn run(args: &GenerateArgs, context: &mut Context<'_>) -> Result<()> {
    let generator = Generator::open(&args.network.choice(), &args.latents.choice())?;
    let image = generator.model.graph.node(generator.model.graph.output()).clone();
    let changes: Vec<Change> =
        args.zero.iter().chain(&args.set).map(|words| words.change(generator.file.sha256())).collect::<Result<_>>()?;
    let node_of = |layer: &str| generator.model.node_of(layer, false).map(str::to_owned);
    let shape_of = |layer: &str| Ok(generator.model.graph.node(generator.model.graph.find(&node_of(layer)?)?).shape);
    let edits = edits::by_layer(&changes, shape_of)?;
    let mut keep = vec![image.name.clone()];
    for (layer, _) in &edits {
        keep.push(node_of(layer)?);
    }
    let gpu = context.host.open_gpu()?;
    let keep: Vec<&str> = keep.iter().map(String::as_str).collect();
    let mut session = generator.session(context.host, &gpu, &keep, args.batch)?;
    for (layer, edit) in &edits {
        session.edit(&node_of(layer)?, Some(edit))?;
    }
    if args.sheet.is_some() {
        sheet::size(generator.indices.len(), image.shape.h)?;
    }
    let mut outputs = Outputs::open(args, image.shape.h)?;
    context.host.progress.stage("generating", generator.indices.len() as u64);
    generator.run(context.host, &session, &gpu, |indices| outputs.take(&session, &image.name, indices))?;
    let written = outputs.finish(args, &generator)?;
    if context.json {
        let files: Vec<_> = written.iter().map(|(path, bytes)| json!({ "file": path, "bytes": bytes })).collect();
        let size = [image.shape.h, image.shape.w];
        return context.json(&json!({ "images": generator.indices.len(), "size": size, "written": files }));
    }
    for (path, bytes) in &written {
        context.line(&format!("{}  {}", path.display(), size_in_words(*bytes)))?;
    }
    Ok(())
}

/// Where images go as they are made.
struct Outputs<'a> {
    args: &'a GenerateArgs,
    /// Rows and columns.
    side: u32,
    /// Images of the sheet.
    pictures: Vec<Vec<u8>>,
    /// Numbers, gathered on disk: they do not have to fit the memory.
    numbers: Option<std::fs::File>,
    /// Bytes of the single files.
    bytes: u64,
}

impl<'a> Outputs<'a> {
    fn open(args: &'a GenerateArgs, side: u32) -> Result<Self> {
        if let Some(folder) = &args.output {
            files::make_folder(folder)?;
        }
        let temporary = |path: &PathBuf| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            tempfile::tempfile_in(folder.unwrap_or(std::path::Path::new(".")))
                .map_err(|error| Error::writing(path, &error))
        };
        let numbers = args.raw.as_ref().map(temporary).transpose()?;
        Ok(Outputs { args, side, pictures: Vec::new(), numbers, bytes: 0 })
    }

    /// Takes the images of a batch.
    fn take(&mut self, session: &Session, node: &str, indices: &[u32]) -> Result<()> {
        let images = session.read(node, indices.len() as u32)?;
        if let (Some(file), Some(path)) = (&mut self.numbers, &self.args.raw) {
            file.write_all(bytemuck::cast_slice(&images.data)).map_err(|error| Error::writing(path, &error))?;
        }
        if self.args.output.is_none() && self.args.sheet.is_none() {
            return Ok(());
        }
        for (index, image) in indices.iter().zip(images.data.chunks_exact(images.data.len() / indices.len())) {
            let rgb = rgb_of_signed(image);
            if let Some(folder) = &self.args.output {
                let png = sheet::png(&rgb, self.side, self.side)?;
                files::write_atomic(&folder.join(format!("{index}.png")), &png)?;
                self.bytes += png.len() as u64;
            }
            if self.args.sheet.is_some() {
                self.pictures.push(rgb);
            }
        }
        Ok(())
    }

    /// Writes what holds all images; every file or folder with its bytes.
    fn finish(self, args: &GenerateArgs, generator: &Generator) -> Result<Vec<(PathBuf, u64)>> {
        let mut written = Vec::new();
        if let Some(folder) = &args.output {
            written.push((folder.clone(), self.bytes));
        }
        if let Some(path) = &args.sheet {
            let sheet = sheet::sheet(&self.pictures, self.side)?;
            let png = sheet::png(sheet.as_raw(), sheet.width(), sheet.height())?;
            files::write_atomic(path, &png)?;
            written.push((path.clone(), png.len() as u64));
        }
        if let (Some(path), Some(file)) = (&args.raw, &self.numbers) {
            // SAFETY: the file is a temporary one without a name; nobody else can change it while it is mapped.
            let map = unsafe { memmap2::Mmap::map(file) }.map_err(|error| Error::reading(path, &error))?;
            let dims = vec![generator.indices.len(), 3, self.side as usize, self.side as usize];
            let metadata = [
                ("latents".to_owned(), json!(generator.indices).to_string()),
                ("latents_from".to_owned(), generator.latents.describe()),
                ("weights_sha256".to_owned(), generator.file.sha256().to_owned()),
            ];
            // A map begins at a page, so its bytes lie as numbers must.
            let numbers: &[f32] = bytemuck::try_cast_slice(&map)
                .map_err(|error| Error::internal(error.to_string()).at(path.display()))?;
            let values = |_| Ok(Cow::Borrowed(numbers));
            let stored = [Stored { name: "images".to_owned(), dims }];
            written.push((path.clone(), weights::save(path, &metadata, &stored, values)?.bytes));
        }
        Ok(written)
    }
}
