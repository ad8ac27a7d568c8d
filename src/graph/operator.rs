//! What a node can compute, and the shape that comes out.

use crate::error::{Error, Result};
use crate::tensor::Shape;

/// What lies outside a map when it is resampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Border {
    /// Zero: borders fade, as the reference does when it dissects.
    Zero,
    /// The nearest position of the map.
    Edge,
}

/// A sliding window, rows before columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Rows and columns of the window.
    pub kernel: [u32; 2],
    /// Steps between windows.
    pub stride: [u32; 2],
    /// Positions added on each side.
    pub padding: [u32; 2],
    /// Distance between the window's own positions.
    pub dilation: [u32; 2],
}

impl Window {
    /// A square window.
    pub const fn square(kernel: u32, stride: u32, padding: u32) -> Self {
        Window { kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2], dilation: [1; 2] }
    }

    /// Rows and columns that come out of a map: `floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if the window does not fit the padded map.
    pub fn output(&self, h: u32, w: u32) -> Result<(u32, u32)> {
        let along = |axis: usize, size: u32| {
            let reach = u64::from(self.dilation[axis]) * (u64::from(self.kernel[axis]) - 1) + 1;
            let padded = u64::from(size) + 2 * u64::from(self.padding[axis]);
            let room = padded.checked_sub(reach)?;
            u32::try_from(room / u64::from(self.stride[axis]) + 1).ok()
        };
        match (along(0, h), along(1, w)) {
            (Some(rows), Some(columns)) => Ok((rows, columns)),
            _ => Err(Error::input(format!(
                "a map of {h}x{w} is too small for a window of {}x{}",
                self.kernel[0], self.kernel[1]
            ))),
        }
    }
}

/// A convolution: its window, channels and groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Convolution {
    /// Channels that come out.
    pub channels: u32,
    /// The sliding window.
    pub window: Window,
    /// Groups of channels that do not see each other.
    pub groups: u32,
}

/// What a node computes. Weights are named; their shapes follow from the operator and its input.
#[derive(Debug, Clone, PartialEq)]
pub enum Operator {
    /// What the network is given.
    Input,
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
}

impl Operator {
    /// Shape that comes out of inputs of these shapes.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if the inputs do not fit the operator.
    pub fn output(&self, inputs: &[Shape]) -> Result<Shape> {
        let wanted = match self {
            Operator::Input => 0,
            Operator::Add => 2,
            _ => 1,
        };
        if inputs.len() != wanted {
            return Err(Error::internal(format!("{} inputs; {wanted} needed", inputs.len())));
        }
        let Some(&x) = inputs.first() else {
            return Err(Error::internal("the input has no shape to infer"));
        };
        Ok(match self {
            Operator::Input | Operator::Relu | Operator::Softmax => x,
            Operator::Convolution { convolution, .. } => {
                if convolution.groups == 0
                    || x.c % convolution.groups != 0
                    || convolution.channels % convolution.groups != 0
                {
                    return Err(Error::input(format!(
                        "{} channels in and {} out do not divide into {} groups",
                        x.c, convolution.channels, convolution.groups
                    )));
                }
                let (h, w) = convolution.window.output(x.h, x.w)?;
                Shape { c: convolution.channels, h, w, ..x }
            }
            Operator::MaxPool(window) | Operator::AveragePool(window) => {
                let (h, w) = window.output(x.h, x.w)?;
                Shape { h, w, ..x }
            }
            &Operator::AdaptiveAveragePool { h, w } | &Operator::Upsample { h, w, .. } => Shape { h, w, ..x },
            &Operator::Linear { outputs, .. } => Shape { c: outputs, h: 1, w: 1, ..x },
            Operator::Add => {
                if inputs[0] != inputs[1] {
                    return Err(Error::input(format!("cannot add {} and {}", inputs[0], inputs[1])));
                }
                x
            }
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_do_not_fit_are_errors_and_sizes_round_down() {
        assert_eq!(Window::square(2, 2, 0).output(7, 9).unwrap(), (3, 4));
        assert_eq!(Window::square(3, 1, 1).output(224, 224).unwrap(), (224, 224));
        assert_eq!(Window { dilation: [2, 2], ..Window::square(3, 1, 0) }.output(5, 6).unwrap(), (1, 2));
        assert!(Window::square(2, 2, 0).output(1, 9).is_err());
    }

    #[test]
    fn groups_must_divide_the_channels() {
        let convolution = Convolution { channels: 4, window: Window::square(1, 1, 0), groups: 3 };
        let operator = Operator::Convolution { convolution, weight: "w".into(), bias: None };
        assert!(operator.output(&[Shape::new(1, 6, 2, 2)]).is_err());
    }
}
