//! The generator of Progressive GAN (Karras et al. 2018), of any resolution and any widths.

use std::collections::HashMap;

use super::{Layer, Model, channel_count, convolution, convolution_named};
use crate::error::{Error, Result};
use crate::geometry::Window;
use crate::graph::{GraphBuilder, Operator};
use crate::tensor::Shape;

/// Slope of the leaky ReLU at the end of each block.
const SLOPE: f32 = 0.2;

/// More blocks than 4x4 doubled to 16,384.
pub const BLOCKS_MAX: u32 = 26;

/// Rows and columns of the image that so many blocks make: every second block doubles.
pub const fn side(blocks: u32) -> u32 {
    4 << (blocks / 2 - 1)
}

/// The factor that a convolution's stored weights are multiplied by: `gain / sqrt(kernel^2 channels)`, where gain is
/// `sqrt(2)` in the blocks and 1 in the output.
pub fn weight_scale(gain: f64, kernel: usize, channels: usize) -> f64 {
    gain / kernel as f64 / (channels as f64).sqrt()
}

/// Builds the generator for the tensors at hand: `layerN.weight`, `layerN.bias`, `output_RxR.weight`, `output_RxR.bias`, the
/// factors of [`weight_scale`] multiplied in.
///
/// The input is a latent `[1, z, 1, 1]`; the output is an image `[1, 3, R, R]`, nominally in [-1, 1] and not clamped.
/// A block normalises its input over channels, doubles it where it is an odd one after the first, convolves, and ends with a
/// leaky ReLU, behind which its layer is read: layers are not normalised.
///
/// # Errors
/// [`crate::error::Kind::Input`] naming the tensor that is missing or does not fit.
pub fn build(shapes: &HashMap<String, Vec<usize>>) -> Result<Model> {
    let blocks =
        (1..=BLOCKS_MAX).take_while(|block| shapes.contains_key(&format!("layer{block}.weight"))).count() as u32;
    if blocks < 2 || !blocks.is_multiple_of(2) {
        let message = format!("there are {blocks} layers without a gap; a generator has an even number of them");
        return Err(Error::input(message));
    }
    let latent = match shapes["layer1.weight"].as_slice() {
        [_, latent, 4, 4] if *latent > 0 => channel_count(*latent)?,
        found => return Err(Error::input(format!("tensor is {found:?}; needed [any, any, 4, 4]")).at("layer1.weight")),
    };
    let mut builder = GraphBuilder::new();
    let mut layers = Vec::new();
    let mut x = builder.input("input", Shape::new(1, latent, 1, 1))?;
    for block in 1..=blocks {
        let name = format!("layer{block}");
        x = builder.add(&format!("{name}.norm"), Operator::PixelNorm, &[x])?;
        if block > 1 && !block.is_multiple_of(2) {
            x = builder.add(&format!("{name}.upsample"), Operator::UpsampleNearest, &[x])?;
        }
        let window = if block == 1 { Window::square(4, 1, 3) } else { Window::square(3, 1, 1) };
        let before_relu = format!("{name}.conv");
        x = convolution_named(&mut builder, shapes, &before_relu, &name, window, x)?;
        x = builder.add(&name, Operator::LeakyRelu { slope: SLOPE }, &[x])?;
        layers.push(Layer { name: name.clone(), aliases: Vec::new(), node: name, before_relu });
    }
    let output = output_name(side(blocks));
    x = builder.add(&format!("{output}.norm"), Operator::PixelNorm, &[x])?;
    x = convolution(&mut builder, shapes, &output, Window::square(1, 1, 0), x)?;
    if builder.shape(x).c != 3 {
        return Err(Error::input(format!("{} channels come out; an image has 3", builder.shape(x).c)).at(output));
    }
    Ok(Model { name: "progan".to_owned(), graph: builder.build(), layers, logits: None })
}

/// Name of the last convolution.
pub fn output_name(side: u32) -> String {
    format!("output_{side}x{side}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(channels: &[usize]) -> HashMap<String, Vec<usize>> {
        let mut shapes = HashMap::new();
        let mut inputs = channels[0];
        for (index, &width) in channels[1..].iter().enumerate() {
            for block in [2 * index + 1, 2 * index + 2] {
                let kernel = if block == 1 { 4 } else { 3 };
                shapes.insert(format!("layer{block}.weight"), vec![width, inputs, kernel, kernel]);
                shapes.insert(format!("layer{block}.bias"), vec![width]);
                inputs = width;
            }
        }
        let output = output_name(4 << (channels.len() - 2));
        shapes.insert(format!("{output}.weight"), vec![3, inputs, 1, 1]);
        shapes.insert(format!("{output}.bias"), vec![3]);
        shapes
    }

    /// The published generators of 8x8 to 256x256 and of 1024x1024, by the channels of the latent, then at each resolution from 4x4 on.
    fn published(side: u32) -> Model {
        // The one of 1024 narrows a doubling later.
        let channels = match side {
            1024 => &[512, 512, 512, 512, 512, 256, 128, 64, 32, 16][..],
            _ => &[512, 512, 512, 512, 256, 128, 64, 32][..side.ilog2() as usize],
        };
        build(&shapes(channels)).unwrap()
    }

    #[test]
    fn every_published_size_has_its_layers_and_makes_its_image() {
        for side in [8, 16, 32, 64, 128, 256, 1024] {
            let model = published(side);
            let output = model.graph.node(model.graph.output());
            assert_eq!(
                (output.name.as_str(), output.shape),
                (output_name(side).as_str(), Shape::new(1, 3, side, side))
            );
            assert_eq!(model.layers.len() as u32, 2 * (side.ilog2() - 1));
        }
    }

    #[test]
    fn the_layers_of_the_256_generator_have_the_shapes_and_scales_of_the_published_one() {
        let model = published(256);
        let shape = |layer: &str| model.graph.node(model.graph.find(layer).unwrap()).shape;
        let wanted = [
            (512, 4),
            (512, 4),
            (512, 8),
            (512, 8),
            (512, 16),
            (512, 16),
            (256, 32),
            (256, 32),
            (128, 64),
            (128, 64),
            (64, 128),
            (64, 128),
            (32, 256),
            (32, 256),
        ];
        let scales = [
            0.015_625,
            0.020_833_3,
            0.020_833_3,
            0.020_833_3,
            0.020_833_3,
            0.020_833_3,
            0.020_833_3,
            0.029_462_8,
            0.029_462_8,
            0.041_666_7,
            0.041_666_7,
            0.058_925_6,
            0.058_925_6,
            0.083_333_3,
        ];
        let mut parameters = 0;
        for node in model.graph.nodes() {
            let input = node.inputs.first().map_or(node.shape, |&id| model.graph.node(id).shape);
            parameters +=
                node.operator.weights(input).iter().map(|(_, dims)| dims.iter().product::<usize>()).sum::<usize>();
        }
        assert_eq!(parameters, 18_344_995);
        for (index, (layer, (channels, side))) in model.layers.iter().zip(wanted).enumerate() {
            assert_eq!(shape(&layer.name), Shape::new(1, channels, side, side), "{}", layer.name);
            let inputs = shape(&format!("{}.norm", layer.name)).c as usize;
            let scale = weight_scale(2f64.sqrt(), if index == 0 { 4 } else { 3 }, inputs);
            assert!((scale - scales[index]).abs() < 1e-7, "{}: {scale}", layer.name);
        }
        assert!((weight_scale(1.0, 1, 32) - 0.176_776_7).abs() < 1e-7);
    }

    #[test]
    fn a_missing_or_misshapen_tensor_is_named() {
        let mut shapes = shapes(&[8, 8, 6]);
        shapes.insert("layer3.weight".into(), vec![6, 7, 3, 3]);
        let error = build(&shapes).unwrap_err().to_string();
        assert_eq!(error, "layer3.weight: tensor is [6, 7, 3, 3]; needed [any, 8, 3, 3]");
        shapes.remove("layer3.weight");
        assert!(build(&shapes).unwrap_err().to_string().starts_with("output_4x4.weight: tensor is missing"));
        shapes.remove("layer1.weight");
        assert!(build(&shapes).unwrap_err().to_string().starts_with("there are 0 layers"));
    }
}
