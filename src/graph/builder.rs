//! Builds graphs: a node can only name inputs that exist, so there is no cycle and no sorting.

use super::{Graph, Node, NodeId, Operator};
use crate::error::{Error, Result};
use crate::tensor::Shape;

/// Largest size a value may have for one image: keeps sizes of hostile or mistaken models within reason.
const MOST_ELEMENTS: usize = 1 << 32;

/// Builds a [`Graph`] node by node.
#[derive(Debug)]
pub struct GraphBuilder {
    nodes: Vec<Node>,
}

impl GraphBuilder {
    /// A graph whose input, for one image, has this shape.
    pub fn new(input: Shape) -> Self {
        let shape = input.with_batch(1);
        GraphBuilder {
            nodes: vec![Node { name: "input".to_owned(), operator: Operator::Input, inputs: Vec::new(), shape }],
        }
    }

    /// The input.
    pub fn input(&self) -> NodeId {
        NodeId(0)
    }

    /// Adds a node computed from earlier ones.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming the node if its inputs do not fit; [`crate::error::Kind::Internal`] if the name is taken.
    pub fn add(&mut self, name: &str, operator: Operator, inputs: &[NodeId]) -> Result<NodeId> {
        if self.nodes.iter().any(|node| node.name == name) {
            return Err(Error::internal(format!("two nodes are called `{name}`")));
        }
        let shapes: Vec<_> = inputs.iter().map(|input| self.nodes[input.0].shape).collect();
        let shape = operator.output(&shapes).map_err(|error| error.at(name))?;
        if shape.is_empty() || shape.len() > MOST_ELEMENTS {
            return Err(Error::input(format!("its output {shape} is empty or too large")).at(name));
        }
        self.nodes.push(Node { name: name.to_owned(), operator, inputs: inputs.to_vec(), shape });
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
