//! A network that sees images, and its images: which, and what is needed to run them.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Host;
use super::run_folder::file_name;
use crate::concepts::segmenter::Names;
use crate::concepts::{Photographs, broden};
use crate::data::decode::{self, Exif};
use crate::data::framing::Geometry;
use crate::data::images::{ImageSet, Order};
use crate::data::loader::LoadOptions;
use crate::data::loader::Skipped;
use crate::error::{Error, Kind, Result, nearest};
use crate::gpu::Gpu;
use crate::graph::{Graph, Wanted};
use crate::kernels::tune::Tuner;
use crate::models::segmenter::{self, Segmenter};
use crate::models::{Model, vgg16};
use crate::report::schema;
use crate::session::{self, Session, Weights};
use crate::weights::{WeightFile, shipped};

/// Bytes of pixels kept between passes, so that a few hundred images are decoded once.
const KEPT_PIXELS: u64 = 256 << 20;

/// Which weights: those of a file, or of a network that comes with the program.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NetworkChoice {
    /// A file, as `netdissect weights import` writes them.
    pub weights: Option<PathBuf>,
    /// The architecture, which the file names if left out; or, without a file, a network that comes with the program.
    pub model: Option<String>,
}

impl NetworkChoice {
    /// Those of a file.
    pub fn file(path: impl Into<PathBuf>) -> NetworkChoice {
        NetworkChoice { weights: Some(path.into()), model: None }
    }

    /// Those of a network that comes with the program, such as `demo-classifier`.
    pub fn shipped(name: &str) -> NetworkChoice {
        NetworkChoice { weights: None, model: Some(name.to_owned()) }
    }

    /// Whether a file or a network is named.
    pub fn is_named(&self) -> bool {
        self.weights.is_some() || self.model.is_some()
    }

    /// Opens them.
    ///
    /// # Errors
    /// [`Kind::Usage`] if both or neither are named, or the program has no such network; else as [`WeightFile::open`].
    pub fn open(&self) -> Result<WeightFile> {
        let paths = match (&self.weights, self.model.as_deref()) {
            (Some(_), Some(name)) if shipped::find(name).is_some() => {
                let message = format!("both a file and `--model {name}` are named; needed one of them");
                return Err(Error::new(Kind::Usage, message).hint("networks that come with the program need no file"));
            }
            (Some(path), _) => vec![path.clone()],
            (None, Some(name)) => shipped::paths(name)?,
            (None, None) => {
                let error = Error::new(Kind::Usage, "no network is named");
                return Err(
                    error.hint("name weights with `--weights`, or one that comes with the program with `--model`")
                );
            }
        };
        let first = paths.first().ok_or_else(|| Error::internal("a shipped network without a file"))?;
        WeightFile::open(first)
    }

    /// The architecture: as it is named, or that of the weights.
    pub fn architecture<'a>(&'a self, file: &'a WeightFile) -> &'a str {
        let named = self.model.as_deref().filter(|name| shipped::find(name).is_none());
        named.unwrap_or(file.model())
    }
}

/// Which images, and how they are taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageChoice {
    /// Folders (searched to any depth), list files (`.txt`, one path a line), images, or patterns of them; empty if none are named.
    pub paths: Vec<PathBuf>,
    /// How they are brought to the network's size; as its weight file says if left out.
    pub geometry: Option<Geometry>,
    /// Only the first so many in order.
    pub limit: Option<u32>,
    /// Their order.
    pub order: Order,
    /// What to do about the rotation a camera noted.
    pub exif: Exif,
}

/// Which layers, and what of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LayerChoice {
    /// Names as the network has them.
    pub layers: Vec<String>,
    /// Read convolutions before their ReLU.
    pub pre_relu: bool,
}

/// A network that sees images and the images, opened and checked.
pub(crate) struct ImageNetwork {
    /// Weights.
    pub(crate) file: Arc<WeightFile>,
    /// Graph and layers, for images of the run's size.
    pub(crate) model: Model,
    /// The images.
    pub(crate) set: ImageSet,
    /// How they are brought to the network's size.
    pub(crate) geometry: Geometry,
    /// Whether cameras' rotations are applied.
    pub(crate) exif: Exif,
    /// Where the images are, as they were named.
    pub(crate) paths: Vec<PathBuf>,
    order: Order,
}

impl ImageNetwork {
    /// Opens the weights and lists the images.
    ///
    /// # Errors
    /// [`Kind::Input`] naming what is wrong; [`Kind::Usage`] for a model that does not exist.
    pub(crate) fn open(network: &NetworkChoice, choice: &ImageChoice) -> Result<ImageNetwork> {
        let file = network.open()?;
        let name = network.architecture(&file);
        let segmenter = Segmenter::named(name);
        if name != "vgg16" && segmenter.is_none() {
            let known = ["vgg16", Segmenter::Upernet.name(), Segmenter::Colors.name()];
            let message = format!("there is no model `{name}` that sees images; there are: {}", known.join(", "));
            let error = Error::new(Kind::Usage, message);
            let meant = nearest(name, known).unwrap_or_default();
            return Err(match name {
                "progan" => error.hint("a generator is given latents: `--latents 0-63`"),
                _ => error.hint(format!("did you mean `{meant}`? Without `--model` the file says what it is")),
            });
        }
        let ImageChoice { paths, geometry, limit, order, exif } = choice.clone();
        if paths.is_empty() {
            let error = Error::new(Kind::Usage, "no images are named");
            return Err(error.hint("name a folder of images, a list file (.txt) or images"));
        }
        // Among Broden's images lie its label maps; only its index tells them apart.
        let mut set = match paths.as_slice() {
            [folder] if broden::is_broden(folder) => broden::image_set(folder, order)?,
            paths => ImageSet::open(paths, order)?,
        };
        if let Some(limit) = limit {
            set = set.limit(limit as usize);
        }
        let geometry = geometry.map_or_else(|| file.geometry(), Ok)?;
        geometry.check()?;
        let (h, w) = match geometry.fixed_size() {
            Some(size) => size,
            None => first_size(&set, exif)?,
        };
        let model = match segmenter {
            Some(segmenter) => segmenter::build(segmenter, &file.shapes(), Names::of(&file)?.1.side(), (h, w)),
            None => vgg16::build(&file.shapes(), h, w),
        };
        let model = model.map_err(|error| error.at(file.path().display()))?;
        let network = ImageNetwork { file: Arc::new(file), model, set, geometry, exif, paths, order };
        network.check_class_names()?;
        Ok(network)
    }

    /// Number of classes, if it tells any apart.
    pub(crate) fn classes(&self) -> Option<usize> {
        let logits = self.model.graph.find(self.model.logits.as_deref()?).ok()?;
        Some(self.model.graph.node(logits).shape.c as usize)
    }

    /// Names of another number of classes would be those of other classes.
    fn check_class_names(&self) -> Result<()> {
        match (self.file.class_names()?, self.classes()) {
            (Some(names), Some(classes)) if names.len() != classes => {
                let message = format!("{} class names; the network has {classes} classes", names.len());
                Err(Error::input(message).at(self.file.path().display()).hint(
                    "import the network again, with the list of its own data set: `weights import --classes FILE`",
                ))
            }
            _ => Ok(()),
        }
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

impl ImageNetwork {
    /// The images as those whose label maps are asked for.
    /// They may have maps of this grid besides maps of their own shape.
    pub(crate) fn photographs(&self, grid: (u32, u32)) -> Photographs {
        Photographs {
            folder: self.paths.first().cloned().unwrap_or_default(),
            set: self.set.clone(),
            geometry: self.geometry,
            exif: self.exif,
            grid: Some(grid),
            maps_are_seen: false,
            taken_whole: Vec::new(),
            seen_whole: Vec::new(),
        }
    }

    /// Its weights, for sessions on a device.
    pub(crate) fn weights(&self, gpu: &Gpu) -> Weights {
        Weights::new(gpu, Arc::clone(&self.file) as _)
    }

    /// How images are loaded for a session.
    ///
    /// # Errors
    /// [`Kind::Input`] if the weight file asks for a preprocessing there is not.
    pub(crate) fn load_options(&self, session: &Session) -> Result<LoadOptions> {
        Ok(LoadOptions {
            geometry: self.geometry,
            preprocess: self.file.preprocess()?,
            exif: self.exif,
            batch: session.batch() as usize,
            threads: 0,
            keep_bytes: KEPT_PIXELS,
        })
    }

    /// The node that tells the classes.
    ///
    /// # Errors
    /// [`Kind::Input`] if there is none.
    pub(crate) fn logits(&self) -> Result<&str> {
        self.model.logits.as_deref().ok_or_else(|| {
            Error::input("has no fully connected layers, so it cannot classify")
                .at(self.file.path().display())
                .hint("import a file that has them, without `--body`")
        })
    }

    /// The network as a report names it.
    ///
    /// # Errors
    /// As [`WeightFile::preprocess`].
    pub(crate) fn report_model(&self) -> Result<schema::Model> {
        Ok(report_model(&self.model, &self.file, self.file.preprocess()?.name()))
    }

    /// The images as a report names them, of which `count` could be used.
    pub(crate) fn report_images(&self, count: u64, skipped: Vec<Skipped>) -> schema::Images {
        schema::Images {
            count,
            fingerprint: self.set.fingerprint(),
            geometry: self.geometry.describe().to_string(),
            order: self.order().to_owned(),
            skipped,
            left_out: self.set.left_out.clone(),
            latents: None,
        }
    }

    /// Word for the order of the images.
    pub(crate) fn order(&self) -> &'static str {
        self.order.name()
    }

    /// Puts the part of the network that these nodes need on the device, for as many images at once as asked or as fit; halves
    /// the batch where the device says no, and says so.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub(crate) fn session(&self, host: &Host<'_>, gpu: &Gpu, nodes: &[&str], batch: Option<u32>) -> Result<Session> {
        let graph = self.model.graph.head(nodes)?;
        let opening = Opening { file: &self.file, weights: &self.weights(gpu), images: self.set.len(), batch };
        opening.session(host, &graph, Wanted::kept(nodes))
    }
}

/// A network as a report names it.
pub(super) fn report_model(model: &Model, file: &WeightFile, preprocess: &str) -> schema::Model {
    schema::Model {
        name: model.name.clone(),
        file: file_name(file.path()),
        sha256: file.sha256().to_owned(),
        preprocess: preprocess.to_owned(),
    }
}

/// A network that is about to be put on a device.
pub(crate) struct Opening<'a> {
    /// The file of its weights.
    pub(crate) file: &'a WeightFile,
    /// The same on the device.
    pub(crate) weights: &'a Weights,
    /// Images in all.
    pub(crate) images: usize,
    /// Images at once, if the user asks.
    pub(crate) batch: Option<u32>,
}

impl Opening<'_> {
    /// As [`session::fitting`], with the tuner's kept choices; says that it may take a moment.
    ///
    /// # Errors
    /// As [`session::fitting`], with the path of the weights.
    pub(crate) fn session(&self, host: &Host<'_>, graph: &Graph, wanted: Wanted<'_>) -> Result<Session> {
        host.progress.note("loading the network");
        let (images, batch) = (self.images, self.batch);
        session::fitting(self.weights, graph, wanted, images, batch, &mut Tuner::cached(), host.progress)
            .map_err(|error| error.at(self.file.path().display()))
    }
}
