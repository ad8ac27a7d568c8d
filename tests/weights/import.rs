//! Every container and naming gives the same network, bit for bit.

use std::path::Path;

use netdissect::models::vgg16;
use netdissect::preprocess::Preprocess;
use netdissect::weights::import::{AboutWeights, write};
use netdissect::weights::{self, Container, WeightFile};

use crate::support::{FIXTURES, altered, difference, golden};

fn about(body: bool) -> AboutWeights {
    let preprocess = Preprocess::Caffe;
    AboutWeights { model: "vgg16".into(), preprocess, geometry: None, body, classes: None, labels: None }
}

fn import(source: &Path, output: &Path, body: bool) -> netdissect::error::Result<WeightFile> {
    let archive = weights::open(source)?;
    let assignment = vgg16::weights::assign(&archive, body)?;
    write(&[archive], &assignment, &about(body), netdissect::weights::Precision::Single, output)?;
    WeightFile::open(output)
}

fn refusal(change: impl Fn(&mut Vec<(String, Vec<usize>, Vec<f32>)>)) -> netdissect::error::Error {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.safetensors");
    altered(&source, change);
    let output = folder.path().join("out.safetensors");
    let error = import(&source, &output, false).expect_err("this file must be refused");
    assert!(!output.exists(), "nothing is written");
    error
}

#[test]
fn every_container_and_naming_gives_the_same_network_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    for name in FIXTURES {
        let body = name == "keras_body.onnx";
        let file = import(&golden(name), &folder.path().join(name), body).unwrap();
        assert_eq!(difference(&file, if body { 26 } else { 32 }), None, "{name}");
        let stated = (file.model(), file.value("body"), file.preprocess().unwrap());
        assert_eq!(stated, ("vgg16", Some(if body { "true" } else { "false" }), Preprocess::Caffe));
        assert_eq!(file.value("source"), Some(name));
        assert_eq!(
            file.value("source_sha256"),
            Some(netdissect::hash::sha256(std::fs::read(golden(name)).unwrap()).as_str())
        );
    }
}

#[test]
fn body_drops_the_fully_connected_layers_of_every_file_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for name in FIXTURES {
        let archive = weights::open(&golden(name)).unwrap();
        let dropped = vgg16::weights::assign(&archive, true).unwrap().dropped;
        assert_eq!(dropped.len(), if name == "keras_body.onnx" { 1 } else { 6 }, "{name}: {dropped:?}");
        let file = import(&golden(name), &folder.path().join(name), true).unwrap();
        assert_eq!(difference(&file, 26), None, "{name}");
    }
}

/// The comparison above can fail: one changed bit, a swapped pair and a wrong order are all noticed.
#[test]
fn the_comparison_notices_a_wrong_value() {
    let folder = tempfile::tempdir().unwrap();
    let (source, output) = (folder.path().join("source.safetensors"), folder.path().join("out.safetensors"));
    altered(&source, |tensors| tensors[31].2[4] = f32::from_bits(tensors[31].2[4].to_bits() ^ 1));
    let found = difference(&import(&source, &output, false).unwrap(), 32).unwrap();
    assert!(found.starts_with("classifier.fc8a.bias[4] is"), "{found}");
    altered(&source, |tensors| tensors[2].2.swap(0, 1));
    let found = difference(&import(&source, &output, false).unwrap(), 32).unwrap();
    assert!(found.starts_with("features.conv1_2.weight[0] is"), "{found}");
    altered(&source, |_| {});
    assert_eq!(difference(&import(&source, &output, false).unwrap(), 32), None);
}

#[test]
fn containers_are_told_by_their_content() {
    for name in FIXTURES {
        let expected = match name {
            _ if name.ends_with(".onnx") => Container::Onnx,
            _ if name.ends_with(".safetensors") => Container::Safetensors,
            _ if name.contains("legacy") => Container::TorchLegacy,
            _ => Container::TorchZip,
        };
        let folder = tempfile::tempdir().unwrap();
        let disguised = folder.path().join("weights.bin");
        std::fs::copy(golden(name), &disguised).unwrap();
        assert_eq!(weights::open(&disguised).unwrap().container(), expected, "{name}");
    }
}

#[test]
fn importing_an_imported_file_or_the_same_file_again_gives_the_same_tensors_and_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("1.safetensors"), folder.path().join("2.safetensors"));
    import(&golden("authors_zip.pth"), &first, false).unwrap();
    import(&golden("authors_zip.pth"), &second, false).unwrap();
    assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    let again = import(&first, &folder.path().join("3.safetensors"), false).unwrap();
    assert_eq!(difference(&again, 32), None);
}

#[test]
fn one_error_lists_every_tensor_that_does_not_fit() {
    let error = refusal(|tensors| {
        tensors[0].1 = vec![2, 3, 9];
        tensors[4].0 = "features.conv2_9.weight".into();
        tensors.push(("extra\u{7}".into(), vec![1], vec![0.0]));
        let (values, dims) = (vec![0.0; 24], vec![6, 4]);
        (tensors[28].1, tensors[28].2) = (dims, values);
    });
    let text = error.to_string();
    for line in [
        "5 tensors do not fit VGG-16:",
        "`features.conv1_1.weight` is [2, 3, 9]; needed [2, 3, 3, 3]",
        "missing `features.conv2_1.weight` [3, 2, 3, 3]",
        "extra `features.conv2_9.weight` [3, 2, 3, 3]",
        "`classifier.fc7.weight` is [6, 4]; needed [4, 6]",
        "extra `extra\\u{7}` [1]",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn channels_must_agree_from_layer_to_layer() {
    let text = refusal(|tensors| {
        tensors[2] = ("features.conv1_2.weight".into(), vec![2, 4, 3, 3], vec![0.0; 72]);
    })
    .to_string();
    assert!(text.contains("`features.conv1_2.weight` is [2, 4, 3, 3]; needed [2, 2, 3, 3]"), "{text}");
}

#[test]
fn two_names_for_one_tensor_are_refused() {
    let text = refusal(|tensors| tensors.push(("module.features.0.bias".into(), vec![2], vec![0.0; 2]))).to_string();
    assert!(text.contains("extra `module.features.0.bias` [2]"), "{text}");
}

#[test]
fn a_file_of_convolutions_only_points_to_body() {
    let error = refusal(|tensors| tensors.truncate(26));
    assert!(error.to_string().contains("there are convolutions only"), "{error}");
    assert!(error.advice().unwrap().contains("--body"));
    let error = vgg16::weights::assign(&weights::open(&golden("keras_body.onnx")).unwrap(), false).unwrap_err();
    assert!(error.advice().unwrap().contains("--body"), "{error}");
}

#[test]
fn values_that_are_not_finite_stop_the_import_and_leave_nothing() {
    let text = refusal(|tensors| tensors[20].2[3] = f32::NAN).to_string();
    assert!(text.contains("`features.conv5_1.weight`: 1 of 54 values are not finite"), "{text}");
}

#[test]
fn files_that_were_not_imported_are_refused_with_the_command_to_run() {
    for name in FIXTURES {
        let error = WeightFile::open(&golden(name)).unwrap_err();
        let hint = error.advice().unwrap().to_owned();
        assert!(hint.contains("netdissect weights import") && hint.contains(name), "{name}: {hint}");
    }
}

#[test]
fn half_precision_safetensors_widen_when_loaded() {
    let header = r#"{"__metadata__":{"model":"vgg16"},"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(&[0x00, 0x3c, 0x00, 0xc0]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.safetensors");
    std::fs::write(&path, &bytes).unwrap();
    let file = WeightFile::open(&path).unwrap();
    let (dims, values) = file.tensor("a").unwrap();
    assert_eq!((dims, values.as_ref()), (vec![2], &[1.0, -2.0][..]));
    assert!(file.tensor("b").unwrap_err().to_string().ends_with("there is no tensor `b`"));
    assert_eq!(file.sha256(), netdissect::hash::sha256(&bytes));
}
