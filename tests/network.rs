//! Networks on the device against the interpreter in double precision, and what must not change a result.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use common::{Weights, gpu, narrow_vgg, shapes};
use netdissect::kernels::edit::Extent;
use netdissect::kernels::tune::Tuner;
use netdissect::models::vgg16;
use netdissect::reference::graph::{relative_error, run};
use netdissect::reference::{Maps, rng};
use netdissect::session::{Edit, Session};
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
    let session = Session::new(gpu, &model.graph, &weights, 3, &keep, &mut Tuner::forgetful()).unwrap();
    let input = images(3);
    session.run(&input).unwrap();
    let want = run(&model.graph, &weights, &Maps::from(&input)).unwrap();
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
        let session = Session::new(gpu, &model.graph, &weights, batch, keep, &mut Tuner::forgetful()).unwrap();
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
fn zeroed_units_are_zero_and_change_what_follows_until_the_edit_ends() {
    let Some(gpu) = gpu() else { return };
    let weights = weights();
    let model = vgg16::build(&shapes(&weights), SIDE, SIDE).unwrap();
    let mut session =
        Session::new(gpu, &model.graph, &weights, 2, &["relu5_3", "fc8a"], &mut Tuner::forgetful()).unwrap();
    let input = images(2);
    let logits = |session: &Session| {
        session.run(&input).unwrap();
        session.read("fc8a", 2).unwrap().data
    };
    let before = logits(&session);
    session.edit("relu5_3", Some(&Edit::zero(24, &(0..24).collect::<Vec<_>>()))).unwrap();
    let during = logits(&session);
    assert!(session.read("relu5_3", 2).unwrap().data.iter().all(|value| *value == 0.0));
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
    let mut session = Session::new(gpu, &model.graph, &weights, 1, &["relu5_3"], &mut Tuner::forgetful()).unwrap();
    let edit = Edit { extent: Extent::default(), amount: vec![1.0; 23], value: vec![0.0; 23] };
    assert!(session.edit("relu5_3", Some(&edit)).unwrap_err().to_string().contains("24 needed"));
    assert_eq!(session.edit("relu5_33", Some(&edit)).unwrap_err().advice(), Some("did you mean `relu5_3`?"));
}

#[test]
fn head_and_tail_together_are_the_whole() {
    let Some(gpu) = gpu() else { return };
    let weights = weights();
    let model = vgg16::build(&shapes(&weights), SIDE, SIDE).unwrap();
    let input = images(2);
    let mut tuner = Tuner::forgetful();
    let whole = Session::new(gpu, &model.graph, &weights, 2, &[], &mut tuner).unwrap();
    whole.run(&input).unwrap();
    let (head, tail) = model.graph.split("pool4").unwrap();
    let head = Session::new(gpu, &head, &weights, 2, &[], &mut tuner).unwrap();
    head.run(&input).unwrap();
    let tail = Session::new(gpu, &tail, &weights, 2, &[], &mut tuner).unwrap();
    tail.run(&head.read("pool4", 2).unwrap()).unwrap();
    assert_eq!(whole.read("fc8a", 2).unwrap(), tail.read("fc8a", 2).unwrap());
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
    let error = Session::new(gpu, &model.graph, &weights, batch, &[], &mut Tuner::forgetful()).err().unwrap();
    assert!(error.to_string().starts_with("conv1_1: its output needs"), "{error}");
    assert_eq!(error.advice(), Some(format!("use `--batch {}` or less", batch - 1).as_str()));
}
