//! What `classify`, `activations` and `dissect` share: the network, the images, and how many at once.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::context::Context;
use crate::concepts::broden;
use crate::concepts::segmenter::Names;
use crate::data::decode::{self, Exif};
use crate::data::images::{ImageSet, Order};
use crate::data::loader::LoadOptions;
use crate::data::preprocess::{Geometry, Preprocess};
use crate::error::{Error, Kind, Result};
use crate::gpu::Gpu;
use crate::graph::Graph;
use crate::kernels::tune::Tuner;
use crate::models::segmenter::{self, Segmenter};
use crate::models::{Model, vgg16};
use crate::session::{self, Session};
use crate::weights::{WeightFile, import, shipped};

/// Bytes of pixels kept between passes, so that a few hundred images are decoded once.
const KEPT_PIXELS: u64 = 256 << 20;

/// Which weights: those of a file, or of a network that comes with the program.
#[derive(Debug, Clone, Args)]
pub(super) struct WeightArgs {
    /// Weights, as `netdissect weights import` writes them.
    #[arg(short, long, value_name = "FILE.safetensors", required_unless_present = "model")]
    pub(super) weights: Option<PathBuf>,

    /// Network; read from the weight file if left out. Small ones that know scenes come with the program and need no file, such as
    /// `demo-classifier`.
    #[arg(long, value_name = "NAME")]
    pub(super) model: Option<String>,
}

impl WeightArgs {
    /// Opens them.
    ///
    /// # Errors
    /// [`Kind::Usage`] if both or neither are named, or the program has no such network; else as [`WeightFile::open`].
    pub(super) fn open(&self) -> Result<WeightFile> {
        let paths = match (&self.weights, self.model.as_deref()) {
            (Some(_), Some(name)) if shipped::find(name).is_some() => {
                let message = format!("both a file and `--model {name}` are named; needed one of them");
                return Err(Error::new(Kind::Usage, message).hint("networks that come with the program need no file"));
            }
            (Some(path), _) => vec![path.clone()],
            (None, name) => shipped::paths(name.unwrap_or_default())?,
        };
        let first = paths.first().ok_or_else(|| Error::internal("a shipped network without a file"))?;
        WeightFile::open(first)
    }

    /// The architecture: as it is named, or that of the weights.
    pub(super) fn architecture<'a>(&'a self, file: &'a WeightFile) -> &'a str {
        let named = self.model.as_deref().filter(|name| shipped::find(name).is_none());
        named.unwrap_or(file.model())
    }
}

/// Which network and which images.
#[derive(Debug, Clone, Args)]
pub(super) struct InputArgs {
    /// A folder of images (searched to any depth), a list file (`.txt`, one path a line) or an image.
    pub(super) images: Option<PathBuf>,

    #[command(flatten)]
    pub(super) network: WeightArgs,

    /// Send pixels in without resizing or cropping; all images must share one size the network accepts.
    #[arg(long)]
    pub(super) as_is: bool,

    /// Images at once [default: as many as the memory allows, up to 16].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(super) batch: Option<u32>,

    /// Only the first N images in order.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) limit: Option<u32>,

    /// Order of the images: sorted by name, or shuffled as the reference implementation does (seed 1).
    #[arg(long, value_enum, default_value_t)]
    pub(super) order: OrderName,

    /// What to do about the rotation a camera noted: turn the image upright, or take pixels as they are stored.
    #[arg(long, value_enum, default_value_t)]
    pub(super) exif: ExifName,
}

/// Words for [`Order`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum OrderName {
    /// By folder, then by file name.
    #[default]
    Sorted,
    /// As Python's `random.Random(1).shuffle` leaves the sorted list.
    Shuffled,
}

/// Words for [`Exif`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ExifName {
    /// Turn upright.
    #[default]
    Apply,
    /// As stored; what the reference implementation does.
    Ignore,
}

/// Layers of the network.
#[derive(Debug, Clone, Args)]
pub(super) struct LayerArgs {
    /// Layer to read; several with commas or by repeating the option.
    #[arg(short, long = "layer", value_name = "LAYER", value_delimiter = ',', required = true)]
    pub(super) layers: Vec<String>,

    /// Read convolutions before their ReLU.
    #[arg(long)]
    pub(super) pre_relu: bool,
}

/// A network and its images, opened and checked.
pub(super) struct Network {
    /// Weights.
    pub(super) file: WeightFile,
    /// Graph and layers, for images of the run's size.
    pub(super) model: Model,
    /// The images.
    pub(super) set: ImageSet,
    /// How they are brought to the network's size.
    pub(super) geometry: Geometry,
    /// Whether cameras' rotations are applied.
    pub(super) exif: Exif,
    order: Order,
}

impl InputArgs {
    /// The images as a folder of the Broden data set, with the part of each that the network sees.
    pub(super) fn broden(&self, network: &Network) -> Option<(PathBuf, Geometry)> {
        Some((self.images.clone()?, network.geometry))
    }

    /// Opens the weights and lists the images.
    ///
    /// # Errors
    /// [`Kind::Input`] naming what is wrong; [`Kind::Usage`] for a model that does not exist.
    pub(super) fn open(&self) -> Result<Network> {
        let file = self.network.open()?;
        let name = self.network.architecture(&file);
        let segmenter = Segmenter::named(name);
        if name != "vgg16" && segmenter.is_none() {
            let known = [Segmenter::Upernet, Segmenter::Colors].map(Segmenter::name).join(", ");
            let message = format!("there is no model `{name}` that sees images; there are: vgg16, {known}");
            let error = Error::new(Kind::Usage, message);
            return Err(match name {
                "progan" => error.hint("a generator is given latents: `--latents 0-63`"),
                _ => error,
            });
        }
        let Some(images) = &self.images else {
            let error = Error::new(Kind::Usage, "no images are named");
            return Err(error.hint("name a folder of images, a list file (.txt) or an image"));
        };
        let order = match self.order {
            OrderName::Sorted => Order::Sorted,
            OrderName::Shuffled => Order::Shuffled,
        };
        // Among Broden's images lie its label maps; only its index tells them apart.
        let mut set = match broden::is_broden(images) {
            true => broden::image_set(images, order)?,
            false => ImageSet::open(images, order)?,
        };
        if let Some(limit) = self.limit {
            set = set.limit(limit as usize);
        }
        if set.is_empty() {
            let error = Error::input("there is no image in it").at(images.display());
            return Err(error.hint("JPEG, PNG and WebP files are read"));
        }
        let exif = match self.exif {
            ExifName::Apply => Exif::Apply,
            ExifName::Ignore => Exif::Ignore,
        };
        let geometry = if self.as_is { Geometry::AsIs } else { Geometry::VGG16 };
        let (h, w) = match geometry.fixed_size() {
            Some(size) => size,
            None => first_size(&set, exif)?,
        };
        let model = match segmenter {
            Some(segmenter) => segmenter::build(segmenter, &file.shapes(), Names::of(&file)?.1.side(), (h, w)),
            None => vgg16::build(&file.shapes(), h, w),
        };
        let model = model.map_err(|error| error.at(file.path().display()))?;
        Ok(Network { file, model, set, geometry, exif, order })
    }
}

/// Size of the first image that can be read: all must share it.
fn first_size(set: &ImageSet, exif: Exif) -> Result<(u32, u32)> {
    let mut first_error = None;
    for item in &set.items {
        match decode::size(&item.path, exif) {
            Ok(size) => return Ok(size),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| Error::input("there is no image")))
}

impl Network {
    /// How images are loaded for a session.
    ///
    /// # Errors
    /// [`Kind::Input`] if the weight file asks for a preprocessing there is not.
    pub(super) fn load_options(&self, session: &Session) -> Result<LoadOptions> {
        let preprocess = match self.file.preprocess()? {
            import::Preprocess::Torch => Preprocess::Torch,
            import::Preprocess::Caffe => Preprocess::Caffe,
            import::Preprocess::None => Preprocess::None,
            import::Preprocess::Signed => Preprocess::Signed,
        };
        Ok(LoadOptions {
            geometry: self.geometry,
            preprocess,
            exif: self.exif,
            batch: session.batch() as usize,
            threads: 0,
            keep_bytes: KEPT_PIXELS,
        })
    }

    /// Word for the order of the images.
    pub(super) fn order(&self) -> &'static str {
        self.order.name()
    }

    /// The nodes to read for the layers the user named.
    ///
    /// # Errors
    /// [`Kind::Input`] with the nearest name as a hint.
    pub(super) fn nodes(&self, layers: &LayerArgs) -> Result<Vec<(String, String)>> {
        self.model.nodes_of(&layers.layers, layers.pre_relu)
    }

    /// Puts the part of the network that these nodes need on the device, for as many images at once as asked or as fit; halves
    /// the batch where the device says no, and says so.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub(super) fn session(
        &self,
        context: &Context<'_>,
        gpu: &Gpu,
        nodes: &[&str],
        batch: Option<u32>,
    ) -> Result<Session> {
        let graph = self.model.graph.head(nodes)?;
        open_session(context, gpu, &graph, &self.file, (nodes, self.set.len()), batch)
    }
}

/// As [`session::fitting`], with the tuner's kept choices; says that it may take a moment.
///
/// # Errors
/// As [`session::fitting`], with the path of the weights.
pub(super) fn open_session(
    context: &Context<'_>,
    gpu: &Gpu,
    graph: &Graph,
    file: &WeightFile,
    (nodes, images): (&[&str], usize),
    batch: Option<u32>,
) -> Result<Session> {
    context.progress.note("loading the network");
    session::fitting(gpu, graph, file, (nodes, images), batch, &mut Tuner::cached(), context.progress)
        .map_err(|error| error.at(file.path().display()))
}
