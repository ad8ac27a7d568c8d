//! The fully connected layers at the end of a graph.

use super::chain::Chain;
use super::operators::{Layer, linear, whole_map};
use crate::error::{Error, Result};
use crate::models::vgg16::head::map_side;
use crate::models::vgg16::layers::REDUCTION;
use crate::weights::{OnnxNode, Tensor};

/// The layers behind the last pooling.
pub(super) struct Head {
    /// One to three.
    pub(super) layers: Vec<Layer>,
    pub(super) notes: Vec<String>,
}

/// Follows the graph from the last pooling to its end: maps of so many channels, of images of `size` if that is known.
///
/// # Errors
/// [`crate::error::Kind::Input`] naming the operator that is not VGG-16's.
pub(super) fn read(chain: &mut Chain<'_>, channels: usize, size: Option<(usize, usize)>) -> Result<Head> {
    read_layers(chain, channels, size).map_err(|error| error.hint("if only the convolutions are wanted, pass `--body`"))
}

fn read_layers(chain: &mut Chain<'_>, channels: usize, size: Option<(usize, usize)>) -> Result<Head> {
    let mut head = Head { layers: Vec::new(), notes: Vec::new() };
    let mut averaged = None;
    while let Some(node) = chain.step()? {
        let here = |error: Error| error.at(node.describe());
        let open = head.layers.is_empty();
        match node.operator.as_str() {
            "GlobalAveragePool" => averaged = Some(node),
            "ReduceMean" if is_over_map(chain, node) => averaged = Some(node),
            "AveragePool" => {
                if is_average_of_all(node, size, open).map_err(here)? {
                    averaged = Some(node);
                }
            }
            "Flatten" if node.integer("axis").unwrap_or(1) == 1 => {}
            "Reshape" if is_flat(chain, node) => {}
            "Squeeze" => {}
            "Gemm" | "MatMul" | "Conv" if head.layers.len() < 3 => {
                let mut layer =
                    if node.operator == "Conv" { whole_map(chain.graph(), node) } else { linear(chain.graph(), node) }
                        .map_err(here)?;
                if open {
                    check_averaged(&layer, averaged, channels)?;
                    check_inputs(&layer, averaged.map_or(size, |_| None), channels).map_err(here)?;
                }
                layer.absorb(chain)?;
                head.layers.push(layer);
                match chain.peek()? {
                    Some(node) if node.operator == "Relu" => drop(chain.step()?),
                    _ => break,
                }
            }
            _ => {
                return Err(here(Error::input(
                    "in the head; VGG-16 has nothing like it, so what reaches its layers is not certain",
                )));
            }
        }
    }
    if head.layers.is_empty() {
        return Err(Error::input(
            "the graph ends behind the convolutions; VGG-16 has up to three fully connected layers",
        ));
    }
    end(chain, &mut head)?;
    Ok(head)
}

/// Nothing may follow but what tells the classes apart as the scores do.
fn end(chain: &mut Chain<'_>, head: &mut Head) -> Result<()> {
    while let Some(node) = chain.step()? {
        match node.operator.as_str() {
            "Softmax" | "LogSoftmax" => {
                head.notes.push(format!("{} at the end is left out: classes are read before it", node.operator))
            }
            // A head of convolutions ends with a map of one position.
            "GlobalAveragePool" | "Flatten" | "Squeeze" => {}
            "Reshape" if is_flat(chain, node) => {}
            _ => {
                return Err(
                    Error::input("behind the last fully connected layer; VGG-16 ends there").at(node.describe())
                );
            }
        }
    }
    Ok(())
}

/// A mean over the whole map leaves one number a channel, which the first layer must then see.
fn check_averaged(layer: &Layer, averaged: Option<&OnnxNode>, channels: usize) -> Result<()> {
    let inputs: usize = layer.weight.dims().iter().skip(1).product();
    match averaged {
        Some(node) if inputs != channels => {
            let message = format!("it leaves {channels} numbers; the layer behind it takes {inputs}");
            Err(Error::input(message).at(node.describe()))
        }
        _ => Ok(()),
    }
}

/// The first layer must see all of a map, which an image of `size` leaves, and nothing but one image.
fn check_inputs(layer: &Layer, size: Option<(usize, usize)>, channels: usize) -> Result<()> {
    let inputs: usize = layer.weight.dims().iter().skip(1).product();
    let reduction = REDUCTION as usize;
    match size {
        Some((h, w)) if (h / reduction) * (w / reduction) * channels != inputs => Err(Error::input(format!(
            "it takes {inputs} numbers; an image of {h}x{w} leaves {channels} channels of {}x{}",
            h / reduction,
            w / reduction
        ))),
        None if map_side(inputs, channels).is_none() => {
            Err(Error::input(format!("it takes {inputs} numbers; needed a square map of {channels} channels")))
        }
        _ => Ok(()),
    }
}

/// Whether an average pool is the mean of the whole map; one of 1x1 does nothing.
fn is_average_of_all(node: &OnnxNode, size: Option<(usize, usize)>, open: bool) -> Result<bool> {
    let kernel = node.integers("kernel_shape").unwrap_or_default();
    let padded = node.integers("pads").is_some_and(|pads| pads.iter().any(|&pad| pad != 0));
    let sides = size.map(|(h, w)| [h, w].map(|side| i64::try_from(side / REDUCTION as usize).unwrap_or(i64::MAX)));
    match kernel {
        [1, 1] if !padded => Ok(false),
        _ if open && !padded && sides.is_some_and(|sides| kernel == sides) => Ok(true),
        _ => Err(Error::input(format!("an average pool of {kernel:?}; needed none, or one of the whole map"))
            .hint("export the network at the size its head is made for (224x224), or pass `--body`")),
    }
}

fn is_over_map(chain: &Chain<'_>, node: &OnnxNode) -> bool {
    let given = node.inputs.get(1).and_then(|value| chain.graph().constant(value)).and_then(Tensor::integers);
    let mut axes = given.or_else(|| node.integers("axes").map(<[i64]>::to_vec)).unwrap_or_default();
    axes.iter_mut().filter(|axis| **axis < 0).for_each(|axis| *axis += 4);
    axes.sort_unstable();
    axes == [2, 3]
}

/// Whether a reshape makes one row of each image; computed sizes are those that PyTorch writes for `flatten`.
fn is_flat(chain: &Chain<'_>, node: &OnnxNode) -> bool {
    let target = node.inputs.get(1).and_then(|value| chain.graph().constant(value));
    let graph = chain.graph();
    let sizes = graph.inputs().first().and_then(|input| graph.input_sizes(input));
    let batch = sizes.and_then(|sizes| *sizes.first()?).and_then(|batch| i64::try_from(batch).ok());
    target.is_none_or(|target| match target.integers().as_deref() {
        Some(&[rows, _]) => matches!(rows, -1..=1) || Some(rows) == batch,
        _ => false,
    })
}
