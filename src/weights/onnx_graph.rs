//! The operators of an ONNX file, and which constants reach them.

use std::collections::HashMap;

use super::onnx_proto::{self, AttributeProto, GraphProto, NodeProto};
use super::tensor::{Tensor, quote};
use crate::error::{Error, Result};

/// One operator.
#[derive(Debug, Clone)]
pub struct OnnxNode {
    /// Name in the file; may be empty.
    pub name: String,
    /// Operator, such as `Conv`.
    pub operator: String,
    /// Values it reads, in order; an absent optional input is empty.
    pub inputs: Vec<String>,
    /// Values it makes.
    pub outputs: Vec<String>,
    integers: HashMap<String, Vec<i64>>,
    floats: HashMap<String, f32>,
    texts: HashMap<String, String>,
}

impl OnnxNode {
    /// An attribute of one integer.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.integers.get(name).and_then(|list| list.first().copied())
    }

    /// An attribute of several integers.
    pub fn integers(&self, name: &str) -> Option<&[i64]> {
        self.integers.get(name).map(Vec::as_slice)
    }

    /// An attribute that is a number.
    pub fn float(&self, name: &str) -> Option<f32> {
        self.floats.get(name).copied()
    }

    /// An attribute that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// The operator and its name, for messages.
    pub fn describe(&self) -> String {
        let name = if self.name.is_empty() { self.outputs.first() } else { Some(&self.name) };
        format!("{} {}", self.operator, quote(name.map_or("", String::as_str)))
    }
}

/// The operators of an ONNX file in their stored order, which the format requires to be topological.
#[derive(Debug, Clone)]
pub struct OnnxGraph {
    nodes: Vec<OnnxNode>,
    /// Values known without running the network.
    constants: HashMap<String, Tensor>,
    /// Value to the index of the operator that makes it.
    producers: HashMap<String, usize>,
    input_sizes: HashMap<String, Vec<Option<usize>>>,
}

impl OnnxGraph {
    pub(super) fn new(proto: &GraphProto, initialisers: &[Tensor]) -> Result<Self> {
        let constants = initialisers.iter().map(|tensor| (tensor.name().to_owned(), tensor.clone())).collect();
        let input_sizes = proto.input.iter().map(|input| (input.name.clone(), input.sizes())).collect();
        let mut graph = OnnxGraph { nodes: Vec::new(), constants, producers: HashMap::new(), input_sizes };
        for proto in &proto.node {
            graph.add(proto)?;
        }
        Ok(graph)
    }

    /// The operators, in order.
    pub fn nodes(&self) -> &[OnnxNode] {
        &self.nodes
    }

    /// The constant behind a value: an initialiser, perhaps through `Constant`, `Identity` and `Transpose`.
    pub fn constant(&self, value: &str) -> Option<&Tensor> {
        self.constants.get(value)
    }

    /// The operator that makes a value; none for inputs and constants.
    pub fn producer(&self, value: &str) -> Option<&OnnxNode> {
        self.producers.get(value).map(|&index| &self.nodes[index])
    }

    /// What is given from outside: values that operators read and nothing makes. Absent optional inputs are none.
    pub fn inputs(&self) -> Vec<&str> {
        let mut inputs: Vec<&str> = Vec::new();
        for value in self.nodes.iter().flat_map(|node| &node.inputs).filter(|value| !value.is_empty()) {
            let known = self.constants.contains_key(value) || self.producers.contains_key(value);
            if !known && !inputs.contains(&value.as_str()) {
                inputs.push(value);
            }
        }
        inputs
    }

    /// Sizes of an input, as far as the file fixes them.
    pub fn input_sizes(&self, name: &str) -> Option<&[Option<usize>]> {
        self.input_sizes.get(name).map(Vec::as_slice)
    }

    /// The operators that read a value.
    pub fn consumers<'a>(&'a self, value: &'a str) -> impl Iterator<Item = &'a OnnxNode> {
        self.nodes.iter().filter(move |node| node.inputs.iter().any(|input| input == value))
    }

    fn add(&mut self, proto: &NodeProto) -> Result<()> {
        let node = node(proto);
        for output in node.outputs.iter().filter(|output| !output.is_empty()) {
            if self.constants.contains_key(output) || self.producers.contains_key(output) {
                return Err(Error::input(format!("value {} is made twice", quote(output))));
            }
        }
        match (self.fold(proto, &node)?, node.outputs.first()) {
            (Some(constant), Some(output)) => {
                self.constants.insert(output.clone(), constant);
            }
            _ => {
                let index = self.nodes.len();
                self.producers.extend(node.outputs.iter().map(|output| (output.clone(), index)));
                self.nodes.push(node);
            }
        }
        Ok(())
    }

    /// The value of an operator that only hands a constant on. It keeps the name of the initialiser it came from.
    fn fold(&self, proto: &NodeProto, node: &OnnxNode) -> Result<Option<Tensor>> {
        let source = node.inputs.first().and_then(|input| self.constants.get(input));
        match (node.operator.as_str(), source) {
            ("Constant", _) => {
                let tensor = proto.attribute.iter().find_map(|attribute| constant(attribute).transpose()).transpose();
                let tensor = tensor.map_err(|error| error.at(node.describe()))?;
                Ok(tensor.map(|tensor| tensor.renamed(node.outputs.first().map_or("", String::as_str))))
            }
            ("Identity", Some(source)) => Ok(Some(source.clone())),
            ("Transpose", Some(source)) => {
                let axes = source.dims().len();
                let order: Vec<usize> = match node.integers("perm") {
                    Some(order) => order.iter().map(|&axis| usize::try_from(axis).unwrap_or(usize::MAX)).collect(),
                    None => (0..axes).rev().collect(),
                };
                source.clone().permuted(&order).map(Some).map_err(|error| error.at(node.describe()))
            }
            _ => Ok(None),
        }
    }
}

/// The value of a `Constant`, in any form but text and sparse tensors.
fn constant(attribute: &AttributeProto) -> Result<Option<Tensor>> {
    let row = |count: usize| if attribute.name.ends_with('s') { vec![count] } else { Vec::new() };
    match attribute.name.as_str() {
        "value" => attribute.t.as_ref().map(onnx_proto::tensor).transpose(),
        "value_float" => Tensor::from_values("", row(1), &[attribute.f]).map(Some),
        "value_floats" => Tensor::from_values("", row(attribute.floats.len()), &attribute.floats).map(Some),
        "value_int" => Tensor::from_integers("", row(1), &[attribute.i]).map(Some),
        "value_ints" => Tensor::from_integers("", row(attribute.ints.len()), &attribute.ints).map(Some),
        _ => Ok(None),
    }
}

fn node(proto: &NodeProto) -> OnnxNode {
    let mut node = OnnxNode {
        name: proto.name.clone(),
        operator: proto.op_type.clone(),
        inputs: proto.input.clone(),
        outputs: proto.output.clone(),
        integers: HashMap::new(),
        floats: HashMap::new(),
        texts: HashMap::new(),
    };
    for attribute in &proto.attribute {
        let name = attribute.name.clone();
        // A single integer is a list of one: no attribute we read can be both.
        let list = if attribute.ints.is_empty() { vec![attribute.i] } else { attribute.ints.clone() };
        node.integers.insert(name.clone(), list);
        node.floats.insert(name.clone(), attribute.f);
        node.texts.insert(name, String::from_utf8_lossy(&attribute.s).into_owned());
    }
    node
}
