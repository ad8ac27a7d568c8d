//! The ONNX container: initialisers, and the order of operators.
//!
//! Field numbers are those of `onnx.proto3`, ONNX 1.x.

use std::collections::HashSet;
use std::path::Path;

use bytes::Bytes;

use super::container::{Container, Contents, PassedOver, TENSORS_MAX};
use super::onnx_graph::OnnxGraph;
use super::onnx_tensor::{Beside, TEXTS, TensorMessage};
use super::other;
use super::protobuf::Message;
use super::tensor::quote;
use crate::error::{Error, Result};

/// Reads the container; `path` is where the file lies, for data that lies beside it. Anything that is not a protobuf message with
/// a graph is reported as no weight file at all.
pub(super) fn read(source: &Bytes, path: &Path) -> Result<Contents> {
    let unknown = || other::unknown(path);
    let (graph, operator_sets) = model(source).map_err(|error| {
        // Every ONNX file opens with its version; then the cause is worth telling.
        if source.first() == Some(&0x08) { error.at("not a readable ONNX file") } else { unknown() }
    })?;
    let graph = graph.ok_or_else(unknown)?;
    // Required by the format, and written behind the graph: a file cut between two fields is still a valid message.
    if operator_sets == 0 {
        return Err(Error::input("the ONNX file names no operator set; it was cut short").hint("fetch it again"));
    }
    read_graph(graph, path)
}

/// The graph and the number of operator sets.
fn model(source: &Bytes) -> Result<(Option<Bytes>, usize)> {
    let (mut graph, mut operator_sets) = (None, 0);
    let mut message = Message::new(source.clone());
    while let Some((number, field)) = message.next()? {
        match number {
            7 if graph.replace(field.bytes()?).is_some() => return Err(Error::input("two graphs; needed one")),
            8 => operator_sets += 1,
            _ => {}
        }
    }
    Ok((graph, operator_sets))
}

fn read_graph(graph: Bytes, path: &Path) -> Result<Contents> {
    let mut beside = Beside::new(path);
    let (mut nodes, mut inputs) = (Vec::new(), Vec::new());
    let (mut tensors, mut passed_over) = (Vec::new(), Vec::new());
    let mut message = Message::new(graph);
    while let Some((number, field)) = message.next()? {
        match number {
            // Only pointed at; the graph counts them before it reads one.
            1 if nodes.len() == NODES_MAX => {
                return Err(Error::input(format!("more than {NODES_MAX} operators; no network of images has so many")));
            }
            1 => nodes.push(field.bytes()?),
            11 if inputs.len() == TENSORS_MAX => {
                return Err(Error::input(format!("more than {TENSORS_MAX} inputs; no network of images has so many")));
            }
            5 if tensors.len() + passed_over.len() == TENSORS_MAX => {
                return Err(Error::input(format!("more than {TENSORS_MAX} tensors; no network of images has so many")));
            }
            5 => {
                let found = TensorMessage::read(field.bytes()?)?;
                match found.unread() {
                    Some(what) => passed_over.push(PassedOver { name: found.name, what }),
                    None => tensors.push(found.tensor(&mut beside)?),
                }
            }
            11 => inputs.push(input(field.bytes()?)?),
            15 => return Err(Error::input("the ONNX file holds sparse initialisers; needed dense ones")),
            _ => {}
        }
    }
    let contents = Contents::new(Container::Onnx, tensors)?;
    let graph = OnnxGraph::new(nodes, inputs, &contents.tensors, &mut beside)?;
    // To pass over what an operator takes would only say that weights are missing.
    let used: HashSet<&String> = graph.nodes().iter().flat_map(|node| &node.inputs).collect();
    let is_wanted =
        |found: &PassedOver| contents.tensors.is_empty() || found.what != TEXTS && used.contains(&found.name);
    if let Some(found) = passed_over.iter().find(|found| is_wanted(found)) {
        let message = format!("{}; floats, integers and bool are read", found.what);
        return Err(Error::input(message).at(quote(&found.name)));
    }
    Ok(Contents { graph: Some(graph), passed_over, data_files: beside.into_files(), ..contents })
}

/// Name and sizes of a value that is given from outside; sizes that are no fixed numbers are none.
fn input(message: Bytes) -> Result<(String, Vec<Option<usize>>)> {
    // From its type to its tensor type, shape and dimensions.
    let (mut name, mut sizes) = (String::new(), Vec::new());
    let mut message = Message::new(message);
    while let Some((number, field)) = message.next()? {
        match number {
            1 => name = field.text()?,
            2 => {
                let shape = inner(field.bytes()?, 1)?.map_or(Ok(None), |tensor| inner(tensor, 2))?;
                let mut shape = Message::new(shape.unwrap_or_default());
                while let Some((number, field)) = shape.next()? {
                    if number == 1 && sizes.len() < AXES_MAX {
                        sizes.push(fixed_size(field.bytes()?)?);
                    }
                }
            }
            _ => {}
        }
    }
    Ok((name, sizes))
}

/// The message in a field of a message.
fn inner(message: Bytes, wanted: u64) -> Result<Option<Bytes>> {
    let mut message = Message::new(message);
    while let Some((number, field)) = message.next()? {
        if number == wanted {
            return field.bytes().map(Some);
        }
    }
    Ok(None)
}

fn fixed_size(dimension: Bytes) -> Result<Option<usize>> {
    let mut message = Message::new(dimension);
    while let Some((number, field)) = message.next()? {
        if number == 1 {
            return Ok(usize::try_from(field.integer()?).ok().filter(|&size| size > 0));
        }
    }
    Ok(None)
}

/// More axes than images have.
const AXES_MAX: usize = 8;

/// Operators of one graph; the largest networks of images have a few thousand.
const NODES_MAX: usize = 50_000;
