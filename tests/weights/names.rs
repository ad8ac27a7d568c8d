//! The narrow VGG-16 under the names of other programs: what is imported is the same network.

use std::path::PathBuf;

use netdissect::error::Error;
use netdissect::models::vgg16;
use netdissect::preprocess::Preprocess;
use netdissect::weights;
use netdissect::weights::import::Assignment;

use crate::support::{Named, altered, difference_of};

const POSITIONS: [usize; 13] = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28];
const GROUPS: [(usize, usize); 13] =
    [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3), (4, 1), (4, 2), (4, 3), (5, 1), (5, 2), (5, 3)];

/// A file of the narrow network after `change`, kept for as long as its folder.
fn file(change: impl Fn(&mut Vec<Named>)) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.safetensors");
    altered(&path, change);
    (folder, path)
}

fn assigned(change: impl Fn(&mut Vec<Named>), body: bool) -> Result<Assignment, Error> {
    let (_folder, path) = file(change);
    vgg16::weights::assign(&weights::open(&path).unwrap(), body)
}

fn refused(change: impl Fn(&mut Vec<Named>), body: bool) -> String {
    let error = assigned(change, body).expect_err("this file must be refused");
    let told = format!("{error}\n{}", error.advice().unwrap());
    assert!(told.lines().count() <= 10, "{told}");
    told
}

/// Gives the layers, convolutions from 0 to 12 and the others from 13 to 15, other names.
fn call(tensors: &mut [Named], name: impl Fn(usize) -> String) {
    for (index, (found, ..)) in tensors.iter_mut().enumerate() {
        let part = found.rsplit('.').next().unwrap().to_owned();
        *found = format!("{}.{part}", name(index / 2));
    }
}

fn torchvision(index: usize) -> String {
    match index {
        0..13 => format!("features.{}", POSITIONS[index]),
        _ => format!("classifier.{}", [0, 3, 6][index - 13]),
    }
}

/// The first difference to the narrow network.
fn different(assignment: &Assignment, count: usize) -> Option<String> {
    let read = |tensor: &weights::Tensor| (tensor.name().to_owned(), tensor.dims().to_vec(), tensor.to_f32().unwrap());
    difference_of(&assignment.tensors.iter().map(read).collect::<Vec<_>>(), count)
}

#[test]
fn known_names_behind_any_prefix_need_no_note() {
    let namings: [fn(usize) -> String; 5] = [
        torchvision,
        |index| match index {
            0..13 => torchvision(index),
            _ => format!("classifier.{}", [1, 4, 6][index - 13]),
        },
        |index| match index {
            0..13 => format!("conv{}_{}", GROUPS[index].0, GROUPS[index].1),
            _ => ["fc6", "fc7", "fc8"][index - 13].to_owned(),
        },
        |index| match index {
            0..13 => format!("block{}_conv{}", GROUPS[index].0, GROUPS[index].1),
            _ => ["fc1", "fc2", "predictions"][index - 13].to_owned(),
        },
        |index| match index {
            0..13 => format!("conv_{}_{}", GROUPS[index].0, GROUPS[index].1),
            _ => ["pre_logits.fc1", "pre_logits.fc2", "head.fc"][index - 13].to_owned(),
        },
    ];
    for naming in namings {
        for prefix in ["", "model.", "vgg.", "_orig_mod.", "module.model.backbone.", "net/"] {
            let found = assigned(|tensors| call(tensors, |index| format!("{prefix}{}", naming(index))), false).unwrap();
            assert_eq!((different(&found, 32), found.notes.len()), (None, 0), "{prefix}{}", naming(0));
        }
    }
}

#[test]
fn convolutions_alone_may_be_called_by_position_or_lie_in_slices() {
    let namings: [fn(usize) -> String; 3] = [
        |index| POSITIONS[index].to_string(),
        |index| format!("net.slice{}.{}", GROUPS[index].0, POSITIONS[index]),
        |index| format!("features.module.{}", POSITIONS[index]),
    ];
    for naming in namings {
        let change = |tensors: &mut Vec<Named>| {
            tensors.truncate(26);
            call(tensors, naming);
        };
        let found = assigned(change, true).unwrap();
        assert_eq!((different(&found, 26), found.notes.len()), (None, 0), "{}", naming(0));
    }
}

#[test]
fn layers_as_windows_as_large_as_their_maps_are_matrices() {
    let found = assigned(
        |tensors| {
            call(tensors, |index| match index {
                0..13 => torchvision(index),
                _ => ["pre_logits.fc1", "pre_logits.fc2", "head.fc"][index - 13].to_owned(),
            });
            (tensors[26].1, tensors[28].1) = (vec![6, 2, 7, 7], vec![4, 6, 1, 1]);
        },
        false,
    )
    .unwrap();
    assert_eq!(different(&found, 32), None);
}

#[test]
fn names_that_are_not_known_are_put_in_order_by_numbers_and_sizes_and_a_note_says_so() {
    let unknown = |index: usize| match index {
        0..13 => format!("encoder.stage{}.layer{}", index / 4, index),
        _ => ["hidden", "squeeze", "answer"][index - 13].to_owned(),
    };
    // Sorted by name, as safetensors are: `layer10` stands before `layer2`.
    let found = assigned(
        |tensors| {
            call(tensors, unknown);
            tensors.sort_by(|a, b| a.0.cmp(&b.0));
        },
        false,
    )
    .unwrap();
    assert_eq!(different(&found, 32), None);
    assert!(found.notes[0].contains("`encoder.stage0.layer0` to `encoder.stage3.layer12`"), "{:?}", found.notes);
    assert!(
        found.notes[1].contains("`hidden`, `squeeze`, `answer` were put in order by their sizes"),
        "{:?}",
        found.notes
    );
}

#[test]
fn channels_last_weights_are_turned() {
    let change = |tensors: &mut Vec<Named>| {
        for (name, dims, values) in tensors.iter_mut() {
            let old = values.clone();
            match *dims.as_slice() {
                [o, i, h, w] => {
                    *dims = vec![h, w, i, o];
                    *values = (0..h * w * i * o)
                        .map(|at| old[((at % o * i + at / o % i) * h + at / (o * i * w)) * w + at / (o * i) % w])
                        .collect();
                }
                [o, i] => {
                    // The map of the first layer is read position by position.
                    let (channels, first) = (2, name.contains("fc6"));
                    let column = |at: usize| if first { at % channels * 49 + at / channels } else { at };
                    *dims = vec![i, o];
                    *values = (0..o * i).map(|at| old[at % o * i + column(at / o)]).collect();
                }
                _ => {}
            }
            *name = name.replace("features.", "vgg_16/").replace("classifier.", "vgg_16/").replace("fc8a", "fc8");
            *name = name.replace(".weight", "/weights:0").replace(".bias", "/biases:0");
        }
    };
    let found = assigned(change, false).unwrap();
    assert_eq!(different(&found, 32), None);
    assert!(found.notes.iter().any(|note| note.contains("channels-last")));
}

#[test]
fn heads_of_one_and_two_layers_see_maps_of_any_side() {
    let found = assigned(
        |tensors| {
            tensors.truncate(26);
            tensors.push(("fc.weight".to_owned(), vec![5, 2], vec![1.0; 10]));
            tensors.push(("fc.bias".to_owned(), vec![5], vec![1.0; 5]));
        },
        false,
    )
    .unwrap();
    let names: Vec<&str> = found.tensors[26..].iter().map(weights::Tensor::name).collect();
    assert_eq!(names, ["classifier.fc8a.weight", "classifier.fc8a.bias"]);
    assert_eq!((found.image_size, found.size_is_open), (None, true), "an average, or a map of 32x32 images");
    let found = assigned(
        |tensors| {
            tensors.truncate(28);
            tensors[26] = ("classifier.1.weight".to_owned(), vec![6, 8], vec![1.0; 48]);
            tensors[27].0 = "classifier.1.bias".to_owned();
            tensors.push(("classifier.3.weight".to_owned(), vec![5, 6], vec![1.0; 30]));
            tensors.push(("classifier.3.bias".to_owned(), vec![5], vec![1.0; 5]));
        },
        false,
    )
    .unwrap();
    assert_eq!((found.tensors[28].name(), found.image_size), ("classifier.fc8a.weight", Some((64, 64))));
}

#[test]
fn what_is_written_of_a_head_of_any_number_of_layers_is_read_again() {
    for count in 1..=3 {
        let folder = tempfile::tempdir().unwrap();
        let (source, output) = (folder.path().join("source.safetensors"), folder.path().join("out.safetensors"));
        altered(&source, |tensors| {
            let (inputs, names) = (98, ["a", "b", "c"]);
            tensors.truncate(26);
            for (index, name) in names[..count].iter().enumerate() {
                let inputs = if index == 0 { inputs } else { 5 + index };
                tensors.push((format!("{name}.weight"), vec![6 + index, inputs], vec![0.5; (6 + index) * inputs]));
                tensors.push((format!("{name}.bias"), vec![6 + index], vec![1.0; 6 + index]));
            }
        });
        let archive = weights::open(&source).unwrap();
        let first = vgg16::weights::assign(&archive, false).unwrap();
        let about = weights::import::AboutWeights {
            model: "vgg16".into(),
            preprocess: Preprocess::Torch,
            geometry: None,
            body: false,
            classes: None,
            labels: None,
        };
        weights::import::write(&[archive], &first, &about, weights::Precision::Single, &output).unwrap();
        let again = vgg16::weights::assign(&weights::open(&output).unwrap(), false).unwrap();
        assert_eq!(again.shapes(), first.shapes());
        assert_eq!((again.tensors.len(), again.notes), (26 + 2 * count, Vec::<String>::new()));
    }
}

#[test]
fn positions_that_contradict_the_poolings_are_refused() {
    let at = |positions: [usize; 13]| {
        move |tensors: &mut Vec<Named>| {
            for (index, (name, ..)) in tensors[..26].iter_mut().enumerate() {
                *name = format!("net.{}.{}", positions[index / 2], name.rsplit('.').next().unwrap());
            }
        }
    };
    let told = refused(at([0, 2, 4, 7, 9, 11, 14, 16, 18, 21, 23, 26, 28]), false);
    assert!(told.contains("stand at 0, 2, 4, 7, 9, 11, 14, 16, 18, 21, 23, 26, 28, which are not"), "{told}");
    for fitting in [
        [0, 1, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15, 16],
        [1, 5, 10, 14, 19, 23, 27, 32, 36, 40, 45, 49, 53],
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
    ] {
        let found = assigned(at(fitting), false).unwrap();
        assert_eq!(different(&found, 32), None);
        assert!(found.notes[0].contains("that poolings stand behind the 2nd, 4th"), "{:?}", found.notes);
    }
}

#[test]
fn the_epsilon_is_that_of_the_program_that_names_the_statistics() {
    for (mean, variance, epsilon, told) in [
        ("running_mean", "running_var", 1e-5, "epsilon 1e-5, PyTorch's"),
        ("moving_mean", "moving_variance", 1e-3, "epsilon 1e-3, the default of Keras"),
    ] {
        let change = |tensors: &mut Vec<Named>| {
            normalise(tensors, |index| (format!("layers.{index}.0"), format!("layers.{index}.1")));
            tensors.retain(|(name, ..)| !name.ends_with("num_batches_tracked"));
            for (name, _, values) in tensors.iter_mut().filter(|(name, ..)| name.contains(".running_")) {
                *name = name.replace("running_mean", mean).replace("running_var", variance);
                values.fill(0.001);
            }
        };
        let (found, plain) = (assigned(change, true).unwrap(), assigned(|_| (), true).unwrap());
        let [folded, was] = [&found, &plain].map(|assignment| assignment.tensors[0].to_f32().unwrap());
        let factor = 0.5 / (0.001_f32 + epsilon).sqrt();
        assert!(folded.iter().zip(&was).all(|(folded, was)| (folded - was * factor).abs() < 1e-4));
        assert!(found.notes.iter().any(|note| note.contains(told)), "{:?}", found.notes);
    }
}

/// Adds normalisations whose factors are powers of two, behind every convolution, and takes the biases off.
fn normalise(tensors: &mut Vec<Named>, name: impl Fn(usize) -> (String, String)) {
    let convolutions: Vec<Named> = tensors.drain(..26).filter(|(name, ..)| name.ends_with(".weight")).collect();
    for (index, (_, dims, values)) in convolutions.into_iter().enumerate() {
        let ((convolution, norm), channels) = (name(index), dims[0]);
        tensors.push((format!("{convolution}.weight"), dims, values));
        let mut add =
            |part: &str, value: f32| tensors.push((format!("{norm}.{part}"), vec![channels], vec![value; channels]));
        add("weight", 0.5);
        add("bias", 3.0);
        add("running_mean", 8.0);
        // Rounded to single precision, with 1e-5 added it is 4 to nine digits.
        add("running_var", 3.999_99);
        tensors.push((format!("{norm}.num_batches_tracked"), vec![1], vec![7.0]));
    }
}

#[test]
fn batch_normalisation_is_folded_whatever_its_name() {
    let namings: [fn(usize) -> (String, String); 3] = [
        |index| {
            let position = 3 * index + GROUPS[index].0 - 1;
            (format!("features.{position}"), format!("features.{}", position + 1))
        },
        |index| {
            (
                format!("conv{}_{}", GROUPS[index].0, GROUPS[index].1),
                format!("bn{}_{}", GROUPS[index].0, GROUPS[index].1),
            )
        },
        |index| (format!("layers.{index}.0"), format!("layers.{index}.1")),
    ];
    for naming in namings {
        let change = |tensors: &mut Vec<Named>| {
            normalise(tensors, naming);
            tensors.retain(|(name, ..)| !name.ends_with("num_batches_tracked"));
        };
        let found = assigned(change, false).unwrap();
        let plain = assigned(|_| (), false).unwrap();
        for (folded, plain) in found.tensors.iter().zip(&plain.tensors).take(26) {
            let (folded_values, plain_values) = (folded.to_f32().unwrap(), plain.to_f32().unwrap());
            let bias = folded.name().ends_with("bias");
            let wanted = |value: &f32| if bias { 3.0 - 8.0 * 0.25 } else { value * 0.25 };
            let near = folded_values
                .iter()
                .zip(plain_values.iter().map(wanted))
                .all(|(found, wanted)| (found - wanted).abs() < 1e-6);
            assert!(near, "{}: {folded_values:?}", folded.name());
        }
        assert!(found.notes.iter().any(|note| note.contains("is folded")), "{:?}", found.notes);
    }
}

#[test]
fn a_normalisation_that_cannot_be_folded_is_refused() {
    let behind_relu = |index: usize| {
        let position = 4 * index;
        (format!("features.{position}"), format!("features.{}", position + 2))
    };
    let told = refused(|tensors| normalise(tensors, behind_relu), true);
    assert!(told.contains("does not stand right behind `features.0`"), "{told}");
    let one = |tensors: &mut Vec<Named>| {
        normalise(tensors, |index| (format!("conv{}_{}", GROUPS[index].0, GROUPS[index].1), format!("bn{index}")));
        tensors.retain(|(name, ..)| !name.starts_with("bn7."));
    };
    for body in [false, true] {
        assert!(refused(one, body).contains("12 batch normalisations; needed none, or one behind each of 13"));
    }
}

#[test]
fn what_stands_behind_the_convolutions_is_dropped_with_body_but_no_further_convolution() {
    let change = |tensors: &mut Vec<Named>| {
        tensors.push(("lin0.model.1.weight".to_owned(), vec![1, 2, 1, 1], vec![1.0; 2]));
        tensors.push(("scaling_layer.shift".to_owned(), vec![1, 3, 1, 1], vec![-0.030, -0.088, -0.188]));
        tensors.push(("scaling_layer.scale".to_owned(), vec![1, 3, 1, 1], vec![0.458, 0.448, 0.450]));
    };
    let found = assigned(change, true).unwrap();
    assert_eq!((different(&found, 26), found.dropped.len()), (None, 9));
    let preparation = found.preparation.unwrap();
    assert_eq!(
        (preparation.words.as_str(), preparation.same_as),
        ("`scaling_layer.shift` and `scaling_layer.scale`", Some(Preprocess::Torch))
    );
    let more = |tensors: &mut Vec<Named>| {
        tensors.push(("features.conv5_4.weight".to_owned(), vec![2, 2, 3, 3], vec![1.0; 36]))
    };
    assert!(refused(more, true).contains("extra `features.conv5_4.weight`"));
}

#[test]
fn other_networks_are_named() {
    let deeper = |tensors: &mut Vec<Named>| {
        tensors.truncate(26);
        for index in 0..3 {
            tensors.push((format!("features.conv6_{index}.weight"), vec![2, 2, 3, 3], vec![1.0; 36]));
        }
    };
    assert!(refused(deeper, true).contains("this looks like a VGG-19 (16 convolutions of 3x3); needed VGG-16"));
    let resnet = |tensors: &mut Vec<Named>| {
        *tensors = ["conv1", "layer1.0.conv1", "layer1.0.conv2", "layer2.0.conv1"]
            .map(|name| (format!("{name}.weight"), vec![3, 3, 3, 3], vec![1.0; 81]))
            .to_vec();
    };
    assert!(refused(resnet, false).contains("this looks like a ResNet"));
}

#[test]
fn two_networks_in_a_file_are_both_named() {
    let both = |tensors: &mut Vec<Named>| {
        let copy: Vec<Named> = tensors
            .iter()
            .map(|(name, dims, values)| (format!("student.{name}"), dims.clone(), values.clone()))
            .collect();
        tensors.iter_mut().for_each(|(name, ..)| *name = format!("teacher.{name}"));
        tensors.extend(copy);
    };
    let told = refused(both, false);
    assert!(told.contains("2 networks that fit: `student.features.`, `teacher.features.`"), "{told}");
}
