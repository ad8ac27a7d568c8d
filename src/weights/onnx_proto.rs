//! The messages of an ONNX file: just the fields that initialisers and the order of operators need.
//!
//! Field numbers are those of `onnx.proto3`, ONNX 1.x.

use prost::Message;
use prost::bytes::Bytes;

use super::tensor::{Dtype, Tensor, quote};
use crate::error::{Error, Result};

#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelProto {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(message, optional, tag = "7")]
    pub(super) graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    pub(super) opset_import: Vec<OperatorSetIdProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OperatorSetIdProto {}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub(super) node: Vec<NodeProto>,
    #[prost(message, repeated, tag = "5")]
    pub(super) initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    pub(super) input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "15")]
    pub(super) sparse_initializer: Vec<SparseTensorProto>,
}

/// A value that is given from outside.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueInfoProto {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    kind: Option<TypeProto>,
}

impl ValueInfoProto {
    /// Sizes, where they are fixed numbers.
    pub(super) fn sizes(&self) -> Vec<Option<usize>> {
        let shape = self.kind.as_ref().and_then(|kind| kind.tensor.as_ref()).and_then(|tensor| tensor.shape.as_ref());
        let fixed = |dim: &DimensionProto| usize::try_from(dim.value).ok().filter(|&size| size > 0);
        shape.map_or_else(Vec::new, |shape| shape.dims.iter().map(fixed).collect())
    }
}

#[derive(Clone, PartialEq, Message)]
struct TypeProto {
    #[prost(message, optional, tag = "1")]
    tensor: Option<TensorTypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorTypeProto {
    #[prost(message, optional, tag = "2")]
    shape: Option<TensorShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorShapeProto {
    #[prost(message, repeated, tag = "1")]
    dims: Vec<DimensionProto>,
}

#[derive(Clone, PartialEq, Message)]
struct DimensionProto {
    #[prost(int64, tag = "1")]
    value: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub(super) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) output: Vec<String>,
    #[prost(string, tag = "3")]
    pub(super) name: String,
    #[prost(string, tag = "4")]
    pub(super) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) attribute: Vec<AttributeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AttributeProto {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(float, tag = "2")]
    pub(super) f: f32,
    #[prost(int64, tag = "3")]
    pub(super) i: i64,
    #[prost(bytes = "bytes", tag = "4")]
    pub(super) s: Bytes,
    #[prost(message, optional, tag = "5")]
    pub(super) t: Option<TensorProto>,
    #[prost(float, repeated, tag = "7")]
    pub(super) floats: Vec<f32>,
    #[prost(int64, repeated, tag = "8")]
    pub(super) ints: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    int32_data: Vec<i32>,
    #[prost(int64, repeated, tag = "7")]
    int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "bytes", tag = "9")]
    raw_data: Bytes,
    #[prost(double, repeated, tag = "10")]
    double_data: Vec<f64>,
    #[prost(message, repeated, tag = "13")]
    external_data: Vec<StringEntryProto>,
    #[prost(int32, tag = "14")]
    data_location: i32,
}

#[derive(Clone, PartialEq, Message)]
struct StringEntryProto {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SparseTensorProto {}

/// A tensor of the file; the data lies raw, or in the one field that its type prescribes.
pub(super) fn tensor(proto: &TensorProto) -> Result<Tensor> {
    let here = |error: Error| error.at(quote(&proto.name));
    if proto.data_location != 0 || !proto.external_data.is_empty() {
        let file = proto.external_data.iter().find(|entry| entry.key == "location").map_or("?", |entry| &entry.value);
        let message = format!("its data lies outside the file, in {}; needed inside", quote(file));
        return Err(here(Error::input(message))
            .hint("save the model in one file: `onnx.save(onnx.load(FILE), OUT, save_as_external_data=False)`"));
    }
    let dtype = dtype(proto.data_type).ok_or_else(|| {
        here(Error::input(format!("ONNX element type {}; floats, integers and bool are read", proto.data_type)))
    })?;
    let negative = |_| here(Error::input(format!("sizes {:?}; needed 0 or more", proto.dims)));
    let dims = proto.dims.iter().map(|&size| usize::try_from(size)).collect::<Result<Vec<_>, _>>().map_err(negative)?;
    let bytes = if proto.raw_data.is_empty() { typed_data(proto, dtype) } else { proto.raw_data.clone() };
    Tensor::contiguous(proto.name.clone(), dims, dtype, bytes)
}

fn dtype(number: i32) -> Option<Dtype> {
    Some(match number {
        1 => Dtype::F32,
        2 => Dtype::U8,
        3 => Dtype::I8,
        4 => Dtype::U16,
        5 => Dtype::I16,
        6 => Dtype::I32,
        7 => Dtype::I64,
        9 => Dtype::Bool,
        10 => Dtype::F16,
        11 => Dtype::F64,
        12 => Dtype::U32,
        13 => Dtype::U64,
        16 => Dtype::BF16,
        _ => return None,
    })
}

/// Data from the repeated field of its type. Narrow types travel in `int32_data`, one element an integer.
fn typed_data(proto: &TensorProto, dtype: Dtype) -> Bytes {
    let low = |size: usize| proto.int32_data.iter().flat_map(|v| v.to_le_bytes().into_iter().take(size)).collect();
    let bytes: Vec<u8> = match dtype {
        Dtype::F32 => proto.float_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Dtype::F64 => proto.double_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Dtype::I64 => proto.int64_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        // These two travel in `uint64_data`, which no weight needs: they are read from raw data only.
        Dtype::U32 | Dtype::U64 => Vec::new(),
        narrow => low(narrow.size()),
    };
    bytes.into()
}
