//! One step of a plan: what goes into one dispatch.

use super::{Graph, NodeId};

/// One step of a plan: a node's operator, and what its kernel does with the values before and behind in the same dispatch.
///
/// The bias belongs to the node itself; a kernel is asked of every step whether it takes what is fused to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The node whose operator and weights it runs.
    pub node: NodeId,
    /// Nodes before it whose values it makes in passing, in order: the nearest doubling.
    pub prologue: Vec<NodeId>,
    /// Nodes behind it, in order: an activation, pooling.
    pub epilogue: Vec<NodeId>,
    /// The values it reads.
    pub inputs: Vec<NodeId>,
}

impl Step {
    /// The node alone.
    pub(super) fn alone(graph: &Graph, node: NodeId) -> Step {
        Step { node, prologue: Vec::new(), epilogue: Vec::new(), inputs: graph.node(node).inputs.clone() }
    }

    /// The value it makes.
    pub fn result(&self) -> NodeId {
        self.epilogue.last().copied().unwrap_or(self.node)
    }
}
