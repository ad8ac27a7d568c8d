//! The operators that hold weights, and what they must be to be VGG-16's.

use super::chain::Chain;
use crate::error::{Error, Result};
use crate::models::vgg16::batch_norm::BatchNorm;
use crate::models::vgg16::layers::REDUCTION;
use crate::weights::{OnnxGraph, OnnxNode, Tensor};

/// What ONNX adds to a variance unless a node says otherwise.
const EPSILON: f32 = 1e-5;

/// A layer's constants.
pub(super) struct Layer {
    /// `[out, in, h, w]` or `[out, in]`.
    pub(super) weight: Tensor,
    bias: Option<Tensor>,
    norm: Option<Norm>,
    is_matrix: bool,
}

/// The constants of a normalisation.
struct Norm {
    scale: Tensor,
    shift: Tensor,
    mean: Tensor,
    variance: Tensor,
    epsilon: f64,
}

impl Layer {
    pub(super) fn outputs(&self) -> usize {
        self.weight.dims().first().copied().unwrap_or(0)
    }

    pub(super) fn is_normalised(&self) -> bool {
        self.norm.is_some()
    }

    pub(super) fn has_no_bias(&self) -> bool {
        self.bias.is_none() && self.norm.is_none()
    }

    /// Names of the constants it is made of.
    pub(super) fn sources(&self) -> Vec<String> {
        let norm = self.norm.iter().flat_map(|norm| [&norm.scale, &norm.shift, &norm.mean, &norm.variance]);
        [Some(&self.weight), self.bias.as_ref()]
            .into_iter()
            .flatten()
            .chain(norm)
            .map(|tensor| tensor.name().to_owned())
            .collect()
    }

    /// Takes in what may stand between a layer and its activation: a bias that is added, a normalisation.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming an addition that is no bias.
    pub(super) fn absorb(&mut self, chain: &mut Chain<'_>) -> Result<()> {
        while let Some(node) = chain.peek()? {
            let here = |error: Error| error.at(node.describe());
            match node.operator.as_str() {
                "Add" => self.bias = Some(self.added(chain, node).map_err(here)?),
                "BatchNormalization" if self.norm.is_none() => {
                    self.norm = Some(norm(chain.graph(), node).map_err(here)?)
                }
                _ => break,
            }
            chain.step()?;
        }
        Ok(())
    }

    /// The constant that an addition adds, if it is the layer's bias.
    fn added(&self, chain: &Chain<'_>, node: &OnnxNode) -> Result<Tensor> {
        if self.bias.is_some() || self.norm.is_some() {
            return Err(Error::input("it adds to a layer that has its bias already; VGG-16 adds nothing more"));
        }
        let constant =
            node.inputs.iter().filter(|input| *input != chain.value()).find_map(|input| chain.graph().constant(input));
        let constant = constant.ok_or_else(|| Error::input("it adds no constant; VGG-16 adds a bias"))?;
        let outputs = self.outputs();
        let fits = match (constant.dims(), self.is_matrix) {
            (&[count] | &[1, count], true) => count == outputs,
            // Along any other axis than the channels' it would be no bias.
            (&[1, count, 1, 1] | &[count, 1, 1], false) => count == outputs,
            _ => false,
        };
        match fits {
            true => Ok(constant.clone().flattened()),
            false => Err(Error::input(format!("it adds {:?}; a bias of {outputs} outputs is needed", constant.dims()))),
        }
    }

    /// Weight and bias under these names, the normalisation folded in.
    ///
    /// # Errors
    /// As [`BatchNorm::fold`].
    pub(super) fn tensors(&self, name: &str) -> Result<[Tensor; 2]> {
        let outputs = self.outputs();
        let (weight, bias) = match &self.norm {
            Some(Norm { scale, shift, mean, variance, epsilon }) => {
                let norm = BatchNorm { scale: Some(scale), shift: Some(shift), mean, variance, epsilon: *epsilon };
                let (weight, bias) = norm.fold(&self.weight, self.bias.as_ref())?;
                (weight, Tensor::from_values("", vec![outputs], &bias)?)
            }
            None => {
                let zeros = || Tensor::from_values("", vec![outputs], &vec![0.0; outputs]);
                (self.weight.clone(), self.bias.clone().map_or_else(zeros, Ok)?)
            }
        };
        Ok([weight.renamed(format!("{name}.weight")), bias.renamed(format!("{name}.bias"))])
    }
}

fn constant<'a>(graph: &'a OnnxGraph, node: &OnnxNode, position: usize) -> Option<&'a Tensor> {
    node.inputs.get(position).and_then(|value| graph.constant(value))
}

fn weight(graph: &OnnxGraph, node: &OnnxNode) -> Result<Tensor> {
    let weight =
        constant(graph, node, 1).ok_or_else(|| Error::input("its weight is computed; needed an initialiser"))?;
    match weight.dims() {
        [] | [0, ..] => Err(Error::input(format!("its weight has sizes {:?}", weight.dims()))),
        _ => Ok(weight.clone()),
    }
}

/// A convolution of the body: 3x3, and nothing else about it.
///
/// # Errors
/// [`crate::error::Kind::Input`] saying what VGG-16 does not have, or that the weight is computed.
pub(super) fn convolution(graph: &OnnxGraph, node: &OnnxNode) -> Result<Layer> {
    let padded = match node.text("auto_pad") {
        // Windows of 3 that move by 1 need one row on each side.
        Some("SAME_UPPER" | "SAME_LOWER") => true,
        None | Some("NOTSET") => node.integers("pads").is_some_and(|pads| pads == [1; 4]),
        Some(_) => false,
    };
    plain_window(node, padded, "padding 1")?;
    let weight = weight(graph, node)?;
    if !matches!(weight.dims(), [_, _, 3, 3]) {
        return Err(Error::input(format!("its weight is {:?}; VGG-16's are [any, any, 3, 3]", weight.dims())));
    }
    Ok(Layer { weight, bias: constant(graph, node, 2).cloned(), norm: None, is_matrix: false })
}

/// A convolution whose window is as large as its map, as a fully connected layer.
///
/// # Errors
/// As [`convolution`].
pub(super) fn whole_map(graph: &OnnxGraph, node: &OnnxNode) -> Result<Layer> {
    let padded = !is_same(node) && node.integers("pads").is_none_or(|pads| pads.iter().all(|&pad| pad == 0));
    plain_window(node, padded, "no padding in its head")?;
    let weight = weight(graph, node)?;
    if !matches!(weight.dims(), [_, _, h, w] if h == w) {
        return Err(Error::input(format!("its weight is {:?}; needed a square window", weight.dims())));
    }
    Ok(Layer { weight, bias: constant(graph, node, 2).cloned(), norm: None, is_matrix: false })
}

/// Whether as much is padded as keeps the size.
fn is_same(node: &OnnxNode) -> bool {
    node.text("auto_pad").is_some_and(|way| way.starts_with("SAME"))
}

/// What ONNX says of windows; programs that rewrite graphs add to it, such as an activation.
const WINDOW_ATTRIBUTES: [&str; 8] =
    ["auto_pad", "ceil_mode", "dilations", "group", "kernel_shape", "pads", "storage_order", "strides"];

fn check_attributes(node: &OnnxNode) -> Result<()> {
    match node.attribute_besides(&WINDOW_ATTRIBUTES) {
        Some(other) => {
            let message =
                format!("attribute `{}` is not known; needed an operator as ONNX has it", other.escape_debug());
            Err(Error::input(message).hint("export the network anew, without optimisation of the graph"))
        }
        None => Ok(()),
    }
}

fn plain_window(node: &OnnxNode, padded: bool, padding: &str) -> Result<()> {
    check_attributes(node)?;
    let ones = |name: &str| node.integers(name).is_none_or(|list| list.iter().all(|&value| value == 1));
    if ones("strides") && ones("dilations") && node.integer("group").is_none_or(|group| group == 1) && padded {
        return Ok(());
    }
    let show = |name: &str| node.integers(name).map_or_else(|| "default".to_owned(), |list| format!("{list:?}"));
    let found = format!(
        "strides {}, dilations {}, pads {}, group {}",
        show("strides"),
        show("dilations"),
        show("pads"),
        show("group")
    );
    Err(Error::input(format!("{found}; VGG-16 has stride 1, dilation 1, one group, {padding}")))
}

/// A fully connected layer.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the weight is computed or no matrix, or the operator scales.
pub(super) fn linear(graph: &OnnxGraph, node: &OnnxNode) -> Result<Layer> {
    let found = weight(graph, node)?;
    if found.dims().len() != 2 {
        return Err(Error::input(format!("its weight has sizes {:?}; needed two", found.dims())));
    }
    let is_gemm = node.operator == "Gemm";
    let scaled = ["alpha", "beta"].iter().any(|name| node.float(name).is_some_and(|factor| factor != 1.0));
    if is_gemm && (scaled || node.integer("transA").is_some_and(|flag| flag != 0)) {
        return Err(Error::input("it scales or transposes what it reads; VGG-16 does neither"));
    }
    let transposed = is_gemm && node.integer("transB").unwrap_or(0) != 0;
    let weight = if transposed { found } else { found.permuted(&[1, 0])? };
    let bias = if is_gemm { constant(graph, node, 2).cloned().map(Tensor::flattened) } else { None };
    Ok(Layer { weight, bias, norm: None, is_matrix: true })
}

fn norm(graph: &OnnxGraph, node: &OnnxNode) -> Result<Norm> {
    if node.integer("training_mode").is_some_and(|mode| mode != 0) {
        return Err(Error::input("it normalises as in training; export the network by `model.eval()`"));
    }
    let part = |position: usize| {
        let found = constant(graph, node, position).cloned();
        found.ok_or_else(|| Error::input("its statistics are computed; needed initialisers"))
    };
    let epsilon = f64::from(node.float("epsilon").filter(|&epsilon| epsilon > 0.0).unwrap_or(EPSILON));
    Ok(Norm { scale: part(1)?, shift: part(2)?, mean: part(3)?, variance: part(4)?, epsilon })
}

/// Whether a max-pool halves a map: 2x2 with stride 2, and nothing else about it. The images have `size` if that is known.
///
/// # Errors
/// [`crate::error::Kind::Input`] if it does not.
pub(super) fn is_half_pool(node: &OnnxNode, size: Option<(usize, usize)>) -> Result<()> {
    check_attributes(node)?;
    let divides = |side: usize| side.is_multiple_of(REDUCTION as usize);
    if is_same(node) && !size.is_some_and(|(h, w)| divides(h) && divides(w)) {
        let message = "it pads maps of odd sides; VGG-16 cuts their last row";
        return Err(
            Error::input(message).hint("export the network for images of a fixed size that is a multiple of 32")
        );
    }
    let is = |name: &str, value: i64| node.integers(name).is_some_and(|list| list == [value; 2]);
    let all = |name: &str, value: i64| node.integers(name).is_none_or(|list| list.iter().all(|&found| found == value));
    let sized = is("kernel_shape", 2) && is("strides", 2) && all("pads", 0) && all("dilations", 1);
    match sized && node.integer("ceil_mode").unwrap_or(0) == 0 && node.outputs.get(1).is_none_or(String::is_empty) {
        true => Ok(()),
        false => {
            Err(Error::input("a max-pool that is not 2x2 with stride 2, undilated and unpadded; VGG-16 has no other"))
        }
    }
}
