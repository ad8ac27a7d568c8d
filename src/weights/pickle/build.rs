//! The allow-list of names, and what each makes of its arguments.

use super::value::{Constructor, Heap, Id, StorageInfo, TensorInfo, Value};
use crate::error::{Error, Result};
use crate::weights::tensor::{DIMENSIONS_MAX, Dtype, quote};

const STORAGES: [(&str, Dtype); 10] = [
    ("FloatStorage", Dtype::F32),
    ("HalfStorage", Dtype::F16),
    ("BFloat16Storage", Dtype::BF16),
    ("DoubleStorage", Dtype::F64),
    ("LongStorage", Dtype::I64),
    ("IntStorage", Dtype::I32),
    ("ShortStorage", Dtype::I16),
    ("CharStorage", Dtype::I8),
    ("ByteStorage", Dtype::U8),
    ("BoolStorage", Dtype::Bool),
];

const ELEMENT_TYPES: [&str; 14] = [
    "float16", "bfloat16", "float32", "float64", "half", "float", "double", "int8", "int16", "int32", "int64", "uint8",
    "bool", "long",
];

/// The data that a global name stands for.
///
/// # Errors
/// [`crate::error::Kind::Input`], naming it, for every name that is not on the list.
pub(super) fn constructor(module: &str, name: &str) -> Result<Constructor> {
    match (module, name) {
        ("collections", "OrderedDict") => return Ok(Constructor::OrderedDict),
        ("torch", "Size") => return Ok(Constructor::Size),
        ("torch._utils", "_rebuild_tensor") => return Ok(Constructor::RebuildTensor),
        ("torch._utils", "_rebuild_tensor_v2") => return Ok(Constructor::RebuildTensorV2),
        ("torch._utils", "_rebuild_parameter") => return Ok(Constructor::RebuildParameter),
        ("torch" | "torch.storage", storage) => {
            if let Some(&(_, dtype)) = STORAGES.iter().find(|(known, _)| *known == storage) {
                return Ok(Constructor::Storage(dtype));
            }
            if module == "torch" && ELEMENT_TYPES.contains(&storage) {
                return Ok(Constructor::ElementType);
            }
        }
        _ => {}
    }
    let full = quote(&format!("{module}.{name}"));
    let error = Error::input(format!("the file asks for {full}; only tensors and plain containers are read"));
    Err(error
        .hint("nothing in the file was run; if you trust it, load it in PyTorch and save `model.state_dict()` alone"))
}

/// What `REDUCE` does: applies a constructor to its arguments.
pub(super) fn apply(heap: &mut Heap, callee: Id, arguments: Id) -> Result<Id> {
    let Value::Constructor(constructor) = *heap.get(callee) else {
        return Err(Error::input(format!("the file calls {}; nothing is callable", heap.get(callee).kind())));
    };
    let Value::Tuple(arguments) = heap.get(arguments) else {
        return Err(Error::input("a call without a tuple of arguments"));
    };
    let arguments: Vec<Id> = arguments.iter().take(ARGUMENTS_MAX).copied().collect();
    match (constructor, arguments.as_slice()) {
        (Constructor::OrderedDict, []) => heap.add(Value::Dict(Vec::new())),
        (Constructor::OrderedDict, &[pairs]) => dict_of_pairs(heap, pairs),
        (Constructor::Size, &[sizes]) => Ok(sizes),
        (Constructor::RebuildTensor, &[storage, offset, dims, strides])
        | (Constructor::RebuildTensorV2, &[storage, offset, dims, strides, ..]) => {
            let tensor = tensor(heap, storage, offset, dims, strides)?;
            heap.add(Value::Tensor(tensor))
        }
        (Constructor::RebuildParameter, &[data, ..]) if matches!(heap.get(data), Value::Tensor(_)) => Ok(data),
        _ => Err(Error::input(format!("{constructor:?} with {} arguments is not understood", arguments.len()))),
    }
}

/// More than any constructor takes.
const ARGUMENTS_MAX: usize = 8;

/// Python 2 wrote an `OrderedDict` as a list of lists of two.
fn dict_of_pairs(heap: &mut Heap, pairs: Id) -> Result<Id> {
    let Value::List(pairs) = heap.get(pairs) else {
        return Err(Error::input(format!("an OrderedDict of {}; needed a list of pairs", heap.get(pairs).kind())));
    };
    let count = pairs.len();
    let mut items = Vec::new();
    for &pair in pairs {
        match heap.get(pair) {
            Value::List(pair) | Value::Tuple(pair) if pair.len() == 2 => items.push((pair[0], pair[1])),
            other => return Err(Error::input(format!("an OrderedDict holds {}; needed a pair", other.kind()))),
        }
    }
    // Paid for because a list that is named often could be copied often.
    heap.spend(count)?;
    heap.add(Value::Dict(items))
}

fn tensor(heap: &Heap, storage: Id, offset: Id, dims: Id, strides: Id) -> Result<TensorInfo> {
    let Value::Storage(storage) = heap.get(storage) else {
        return Err(Error::input(format!("a tensor of {}; needed a storage", heap.get(storage).kind())));
    };
    Ok(TensorInfo {
        storage: storage.clone(),
        offset: heap.size(offset)?,
        dims: sizes(heap, dims)?,
        strides: sizes(heap, strides)?,
    })
}

fn sizes(heap: &Heap, id: Id) -> Result<Vec<usize>> {
    match heap.get(id) {
        Value::Tuple(items) | Value::List(items) if items.len() <= DIMENSIONS_MAX => {
            items.iter().map(|&item| heap.size(item)).collect()
        }
        Value::Tuple(items) | Value::List(items) => {
            Err(Error::input(format!("a tensor of {} dimensions; at most {DIMENSIONS_MAX} are read", items.len())))
        }
        other => Err(Error::input(format!("the sizes of a tensor are {}; needed a tuple", other.kind()))),
    }
}

/// What `BINPERSID` stands for: `("storage", type, key, device, element count[, view])`.
pub(super) fn storage(heap: &Heap, id: Id) -> Result<StorageInfo> {
    let broken = || Error::input("a reference outside the pickle that is no storage of PyTorch");
    let Value::Tuple(items) = heap.get(id) else { return Err(broken()) };
    let (&[tag, kind, key, _device, count], view) = items.split_first_chunk::<5>().ok_or_else(broken)?;
    if heap.text(tag).is_none_or(|tag| &**tag != "storage") {
        return Err(broken());
    }
    if view.iter().any(|&view| *heap.get(view) != Value::None) {
        return Err(Error::input("a storage that is a view of another; PyTorch has not written these since 0.4"));
    }
    let &Value::Constructor(Constructor::Storage(dtype)) = heap.get(kind) else {
        return Err(Error::input(format!("a storage of type {}; needed one of PyTorch's", heap.get(kind).kind())));
    };
    let key = heap.text(key).ok_or_else(broken)?.clone();
    Ok(StorageInfo { key, dtype, count: heap.size(count)? })
}
