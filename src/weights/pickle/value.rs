//! The values that a pickle can hold, and the memory they may take.

use crate::error::{Error, Result};
use crate::weights::dtype::Dtype;
use crate::weights::tensor::quote;

/// Index of a value in its [`Heap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::weights) struct Id(u32);

/// A storage that tensors are views of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::weights) struct StorageInfo<'a> {
    pub(in crate::weights) key: &'a str,
    pub(in crate::weights) elements: &'static ElementType,
    /// Number of elements.
    pub(in crate::weights) count: usize,
}

/// What the elements of a storage are called and how wide they are; only some are numbers that weights can be.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::weights) struct ElementType {
    /// As PyTorch calls it.
    pub(in crate::weights) name: &'static str,
    /// In bytes.
    pub(in crate::weights) size: usize,
    pub(in crate::weights) dtype: Option<Dtype>,
}

/// A tensor as the pickle describes it; not yet checked against its storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::weights) struct TensorInfo<'a> {
    pub(in crate::weights) storage: StorageInfo<'a>,
    pub(in crate::weights) dtype: Dtype,
    /// In elements.
    pub(in crate::weights) offset: usize,
    pub(in crate::weights) dims: Vec<usize>,
    /// In elements.
    pub(in crate::weights) strides: Vec<usize>,
}

/// A name of Python that stands for data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::weights) enum Constructor {
    OrderedDict,
    DefaultDict,
    Set,
    Size,
    /// `torch._utils._rebuild_tensor`, before PyTorch 0.4.
    RebuildTensor,
    RebuildTensorV2,
    /// With an element type of its own over a storage of bytes.
    RebuildTensorV3,
    RebuildParameter,
    /// A tensor with attributes of Python.
    RebuildFromType,
    /// Makes an object of the class that is its first argument.
    Reconstructor,
    /// `torch.FloatStorage` and its kin; named, never called.
    Storage(&'static ElementType),
    /// `torch.float32` and its kin.
    ElementType(&'static ElementType),
}

/// Something that is no plain data: only its class, and the data given to it, are known. Nothing of it is ever run.
#[derive(Debug)]
pub(in crate::weights) struct Object {
    /// What would have been called to make it.
    pub(in crate::weights) class: Id,
    /// Its attributes, or whatever else it would have been set up with.
    pub(in crate::weights) state: Option<Id>,
    /// What was put into it under keys.
    pub(in crate::weights) items: Vec<(Id, Id)>,
}

/// A name of Python that stands for nothing we know.
#[derive(Debug)]
pub(in crate::weights) struct Global<'a> {
    pub(in crate::weights) module: &'a str,
    pub(in crate::weights) name: &'a str,
}

/// One value; small, because there may be many.
#[derive(Debug)]
pub(in crate::weights) enum Value<'a> {
    None,
    Bool(bool),
    Int(i128),
    Float,
    Text(&'a str),
    /// Bytes, and text or integers that no name or size can be.
    Bytes,
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Set(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A container of so many items that it cannot be a dict of tensors; they were not kept.
    Crowd,
    Constructor(Constructor),
    Global(Box<Global<'a>>),
    Storage(Box<StorageInfo<'a>>),
    Tensor(Box<TensorInfo<'a>>),
    Object(Box<Object>),
    /// A reference to something that is known to the program that wrote the file alone.
    Reference,
    /// What is no such thing as it should be; an error only for whoever wants it.
    Unusable(Error),
}

/// Items that a container keeps.
const ITEMS_KEPT: usize = 1 << 16;

impl Value<'_> {
    /// Bytes that the value takes beyond what it borrows from the file.
    fn cost(&self) -> usize {
        let own = size_of::<Value<'_>>();
        own + match self {
            Value::Tuple(items) | Value::List(items) | Value::Set(items) => ALLOCATION + items.len() * ITEM,
            Value::Dict(items) => ALLOCATION + items.len() * 2 * ITEM,
            Value::Global(_) | Value::Storage(_) | Value::Object(_) => 64 + ALLOCATION,
            Value::Tensor(_) | Value::Unusable(_) => 320,
            _ => 0,
        }
    }
}

/// What the allocator adds to a value of its own.
const ALLOCATION: usize = 32;
/// What an item of a container takes, with the room for more that a growing one has.
const ITEM: usize = 2 * size_of::<Id>();

/// All values of a pickle, with the budget that bounds them.
#[derive(Debug)]
pub(in crate::weights) struct Heap<'a> {
    values: Vec<Value<'a>>,
    budget: usize,
}

/// Bytes that the values of one pickle may take. ResNet-152 with its optimizer takes a tenth.
const MEMORY_MAX: usize = 32 << 20;

/// Values that are there from the start, because a file may name them millions of times.
const FLOAT: Id = Id(0);
const BYTES: Id = Id(1);
const EMPTY: Id = Id(2);
const NONE: Id = Id(3);
const FALSE: Id = Id(4);
const TRUE: Id = Id(5);
const SMALL: u32 = 6;

impl<'a> Heap<'a> {
    pub(super) fn new() -> Self {
        let mut values = vec![
            Value::Float,
            Value::Bytes,
            Value::Tuple(Vec::new()),
            Value::None,
            Value::Bool(false),
            Value::Bool(true),
        ];
        values.extend((0..=255).map(Value::Int));
        Heap { values, budget: MEMORY_MAX }
    }

    pub(super) fn add(&mut self, value: Value<'a>) -> Result<Id> {
        let value = match value {
            Value::Float => return Ok(FLOAT),
            Value::Bytes => return Ok(BYTES),
            Value::None => return Ok(NONE),
            Value::Bool(truth) => return Ok(if truth { TRUE } else { FALSE }),
            Value::Int(small @ 0..=255) => return Ok(Id(SMALL + small as u32)),
            Value::Tuple(items) if items.is_empty() => return Ok(EMPTY),
            Value::Tuple(items) | Value::List(items) | Value::Set(items) if items.len() > ITEMS_KEPT => Value::Crowd,
            Value::Dict(items) if items.len() > ITEMS_KEPT => Value::Crowd,
            value => value,
        };
        spend(&mut self.budget, value.cost())?;
        let id = u32::try_from(self.values.len()).map_err(|_| Error::internal("the budget allows too many values"))?;
        self.values.push(value);
        Ok(Id(id))
    }

    pub(in crate::weights) fn get(&self, id: Id) -> &Value<'a> {
        &self.values[id.0 as usize]
    }

    /// Puts items into a list or a set; an object takes them and forgets them.
    pub(super) fn extend(&mut self, target: Id, items: &[Id]) -> Result<()> {
        let value = &mut self.values[target.0 as usize];
        match value {
            Value::List(list) | Value::Set(list) if list.len() + items.len() > ITEMS_KEPT => *value = Value::Crowd,
            Value::List(list) | Value::Set(list) => {
                spend(&mut self.budget, items.len() * ITEM)?;
                list.extend(items);
            }
            Value::Object(_) | Value::Crowd | Value::Reference | Value::Unusable(_) => {}
            other => return Err(Error::input(format!("items are put into {}", kind(other)))),
        }
        Ok(())
    }

    /// Puts pairs into a dict, or an object that may be one.
    pub(super) fn insert(&mut self, target: Id, pairs: &[(Id, Id)]) -> Result<()> {
        let value = &mut self.values[target.0 as usize];
        let items = match value {
            Value::Dict(items) => items,
            Value::Object(object) => &mut object.items,
            Value::Crowd | Value::Reference | Value::Unusable(_) => return Ok(()),
            other => return Err(Error::input(format!("items are put into {}", kind(other)))),
        };
        if items.len() + pairs.len() > ITEMS_KEPT {
            *value = Value::Crowd;
            return Ok(());
        }
        spend(&mut self.budget, pairs.len() * 2 * ITEM)?;
        items.extend(pairs);
        Ok(())
    }

    /// Gives an object its attributes. Those of dicts, such as `_metadata`, and of tensors are no weights.
    pub(super) fn set_state(&mut self, target: Id, state: Id) -> Result<()> {
        match &mut self.values[target.0 as usize] {
            Value::Object(object) => object.state = Some(state),
            Value::Dict(_) | Value::List(_) | Value::Set(_) | Value::Tensor(_) => {}
            Value::Crowd | Value::Reference | Value::Unusable(_) => {}
            other => return Err(Error::input(format!("the file sets the state of {}", kind(other)))),
        }
        Ok(())
    }

    /// Every storage that was named.
    pub(in crate::weights) fn storages(&self) -> impl Iterator<Item = &StorageInfo<'a>> {
        self.values.iter().filter_map(|value| match value {
            Value::Storage(storage) => Some(&**storage),
            _ => None,
        })
    }

    /// Every name that stands for nothing we know.
    pub(in crate::weights) fn globals(&self) -> impl Iterator<Item = &Global<'a>> {
        self.values.iter().filter_map(|value| match value {
            Value::Global(global) => Some(&**global),
            _ => None,
        })
    }

    /// The text of a value, if it is one.
    pub(in crate::weights) fn text(&self, id: Id) -> Option<&'a str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a size or position: an integer that is not negative and fits.
    pub(in crate::weights) fn size(&self, id: Id) -> Result<usize> {
        match self.get(id) {
            Value::Int(value) => {
                usize::try_from(*value).map_err(|_| Error::input(format!("a size of {value}; needed 0 or more")))
            }
            other => Err(Error::input(format!("a size is {}; needed an integer", kind(other)))),
        }
    }

    /// What the value is, for messages.
    pub(in crate::weights) fn describe(&self, id: Id) -> String {
        match self.get(id) {
            Value::Global(global) => format!("the name {}", full_name(global)),
            Value::Object(object) => match self.get(object.class) {
                Value::Global(global) => format!("an object of {}", full_name(global)),
                _ => "an object".to_owned(),
            },
            other => kind(other).to_owned(),
        }
    }
}

/// Pays for `bytes` more.
fn spend(budget: &mut usize, bytes: usize) -> Result<()> {
    *budget = budget.checked_sub(bytes).ok_or_else(|| {
        let message = format!("its objects take more than {} MiB", MEMORY_MAX >> 20);
        Error::input(message).hint("load it in PyTorch and save `model.state_dict()` alone")
    })?;
    Ok(())
}

/// Module and name, safe to print.
fn full_name(global: &Global<'_>) -> String {
    quote(&format!("{}.{}", global.module, global.name))
}

fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::None => "None",
        Value::Bool(_) => "a truth value",
        Value::Int(_) => "an integer",
        Value::Float => "a float",
        Value::Text(_) => "a string",
        Value::Bytes => "bytes",
        Value::Tuple(_) => "a tuple",
        Value::List(_) => "a list",
        Value::Set(_) => "a set",
        Value::Dict(_) => "a dict",
        Value::Crowd => "a container of very many items",
        Value::Constructor(_) => "a name of PyTorch",
        Value::Global(_) => "a name",
        Value::Storage(_) => "a storage",
        Value::Tensor(_) => "a tensor",
        Value::Object(_) => "an object",
        Value::Reference => "a reference out of the pickle",
        Value::Unusable(_) => "something that cannot be read",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_small_and_those_that_come_often_are_shared() {
        assert!(size_of::<Value<'_>>() <= 32);
        let mut heap = Heap::new();
        for make in [|| Value::Float, || Value::None, || Value::Bool(true), || Value::Int(200), || Value::Tuple(vec![])]
        {
            assert_eq!(heap.add(make()).unwrap(), heap.add(make()).unwrap());
        }
        assert_ne!(heap.add(Value::Int(256)).unwrap(), heap.add(Value::Int(256)).unwrap());
        let id = heap.add(Value::Int(77)).unwrap();
        assert!(matches!(heap.get(id), Value::Int(77)));
    }

    #[test]
    fn containers_beyond_every_dict_of_tensors_keep_nothing_and_the_budget_ends() {
        let mut heap = Heap::new();
        let list = heap.add(Value::List(Vec::new())).unwrap();
        for _ in 0..=ITEMS_KEPT / 1000 {
            heap.extend(list, &[FLOAT; 1000]).unwrap();
        }
        assert_eq!(heap.describe(list), "a container of very many items");
        let error = (0..).find_map(|number| heap.add(Value::Int(1000 + number)).err()).unwrap();
        assert!(error.to_string().contains("more than 32 MiB"), "{error}");
    }
}
