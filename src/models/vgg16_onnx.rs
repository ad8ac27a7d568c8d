//! VGG-16's layers in an ONNX graph: found by walking, accepted only where nothing about them is in doubt.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::weights::{OnnxGraph, OnnxNode, Tensor};

use super::vgg16_layers::{CONVOLUTIONS, LINEAR};

/// What a graph holds of VGG-16.
pub(super) struct Matched {
    /// Under canonical names.
    pub(super) tensors: Vec<Tensor>,
    /// Names of initialisers that belong to layers after the body.
    pub(super) dropped: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// Convolutions after which VGG-16 pools, counted from one.
const POOLED: [usize; 5] = [2, 4, 7, 10, 13];

/// Takes the convolutions in the order of their nodes and, without `body`, the fully connected layers after them.
///
/// # Errors
/// [`crate::error::Kind::Input`] naming the operator that is not VGG-16's, or whose weights are no constants.
pub(super) fn tensors(graph: &OnnxGraph, initialisers: &[Tensor], body: bool) -> Result<Matched> {
    let convolutions: Vec<&OnnxNode> = graph.nodes().iter().filter(|node| node.operator == "Conv").collect();
    if convolutions.len() != CONVOLUTIONS.len() {
        let needed = CONVOLUTIONS.len();
        return Err(Error::input(format!("{} Conv nodes; VGG-16 has {needed}", convolutions.len())));
    }
    let mut found = Matched { tensors: Vec::new(), dropped: Vec::new(), notes: Vec::new() };
    let mut used = HashSet::new();
    let mut take = |tensor: &Tensor, name: String| {
        used.insert(tensor.name().to_owned());
        tensor.clone().renamed(name)
    };
    for (index, (node, (name, ..))) in convolutions.iter().zip(CONVOLUTIONS).enumerate() {
        let here = |error: Error| error.at(node.describe());
        check_convolution(node).map_err(here)?;
        match index.checked_sub(1) {
            None => found.notes.extend(before_the_first(graph, node)),
            Some(previous) => check_between(graph, convolutions[previous], node, index).map_err(here)?,
        }
        let (weight, bias) = convolution_constants(graph, node).map_err(here)?;
        found.tensors.push(take(weight, format!("features.{name}.weight")));
        found.tensors.push(take(&bias, format!("features.{name}.bias")));
    }
    if !body {
        for (layer, (name, ..)) in linear_layers(graph, convolutions[CONVOLUTIONS.len() - 1])?.into_iter().zip(LINEAR) {
            found.tensors.push(take(&layer.weight, format!("classifier.{name}.weight")).permuted(layer.axes)?);
            found.tensors.push(take(&layer.bias, format!("classifier.{name}.bias")));
        }
    }
    // Integers are shapes and axes of operators, no weights.
    let left = initialisers.iter().filter(|tensor| !used.contains(tensor.name()) && tensor.dtype().is_float());
    if body {
        found.dropped = left.map(|tensor| tensor.name().to_owned()).collect();
    } else {
        found.tensors.extend(left.cloned());
    }
    Ok(found)
}

fn check_convolution(node: &OnnxNode) -> Result<()> {
    let ones = |name: &str| node.integers(name).is_none_or(|list| list.iter().all(|&value| value == 1));
    let same = matches!(node.text("auto_pad"), Some("SAME_UPPER" | "SAME_LOWER"));
    let padded = same || node.integers("pads").is_some_and(|pads| pads == [1; 4]);
    if ones("strides") && ones("dilations") && node.integer("group").is_none_or(|group| group == 1) && padded {
        return Ok(());
    }
    let (strides, dilations, pads) = (node.integers("strides"), node.integers("dilations"), node.integers("pads"));
    let found =
        format!("strides {strides:?}, dilations {dilations:?}, pads {pads:?}, group {:?}", node.integer("group"));
    Err(Error::input(format!("{found}; VGG-16 has stride 1, dilation 1, padding 1 and one group")))
}

/// Weight and bias of a convolution; a bias that is added afterwards is taken from there.
fn convolution_constants<'a>(graph: &'a OnnxGraph, node: &'a OnnxNode) -> Result<(&'a Tensor, Tensor)> {
    let constant = |position: usize| node.inputs.get(position).and_then(|value| graph.constant(value));
    let weight = constant(1).ok_or_else(|| Error::input("its weight is computed; needed an initialiser"))?;
    if let Some(bias) = constant(2) {
        return Ok((weight, bias.clone()));
    }
    let bias = node.outputs.first().and_then(|output| added_constant(graph, output)).filter(|bias| {
        // Along any other axis than the channels' it would be no bias.
        matches!(bias.dims(), [1, _, 1, 1] | [_, 1, 1])
    });
    let bias = bias.ok_or_else(|| Error::input("it has no constant bias; VGG-16 has one in every layer"))?;
    Ok((weight, bias.clone().flattened()))
}

/// The constant that the only reader of `value` adds to it.
fn added_constant<'a>(graph: &'a OnnxGraph, value: &'a str) -> Option<&'a Tensor> {
    let mut readers = graph.consumers(value);
    let add = readers.next().filter(|node| node.operator == "Add" && node.inputs.len() == 2)?;
    let other = add.inputs.iter().find(|input| *input != value)?;
    readers.next().is_none().then(|| graph.constant(other)).flatten()
}

/// Operators between the image and the first convolution that change values, told to the user.
fn before_the_first(graph: &OnnxGraph, first: &OnnxNode) -> Option<String> {
    let mut value = first.inputs.first()?;
    let mut operators = Vec::new();
    // A graph that is no tree could be walked for ever; sixteen steps are more than any preparation takes.
    while let Some(node) = graph.producer(value).filter(|_| operators.len() < 16) {
        operators.push(node.operator.clone());
        value = node.inputs.first()?;
    }
    operators.retain(|operator| !matches!(operator.as_str(), "Transpose" | "Identity" | "Cast"));
    operators.reverse();
    let list = operators.join(", ");
    (!operators.is_empty()).then(|| format!("the file prepares its input by {list}; `--preprocess` must do the same"))
}

/// Between two convolutions lies a ReLU, and a 2x2 max-pool exactly where VGG-16 has one.
fn check_between(graph: &OnnxGraph, previous: &OnnxNode, node: &OnnxNode, index: usize) -> Result<()> {
    let path = path_back(graph, node, previous)?;
    let mut operators: Vec<&str> = path.iter().map(|node| node.operator.as_str()).collect();
    operators.retain(|operator| !matches!(*operator, "Identity" | "Dropout" | "Cast" | "Add"));
    let pooled = POOLED.contains(&index);
    let needed: &[&str] = if pooled { &["Relu", "MaxPool"] } else { &["Relu"] };
    if operators != needed {
        let found = if operators.is_empty() { "nothing".into() } else { operators.join(", ") };
        return Err(Error::input(format!("{found} before it; VGG-16 has {}", needed.join(", "))));
    }
    path.iter().filter(|node| node.operator == "MaxPool").try_for_each(|node| check_pool(node))
}

fn check_pool(node: &OnnxNode) -> Result<()> {
    let is = |name: &str, value: i64| node.integers(name).is_some_and(|list| list == [value; 2]);
    let padded = node.integers("pads").is_some_and(|pads| pads.iter().any(|&pad| pad != 0));
    if is("kernel_shape", 2) && is("strides", 2) && !padded && node.integer("ceil_mode").unwrap_or(0) == 0 {
        Ok(())
    } else {
        Err(Error::input("a max-pool that is not 2x2 with stride 2; VGG-16 has no other").at(node.describe()))
    }
}

/// Operators from `start` (exclusive) to `node` (exclusive), following the one input that is not constant.
fn path_back<'a>(graph: &'a OnnxGraph, node: &'a OnnxNode, start: &OnnxNode) -> Result<Vec<&'a OnnxNode>> {
    let mut path = Vec::new();
    let mut value = node.inputs.first();
    while let Some(step) = value.and_then(|value| graph.producer(value)) {
        if step.outputs == start.outputs {
            path.reverse();
            return Ok(path);
        }
        path.push(step);
        if path.len() > 16 || step.operator == "Conv" {
            break;
        }
        value = if step.operator == "Add" { biased(graph, step) } else { step.inputs.first() };
    }
    let message = format!("its input does not come from {}; VGG-16 is one chain of layers", start.describe());
    Err(Error::input(message))
}

/// What an addition adds a constant to; none if it adds two computed values.
fn biased<'a>(graph: &OnnxGraph, add: &'a OnnxNode) -> Option<&'a String> {
    match add.inputs.as_slice() {
        [value, constant] | [constant, value] if graph.constant(constant).is_some() => Some(value),
        _ => None,
    }
}

/// A fully connected layer; `axes` turns the stored weight into [outputs, inputs].
struct Linear {
    weight: Tensor,
    bias: Tensor,
    axes: &'static [usize],
}

/// The three layers after the last convolution.
fn linear_layers(graph: &OnnxGraph, last: &OnnxNode) -> Result<Vec<Linear>> {
    let nodes: Vec<&OnnxNode> =
        graph.nodes().iter().filter(|node| matches!(node.operator.as_str(), "Gemm" | "MatMul")).collect();
    let body = "if only the convolutions are wanted, pass `--body`";
    if nodes.len() != LINEAR.len() {
        let message = format!("{} Gemm and MatMul nodes; VGG-16 has {}", nodes.len(), LINEAR.len());
        return Err(Error::input(message).hint(body));
    }
    let mut previous = last;
    let mut layers = Vec::new();
    for (index, node) in nodes.into_iter().enumerate() {
        let here = |error: Error| error.at(node.describe()).hint(body);
        check_before_linear(graph, previous, node, index).map_err(here)?;
        layers.push(linear(graph, node).map_err(here)?);
        previous = node;
    }
    Ok(layers)
}

/// Only operators that keep the order of elements, so that the flattened map is channel-major.
fn check_before_linear(graph: &OnnxGraph, previous: &OnnxNode, node: &OnnxNode, index: usize) -> Result<()> {
    let path = path_back(graph, node, previous)?;
    let first = index == 0;
    let allowed: &[&str] = if first {
        &["Relu", "MaxPool", "AveragePool", "Flatten", "Reshape", "Dropout", "Identity", "Cast", "Add"]
    } else {
        &["Relu", "Dropout", "Identity", "Cast", "Add"]
    };
    if let Some(step) = path.iter().find(|step| !allowed.contains(&step.operator.as_str())) {
        let message = format!("{} lies before it, so the order of its inputs is not certain", step.describe());
        return Err(Error::input(message));
    }
    let count = |operator: &str| path.iter().filter(|step| step.operator == operator).count();
    if count("Relu") != 1 || count("MaxPool") != usize::from(first) {
        return Err(Error::input("VGG-16 has one ReLU before it, and one max-pool before the first layer"));
    }
    path.iter().filter(|step| step.operator == "MaxPool").try_for_each(|step| check_pool(step))?;
    let resizing = |step: &&&OnnxNode| step.operator == "AveragePool";
    match path.iter().find(resizing).and_then(|step| step.integers("kernel_shape")) {
        Some(kernel) if kernel.iter().any(|&size| size != 1) => Err(Error::input(format!(
            "an average pool of {kernel:?} lies before it; needed the file exported at 224x224"
        ))),
        _ => Ok(()),
    }
}

fn linear(graph: &OnnxGraph, node: &OnnxNode) -> Result<Linear> {
    let constant = |position: usize| node.inputs.get(position).and_then(|value| graph.constant(value));
    let weight = constant(1).ok_or_else(|| Error::input("its weight is computed; needed an initialiser"))?;
    if weight.dims().len() != 2 {
        return Err(Error::input(format!("its weight has sizes {:?}; needed two", weight.dims())));
    }
    let scaled = ["alpha", "beta"].iter().any(|name| node.float(name).is_some_and(|factor| factor != 1.0));
    if scaled || node.integer("transA").is_some_and(|flag| flag != 0) {
        return Err(Error::input("it scales or transposes; VGG-16 does neither"));
    }
    let bias = if node.operator == "Gemm" { constant(2) } else { None };
    let bias = bias.or_else(|| node.outputs.first().and_then(|output| added_constant(graph, output)));
    let bias = bias.ok_or_else(|| Error::input("it has no constant bias; VGG-16 has one in every layer"))?;
    let transposed = node.operator == "Gemm" && node.integer("transB").unwrap_or(0) != 0;
    let axes: &[usize] = if transposed { &[0, 1] } else { &[1, 0] };
    Ok(Linear { weight: weight.clone(), bias: bias.clone().flattened(), axes })
}
