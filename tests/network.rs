//! Networks on the device against the interpreter in double precision, and what must not change a result.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::sync::Arc;

use common::{Weights, gpu, narrow_vgg, shapes};
use netdissect::error::Kind;
use netdissect::geometry::{Convolution, Extent, Window};
use netdissect::gpu::{DeviceChoice, Gpu};
use netdissect::graph::{Graph, GraphBuilder, Operator, Wanted};
use netdissect::kernels::tune::Tuner;
use netdissect::models::vgg16;
use netdissect::reference::graph::{relative_error, run};
use netdissect::reference::{Maps, rng};
use netdissect::session::{self, Edit, Session, Split};
use netdissect::tensor::{HostTensor, Shape};

const SIDE: u32 = 48;

fn weights() -> Weights {
    narrow_vgg([8, 12, 16, 20, 24], 32, 10, 1)
}

fn images(n: u32) -> HostTensor {
    let shape = Shape::new(n, 3, SIDE, SIDE);
    HostTensor::new(shape, rng::floats(shape.len(), 5)).unwrap()
}

#[test]
fn every_layer_of_a_narrow_vgg16_agrees_with_the_reference() {
    let Some(gpu) = gpu() else { return };
    let weights = weights();
    let model = vgg16::build(&shapes(&weights), SIDE, SIDE).unwrap();
    let keep: Vec<&str> = model.layers.iter().map(|layer| layer.node.as_str()).collect();
    let session = common::session(gpu, &model.graph, &weights, 3, &keep);
    let input = images(3);
    session.run(&input).unwrap();
    let want = run(&model.graph, &weights, &[("input", &Maps::from(&input))]).unwrap();
    for node in keep {
        let error = relative_error(&session.read(node, 3).unwrap().data, &want[node].data);
        assert!(error < 1e-5, "{node}: relative error {error:e}");
        assert!(want[node].data.iter().any(|value| *value > 0.0), "{node} is dead: it proves nothing");
    }
}

#[test]
fn the_measure_notices_one_wrong_element() {
    let want: Vec<f64> = (0..1000).map(f64::from).collect();
    let mut got: Vec<f32> = want.iter().map(|&value| value as f32).collect();
    assert_eq!(relative_error(&got, &want), 0.0);
    got[500] += 1.0;
    assert!(relative_error(&got, &want) > 1e-5);
    got[500] = f32::NAN;
    assert_eq!(relative_error(&got, &want), f64::INFINITY);
}

#[test]
fn batch_size_and_kept_layers_do_not_change_a_bit() {
    let Some(gpu) = gpu() else { return };
    let weights = weights();
    let model = vgg16::build(&shapes(&weights), SIDE, SIDE).unwrap();
    let input = images(5);
    let one = SIDE as usize * SIDE as usize * 3;
    let read = |batch: u32, keep: &[&str]| {
        let session = common::session(gpu, &model.graph, &weights, batch, keep);
        let mut all = Vec::new();
        for piece in input.data.chunks(one * batch as usize) {
            let n = (piece.len() / one) as u32;
            session.run(&HostTensor::new(Shape::new(n, 3, SIDE, SIDE), piece.to_vec()).unwrap()).unwrap();
            all.extend(session.read("fc8a", n).unwrap().data);
        }
        all.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let whole = read(5, &["fc8a"]);
    assert_eq!(whole, read(1, &["fc8a"]));
    assert_eq!(whole, read(2, &["conv1_2", "relu3_3", "pool5", "fc8a"]));
}

#[test]
fn whatever_is_kept_is_the_same_to_the_bit() {
    let Some(gpu) = gpu() else { return };
    let weights = weights();
    let graph = vgg16::build(&shapes(&weights), SIDE, SIDE).unwrap().graph;
    let names: Vec<&str> = graph.nodes().iter().map(|node| node.name.as_str()).collect();
    let values = |keep: &[&str]| {
        let session = common::session(gpu, &graph, &weights, 2, keep);
        session.run(&images(2)).unwrap();
        keep.iter().map(|&name| session.read(name, 2).unwrap()).collect::<Vec<_>>()
    };
    let all = values(&names);
    let mut rng = rng::seeded(7);
    for _ in 0..4 {
        let kept: Vec<usize> = (0..names.len()).filter(|_| rng.next_u32().is_multiple_of(4)).collect();
        let keep: Vec<&str> = kept.iter().map(|&at| names[at]).collect();
        for (&at, value) in kept.iter().zip(values(&keep)) {
            assert_eq!(value, all[at], "{} where {keep:?} are kept", names[at]);
        }
    }
}

#[test]
fn zeroed_units_are_zero_and_change_what_follows_until_the_edit_ends() {
    let Some(gpu) = gpu() else { return };
    let weights = weights();
    let model = vgg16::build(&shapes(&weights), SIDE, SIDE).unwrap();
    let graph = model.graph.edited("relu5_3", Extent::default()).unwrap();
    let kept = ["relu5_3", "relu5_3.edited"];
    let session = common::session(gpu, &graph, &weights, 2, &kept);
    let input = images(2);
    let logits = |session: &Session| {
        session.run(&input).unwrap();
        session.read("fc8a", 2).unwrap().data
    };
    let before = logits(&session);
    session.edit("relu5_3", Some(&Edit::zero(24, &(0..24).collect::<Vec<_>>()))).unwrap();
    let during = logits(&session);
    let [unedited, edited] = kept.map(|node| session.read(node, 2).unwrap().data);
    assert!(edited.iter().all(|value| *value == 0.0) && unedited.iter().any(|value| *value != 0.0));
    assert_ne!(before, during);
    // Without any unit of conv5_3 both images look alike.
    assert_eq!(during[..10], during[10..]);
    session.edit("relu5_3", None).unwrap();
    assert_eq!(before, logits(&session));
}

#[test]
fn an_edit_of_the_wrong_size_or_of_an_unknown_layer_is_an_error() {
    let Some(gpu) = gpu() else { return };
    let weights = weights();
    let model = vgg16::build(&shapes(&weights), SIDE, SIDE).unwrap();
    let graph = model.graph.edited("relu5_3", Extent::default()).unwrap();
    let session = common::session(gpu, &graph, &weights, 1, &[]);
    let edit = Edit { extent: Extent::default(), amount: vec![1.0; 23], value: vec![0.0; 23] };
    assert!(session.edit("relu5_3", Some(&edit)).unwrap_err().to_string().contains("24 needed"));
    assert_eq!(session.edit("relu5_33", Some(&edit)).unwrap_err().advice(), Some("did you mean `relu5_3`?"));
    assert_eq!(
        session.edit("relu5_2", Some(&edit)).unwrap_err().to_string(),
        "relu5_2: cannot be edited in this graph"
    );
}

#[test]
fn a_network_split_behind_a_layer_gives_the_bits_of_the_whole() {
    let Some(gpu) = gpu() else { return };
    let weights = weights();
    let model = vgg16::build(&shapes(&weights), SIDE, SIDE).unwrap();
    let input = images(2);
    let whole = common::session(gpu, &model.graph, &weights, 2, &["pool4"]);
    whole.run(&input).unwrap();
    let [want, pool4] = ["fc8a", "pool4"].map(|node| whole.read(node, 2).unwrap());
    let on_device = session::Weights::new(gpu, Arc::new(weights.clone()));
    let open = |graph: &Graph, wanted: Wanted<'_>| Session::new(&on_device, graph, 2, wanted, &mut Tuner::forgetful());
    let split = Split::new(&model.graph, "pool4", Extent::default(), &[], open).unwrap();
    split.begin(&input.data, 2).unwrap();
    let edit = Edit::zero(20, &(0..20).collect::<Vec<_>>());
    for edit in [None, Some(&edit), None] {
        split.images(2, edit).unwrap();
        assert_eq!(split.read(2).unwrap() == want, edit.is_none());
    }
    // From maps that were kept elsewhere.
    split.begin(&vec![0.0; input.data.len()], 2).unwrap();
    split.resume(&gpu.buffer_of("maps", &pool4.data).unwrap(), 2).unwrap();
    split.images(2, None).unwrap();
    assert_eq!(split.read(2).unwrap(), want);
}

/// Maps of one shape that read each other at random, as residual blocks do: each node reads one or two of the four before it.
fn branching(seed: u32, shape: Shape) -> Graph {
    let mut rng = rng::seeded(seed);
    let mut builder = GraphBuilder::new();
    let mut nodes = vec![builder.input("input", shape).unwrap()];
    for at in 0..12 {
        let mut earlier = || nodes[nodes.len() - rng::size(&mut rng, nodes.len().min(4) as u32) as usize];
        let reads = [earlier(), earlier()];
        let name = format!("node{at}");
        let node = match at % 3 {
            0 => builder.add(&name, Operator::PixelNorm, &reads[..1]),
            1 => builder.add(&name, Operator::LeakyRelu { slope: 0.5 }, &reads[..1]),
            _ => builder.add(&name, Operator::Add, &reads),
        };
        nodes.push(node.unwrap());
    }
    builder.build()
}

#[test]
fn a_part_of_a_network_with_branches_leaves_alone_what_runs_after_it_need() {
    let Some(gpu) = gpu() else { return };
    let shape = Shape::new(2, 3, 4, 5);
    let inputs = [7, 8].map(|seed| HostTensor::new(shape, rng::floats(shape.len(), seed)).unwrap());
    let edit = Edit { extent: Extent::default(), amount: vec![1.0, 0.5, 0.0], value: vec![3.0, -1.0, 0.0] };
    for seed in 0..12 {
        let graph = branching(seed, shape);
        let output = graph.node(graph.output()).name.clone();
        for at in 0..12 {
            let cut = format!("node{at}");
            if cut == output {
                continue;
            }
            let edited = common::session(gpu, &graph.edited(&cut, Extent::default()).unwrap(), &Weights::new(), 2, &[]);
            let on_device = session::Weights::new(gpu, Arc::new(Weights::new()));
            let open =
                |graph: &Graph, wanted: Wanted<'_>| Session::new(&on_device, graph, 2, wanted, &mut Tuner::forgetful());
            let split = Split::new(&graph, &cut, Extent::default(), &[], open).unwrap();
            for input in &inputs {
                split.begin(&input.data, 2).unwrap();
                for edit in [None, Some(&edit), Some(&edit), None] {
                    split.images(2, edit).unwrap();
                    edited.edit(&cut, edit).unwrap();
                    edited.run(input).unwrap();
                    assert_eq!(split.read(2).unwrap(), edited.read(&output, 2).unwrap(), "seed {seed}, cut at {cut}");
                }
            }
        }
    }
}

#[test]
fn maps_alone_are_not_enough_to_go_on_from_where_a_skip_goes_around_them() {
    let Some(gpu) = gpu() else { return };
    let shape = Shape::new(1, 3, 4, 5);
    let mut builder = GraphBuilder::new();
    let input = builder.input("input", shape).unwrap();
    let a = builder.add("a", Operator::PixelNorm, &[input]).unwrap();
    let b = builder.add("b", Operator::PixelNorm, &[a]).unwrap();
    builder.add("c", Operator::Add, &[a, b]).unwrap();
    let graph = builder.build();
    let on_device = session::Weights::new(gpu, Arc::new(Weights::new()));
    let split = |cut: &str| {
        let open =
            |graph: &Graph, wanted: Wanted<'_>| Session::new(&on_device, graph, 1, wanted, &mut Tuner::forgetful());
        Split::new(&graph, cut, Extent::default(), &[], open).unwrap()
    };
    let maps = gpu.buffer_of("maps", &vec![1.0f32; shape.len()]).unwrap();
    split("a").resume(&maps, 1).unwrap();
    assert!(split("b").resume(&maps, 1).unwrap_err().to_string().starts_with("b: cannot be gone on from"));
}

#[test]
fn weights_that_are_there_are_not_given_to_who_needs_another_shape() {
    let Some(gpu) = gpu() else { return };
    let weights = weights();
    let on_device = session::Weights::new(gpu, Arc::new(weights.clone()));
    let session = |channels: u32| {
        let mut builder = GraphBuilder::new();
        let input = builder.input("input", Shape::new(1, channels, 8, 8)).unwrap();
        let convolution = Convolution { channels: 8, window: Window::square(3, 1, 1), groups: 1 };
        let weight = "features.conv1_1.weight".to_owned();
        builder.add("conv", Operator::Convolution { convolution, weight, bias: None }, &[input]).unwrap();
        Session::new(&on_device, &builder.build(), 1, Wanted::default(), &mut Tuner::forgetful())
    };
    assert!(session(3).is_ok());
    assert_eq!(session(2).err().unwrap().kind(), Kind::Input);
}

#[test]
fn sessions_share_the_weights_that_they_read_alike() {
    let Some(gpu) = gpu() else { return };
    let weights = weights();
    let graph = vgg16::build(&shapes(&weights), SIDE, SIDE).unwrap().graph;
    // A device of its own, for all handles of one share the count of bytes.
    let own = Gpu::open(&DeviceChoice::Name(gpu.summary().name.clone())).unwrap();
    let (on_device, mut tuner) = (session::Weights::new(&own, Arc::new(weights.clone())), Tuner::forgetful());
    let mut taken = || {
        let before = own.free_bytes();
        let session = Session::new(&on_device, &graph, 1, Wanted::default(), &mut tuner).unwrap();
        (before - own.free_bytes(), session)
    };
    let ((first, _one), (second, _other)) = (taken(), taken());
    let all: usize = weights.values().map(|(_, values)| values.len() * 4).sum();
    assert!(first >= second + all as u64, "{first} bytes, then {second}; weights are {all}");
}

#[test]
fn a_value_too_large_for_a_binding_is_named_before_anything_is_allocated() {
    let Some(gpu) = gpu() else { return };
    let limit = gpu.traits().max_binding_bytes;
    if limit > 1 << 30 {
        return;
    }
    let weights = weights();
    let model = vgg16::build(&shapes(&weights), 512, 512).unwrap();
    let batch = (limit / (8 * 512 * 512 * 4) + 1) as u32;
    let on_device = session::Weights::new(gpu, Arc::new(weights.clone()));
    let error =
        Session::new(&on_device, &model.graph, batch, Wanted::default(), &mut Tuner::forgetful()).err().unwrap();
    assert!(error.to_string().starts_with("conv1_1: its output needs"), "{error}");
    assert_eq!(error.advice(), Some(format!("use `--batch {}` or less", batch - 1).as_str()));
}
