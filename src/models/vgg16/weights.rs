//! VGG-16's tensors, whatever a file calls them.

use super::found::{self, FoundLayer, Part, pattern};
use super::layers::REDUCTION;
use super::plan::Plan;
use super::{axes, onnx};
use crate::error::Result;
use crate::models::lookalike;
use crate::models::preparation::Affine;
use crate::weights::import::{Assignment, Layout, Preparation, plain_name};
use crate::weights::{Archive, Container, Tensor};

/// Matches the tensors of a weight file to VGG-16.
///
/// What is written has the authors' names: `features.conv1_1.weight` `[out, in, 3, 3]` ... `classifier.fc8a.bias` `[classes]`; a
/// head of one layer is `fc8a`, one of two `fc6` and `fc8a`. What is read may have any common prefix and the names of torchvision,
/// Caffe, timm, Keras and others; where names are not known, order and sizes decide if they leave one answer, and a note says so.
/// Batch normalisation is folded into the layer before it. Channels, classes and the side of the map that the head sees may be
/// any number: they are read from the file, and must then agree from layer to layer. From ONNX the layers are taken in the order
/// of the graph. With `body` everything behind the convolutions may be missing, and is dropped where it is not.
///
/// # Errors
/// [`crate::error::Kind::Input`], with the path, saying what the file looks like or which tensors are missing, extra or of wrong
/// sizes.
pub fn assign(archive: &Archive, body: bool) -> Result<Assignment> {
    let tensors = archive.tensors();
    let assigned = match archive.graph() {
        Some(graph) => onnx::tensors(graph, tensors, body).and_then(|found| {
            let mut assignment = assign_tensors(&found.tensors, body, true)?;
            assignment.dropped.extend(found.dropped);
            assignment.notes.splice(0..0, found.notes);
            assignment.preparation = found.preparation;
            assignment.image_size = found.size.or(assignment.image_size);
            assignment.size_is_open &= found.size.is_none();
            Ok(assignment)
        }),
        None => assign_tensors(tensors, body, keeps_order(archive)),
    };
    assigned.map_err(|error| {
        let explained = lookalike::explain(error, tensors, "vgg16").at(archive.path().display());
        explained.hint("`netdissect weights inspect FILE` lists what the file holds")
    })
}

/// Number of classes of an assignment with fully connected layers.
pub fn classes(assignment: &Assignment) -> Option<usize> {
    let is_last = |tensor: &&Tensor| tensor.name() == "classifier.fc8a.bias";
    assignment.tensors.iter().find(is_last).map(Tensor::count)
}

/// Whether the order of a file's tensors is that of the network: pickled dictionaries keep it, others sort by name.
fn keeps_order(archive: &Archive) -> bool {
    let names = archive.tensors().iter().map(Tensor::name);
    matches!(archive.container(), Container::TorchZip | Container::TorchLegacy) && !names.is_sorted()
}

fn assign_tensors(tensors: &[Tensor], body: bool, ordered: bool) -> Result<Assignment> {
    let turned = axes::channels_first(tensors)?;
    let tensors = turned.as_deref().unwrap_or(tensors);
    let layers = found::layers(tensors);
    let plan = Plan::of(&layers, body, ordered)?;
    let model = if body { "the body of VGG-16" } else { "VGG-16" };
    let layout =
        Layout { model: model.to_owned(), tensors: plan.specs(), dropped: droppable(tensors, &layers, &plan, body) };
    let mut assignment = layout.assign(tensors)?;
    assignment.tensors = plan.written(turned.is_some())?;
    // One number a channel is what a map of 32x32 images leaves, and an average over a map of any size.
    let told = plan.side.filter(|&side| side > 1);
    assignment.image_size = told.map(|side| (side * REDUCTION as usize, side * REDUCTION as usize));
    assignment.size_is_open = plan.side == Some(1);
    assignment.notes = plan.notes;
    if turned.is_some() {
        assignment.notes.push("the axes of the weights are turned from channels-last to channels-first".to_owned());
    }
    assignment.preparation = preparation(tensors);
    Ok(assignment)
}

/// Plain names of the tensors that may be left out: what are no weights, and with `body` whatever is no convolution of its kind.
fn droppable(tensors: &[Tensor], layers: &[FoundLayer<'_>], plan: &Plan<'_>, body: bool) -> Vec<String> {
    let kinds: Vec<String> = plan.found_names().map(pattern).collect();
    let of_the_body = |layer: &&FoundLayer<'_>| layer.is_convolution() && kinds.contains(&pattern(&layer.name));
    let needed: Vec<String> = layers.iter().filter(of_the_body).map(|layer| layer.part_name(Part::Weight)).collect();
    let optional = |tensor: &&Tensor| {
        is_preparation(tensor).is_some()
            || !tensor.dtype().is_float()
            || (body && !needed.contains(&plain_name(tensor.name())))
    };
    tensors.iter().filter(optional).map(|tensor| plain_name(tensor.name())).collect()
}

/// Names of what networks that normalise images by themselves subtract, and what they divide by.
const SUBTRACTED: [&str; 4] = ["mean", "shift", "image_mean", "pixel_mean"];
const DIVIDED_BY: [&str; 4] = ["std", "scale", "image_std", "pixel_std"];

/// The last word of the tensor's name, if it holds one number for each channel of an image under such a name.
fn is_preparation(tensor: &Tensor) -> Option<&str> {
    let last = tensor.name().rsplit(['.', '/']).next().unwrap_or_default();
    (tensor.count() == 3 && (SUBTRACTED.contains(&last) || DIVIDED_BY.contains(&last))).then_some(last)
}

/// What the file subtracts from images and divides them by, if it keeps that beside the weights.
fn preparation(tensors: &[Tensor]) -> Option<Preparation> {
    let values = |tensor: &Tensor| <[f32; 3]>::try_from(tensor.to_f32().ok()?).ok().map(|values| values.map(f64::from));
    let find = |words: [&str; 4]| {
        let found = tensors.iter().find(|tensor| is_preparation(tensor).is_some_and(|word| words.contains(&word)))?;
        Some((found.name(), values(found)?))
    };
    let (mean, deviation) = (find(SUBTRACTED), find(DIVIDED_BY));
    let names: Vec<String> = [mean, deviation].iter().flatten().map(|(name, _)| format!("`{name}`")).collect();
    let affine =
        Affine::standardising(mean.map_or([0.0; 3], |found| found.1), deviation.map_or([1.0; 3], |found| found.1));
    affine.preparation(names.join(" and "))
}
