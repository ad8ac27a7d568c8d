//! Weights brought to the order that each step's kernel reads.

use std::ops::Range;

use super::{TensorSource, weighted};
use crate::error::{Error, Result};
use crate::gpu::{Buffer, Gpu};
use crate::graph::{Graph, Operator, Step, Work};
use crate::kernels::chooser::Variant;
use crate::kernels::linear::{self, row_ranges};
use crate::kernels::tune::Tuner;

/// Weights of a node as its kernel reads them.
pub(super) enum Packed {
    Convolution { variant: Variant, weight: Buffer, bias: Option<Buffer> },
    Linear { rows: Vec<(Range<u32>, Buffer)>, bias: Buffer },
}

/// Uploads the weights of a step, if it has any.
pub(super) fn pack(
    gpu: &Gpu,
    graph: &Graph,
    step: &Step,
    batch: u32,
    source: &dyn TensorSource,
    tuner: &mut Tuner,
) -> Result<Option<Packed>> {
    let node = graph.node(weighted(step));
    let Some(&input) = node.inputs.first() else { return Ok(None) };
    let shape = graph.node(input).shape;
    let fetch = |name: &str| {
        let needed = node.operator.weights(shape).into_iter().find(|(other, _)| *other == name).map(|(_, dims)| dims);
        let (dims, data) = source.tensor(name)?;
        match needed {
            Some(needed) if needed != dims => {
                Err(Error::input(format!("tensor is {dims:?}; {} needs {needed:?}", node.name)).at(name))
            }
            _ => Ok(data),
        }
    };
    match &node.operator {
        Operator::Convolution { convolution, weight, bias } => {
            let variant = match step.work {
                Work::OfDoubled(_) => Variant::Doubled,
                _ => tuner.choose(gpu, convolution, shape.with_batch(batch))?,
            };
            let bias = bias.as_deref().map(|name| gpu.buffer_of(name, &fetch(name)?)).transpose()?;
            let weight = gpu.buffer_of(weight, &variant.pack(convolution, &fetch(weight)?))?;
            Ok(Some(Packed::Convolution { variant, weight, bias }))
        }
        Operator::Linear { outputs, weight, bias } => {
            let columns = shape.len();
            let data = fetch(weight)?;
            let ranges =
                row_ranges(*outputs, u32::try_from(columns).unwrap_or(u32::MAX), gpu.traits().max_binding_bytes);
            let rows = ranges.into_iter().map(|rows| {
                let part = &data[rows.start as usize * columns..rows.end as usize * columns];
                Ok((rows, gpu.buffer_of(weight, &linear::pack(part, columns))?))
            });
            Ok(Some(Packed::Linear { rows: rows.collect::<Result<_>>()?, bias: gpu.buffer_of(bias, &fetch(bias)?)? }))
        }
        _ => Ok(None),
    }
}
