//! `netdissect activations`: chosen layers of chosen images into a file.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::context::Context;
use super::latents::LatentArgs;
use super::network::{InputArgs, LayerArgs};
use super::words::size_in_words;
use crate::data::ImageSource;
use crate::data::loader::ImageLoader;
use crate::error::{Error, Result};
use crate::progress::check_stop;
use crate::session::Session;
use crate::tensor::Shape;
use crate::weights::{Stored, WeightFile, save};
use crate::work::generator::{Generator, LatentChoice};
use crate::work::network::{ImageChoice, ImageNetwork};
use crate::work::subject::Inputs;

/// Save the activations of chosen layers as safetensors: tensors named by layer, `[n, c, h, w]`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect activations photos/ --weights vgg16.safetensors --layer conv5_3 -o conv5_3.safetensors
  netdissect activations photos/ -w vgg16.safetensors -l conv1_1,fc7 --limit 100 -o some.safetensors
  netdissect activations crops/ -w vgg16.safetensors -l conv5_3 --as-is --pre-relu -o raw.safetensors
  netdissect activations --latents 0-63 -w church.safetensors -l layer4 -o layer4.safetensors

The names of the images, or the numbers of the latents, stand in the file's metadata, key `images` or `latents`, as a JSON list in
the order of the first axis.")]
pub(super) struct ActivationsArgs {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    latents: LatentArgs,

    #[command(flatten)]
    layers: LayerArgs,

    /// File to write.
    #[arg(short, long, value_name = "FILE.safetensors")]
    output: PathBuf,
}

/// Values of a layer, gathered on disk: the file does not have to fit the memory.
struct Gathered {
    name: String,
    node: String,
    shape: Shape,
    values: std::fs::File,
}

/// Runs `netdissect activations`.
///
/// # Errors
/// [`crate::error::Kind::Input`] if no image can be read, [`crate::error::Kind::Output`] if the file cannot be written.
pub(super) fn run(args: &ActivationsArgs, context: &mut Context<'_>) -> Result<()> {
    match args.latents.or_images(&args.input)? {
        Inputs::Latents(latents) => of_latents(args, context, &latents),
        Inputs::Images(images) => of_images(args, context, &images),
    }
}

fn of_images(args: &ActivationsArgs, context: &mut Context<'_>, images: &ImageChoice) -> Result<()> {
    let network = ImageNetwork::open(&args.input.network.choice(), images)?;
    let nodes = network.nodes(&args.layers.choice())?;
    let keep: Vec<&str> = nodes.iter().map(|(_, node)| node.as_str()).collect();
    let gpu = context.host.open_gpu()?;
    let session = network.session(context.host, &gpu, &keep, args.input.batch)?;
    let loader = ImageLoader::new(network.set.clone(), network.load_options(&session)?)?;
    let mut gathered = gather(args, &session, &nodes)?;
    context.host.progress.stage("reading activations", u64::from(loader.count()));
    let mut images = Vec::new();
    for batch in loader.batches(0..loader.count()) {
        check_stop(context.host.stop)?;
        let batch = batch?;
        let n = batch.indices.len() as u32;
        if n > 0 {
            session.upload(&batch.input, n)?;
            gpu.submit(&gpu.program(session.record(n)?)?)?;
            gathered.iter_mut().try_for_each(|layer| layer.take(&session, n, &args.output))?;
            images.extend(batch.names);
        }
        context.host.progress.advance(n.into());
    }
    if images.is_empty() {
        return Err(loader.nothing_readable());
    }
    let skipped: Vec<_> = loader.skipped().iter().map(|s| json!({ "image": s.name, "reason": s.reason })).collect();
    let about = [
        ("images".to_owned(), json!(images).to_string()),
        ("geometry".to_owned(), network.geometry.describe().to_string()),
    ];
    finish(args, context, &gathered, &network.file, &about, json!({ "images": images, "skipped": skipped }))
}

fn of_latents(args: &ActivationsArgs, context: &mut Context<'_>, latents: &LatentChoice) -> Result<()> {
    let generator = Generator::open(&args.input.network.choice(), latents)?;
    let layers = args.layers.choice();
    let nodes = generator.model.nodes_of(&layers.layers, layers.pre_relu)?;
    let keep: Vec<&str> = nodes.iter().map(|(_, node)| node.as_str()).collect();
    let gpu = context.host.open_gpu()?;
    let session = generator.session(context.host, &gpu, &keep, args.input.batch)?;
    let mut gathered = gather(args, &session, &nodes)?;
    context.host.progress.stage("reading activations", generator.indices.len() as u64);
    generator.run(context.host, &session, &gpu, |indices| {
        gathered.iter_mut().try_for_each(|layer| layer.take(&session, indices.len() as u32, &args.output))
    })?;
    let about = [
        ("latents".to_owned(), json!(generator.indices).to_string()),
        ("latents_from".to_owned(), generator.latents.describe()),
    ];
    finish(args, context, &gathered, &generator.file, &about, json!({ "latents": generator.indices }))
}

/// Empty places for the values of each layer.
fn gather(args: &ActivationsArgs, session: &Session, nodes: &[(String, String)]) -> Result<Vec<Gathered>> {
    let folder = args.output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let place = |(name, node): &(String, String)| {
        let values = tempfile::tempfile_in(folder).map_err(|error| Error::writing(&args.output, &error))?;
        Ok(Gathered { name: name.clone(), node: node.clone(), shape: session.value(node, 0)?.1, values })
    };
    nodes.iter().map(place).collect()
}

impl Gathered {
    /// Appends the values of the batch that has just run.
    fn take(&mut self, session: &Session, n: u32, output: &Path) -> Result<()> {
        let values = session.read(&self.node, n)?;
        self.values.write_all(bytemuck::cast_slice(&values.data)).map_err(|error| Error::writing(output, &error))?;
        self.shape.n += n;
        Ok(())
    }
}

/// Writes the file and says what it holds; `about` goes into its metadata, `inputs` into the JSON output.
fn finish(
    args: &ActivationsArgs,
    context: &mut Context<'_>,
    gathered: &[Gathered],
    weights: &WeightFile,
    about: &[(String, String)],
    inputs: Value,
) -> Result<()> {
    let bytes = write(args, gathered, weights, about)?;
    if context.json {
        let layers: Vec<_> = gathered
            .iter()
            .map(|layer| json!({ "layer": layer.name, "shape": [layer.shape.n, layer.shape.c, layer.shape.h, layer.shape.w] }))
            .collect();
        let mut said = json!({ "file": args.output, "layers": layers });
        if let (Value::Object(said), Value::Object(inputs)) = (&mut said, inputs) {
            said.extend(inputs);
        }
        return context.json(&said);
    }
    for layer in gathered {
        context.line(&format!("{}  {}", layer.name, layer.shape))?;
    }
    context.line(&format!("{}  {}", args.output.display(), size_in_words(bytes)))
}

/// Writes the file; the number of its bytes.
fn write(
    args: &ActivationsArgs,
    gathered: &[Gathered],
    weights: &WeightFile,
    about: &[(String, String)],
) -> Result<u64> {
    let mut maps = Vec::new();
    for layer in gathered {
        // SAFETY: the file is a temporary one without a name; nobody else can change it while it is mapped.
        let map = unsafe { memmap2::Mmap::map(&layer.values) };
        maps.push(map.map_err(|error| Error::reading(&args.output, &error))?);
    }
    let stored: Vec<Stored> = gathered
        .iter()
        .map(|layer| {
            let Shape { n, c, h, w } = layer.shape;
            Stored { name: layer.name.clone(), dims: [n, c, h, w].map(|size| size as usize).to_vec() }
        })
        .collect();
    let own = [
        ("weights_sha256".to_owned(), weights.sha256().to_owned()),
        ("pre_relu".to_owned(), args.layers.choice().pre_relu.to_string()),
    ];
    let metadata = [about, &own].concat();
    // A map begins at a page, so its bytes lie as numbers must.
    let values = |layer: usize| match bytemuck::try_cast_slice(&maps[layer]) {
        Ok(numbers) => Ok(Cow::Borrowed(numbers)),
        Err(error) => Err(Error::internal(error.to_string()).at(args.output.display())),
    };
    Ok(save(&args.output, &metadata, &stored, values)?.bytes)
}
