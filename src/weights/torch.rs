//! What both containers of PyTorch share - a pickled state dict over raw storages - and the legacy container.

use std::collections::HashMap;
use std::rc::Rc;

use prost::bytes::Bytes;

use super::container::{Container, Contents};
use super::pickle::{self, Heap, Id, StorageInfo, TensorInfo, Value};
use super::tensor::{Tensor, quote};
use crate::error::{Error, Result};

/// `PROTO 2`, then `LONG1` of ten bytes: 0x1950a86a20f9469cfc6c, the first of the four pickles.
const LEGACY_MAGIC: [u8; 14] = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const LEGACY_PROTOCOL: i128 = 1001;

/// Whether the file opens like the legacy container.
pub(super) fn is_legacy(source: &[u8]) -> bool {
    source.starts_with(&LEGACY_MAGIC)
}

/// The tensors of a pickled state dict, in order: names, and views still without their storages.
///
/// A `state_dict` inside the top-level dict is unwrapped; entries that are no tensors are passed over.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the object is no dict, or one without a tensor.
pub(super) fn state_dict(heap: &Heap, root: Id) -> Result<Vec<(Rc<str>, TensorInfo)>> {
    let dict = |id: Id| match heap.get(id) {
        Value::Dict(items) => Ok(items),
        other => Err(Error::input(format!("the file holds {}; needed a dict of tensors", other.kind()))
            .hint("save it again with `torch.save(model.state_dict(), FILE)`")),
    };
    let top = dict(root)?;
    let wrapped = top.iter().find(|(key, _)| heap.text(*key).is_some_and(|key| &**key == "state_dict"));
    let items = wrapped.map_or(Ok(top), |&(_, inner)| dict(inner))?;
    let mut tensors = Vec::new();
    for &(key, value) in items {
        if let (Some(name), Value::Tensor(tensor)) = (heap.text(key), heap.get(value)) {
            tensors.push((name.clone(), tensor.clone()));
        }
    }
    if tensors.is_empty() {
        let keys: Vec<String> = items.iter().filter_map(|&(key, _)| heap.text(key)).take(8).map(|k| quote(k)).collect();
        let found = if keys.is_empty() { "no named entries".into() } else { format!("the keys {}", keys.join(", ")) };
        return Err(Error::input(format!("the dict holds no tensor but {found}; needed a dict of tensors"))
            .hint("save it again with `torch.save(model.state_dict(), FILE)`"));
    }
    Ok(tensors)
}

/// Storages by key, each used with one element type and one length only.
pub(super) struct Storages<'a>(HashMap<&'a str, &'a StorageInfo>);

impl<'a> Storages<'a> {
    /// The storages that `tensors` refer to.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if two references to one storage disagree.
    pub(super) fn of(tensors: &'a [(Rc<str>, TensorInfo)]) -> Result<Self> {
        let mut known: HashMap<&str, &StorageInfo> = HashMap::new();
        for (name, tensor) in tensors {
            let storage = &tensor.storage;
            let first = known.entry(&storage.key).or_insert(storage);
            if *first != storage {
                let key = quote(&storage.key);
                let message = format!("storage {key} is described in two ways; needed one type and one length");
                return Err(Error::input(message).at(quote(name)));
            }
        }
        Ok(Storages(known))
    }

    fn get(&self, key: &str) -> Option<&StorageInfo> {
        self.0.get(key).copied()
    }
}

/// Ties the views to their storages, checking that every element lies inside.
pub(super) fn bind(tensors: &[(Rc<str>, TensorInfo)], storages: &HashMap<Rc<str>, Bytes>) -> Result<Vec<Tensor>> {
    let bind_one = |(name, tensor): &(Rc<str>, TensorInfo)| {
        let storage = &tensor.storage;
        let bytes = storages.get(&storage.key).ok_or_else(|| {
            Error::input(format!("its storage {} is not in the file", quote(&storage.key))).at(quote(name))
        })?;
        let needed = storage.count.checked_mul(storage.dtype.size());
        if needed != Some(bytes.len()) {
            let (found, count, dtype) = (bytes.len(), storage.count, storage.dtype);
            let message = format!("its storage has {found} bytes; {count} elements of {dtype} were declared");
            return Err(Error::input(message).at(quote(name)));
        }
        Tensor::strided(&**name, tensor.dims.clone(), storage.dtype, (tensor.offset, tensor.strides.clone()), bytes)
    };
    tensors.iter().map(bind_one).collect()
}

/// Reads the legacy container: four pickles, the list of storage keys, then the storages.
pub(super) fn read_legacy(source: &Bytes) -> Result<Contents> {
    let mut position = 0;
    let mut next = |what: &str| {
        let program = pickle::run(&source[position..]).map_err(|error| error.at(what))?;
        position += program.length;
        Ok::<_, Error>(program)
    };
    next("magic number")?;
    let protocol = next("protocol")?;
    match protocol.heap.get(protocol.root) {
        Value::Int(LEGACY_PROTOCOL) => {}
        other => return Err(Error::input(format!("legacy protocol is {other:?}; needed {LEGACY_PROTOCOL}"))),
    }
    let system = next("system")?;
    if !is_little_endian(&system.heap, system.root) {
        return Err(Error::input("the file was written in big-endian order; needed little-endian"));
    }
    let object = next("object")?;
    let keys = next("storage keys")?;
    let tensors = state_dict(&object.heap, object.root)?;
    let Value::List(keys_list) = keys.heap.get(keys.root) else {
        return Err(Error::input("the list of storage keys is no list"));
    };
    let keys: Vec<Rc<str>> = keys_list.iter().filter_map(|&id| keys.heap.text(id).cloned()).collect();
    let storages = legacy_storages(source, position, &keys, &object.heap, &Storages::of(&tensors)?)?;
    let tensors = bind(&tensors, &storages)?;
    Ok(Contents { container: Container::TorchLegacy, tensors, metadata: Vec::new(), graph: None })
}

fn is_little_endian(heap: &Heap, root: Id) -> bool {
    let Value::Dict(items) = heap.get(root) else { return false };
    let is_entry = |key: Id| heap.text(key).is_some_and(|key| &**key == "little_endian");
    items.iter().any(|&(key, value)| is_entry(key) && *heap.get(value) == Value::Bool(true))
}

/// Each storage is a count of elements, eight bytes, and the elements.
fn legacy_storages(
    source: &Bytes,
    mut position: usize,
    keys: &[Rc<str>],
    heap: &Heap,
    used: &Storages<'_>,
) -> Result<HashMap<Rc<str>, Bytes>> {
    // The file does not say how wide the elements are; the pickle does, also for tensors outside the state dict.
    let sizes: HashMap<&str, &StorageInfo> = heap.storages().map(|storage| (&*storage.key, storage)).collect();
    let mut storages = HashMap::new();
    for key in keys {
        let about = used.get(key).or_else(|| sizes.get(&**key).copied());
        let about = about.ok_or_else(|| Error::input(format!("storage {} belongs to no tensor", quote(key))))?;
        let rest = source.get(position..).unwrap_or_default();
        let declared = rest.first_chunk::<8>().map(|count| i64::from_le_bytes(*count));
        let count = declared.and_then(|count| usize::try_from(count).ok());
        let length = count.and_then(|count| count.checked_mul(about.dtype.size()));
        let end = length.and_then(|length| position.checked_add(8)?.checked_add(length));
        match end.filter(|&end| end <= source.len()) {
            Some(end) => {
                if storages.insert(key.clone(), source.slice(position + 8..end)).is_some() {
                    return Err(Error::input(format!("storage {} is there twice", quote(key))));
                }
                position = end;
            }
            None => {
                let declared = declared.map_or_else(|| "no count".into(), |count| format!("{count} elements"));
                let message = format!("{declared} of {} declared with {} bytes left", about.dtype, rest.len());
                return Err(Error::input(message)
                    .at(format!("storage {}", quote(key)))
                    .hint("the file was cut short; fetch it again"));
            }
        }
    }
    match source.len() - position {
        0 => Ok(storages),
        trailing => Err(Error::input(format!("{trailing} bytes follow the last storage; needed the end of the file"))),
    }
}
