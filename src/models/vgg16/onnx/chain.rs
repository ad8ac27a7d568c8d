//! The operators of a graph one behind another, from what is given to the end.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::weights::{OnnxGraph, OnnxNode};

/// ONNX's number for single precision, in `Cast`.
const SINGLE: i64 = 1;

/// A walk along a graph that does not branch.
pub(super) struct Chain<'a> {
    graph: &'a OnnxGraph,
    /// The value that was reached.
    value: &'a str,
    visited: HashSet<*const OnnxNode>,
}

impl<'a> Chain<'a> {
    /// Begins at the graph's only input.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if it has several, or none.
    pub(super) fn start(graph: &'a OnnxGraph) -> Result<Chain<'a>> {
        match graph.inputs().as_slice() {
            &[value] => Ok(Chain { graph, value, visited: HashSet::new() }),
            several => {
                let names: Vec<String> =
                    several.iter().take(6).map(|name| format!("`{}`", name.escape_debug())).collect();
                Err(Error::input(format!(
                    "the graph has {} inputs {}; VGG-16 has one, the image",
                    several.len(),
                    names.join(", ")
                )))
            }
        }
    }

    /// The graph it walks on.
    pub(super) fn graph(&self) -> &'a OnnxGraph {
        self.graph
    }

    /// The value that was reached.
    pub(super) fn value(&self) -> &'a str {
        self.value
    }

    /// The next operator that does something; those that hand their input on are passed.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if several operators read the value, or the next mixes it with another that is computed.
    pub(super) fn peek(&mut self) -> Result<Option<&'a OnnxNode>> {
        while let Some(node) = self.next_node()? {
            if !hands_on(node)? {
                return Ok(Some(node));
            }
            self.pass(node)?;
        }
        Ok(None)
    }

    /// The next operator, and behind it.
    ///
    /// # Errors
    /// As [`Chain::peek`].
    pub(super) fn step(&mut self) -> Result<Option<&'a OnnxNode>> {
        let node = self.peek()?;
        node.map_or(Ok(()), |node| self.pass(node))?;
        Ok(node)
    }

    fn pass(&mut self, node: &'a OnnxNode) -> Result<()> {
        // A graph whose operators feed themselves would be walked for ever.
        if !self.visited.insert(node) {
            return Err(Error::input("it feeds itself").at(node.describe()));
        }
        self.value = node.outputs.first().map_or("", String::as_str);
        Ok(())
    }

    fn next_node(&self) -> Result<Option<&'a OnnxNode>> {
        let mut readers = self.graph.consumers(self.value).filter(|node| !self.is_about_sizes(node));
        let Some(node) = readers.next() else { return Ok(None) };
        if let Some(other) = readers.next() {
            let message = format!(
                "`{}` is read by {} as well; VGG-16 is one chain of layers",
                self.value.escape_debug(),
                other.describe()
            );
            return Err(Error::input(message).at(node.describe()));
        }
        let computed =
            |input: &&String| !input.is_empty() && input.as_str() != self.value && self.graph.constant(input).is_none();
        let mut others = node.inputs.iter().filter(computed).filter(|input| !self.is_a_size(input));
        match others.next() {
            Some(other) => {
                let message = format!(
                    "it mixes `{}` and `{}`; VGG-16 is one chain of layers, and its weights are constants",
                    self.value.escape_debug(),
                    other.escape_debug()
                );
                Err(Error::input(message).at(node.describe()))
            }
            None => Ok(Some(node)),
        }
    }

    /// Whether a computed value tells the sizes of others, as the second input of `Reshape` may.
    fn is_a_size(&self, value: &str) -> bool {
        self.graph.producer(value).is_some_and(|node| self.is_about_sizes(node))
    }

    /// Whether an operator only serves to compute sizes: all that comes of it is the second input of a `Reshape`.
    fn is_about_sizes(&self, node: &OnnxNode) -> bool {
        self.leads_to_sizes(node, 16)
    }

    fn leads_to_sizes(&self, node: &OnnxNode, steps: u32) -> bool {
        const OPERATORS: [&str; 9] =
            ["Shape", "Size", "Gather", "Slice", "Concat", "Unsqueeze", "Squeeze", "Cast", "Mul"];
        let of_sizes = |reader: &OnnxNode, value: &String| {
            let is_shape = reader.operator == "Reshape"
                && reader.inputs.get(1) == Some(value)
                && reader.inputs.first() != Some(value);
            is_shape || (steps > 0 && reader.operator != "Shape" && self.leads_to_sizes(reader, steps - 1))
        };
        let starts = node.operator == "Shape"
            || node.inputs.iter().all(|input| self.graph.constant(input).is_some() || self.is_from_shape(input, 16));
        OPERATORS.contains(&node.operator.as_str())
            && starts
            && node.outputs.iter().all(|value| {
                let mut readers = self.graph.consumers(value).peekable();
                readers.peek().is_some() && readers.all(|reader| of_sizes(reader, value))
            })
    }

    /// Whether a value comes of sizes and constants alone.
    fn is_from_shape(&self, value: &str, steps: u32) -> bool {
        self.graph.constant(value).is_some()
            || self.graph.producer(value).is_some_and(|node| {
                node.operator == "Shape"
                    || (steps > 0
                        && !node.inputs.is_empty()
                        && node.inputs.iter().all(|input| self.is_from_shape(input, steps - 1)))
            })
    }

    /// Whether every operator was passed or serves to compute sizes.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming one that was not.
    pub(super) fn check_strays(&self) -> Result<()> {
        let stray = |node: &&OnnxNode| !self.visited.contains(&std::ptr::from_ref(*node)) && !self.is_about_sizes(node);
        match self.graph.nodes().iter().find(stray) {
            Some(node) => {
                Err(Error::input("it is not on the way from the image to the classes; VGG-16 has nothing beside it")
                    .at(node.describe()))
            }
            None => Ok(()),
        }
    }
}

/// Whether an operator leaves what it reads as it is when the network is used.
fn hands_on(node: &OnnxNode) -> Result<bool> {
    match node.operator.as_str() {
        "Identity" | "Dropout" => Ok(true),
        "Cast" if node.integer("to") == Some(SINGLE) => Ok(true),
        "Cast" => {
            let message = "it changes the element type; a network is read in single precision throughout";
            Err(Error::input(message)
                .at(node.describe())
                .hint("export the network in single precision: `model.float()`"))
        }
        _ => Ok(false),
    }
}
