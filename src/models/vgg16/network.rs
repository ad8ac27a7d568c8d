//! The graph: of any width, with a head of up to three layers, and any number of classes.

use std::collections::HashMap;

use super::head;
use super::layers::{LINEAR, LINEAR_ALIASES, Place};
use crate::error::{Error, Result};
use crate::geometry::{Convolution, Window};
use crate::graph::{GraphBuilder, NodeId, Operator};
use crate::models::{Layer, Model};
use crate::tensor::Shape;

/// Side of the map that the published network's head sees.
const PUBLISHED_SIDE: u32 = 7;

/// The thirteen convolutions in order: `conv1_1` ... `conv5_3`.
pub fn convolutions() -> impl Iterator<Item = String> {
    Place::all().map(Place::name)
}

/// Side of the map that the head of these tensors sees; none without a head, or if it does not fit the convolutions.
pub fn map_side(shapes: &HashMap<String, Vec<usize>>) -> Option<u32> {
    let channels = *shapes.get("features.conv5_3.weight")?.first()?;
    let first = LINEAR.iter().find_map(|name| shapes.get(&format!("classifier.{name}.weight")))?;
    u32::try_from(head::map_side(*first.get(1)?, channels)?).ok()
}

/// Builds the network for the tensors at hand: widths and classes are read off their shapes.
///
/// `shapes` maps tensor names (`features.conv1_1.weight`, `classifier.fc6.bias`, ...) to their shapes; without
/// `classifier.` tensors the body alone is built. A head of one layer is `fc8a`, one of two has no `fc7`. `h` and `w` are rows and
/// columns of the input: 224 after the usual crop; at least 32, since five poolings halve it, and the head takes any such size by
/// adaptive pooling to the map that its first layer sees: 7x7 in the published network.
///
/// # Errors
/// [`crate::error::Kind::Input`] naming the tensor that is missing or does not fit, or if the image is too small.
pub fn build(shapes: &HashMap<String, Vec<usize>>, h: u32, w: u32) -> Result<Model> {
    let mut builder = GraphBuilder::new();
    let mut layers = Vec::new();
    let mut x = builder.input("input", Shape::new(1, 3, h, w))?;
    for place in Place::all() {
        x = convolution(&mut builder, &mut layers, shapes, x, place)?;
        if place.is_pooled() {
            x = builder
                .add(&format!("pool{}", place.group), Operator::MaxPool(Window::square(2, 2, 0)), &[x])
                .map_err(|error| {
                    error.hint("VGG-16 halves the image five times: it needs at least 32 pixels a side")
                })?;
        }
    }
    let mut logits = None;
    if shapes.keys().any(|name| name.starts_with("classifier.")) {
        let side = map_side(shapes).unwrap_or(PUBLISHED_SIDE);
        x = builder.add("adaptive_pool", Operator::AdaptiveAveragePool { h: side, w: side }, &[x])?;
        let last = LINEAR[2];
        let hidden = LINEAR.into_iter().zip(["relu6", "relu7"]);
        for (name, relu) in hidden.filter(|(name, _)| shapes.contains_key(&format!("classifier.{name}.weight"))) {
            x = linear(&mut builder, &mut layers, shapes, x, name, Some(relu))?;
        }
        linear(&mut builder, &mut layers, shapes, x, last, None)?;
        logits = Some(last.to_owned());
    }
    Ok(Model { name: "vgg16".to_owned(), graph: builder.build(), layers, logits })
}

fn convolution(
    builder: &mut GraphBuilder,
    layers: &mut Vec<Layer>,
    shapes: &HashMap<String, Vec<usize>>,
    x: NodeId,
    place: Place,
) -> Result<NodeId> {
    let (name, relu) = (place.name(), format!("relu{}_{}", place.group, place.place));
    let weight = format!("features.{name}.weight");
    let channels = output_size(shapes, &weight, &[builder.shape(x).c as usize, 3, 3])?;
    let operator = Operator::Convolution {
        convolution: Convolution { channels, window: Window::square(3, 1, 1), groups: 1 },
        weight,
        bias: Some(format!("features.{name}.bias")),
    };
    let x = builder.add(&name, operator, &[x])?;
    let x = builder.add(&relu, Operator::Relu, &[x])?;
    layers.push(Layer { aliases: place.aliases(), name: name.clone(), node: relu, before_relu: name });
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
    let aliases = LINEAR_ALIASES.iter().filter(|(layer, _)| *layer == name).map(|(_, alias)| (*alias).to_owned());
    layers.push(Layer { name: name.to_owned(), aliases: aliases.collect(), node, before_relu: name.to_owned() });
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
    fn layers_are_found_under_the_names_of_other_programs() {
        let model = build(&shapes(4, 365), 64, 64).unwrap();
        for (typed, layer) in [
            ("conv5_3", "conv5_3"),
            ("features.conv5_3", "conv5_3"),
            ("module.features.28", "conv5_3"),
            ("features.29", "conv5_3"),
            ("relu5_3", "conv5_3"),
            ("block1_conv2", "conv1_2"),
            ("vgg.classifier.3", "fc7"),
            ("fc8", "fc8a"),
        ] {
            assert_eq!(model.layer(typed).unwrap().name, layer, "{typed}");
        }
        for unknown in ["28", "features.4", "myconv5_3", "conv5-3"] {
            let error = model.layer(unknown).unwrap_err();
            assert_eq!(error.kind(), crate::error::Kind::Usage, "{unknown}");
        }
        let names = |typed: &[&str]| -> Vec<String> {
            let typed: Vec<String> = typed.iter().map(|&name| name.to_owned()).collect();
            model.nodes_of(&typed, false).unwrap().into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(&["features.28", "conv5_3", "fc6"]), ["conv5_3", "fc6"]);
        assert_eq!(names(&["all"]), convolutions().collect::<Vec<_>>(), "the fully connected layers have no map");
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
    fn a_head_has_one_to_three_layers_and_sees_a_map_of_its_own_size() {
        let layers = |shapes: &HashMap<String, Vec<usize>>| {
            let model = build(shapes, 32, 32).unwrap();
            let names: Vec<String> = model.layers[13..].iter().map(|layer| layer.name.clone()).collect();
            (names.join(" "), model.graph.node(model.graph.find("adaptive_pool").unwrap()).shape.h)
        };
        let mut shapes = shapes(4, 10);
        assert_eq!(layers(&shapes), ("fc6 fc7 fc8a".to_owned(), 7));
        shapes.remove("classifier.fc7.weight");
        assert_eq!(layers(&shapes), ("fc6 fc8a".to_owned(), 7));
        shapes.remove("classifier.fc6.weight");
        shapes.insert("classifier.fc8a.weight".into(), vec![10, 4]);
        assert_eq!(layers(&shapes), ("fc8a".to_owned(), 1));
        shapes.insert("classifier.fc8a.weight".into(), vec![10, 5]);
        assert!(build(&shapes, 32, 32).is_err());
    }

    #[test]
    fn too_small_an_image_is_an_error() {
        assert!(build(&shapes(4, 10), 8, 8).is_err());
    }
}
