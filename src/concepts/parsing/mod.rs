//! Scene parsing: from what a segmentation network says of an image to the six label channels of the reference, "netpqc".
//!
//! `labels` reads the published lists of names, `vocabulary` numbers the labels, `maps` turns the device's arg-maxima into label
//! maps, and `components` finds the pieces of an object that are split into halves. Nothing here needs a device.

mod components;
mod labels;
mod maps;
mod vocabulary;

pub use components::components;
pub use labels::{ColorLabels, PartBlock, SegmenterLabels};
pub use maps::RawLabels;
pub use vocabulary::{SegmenterVocabulary, Wanted};
