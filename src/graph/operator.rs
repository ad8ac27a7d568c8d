//! What a node can compute, and the shape that comes out.

use crate::error::{Error, Result};
use crate::geometry::{Activation, Border, Convolution, Extent, Window};
use crate::tensor::Shape;

/// What a node computes. Weights are named; their shapes follow from the operator and its input.
#[derive(Debug, Clone, PartialEq)]
pub enum Operator {
    /// What is given.
    Input {
        /// One value for each image; else one for all images of a batch.
        per_image: bool,
    },
    /// Convolution; weight `[channels, c / groups, kh, kw]`, bias `[channels]`.
    Convolution {
        /// Channels, window, groups.
        convolution: Convolution,
        /// Name of the weight.
        weight: String,
        /// Name of the bias, if there is one.
        bias: Option<String>,
    },
    /// `max(0, x)`.
    Relu,
    /// `max(x, slope x)`.
    LeakyRelu {
        /// What a negative number is multiplied by, in `[0, 1]`.
        slope: f32,
    },
    /// Every position divided by `sqrt(mean over channels of x^2 + 1e-8)`.
    PixelNorm,
    /// Every position as a block of two by two.
    UpsampleNearest,
    /// Maximum over a window; padding never wins.
    MaxPool(Window),
    /// Mean over a window, padding counted as zeros.
    AveragePool(Window),
    /// Mean over windows that cover the map, `floor(i h / rows) .. ceil((i + 1) h / rows)`.
    AdaptiveAveragePool {
        /// Rows that come out.
        h: u32,
        /// Columns that come out.
        w: u32,
    },
    /// Every output sees every element, flattened channel-major; weight `[outputs, c h w]`, bias `[outputs]`.
    Linear {
        /// Outputs.
        outputs: u32,
        /// Name of the weight.
        weight: String,
        /// Name of the bias.
        bias: String,
    },
    /// Over channels, at each position.
    Softmax,
    /// Bilinear, half-pixel centres.
    Upsample {
        /// Rows that come out.
        h: u32,
        /// Columns that come out.
        w: u32,
        /// What lies outside the map.
        border: Border,
    },
    /// Element-wise sum of two maps.
    Add,
    /// Maps of several values one behind another, channel by channel.
    Concat,
    /// The first input blended toward the third: `x (1 - amount) + value amount`.
    Edit {
        /// Whether amounts and values, the second and third input, differ by image or position.
        extent: Extent,
    },
    /// Mean over `bins` by `bins` equal bins of the whole map, by integration of its bilinear function (PrRoI pooling).
    PreciseRoiPool {
        /// Rows and columns that come out.
        bins: u32,
    },
}

impl Operator {
    /// Shape that comes out of inputs of these shapes.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if the inputs do not fit the operator.
    pub fn output(&self, inputs: &[Shape]) -> Result<Shape> {
        let wanted = match self {
            Operator::Input { .. } => 0,
            Operator::Add => 2,
            Operator::Edit { .. } => 3,
            Operator::Concat => inputs.len().max(1),
            _ => 1,
        };
        if inputs.len() != wanted {
            return Err(Error::internal(format!("{} inputs; {wanted} needed", inputs.len())));
        }
        let Some(&x) = inputs.first() else {
            return Err(Error::internal("the input has no shape to infer"));
        };
        Ok(match self {
            &Operator::LeakyRelu { slope } if !(0.0..=1.0).contains(&slope) => {
                // The larger of x and slope x would be the wrong one.
                return Err(Error::input(format!("a slope of {slope}; needed one from 0 to 1")));
            }
            Operator::Input { .. }
            | Operator::Relu
            | Operator::LeakyRelu { .. }
            | Operator::PixelNorm
            | Operator::Softmax => x,
            Operator::UpsampleNearest => Shape { h: x.h.saturating_mul(2), w: x.w.saturating_mul(2), ..x },
            Operator::Convolution { convolution, .. } => {
                check_groups(convolution, x)?;
                let (h, w) = convolution.window.output(x.h, x.w)?;
                Shape { c: convolution.channels, h, w, ..x }
            }
            Operator::MaxPool(window) | Operator::AveragePool(window) => {
                let (h, w) = window.output(x.h, x.w)?;
                Shape { h, w, ..x }
            }
            &Operator::AdaptiveAveragePool { h, w } | &Operator::Upsample { h, w, .. } => Shape { h, w, ..x },
            &Operator::PreciseRoiPool { bins } => Shape { h: bins, w: bins, ..x },
            Operator::Concat => {
                if let Some(other) = inputs.iter().find(|other| (other.n, other.h, other.w) != (x.n, x.h, x.w)) {
                    return Err(Error::input(format!("cannot put {other} behind {x}")));
                }
                Shape { c: inputs.iter().map(|input| input.c).sum(), ..x }
            }
            &Operator::Linear { outputs, .. } => Shape { c: outputs, h: 1, w: 1, ..x },
            Operator::Edit { extent } => {
                let needed = extent.shape(x);
                if let Some(other) = inputs[1..].iter().find(|&&other| other != needed) {
                    return Err(Error::input(format!(
                        "amounts and values of {other} for an edit of {x}; {needed} needed"
                    )));
                }
                x
            }
            Operator::Add => {
                if inputs[0] != inputs[1] {
                    return Err(Error::input(format!("cannot add {} and {}", inputs[0], inputs[1])));
                }
                x
            }
        })
    }

    /// The function, if the operator is one of each number alone that kernels take behind their sums.
    pub const fn activation(&self) -> Option<Activation> {
        match self {
            Operator::Relu => Some(Activation::RELU),
            Operator::LeakyRelu { slope } => Some(Activation { slope: *slope }),
            _ => None,
        }
    }

    /// Names and shapes of the weights, for an input of shape `x`.
    pub fn weights(&self, x: Shape) -> Vec<(&str, Vec<usize>)> {
        match self {
            Operator::Convolution { convolution, weight, bias } => {
                let [kh, kw] = convolution.window.kernel;
                let dims = [convolution.channels, x.c / convolution.groups, kh, kw].map(|size| size as usize);
                let bias = bias.as_deref().map(|name| (name, vec![convolution.channels as usize]));
                std::iter::once((weight.as_str(), dims.to_vec())).chain(bias).collect()
            }
            Operator::Linear { outputs, weight, bias } => {
                let outputs = *outputs as usize;
                vec![(weight, vec![outputs, x.with_batch(1).len()]), (bias, vec![outputs])]
            }
            _ => Vec::new(),
        }
    }

    /// Multiplications and additions for one image.
    pub fn flops(&self, x: Shape, y: Shape) -> u64 {
        let outputs = y.with_batch(1).len() as u64;
        match self {
            Operator::Convolution { convolution, .. } => {
                let [kh, kw] = convolution.window.kernel;
                2 * outputs * u64::from(x.c / convolution.groups) * u64::from(kh) * u64::from(kw)
            }
            Operator::Linear { .. } => 2 * outputs * x.with_batch(1).len() as u64,
            _ => outputs,
        }
    }
}

/// Channels in and out must divide into the groups.
fn check_groups(convolution: &Convolution, x: Shape) -> Result<()> {
    let groups = convolution.groups;
    if groups == 0 || !x.c.is_multiple_of(groups) || !convolution.channels.is_multiple_of(groups) {
        let channels = convolution.channels;
        return Err(Error::input(format!("{} channels in and {channels} out do not divide into {groups} groups", x.c)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_must_divide_the_channels() {
        let convolution = Convolution { channels: 4, window: Window::square(1, 1, 0), groups: 3 };
        let operator = Operator::Convolution { convolution, weight: "w".into(), bias: None };
        assert!(operator.output(&[Shape::new(1, 6, 2, 2)]).is_err());
    }
}
