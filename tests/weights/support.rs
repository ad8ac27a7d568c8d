//! The narrow VGG-16 that all fixtures hold, and the comparison with it.

use std::path::{Path, PathBuf};

use netdissect::weights::{Stored, WeightFile, save};

pub(crate) const WIDTHS: [usize; 13] = [2, 2, 3, 3, 2, 4, 2, 3, 2, 2, 3, 2, 2];
const NAMES: [&str; 13] = ["1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "4_1", "4_2", "4_3", "5_1", "5_2", "5_3"];
const LINEAR: [(&str, usize); 3] = [("fc6", 6), ("fc7", 4), ("fc8a", 5)];

pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/weights").join(name)
}

/// Every fixture.
pub(crate) const FIXTURES: [&str; 10] = [
    "authors_zip.pth",
    "authors_legacy.pth",
    "wrapped_zip.pth",
    "wrapped_legacy.pth",
    "torchvision_half.pth",
    "torchvision_bfloat16.pth",
    "torchvision_double.safetensors",
    "views_zip.pth",
    "keras_body.onnx",
    "torch_full.onnx",
];

/// Canonical name and sizes of every tensor, in order; the body alone has the first 26.
pub(crate) fn shapes() -> Vec<(String, Vec<usize>)> {
    let mut shapes = Vec::new();
    let mut channels = 3;
    for (name, width) in NAMES.iter().zip(WIDTHS) {
        shapes.push((format!("features.conv{name}.weight"), vec![width, channels, 3, 3]));
        shapes.push((format!("features.conv{name}.bias"), vec![width]));
        channels = width;
    }
    let mut inputs = 49 * channels;
    for (name, outputs) in LINEAR {
        shapes.push((format!("classifier.{name}.weight"), vec![outputs, inputs]));
        shapes.push((format!("classifier.{name}.bias"), vec![outputs]));
        inputs = outputs;
    }
    shapes
}

/// Elements of tensor `number`, by the rule of `make.py`: dyadic, so exact in every element type.
pub(crate) fn values(number: usize, count: usize) -> Vec<f32> {
    (0..count)
        .map(|k| (i16::try_from((k * 7 + number * 13) % 61).unwrap() - 30).into())
        .map(|v: f32| v / 32.0)
        .collect()
}

/// The first difference between a file and the narrow VGG-16 with `count` tensors.
pub(crate) fn difference(file: &WeightFile, count: usize) -> Option<String> {
    let read = |name: &str| {
        let (dims, values) = file.tensor(name).unwrap();
        (name.to_owned(), dims, values.into_owned())
    };
    difference_of(&file.names().map(read).collect::<Vec<_>>(), count)
}

/// As [`difference`], of tensors that are not in a file yet.
pub(crate) fn difference_of(found: &[Named], count: usize) -> Option<String> {
    let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    let wanted = &shapes()[..count];
    if names != wanted.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>() {
        return Some(format!("the names are {names:?}"));
    }
    wanted.iter().zip(found).enumerate().find_map(|(number, ((name, dims), (_, found_dims, found)))| {
        let want = values(number, dims.iter().product());
        if found_dims != dims {
            return Some(format!("{name} is {found_dims:?}; want {dims:?}"));
        }
        let at = found.iter().zip(&want).position(|(found, want)| found.to_bits() != want.to_bits())?;
        Some(format!("{name}[{at}] is {}; want {}", found[at], want[at]))
    })
}

/// Name, sizes and values of a tensor.
pub(crate) type Named = (String, Vec<usize>, Vec<f32>);

/// Saves the narrow network as safetensors, after `change` had its way with names, sizes and values.
pub(crate) fn altered(path: &Path, change: impl Fn(&mut Vec<Named>)) {
    let mut tensors: Vec<_> = shapes()
        .into_iter()
        .enumerate()
        .map(|(number, (name, dims))| {
            let count = dims.iter().product();
            (name, dims, values(number, count))
        })
        .collect();
    change(&mut tensors);
    let stored: Vec<Stored> =
        tensors.iter().map(|(name, dims, _)| Stored { name: name.clone(), dims: dims.clone() }).collect();
    save(path, &[], &stored, |index| Ok((&tensors[index].2).into())).unwrap();
}
