//! Weights on a device: uploaded once in the order that a kernel reads, shared by any number of sessions.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::geometry::Convolution;
use crate::gpu::{Buffer, Gpu};
use crate::graph::{Node, Operator};
use crate::kernels::chooser::Variant;
use crate::kernels::linear::{self, row_ranges};
use crate::tensor::Shape;

/// Where weights come from: a file, or a table in tests.
pub trait TensorSource: Send + Sync {
    /// Shape and elements of a tensor.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming the tensor if it is missing or unreadable.
    fn tensor(&self, name: &str) -> Result<(Vec<usize>, Cow<'_, [f32]>)>;
}

impl TensorSource for crate::weights::WeightFile {
    fn tensor(&self, name: &str) -> Result<(Vec<usize>, Cow<'_, [f32]>)> {
        crate::weights::WeightFile::tensor(self, name)
    }
}

impl TensorSource for HashMap<String, (Vec<usize>, Vec<f32>)> {
    fn tensor(&self, name: &str) -> Result<(Vec<usize>, Cow<'_, [f32]>)> {
        let (dims, data) = self.get(name).ok_or_else(|| Error::input("tensor is missing").at(name))?;
        Ok((dims.clone(), Cow::Borrowed(data)))
    }
}

/// The weights of a network on a device, as far as sessions have asked for them. Clones share them; they stay there as long as one
/// of these does, or a session that reads them.
#[derive(Clone)]
pub struct Weights {
    gpu: Gpu,
    source: Arc<dyn TensorSource>,
    uploaded: Arc<Mutex<HashMap<Key, Buffer>>>,
}

/// The order in which a kernel reads a tensor.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Layout {
    /// As it is.
    Plain,
    /// As a variant's [`Variant::packing`] packs the weight of a convolution.
    Convolution(Variant, Convolution),
    /// Some rows of a linear layer's weight.
    Rows(Range<u32>),
}

/// Weights of a node as its kernel reads them.
pub(super) enum Packed {
    Convolution { variant: Variant, weight: Buffer, bias: Option<Buffer> },
    Linear { rows: Vec<(Range<u32>, Buffer)>, bias: Buffer },
}

/// What an uploaded tensor is known by: its name, its shape and the order of its elements.
type Key = (String, Option<Vec<usize>>, Layout);

/// A tensor that a node needs, of this shape.
struct Needed<'a> {
    node: &'a Node,
    /// What the node reads, for one image.
    input: Shape,
    name: &'a str,
}

impl Needed<'_> {
    /// The shape that the node needs.
    fn dims(&self) -> Option<Vec<usize>> {
        let weights = self.node.operator.weights(self.input);
        weights.into_iter().find(|(name, _)| *name == self.name).map(|(_, dims)| dims)
    }
}

impl Weights {
    /// The weights of a source, none of them uploaded yet.
    pub fn new(gpu: &Gpu, source: Arc<dyn TensorSource>) -> Self {
        Weights { gpu: gpu.clone(), source, uploaded: Arc::default() }
    }

    /// The device.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// The weights of a convolution run by a variant.
    pub(super) fn convolution(&self, node: &Node, input: Shape, variant: Variant) -> Result<Packed> {
        let Operator::Convolution { convolution, weight, bias } = &node.operator else {
            return Err(Error::internal("is no convolution").at(&node.name));
        };
        let needed = |name| Needed { node, input, name };
        let packing = variant.packing();
        let pack = || Ok(packing.pack(convolution, &self.fetch(&needed(weight))?));
        let weight = self.buffer(&needed(weight), Layout::Convolution(packing, *convolution), pack)?;
        let bias = bias.as_ref().map(|name| self.plain(&needed(name))).transpose()?;
        Ok(Packed::Convolution { variant, weight, bias })
    }

    /// The weights of a linear layer, in ranges of rows that fit a binding.
    pub(super) fn linear(&self, node: &Node, input: Shape) -> Result<Packed> {
        let Operator::Linear { outputs, weight, bias } = &node.operator else {
            return Err(Error::internal("is no linear layer").at(&node.name));
        };
        let needed = |name| Needed { node, input, name };
        let columns = input.len();
        let binding = self.gpu.traits().max_binding_bytes;
        let ranges = row_ranges(*outputs, u32::try_from(columns).unwrap_or(u32::MAX), binding);
        // Read once for all ranges: it is the largest tensor of many a network.
        let mut data: Option<Cow<'_, [f32]>> = None;
        let mut rows = Vec::new();
        for range in ranges {
            let pack = || {
                let data = match &mut data {
                    Some(data) => data,
                    none => none.insert(self.fetch(&needed(weight))?),
                };
                Ok(linear::pack(&data[range.start as usize * columns..range.end as usize * columns], columns))
            };
            let buffer = self.buffer(&needed(weight), Layout::Rows(range.clone()), pack)?;
            rows.push((range, buffer));
        }
        Ok(Packed::Linear { rows, bias: self.plain(&needed(bias))? })
    }

    fn plain(&self, needed: &Needed<'_>) -> Result<Buffer> {
        self.buffer(needed, Layout::Plain, || Ok(self.fetch(needed)?.into_owned()))
    }

    /// The buffer of a tensor in an order, filled by `pack` the first time that it is asked for. Its shape is part of the key: whoever
    /// needs another is told so by the source.
    fn buffer(&self, needed: &Needed<'_>, layout: Layout, pack: impl FnOnce() -> Result<Vec<f32>>) -> Result<Buffer> {
        let name = needed.name;
        let key = (name.to_owned(), needed.dims(), layout);
        // A buffer is whole or not there, so a panic elsewhere does not spoil the table.
        let mut uploaded = self.uploaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(buffer) = uploaded.get(&key) {
            return Ok(buffer.clone());
        }
        let buffer = self.gpu.buffer_of(name, &pack()?)?;
        uploaded.insert(key, buffer.clone());
        Ok(buffer)
    }

    fn fetch(&self, needed: &Needed<'_>) -> Result<Cow<'_, [f32]>> {
        let wanted = needed.dims();
        let (dims, data) = self.source.tensor(needed.name)?;
        match wanted {
            Some(wanted) if wanted != dims => {
                let message = format!("tensor is {dims:?}; {} needs {wanted:?}", needed.node.name);
                Err(Error::input(message).at(needed.name))
            }
            _ => Ok(data),
        }
    }
}
