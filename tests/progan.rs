//! The generator: import of its three layouts, every layer and edit against PyTorch, and what it needs at full size.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use common::{Weights, gpu};
use netdissect::data::latents::Latents;
use netdissect::dissect::edits;
use netdissect::kernels::tune::Tuner;
use netdissect::models::{progan, progan_weights};
use netdissect::reference::graph::{relative_error, run};
use netdissect::reference::{Maps, rng};
use netdissect::session::Session;
use netdissect::tensor::{HostTensor, Shape};
use netdissect::weights::{self, Tensor};
use safetensors::SafeTensors;

const VALUES: &[u8] = include_bytes!("golden/progan/values.safetensors");
const LAYOUTS: [&str; 3] = ["layers.pth", "features.pth", "tensorflow.npz"];
/// Size of the latents, and layers with the image last, of the fixtures.
const LATENT: u32 = 24;
const NODES: [&str; 7] = ["layer1", "layer2", "layer3", "layer4", "layer5", "layer6", "output_16x16"];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/progan").join(name)
}

fn imported(layout: &str) -> Weights {
    let assignment = progan_weights::assign(&weights::open(&golden(layout)).unwrap()).unwrap();
    let pair = |tensor: &Tensor| (tensor.name().to_owned(), (tensor.dims().to_vec(), tensor.to_f32().unwrap()));
    assignment.tensors.iter().map(pair).collect()
}

fn floats(name: &str) -> Vec<f32> {
    let file = SafeTensors::deserialize(VALUES).unwrap();
    let data = file.tensor(name).unwrap_or_else(|_| panic!("{name} is missing")).data().to_vec();
    data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn latents() -> HostTensor {
    let latents = Latents::seeded(1, LATENT as usize);
    HostTensor::new(Shape::new(2, LATENT, 1, 1), latents.reader().unwrap().rows(&[0, 1]).unwrap()).unwrap()
}

/// Every value of the golden's is met; `got` gives values by node.
fn assert_values(prefix: &str, got: impl Fn(&str) -> Vec<f32>) {
    for node in NODES {
        let want: Vec<f64> = floats(&format!("{prefix}.{node}")).into_iter().map(f64::from).collect();
        let error = relative_error(&got(node), &want);
        assert!(error < 1e-5, "{prefix}.{node}: relative error {error:e}");
    }
}

#[test]
fn all_three_layouts_hold_the_same_generator() {
    let [current, features, tensorflow] = LAYOUTS.map(imported);
    assert_eq!(current.len(), 14);
    assert_eq!(current, features);
    assert_eq!(current, tensorflow);
}

#[test]
fn latents_are_numpys_bit_for_bit() {
    assert_eq!(latents().data, floats("z"));
}

#[test]
fn the_reference_agrees_with_pytorch() {
    let weights = imported("layers.pth");
    let model = progan::build(&common::shapes(&weights)).unwrap();
    let values = run(&model.graph, &weights, &Maps::from(&latents())).unwrap();
    assert_values("plain", |node| values[node].to_f32());
}

/// A session of the fixtures' generator that keeps every layer.
fn session(layout: &str) -> Option<Session> {
    let gpu = gpu()?;
    let weights = imported(layout);
    let model = progan::build(&common::shapes(&weights)).unwrap();
    Some(Session::new(gpu, &model.graph, &weights, 2, &NODES, &mut Tuner::forgetful()).unwrap())
}

#[test]
fn every_layer_and_the_image_agree_with_pytorch_within_1e_5() {
    for layout in LAYOUTS {
        let Some(session) = session(layout) else { return };
        session.run(&latents()).unwrap();
        assert_values("plain", |node| session.read(node, 2).unwrap().data);
    }
}

#[test]
fn edits_agree_with_pytorch_within_1e_5() {
    for (prefix, words) in [
        ("zero", vec![edits::Words::zero("layer4:0-4,7").unwrap()]),
        ("set", ["layer4:3-5=3.5@2,6", "layer2:0=-1.25"].map(|words| edits::Words::set(words).unwrap()).to_vec()),
    ] {
        let Some(mut session) = session("layers.pth") else { return };
        for (layer, edit) in
            edits::by_layer(&words.iter().map(|words| words.change("").unwrap()).collect::<Vec<_>>(), |layer| {
                Ok(session.value(layer, 1)?.1)
            })
            .unwrap()
        {
            session.edit(&layer, Some(&edit)).unwrap();
        }
        session.run(&latents()).unwrap();
        assert_values(prefix, |node| session.read(node, 2).unwrap().data);
    }
}

#[test]
#[should_panic(expected = "zero.layer4: relative error")]
fn an_edit_that_was_not_made_is_noticed() {
    let Some(session) = session("layers.pth") else { panic!("zero.layer4: relative error of no adapter") };
    session.run(&latents()).unwrap();
    assert_values("zero", |node| session.read(node, 2).unwrap().data);
}

#[test]
fn layers_before_their_relu_and_images_alone_give_the_same_values() {
    let Some(gpu) = gpu() else { return };
    let weights = imported("layers.pth");
    let model = progan::build(&common::shapes(&weights)).unwrap();
    let image = "output_16x16";
    let [apart, together, doubled] = [&["layer4.conv", "layer4", image][..], &[image], &["layer5.upsample", image]]
        .map(|keep| {
            let session = Session::new(gpu, &model.graph, &weights, 2, keep, &mut Tuner::forgetful()).unwrap();
            session.run(&latents()).unwrap();
            session
        });
    assert_eq!(apart.read(image, 2).unwrap(), together.read(image, 2).unwrap());
    let before = apart.read("layer4.conv", 2).unwrap().data;
    let after: Vec<f32> = before.iter().map(|&value| value.max(0.2 * value)).collect();
    assert_eq!(apart.read("layer4", 2).unwrap().data, after);
    assert!(before.iter().any(|value| *value < 0.0));
    // Where the doubled map is kept it is made, and convolved by other kernels.
    let wide: Vec<f64> = doubled.read(image, 2).unwrap().data.into_iter().map(f64::from).collect();
    assert!(relative_error(&together.read(image, 2).unwrap().data, &wide) < 2e-6);
}

/// Noise of the published size, scaled as the imported weights are.
fn full_size() -> Weights {
    let channels = [512, 512, 512, 512, 256, 128, 64, 32];
    let mut weights = HashMap::new();
    let mut add = |stem: String, dims: [u32; 4], seed: u32| {
        let dims = dims.map(|size| size as usize);
        let scale = progan::weight_scale(1.5, dims[2], dims[1]) as f32;
        let values = rng::floats(dims.iter().product(), seed).into_iter().map(|value| value * scale).collect();
        weights.insert(format!("{stem}.weight"), (dims.to_vec(), values));
        weights.insert(format!("{stem}.bias"), (vec![dims[0]], rng::floats(dims[0], seed + 1)));
    };
    let mut inputs = channels[0];
    for block in 1..=14 {
        let outputs = channels[(block as usize).div_ceil(2)];
        let kernel = if block == 1 { 4 } else { 3 };
        add(format!("layer{block}"), [outputs, inputs, kernel, kernel], block * 2);
        inputs = outputs;
    }
    add("output_256x256".into(), [3, inputs, 1, 1], 100);
    weights
}

#[test]
fn an_image_of_256_pixels_takes_less_than_512_mib() {
    let Some(gpu) = gpu() else { return };
    let weights = full_size();
    let model = progan::build(&common::shapes(&weights)).unwrap();
    let gpu = gpu.clone();
    let session = Session::new(&gpu, &model.graph, &weights, 1, &[], &mut Tuner::forgetful()).unwrap();
    let z = Latents::seeded(1, 512).reader().unwrap().row(489).unwrap();
    session.run(&HostTensor::new(Shape::new(1, 512, 1, 1), z).unwrap()).unwrap();
    let image = session.read("output_256x256", 1).unwrap();
    assert!(image.data.iter().all(|value| value.is_finite()) && image.data.iter().any(|value| value.abs() > 0.1));
    assert!(gpu.peak_bytes() < 512 << 20, "{} bytes", gpu.peak_bytes());
}
