//! Weight files: import, inspection, loading. Every file is hostile until its sizes were checked.
//!
//! [`open`] reads any supported container by its content, never by its extension, and executes nothing in it.
//! [`import`] turns one into a safetensors file with canonical names; [`WeightFile`] is what normal runs load.

mod archive;
mod bytes_reader;
pub mod classes;
mod container;
mod data_file;
mod dtype;
mod file;
pub mod import;
mod literal;
mod modules;
mod npz;
mod onnx;
mod onnx_graph;
mod onnx_tensor;
mod other;
mod pickle;
mod protobuf;
mod safetensors;
pub mod shipped;
mod state_dict;
mod storage;
mod tensor;
mod torch;
mod torch_zip;
mod write;
mod zip;

pub use archive::{Archive, open, open_at};
pub use container::{Container, PassedOver};
pub use data_file::DataFile;
pub use dtype::Dtype;
pub use file::WeightFile;
pub use onnx_graph::{OnnxGraph, OnnxNode};
pub use tensor::Tensor;
pub use write::{Precision, Stored, Written, save, save_as};
