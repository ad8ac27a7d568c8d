//! Builds graphs: a node can only name inputs that exist, so there is no cycle and no sorting.

use super::{Graph, Node, NodeId, Operator};
use crate::error::{Error, Result};
use crate::tensor::Shape;

/// Largest size a value may have for one image: keeps sizes of hostile or mistaken models within reason.
const MOST_ELEMENTS: usize = 1 << 32;

/// Builds a [`Graph`] node by node.
#[derive(Debug, Default)]
pub struct GraphBuilder {
    nodes: Vec<Node>,
}

impl GraphBuilder {
    /// A graph without nodes.
    pub fn new() -> Self {
        GraphBuilder::default()
    }

    /// Adds an input that has this shape for one image. The first is the network's own.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if it is empty or too large; [`crate::error::Kind::Internal`] if the name is taken.
    pub fn input(&mut self, name: &str, shape: Shape) -> Result<NodeId> {
        let operator = Operator::Input { per_image: true };
        self.push(Node { name: name.to_owned(), operator, inputs: Vec::new(), shape: shape.with_batch(1) })
    }

    /// Adds a node computed from earlier ones.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming the node if its inputs do not fit; [`crate::error::Kind::Internal`] if the name is taken.
    pub fn add(&mut self, name: &str, operator: Operator, inputs: &[NodeId]) -> Result<NodeId> {
        let shapes: Vec<_> = inputs.iter().map(|input| self.nodes[input.0].shape).collect();
        let shape = operator.output(&shapes).map_err(|error| error.at(name))?;
        self.push(Node { name: name.to_owned(), operator, inputs: inputs.to_vec(), shape })
    }

    pub(super) fn push(&mut self, node: Node) -> Result<NodeId> {
        if self.nodes.iter().any(|known| known.name == node.name) {
            return Err(Error::internal(format!("two nodes are called `{}`", node.name)));
        }
        if node.shape.is_empty() || node.shape.len() > MOST_ELEMENTS {
            return Err(Error::input(format!("its output {} is empty or too large", node.shape)).at(&node.name));
        }
        self.nodes.push(node);
        Ok(NodeId(self.nodes.len() - 1))
    }

    /// Shape of a node for one image.
    pub fn shape(&self, id: NodeId) -> Shape {
        self.nodes[id.0].shape
    }

    /// The finished graph.
    pub fn build(self) -> Graph {
        Graph { nodes: self.nodes }
    }
}
