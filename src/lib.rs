//! Shows what every single unit of a vision network has learned, on any Vulkan, Metal or DX12 adapter, software ones included.
//!
//! A unit - one channel of a layer - is held against concepts: where it is most active, is there a tree, a door, something red? The
//! crate runs the network, finds each unit's level, counts where units fire and where concepts are, and gives every unit the concept it
//! meets best, by intersection over union (Bau et al., *Understanding the role of individual units in a deep neural network*,
//! PNAS 2020). It also removes units, sets them and reads them as detectors, to see what they do. It needs no other framework: weights
//! of PyTorch, ONNX and numpy are imported ([`weights::import`]), images and latents are read ([`data`]), and segmenters say what is
//! where ([`concepts`]).
//!
//! What the program works out is a job of [`work`]: plain data that says what to do, done with a [`work::Host`]. A dissection takes
//! weights, a folder of images, layers and a source of concepts; it leaves a folder with `report.html` for people and `report.json` for
//! programs, and can be stopped and gone on with at any time. Here are both with what the crate brings along, a small network and
//! places that are drawn with exact label maps of what is in them:
//!
//! ```
//! use netdissect::report;
//! use netdissect::work::concepts::Labelling;
//! use netdissect::work::dissect::DissectJob;
//! use netdissect::work::network::{ImageChoice, LayerChoice, NetworkChoice};
//! use netdissect::work::scenes::ScenesJob;
//! use netdissect::work::subject::Inputs;
//! use netdissect::work::Host;
//!
//! # if std::env::var_os("NETDISSECT_NO_GPU").is_some() { return Ok(()); }
//! let folder = tempfile::tempdir().expect("a temporary folder");
//! let (scenes, run) = (folder.path().join("scenes"), folder.path().join("run"));
//! let host = Host::default(); // the best adapter; nobody listens, nobody stops
//!
//! ScenesJob { count: 12, output: scenes.clone(), ..ScenesJob::default() }.perform(&host)?;
//!
//! DissectJob {
//!     network: NetworkChoice::shipped("demo-classifier"), // or NetworkChoice::file("vgg16.safetensors")
//!     inputs: Inputs::Images(ImageChoice { paths: vec![scenes.join("images")], ..ImageChoice::default() }),
//!     layers: LayerChoice { layers: vec!["conv3_3".into()], pre_relu: false },
//!     concepts: Labelling::Folder(scenes.join("labels").into()), // or Labelling::Segmenters(Default::default())
//!     output: run.clone(),
//!     ..DissectJob::default()
//! }
//! .perform(&host)?;
//!
//! let report = report::read(&run)?;
//! for unit in report.layers[0].units.iter().filter(|unit| unit.matched) {
//!     let label = unit.label.as_ref().expect("a matched unit has a label");
//!     println!("unit {} sees {}, IoU {:.3}", unit.unit, label.name, label.iou);
//! }
//! assert!(run.join("report.html").exists());
//! # Ok::<(), netdissect::error::Error>(())
//! ```
//!
//! `examples/` has this for more pictures, images of a generator with units switched off, and the reading of a finished run. Everything
//! fails with one [`error::Error`], which names the place, says what was found and what is needed, and often what to do.
//!
//! # The house
//!
//! Modules stand on floors; one imports only from floors below its own:
//! 0, in this order, [`error`], [`hash`], `files`, `npy`, [`preprocess`], [`progress`], [`tensor`], [`geometry`], [`state`] · 1 [`gpu`], [`weights`], [`data`] · 2 [`graph`], [`kernels`] · 3 [`mod@reference`] ·
//! 4 [`models`], [`session`] · 5 [`concepts`] · 6 [`dissect`], [`scenes`] · 7 [`roles`] · 8 [`report`] · 9 [`work`] · 10 [`cli`].

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod cli;
pub mod concepts;
pub mod data;
pub mod dissect;
pub mod error;
pub(crate) mod files;
pub mod geometry;
pub mod gpu;
pub mod graph;
pub mod hash;
pub mod kernels;
pub mod models;
pub(crate) mod npy;
pub mod preprocess;
pub mod progress;
pub mod reference;
pub mod report;
pub mod roles;
pub mod scenes;
pub mod session;
pub mod state;
pub mod tensor;
pub mod weights;
pub mod work;
