//! A whole module of PyTorch, saved with `torch.save(model)`, read as the data it is: parameters, buffers and parts by name.

use std::collections::HashSet;

use super::container::TENSORS_MAX;
use super::pickle::{Heap, Id, Value};

/// Whether a value has what every `torch.nn.Module` has.
pub(super) fn is_module(heap: &Heap<'_>, id: Id) -> bool {
    attribute(heap, id, "_parameters").is_some() && attribute(heap, id, "_modules").is_some()
}

/// Tensors under the names that `state_dict()` gives them, in its order.
///
/// Modules may share parts, so the number of names is bounded, not that of modules.
pub(super) fn tensors(heap: &Heap<'_>, module: Id) -> Vec<(String, Id)> {
    let mut found = Vec::new();
    let mut open = vec![(module, String::new())];
    let mut visited = 0;
    while let Some((module, prefix)) = open.pop() {
        visited += 1;
        if found.len().max(visited).max(open.len()) > TENSORS_MAX {
            break;
        }
        let transient: HashSet<&str> =
            match attribute(heap, module, "_non_persistent_buffers_set").map(|id| heap.get(id)) {
                Some(Value::Set(names)) => names.iter().filter_map(|&name| heap.text(name)).collect(),
                _ => HashSet::new(),
            };
        for (name, id) in named(heap, module, "_parameters").into_iter().chain(named(heap, module, "_buffers")) {
            let is_tensor = matches!(heap.get(id), Value::Tensor(_) | Value::Unusable(_));
            if is_tensor && !transient.contains(name) && found.len() <= TENSORS_MAX {
                found.push((format!("{prefix}{name}"), id));
            }
        }
        let parts = named(heap, module, "_modules").into_iter().take(TENSORS_MAX).rev();
        let parts = parts.filter(|(name, id)| is_module(heap, *id) && prefix.len() + name.len() <= NAME_MAX);
        open.extend(parts.map(|(name, id)| (id, format!("{prefix}{name}."))));
    }
    found
}

/// Bytes of a full name; modules that contain themselves would have endless ones.
const NAME_MAX: usize = 500;
/// Attributes of a module.
const ATTRIBUTES_MAX: usize = 1000;

fn attribute(heap: &Heap<'_>, id: Id, wanted: &str) -> Option<Id> {
    let Value::Object(object) = heap.get(id) else { return None };
    let Value::Dict(state) = heap.get(object.state?) else { return None };
    state.iter().take(ATTRIBUTES_MAX).find(|(key, _)| heap.text(*key) == Some(wanted)).map(|(_, value)| *value)
}

/// The entries of an attribute that is a dict.
fn named<'a>(heap: &Heap<'a>, id: Id, attribute_name: &str) -> Vec<(&'a str, Id)> {
    let Some(Value::Dict(items)) = attribute(heap, id, attribute_name).map(|id| heap.get(id)) else {
        return Vec::new();
    };
    let entry = |&(key, value): &(Id, Id)| Some((heap.text(key).filter(|name| name.len() <= NAME_MAX)?, value));
    items.iter().filter_map(entry).collect()
}
