//! `netdissect activations`: chosen layers of chosen images into a file.

use std::borrow::Cow;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::context::{Context, size_in_words};
use super::network::{InputArgs, LayerArgs};
use crate::data::ImageSource;
use crate::data::loader::ImageLoader;
use crate::error::{Error, Result};
use crate::progress::check_stop;
use crate::tensor::Shape;
use crate::weights::{self, Stored};

/// Save the activations of chosen layers as safetensors: tensors named by layer, `[n, c, h, w]`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  netdissect activations photos/ --weights vgg16.safetensors --layer conv5_3 -o conv5_3.safetensors
  netdissect activations photos/ -w vgg16.safetensors -l conv1_1,fc7 --limit 100 -o some.safetensors
  netdissect activations crops/ -w vgg16.safetensors -l conv5_3 --as-is --pre-relu -o raw.safetensors

The names of the images stand in the file's metadata, key `images`, as a JSON list in the order of the first axis.")]
pub(super) struct ActivationsArgs {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    layers: LayerArgs,

    /// File to write.
    #[arg(short, long, value_name = "FILE.safetensors")]
    output: PathBuf,
}

/// Values of a layer, gathered on disk: the file does not have to fit the memory.
struct Gathered {
    name: String,
    shape: Shape,
    values: std::fs::File,
}

/// Runs `netdissect activations`.
///
/// # Errors
/// [`crate::error::Kind::Input`] if no image can be read, [`crate::error::Kind::Output`] if the file cannot be written.
pub(super) fn run(args: &ActivationsArgs, context: &mut Context<'_>) -> Result<()> {
    let network = args.input.open()?;
    let nodes = network.nodes(&args.layers)?;
    let keep: Vec<&str> = nodes.iter().map(|(_, node)| node.as_str()).collect();
    let gpu = context.open_gpu()?;
    let session = network.session(context, &gpu, &keep, args.input.batch)?;
    let loader = ImageLoader::new(network.set.clone(), network.load_options(&session)?)?;
    let folder =
        args.output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
    let mut gathered = Vec::new();
    for (name, node) in &nodes {
        let values = tempfile::tempfile_in(folder).map_err(|error| Error::writing(&args.output, &error))?;
        gathered.push(Gathered { name: name.clone(), shape: session.value(node, 0)?.1, values });
    }
    context.progress.stage("reading activations", u64::from(loader.count()));
    let mut images = Vec::new();
    for batch in loader.batches(0) {
        check_stop(context.stop)?;
        let batch = batch?;
        let n = batch.indices.len() as u32;
        if n > 0 {
            session.upload(&batch.input, n)?;
            gpu.submit(&gpu.program(session.record(n)?)?)?;
            for (layer, (_, node)) in gathered.iter_mut().zip(&nodes) {
                let values = session.read(node, n)?;
                let written = layer.values.write_all(bytemuck::cast_slice(&values.data));
                written.map_err(|error| Error::writing(&args.output, &error))?;
                layer.shape.n += n;
            }
            images.extend(batch.names);
        }
        context.progress.advance(n.into());
    }
    if images.is_empty() {
        return Err(loader.nothing_readable());
    }
    let bytes = write(args, &gathered, &images, &network)?;
    let skipped = loader.skipped();
    if context.global.json {
        let layers: Vec<_> = gathered
            .iter()
            .map(|layer| json!({ "layer": layer.name, "shape": [layer.shape.n, layer.shape.c, layer.shape.h, layer.shape.w] }))
            .collect();
        let skipped: Vec<_> = skipped.iter().map(|s| json!({ "image": s.name, "reason": s.reason })).collect();
        return context.json(&json!({ "file": args.output, "layers": layers, "images": images, "skipped": skipped }));
    }
    for layer in &gathered {
        context.line(&format!("{}  {}", layer.name, layer.shape))?;
    }
    context.line(&format!("{}  {}", args.output.display(), size_in_words(bytes)))
}

/// Writes the file; the number of its bytes.
fn write(
    args: &ActivationsArgs,
    gathered: &[Gathered],
    images: &[String],
    network: &super::network::Network,
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
    let metadata = [
        ("images".to_owned(), json!(images).to_string()),
        ("weights_sha256".to_owned(), network.file.sha256().to_owned()),
        ("pre_relu".to_owned(), args.layers.pre_relu.to_string()),
        ("geometry".to_owned(), network.geometry.describe().to_string()),
    ];
    let values = |layer: usize| Ok(Cow::Owned(bytemuck::pod_collect_to_vec(&maps[layer][..])));
    Ok(weights::save(&args.output, &metadata, &stored, values)?.bytes)
}
