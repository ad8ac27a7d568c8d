//! VGG-16 "D" (Simonyan and Zisserman 2015): its graph, and how the files of other programs are brought to it.

mod axes;
mod batch_norm;
mod found;
mod head;
mod layers;
mod naming;
mod network;
mod onnx;
mod plan;
pub mod weights;

pub use layers::{LINEAR, REDUCTION};
pub use network::{build, convolutions, map_side};
