//! Pickles that try to do more than hold tensors. Each is wrapped as `torch.save` would.

use std::io::Write as _;

use netdissect::error::Error;
use netdissect::weights;
use zip::write::SimpleFileOptions;

/// A zip container around a pickle, with one storage of four f32 named "0".
pub(crate) fn zip_of(pickle: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in [("a/data.pkl", pickle), ("a/byteorder", b"little"), ("a/data/0", &[0; 16])] {
        writer.start_file(name, stored).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A legacy container around a pickle, with the same storage.
pub(crate) fn legacy_of(pickle: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.".to_vec();
    bytes.extend_from_slice(b"\x80\x02}X\x0d\0\0\0little_endian\x88s.");
    bytes.extend_from_slice(pickle);
    bytes.extend_from_slice(b"\x80\x02]X\x01\0\0\x000a.");
    bytes.extend_from_slice(&4u64.to_le_bytes());
    bytes.extend_from_slice(&[0; 16]);
    bytes
}

pub(crate) fn open(bytes: &[u8]) -> Result<weights::Archive, Error> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    weights::open(file.path())
}

/// Both containers refuse the pickle; the message is that of the zip one.
fn refused(pickle: &[u8]) -> String {
    assert!(open(&legacy_of(pickle)).is_err());
    open(&zip_of(pickle)).err().expect("this pickle must be refused").to_string()
}

/// `{"w": tensor}` with these opcodes for offset, size and stride.
fn tensor(offset: &[u8], dims: &[u8], strides: &[u8]) -> Vec<u8> {
    let storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04";
    let head = b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(".as_slice();
    // The legacy container adds a sixth item to the storage; it may be None in either.
    [head, storage, b"NtQ", offset, dims, strides, b"\x89ccollections\nOrderedDict\n)RtRs."].concat()
}

#[test]
fn the_wrapped_pickle_is_read_so_the_refusals_below_mean_something() {
    let pickle = tensor(b"K\x00", b"K\x02K\x02\x86", b"K\x01K\x02\x86");
    for bytes in [zip_of(&pickle), legacy_of(&pickle)] {
        let archive = open(&bytes).unwrap();
        assert_eq!((archive.tensors()[0].name(), archive.tensors()[0].dims()), ("w", &[2, 2][..]));
    }
}

/// `{"w": tensor}` with these opcodes behind the tensor, in the same dict, under the key `x`.
fn beside(opcodes: &[u8]) -> Vec<u8> {
    let mut pickle = tensor(b"K\x00", b"K\x02\x85", b"K\x01\x85");
    pickle.pop();
    [pickle.as_slice(), b"X\x01\0\0\0x", opcodes, b"s."].concat()
}

/// What was passed over beside the one tensor `w`, the same in both containers.
fn passed_over(pickle: &[u8]) -> String {
    let listed = |bytes: &[u8]| {
        let archive = open(bytes).unwrap();
        assert_eq!(archive.tensors().iter().map(|tensor| tensor.name()).collect::<Vec<_>>(), ["w"]);
        let passed = archive.passed_over().iter().map(|entry| format!("{}: {}", entry.name, entry.what));
        passed.collect::<Vec<_>>().join(", ")
    };
    let said = listed(&zip_of(pickle));
    assert_eq!(said, listed(&legacy_of(pickle)));
    said
}

#[test]
fn calls_are_kept_by_name_and_never_run() {
    let marker = std::env::temp_dir().join(format!("netdissect-pickle-{}", std::process::id()));
    let touch = format!("touch {}", marker.display());
    let length = u8::try_from(touch.len()).unwrap();
    for (module, name) in [
        ("os", "system"),
        ("posix", "system"),
        ("nt", "system"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("__builtin__", "eval"),
        ("builtins", "getattr"),
        ("subprocess", "Popen"),
        ("torch", "load"),
        ("torch._utils", "_import_dotted_name"),
        ("torch.nn.modules.conv", "Conv2d"),
        ("torch.storage", "_load_from_bytes"),
    ] {
        let arguments = [b"X", &[length, 0, 0, 0][..], touch.as_bytes(), b"\x85"].concat();
        let global = [b"c", module.as_bytes(), b"\n", name.as_bytes(), b"\n"].concat();
        let sized = |text: &str| [&[0x8c, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
        let stack_global = [sized(module), sized(name), b"\x93".to_vec()].concat();
        let called = format!("an object of `{module}.{name}`");
        let unbracketed = &arguments[..arguments.len() - 1];
        for opcodes in [
            [&global[..], &arguments, b"R"].concat(),
            [&stack_global[..], &arguments, b"R"].concat(),
            [&stack_global[..], &arguments, b"\x81"].concat(),
            [&stack_global[..], &arguments, b"}\x92"].concat(),
            [b"(", unbracketed, b"i", &global[1..]].concat(),
            [b"(", &global[..], unbracketed, b"o"].concat(),
        ] {
            assert_eq!(passed_over(&beside(&opcodes)), format!("x: {called}"));
            // Wanted as the weights, the same is refused by name.
            let text = refused(&[b"\x80\x04", &opcodes[..], b"."].concat());
            assert!(text.contains(&format!("the file holds {called}; needed a dict of tensors")), "{text}");
        }
    }
    assert!(!marker.exists());
}

#[test]
fn data_is_not_callable_either() {
    for (pickle, found) in [
        (&b"\x80\x02X\x01\0\0\0x)R."[..], "calls a string"),
        (b"\x80\x02ctorch\nFloatStorage\n)R.", "Storage"),
        (b"\x80\x02ctorch\nfloat32\n)R.", "ElementType"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.", "RebuildTensorV2"),
        (b"\x80\x02ccollections\nOrderedDict\nK\x01R.", "without a tuple"),
        (b"\x80\x02ctorch\nSize\n}b.", "sets the state of"),
    ] {
        let text = refused(pickle);
        assert!(text.contains(found), "{found} is not in {text}");
    }
}

#[test]
fn whatever_training_loops_save_beside_their_weights_is_passed_over() {
    let numpy_scalar: &[u8] = b"cnumpy._core.multiarray\nscalar\ncnumpy\ndtype\n(X\x02\0\0\0f8K\x00K\x01tR(K\x03X\x01\0\0\0<NNNJ\xff\xff\xff\xff\
        J\xff\xff\xff\xffK\x00tbC\x08\0\0\0\0\0\0\xf0?\x86R";
    for (opcodes, what) in [
        (numpy_scalar, "an object of `numpy._core.multiarray.scalar`"),
        (b"cpathlib\nPosixPath\n(X\x01\0\0\0/X\x03\0\0\0tmptR", "an object of `pathlib.PosixPath`"),
        (
            b"cargparse\nNamespace\n)\x81}X\x02\0\0\0lrG?\xb9\x99\x99\x99\x99\x99\x9asb",
            "an object of `argparse.Namespace`",
        ),
        (b"ctorch\ndevice\nX\x04\0\0\0cuda\x85R", "an object of `torch.device`"),
        (b"ctorch\nfloat32\n", "a name of PyTorch"),
        (b"ctorch\nSize\nK\x02K\x03\x86\x85R", "a tuple"),
        (b"ccollections\ndefaultdict\nc__builtin__\nlist\n\x85RX\x01\0\0\0a]s", "a dict"),
        (b"c__builtin__\nset\n](K\x01K\x02e\x85R", "a set"),
        (b"\x8f(K\x01K\x02\x90", "a set"),
        (b"(K\x01\x91", "a set"),
        (b"\x96\x02\0\0\0\0\0\0\0ab", "bytes"),
        (b"\x97\x98", "bytes"),
        (b"\x8e\x02\0\0\0\0\0\0\0ab", "bytes"),
        (b"\x8d\x02\0\0\0\0\0\0\0ab", "a string"),
        (b"\x8b\x20\0\0\0abcdefghijklmnopabcdefghijklmnop", "bytes"),
        (b"X\x03\0\0\0\xed\xa0\x80", "bytes"),
        (b"cdatetime\ndatetime\nC\x0a\x07\xe9\x01\x01\0\0\0\0\0\0\x85R", "an object of `datetime.datetime`"),
        (b"c__main__\nColour\nK\x01\x85R", "an object of `__main__.Colour`"),
        (b"ccopy_reg\n_reconstructor\ncutils\nMeter\nc__builtin__\nobject\nN\x87R}b", "an object of `utils.Meter`"),
        (b"ctorch._utils\n_rebuild_sparse_tensor\n)R", "an object of `torch._utils._rebuild_sparse_tensor`"),
        (b"cutils\nWords\n)\x81(X\x01\0\0\0aK\x01u(X\x01\0\0\0be", "an object of `utils.Words`"),
        (b"X\x07\0\0\0unknownQ", "a reference out of the pickle"),
        (b"\x82\x07", "a reference out of the pickle"),
        (b"Pelsewhere\n", "a reference out of the pickle"),
        (b"I01\n", "a truth value"),
        (b"I12\n", "an integer"),
        (b"L12L\n", "an integer"),
        (b"F1.5\n", "a float"),
        (b"S'text'\n", "a string"),
        (b"Vtext\n", "a string"),
        (b"N2\x86", "a tuple"),
    ] {
        assert_eq!(passed_over(&beside(opcodes)), format!("x: {what}"), "{}", opcodes.escape_ascii());
    }
}

#[test]
fn long_histories_are_passed_over() {
    let floats = [b"](", b"G\0\0\0\0\0\0\0\0".repeat(1000).as_slice(), b"e"].concat();
    let history = [&b"]"[..], &[b"(", &floats[2..]].concat().repeat(3000)].concat();
    assert_eq!(passed_over(&beside(&history)), "x: a container of very many items");
}

#[test]
fn every_protocol_is_read_in_both_containers() {
    let good = tensor(b"K\x00", b"K\x02K\x02\x86", b"K\x01K\x02\x86");
    for protocol in 0..=5 {
        let pickle = [&[0x80, protocol], &good[2..]].concat();
        assert_eq!(passed_over(&pickle), "");
    }
    // Protocol 1 has no mark of its own.
    assert_eq!(passed_over(&good[2..]), "");
    let first =
        [&b"L119547037146038801333356L\n.M\xe9\x03.}U\x0dlittle_endianI01\ns."[..], &good[2..], b"]U\x010a."].concat();
    assert!(open(&[first, 4u64.to_le_bytes().to_vec(), vec![0; 16]].concat()).is_ok());
    // As Python writes protocol 4: frames, short texts, a memo that counts by itself.
    let short = |text: &str| [&[0x8c, u8::try_from(text.len()).unwrap()], text.as_bytes(), b"\x94"].concat();
    let pickle = [
        &b"\x80\x04\x95\0\0\0\0\0\0\0\0}\x94"[..],
        &short("w"),
        &short("torch._utils"),
        &short("_rebuild_tensor_v2"),
        b"\x93\x94((",
        &short("storage"),
        &short("torch"),
        &short("FloatStorage"),
        b"\x93\x94",
        &short("0"),
        &short("cpu"),
        b"K\x04NtQ",
        b"K\x00K\x02\x85K\x01\x85\x89",
        &short("collections"),
        &short("OrderedDict"),
        b"\x93)RtRs.",
    ]
    .concat();
    assert_eq!(passed_over(&pickle), "");
    assert!(refused(b"\x80\x06N.").contains("protocol 6"));
    assert!(refused(b"\x80\x02\xff.").contains("opcode 0xff is none of a pickle's"));
}

#[test]
fn parameters_subclasses_and_types_without_storages_are_tensors() {
    let plain = tensor(b"K\x00", b"K\x02\x85", b"K\x01\x85");
    let (dict, data) = plain[..plain.len() - 2].split_at(b"\x80\x02}X\x01\0\0\0w".len());
    let parameter =
        [dict, b"ctorch._utils\n_rebuild_parameter\n(", data, b"\x88ccollections\nOrderedDict\n)RtRs."].concat();
    assert_eq!(passed_over(&parameter), "");
    let (function, arguments) = data.split_at(b"ctorch._utils\n_rebuild_tensor_v2\n".len());
    let arguments = &arguments[..arguments.len() - 1];
    let typed =
        [dict, b"ctorch._tensor\n_rebuild_from_type_v2\n(", function, b"cmine\nTensor\n", arguments, b"}tRs."].concat();
    assert_eq!(passed_over(&typed), "");
    let bytes = b"(X\x07\0\0\0storagectorch.storage\nUntypedStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x10NtQK\x00K\x08\x85K\x01\x85\x89N";
    let third = |element: &str| {
        [dict, b"ctorch._utils\n_rebuild_tensor_v3\n(", bytes, b"ctorch\n", element.as_bytes(), b"\nNtRs."].concat()
    };
    let archive = open(&zip_of(&third("uint16"))).unwrap();
    assert_eq!((archive.tensors()[0].dtype().name(), archive.tensors()[0].dims()), ("u16", &[8][..]));
    assert!(refused(&third("float8_e4m3fn")).contains("`w`: elements are float8_e4m3fn"));
}

#[test]
fn bombs_of_depth_memo_size_and_count_are_refused() {
    let repeat = |unit: &[u8], count: usize| [b"\x80\x02", unit.repeat(count).as_slice(), b"."].concat();
    assert!(refused(&repeat(b"(", 100_000)).contains("nested"));
    assert!(refused(&repeat(b"N", 2_000_000)).contains("on the stack"));
    assert!(refused(&repeat(b"]0", 600_000)).contains("more than 32 MiB"));
    assert!(refused(b"\x80\x02Nr\xff\xff\xff\x7f.").contains("memo 2147483647"));
    assert!(refused(b"\x80\x02X\xff\xff\xff\xff.").contains("string of 4294967295 bytes"));
    assert!(refused(b"\x80\x02\x8b\xff\xff\xff\x7f.").contains("bytes"));
    assert!(refused(b"\x80\x05\x8e\xff\xff\xff\xff\xff\xff\xff\xff.").contains("bytes"));
    // A list of lists of the same list, doubled each time: tiny here, astronomic if it were walked.
    let mut laughs = b"\x80\x02]q\0".to_vec();
    for level in 0..100u8 {
        laughs.extend([b'0', b']', b'(', b'h', level, b'h', level, b'e', b'q', level + 1]);
    }
    laughs.push(b'.');
    assert!(refused(&laughs).contains("holds a list"));
    // Nested as deep as it likes without marks: no recursion follows it.
    assert!(refused(&repeat(b"N\x85\x85\x85\x85", 1)).contains("a tuple"));
    assert!(refused(&[b"\x80\x02N", [0x85].repeat(300_000).as_slice(), b"."].concat()).contains("a tuple"));
    // A dict that contains itself, and a copy of a long list made again and again.
    assert!(refused(b"\x80\x02}q\0X\x01\0\0\0ah\0s.").contains("no tensor"));
    let pairs = [&b"]q\0("[..], &b"]NaNa".repeat(1000), b"e0"].concat();
    let copies = b"ccollections\nOrderedDict\nh\0\x85R0".repeat(3000);
    assert!(refused(&[b"\x80\x02", pairs.as_slice(), &copies, b"N."].concat()).contains("more than 32 MiB"));
}

#[test]
fn stack_and_memo_mistakes_are_errors() {
    for pickle in [
        &b"\x80\x02."[..],
        b"\x80\x02(.",
        b"\x80\x02N(0.",
        b"\x80\x02N(\x85.",
        b"\x80\x02t.",
        b"\x80\x02e.",
        b"\x80\x02h\x07.",
        b"\x80\x02q\x07.",
        b"\x80\x02Na.",
        b"\x80\x02]NNs.",
        b"\x80\x02}(Nu.",
        b"\x80\x02NQ.",
        b"\x80\x02NR.",
        b"\x80\x02\x93.",
        b"\x80\x02cabc",
        b"\x80\x02c\xff\xff\n\xff\n.",
        b"\x80\x02X\x02\0\0\0\xff\xff.",
        b"\x80\x02X\x02\0",
        b"",
    ] {
        refused(pickle);
    }
}

#[test]
fn tensors_that_leave_or_overlap_their_storage_are_refused() {
    let two = b"K\x02\x85".as_slice();
    let one = b"K\x01\x85".as_slice();
    for (offset, dims, strides, word) in [
        (&b"K\x03"[..], two, one, "outside its storage"),
        (b"K\x00", b"K\x05\x85", one, "outside its storage"),
        (b"K\x00", two, b"K\x04\x85", "outside its storage"),
        (b"K\x00", b"K\x02K\x02\x86", b"K\x01K\x01\x86", "overlaps itself"),
        (b"K\x00", b"J\xff\xff\xff\x00\x85", b"K\x00\x85", "repeat 16777214 elements"),
        (b"K\x00", two, b"J\xff\xff\xff\xff\x85", "a size of -1"),
        (b"J\xff\xff\xff\xff", two, one, "a size of -1"),
        (b"K\x00", two, b"K\x01K\x01\x86", "2 strides"),
        (b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", two, one, "outside its storage"),
        (b"K\x00", b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\x04\x86", b"K\x01K\x01\x86", "memory"),
        (b"K\x00", b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x85", one, "a size of"),
        (b"G\0\0\0\0\0\0\0\0", two, one, "a float"),
        (b"K\x00", b"(KKKKKKKKKKKKKKKKKKt", one, "dimensions"),
        (b"N", two, one, "None"),
    ] {
        let text = refused(&tensor(offset, dims, strides));
        assert!(text.contains(word), "{word} is not in {text}");
    }
}

#[test]
fn storages_must_be_as_long_as_declared_and_described_once() {
    let good = tensor(b"K\x00", b"K\x02\x85", b"K\x01\x85");
    let replace = |from: &[u8], to: &[u8]| {
        let at = good.windows(from.len()).position(|window| window == from).unwrap();
        [&good[..at], to, &good[at + from.len()..]].concat()
    };
    assert!(refused(&replace(b"cpuK\x04", b"cpuK\x05")).contains("16 bytes; 5 elements of float32 were declared"));
    assert!(refused(&replace(b"FloatStorage", b"DoubleStorage")).contains("4 elements of float64 were declared"));
    assert!(open(&zip_of(&replace(b"\0\0\x000X", b"\0\0\x001X"))).err().unwrap().to_string().contains("`1` is not in"));
    assert!(
        refused(&replace(b"\0\0\0storage", b"\0\0\0stOrage"))
            .contains("a tensor of a reference out of the pickle; needed a storage")
    );
    assert!(refused(&replace(b"ctorch\nFloatStorage\n", b"X\x01\0\0\0f")).contains("storage of type a string"));
}

#[test]
fn objects_that_are_no_state_dict_say_what_they_are() {
    assert!(refused(b"\x80\x02N.").contains("holds None; needed a dict of tensors"));
    assert!(refused(b"\x80\x02}X\x05\0\0\0epochK\x01s.").contains("a dict with no tensor but the keys `epoch`"));
    assert!(refused(b"\x80\x02}X\x0a\0\0\0state_dictK\x01s.").contains("keys `state_dict`"));
}
