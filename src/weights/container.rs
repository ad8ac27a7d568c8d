//! What a weight file may be packed in, and what every reader makes of it.

use std::collections::HashSet;
use std::fmt;

use super::data_file::DataFile;
use super::onnx_graph::OnnxGraph;
use super::tensor::{Tensor, quote};
use crate::error::{Error, Result};

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

/// Something in a file that is no tensor of the network, and was left where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// Where it lies, as the file calls it.
    pub name: String,
    /// What it is, such as `an integer`.
    pub what: String,
}

/// Tensors of one file; ResNet-152 has 932. What is read of each takes a few hundred bytes, so a file of many would take much more
/// memory than it has bytes.
pub(super) const TENSORS_MAX: usize = 20_000;

/// What a container holds, before it is tied to a path.
pub(super) struct Contents {
    pub(super) container: Container,
    pub(super) tensors: Vec<Tensor>,
    pub(super) metadata: Vec<(String, String)>,
    pub(super) graph: Option<OnnxGraph>,
    pub(super) passed_over: Vec<PassedOver>,
    pub(super) data_files: Vec<DataFile>,
}

impl Contents {
    /// Tensors and nothing else.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if two have one name.
    pub(super) fn new(container: Container, tensors: Vec<Tensor>) -> Result<Self> {
        let mut seen = HashSet::new();
        if let Some(tensor) = tensors.iter().find(|tensor| !seen.insert(tensor.name())) {
            return Err(Error::input(format!("tensor {} is there twice; needed once", quote(tensor.name()))));
        }
        let (metadata, passed_over, data_files) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Contents { container, tensors, metadata, graph: None, passed_over, data_files })
    }
}
