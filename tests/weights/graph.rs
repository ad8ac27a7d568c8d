//! ONNX graphs that look like VGG-16 and are not: each is the good file with a few bytes changed.

use netdissect::error::Error;
use netdissect::models::vgg16;

use crate::pickles::open;
use crate::support::golden;

/// `torch_full.onnx` with occurrence `which` of `from` replaced.
fn changed(from: &[u8], to: &[u8], which: usize) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "sizes in the file would no longer fit");
    let mut bytes = std::fs::read(golden("torch_full.onnx")).unwrap();
    let mut places = (0..bytes.len() - from.len()).filter(|&at| &bytes[at..at + from.len()] == from);
    let at = places.nth(which).expect("the bytes to change are there");
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

fn refusal(bytes: &[u8], body: bool) -> Error {
    vgg16::weights::assign(&open(bytes).unwrap(), body).expect_err("this graph must be refused")
}

#[test]
fn a_graph_that_is_not_vgg16_is_refused_by_operator() {
    for (from, to, which, found) in [
        (&b"\x22\x04Relu"[..], &b"\x22\x04Tanh"[..], 0, "Tanh `r0`: found where VGG-16 has Relu (behind conv1_1)"),
        (b"\x22\x04Relu", b"\x22\x04Tanh", 9, "Tanh `r9`: found where VGG-16 has Relu (behind conv4_3)"),
        (b"\x22\x07MaxPool", b"\x22\x07Dropout", 0, "Conv `conv2_1`: found where VGG-16 has MaxPool of 2x2 (conv1_2)"),
        (b"\x22\x04Conv", b"\x22\x04Sine", 3, "Sine `conv2_2`: found where VGG-16 has Conv (conv2_2)"),
        // pads [0, 0, 0, 0]
        (
            b"@\x01@\x01@\x01@\x01",
            b"@\x00@\x00@\x00@\x00",
            4,
            "Conv `conv3_1`: strides default, dilations default, pads [0, 0, 0, 0]",
        ),
        // The sixth convolution reads the fourth one's output, past the fifth.
        (b"\x0a\x02r4\x0a\x02w5", b"\x0a\x02r3\x0a\x02w5", 0, "MaxPool `p3`: `r3` is read by Conv `conv3_2` as well"),
        // The bias added to the third convolution is no longer constant.
        (b"\x0a\x02c2\x0a\x02b2", b"\x0a\x02c2\x0a\x02r2", 0, "Add `a2`: it mixes `c2` and `r2`"),
        (b"\x0a\x02p3\x0a\x02w4", b"\x0a\x02p3\x0a\x02r2", 0, "Conv `conv2_2`: `r2` is read by Conv `conv3_1` as well"),
        // The second convolution stores into a value that the first one makes.
        (b"\x12\x02c1", b"\x12\x02c0", 0, "value `c0` is made twice"),
    ] {
        let bytes = changed(from, to, which);
        let error = match open(&bytes) {
            Ok(_) => refusal(&bytes, true),
            Err(error) => error,
        };
        assert!(error.to_string().contains(found), "{found} is not in {error}");
    }
}

#[test]
fn pools_of_another_size_are_refused() {
    // kernel_shape and strides are two integers each, written as field 8.
    let error = refusal(&changed(b"kernel_shape@\x02@\x02", b"kernel_shape@\x03@\x03", 0), true);
    assert!(error.to_string().contains("a max-pool that is not 2x2 with stride 2"), "{error}");
}

#[test]
fn fully_connected_layers_in_doubt_are_refused_and_point_to_body() {
    let softmax = changed(b"\x22\x07Flatten", b"\x22\x07Softmax", 0);
    let channels_last = std::fs::read(golden("channels_last.onnx")).unwrap();
    let tanh = changed(b"\x22\x04Relu", b"\x22\x04Tanh", 13);
    let fewer = changed(b"\x22\x06MatMul", b"\x22\x06MatSub", 0);
    for (bytes, found) in [
        (softmax, "Softmax `flat`: in the head; VGG-16 has nothing like it"),
        (channels_last, "Transpose `nhwc`: in the head; VGG-16 has nothing like it"),
        (tanh, "Tanh `fc6r`: behind the last fully connected layer"),
        (fewer, "MatSub `fc8am`: in the head"),
    ] {
        let error = refusal(&bytes, false);
        assert!(error.to_string().contains(found), "{found} is not in {error}");
        assert!(error.advice().unwrap().contains("--body"), "{error}");
        assert!(vgg16::weights::assign(&open(&bytes).unwrap(), true).is_ok(), "the body is the same");
    }
}

#[test]
fn weights_of_other_sizes_are_listed() {
    // The channels of conv1_2 are dims 2, 2, 3, 3; as HWIO in this file: 3, 3, 2, 2.
    let text = refusal(&changed(b"\x08\x02\x08\x03\x08\x03\x08\x03", b"\x08\x02\x08\x09\x08\x01\x08\x03", 0), false)
        .to_string();
    assert!(text.contains("its weight is [2, 9, 1, 3]; VGG-16's are [any, any, 3, 3]"), "{text}");
}
