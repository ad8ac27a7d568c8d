//! The other interpreter of a graph: every node by its twin, in double precision.

use std::collections::HashMap;

use super::{Maps, adaptive_average_pool, add, average_pool, conv, linear, max_pool, relu, softmax, upsample_bilinear};
use super::{pixel_norm, precise_roi_pool, upsample_nearest};
use crate::error::{Error, Result};
use crate::geometry::Activation;
use crate::graph::{Graph, Operator};
use crate::tensor::Shape;

/// Value of every node, by name, for an input `[n, c, h, w]`.
///
/// # Errors
/// [`crate::error::Kind::Input`] if a weight is missing.
pub fn run(
    graph: &Graph,
    weights: &HashMap<String, (Vec<usize>, Vec<f32>)>,
    input: &Maps,
) -> Result<HashMap<String, Maps>> {
    let weight = |name: &str| match weights.get(name) {
        Some((_, data)) => Ok(data.iter().map(|&value| f64::from(value)).collect::<Vec<_>>()),
        None => Err(Error::input("tensor is missing").at(name)),
    };
    let mut values: Vec<Maps> = Vec::new();
    for node in graph.nodes() {
        let x = |position: usize| &values[node.inputs[position].0];
        let y = match &node.operator {
            Operator::Input => input.clone(),
            Operator::Convolution { convolution, weight: name, bias } => {
                let bias = bias.as_deref().map(weight).transpose()?.unwrap_or_default();
                conv::conv(x(0), &weight(name)?, &bias, convolution)?
            }
            Operator::Linear { weight: name, bias, .. } => linear::linear(x(0), &weight(name)?, &weight(bias)?),
            Operator::Relu => relu::relu(x(0), Activation::RELU),
            &Operator::LeakyRelu { slope } => relu::relu(x(0), Activation { slope }),
            Operator::PixelNorm => pixel_norm::pixel_norm(x(0)),
            Operator::UpsampleNearest => upsample_nearest::upsample_nearest(x(0)),
            Operator::MaxPool(window) => max_pool::max_pool(x(0), window)?,
            Operator::AveragePool(window) => average_pool::average_pool(x(0), window)?,
            &Operator::AdaptiveAveragePool { h, w } => adaptive_average_pool::adaptive_average_pool(x(0), h, w),
            &Operator::Upsample { h, w, border } => upsample_bilinear::upsample_bilinear(x(0), h, w, border),
            Operator::Softmax => softmax::softmax(x(0)),
            Operator::Add => add::add(x(0), x(1)),
            Operator::Concat => {
                let parts: Vec<&Maps> = node.inputs.iter().map(|input| &values[input.0]).collect();
                concat(&parts)
            }
            &Operator::PreciseRoiPool { bins } => precise_roi_pool::precise_roi_pool(x(0), bins),
        };
        values.push(y);
    }
    Ok(graph.nodes().iter().map(|node| node.name.clone()).zip(values).collect())
}

/// Maps of several values one behind another, image by image.
fn concat(parts: &[&Maps]) -> Maps {
    let shape = parts[0].shape;
    let maps_of = |n: usize| {
        parts.iter().flat_map(move |part| {
            let size = part.shape.with_batch(1).len();
            part.data[n * size..][..size].iter().copied()
        })
    };
    let data = (0..shape.n as usize).flat_map(maps_of).collect();
    Maps { shape: Shape { c: parts.iter().map(|part| part.shape.c).sum(), ..shape }, data }
}

/// `|got - want| / |want|` in the Euclidean norm; infinite if `got` is not finite or `want` is zero and `got` is not.
pub fn relative_error(got: &[f32], want: &[f64]) -> f64 {
    let square = |sum: f64, value: f64| value.mul_add(value, sum);
    let difference = got.iter().zip(want).map(|(&got, want)| f64::from(got) - want).fold(0.0, square).sqrt();
    let size = want.iter().copied().fold(0.0, square).sqrt();
    if got.len() != want.len() || !difference.is_finite() {
        f64::INFINITY
    } else if difference == 0.0 {
        0.0
    } else {
        difference / size
    }
}
