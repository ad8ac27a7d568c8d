//! What a graph does to images before its first convolution.

use super::chain::Chain;
use crate::error::{Error, Result};
use crate::models::preparation::Affine;
use crate::weights::import::Preparation;
use crate::weights::{OnnxNode, Tensor};

/// The way from the graph's input to its first convolution.
pub(super) struct Input {
    /// What is computed there.
    pub(super) preparation: Option<Preparation>,
    /// Names of the constants that are used for it.
    pub(super) constants: Vec<String>,
    /// Rows and columns of the images, if the graph fixes them.
    pub(super) size: Option<(usize, usize)>,
}

/// Follows the graph to its first convolution.
///
/// # Errors
/// [`crate::error::Kind::Input`] naming an operator that is neither arithmetic on channels nor a change of their order.
pub(super) fn read(chain: &mut Chain<'_>) -> Result<Input> {
    let sizes = chain.graph().input_sizes(chain.value()).unwrap_or_default().to_vec();
    let mut affine = Affine::IDENTITY;
    let mut operators = Vec::new();
    let mut constants = Vec::new();
    // Channels come first unless a transposition brings them there.
    let mut channels_last = false;
    while let Some(node) = chain.peek()?.filter(|node| node.operator != "Conv") {
        let here = |error: Error| error.at(node.describe());
        match node.operator.as_str() {
            "Transpose" if node.integers("perm") == Some(&[0, 3, 1, 2]) && operators.is_empty() => channels_last = true,
            "Transpose" if node.integers("perm") == Some(&[0, 3, 1, 2]) => {
                return Err(here(Error::input("it brings channels first behind arithmetic on them; needed before it")));
            }
            "Gather" if reverses_channels(chain, node) => {
                affine = reversed(affine);
                operators.push("Gather");
            }
            operator @ ("Add" | "Sub" | "Mul" | "Div") => {
                let (constant, first) = other_input(chain, node)
                    .ok_or_else(|| here(Error::input("it computes with the image twice; needed a constant")))?;
                let values = per_channel(constant).map_err(here)?;
                constants.push(constant.name().to_owned());
                affine = applied(affine, operator, values, first)
                    .ok_or_else(|| here(Error::input("it divides a constant by the image, or by zero")))?;
                operators.push(operator);
            }
            _ => {
                return Err(here(Error::input(
                    "before the first convolution; Add, Sub, Mul, Div and Transpose are understood there",
                )));
            }
        }
        chain.step()?;
    }
    let preparation = affine.preparation(operators.join(", "));
    let size = match *sizes.as_slice() {
        [_, Some(h), Some(w), _] if channels_last => Some((h, w)),
        [_, _, Some(h), Some(w)] if !channels_last => Some((h, w)),
        _ => None,
    };
    Ok(Input { preparation, constants, size })
}

/// The constant an operator computes with, and whether it stands first.
fn other_input<'a>(chain: &Chain<'a>, node: &'a OnnxNode) -> Option<(&'a Tensor, bool)> {
    match node.inputs.as_slice() {
        [constant, value] if value == chain.value() => Some((chain.graph().constant(constant)?, true)),
        [value, constant] if value == chain.value() => Some((chain.graph().constant(constant)?, false)),
        _ => None,
    }
}

/// One number for each channel: a scalar, or `[1, 3, 1, 1]` without or with its leading ones.
fn per_channel(constant: &Tensor) -> Result<[f64; 3]> {
    let values = constant.to_f32()?;
    match (values.as_slice(), constant.dims()) {
        (&[value], _) => Ok([f64::from(value); 3]),
        (&[a, b, c], [3, 1, 1] | [1, 3, 1, 1]) => Ok([a, b, c].map(f64::from)),
        _ => Err(Error::input(format!(
            "its constant is {:?}; needed one number, or one a channel: [1, 3, 1, 1]",
            constant.dims()
        ))),
    }
}

/// The map followed by one operator; `first` says that the constant stands before the image.
fn applied(map: Affine, operator: &str, by: [f64; 3], first: bool) -> Option<Affine> {
    let each = |scale: fn(f64, f64) -> f64, shift: fn(f64, f64) -> f64| Affine {
        scale: [0, 1, 2].map(|c| scale(map.scale[c], by[c])),
        shift: [0, 1, 2].map(|c| shift(map.shift[c], by[c])),
        ..map
    };
    match (operator, first) {
        ("Add", _) => Some(each(|scale, _| scale, |shift, by| shift + by)),
        ("Sub", false) => Some(each(|scale, _| scale, |shift, by| shift - by)),
        ("Sub", true) => Some(each(|scale, _| -scale, |shift, by| by - shift)),
        ("Mul", _) => Some(each(|scale, by| scale * by, |shift, by| shift * by)),
        ("Div", false) if by.iter().all(|&by| by != 0.0) => Some(each(|scale, by| scale / by, |shift, by| shift / by)),
        _ => None,
    }
}

fn reverses_channels(chain: &Chain<'_>, node: &OnnxNode) -> bool {
    let indices = node.inputs.get(1).and_then(|value| chain.graph().constant(value)).and_then(Tensor::integers);
    node.integer("axis") == Some(1) && indices.as_deref() == Some(&[2, 1, 0])
}

fn reversed(mut map: Affine) -> Affine {
    map.scale.reverse();
    map.shift.reverse();
    Affine { reversed: !map.reversed, ..map }
}
