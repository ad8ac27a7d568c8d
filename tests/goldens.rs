//! Operators and networks against PyTorch's numbers, kept beside the scripts that made them.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use common::{Weights, gpu, shapes};
use netdissect::geometry::{Border, Convolution, Window};
use netdissect::models::vgg16;
use netdissect::reference::graph::relative_error;
use netdissect::reference::{
    Maps, adaptive_average_pool, average_pool, conv, linear, max_pool, softmax, upsample_bilinear,
};
use netdissect::tensor::{HostTensor, Shape};
use safetensors::SafeTensors;

const OPERATORS: &[u8] = include_bytes!("golden/operators/operators.safetensors");
const VGG16: &[u8] = include_bytes!("golden/vgg16/vgg16.safetensors");

fn floats(file: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let data = file.tensor(name).unwrap_or_else(|_| panic!("{name} is missing")).data().to_vec();
    data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn doubles(file: &SafeTensors<'_>, name: &str) -> Vec<f64> {
    floats(file, name).into_iter().map(f64::from).collect()
}

fn maps(file: &SafeTensors<'_>, name: &str) -> Maps {
    let dims = file.tensor(name).unwrap().shape().to_vec();
    let size = |axis: usize| dims.get(axis).map_or(1, |size| *size as u32);
    Maps { shape: Shape::new(size(0), size(1), size(2), size(3)), data: doubles(file, name) }
}

/// The twin's value is PyTorch's, rounded to single precision.
fn assert_twin(file: &SafeTensors<'_>, case: &str, got: &Maps) {
    let want = maps(file, &format!("{case}.y"));
    assert_eq!(got.shape, want.shape, "{case}");
    let error = relative_error(&got.to_f32(), &want.data);
    assert!(error < 1e-6, "{case}: relative error {error:e}");
}

#[test]
fn every_twin_agrees_with_pytorch() {
    let file = SafeTensors::deserialize(OPERATORS).unwrap();
    let x = |case: &str| maps(&file, &format!("{case}.x"));
    let part = |case: &str, part: &str| doubles(&file, &format!("{case}.{part}"));
    let same = Convolution { channels: 18, window: Window::square(3, 1, 1), groups: 1 };
    let wide = Window { kernel: [2, 5], stride: [3, 2], padding: [1, 3], dilation: [2, 1] };
    let wide = Convolution { channels: 5, window: wide, groups: 1 };
    let groups = Convolution { channels: 9, window: Window::square(3, 2, 1), groups: 3 };
    for (case, convolution, bias) in
        [("conv_same", same, true), ("conv_wide", wide, true), ("conv_groups", groups, false)]
    {
        let bias = if bias { part(case, "bias") } else { Vec::new() };
        assert_twin(&file, case, &conv::conv(&x(case), &part(case, "weight"), &bias, &convolution).unwrap());
    }
    assert_twin(&file, "max_pool", &max_pool::max_pool(&x("max_pool"), &Window::square(3, 2, 1)).unwrap());
    let uneven = Window { kernel: [3, 2], stride: [2, 3], padding: [1, 1], dilation: [1, 1] };
    assert_twin(&file, "average_pool", &average_pool::average_pool(&x("average_pool"), &uneven).unwrap());
    let pooled = adaptive_average_pool::adaptive_average_pool(&x("adaptive_average_pool"), 7, 19);
    assert_twin(&file, "adaptive_average_pool", &pooled);
    assert_twin(&file, "linear", &linear::linear(&x("linear"), &part("linear", "weight"), &part("linear", "bias")));
    assert_twin(&file, "softmax", &softmax::softmax(&x("softmax")));
    let upsample = upsample_bilinear::upsample_bilinear;
    assert_twin(&file, "upsample_zero", &upsample(&x("upsample_zero"), 28, 17, Border::Zero));
    assert_twin(&file, "upsample_edge", &upsample(&x("upsample_edge"), 9, 21, Border::Edge));
}

#[test]
#[should_panic(expected = "upsample_zero: relative error")]
fn a_wrong_border_is_noticed() {
    let file = SafeTensors::deserialize(OPERATORS).unwrap();
    let x = maps(&file, "upsample_zero.x");
    assert_twin(&file, "upsample_zero", &upsample_bilinear::upsample_bilinear(&x, 28, 17, Border::Edge));
}

#[test]
fn every_layer_of_vgg16_agrees_with_pytorch_within_1e_5() {
    let Some(gpu) = gpu() else { return };
    let file = SafeTensors::deserialize(VGG16).unwrap();
    let names =
        file.names().into_iter().filter(|name| name.starts_with("features.") || name.starts_with("classifier."));
    let weights: Weights = names
        .map(|name| (name.to_owned(), (file.tensor(name).unwrap().shape().to_vec(), floats(&file, name))))
        .collect();
    let model = vgg16::build(&shapes(&weights), 64, 64).unwrap();
    let keep: Vec<&str> = model.layers.iter().map(|layer| layer.node.as_str()).collect();
    let session = common::session(gpu, &model.graph, &weights, 2, &keep);
    session.run(&HostTensor::new(Shape::new(2, 3, 64, 64), floats(&file, "input")).unwrap()).unwrap();
    for layer in &model.layers {
        let got = session.read(&layer.node, 2).unwrap();
        let error = relative_error(&got.data, &doubles(&file, &format!("value.{}", layer.name)));
        assert!(error < 1e-5, "{}: relative error {error:e}", layer.name);
    }
}
