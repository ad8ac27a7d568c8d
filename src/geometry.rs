//! Windows, convolutions, activations and borders: what graph, kernels and reference share of an operator.

use crate::error::{Error, Result};

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

/// A convolution: its channels, window and groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Convolution {
    /// Channels that come out.
    pub channels: u32,
    /// The sliding window.
    pub window: Window,
    /// Groups of channels that do not see each other.
    pub groups: u32,
}

/// What becomes of a number before it is stored: `max(t, slope t)`.
///
/// One number stands for none, ReLU and its leaky kind, so that every kernel ends with the same expression and whatever knows one
/// of them knows all. Slopes lie in `[0, 1]`: outside, the maximum would pick the wrong branch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Activation {
    /// What a negative number is multiplied by.
    pub slope: f32,
}

impl Activation {
    /// Leaves a number as it is.
    pub const NONE: Activation = Activation { slope: 1.0 };
    /// `max(t, 0)`.
    pub const RELU: Activation = Activation { slope: 0.0 };
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
}
