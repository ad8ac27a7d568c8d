//! What a weight file may be packed in, and what every reader makes of it.

use std::fmt;

use super::onnx_graph::OnnxGraph;
use super::tensor::Tensor;

/// How a weight file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// PyTorch since 1.6: a zip of a pickle and raw storages.
    TorchZip,
    /// PyTorch before 1.6: pickles followed by raw storages.
    TorchLegacy,
    /// A JSON header followed by raw tensors.
    Safetensors,
    /// An ONNX model; its initialisers are the tensors.
    Onnx,
    /// A zip of numpy arrays.
    Npz,
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Container::TorchZip => "pth (zip)",
            Container::TorchLegacy => "pth (legacy)",
            Container::Safetensors => "safetensors",
            Container::Onnx => "onnx",
            Container::Npz => "npz",
        })
    }
}

/// What a container holds, before it is tied to a path.
pub(super) struct Contents {
    pub(super) container: Container,
    pub(super) tensors: Vec<Tensor>,
    pub(super) metadata: Vec<(String, String)>,
    pub(super) graph: Option<OnnxGraph>,
}
