//! What the kernels of convolutions share: their end, their buffers, the order of their weights.

use crate::geometry::{Activation, Convolution};
use crate::gpu::{Bound, Buffer};
use crate::tensor::Shape;

/// What is done with a sum before it is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epilogue {
    /// Add the bias.
    pub bias: bool,
    /// Then apply this.
    pub activation: Activation,
    /// Then the maximum of each 2x2 window, stride 2; an odd last row or column is left out. See `Variant::pools`.
    pub pool: bool,
}

/// Buffers of a convolution; `bias` may be any buffer of the right size where there is none to add.
pub struct Buffers<'a> {
    /// Input `[n, c, h, w]`.
    pub x: &'a Buffer,
    /// Weight, packed by `Variant::pack`.
    pub weight: &'a Buffer,
    /// Bias `[k]`.
    pub bias: &'a Buffer,
    /// Output.
    pub y: &'a Buffer,
}

impl<'a> Buffers<'a> {
    /// In the order that every kernel binds them, for maps of these shapes and so many packed weights. There is a bias for each
    /// channel even where it is not added: it is read before that is asked.
    pub(super) fn bound(&self, x: Shape, packed: usize, y: Shape) -> [Bound<'a>; 4] {
        [self.x.holding(x.len()), self.weight.holding(packed), self.bias.holding(y.c as usize), self.y.holding(y.len())]
    }
}

/// The weight `[k, c / groups, kh, kw]` as `[groups, ceil(k / groups / block), c / groups, kh, kw, block]`, padded with zeros.
pub(super) fn pack_blocks(convolution: &Convolution, weight: &[f32], block: u32) -> Vec<f32> {
    let (channels, block) = (convolution.channels as usize, block as usize);
    let out_group = channels / convolution.groups as usize;
    let taps = weight.len() / channels;
    let blocks = out_group.div_ceil(block);
    let mut packed = vec![0.0; convolution.groups as usize * blocks * taps * block];
    for (k, values) in weight.chunks_exact(taps).enumerate() {
        let (group, within) = (k / out_group, k % out_group);
        let start = (group * blocks + within / block) * taps * block + within % block;
        values.iter().enumerate().for_each(|(tap, &value)| packed[start + tap * block] = value);
    }
    packed
}
