//! VGG-16's tensors by name, and where other programs put them.

use crate::error::{Error, Result};
use crate::weights::import::{Assignment, Layout, TensorSpec};
use crate::weights::{Archive, Tensor};

use super::vgg16_onnx;

/// The thirteen convolutions in order: short name, channels of the published network, position in torchvision's
/// `features`.
pub(super) const CONVOLUTIONS: [(&str, usize, usize); 13] = [
    ("conv1_1", 64, 0),
    ("conv1_2", 64, 2),
    ("conv2_1", 128, 5),
    ("conv2_2", 128, 7),
    ("conv3_1", 256, 10),
    ("conv3_2", 256, 12),
    ("conv3_3", 256, 14),
    ("conv4_1", 512, 17),
    ("conv4_2", 512, 19),
    ("conv4_3", 512, 21),
    ("conv5_1", 512, 24),
    ("conv5_2", 512, 26),
    ("conv5_3", 512, 28),
];

/// The fully connected layers in order: short name, outputs of the published network (365 scenes of Places), position
/// in torchvision's `classifier`.
pub(super) const LINEAR: [(&str, usize, usize); 3] = [("fc6", 4096, 0), ("fc7", 4096, 3), ("fc8a", 365, 6)];

/// Positions of the 7x7 map that the first fully connected layer sees, for each channel.
const POSITIONS: usize = 49;

/// Matches the tensors of a weight file to VGG-16.
///
/// Canonical names are the authors': `features.conv1_1.weight` [Cout, Cin, 3, 3] ... `classifier.fc8a.bias` [classes].
/// torchvision's positions and `module` prefixes are understood; from ONNX the layers are taken in the order of the
/// graph. Channels and classes may be any number: they are read from the file, and must then agree from layer to layer.
/// With `body` the fully connected layers may be missing, and are dropped where they are not.
///
/// # Errors
/// [`crate::error::Kind::Input`], with the path, listing all tensors that are missing, extra or of wrong sizes.
pub fn assign(archive: &Archive, body: bool) -> Result<Assignment> {
    let assigned = match archive.graph() {
        Some(graph) => vgg16_onnx::tensors(graph, archive.tensors(), body).and_then(|found| {
            let mut assignment = layout(&found.tensors, body).assign(&found.tensors)?;
            assignment.dropped.extend(found.dropped);
            assignment.notes.extend(found.notes);
            Ok(assignment)
        }),
        None => layout(archive.tensors(), body).assign(archive.tensors()),
    };
    assigned.map_err(|error| advise(error, archive.tensors(), body).at(archive.path().display()))
}

/// Number of classes of an assignment with fully connected layers.
pub fn classes(assignment: &Assignment) -> Option<usize> {
    let is_last = |tensor: &&Tensor| tensor.name() == "classifier.fc8a.bias";
    assignment.tensors.iter().find(is_last).map(Tensor::count)
}

/// The tensors of a VGG-16 whose channels are those of `found`. Where a tensor is missing, the next best source of its
/// size is taken, so that the list of complaints stays short.
fn layout(found: &[Tensor], body: bool) -> Layout {
    let mut tensors = Vec::new();
    let mut channels = 3;
    for (name, published, position) in CONVOLUTIONS {
        let stem = (format!("features.{name}"), format!("features.{position}"));
        let outputs = outputs(found, &stem, 4).unwrap_or(published);
        tensors.push(spec(&stem, "weight", vec![outputs, channels, 3, 3]));
        tensors.push(spec(&stem, "bias", vec![outputs]));
        channels = outputs;
    }
    let mut inputs = channels.saturating_mul(POSITIONS);
    for (name, published, position) in LINEAR.iter().filter(|_| !body) {
        let stem = (format!("classifier.{name}"), format!("classifier.{position}"));
        let outputs = outputs(found, &stem, 2).unwrap_or(*published);
        tensors.push(spec(&stem, "weight", vec![outputs, inputs]));
        tensors.push(spec(&stem, "bias", vec![outputs]));
        inputs = outputs;
    }
    let dropped_prefixes = if body { vec!["classifier.".to_owned()] } else { Vec::new() };
    let model = if body { "the body of VGG-16" } else { "VGG-16" };
    Layout { model: model.to_owned(), tensors, dropped_prefixes }
}

fn spec((stem, alias): &(String, String), part: &str, dims: Vec<usize>) -> TensorSpec {
    TensorSpec { name: format!("{stem}.{part}"), dims, aliases: vec![format!("{alias}.{part}")] }
}

/// Outputs of a layer: the outermost size of its weight, else of its bias.
fn outputs(found: &[Tensor], stem: &(String, String), axes: usize) -> Option<usize> {
    let of = |part: &str, axes: usize| {
        let wanted = spec(stem, part, Vec::new());
        let tensor = found.iter().find(|tensor| wanted.is_called(tensor.name()))?;
        tensor.dims().first().copied().filter(|&size| tensor.dims().len() == axes && size > 0)
    };
    of("weight", axes).or_else(|| of("bias", 1))
}

/// The most likely reason why a file does not fit.
fn advise(error: Error, found: &[Tensor], body: bool) -> Error {
    let any = |test: &dyn Fn(&str) -> bool| found.iter().any(|tensor| test(tensor.name()));
    if any(&|name| name.ends_with("running_mean")) {
        error.hint("this network has batch normalisation; the VGG-16 without it is needed")
    } else if !body && !any(&|name| name.contains("classifier")) {
        error.hint("if the file holds the convolutions only, pass `--body`")
    } else {
        error
    }
}
