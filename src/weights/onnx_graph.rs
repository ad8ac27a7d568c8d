//! The operators of an ONNX file, and which constants reach them.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use super::dtype::Dtype;
use super::onnx_tensor::{Beside, TensorMessage};
use super::protobuf::{Field, Message};
use super::tensor::{Tensor, quote};
use crate::error::{Error, Result};

/// One operator.
#[derive(Debug, Clone, Default)]
pub struct OnnxNode {
    /// Name in the file; may be empty.
    pub name: String,
    /// Operator, such as `Conv`.
    pub operator: String,
    /// Values it reads, in order; an absent optional input is empty.
    pub inputs: Vec<String>,
    /// Values it makes.
    pub outputs: Vec<String>,
    attributes: Vec<Attribute>,
}

/// A named constant of an operator; its type says which of its values counts.
#[derive(Debug, Clone, Default)]
struct Attribute {
    name: String,
    float: f32,
    integer: i64,
    text: String,
    floats: Vec<f32>,
    integers: Vec<i64>,
}

impl OnnxNode {
    /// An attribute of one integer.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.integers(name).and_then(|list| list.first().copied())
    }

    /// An attribute of several integers.
    pub fn integers(&self, name: &str) -> Option<&[i64]> {
        // A single integer is a list of one: no attribute we read can be both.
        self.attribute(name).map(|found| match found.integers.as_slice() {
            [] => std::slice::from_ref(&found.integer),
            list => list,
        })
    }

    /// An attribute that is a number.
    pub fn float(&self, name: &str) -> Option<f32> {
        self.attribute(name).map(|found| found.float)
    }

    /// An attribute that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attribute(name).map(|found| found.text.as_str())
    }

    /// The first attribute that is none of these.
    pub fn attribute_besides(&self, known: &[&str]) -> Option<&str> {
        self.attributes.iter().map(|attribute| attribute.name.as_str()).find(|name| !known.contains(name))
    }

    fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
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
    /// Reads the messages of the operators; `inputs` are names and sizes of what is given from outside.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if one is no operator, a value is made twice, or all together take too much memory.
    pub(super) fn new(
        messages: Vec<Bytes>,
        inputs: Vec<(String, Vec<Option<usize>>)>,
        initialisers: &[Tensor],
        beside: &mut Beside,
    ) -> Result<Self> {
        let constants = initialisers.iter().map(|tensor| (tensor.name().to_owned(), tensor.clone())).collect();
        let input_sizes = inputs.into_iter().collect();
        let mut graph = OnnxGraph { nodes: Vec::new(), constants, producers: HashMap::new(), input_sizes };
        let mut room = MEMORY_MAX;
        for message in messages {
            let (node, value) = read_node(message, &mut room)?;
            let value =
                value.map(|value| value.tensor(beside)).transpose().map_err(|error| error.at(node.describe()))?;
            graph.add(node, value)?;
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

    /// The place of the operator that makes a value; none for inputs and constants.
    pub fn producer(&self, value: &str) -> Option<usize> {
        self.producers.get(value).copied()
    }

    /// What is given from outside: values that operators read and nothing makes. Absent optional inputs are none.
    pub fn inputs(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        let values = self.nodes.iter().flat_map(|node| &node.inputs).map(String::as_str);
        let given = values.filter(|&value| {
            !value.is_empty() && !self.constants.contains_key(value) && !self.producers.contains_key(value)
        });
        given.filter(|value| seen.insert(*value)).collect()
    }

    /// Sizes of an input; those that the file does not fix are none.
    pub fn input_sizes(&self, name: &str) -> Option<&[Option<usize>]> {
        self.input_sizes.get(name).map(Vec::as_slice)
    }

    fn add(&mut self, node: OnnxNode, value: Option<Tensor>) -> Result<()> {
        for output in node.outputs.iter().filter(|output| !output.is_empty()) {
            if self.constants.contains_key(output) || self.producers.contains_key(output) {
                return Err(Error::input(format!("value {} is made twice", quote(output))));
            }
        }
        match (self.fold(&node, value)?, node.outputs.first()) {
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
    fn fold(&self, node: &OnnxNode, value: Option<Tensor>) -> Result<Option<Tensor>> {
        let source = node.inputs.first().and_then(|input| self.constants.get(input));
        match (node.operator.as_str(), source) {
            ("Constant", _) => {
                let tensor = value.map_or_else(|| written_constant(node), |tensor| Ok(Some(tensor)))?;
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

/// The value of a `Constant` that is written as a number or a list instead of a tensor.
fn written_constant(node: &OnnxNode) -> Result<Option<Tensor>> {
    let bytes_of = |integers: &[i64]| -> Bytes { integers.iter().flat_map(|number| number.to_le_bytes()).collect() };
    let Some(found) = node.attributes.iter().find(|attribute| attribute.name.starts_with("value_")) else {
        return Ok(None);
    };
    match found.name.as_str() {
        "value_float" => Tensor::from_values("", Vec::new(), &[found.float]).map(Some),
        "value_floats" => Tensor::from_values("", vec![found.floats.len()], &found.floats).map(Some),
        "value_int" => Tensor::contiguous("", Vec::new(), Dtype::I64, bytes_of(&[found.integer])).map(Some),
        "value_ints" => {
            Tensor::contiguous("", vec![found.integers.len()], Dtype::I64, bytes_of(&found.integers)).map(Some)
        }
        _ => Ok(None),
    }
}

/// Bytes that the operators of a graph may take.
const MEMORY_MAX: usize = 32 << 20;

fn spend(room: &mut usize, bytes: usize) -> Result<()> {
    *room = room.checked_sub(bytes).ok_or_else(|| {
        Error::input(format!("its operators take more than {} MiB; no network of images has so many", MEMORY_MAX >> 20))
    })?;
    Ok(())
}

/// Whether a domain of operators is that of ONNX itself.
pub(super) fn is_standard(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// An operator, and its attribute that is a tensor. One that is not of ONNX itself has its domain in front: `com.example.Relu`.
fn read_node(message: Bytes, room: &mut usize) -> Result<(OnnxNode, Option<TensorMessage>)> {
    let mut node = OnnxNode::default();
    let (mut value, mut domain) = (None, String::new());
    spend(room, size_of::<OnnxNode>())?;
    let mut message = Message::new(message);
    while let Some((number, field)) = message.next()? {
        let bytes = match number {
            1..=5 | 7 => field.bytes()?,
            _ => continue,
        };
        // A name is kept here and, where a value is made, in the table of its makers.
        spend(room, if number == 5 { size_of::<Attribute>() } else { 2 * (size_of::<String>() + bytes.len()) + 64 })?;
        match number {
            1 => node.inputs.push(Field::Bytes(bytes).text()?),
            2 => node.outputs.push(Field::Bytes(bytes).text()?),
            3 => node.name = Field::Bytes(bytes).text()?,
            4 => node.operator = Field::Bytes(bytes).text()?,
            7 => domain = Field::Bytes(bytes).text()?,
            _ => {
                let (attribute, tensor) = read_attribute(bytes, room)?;
                if attribute.name == "value" {
                    value = tensor;
                }
                node.attributes.push(attribute);
            }
        }
    }
    let mut names: Vec<&str> = node.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        let message = format!("attribute {} is there twice; needed once", quote(pair[0]));
        return Err(Error::input(message).at(node.describe()));
    }
    if !is_standard(&domain) {
        // Under another name, so that nothing takes it for the operator of ONNX that it may be called like.
        node.operator = format!("{domain}.{}", node.operator);
    }
    Ok((node, value))
}

fn read_attribute(message: Bytes, room: &mut usize) -> Result<(Attribute, Option<TensorMessage>)> {
    let mut attribute = Attribute::default();
    let mut tensor = None;
    let mut message = Message::new(message);
    while let Some((number, field)) = message.next()? {
        match number {
            1 => {
                attribute.name = field.text()?;
                spend(room, attribute.name.len())?;
            }
            2 => attribute.float = field.float()?,
            3 => attribute.integer = field.integer()?,
            4 => {
                let bytes = field.bytes()?;
                spend(room, 3 * bytes.len())?;
                attribute.text = String::from_utf8_lossy(&bytes).into_owned();
            }
            5 => tensor = Some(TensorMessage::read(field.bytes()?)?),
            7 => match field {
                Field::Bytes(row) => {
                    spend(room, row.len())?;
                    attribute.floats.extend(row.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)));
                }
                one => {
                    spend(room, 2 * size_of::<f32>())?;
                    attribute.floats.push(one.float()?);
                }
            },
            8 => field.each_integer(|integer| {
                spend(room, 2 * size_of::<i64>())?;
                attribute.integers.push(integer);
                Ok(())
            })?,
            _ => {}
        }
    }
    Ok((attribute, tensor))
}
