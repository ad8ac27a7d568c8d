//! ONNX graphs written by the tests: what exporters put around VGG-16's layers, and what is none of them.

use netdissect::error::Error;
use netdissect::models::vgg16;
use netdissect::preprocess::Preprocess;
use netdissect::weights::Tensor;
use netdissect::weights::import::Assignment;

use crate::pickles::open;
use crate::support::{difference_of, shapes, values};

/// A field of a protobuf message that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    varint(bytes.len() as u64, &mut out);
    out.extend_from_slice(bytes);
    out
}

/// A field that holds an integer.
fn integer(number: u8, value: i64) -> Vec<u8> {
    let mut out = vec![number << 3];
    varint(value.cast_unsigned(), &mut out);
    out
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn tensor(name: &str, dims: &[usize], values: &[f32]) -> Vec<u8> {
    let mut out: Vec<u8> = dims.iter().flat_map(|&size| integer(1, size as i64)).collect();
    out.extend(integer(2, 1));
    out.extend(field(8, name.as_bytes()));
    out.extend(field(9, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>()));
    out
}

/// Operator, inputs, output, attributes of integers, further fields as they are stored.
#[derive(Clone)]
struct Node(&'static str, Vec<String>, String, Vec<(&'static str, Vec<i64>)>, Vec<u8>);

impl Node {
    fn new(operator: &'static str, inputs: &[&str], output: &str) -> Node {
        Node(
            operator,
            inputs.iter().map(|&input| input.to_owned()).collect(),
            output.to_owned(),
            Vec::new(),
            Vec::new(),
        )
    }

    fn with(mut self, name: &'static str, values: &[i64]) -> Node {
        self.3.push((name, values.to_vec()));
        self
    }

    fn of(mut self, domain: &str) -> Node {
        self.4.extend(field(7, domain.as_bytes()));
        self
    }

    fn with_text(mut self, name: &str, value: &str) -> Node {
        self.4.extend(field(5, &[field(1, name.as_bytes()), field(4, value.as_bytes())].concat()));
        self
    }

    fn encoded(&self) -> Vec<u8> {
        let Node(operator, inputs, output, attributes, further) = self;
        let mut out: Vec<u8> = inputs.iter().flat_map(|input| field(1, input.as_bytes())).collect();
        out.extend(field(2, output.as_bytes()));
        out.extend(field(4, operator.as_bytes()));
        for (name, values) in attributes {
            let mut attribute = field(1, name.as_bytes());
            match values.as_slice() {
                &[value] => attribute.extend(integer(3, value)),
                several => attribute.extend(several.iter().flat_map(|&value| integer(8, value))),
            }
            out.extend(field(5, &attribute));
        }
        out.extend(further);
        out
    }
}

/// The narrow VGG-16 as a graph that a test may change.
struct Graph {
    nodes: Vec<Node>,
    constants: Vec<(String, Vec<usize>, Vec<f32>)>,
}

impl Graph {
    /// As PyTorch exports it: convolutions `conv1_1`, their ReLUs `conv1_1.r`, poolings `pool1`, `flat`, and the matrices.
    fn new() -> Graph {
        let mut graph = Graph { nodes: Vec::new(), constants: Vec::new() };
        let shapes = shapes();
        for (number, (name, dims)) in shapes.iter().enumerate() {
            graph.constants.push((name.clone(), dims.clone(), values(number, dims.iter().product())));
        }
        let mut x = "image".to_owned();
        let names: Vec<&str> = shapes.iter().filter_map(|(name, _)| name.strip_suffix(".weight")).collect();
        for (index, name) in names.iter().enumerate() {
            let (weight, bias, short) =
                (format!("{name}.weight"), format!("{name}.bias"), name.rsplit('.').next().unwrap());
            let inputs = [x.as_str(), &weight, &bias];
            graph.nodes.push(match index {
                0..13 => Node::new("Conv", &inputs, short).with("kernel_shape", &[3, 3]).with("pads", &[1, 1, 1, 1]),
                _ => Node::new("Gemm", &inputs, short).with("transB", &[1]),
            });
            if index < 15 {
                graph.nodes.push(Node::new("Relu", &[short], &format!("{short}.r")));
            }
            x = format!("{short}.r");
            if let Some(group) = [1, 3, 6, 9, 12].iter().position(|&last| last == index) {
                let pool = format!("pool{}", group + 1);
                graph
                    .nodes
                    .push(Node::new("MaxPool", &[&x], &pool).with("kernel_shape", &[2, 2]).with("strides", &[2, 2]));
                x = pool;
            }
            if index == 12 {
                graph.nodes.push(Node::new("Flatten", &[&x], "flat"));
                x = "flat".to_owned();
            }
        }
        graph
    }

    /// Puts a node behind the value `from`, and all its readers behind the node.
    fn insert(&mut self, node: Node, from: &str) -> &mut Graph {
        for other in &mut self.nodes {
            other.1.iter_mut().filter(|input| *input == from).for_each(|input| input.clone_from(&node.2));
        }
        let at = self.nodes.iter().position(|other| other.2 == from).map_or(0, |at| at + 1);
        self.nodes.insert(at, node);
        self
    }

    fn constant(&mut self, name: &str, dims: &[usize], values: &[f32]) -> &mut Graph {
        self.constants.push((name.to_owned(), dims.to_vec(), values.to_vec()));
        self
    }

    fn node(&mut self, output: &str) -> &mut Node {
        self.nodes.iter_mut().find(|node| node.2 == output).unwrap()
    }

    fn assigned(&self, body: bool) -> Result<Assignment, Error> {
        let mut graph: Vec<u8> = self.nodes.iter().flat_map(|node| field(1, &node.encoded())).collect();
        graph.extend(self.constants.iter().flat_map(|(name, dims, values)| field(5, &tensor(name, dims, values))));
        let mut model = integer(1, 8);
        model.extend(field(7, &graph));
        model.extend(field(8, &integer(2, 20)));
        vgg16::weights::assign(&open(&model)?, body)
    }

    fn refused(&self, body: bool) -> String {
        self.assigned(body).expect_err("this graph must be refused").to_string()
    }
}

fn different(assignment: &Assignment, count: usize) -> Option<String> {
    let read = |tensor: &Tensor| (tensor.name().to_owned(), tensor.dims().to_vec(), tensor.to_f32().unwrap());
    difference_of(&assignment.tensors.iter().map(read).collect::<Vec<_>>(), count)
}

#[test]
fn a_plain_graph_is_the_narrow_network() {
    let found = Graph::new().assigned(false).unwrap();
    assert_eq!((different(&found, 32), found.notes.len(), found.preparation), (None, 0, None));
}

#[test]
fn what_exporters_put_between_layers_changes_nothing() {
    let mut graph = Graph::new();
    graph.insert(Node::new("Identity", &["conv1_1"], "same"), "conv1_1");
    graph.insert(Node::new("Cast", &["pool2"], "single").with("to", &[1]), "pool2");
    graph.insert(Node::new("Dropout", &["fc6.r"], "kept"), "fc6.r");
    graph.insert(Node::new("AveragePool", &["pool5"], "mean").with("kernel_shape", &[1, 1]), "pool5");
    graph.nodes.push(Node::new("Softmax", &["fc8a"], "shares"));
    let found = graph.assigned(false).unwrap();
    assert_eq!(different(&found, 32), None);
    assert!(found.notes[0].starts_with("Softmax at the end is left out"));
}

#[test]
fn a_flattening_by_computed_sizes_is_understood() {
    let mut graph = Graph::new();
    graph.constant("minus", &[1], &[-1.0]);
    graph.nodes.retain(|node| node.2 != "flat");
    let at = graph.nodes.iter().position(|node| node.2 == "pool5").unwrap() + 1;
    let sizes = [
        Node::new("Shape", &["pool5"], "sizes"),
        Node::new("Gather", &["sizes", "minus"], "count"),
        Node::new("Concat", &["count", "minus"], "target"),
        Node::new("Reshape", &["pool5", "target"], "flat"),
    ];
    graph.nodes.splice(at..at, sizes);
    assert_eq!(different(&graph.assigned(false).unwrap(), 32), None);
}

#[test]
fn missing_biases_are_zeros_and_added_ones_are_taken() {
    let mut graph = Graph::new();
    graph.node("conv2_1").1.truncate(2);
    let found = graph.assigned(false).unwrap();
    assert_eq!(found.tensors[5].to_f32().unwrap(), [0.0; 3]);
    assert_eq!(found.notes, ["1 layers have no bias: zeros are written"]);
    graph.constant("b", &[1, 3, 1, 1], &values(5, 3));
    graph.insert(Node::new("Add", &["b", "conv2_1"], "added"), "conv2_1");
    assert_eq!(different(&graph.assigned(false).unwrap(), 32), None);
}

#[test]
fn arithmetic_on_the_image_is_known_by_its_numbers() {
    let mut graph = Graph::new();
    graph.constant("255", &[], &[255.0]);
    graph.constant("mean", &[1, 3, 1, 1], &[0.485, 0.456, 0.406]);
    graph.constant("deviation", &[3, 1, 1], &[0.229, 0.224, 0.225]);
    graph.insert(Node::new("Div", &["s", "deviation"], "d"), "image");
    graph.nodes.splice(0..0, [Node::new("Div", &["image", "255"], "u"), Node::new("Sub", &["u", "mean"], "s")]);
    let found = graph.assigned(false).unwrap();
    let preparation = found.preparation.clone().unwrap();
    assert_eq!((preparation.words.as_str(), preparation.same_as), ("Div, Sub, Div", Some(Preprocess::Torch)));
    assert_eq!((different(&found, 32), found.dropped.len()), (None, 0));
    graph.constants.iter_mut().find(|constant| constant.0 == "mean").unwrap().2 = vec![0.5, 0.4, 0.3];
    assert_eq!(graph.assigned(false).unwrap().preparation.unwrap().same_as, None);
    graph.constants.iter_mut().find(|constant| constant.0 == "mean").unwrap().1 = vec![1, 1, 1, 3];
    assert!(graph.refused(false).contains("Sub `s`: its constant is [1, 1, 1, 3]"));
}

#[test]
fn normalisation_between_layers_is_folded() {
    let mut graph = Graph::new();
    for (name, value) in [("scale", 0.5), ("shift", 3.0), ("mean", 8.0), ("variance", 3.999_99)] {
        graph.constant(name, &[2], &[value; 2]);
    }
    let inputs = ["conv1_2", "scale", "shift", "mean", "variance"];
    graph.insert(Node::new("BatchNormalization", &inputs, "normalised"), "conv1_2");
    let found = graph.assigned(true).unwrap();
    let plain = Graph::new().assigned(true).unwrap();
    let [weight, bias] = [2, 3].map(|index: usize| found.tensors[index].to_f32().unwrap());
    let [was, added] = [2, 3].map(|index: usize| plain.tensors[index].to_f32().unwrap());
    assert!(weight.iter().zip(&was).all(|(found, was)| (found - was * 0.25).abs() < 1e-6));
    assert!(bias.iter().zip(&added).all(|(found, was)| (found - ((was - 8.0) * 0.25 + 3.0)).abs() < 1e-6));
}

#[test]
fn every_operator_that_is_not_of_the_network_is_refused_by_name() {
    let mut constants = Graph::new();
    constants.constant("c", &[1, 2, 1, 1], &[1.0; 2]).constant("row", &[1, 1, 1, 2], &[1.0; 2]);
    let inserted = |node: Node, from: &str| {
        let mut graph = Graph { nodes: constants.nodes.clone(), constants: constants.constants.clone() };
        graph.insert(node, from).refused(false)
    };
    let changed = |output: &str, name: &'static str, values: &[i64]| {
        let mut graph = Graph::new();
        let node = graph.node(output);
        *node = node.clone().with(name, values);
        graph.refused(false)
    };
    for (told, found) in [
        (
            inserted(Node::new("Add", &["conv1_1", "c"], "x"), "conv1_1"),
            "Add `x`: it adds to a layer that has its bias already",
        ),
        (
            inserted(Node::new("Add", &["conv1_1.r", "c"], "x"), "conv1_1.r"),
            "Add `x`: found where VGG-16 has Conv (conv1_2)",
        ),
        (inserted(Node::new("Mul", &["pool1", "c"], "x"), "pool1"), "Mul `x`: found where VGG-16 has Conv (conv2_1)"),
        (inserted(Node::new("Add", &["pool1", "conv2_2"], "x"), "pool1"), "Add `x`: it mixes"),
        (
            inserted(Node::new("Cast", &["conv1_1"], "x").with("to", &[3]), "conv1_1"),
            "Cast `x`: it changes the element type",
        ),
        (inserted(Node::new("Sigmoid", &["fc6"], "x"), "fc6"), "Sigmoid `x`: behind the last fully connected layer"),
        (inserted(Node::new("Resize", &["image"], "x"), "image"), "Resize `x`: before the first convolution"),
        (inserted(Node::new("Softmax", &["flat"], "x"), "flat"), "Softmax `x`: in the head"),
        (changed("pool1", "dilations", &[2, 2]), "MaxPool `pool1`: a max-pool that is not 2x2"),
        (changed("pool3", "ceil_mode", &[1]), "MaxPool `pool3`"),
        (changed("pool3", "pads", &[0, 0, 1, 1]), "MaxPool `pool3`"),
        (changed("conv4_2", "dilations", &[2, 2]), "Conv `conv4_2`: strides default, dilations [2, 2]"),
        (changed("conv4_2", "group", &[2]), "Conv `conv4_2`"),
        (changed("fc7", "transA", &[1]), "Gemm `fc7`: it scales or transposes"),
        (changed("flat", "axis", &[2]), "Flatten `flat`: in the head"),
    ] {
        assert!(told.contains(found), "{found} is not in {told}");
    }
    let mut graph = Graph::new();
    graph.nodes.push(Node::new("Relu", &["nothing"], "aside"));
    assert!(graph.refused(false).contains("the graph has 2 inputs `image`, `nothing`"));
    let mut graph = Graph::new();
    graph.nodes.push(Node::new("Neg", &["features.conv1_1.bias"], "aside"));
    assert!(graph.refused(false).contains("Neg `aside`: it is not on the way"));
}

#[test]
fn a_mean_over_the_map_fits_a_head_that_sees_one_number_a_channel() {
    let mut graph = Graph::new();
    graph.insert(Node::new("GlobalAveragePool", &["pool5"], "mean"), "pool5");
    assert!(
        graph.refused(false).contains("GlobalAveragePool `mean`: it leaves 2 numbers; the layer behind it takes 98")
    );
    let weight = graph.constants.iter_mut().find(|constant| constant.0 == "classifier.fc6.weight").unwrap();
    (weight.1, weight.2) = (vec![6, 2], vec![1.0; 12]);
    assert_eq!(graph.assigned(false).unwrap().tensors[26].dims(), [6, 2]);
}

#[test]
fn heads_of_one_and_two_layers_are_read() {
    for count in [1, 2] {
        let mut graph = Graph::new();
        let keep = if count == 1 { "fc6" } else { "fc7" };
        let end = graph.nodes.iter().position(|node| node.2 == keep).unwrap();
        graph.nodes.truncate(end + 1);
        let found = graph.assigned(false).unwrap();
        let names: Vec<&str> = found.tensors[26..].iter().step_by(2).map(Tensor::name).collect();
        assert_eq!(names, &["classifier.fc6.weight", "classifier.fc8a.weight"][2 - count..]);
    }
}

#[test]
fn operators_of_other_domains_and_attributes_of_other_programs_are_refused() {
    let foreign = |output: &str| {
        let mut graph = Graph::new();
        *graph.node(output) = graph.node(output).clone().of("com.example");
        graph.refused(true)
    };
    assert!(foreign("conv1_1.r").contains("com.example.Relu `conv1_1.r`: found where VGG-16 has Relu"));
    assert!(foreign("pool2").contains("com.example.MaxPool `pool2`"));
    let with = |output: &str, name: &'static str| {
        let mut graph = Graph::new();
        *graph.node(output) = graph.node(output).clone().with(name, &[1]);
        graph.refused(true)
    };
    assert!(with("conv2_1", "activation").contains("Conv `conv2_1`: attribute `activation` is not known"));
    assert!(with("pool1", "activation").contains("MaxPool `pool1`: attribute `activation` is not known"));
    let mut graph = Graph::new();
    let node = graph.node("pool1");
    node.3.push(("strides", vec![2, 2]));
    assert!(graph.refused(true).contains("MaxPool `pool1`: attribute `strides` is there twice"));
}

#[test]
fn a_reshape_must_make_one_row_of_each_image() {
    for (rows, fits) in [(0, true), (1, true), (-1, true), (7, false)] {
        let mut graph = Graph::new();
        *graph.node("flat") = Node::new("Reshape", &["pool5", "target"], "flat");
        graph.nodes.insert(0, Node::new("Constant", &[], "target").with("value_ints", &[rows, 98]));
        match fits {
            true => assert_eq!(different(&graph.assigned(false).unwrap(), 32), None),
            false => assert!(graph.refused(false).contains("Reshape `flat`: in the head")),
        }
    }
    let mut graph = Graph::new();
    let weight = graph.constants.iter_mut().find(|constant| constant.0 == "classifier.fc6.weight").unwrap();
    (weight.1, weight.2) = (vec![6, 6], vec![1.0; 36]);
    assert!(graph.refused(false).contains("Gemm `fc6`: it takes 6 numbers; needed a square map of 2 channels"));
}

#[test]
fn poolings_that_pad_odd_maps_are_refused_where_maps_may_be_odd() {
    let mut graph = Graph::new();
    *graph.node("pool3") = graph.node("pool3").clone().with_text("auto_pad", "SAME_UPPER");
    assert!(graph.refused(true).contains("MaxPool `pool3`: it pads maps of odd sides"));
}
