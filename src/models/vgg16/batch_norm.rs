//! Batch normalisation, folded into the layer before it.

use super::found::{FoundLayer, Part, counting_order, pattern};
use crate::error::{Error, Result};
use crate::weights::Tensor;

/// What is added to the variance, which weight files do not keep: PyTorch's default.
const EPSILON_OF_PYTORCH: f64 = 1e-5;
/// As [`EPSILON_OF_PYTORCH`]: the default of Keras and TensorFlow, which call their statistics `moving`.
const EPSILON_OF_KERAS: f64 = 1e-3;

/// The normalisation behind each of these convolutions, in their order; none if there are none.
///
/// # Errors
/// [`crate::error::Kind::Input`] if there is not one for each, or one stands behind a ReLU, where it cannot be folded.
pub(super) fn behind(layers: &[FoundLayer<'_>], convolutions: &[String]) -> Result<Option<Vec<String>>> {
    // Those of the head stand behind its layers.
    let linear = layers.iter().filter(|layer| layer.linear().is_some());
    let of_the_head: Vec<&str> = linear.filter_map(|layer| at_next_position(layers, &layer.name)).collect();
    let is_wanted = |layer: &&FoundLayer<'_>| layer.is_norm() && !of_the_head.contains(&layer.name.as_str());
    let mut norms: Vec<&FoundLayer<'_>> = layers.iter().filter(is_wanted).collect();
    norms.sort_by_key(|layer| counting_order(&layer.name));
    let mut kinds: Vec<Vec<&FoundLayer<'_>>> = Vec::new();
    for norm in norms {
        match kinds.iter_mut().find(|kind| pattern(&kind[0].name) == pattern(&norm.name)) {
            Some(kind) => kind.push(norm),
            None => kinds.push(vec![norm]),
        }
    }
    let total: usize = kinds.iter().map(Vec::len).sum();
    let count = convolutions.len();
    match kinds.into_iter().find(|kind| kind.len() == count).filter(|_| total == count) {
        Some(kind) => {
            let names: Vec<String> = kind.into_iter().map(|layer| layer.name.clone()).collect();
            convolutions.iter().zip(&names).try_for_each(|(convolution, norm)| follows(convolution, norm))?;
            Ok(Some(names))
        }
        None if total == 0 => Ok(None),
        None => Err(Error::input(format!(
            "{total} batch normalisations; needed none, or one behind each of {count} convolutions"
        ))),
    }
}

/// The normalisation that stands at the position behind a layer.
pub(super) fn at_next_position<'a>(layers: &'a [FoundLayer<'_>], name: &str) -> Option<&'a str> {
    let (stem, position) = position(name)?;
    let next = format!("{stem}{}", position.checked_add(1)?);
    layers.iter().find(|layer| layer.is_norm() && layer.name == next).map(|layer| layer.name.as_str())
}

/// A name as what stands before its number, and the number.
fn position(name: &str) -> Option<(&str, u64)> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    Some((stem, name[stem.len()..].parse().ok()?))
}

/// Where positions tell it, the normalisation comes before the ReLU.
fn follows(convolution: &str, norm: &str) -> Result<()> {
    match (position(convolution), position(norm)) {
        (Some((stem, here)), Some((other, there))) if stem == other && here.checked_add(1) != Some(there) => {
            let message = format!("the batch normalisation `{norm}` does not stand right behind `{convolution}`");
            Err(Error::input(message)
                .hint("only a normalisation between convolution and ReLU can be folded into the convolution"))
        }
        _ => Ok(()),
    }
}

/// The tensors of one normalisation, `[channels]` each.
pub(super) struct BatchNorm<'a> {
    /// Ones if it is missing.
    pub(super) scale: Option<&'a Tensor>,
    /// Zeros if it is missing.
    pub(super) shift: Option<&'a Tensor>,
    pub(super) mean: &'a Tensor,
    pub(super) variance: &'a Tensor,
    /// Added to the variance.
    pub(super) epsilon: f64,
}

impl BatchNorm<'_> {
    /// Weight `[channels, ...]` and bias `[channels]` of the layer that does what layer and normalisation do together; in double
    /// precision, rounded once.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if sizes differ or a variance is negative.
    pub(super) fn fold(&self, weight: &Tensor, bias: Option<&Tensor>) -> Result<(Tensor, Vec<f32>)> {
        let channels = weight.dims().first().copied().unwrap_or(0);
        let read = |tensor: Option<&Tensor>, missing: f64| match tensor {
            None => Ok(vec![missing; channels]),
            Some(tensor) if tensor.count() != channels => {
                let message = format!("tensor is {:?}; its layer has {channels} outputs", tensor.dims());
                Err(Error::input(message).at(format!("`{}`", tensor.name())))
            }
            Some(tensor) => Ok(tensor.to_f32()?.into_iter().map(f64::from).collect()),
        };
        let (scale, shift) = (read(self.scale, 1.0)?, read(self.shift, 0.0)?);
        let (mean, variance, bias) = (read(Some(self.mean), 0.0)?, read(Some(self.variance), 1.0)?, read(bias, 0.0)?);
        if let Some(negative) = variance.iter().find(|&&variance| variance < 0.0) {
            let message = format!("a variance of {negative}; needed 0 or more");
            return Err(Error::input(message).at(format!("`{}`", self.variance.name())));
        }
        let factor = |channel: usize| scale[channel] / (variance[channel] + self.epsilon).sqrt();
        let mut values = weight.to_f32()?;
        let each = values.len().checked_div(channels).unwrap_or(0).max(1);
        for (channel, filter) in values.chunks_exact_mut(each).enumerate() {
            filter.iter_mut().for_each(|value| *value = narrow(f64::from(*value) * factor(channel)));
        }
        let folded = |channel: usize| narrow((bias[channel] - mean[channel]) * factor(channel) + shift[channel]);
        let weight = Tensor::from_values(weight.name(), weight.dims().to_vec(), &values)?;
        Ok((weight, (0..channels).map(folded).collect()))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to single precision is the point")]
fn narrow(value: f64) -> f32 {
    value as f32
}

impl<'a> BatchNorm<'a> {
    /// The normalisation that a layer of a file is.
    pub(super) fn of(layer: &FoundLayer<'a>) -> Option<BatchNorm<'a>> {
        let variance = layer.part(Part::Variance)?;
        Some(BatchNorm {
            scale: layer.part(Part::Weight),
            shift: layer.part(Part::Bias),
            mean: layer.part(Part::Mean)?,
            variance,
            epsilon: if is_keras(variance) { EPSILON_OF_KERAS } else { EPSILON_OF_PYTORCH },
        })
    }
}

/// Which epsilon a normalisation is folded with, in words.
pub(super) fn epsilon_note(layer: &FoundLayer<'_>) -> &'static str {
    match layer.part(Part::Variance).is_some_and(is_keras) {
        true => "epsilon 1e-3, the default of Keras and TensorFlow",
        false => "epsilon 1e-5, PyTorch's default",
    }
}

fn is_keras(variance: &Tensor) -> bool {
    variance.name().contains("moving_var")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_gives_what_layer_and_normalisation_give() {
        let tensor =
            |name: &str, dims: &[usize], values: &[f32]| Tensor::from_values(name, dims.to_vec(), values).unwrap();
        let (scale, shift) = (tensor("g", &[2], &[2.0, -1.0]), tensor("b", &[2], &[0.5, 3.0]));
        let (mean, variance) = (tensor("m", &[2], &[1.0, -2.0]), tensor("v", &[2], &[4.0, 0.25]));
        let norm =
            BatchNorm { scale: Some(&scale), shift: Some(&shift), mean: &mean, variance: &variance, epsilon: 0.0 };
        let weight = tensor("w", &[2, 1, 1, 2], &[3.0, -4.0, 0.5, 8.0]);
        let (folded, bias) = norm.fold(&weight, Some(&tensor("c", &[2], &[7.0, 1.0]))).unwrap();
        // Factors 2 / 2 = 1 and -1 / 0.5 = -2.
        assert_eq!(folded.to_f32().unwrap(), [3.0, -4.0, -1.0, -16.0]);
        assert_eq!(bias, [6.5, -3.0]);
        let (_, bias) = norm.fold(&weight, None).unwrap();
        assert_eq!(bias, [-0.5, -1.0]);
        let negative = tensor("v", &[2], &[4.0, -0.25]);
        assert!(BatchNorm { variance: &negative, ..norm }.fold(&weight, None).is_err());
    }

    #[test]
    fn a_normalisation_behind_the_relu_is_refused() {
        follows("features.0", "features.1").unwrap();
        follows("conv1_1", "bn1_1").unwrap();
        assert!(follows("features.0", "features.2").is_err());
    }
}
