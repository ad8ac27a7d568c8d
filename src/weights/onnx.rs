//! The ONNX container: initialisers, and the order of operators.

use prost::Message;
use prost::bytes::Bytes;

use super::container::{Container, Contents};
use super::onnx_graph::OnnxGraph;
use super::onnx_proto::{ModelProto, tensor};
use super::tensor::Tensor;
use crate::error::{Error, Result};

/// Reads the container. Anything that is not a protobuf message with a graph is reported as no weight file at all.
pub(super) fn read(source: &Bytes) -> Result<Contents> {
    let unknown = || Error::input("this is not a .pth, .safetensors or .onnx file, or it is damaged or was cut short");
    let model = ModelProto::decode(source.clone()).map_err(|error| {
        // Every ONNX file opens with its version; then the cause is worth telling.
        if source.first() == Some(&0x08) {
            Error::input(format!("not a readable ONNX file: {error}"))
        } else {
            unknown()
        }
    })?;
    let graph = model.graph.ok_or_else(unknown)?;
    // Required by the format, and written behind the graph: a file cut between two fields is still a valid message.
    if model.opset_import.is_empty() {
        return Err(Error::input("the ONNX file names no operator set; it was cut short").hint("fetch it again"));
    }
    if !graph.sparse_initializer.is_empty() {
        return Err(Error::input("the ONNX file holds sparse initialisers; needed dense ones"));
    }
    let tensors: Vec<Tensor> = graph.initializer.iter().map(tensor).collect::<Result<_>>()?;
    let graph = OnnxGraph::new(&graph, &tensors)?;
    Ok(Contents { container: Container::Onnx, tensors, metadata: Vec::new(), graph: Some(graph) })
}
