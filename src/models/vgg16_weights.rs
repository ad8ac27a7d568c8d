//! VGG-16's tensors by name, and where other programs put them.

use crate::error::{Error, Result};
use crate::weights::import::{Assignment, Layout, TensorSpec};
use crate::weights::{Archive, Tensor};

use super::vgg16_layers::{CONVOLUTIONS, LINEAR};
use super::vgg16_onnx;

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

/// The tensors of a VGG-16 whose channels are those of `found`.
fn layout(found: &[Tensor], body: bool) -> Layout {
    let features = CONVOLUTIONS.map(|(name, outputs, position)| Stem::new("features", name, position, outputs));
    let classifier = LINEAR.map(|(name, outputs, position)| Stem::new("classifier", name, position, outputs));
    let mut tensors = Vec::new();
    let mut channels = 3;
    for (index, stem) in features.iter().enumerate() {
        let inputs_of_next = match features.get(index + 1) {
            Some(next) => next.size(found, "weight", 1),
            None => classifier[0].size(found, "weight", 1).map(|inputs| inputs / POSITIONS),
        };
        let outputs = stem.outputs(found, inputs_of_next);
        tensors.extend(stem.specs(vec![outputs, channels, 3, 3]));
        channels = outputs;
    }
    let mut inputs = channels.saturating_mul(POSITIONS);
    for (index, stem) in classifier.iter().enumerate().filter(|_| !body) {
        let outputs = stem.outputs(found, classifier.get(index + 1).and_then(|next| next.size(found, "weight", 1)));
        tensors.extend(stem.specs(vec![outputs, inputs]));
        inputs = outputs;
    }
    let dropped_prefixes = if body { vec!["classifier.".to_owned()] } else { Vec::new() };
    let model = if body { "the body of VGG-16" } else { "VGG-16" };
    Layout { model: model.to_owned(), tensors, dropped_prefixes }
}

/// A layer's names, without `.weight` and `.bias`.
struct Stem {
    name: String,
    alias: String,
    /// Outputs of the published network.
    published: usize,
}

impl Stem {
    fn new(part: &str, name: &str, position: usize, published: usize) -> Self {
        Stem { name: format!("{part}.{name}"), alias: format!("{part}.{position}"), published }
    }

    fn spec(&self, part: &str, dims: Vec<usize>) -> TensorSpec {
        TensorSpec { name: format!("{}.{part}", self.name), dims, aliases: vec![format!("{}.{part}", self.alias)] }
    }

    /// Weight and bias of the layer, the weight of these sizes.
    fn specs(&self, dims: Vec<usize>) -> [TensorSpec; 2] {
        let outputs = dims[0];
        [self.spec("weight", dims), self.spec("bias", vec![outputs])]
    }

    /// One size of one tensor in the file.
    fn size(&self, found: &[Tensor], part: &str, axis: usize) -> Option<usize> {
        let wanted = self.spec(part, Vec::new());
        let tensor = found.iter().find(|tensor| wanted.is_called(tensor.name()))?;
        tensor.dims().get(axis).copied().filter(|&size| size > 0)
    }

    /// Outputs of the layer. Weight, bias and the next layer each tell them; where they disagree two outvote the third,
    /// so that one wrong tensor gives one complaint and not a chain of them.
    fn outputs(&self, found: &[Tensor], inputs_of_next: Option<usize>) -> usize {
        let votes = [self.size(found, "bias", 0), self.size(found, "weight", 0), inputs_of_next];
        let votes: Vec<usize> = votes.into_iter().flatten().collect();
        let elected = votes.iter().enumerate().find(|(index, vote)| votes[index + 1..].contains(vote));
        elected.map(|(_, vote)| vote).or(votes.first()).copied().unwrap_or(self.published)
    }
}

/// The most likely reason why a file does not fit.
fn advise(error: Error, found: &[Tensor], body: bool) -> Error {
    let any = |test: &dyn Fn(&str) -> bool| found.iter().any(|tensor| test(tensor.name()));
    if any(&|name| name.ends_with("running_mean")) {
        error.hint("this network has batch normalisation; the VGG-16 without it is needed")
    } else if !body && !any(&|name| name.contains("classifier")) {
        error.hint("if the file holds the convolutions only, pass `--body`")
    } else {
        error.hint("`netdissect weights inspect FILE` lists what the file holds")
    }
}
