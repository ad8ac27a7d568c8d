//! The values a restricted pickle can hold.

use std::rc::Rc;

use crate::error::{Error, Result};
use crate::weights::tensor::Dtype;

/// Index of a value in its [`Heap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::weights) struct Id(u32);

/// A storage that tensors are views of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::weights) struct StorageInfo {
    pub(in crate::weights) key: Rc<str>,
    pub(in crate::weights) dtype: Dtype,
    /// Number of elements.
    pub(in crate::weights) count: usize,
}

/// A tensor as the pickle describes it; not yet checked against its storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::weights) struct TensorInfo {
    pub(in crate::weights) storage: StorageInfo,
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
    Size,
    /// `torch._utils._rebuild_tensor`, before PyTorch 0.4.
    RebuildTensor,
    RebuildTensorV2,
    RebuildParameter,
    /// `torch.FloatStorage` and its kin; named, never called.
    Storage(Dtype),
    /// `torch.float32` and its kin; kept, never used.
    ElementType,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::weights) enum Value {
    None,
    Bool(bool),
    Int(i128),
    Float,
    Text(Rc<str>),
    Bytes,
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Constructor(Constructor),
    Storage(StorageInfo),
    Tensor(TensorInfo),
}

impl Value {
    /// What the value is, for messages.
    pub(in crate::weights) fn kind(&self) -> &'static str {
        match self {
            Value::None => "None",
            Value::Bool(_) => "a truth value",
            Value::Int(_) => "an integer",
            Value::Float => "a float",
            Value::Text(_) => "a string",
            Value::Bytes => "bytes",
            Value::Tuple(_) => "a tuple",
            Value::List(_) => "a list",
            Value::Dict(_) => "a dict",
            Value::Constructor(_) => "a name of PyTorch",
            Value::Storage(_) => "a storage",
            Value::Tensor(_) => "a tensor",
        }
    }
}

/// All values of a pickle, with the budget that bounds them.
#[derive(Debug)]
pub(in crate::weights) struct Heap {
    values: Vec<Value>,
    budget: usize,
}

/// Values and items of containers together. ResNet-152 takes about 20,000.
const OBJECTS_MAX: usize = 500_000;

impl Heap {
    pub(super) fn new() -> Self {
        Heap { values: Vec::new(), budget: OBJECTS_MAX }
    }

    /// Pays for `items` more references.
    pub(super) fn spend(&mut self, items: usize) -> Result<()> {
        match self.budget.checked_sub(items) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(Error::input(format!("more than {OBJECTS_MAX} objects; no file of weights needs so many"))),
        }
    }

    pub(super) fn add(&mut self, value: Value) -> Result<Id> {
        self.spend(1)?;
        let id = u32::try_from(self.values.len()).map_err(|_| Error::internal("the budget allows too many values"))?;
        self.values.push(value);
        Ok(Id(id))
    }

    pub(in crate::weights) fn get(&self, id: Id) -> &Value {
        &self.values[id.0 as usize]
    }

    pub(super) fn get_mut(&mut self, id: Id) -> &mut Value {
        &mut self.values[id.0 as usize]
    }

    /// Every storage that was named.
    pub(in crate::weights) fn storages(&self) -> impl Iterator<Item = &StorageInfo> {
        self.values.iter().filter_map(|value| match value {
            Value::Storage(storage) => Some(storage),
            _ => None,
        })
    }

    /// The text of a value, if it is one.
    pub(in crate::weights) fn text(&self, id: Id) -> Option<&Rc<str>> {
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
            other => Err(Error::input(format!("a size is {}; needed an integer", other.kind()))),
        }
    }
}
