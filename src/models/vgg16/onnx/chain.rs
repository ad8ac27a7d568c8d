//! The operators of a graph one behind another, from what is given to the end.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::weights::{OnnxGraph, OnnxNode};

/// ONNX's number for single precision, in `Cast`.
const SINGLE: i64 = 1;

/// A walk along a graph that does not branch.
pub(super) struct Chain<'a> {
    graph: &'a OnnxGraph,
    /// Operators, by their place in the graph, that read a value.
    readers: HashMap<&'a str, Vec<usize>>,
    /// Which operators only serve to compute sizes.
    about_sizes: Vec<bool>,
    /// Which operators were passed.
    visited: Vec<bool>,
    /// The value that was reached.
    value: &'a str,
}

impl<'a> Chain<'a> {
    /// Begins at the graph's only input.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if it has several, or none.
    pub(super) fn start(graph: &'a OnnxGraph) -> Result<Chain<'a>> {
        let inputs = graph.inputs();
        let &[value] = inputs.as_slice() else {
            let names: Vec<String> = inputs.iter().take(6).map(|name| quoted(name)).collect();
            let message =
                format!("the graph has {} inputs {}; VGG-16 has one, the image", inputs.len(), names.join(", "));
            return Err(Error::input(message));
        };
        let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, node) in graph.nodes().iter().enumerate() {
            for input in &node.inputs {
                let readers = readers.entry(input).or_default();
                if readers.last() != Some(&index) {
                    readers.push(index);
                }
            }
        }
        let about_sizes = about_sizes(graph, &readers);
        Ok(Chain { graph, readers, about_sizes, visited: vec![false; graph.nodes().len()], value })
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
        Ok(self.next_acting()?.map(|(_, node)| node))
    }

    /// The next operator, and behind it.
    ///
    /// # Errors
    /// As [`Chain::peek`].
    pub(super) fn step(&mut self) -> Result<Option<&'a OnnxNode>> {
        let next = self.next_acting()?;
        next.map_or(Ok(()), |next| self.pass(next))?;
        Ok(next.map(|(_, node)| node))
    }

    fn next_acting(&mut self) -> Result<Option<(usize, &'a OnnxNode)>> {
        while let Some(next) = self.next_node()? {
            if !hands_on(next.1)? {
                return Ok(Some(next));
            }
            self.pass(next)?;
        }
        Ok(None)
    }

    fn pass(&mut self, (index, node): (usize, &'a OnnxNode)) -> Result<()> {
        // A graph whose operators feed themselves would be walked for ever.
        if std::mem::replace(&mut self.visited[index], true) {
            return Err(Error::input("it feeds itself").at(node.describe()));
        }
        self.value = node.outputs.first().map_or("", String::as_str);
        Ok(())
    }

    /// The one operator that reads the value, and its place in the graph.
    fn next_node(&self) -> Result<Option<(usize, &'a OnnxNode)>> {
        let readers = self.readers.get(self.value).map_or(&[][..], Vec::as_slice);
        let mut readers = readers.iter().copied().filter(|&index| !self.about_sizes[index]);
        let Some(index) = readers.next() else { return Ok(None) };
        let node = &self.graph.nodes()[index];
        if let Some(other) = readers.next() {
            let other = self.graph.nodes()[other].describe();
            let message = format!("{} is read by {other} as well; VGG-16 is one chain of layers", quoted(self.value));
            return Err(Error::input(message).at(node.describe()));
        }
        let is_known = |input: &String| input.is_empty() || input == self.value || self.graph.constant(input).is_some();
        let is_size = |input: &String| self.graph.producer(input).is_some_and(|index| self.about_sizes[index]);
        match node.inputs.iter().find(|input| !is_known(input) && !is_size(input)) {
            Some(other) => {
                let (this, other) = (quoted(self.value), quoted(other));
                let message = format!(
                    "it mixes {this} and {other}; VGG-16 is one chain of layers, and its weights are constants"
                );
                Err(Error::input(message).at(node.describe()))
            }
            None => Ok(Some((index, node))),
        }
    }

    /// Whether every operator was passed or serves to compute sizes.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming one that was not.
    pub(super) fn check_strays(&self) -> Result<()> {
        let mut strays = self.graph.nodes().iter().zip(self.visited.iter().zip(&self.about_sizes));
        match strays.find(|(_, (visited, about_sizes))| !**visited && !**about_sizes) {
            Some((node, _)) => {
                let message = "it is not on the way from the image to the classes; VGG-16 has nothing beside it";
                Err(Error::input(message).at(node.describe()))
            }
            None => Ok(()),
        }
    }
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.escape_debug())
}

/// Operators that compute sizes out of sizes.
const OF_SIZES: [&str; 9] = ["Shape", "Size", "Gather", "Slice", "Concat", "Unsqueeze", "Squeeze", "Cast", "Mul"];

/// Which operators begin at the sizes of a value and lead to nothing but the second input of a `Reshape`, as PyTorch writes it
/// for `flatten`. Found along the order of the graph and back again, each operator once.
fn about_sizes(graph: &OnnxGraph, readers: &HashMap<&str, Vec<usize>>) -> Vec<bool> {
    let nodes = graph.nodes();
    let mut found = vec![false; nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        let known = |input: &String| {
            graph.constant(input).is_some() || graph.producer(input).is_some_and(|maker| maker < index && found[maker])
        };
        let begins = matches!(node.operator.as_str(), "Shape" | "Size") || node.inputs.iter().all(known);
        found[index] = OF_SIZES.contains(&node.operator.as_str()) && begins;
    }
    for (index, node) in nodes.iter().enumerate().rev() {
        let is_shape = |reader: usize, value: &String| {
            let Some((data, shape)) = nodes[reader].inputs.split_first() else { return false };
            nodes[reader].operator == "Reshape" && data != value && shape.contains(value)
        };
        let leads = |value: &String| {
            let readers = readers.get(value.as_str()).map_or(&[][..], Vec::as_slice);
            let on = |&reader: &usize| is_shape(reader, value) || (reader > index && found[reader]);
            !readers.is_empty() && readers.iter().all(on)
        };
        found[index] = found[index] && node.outputs.iter().all(leads);
    }
    found
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
