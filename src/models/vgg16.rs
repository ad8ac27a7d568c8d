//! VGG-16 "D" without batch normalisation (Simonyan and Zisserman 2015), of any width and any number of classes.

use std::collections::HashMap;

use super::{Layer, Model};
use crate::error::{Error, Result};
use crate::geometry::{Convolution, Window};
use crate::graph::{GraphBuilder, NodeId, Operator};
use crate::tensor::Shape;

/// Convolutions of the five groups.
const GROUPS: [u32; 5] = [2, 2, 3, 3, 3];

/// Side of the map that the first fully connected layer sees.
const CLASSIFIER_SIDE: u32 = 7;

/// The thirteen convolutions in order: `conv1_1` ... `conv5_3`.
pub fn convolutions() -> impl Iterator<Item = String> {
    (1..).zip(GROUPS).flat_map(|(group, count)| (1..=count).map(move |position| format!("conv{group}_{position}")))
}

/// The fully connected layers in order.
pub const LINEAR: [&str; 3] = ["fc6", "fc7", "fc8a"];

/// Builds the network for the tensors at hand: widths and classes are read off their shapes.
///
/// `shapes` maps tensor names (`features.conv1_1.weight`, `classifier.fc6.bias`, ...) to their shapes; without
/// `classifier.` tensors the body alone is built. `h` and `w` are rows and columns of the input: 224 after the usual crop;
/// at least 32, since five poolings halve it, and the fully connected layers take any such size by adaptive pooling to 7x7.
///
/// # Errors
/// [`crate::error::Kind::Input`] naming the tensor that is missing or does not fit, or if the image is too small.
pub fn build(shapes: &HashMap<String, Vec<usize>>, h: u32, w: u32) -> Result<Model> {
    let mut builder = GraphBuilder::new(Shape::new(1, 3, h, w));
    let mut layers = Vec::new();
    let mut x = builder.input();
    for (group, count) in (1..).zip(GROUPS) {
        for position in 1..=count {
            x = convolution(&mut builder, &mut layers, shapes, x, &format!("{group}_{position}"))?;
        }
        x = builder
            .add(&format!("pool{group}"), Operator::MaxPool(Window::square(2, 2, 0)), &[x])
            .map_err(|error| error.hint("VGG-16 halves the image five times: it needs at least 32 pixels a side"))?;
    }
    let mut logits = None;
    if shapes.keys().any(|name| name.starts_with("classifier.")) {
        let side = CLASSIFIER_SIDE;
        x = builder.add("adaptive_pool", Operator::AdaptiveAveragePool { h: side, w: side }, &[x])?;
        for (name, relu) in LINEAR.into_iter().zip([Some("relu6"), Some("relu7"), None]) {
            x = linear(&mut builder, &mut layers, shapes, x, name, relu)?;
        }
        logits = Some(LINEAR[2].to_owned());
    }
    Ok(Model { name: "vgg16".to_owned(), graph: builder.build(), layers, logits })
}

fn convolution(
    builder: &mut GraphBuilder,
    layers: &mut Vec<Layer>,
    shapes: &HashMap<String, Vec<usize>>,
    x: NodeId,
    suffix: &str,
) -> Result<NodeId> {
    let (name, relu) = (format!("conv{suffix}"), format!("relu{suffix}"));
    let weight = format!("features.{name}.weight");
    let channels = output_size(shapes, &weight, &[builder.shape(x).c as usize, 3, 3])?;
    let operator = Operator::Convolution {
        convolution: Convolution { channels, window: Window::square(3, 1, 1), groups: 1 },
        weight,
        bias: Some(format!("features.{name}.bias")),
    };
    let x = builder.add(&name, operator, &[x])?;
    let x = builder.add(&relu, Operator::Relu, &[x])?;
    layers.push(Layer { name: name.clone(), node: relu, before_relu: name });
    Ok(x)
}

fn linear(
    builder: &mut GraphBuilder,
    layers: &mut Vec<Layer>,
    shapes: &HashMap<String, Vec<usize>>,
    x: NodeId,
    name: &str,
    relu: Option<&str>,
) -> Result<NodeId> {
    let weight = format!("classifier.{name}.weight");
    let outputs = output_size(shapes, &weight, &[builder.shape(x).len()])?;
    let bias = format!("classifier.{name}.bias");
    let mut x = builder.add(name, Operator::Linear { outputs, weight, bias }, &[x])?;
    if let Some(relu) = relu {
        x = builder.add(relu, Operator::Relu, &[x])?;
    }
    let node = relu.unwrap_or(name).to_owned();
    layers.push(Layer { name: name.to_owned(), node, before_relu: name.to_owned() });
    Ok(x)
}

/// First size of a weight whose other sizes must be `rest`.
fn output_size(shapes: &HashMap<String, Vec<usize>>, name: &str, rest: &[usize]) -> Result<u32> {
    match shapes.get(name).map(Vec::as_slice) {
        Some([first, others @ ..]) if others == rest && *first > 0 => {
            u32::try_from(*first).map_err(|_| Error::input(format!("{first} outputs are too many")).at(name))
        }
        Some(found) => Err(Error::input(format!("tensor is {found:?}; VGG-16 needs {}", needed(rest))).at(name)),
        None => Err(Error::input(format!("tensor is missing; VGG-16 needs {}", needed(rest))).at(name)),
    }
}

fn needed(rest: &[usize]) -> String {
    let rest: Vec<_> = rest.iter().map(usize::to_string).collect();
    format!("[any, {}]", rest.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(width: usize, classes: usize) -> HashMap<String, Vec<usize>> {
        let mut shapes = HashMap::new();
        let mut channels = 3;
        for name in convolutions() {
            shapes.insert(format!("features.{name}.weight"), vec![width, channels, 3, 3]);
            shapes.insert(format!("features.{name}.bias"), vec![width]);
            channels = width;
        }
        for (name, (rows, columns)) in LINEAR.into_iter().zip([(8, 49 * width), (8, 8), (classes, 8)]) {
            shapes.insert(format!("classifier.{name}.weight"), vec![rows, columns]);
        }
        shapes
    }

    #[test]
    fn layers_have_the_names_and_sizes_of_the_paper() {
        let model = build(&shapes(4, 365), 224, 224).unwrap();
        let names: Vec<_> = model.layers.iter().map(|layer| layer.name.as_str()).collect();
        assert_eq!(names.len(), 16);
        assert_eq!((names[0], names[12], names[15]), ("conv1_1", "conv5_3", "fc8a"));
        let side =
            |name: &str| model.graph.node(model.graph.find(model.node_of(name, false).unwrap()).unwrap()).shape.h;
        assert_eq!(
            [side("conv1_2"), side("conv2_2"), side("conv3_3"), side("conv4_3"), side("conv5_3")],
            [224, 112, 56, 28, 14]
        );
        assert_eq!(model.graph.node(model.graph.output()).shape.c, 365);
    }

    #[test]
    fn a_body_alone_has_no_logits_and_a_wrong_width_is_named() {
        let mut shapes = shapes(4, 10);
        shapes.retain(|name, _| !name.starts_with("classifier."));
        assert_eq!(build(&shapes, 224, 224).unwrap().logits, None);
        shapes.insert("features.conv3_1.weight".into(), vec![4, 5, 3, 3]);
        let error = build(&shapes, 224, 224).unwrap_err().to_string();
        assert!(error.contains("features.conv3_1.weight") && error.contains("[any, 4, 3, 3]"), "{error}");
    }

    #[test]
    fn too_small_an_image_is_an_error() {
        assert!(build(&shapes(4, 10), 8, 8).is_err());
    }
}
