//! The names that are known, and what each makes of its arguments.

use super::value::{Constructor, ElementType, Global, Heap, Id, Object, StorageInfo, TensorInfo, Value};
use crate::error::{Error, Result};
use crate::weights::dtype::Dtype;
use crate::weights::tensor::{DIMENSIONS_MAX, quote};

/// Storages of PyTorch. The last ones are known for their widths: in the legacy container they lie between others.
static STORAGES: [(&str, ElementType); 18] = [
    ("FloatStorage", element("float32", 4, Some(Dtype::F32))),
    ("HalfStorage", element("float16", 2, Some(Dtype::F16))),
    ("BFloat16Storage", element("bfloat16", 2, Some(Dtype::BF16))),
    ("DoubleStorage", element("float64", 8, Some(Dtype::F64))),
    ("LongStorage", element("int64", 8, Some(Dtype::I64))),
    ("IntStorage", element("int32", 4, Some(Dtype::I32))),
    ("ShortStorage", element("int16", 2, Some(Dtype::I16))),
    ("CharStorage", element("int8", 1, Some(Dtype::I8))),
    ("ByteStorage", element("uint8", 1, Some(Dtype::U8))),
    ("BoolStorage", element("bool", 1, Some(Dtype::Bool))),
    ("UntypedStorage", element("uint8", 1, Some(Dtype::U8))),
    ("ComplexFloatStorage", element("complex64", 8, None)),
    ("ComplexDoubleStorage", element("complex128", 16, None)),
    ("QInt8Storage", element("qint8", 1, None)),
    ("QUInt8Storage", element("quint8", 1, None)),
    ("QInt32Storage", element("qint32", 4, None)),
    ("QUInt4x2Storage", element("quint4x2", 1, None)),
    ("QUInt2x4Storage", element("quint2x4", 1, None)),
];

/// Element types that no storage is named after.
static ELEMENT_TYPES: [ElementType; 8] = [
    element("uint16", 2, Some(Dtype::U16)),
    element("uint32", 4, Some(Dtype::U32)),
    element("uint64", 8, Some(Dtype::U64)),
    element("float8_e4m3fn", 1, None),
    element("float8_e5m2", 1, None),
    element("float8_e4m3fnuz", 1, None),
    element("float8_e5m2fnuz", 1, None),
    element("float8_e8m0fnu", 1, None),
];

const fn element(name: &'static str, size: usize, dtype: Option<Dtype>) -> ElementType {
    ElementType { name, size, dtype }
}

/// What a global name stands for. One that is not known is kept as a name: it can be neither looked up nor called.
pub(super) fn global<'a>(module: &'a str, name: &'a str) -> Value<'a> {
    let constructor = match (module, name) {
        ("collections", "OrderedDict") => Constructor::OrderedDict,
        ("collections", "defaultdict") => Constructor::DefaultDict,
        ("builtins" | "__builtin__", "set" | "frozenset") => Constructor::Set,
        ("copyreg" | "copy_reg", "_reconstructor" | "__newobj__" | "__newobj_ex__") => Constructor::Reconstructor,
        ("torch", "Size") => Constructor::Size,
        ("torch._utils", "_rebuild_tensor") => Constructor::RebuildTensor,
        ("torch._utils", "_rebuild_tensor_v2") => Constructor::RebuildTensorV2,
        ("torch._utils", "_rebuild_tensor_v3") => Constructor::RebuildTensorV3,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Constructor::RebuildParameter,
        ("torch._tensor", "_rebuild_from_type_v2") => Constructor::RebuildFromType,
        ("torch" | "torch.storage", name) => {
            let storage = STORAGES.iter().find(|(known, _)| *known == name);
            let mut types = STORAGES.iter().map(|(_, element)| element).chain(&ELEMENT_TYPES);
            match (storage, types.find(|element| element.name == name)) {
                (Some((_, element)), _) => Constructor::Storage(element),
                (None, Some(element)) => Constructor::ElementType(element),
                (None, None) => return Value::Global(Box::new(Global { module, name })),
            }
        }
        _ => return Value::Global(Box::new(Global { module, name })),
    };
    Value::Constructor(constructor)
}

/// What `REDUCE` and `NEWOBJ` do: a constructor makes data of its arguments, anything else an object that is only kept.
///
/// # Errors
/// [`crate::error::Kind::Input`] if what is called is plain data; no pickle that Python wrote does that.
pub(super) fn apply(heap: &mut Heap<'_>, callee: Id, arguments: Id) -> Result<Id> {
    let constructor = match heap.get(callee) {
        Value::Constructor(constructor) => *constructor,
        Value::Global(_) | Value::Object(_) | Value::Reference | Value::Unusable(_) | Value::Crowd => {
            return object(heap, callee);
        }
        _ => return Err(Error::input(format!("the file calls {}; nothing is callable", heap.describe(callee)))),
    };
    match construct(heap, constructor, arguments) {
        Ok(made) => Ok(made),
        Err(error) => heap.add(Value::Unusable(error)),
    }
}

fn object(heap: &mut Heap<'_>, class: Id) -> Result<Id> {
    heap.add(Value::Object(Box::new(Object { class, state: None, items: Vec::new() })))
}

/// More than any constructor takes.
const ARGUMENTS_MAX: usize = 8;

fn construct(heap: &mut Heap<'_>, constructor: Constructor, arguments: Id) -> Result<Id> {
    let Value::Tuple(arguments) = heap.get(arguments) else {
        return Err(Error::input("a call without a tuple of arguments"));
    };
    let arguments: Vec<Id> = arguments.iter().take(ARGUMENTS_MAX).copied().collect();
    match (constructor, arguments.as_slice()) {
        (Constructor::OrderedDict, []) | (Constructor::DefaultDict, [] | [_]) => heap.add(Value::Dict(Vec::new())),
        (Constructor::OrderedDict, &[pairs]) | (Constructor::DefaultDict, &[_, pairs]) => dict_of_pairs(heap, pairs),
        (Constructor::Set, []) => heap.add(Value::Set(Vec::new())),
        (Constructor::Set, &[items]) => match heap.get(items) {
            Value::List(items) | Value::Tuple(items) => {
                let items = items.clone();
                heap.add(Value::Set(items))
            }
            _ => heap.add(Value::Crowd),
        },
        (Constructor::Size, &[sizes]) => Ok(sizes),
        (Constructor::RebuildTensor, &[storage, offset, dims, strides])
        | (Constructor::RebuildTensorV2, &[storage, offset, dims, strides, ..]) => {
            tensor(heap, storage, None, [offset, dims, strides])
        }
        (Constructor::RebuildTensorV3, &[storage, offset, dims, strides, _, _, element, ..]) => {
            tensor(heap, storage, Some(element), [offset, dims, strides])
        }
        (Constructor::RebuildParameter, &[data, ..])
            if matches!(heap.get(data), Value::Tensor(_) | Value::Object(_) | Value::Unusable(_)) =>
        {
            Ok(data)
        }
        (Constructor::RebuildFromType, &[function, _, arguments, ..]) => match heap.get(function) {
            // A wrapper in a wrapper would follow the file as deep as it likes.
            Value::Constructor(Constructor::RebuildFromType) => object(heap, function),
            &Value::Constructor(inner) => construct(heap, inner, arguments),
            _ => object(heap, function),
        },
        (Constructor::Reconstructor, &[class, ..]) => object(heap, class),
        _ => Err(Error::input(format!("{constructor:?} with {} arguments is not understood", arguments.len()))),
    }
}

/// Python 2 wrote an `OrderedDict` as a list of lists of two.
fn dict_of_pairs(heap: &mut Heap<'_>, pairs: Id) -> Result<Id> {
    let items = match heap.get(pairs) {
        Value::Dict(items) => items.clone(),
        Value::List(pairs) => {
            let pair = |&pair: &Id| match heap.get(pair) {
                Value::List(pair) | Value::Tuple(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
                _ => Err(Error::input(format!("an OrderedDict holds {}; needed a pair", heap.describe(pair)))),
            };
            pairs.iter().map(pair).collect::<Result<_>>()?
        }
        _ => return Err(Error::input(format!("an OrderedDict of {}; needed pairs", heap.describe(pairs)))),
    };
    heap.add(Value::Dict(items))
}

fn tensor(heap: &mut Heap<'_>, storage: Id, element: Option<Id>, [offset, dims, strides]: [Id; 3]) -> Result<Id> {
    let storage = match heap.get(storage) {
        Value::Storage(storage) => **storage,
        Value::Unusable(error) => return Err(error.clone()),
        _ => return Err(Error::input(format!("a tensor of {}; needed a storage", heap.describe(storage)))),
    };
    let element = match element.map(|element| heap.get(element)) {
        None => storage.elements,
        Some(&Value::Constructor(Constructor::ElementType(element))) => element,
        Some(_) => return Err(Error::input("a tensor whose element type is not known")),
    };
    let dtype = element.dtype.ok_or_else(|| {
        Error::input(format!("elements are {}; f16, bf16, f32, f64, integers and bool are read", element.name))
    })?;
    let (offset, dims, strides) = (heap.size(offset)?, sizes(heap, dims)?, sizes(heap, strides)?);
    heap.add(Value::Tensor(Box::new(TensorInfo { storage, dtype, offset, dims, strides })))
}

fn sizes(heap: &Heap<'_>, id: Id) -> Result<Vec<usize>> {
    match heap.get(id) {
        Value::Tuple(items) | Value::List(items) if items.len() <= DIMENSIONS_MAX => {
            items.iter().map(|&item| heap.size(item)).collect()
        }
        Value::Tuple(items) | Value::List(items) => {
            Err(Error::input(format!("a tensor of {} dimensions; at most {DIMENSIONS_MAX} are read", items.len())))
        }
        _ => Err(Error::input(format!("the sizes of a tensor are {}; needed a tuple", heap.describe(id)))),
    }
}

/// What `BINPERSID` stands for: `("storage", type, key, device, element count[, view])`, or, where a whole module was saved,
/// `("module", class, source file, source)`.
///
/// # Errors
/// [`crate::error::Kind::Input`] only if the budget ends; a reference to anything else can be kept, not used.
pub(super) fn persistent(heap: &mut Heap<'_>, id: Id) -> Result<Id> {
    let tag = match heap.get(id) {
        Value::Tuple(items) => items.first().and_then(|&tag| heap.text(tag)),
        _ => None,
    };
    match (tag, heap.get(id)) {
        (Some("module"), Value::Tuple(items)) if items.len() > 1 => Ok(items[1]),
        (Some("storage"), _) => match storage(heap, id) {
            Ok(storage) => heap.add(Value::Storage(Box::new(storage))),
            Err(error) => heap.add(Value::Unusable(error)),
        },
        _ => heap.add(Value::Reference),
    }
}

fn storage<'a>(heap: &Heap<'a>, id: Id) -> Result<StorageInfo<'a>> {
    let broken = || Error::input("a storage that is not described as PyTorch does");
    let Value::Tuple(items) = heap.get(id) else { return Err(broken()) };
    let (&[_tag, kind, key, _device, count], view) = items.split_first_chunk::<5>().ok_or_else(broken)?;
    if view.iter().any(|&view| !matches!(heap.get(view), Value::None)) {
        return Err(Error::input("a storage that is a view of another; PyTorch has not written these since 0.4"));
    }
    let &Value::Constructor(Constructor::Storage(elements)) = heap.get(kind) else {
        return Err(Error::input(format!("a storage of type {}; needed one of PyTorch's", heap.describe(kind))));
    };
    let key = heap.text(key).ok_or_else(broken)?;
    let count = heap.size(count).map_err(|error| error.at(format!("storage {}", quote(key))))?;
    Ok(StorageInfo { key, elements, count })
}
