//! A network as pure data: named nodes in order with inferred shapes; and the plan that runs it at a batch size.

mod builder;
mod fuse;
mod operator;
mod plan;
mod step;

pub use builder::GraphBuilder;
pub use operator::Operator;
pub use plan::{Plan, Subplan, Wanted};
pub use step::Step;

use crate::error::{Error, Kind, Result, nearest};
use crate::geometry::Extent;
use crate::tensor::Shape;

/// Position of a node in its graph. Inputs of a node always come before it, so the order is a topological one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) usize);

/// One value of a network: how it is computed, from what, and its shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Unique name; what users type.
    pub name: String,
    /// How it is computed.
    pub operator: Operator,
    /// From what, in the operator's order.
    pub inputs: Vec<NodeId>,
    /// Shape for one image (`n` is 1).
    pub shape: Shape,
}

impl Node {
    /// Shape for `n` images; that for one where all images of a batch share it.
    pub fn batched(&self, n: u32) -> Shape {
        match self.operator {
            Operator::Input { per_image: false } => self.shape,
            _ => self.shape.with_batch(n),
        }
    }
}

/// A network: nodes in order, the first of which is its input. Made by [`GraphBuilder`].
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    nodes: Vec<Node>,
}

impl Graph {
    /// All nodes in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Every input, that of the network first.
    pub fn inputs(&self) -> impl Iterator<Item = NodeId> + '_ {
        let is_input = |id: &NodeId| matches!(self.node(*id).operator, Operator::Input { .. });
        (0..self.nodes.len()).map(NodeId).filter(is_input)
    }

    /// The network's own input.
    pub fn input(&self) -> NodeId {
        NodeId(0)
    }

    /// The last node.
    pub fn output(&self) -> NodeId {
        NodeId(self.nodes.len() - 1)
    }

    /// Finds a node by name.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] with the nearest name as a hint.
    pub fn find(&self, name: &str) -> Result<NodeId> {
        match self.nodes.iter().position(|node| node.name == name) {
            Some(position) => Ok(NodeId(position)),
            None => Err(unknown_name(name, self.nodes.iter().map(|node| node.name.as_str()))),
        }
    }

    /// The part of the graph that the named nodes need, in the same order, and the network's input.
    ///
    /// # Errors
    /// As [`Graph::find`].
    pub fn head(&self, names: &[&str]) -> Result<Graph> {
        let mut needed = vec![false; self.nodes.len()];
        needed[0] = true;
        for name in names {
            needed[self.find(name)?.0] = true;
        }
        for position in (0..self.nodes.len()).rev() {
            if needed[position] {
                self.nodes[position].inputs.iter().for_each(|input| needed[input.0] = true);
            }
        }
        let mut new_ids: Vec<NodeId> = vec![NodeId(0); self.nodes.len()];
        let mut nodes = Vec::new();
        for (position, node) in self.nodes.iter().enumerate().filter(|&(position, _)| needed[position]) {
            let mut node = node.clone();
            node.inputs.iter_mut().for_each(|input| *input = new_ids[input.0]);
            new_ids[position] = NodeId(nodes.len());
            nodes.push(node);
        }
        Ok(Graph { nodes })
    }

    /// The graph in which a node's value can be edited: whatever reads it reads [`EditNames::edited`] instead, made of it and
    /// of two inputs more. The node itself stays as it is.
    ///
    /// # Errors
    /// As [`Graph::find`]; [`crate::error::Kind::Internal`] if the node is edited already.
    pub fn edited(&self, name: &str, extent: Extent) -> Result<Graph> {
        let target = self.find(name)?;
        let names = EditNames::of(name);
        let mut builder = GraphBuilder::new();
        // What readers of each old node are to read.
        let mut read: Vec<NodeId> = Vec::new();
        for node in &self.nodes {
            let mut node = node.clone();
            node.inputs.iter_mut().for_each(|input| *input = read[input.0]);
            let (position, shape) = (read.len(), extent.shape(node.shape));
            let mut id = builder.push(node)?;
            if position == target.0 {
                let operator = Operator::Input { per_image: extent.per_image };
                let input =
                    |name: &String| Node { name: name.clone(), operator: operator.clone(), inputs: Vec::new(), shape };
                let (amount, value) = (builder.push(input(&names.amount))?, builder.push(input(&names.value))?);
                id = builder.add(&names.edited, Operator::Edit { extent }, &[id, amount, value])?;
            }
            read.push(id);
        }
        Ok(builder.build())
    }

    /// Which nodes depend on the values of these: not these themselves, unless one depends on another.
    pub(crate) fn dependents(&self, of: &[NodeId]) -> Vec<bool> {
        let mut depends = vec![false; self.nodes.len()];
        for (position, node) in self.nodes.iter().enumerate() {
            depends[position] = node.inputs.iter().any(|input| depends[input.0] || of.contains(input));
        }
        depends
    }
}

/// Names of the nodes that [`Graph::edited`] adds for a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditNames {
    /// The input that says how far each unit is replaced, 0 to 1.
    pub amount: String,
    /// The input that says by what.
    pub value: String,
    /// The edited value.
    pub edited: String,
}

impl EditNames {
    /// Those for the node of this name.
    pub fn of(node: &str) -> EditNames {
        EditNames { amount: format!("{node}.amount"), value: format!("{node}.value"), edited: format!("{node}.edited") }
    }
}

/// The error for a name that is not among those known, with the nearest as a hint.
pub fn unknown_name<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let names: Vec<&str> = known.collect();
    let error = Error::new(Kind::Usage, format!("there is no layer `{name}`; there are: {}", names.join(", ")));
    match nearest(name, names) {
        Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// input -> a -> b -> c, with a skip from a to c.
    fn skip() -> Graph {
        let mut builder = GraphBuilder::new();
        let input = builder.input("input", Shape::new(1, 2, 4, 4)).unwrap();
        let a = builder.add("a", Operator::Relu, &[input]).unwrap();
        let b = builder.add("b", Operator::Relu, &[a]).unwrap();
        builder.add("c", Operator::Add, &[a, b]).unwrap();
        builder.build()
    }

    #[test]
    fn readers_of_an_edited_node_read_the_edited_value_and_the_node_stays() {
        let extent = Extent { per_image: true, per_position: false };
        let graph = skip().edited("a", extent).unwrap();
        let names: Vec<_> = graph.nodes().iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["input", "a", "a.amount", "a.value", "a.edited", "b", "c"]);
        assert_eq!(graph.nodes()[4].inputs, [NodeId(1), NodeId(2), NodeId(3)]);
        assert_eq!(graph.nodes()[5].inputs, [NodeId(4)]);
        assert_eq!(graph.nodes()[6].inputs, [NodeId(4), NodeId(5)]);
        assert_eq!(graph.inputs().collect::<Vec<_>>(), [NodeId(0), NodeId(2), NodeId(3)]);
        assert_eq!(graph.nodes()[2].batched(3), Shape::new(3, 2, 1, 1));
        assert!(graph.edited("a", extent).is_err());
        assert_eq!(skip().edited("c", extent).unwrap().output(), NodeId(6));
    }

    #[test]
    fn amounts_that_all_images_share_do_not_grow_with_the_batch() {
        let graph = skip().edited("input", Extent { per_image: false, per_position: true }).unwrap();
        assert_eq!(graph.nodes()[1].batched(3), Shape::new(1, 2, 4, 4));
        assert_eq!(graph.dependents(&[NodeId(1)]), [false, false, false, true, true, true, true]);
    }

    #[test]
    fn the_head_keeps_only_what_is_needed() {
        let head = skip().head(&["b"]).unwrap();
        assert_eq!(head.nodes().len(), 3);
        assert!(head.find("c").is_err());
    }

    #[test]
    fn an_unknown_name_suggests_the_nearest() {
        let error = unknown_name("conv5-3", ["conv5_3", "fc6"].into_iter());
        assert_eq!(error.advice(), Some("did you mean `conv5_3`?"));
    }
}
