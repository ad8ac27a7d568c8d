//! ResNet with a deep stem (He et al. 2016, stem of three convolutions), as segmenters use it: of any depth and widths, plain or dilated.

use std::collections::HashMap;

use super::convolution;
use crate::error::{Error, Result};
use crate::geometry::Window;
use crate::graph::{GraphBuilder, NodeId, Operator};

/// Stages of blocks behind the stem.
pub(super) const STAGES: u32 = 4;

/// Adds the network behind `x`; gives the output of each stage, finest first. Tensors are `encoder.conv1.weight` ...
/// `encoder.layer4.1.conv2.bias`, batch normalisation folded in. How many blocks a stage has, and whether they are bottlenecks, follows
/// from the tensors there are.
///
/// Strides are 4, 8, 16 and 32; `dilated` keeps 8 from the second stage on and dilates the windows behind it instead.
///
/// # Errors
/// [`crate::error::Kind::Input`] naming the tensor that is missing or does not fit.
pub(super) fn encoder(
    builder: &mut GraphBuilder,
    shapes: &HashMap<String, Vec<usize>>,
    x: NodeId,
    dilated: bool,
) -> Result<[NodeId; STAGES as usize]> {
    let mut x = x;
    for (name, stride) in [("conv1", 2), ("conv2", 1), ("conv3", 1)] {
        x = rectified(builder, shapes, &format!("encoder.{name}"), Window::square(3, stride, 1), x)?;
    }
    x = builder.add("encoder.maxpool", Operator::MaxPool(Window::square(3, 2, 1)), &[x])?;
    let mut stages = [x; STAGES as usize];
    for (stage, output) in (1..=STAGES).zip(&mut stages) {
        let blocks = (0..).take_while(|&block| shapes.contains_key(&tensor(stage, block, "conv1.weight"))).count();
        if blocks == 0 {
            return Err(Error::input("tensor is missing; every stage has a block").at(tensor(
                stage,
                0,
                "conv1.weight",
            )));
        }
        for block in 0..blocks as u32 {
            x = residual(builder, shapes, &Windows::of(stage, block, dilated), (stage, block), x)?;
        }
        *output = x;
    }
    Ok(stages)
}

/// Name of a tensor of a block.
fn tensor(stage: u32, block: u32, part: &str) -> String {
    format!("encoder.layer{stage}.{block}.{part}")
}

/// The windows of a block.
struct Windows {
    /// The 3x3 one that strides, where one does.
    first: Window,
    /// Other 3x3 ones.
    other: Window,
    /// The 1x1 one beside the block.
    beside: Window,
}

impl Windows {
    fn of(stage: u32, block: u32, dilated: bool) -> Windows {
        let dilation = match (dilated, stage) {
            (true, 3) => 2,
            (true, 4) => 4,
            _ => 1,
        };
        let spread = |d: u32| Window { dilation: [d; 2], ..Window::square(3, 1, d) };
        let strides = block == 0 && stage > 1;
        match (strides, dilation) {
            (true, 1) => Windows { first: Window::square(3, 2, 1), other: spread(1), beside: Window::square(1, 2, 0) },
            // What strided before sees as far as the stride would have reached: half the dilation.
            (true, d) => Windows { first: spread(d / 2), other: spread(d), beside: Window::square(1, 1, 0) },
            (false, d) => Windows { first: spread(d), other: spread(d), beside: Window::square(1, 1, 0) },
        }
    }
}

/// A block: its convolutions, what goes around them, the sum, ReLU.
fn residual(
    builder: &mut GraphBuilder,
    shapes: &HashMap<String, Vec<usize>>,
    windows: &Windows,
    (stage, block): (u32, u32),
    x: NodeId,
) -> Result<NodeId> {
    let name = |part: &str| tensor(stage, block, part);
    let bottleneck = shapes.contains_key(&name("conv3.weight"));
    let point = Window::square(1, 1, 0);
    let (first, second) = if bottleneck { (point, windows.first) } else { (windows.first, windows.other) };
    let mut y = rectified(builder, shapes, &name("conv1"), first, x)?;
    if bottleneck {
        y = rectified(builder, shapes, &name("conv2"), second, y)?;
        y = convolution(builder, shapes, &name("conv3"), point, y)?;
    } else {
        y = convolution(builder, shapes, &name("conv2"), second, y)?;
    }
    let mut around = x;
    if shapes.contains_key(&name("downsample.0.weight")) {
        around = convolution(builder, shapes, &name("downsample.0"), windows.beside, x)?;
    }
    let block_name = format!("encoder.layer{stage}.{block}");
    let sum = builder.add(&format!("{block_name}.sum"), Operator::Add, &[y, around])?;
    builder.add(&block_name, Operator::Relu, &[sum])
}

/// A convolution and its ReLU.
pub(super) fn rectified(
    builder: &mut GraphBuilder,
    shapes: &HashMap<String, Vec<usize>>,
    stem: &str,
    window: Window,
    x: NodeId,
) -> Result<NodeId> {
    let y = convolution(builder, shapes, stem, window, x)?;
    builder.add(&format!("{stem}.relu"), Operator::Relu, &[y])
}
