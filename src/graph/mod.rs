//! A network as pure data: named nodes in order with inferred shapes; and the plan that runs it at a batch size.

mod builder;
mod operator;
mod plan;

pub use builder::GraphBuilder;
pub use operator::Operator;
pub use plan::{Plan, Step, Work};

use crate::error::{Error, Result};
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

/// A network: nodes in order, the first of which is the input. Made by [`GraphBuilder`].
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

    /// The input node.
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
    /// [`crate::error::Kind::Input`] with the nearest name as a hint.
    pub fn find(&self, name: &str) -> Result<NodeId> {
        match self.nodes.iter().position(|node| node.name == name) {
            Some(position) => Ok(NodeId(position)),
            None => Err(unknown_name(name, self.nodes.iter().map(|node| node.name.as_str()))),
        }
    }

    /// The part of the graph that the named nodes need, in the same order.
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
        Ok(self.keep(&needed, Vec::new(), None))
    }

    /// Cuts the graph behind a node: the head computes it, the tail takes it as its input, so that experiments re-run only
    /// what changes.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if there is no such node, or if a later node also needs something before it.
    pub fn split(&self, name: &str) -> Result<(Graph, Graph)> {
        let cut = self.find(name)?;
        let head = self.head(&[name])?;
        // Later nodes that depend on the cut; anything they need must depend on it too.
        let mut behind = vec![false; self.nodes.len()];
        behind[cut.0] = true;
        for position in cut.0 + 1..self.nodes.len() {
            behind[position] = self.nodes[position].inputs.iter().any(|input| behind[input.0]);
            let stray = self.nodes[position].inputs.iter().find(|input| !behind[input.0]);
            if let (true, Some(stray)) = (behind[position], stray) {
                return Err(Error::input(format!(
                    "cannot be cut off: `{}` behind it also needs `{}`",
                    self.nodes[position].name,
                    self.node(*stray).name
                ))
                .at(name));
            }
        }
        let mut entry = self.nodes[cut.0].clone();
        entry.operator = Operator::Input;
        entry.inputs.clear();
        behind[cut.0] = false;
        Ok((head, self.keep(&behind, vec![entry], Some(cut))))
    }

    /// Appends the marked nodes to `nodes`, renumbering their inputs; `entry` is the old id of the first of `nodes`.
    fn keep(&self, marked: &[bool], mut nodes: Vec<Node>, entry: Option<NodeId>) -> Graph {
        let mut new_ids: Vec<NodeId> = (0..self.nodes.len()).map(NodeId).collect();
        if let Some(entry) = entry {
            new_ids[entry.0] = NodeId(0);
        }
        for (position, node) in self.nodes.iter().enumerate().filter(|&(position, _)| marked[position]) {
            let mut node = node.clone();
            node.inputs.iter_mut().for_each(|input| *input = new_ids[input.0]);
            new_ids[position] = NodeId(nodes.len());
            nodes.push(node);
        }
        Graph { nodes }
    }
}

/// The error for a name that is not among those known, with the nearest as a hint.
pub fn unknown_name<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let names: Vec<&str> = known.collect();
    let nearest = names.iter().max_by(|a, b| strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)));
    let error = Error::input(format!("there is no layer `{name}`; there are: {}", names.join(", ")));
    match nearest {
        Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// input -> a -> b -> c, with a skip from a to c.
    fn skip() -> Graph {
        let mut builder = GraphBuilder::new(Shape::new(1, 2, 4, 4));
        let input = builder.input();
        let a = builder.add("a", Operator::Relu, &[input]).unwrap();
        let b = builder.add("b", Operator::Relu, &[a]).unwrap();
        builder.add("c", Operator::Add, &[a, b]).unwrap();
        builder.build()
    }

    #[test]
    fn a_split_runs_the_head_once_and_renames_the_cut_to_the_tails_input() {
        let (head, tail) = skip().split("a").unwrap();
        assert_eq!(head.nodes().iter().map(|n| n.name.as_str()).collect::<Vec<_>>(), ["input", "a"]);
        assert_eq!(tail.nodes().iter().map(|n| n.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(tail.nodes()[0].operator, Operator::Input);
        assert_eq!(tail.nodes()[2].inputs, [NodeId(0), NodeId(1)]);
    }

    #[test]
    fn a_node_that_a_skip_goes_around_cannot_be_cut() {
        let error = skip().split("b").unwrap_err();
        assert_eq!(error.to_string(), "b: cannot be cut off: `c` behind it also needs `a`");
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
