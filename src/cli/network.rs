//! Words for a network, its images and its layers.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use crate::data::decode::Exif;
use crate::data::images::Order;
use crate::preprocess::Geometry;
use crate::work::network::{ImageChoice, LayerChoice, NetworkChoice};

/// Which weights: those of a file, or of a network that comes with the program.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("network").required(true).multiple(true).args(["weights", "model"])))]
pub(super) struct WeightArgs {
    /// Weights, as `netdissect weights import` writes them.
    #[arg(short, long, value_name = "FILE.safetensors")]
    weights: Option<PathBuf>,

    /// Network; read from the weight file if left out. Small ones that know scenes come with the program and need no file, such as
    /// `demo-classifier`.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
}

impl WeightArgs {
    /// The network that the words mean.
    pub(super) fn choice(&self) -> NetworkChoice {
        NetworkChoice { weights: self.weights.clone(), model: self.model.clone() }
    }
}

/// How images are brought to the network's size.
#[derive(Debug, Clone, Args)]
pub(super) struct GeometryArgs {
    /// Send pixels in without resizing or cropping; all images must share one size the network accepts.
    #[arg(long, conflicts_with_all = ["size", "resize", "crop"])]
    as_is: bool,

    /// Squash images to N x N pixels, nothing cut [default: as the weight file says; 256 squashed and 224 cut out where it does not].
    #[arg(long, value_name = "N", conflicts_with_all = ["resize", "crop"])]
    size: Option<u32>,

    /// Squash images to N x N pixels before the centre is cut out.
    #[arg(long, value_name = "N", requires = "crop")]
    resize: Option<u32>,

    /// Cut the centre of N x N pixels out.
    #[arg(long, value_name = "N", requires = "resize")]
    crop: Option<u32>,
}

impl GeometryArgs {
    /// The geometry that the words mean; none if there are none.
    pub(super) fn choice(&self) -> Option<Geometry> {
        match (self.as_is, self.size, self.resize.zip(self.crop)) {
            (true, ..) => Some(Geometry::AsIs),
            (_, Some(side), _) => Some(Geometry::square(side)),
            (_, _, Some((resize, crop))) => Some(Geometry::ResizeCrop { resize, crop }),
            _ => None,
        }
    }
}

/// Which network and which images.
#[derive(Debug, Clone, Args)]
pub(super) struct InputArgs {
    /// Images: folders (searched to any depth), list files (`.txt`, one path a line), images, or patterns such as 'shots/*.png'.
    pub(super) images: Vec<PathBuf>,

    #[command(flatten)]
    pub(super) network: WeightArgs,

    #[command(flatten)]
    geometry: GeometryArgs,

    /// Images at once [default: as many as the memory allows, up to 16].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(super) batch: Option<u32>,

    /// Only the first N images in order.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) limit: Option<u32>,

    /// Order of the images: sorted by name, or shuffled as the reference implementation does (seed 1).
    #[arg(long, value_enum, default_value_t, hide_short_help = true)]
    order: OrderName,

    /// What to do about the rotation a camera noted: turn the image upright, or take pixels as they are stored.
    #[arg(long, value_enum, default_value_t, hide_short_help = true)]
    exif: ExifName,
}

impl InputArgs {
    /// The images that the words mean.
    pub(super) fn choice(&self) -> ImageChoice {
        ImageChoice {
            paths: self.images.clone(),
            geometry: self.geometry.choice(),
            limit: self.limit,
            order: self.order.into(),
            exif: self.exif.into(),
        }
    }
}

/// Words for [`Order`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum OrderName {
    /// By folder, then by file name.
    #[default]
    Sorted,
    /// As Python's `random.Random(1).shuffle` leaves the sorted list.
    Shuffled,
}

impl From<OrderName> for Order {
    fn from(name: OrderName) -> Order {
        match name {
            OrderName::Sorted => Order::Sorted,
            OrderName::Shuffled => Order::Shuffled,
        }
    }
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

impl From<ExifName> for Exif {
    fn from(name: ExifName) -> Exif {
        match name {
            ExifName::Apply => Exif::Apply,
            ExifName::Ignore => Exif::Ignore,
        }
    }
}

/// Layers of the network.
#[derive(Debug, Clone, Args)]
pub(super) struct LayerArgs {
    /// Layer to read; several with commas or by repeating the option, or `all` that have a map. Names of other programs are known,
    /// such as torchvision's `features.28` for `conv5_3`.
    #[arg(short, long = "layer", value_name = "LAYER", value_delimiter = ',', required = true)]
    layers: Vec<String>,

    /// Read convolutions before their ReLU.
    #[arg(long)]
    pre_relu: bool,
}

impl LayerArgs {
    /// The layers that the words mean.
    pub(super) fn choice(&self) -> LayerChoice {
        LayerChoice { layers: self.layers.clone(), pre_relu: self.pre_relu }
    }
}
