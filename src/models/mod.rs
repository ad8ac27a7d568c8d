//! Networks as graphs, with the layer names users type. Never sees a device.

pub mod progan;
pub mod progan_weights;
pub mod vgg16;
mod vgg16_onnx;
pub mod vgg16_weights;

use crate::error::Result;
use crate::graph::{Graph, unknown_name};

/// A layer that users can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// What users type.
    pub name: String,
    /// Node that is read: behind the ReLU where there is one (the reference reads there, its ReLUs work in place).
    pub node: String,
    /// Node before the ReLU, for `--pre-relu`.
    pub before_relu: String,
}

/// A network with what is needed to feed it and to name its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Architecture: `vgg16` or `progan`.
    pub name: String,
    /// The network.
    pub graph: Graph,
    /// Layers in order.
    pub layers: Vec<Layer>,
    /// Node of the class scores before softmax, if the file has the fully connected layers.
    pub logits: Option<String>,
}

impl Model {
    /// Each named layer once, with the node to read for it, in the order of the names.
    ///
    /// # Errors
    /// As [`Model::node_of`].
    pub fn nodes_of(&self, layers: &[String], pre_relu: bool) -> Result<Vec<(String, String)>> {
        let mut nodes: Vec<(String, String)> = Vec::new();
        for layer in layers {
            let node = self.node_of(layer, pre_relu)?;
            if !nodes.iter().any(|(name, _)| name == layer) {
                nodes.push((layer.clone(), node.to_owned()));
            }
        }
        Ok(nodes)
    }

    /// The node to read for a layer.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] with the nearest layer name as a hint.
    pub fn node_of(&self, layer: &str, pre_relu: bool) -> Result<&str> {
        match self.layers.iter().find(|known| known.name == layer) {
            Some(known) => Ok(if pre_relu { &known.before_relu } else { &known.node }),
            None => Err(unknown_name(layer, self.layers.iter().map(|known| known.name.as_str()))),
        }
    }
}
