//! What both containers of PyTorch share - a pickled state dict over raw storages - and the legacy container.

use std::collections::HashMap;

use bytes::Bytes;

use super::container::{Container, Contents};
use super::pickle::{self, Heap, Id, StorageInfo, Unpickled, Value};
use super::state_dict::{self, StateDict};
use super::storage::Storage;
use super::tensor::{Tensor, quote};
use crate::error::{Error, Result};

/// The first of the four pickles, whatever their protocol.
const LEGACY_MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
/// More bytes than that pickle has in any protocol.
const LEGACY_MAGIC_BYTES: usize = 64;
const LEGACY_PROTOCOL: i128 = 1001;

/// Whether the file opens like the legacy container.
pub(super) fn is_legacy(source: &[u8]) -> bool {
    let start = &source[..source.len().min(LEGACY_MAGIC_BYTES)];
    pickle::run(start).is_ok_and(|magic| matches!(magic.heap.get(magic.root), Value::Int(LEGACY_MAGIC)))
}

/// The tensors that a pickle describes, tied to the storages that `storages` finds for them.
///
/// # Errors
/// [`crate::error::Kind::Input`] if there is no one dict of tensors, or a tensor does not fit its storage.
pub(super) fn tensors(
    object: &Unpickled<'_>,
    key: Option<&str>,
    container: Container,
    mut storages: impl FnMut(&str) -> Option<Storage>,
) -> Result<Contents> {
    let StateDict { tensors, passed_over } = state_dict::find(&object.heap, object.root, key)?;
    let mut known: HashMap<&str, &StorageInfo<'_>> = HashMap::new();
    let mut bound = Vec::new();
    for (name, tensor) in &tensors {
        let here = |error: Error| error.at(quote(name));
        let about = &tensor.storage;
        if **known.entry(about.key).or_insert(about) != *about {
            let message =
                format!("storage {} is described in two ways; needed one type and one length", quote(about.key));
            return Err(here(Error::input(message)));
        }
        let storage = storages(about.key)
            .ok_or_else(|| here(Error::input(format!("its storage {} is not in the file", quote(about.key)))))?;
        if about.count.checked_mul(about.elements.size) != Some(storage.len()) {
            let (found, count, element) = (storage.len(), about.count, about.elements.name);
            let message = format!("its storage has {found} bytes; {count} elements of {element} were declared");
            return Err(here(Error::input(message)));
        }
        let place = (tensor.offset, tensor.strides.clone());
        bound.push(Tensor::strided(name, tensor.dims.clone(), tensor.dtype, place, &storage)?);
    }
    let repeated = bound.iter().fold(0usize, |sum, tensor| sum.saturating_add(tensor.repeated()));
    if repeated > REPEATED_MAX {
        let message = format!("expanded tensors repeat {repeated} elements; at most {REPEATED_MAX} are read");
        return Err(Error::input(message).hint("save `tensor.contiguous()` instead"));
    }
    let unpacked = bound.iter().fold(0usize, |sum, tensor| sum.saturating_add(tensor.unpacked()));
    let held = bound.iter().fold(0usize, |sum, tensor| sum.saturating_add(tensor.bytes_len()));
    if unpacked > held.saturating_mul(UNPACKED_TIMES).saturating_add(UNPACKED_MAX) {
        let message =
            format!("{unpacked} bytes have to be unpacked for {held} of tensors; needed tensors of their own storages");
        return Err(Error::input(message).hint("save each `tensor.clone()` instead, or the file without compression"));
    }
    Ok(Contents { passed_over, ..Contents::new(container, bound)? })
}

/// Each tensor of a packed storage is unpacked from the storage's first byte: a network in one storage takes half of it for each tensor.
/// Beyond so many times the tensors, and so many bytes, no honest file goes.
const UNPACKED_TIMES: usize = 32;
const UNPACKED_MAX: usize = 1 << 30;

/// Elements that tensors of stride 0 may have beyond those in the file.
const REPEATED_MAX: usize = 1 << 22;

/// Reads the legacy container: four pickles, the list of storage keys, then the storages.
pub(super) fn read_legacy(source: &Bytes, key: Option<&str>) -> Result<Contents> {
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
    let Value::List(list) = keys.heap.get(keys.root) else {
        return Err(Error::input("the list of storage keys is no list"));
    };
    let keys: Vec<&str> = list.iter().filter_map(|&id| keys.heap.text(id)).collect();
    let storages = legacy_storages(source, position, &keys, &object.heap)?;
    tensors(&object, key, Container::TorchLegacy, |key| storages.get(key).cloned().map(Storage::Plain))
}

fn is_little_endian(heap: &Heap, root: Id) -> bool {
    let Value::Dict(items) = heap.get(root) else { return false };
    let is_entry = |key: Id| heap.text(key) == Some("little_endian");
    items.iter().any(|&(key, value)| is_entry(key) && matches!(heap.get(value), Value::Bool(true)))
}

/// Each storage is a count of elements, eight bytes, and the elements.
fn legacy_storages<'a>(
    source: &Bytes,
    mut position: usize,
    keys: &[&'a str],
    heap: &Heap<'_>,
) -> Result<HashMap<&'a str, Bytes>> {
    // The file does not say how wide the elements are; the pickle does, also for tensors outside the state dict.
    let known: HashMap<&str, &StorageInfo<'_>> = heap.storages().map(|storage| (storage.key, storage)).collect();
    let mut storages = HashMap::new();
    for &key in keys {
        let here = |error: Error| error.at(format!("storage {}", quote(key)));
        let element = known.get(key).map(|about| about.elements);
        let element = element.ok_or_else(|| here(Error::input("it belongs to no tensor that can be read")))?;
        let rest = source.get(position..).unwrap_or_default();
        let declared = rest.first_chunk::<8>().map(|count| i64::from_le_bytes(*count));
        let count = declared.and_then(|count| usize::try_from(count).ok());
        let length = count.and_then(|count| count.checked_mul(element.size));
        let end = length.and_then(|length| position.checked_add(8)?.checked_add(length));
        let end = end.filter(|&end| end <= source.len()).ok_or_else(|| {
            let declared = declared.map_or_else(|| "no count".into(), |count| format!("{count} elements"));
            let message = format!("{declared} of {} declared with {} bytes left", element.name, rest.len());
            here(Error::input(message)).hint("the file was cut short; fetch it again")
        })?;
        if storages.insert(key, source.slice(position + 8..end)).is_some() {
            return Err(here(Error::input("it is there twice; needed once")));
        }
        position = end;
    }
    match source.len() - position {
        0 => Ok(storages),
        trailing => Err(Error::input(format!("{trailing} bytes follow the last storage; needed the end of the file"))),
    }
}
