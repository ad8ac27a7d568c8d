//! Files that hold more than weights: which dict is taken, what is said when there are several, whole modules.

use netdissect::error::{Error, Kind};
use netdissect::weights::{self, Archive};

use crate::pickles::{legacy_of, zip_of};

/// Opcodes of a text.
fn text(text: &str) -> Vec<u8> {
    [b"X".as_slice(), &u32::try_from(text.len()).unwrap().to_le_bytes(), text.as_bytes()].concat()
}

/// Opcodes of a dict.
fn dict(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let pairs: Vec<u8> = entries.iter().flat_map(|(key, value)| [text(key), value.clone()].concat()).collect();
    [b"}(".as_slice(), &pairs, b"u"].concat()
}

/// Opcodes of a tensor of these sizes, whose product is at most 4, from element `offset` of the storage on.
fn tensor(offset: u8, dims: &[u8]) -> Vec<u8> {
    let numbers = |numbers: &[u8]| -> Vec<u8> { numbers.iter().flat_map(|&n| [b'K', n]).collect() };
    let strides: Vec<u8> = (0..dims.len()).map(|axis| dims[axis + 1..].iter().product()).collect();
    let storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04NtQ".as_slice();
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n(".as_slice(),
        storage,
        &[b'K', offset, b'('],
        &numbers(dims),
        b"t(",
        &numbers(&strides),
        b"t\x89ccollections\nOrderedDict\n)RtR",
    ]
    .concat()
}

/// Weights of a layer, and its bias of so many numbers.
fn layer(bias: u8) -> Vec<u8> {
    dict(&[("conv.weight", tensor(0, &[2, 2])), ("conv.bias", tensor(0, &[bias]))])
}

fn optimizer() -> Vec<u8> {
    let moments = dict(&[("exp_avg", tensor(0, &[2, 2])), ("exp_avg_sq", tensor(0, &[2, 2]))]);
    let numbered = [b"}K\x00".as_slice(), &moments, b"s"].concat();
    dict(&[("state", numbered), ("param_groups", b"]".to_vec())])
}

/// An object of a class with these attributes.
fn object(class: &str, attributes: &[(&str, Vec<u8>)]) -> Vec<u8> {
    [b"c".as_slice(), class.replace('.', "\n").as_bytes(), b"\n)\x81", &dict(attributes), b"b"].concat()
}

fn module(parameters: &[(&str, Vec<u8>)], modules: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let buffers = dict(&[("mean", tensor(1, &[1])), ("scratch", tensor(1, &[1]))]);
    let transient = [b"c__builtin__\nset\n](".as_slice(), &text("scratch"), b"e\x85R"].concat();
    object(
        "nn.Block",
        &[
            ("training", b"\x88".to_vec()),
            ("_parameters", dict(parameters)),
            ("_buffers", buffers),
            ("_non_persistent_buffers_set", transient),
            ("_modules", dict(modules)),
            ("hooks", b"ccollections\nOrderedDict\n)R".to_vec()),
        ],
    )
}

fn open_at(object: &[u8], key: Option<&str>) -> Result<Archive, Error> {
    let pickle = [b"\x80\x02", object, b"."].concat();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.pth");
    let opened = [zip_of(&pickle), legacy_of(&pickle)].map(|bytes| {
        std::fs::write(&path, bytes).unwrap();
        weights::open_at(&path, key)
    });
    let [zip, legacy] = opened;
    assert_eq!(zip.as_ref().err().map(ToString::to_string), legacy.err().map(|error| error.to_string()));
    zip
}

/// Names of the tensors, and of what was passed over.
fn found(object: &[u8], key: Option<&str>) -> (Vec<String>, Vec<String>) {
    let archive = open_at(object, key).unwrap();
    let tensors = archive.tensors().iter().map(|tensor| tensor.name().to_owned()).collect();
    (tensors, archive.passed_over().iter().map(|entry| entry.name.clone()).collect())
}

const LAYER: [&str; 2] = ["conv.weight", "conv.bias"];

#[test]
fn the_one_dict_of_weights_is_found_whatever_its_key() {
    for key in ["state_dict", "model", "net", "ema", "params_ema", "generator", "weights"] {
        let (tensors, passed) = found(&dict(&[("epoch", b"K\x03".to_vec()), (key, layer(2))]), None);
        assert_eq!((tensors, passed), (LAYER.map(String::from).to_vec(), vec!["epoch".to_owned()]), "{key}");
    }
    let nested = dict(&[("state", dict(&[("step", b"K\x03".to_vec()), ("net", layer(2))])), ("lr", b"N".to_vec())]);
    let (tensors, passed) = found(&nested, None);
    assert_eq!((tensors, passed), (LAYER.map(String::from).to_vec(), vec!["state.step".to_owned(), "lr".to_owned()]));
    let listed = [b"](".as_slice(), b"K\x03", &layer(2), b"e"].concat();
    assert_eq!(found(&listed, None).0, LAYER);
}

/// Optimizers keep numbers under such names, beside a count of steps.
#[test]
fn names_that_optimizers_have_too_may_be_those_of_networks_and_parameters() {
    for key in ["prev", "mu", "sum", "eta"] {
        assert_eq!(found(&dict(&[("epoch", b"K\x03".to_vec()), (key, layer(2))]), None).0, LAYER, "{key}");
    }
    let with_mu = dict(&[("conv.weight", tensor(0, &[2, 2])), ("mu", tensor(0, &[2]))]);
    assert_eq!(found(&with_mu, None).0, ["conv.weight", "mu"]);
    let entry = dict(&[("step", tensor(0, &[1])), ("prev", tensor(0, &[2, 2])), ("step_size", tensor(0, &[2, 2]))]);
    assert_eq!(found(&dict(&[("moments", entry), ("net", layer(2))]), None).0, LAYER);
}

#[test]
fn nothing_else_is_taken_for_the_weights() {
    let beside = [
        ("optimizer", optimizer()),
        ("momentum", dict(&[("momentum_buffer", layer(2))])),
        ("best", dict(&[("accuracy", tensor(0, &[1])), ("loss", tensor(0, &[1]))])),
        ("criterion", dict(&[("weight", tensor(0, &[2]))])),
        ("confusion", tensor(0, &[2, 2])),
        ("ema", dict(&[("decay", b"N".to_vec()), ("num_updates", tensor(0, &[1]))])),
        ("shadow", [b"](".as_slice(), &tensor(0, &[2, 2]), &tensor(0, &[2]), b"e"].concat()),
    ];
    let mut entries = vec![("model", layer(2))];
    for entry in beside {
        entries.push(entry);
        let (tensors, passed) = found(&dict(&entries), None);
        assert_eq!(
            (tensors.as_slice(), passed.len()),
            (&LAYER.map(String::from)[..], entries.len() - 1),
            "{}",
            entries.last().unwrap().0
        );
    }
    let error = open_at(&optimizer(), None).err().unwrap();
    assert!(
        error.to_string().contains("the file holds the state of an optimizer; needed a dict of tensors"),
        "{error}"
    );
}

#[test]
fn of_several_dicts_both_are_named_and_a_key_chooses() {
    let two = dict(&[("model", layer(2)), ("ema", dict(&[("shadow.net", layer(3))])), ("optimizer", optimizer())]);
    let error = open_at(&two, None).err().unwrap();
    let (message, hint) = (error.to_string(), error.advice().unwrap().to_owned());
    assert!(
        message.contains("several dicts of weights, `model` (2 tensors), `ema.shadow.net` (2 tensors)"),
        "{message}"
    );
    assert_eq!(hint, "choose one with `--key model` or `--key ema.shadow.net`");
    for (key, bias) in [("model", 2), ("ema.shadow.net", 3), ("ema", 3)] {
        let archive = open_at(&two, Some(key)).unwrap();
        assert_eq!(archive.tensors()[1].dims(), [bias], "{key}");
    }
    let error = open_at(&two, Some("optimizer")).err().unwrap();
    assert!(
        error.to_string().contains("`optimizer` is the state of an optimizer; needed a dict of tensors"),
        "{error}"
    );
}

#[test]
fn keys_that_lead_nowhere_say_what_there_is() {
    let file = dict(&[("model", layer(2)), ("epoch", b"K\x03".to_vec())]);
    for key in ["ema", "model.net", "model.", ""] {
        let error = open_at(&file, Some(key)).err().unwrap();
        assert!(
            error.to_string().contains(&format!("no entry `{key}`; dicts of tensors in the file: `model`")),
            "{error}"
        );
    }
    let error = open_at(&file, Some("epoch")).err().unwrap();
    assert!(error.to_string().contains("`epoch` is an integer; needed a dict of tensors"), "{error}");
    assert_eq!(found(&file, Some(".")).0, LAYER);
    let error = weights::open_at(&crate::support::golden("torch_full.onnx"), Some("model")).err().unwrap();
    assert_eq!(error.kind(), Kind::Usage, "{error}");
}

#[test]
fn one_dict_under_two_names_is_no_choice() {
    let shared = [b"}(".as_slice(), &text("last"), &layer(2), b"q\x05", &text("best"), b"h\x05u"].concat();
    assert_eq!(found(&shared, None).0, LAYER);
    assert_eq!(found(&dict(&[("last", layer(2)), ("best", layer(2))]), None).0, LAYER);
}

#[test]
fn a_name_that_is_there_twice_is_refused() {
    let twice =
        dict(&[("a.weight", tensor(0, &[2, 2])), ("b.weight", tensor(0, &[2, 2])), ("a.weight", tensor(0, &[2, 2]))]);
    let error = open_at(&twice, None).err().unwrap();
    assert!(error.to_string().contains("tensor `a.weight` is there twice"), "{error}");
}

#[test]
fn a_module_saved_whole_is_read_as_the_data_it_is() {
    let inner = module(&[("weight", tensor(0, &[2, 2])), ("bias", b"N".to_vec())], &[]);
    let outer =
        module(&[("scale", tensor(0, &[2]))], &[("features", module(&[], &[("0", inner)])), ("none", b"N".to_vec())]);
    let names = ["scale", "mean", "features.mean", "features.0.weight", "features.0.mean"];
    assert_eq!(found(&outer, None).0, names);
    assert_eq!(found(&dict(&[("epoch", b"N".to_vec()), ("model", outer.clone())]), None).0, names);
    // A module that contains itself ends somewhere.
    let endless = [
        b"cnn\nBlock\n)\x81q\x09".as_slice(),
        &dict(&[("_parameters", dict(&[("w", tensor(0, &[2, 2]))])), ("_modules", dict(&[("x", b"h\x09".to_vec())]))]),
        b"b",
    ]
    .concat();
    assert!(found(&endless, None).0.len() < 1000);
    // So does one whose parts share all their parts, each twice.
    let mut shared = [module(&[("w", tensor(0, &[2]))], &[]), b"q\x0a0".to_vec()].concat();
    for level in 10..100u8 {
        let part = vec![b'h', level];
        shared.extend([module(&[], &[("a", part.clone()), ("b", part)]), vec![b'q', level + 1, b'0']].concat());
    }
    shared.extend(b"h\x64");
    let error = open_at(&shared, None).err().unwrap();
    assert!(error.to_string().contains("more than 20000 tensors"), "{error}");
}
