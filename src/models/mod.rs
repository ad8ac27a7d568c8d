//! Networks as graphs, with the layer names users type. Never sees a device.

mod lookalike;
mod preparation;
pub mod progan;
pub mod progan_weights;
mod resnet;
pub mod segmenter;
pub(crate) mod segmenter_weights;
pub mod vgg16;

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::geometry::{Convolution, Window};
use crate::graph::{Graph, GraphBuilder, NodeId, Operator, unknown_name};

/// A layer that users can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name here.
    pub name: String,
    /// What other programs call it: users type these too.
    pub aliases: Vec<String>,
    /// Node that is read: behind the ReLU where there is one (the reference reads there, its ReLUs work in place).
    pub node: String,
    /// Node before the ReLU, for `--pre-relu`.
    pub before_relu: String,
}

/// A network with what is needed to feed it and to name its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Architecture: `vgg16`, `progan`, `upernet` or `color-segmenter`.
    pub name: String,
    /// The network.
    pub graph: Graph,
    /// Layers in order.
    pub layers: Vec<Layer>,
    /// Node of the class scores before softmax, if the file has the fully connected layers.
    pub logits: Option<String>,
}

impl Model {
    /// Each named layer once, with the node to read for it, in the order of the names; `all` stands for every layer with a map, which
    /// can be dissected.
    ///
    /// # Errors
    /// As [`Model::node_of`].
    pub fn nodes_of(&self, layers: &[String], pre_relu: bool) -> Result<Vec<(String, String)>> {
        let mut named: Vec<&Layer> = Vec::new();
        for name in layers {
            match name.as_str() {
                ALL => named.extend(self.layers.iter().filter(|layer| self.has_map(layer))),
                name => named.push(self.layer(name)?),
            }
        }
        let mut nodes: Vec<(String, String)> = Vec::new();
        for layer in named {
            if !nodes.iter().any(|(name, _)| *name == layer.name) {
                nodes.push((layer.name.clone(), layer.read_at(pre_relu).to_owned()));
            }
        }
        Ok(nodes)
    }

    /// The node to read for a layer.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] with the nearest layer name as a hint.
    pub fn node_of(&self, layer: &str, pre_relu: bool) -> Result<&str> {
        self.layer(layer).map(|layer| layer.read_at(pre_relu))
    }

    /// The layer of a name, be it one of other programs, whatever it lies in: `features.conv5_3`, `module.features.28`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] with the nearest layer name as a hint.
    pub fn layer(&self, name: &str) -> Result<&Layer> {
        let found = self.layers.iter().find(|layer| layer.name == name);
        found
            .or_else(|| self.layers.iter().find(|layer| layer.is_called(name)))
            .ok_or_else(|| unknown_name(name, self.layers.iter().map(|known| known.name.as_str())))
    }

    /// Whether a layer's units look at places of the image.
    fn has_map(&self, layer: &Layer) -> bool {
        let node = self.graph.find(&layer.node).map(|node| self.graph.node(node).shape);
        node.is_ok_and(|shape| shape.h * shape.w > 1)
    }
}

/// The word for every layer with a map.
const ALL: &str = "all";

impl Layer {
    /// The node to read.
    fn read_at(&self, pre_relu: bool) -> &str {
        if pre_relu { &self.before_relu } else { &self.node }
    }

    fn is_called(&self, name: &str) -> bool {
        let ends_with = |known: &String| {
            name.strip_suffix(known.as_str()).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.'))
        };
        std::iter::once(&self.name).chain(&self.aliases).any(ends_with)
    }
}

/// Adds the convolution of the tensors `STEM.weight` and `STEM.bias` as the node `STEM`; its channels are the weight's.
///
/// # Errors
/// [`crate::error::Kind::Input`] naming the tensor if it is missing or does not fit the window and what comes in.
fn convolution(
    builder: &mut GraphBuilder,
    shapes: &HashMap<String, Vec<usize>>,
    stem: &str,
    window: Window,
    x: NodeId,
) -> Result<NodeId> {
    convolution_named(builder, shapes, stem, stem, window, x)
}

/// As [`convolution`], as a node of another name.
fn convolution_named(
    builder: &mut GraphBuilder,
    shapes: &HashMap<String, Vec<usize>>,
    node: &str,
    stem: &str,
    window: Window,
    x: NodeId,
) -> Result<NodeId> {
    let (weight, bias) = (format!("{stem}.weight"), format!("{stem}.bias"));
    let (inputs, kernel) = (builder.shape(x).c as usize, window.kernel[0] as usize);
    let needed = format!("needed [any, {inputs}, {kernel}, {kernel}]");
    let channels = match shapes.get(&weight).map(Vec::as_slice) {
        Some(&[channels, c, h, w]) if channels > 0 && [c, h, w] == [inputs, kernel, kernel] => channel_count(channels)?,
        Some(found) => return Err(Error::input(format!("tensor is {found:?}; {needed}")).at(weight)),
        None => return Err(Error::input(format!("tensor is missing; {needed}")).at(weight)),
    };
    let convolution = Convolution { channels, window, groups: 1 };
    builder.add(node, Operator::Convolution { convolution, weight, bias: Some(bias) }, &[x])
}

fn channel_count(channels: usize) -> Result<u32> {
    u32::try_from(channels).map_err(|_| Error::input(format!("{channels} channels are too many")))
}
