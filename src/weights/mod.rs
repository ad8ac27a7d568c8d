//! Weight files: import, inspection, loading. Every file is hostile until its sizes were checked.
//!
//! [`open`] reads any supported container by its content, never by its extension, and executes nothing in it.
//! [`import`] turns one into a safetensors file with canonical names; [`WeightFile`] is what normal runs load.

mod archive;
pub mod classes;
mod container;
mod file;
pub mod import;
mod literal;
mod npz;
mod onnx;
mod onnx_graph;
mod onnx_proto;
mod pickle;
mod safetensors;
pub mod shipped;
mod tensor;
mod torch;
mod torch_zip;
mod write;

pub use archive::{Archive, open};
pub use container::Container;
pub use file::WeightFile;
pub use onnx_graph::{OnnxGraph, OnnxNode};
pub use tensor::{Dtype, Tensor};
pub use write::{Precision, Stored, Written, save, save_as};
