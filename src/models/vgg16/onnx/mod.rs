//! VGG-16 in an ONNX graph: every operator between image and classes is understood, or the graph is refused by its name.

mod chain;
mod head;
mod input;
mod operators;

use std::collections::HashSet;

use super::layers::Place;
use crate::error::{Error, Result};
use crate::weights::import::Preparation;
use crate::weights::{OnnxGraph, OnnxNode, Tensor};
use chain::Chain;
use operators::{Layer, convolution, is_half_pool};

/// What a graph holds of VGG-16.
pub(super) struct Matched {
    /// Under canonical names.
    pub(super) tensors: Vec<Tensor>,
    /// Names of initialisers that belong to no layer.
    pub(super) dropped: Vec<String>,
    pub(super) notes: Vec<String>,
    /// What is done to images before the first convolution.
    pub(super) preparation: Option<Preparation>,
    /// Rows and columns of the images that the graph is made for.
    pub(super) size: Option<(usize, usize)>,
}

/// Follows the graph from its input: convolutions, each with its ReLU, poolings where VGG-16 has them and, without `body`, the
/// fully connected layers to the end.
///
/// # Errors
/// [`crate::error::Kind::Input`] naming the operator that is not VGG-16's, or whose weights are no constants.
pub(super) fn tensors(graph: &OnnxGraph, initialisers: &[Tensor], body: bool) -> Result<Matched> {
    let mut chain = Chain::start(graph)?;
    let input = input::read(&mut chain)?;
    let mut layers: Vec<(String, Layer)> = Vec::new();
    for place in Place::all() {
        layers.push((format!("features.{}", place.name()), body_layer(&mut chain, place)?));
        if place.is_pooled() {
            let last = place.group == super::layers::GROUPS.len();
            match chain.peek()? {
                Some(node) if node.operator == "MaxPool" && !(last && body) => {
                    is_half_pool(node, input.size).map_err(|error| error.at(node.describe()))?;
                    chain.step()?;
                }
                _ if last && body => {}
                found => return Err(instead(found, "MaxPool of 2x2", &place.name())),
            }
        }
    }
    let mut notes = Vec::new();
    if !body {
        let channels = layers.last().map_or(0, |(_, layer)| layer.outputs());
        let found = head::read(&mut chain, channels, input.size)?;
        notes.extend(found.notes);
        let names = super::head::canonical(found.layers.len());
        layers.extend(names.iter().map(|name| format!("classifier.{name}")).zip(found.layers));
        chain.check_strays()?;
    }
    if layers.iter().any(|(_, layer)| layer.is_normalised()) {
        notes.push("batch normalisation is folded into the layers before it".to_owned());
    }
    let biasless = layers.iter().filter(|(_, layer)| layer.has_no_bias()).count();
    if biasless > 0 {
        notes.push(format!("{biasless} layers have no bias: zeros are written"));
    }
    let mut used = HashSet::new();
    let mut tensors = Vec::new();
    for (name, layer) in &layers {
        used.extend(layer.sources());
        tensors.extend(layer.tensors(name)?);
    }
    // Integers are shapes and axes of operators, no weights.
    let left = initialisers.iter().filter(|tensor| !used.contains(tensor.name()) && tensor.dtype().is_float());
    let left = left.map(|tensor| tensor.name().to_owned()).filter(|name| !input.constants.contains(name));
    Ok(Matched { tensors, dropped: left.collect(), notes, preparation: input.preparation, size: input.size })
}

/// One convolution, what is added to it or normalises it, and its ReLU.
fn body_layer(chain: &mut Chain<'_>, place: Place) -> Result<Layer> {
    let node = match chain.step()? {
        Some(node) if node.operator == "Conv" => node,
        found => return Err(instead(found, "Conv", &place.name())),
    };
    let mut layer = convolution(chain.graph(), node).map_err(|error| error.at(node.describe()))?;
    layer.absorb(chain)?;
    match chain.step()? {
        Some(node) if node.operator == "Relu" => Ok(layer),
        found => Err(instead(found, "Relu", &format!("behind {}", place.name()))),
    }
}

/// The error about an operator where VGG-16 has another.
fn instead(found: Option<&OnnxNode>, needed: &str, place: &str) -> Error {
    match found {
        Some(node) => Error::input(format!("found where VGG-16 has {needed} ({place})")).at(node.describe()),
        None => Error::input(format!("the graph ends where VGG-16 has {needed} ({place})")),
    }
}
