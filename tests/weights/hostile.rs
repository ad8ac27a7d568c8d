//! Damaged and hostile files of every container: an error each, never a panic, never much memory.

use std::io::{Cursor, Write as _};

use netdissect::models::vgg16;
use netdissect::weights;
use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::pickles::{open, zip_of};
use crate::support::{FIXTURES, golden};

/// Opens and reads everything, as import and inspect would; returns whether all of it was accepted.
fn exercise(bytes: &[u8]) -> bool {
    let Ok(archive) = open(bytes) else { return false };
    let values = archive.tensors().iter().map(|tensor| tensor.to_f32().is_ok()).fold(true, |all, one| all & one);
    let assigned = [false, true].map(|body| vgg16::weights::assign(&archive, body).is_ok());
    values && assigned[1]
}

#[test]
fn files_cut_short_anywhere_are_refused() {
    for name in FIXTURES {
        let bytes = std::fs::read(golden(name)).unwrap();
        assert!(exercise(&bytes), "{name} is whole");
        let cuts = (0..bytes.len()).step_by(64).chain(bytes.len().saturating_sub(40)..bytes.len());
        for length in cuts {
            // A protobuf cut between two fields is a valid, shorter message; what is missing shows in the import.
            assert!(!exercise(&bytes[..length]), "{name} cut to {length} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    for name in FIXTURES.iter().filter(|name| !name.ends_with(".onnx")) {
        let bytes = std::fs::read(golden(name)).unwrap();
        assert!(!exercise(&[bytes.as_slice(), b"x"].concat()), "{name}");
        assert!(!exercise(&[b"x", bytes.as_slice()].concat()), "{name}");
    }
}

fn good_pickle() -> Vec<u8> {
    [
        &b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n"[..],
        b"X\x01\0\0\x000X\x03\0\0\0cpuK\x04tQK\x00K\x04\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRs.",
    ]
    .concat()
}

fn zip_with(entries: &[(&str, &[u8], CompressionMethod)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes, method) in entries {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(*method)).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = (0..bytes.len() - from.len()).filter(|&at| &bytes[at..at + from.len()] == from).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| bytes[at..at + to.len()].copy_from_slice(to));
    bytes
}

fn refused(bytes: &[u8]) -> String {
    open(bytes).err().expect("this archive must be refused").to_string()
}

#[test]
fn deflated_archives_are_read() {
    let pickle = good_pickle();
    let data: Vec<u8> = (0..4u16).flat_map(|value| f32::from(value).to_le_bytes()).collect();
    let deflated = CompressionMethod::Deflated;
    let archive = open(&zip_with(&[("a/data.pkl", &pickle, deflated), ("a/data/0", &data, deflated)])).unwrap();
    assert_eq!(archive.tensors()[0].to_f32().unwrap(), [0.0, 1.0, 2.0, 3.0]);
}

#[test]
fn compression_bombs_are_refused() {
    let pickle = good_pickle();
    let zeros = vec![0; 1 << 24];
    let entries =
        [("a/data.pkl", &pickle[..], CompressionMethod::Stored), ("a/data/0", &zeros, CompressionMethod::Deflated)];
    assert!(refused(&zip_with(&entries)).contains("more than weights ever do"), "{}", refused(&zip_with(&entries)));
}

#[test]
fn archives_that_lie_about_themselves_are_refused() {
    let good = zip_of(&good_pickle());
    assert!(open(&good).is_ok());
    // One bit of a storage, which only the checksum tells.
    let mut flipped = good.clone();
    let storage = good.windows(9).position(|window| window == b"a/data/0\0").unwrap() + 9;
    flipped[storage] ^= 1;
    assert!(refused(&flipped).contains("`a/data/0`: damaged"), "{}", refused(&flipped));
    // Names that leave the folder, on both sides of the two directories.
    let traversal = replaced(&good, b"a/byteorder", b"../yteorder");
    assert!(refused(&traversal).contains("leaves its folder"), "{}", refused(&traversal));
    // Only the central directory renamed: the two disagree.
    let mut hidden = good.clone();
    let last = (0..good.len() - 8).rfind(|&at| &good[at..at + 8] == b"a/data/0").unwrap();
    hidden[last + 7] = b'1';
    refused(&hidden);
    // Two entries at one place, and one name twice.
    let mut overlapping = good.clone();
    let central: Vec<usize> = (0..good.len() - 4).filter(|&at| &good[at..at + 4] == b"PK\x01\x02").collect();
    let first_offset: [u8; 4] = good[central[0] + 42..central[0] + 46].try_into().unwrap();
    overlapping[central[2] + 42..central[2] + 46].copy_from_slice(&first_offset);
    refused(&overlapping);
    refused(&replaced(&good, b"a/byteorder", b"a//data.pkl"));
    let two = [
        ("a/data.pkl", &good_pickle()[..], CompressionMethod::Stored),
        ("b/data.pkl", b"N.", CompressionMethod::Stored),
    ];
    assert!(refused(&zip_with(&two)).contains("two members named `data.pkl`"));
    assert!(refused(&zip_with(&two[1..])).contains("holds None"));
    assert!(refused(&zip_with(&[])).contains("without `data.pkl`"));
    assert!(refused(&replaced(&good, b"little", b"bigbig")).contains("damaged"));
}

#[test]
fn trailing_bytes_in_the_pickle_and_big_endian_files_are_refused() {
    let stored = CompressionMethod::Stored;
    let trailing = [good_pickle().as_slice(), b"cos\nsystem\n."].concat();
    assert!(refused(&zip_of(&trailing)).contains("12 bytes follow the pickle"));
    let (pickle, data) = (good_pickle(), [0; 16]);
    let big = [("a/data.pkl", &pickle[..], stored), ("a/byteorder", b"big", stored), ("a/data/0", &data, stored)];
    assert!(refused(&zip_with(&big)).contains("big-endian"));
}

/// A protobuf field: length-delimited, sizes below 128.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
}

fn onnx_with(tensor: &[u8]) -> Vec<u8> {
    [&[0x08, 8], field(7, &field(5, tensor)).as_slice(), &field(8, &[0x10, 17])].concat()
}

#[test]
fn hostile_onnx_tensors_are_refused() {
    let floats = |dims: &[u8], bytes: usize| [dims, &[0x10, 1], &field(9, &vec![0; bytes])].concat();
    assert!(open(&onnx_with(&floats(&[8, 2], 8))).is_ok());
    let negative = [&[8][..], &[0xff; 9], &[1]].concat();
    assert!(refused(&onnx_with(&floats(&negative, 8))).contains("sizes [-1]"));
    let huge = [&[8][..], &[0xff; 8], &[0x7f]].concat();
    assert!(refused(&onnx_with(&floats(&[huge.clone(), huge].concat(), 8))).contains("memory"));
    assert!(refused(&onnx_with(&floats(&[8, 3], 8))).contains("8 bytes of data; f32 [3] needs 12 bytes"));
    assert!(refused(&onnx_with(&[8, 2, 0x10, 99])).contains("element type 99"));
    let strange = [&[8, 2, 0x10, 99][..], &field(8, b"x")].concat();
    let beside = |taken: &[u8]| {
        let node = [field(1, taken), field(2, b"y"), field(4, b"Relu")].concat();
        let graph = [field(1, &node), field(5, &floats(&[8, 2], 8)), field(5, &strange)].concat();
        [&[0x08, 8], field(7, &graph).as_slice(), &field(8, &[0x10, 17])].concat()
    };
    let archive = open(&beside(b"image")).unwrap();
    assert_eq!((archive.tensors().len(), archive.passed_over()[0].name.as_str()), (1, "x"));
    assert!(refused(&beside(b"x")).contains("`x`: numbers of ONNX element type 99"));
    let location = [field(1, b"location"), field(2, b"../../etc/passwd")].concat();
    let external = [&[8, 2, 0x10, 1][..], &field(13, &location), &[0x70, 1]].concat();
    let text = refused(&onnx_with(&external));
    assert!(text.contains("its data lies in `../../etc/passwd`; needed a plain name"), "{text}");
}

#[test]
fn onnx_messages_nested_without_end_are_refused() {
    // Field 3 as a group that opens and opens and never closes.
    let nested = [&[0x08, 8][..], &[0x1b; 100_000]].concat();
    assert!(refused(&nested).contains("a field of kind 3"), "{}", refused(&nested));
    refused(&[0x08, 8, 0x3b]);
}

/// An ONNX file of one tensor of two numbers, whose data lies where these entries say.
fn external(entries: &[(&str, &str)]) -> Vec<u8> {
    let entry =
        |(key, value): &(&str, &str)| field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat());
    let entries: Vec<u8> = entries.iter().flat_map(entry).collect();
    onnx_with(&[&[8, 2, 0x10, 1][..], &field(8, b"w"), &entries, &[0x70, 1]].concat())
}

#[test]
fn data_beside_an_onnx_file_is_read_from_its_own_folder_only() {
    let folder = tempfile::tempdir().unwrap();
    let (outside, inside) = (folder.path().join("secret"), folder.path().join("model"));
    std::fs::create_dir(&inside).unwrap();
    let data: Vec<u8> = [7.0f32, 0.5, -1.0, 3.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(&outside, &data).unwrap();
    std::fs::write(inside.join("w.data"), &data).unwrap();
    let path = inside.join("w.onnx");
    let open = |entries: &[(&str, &str)]| {
        std::fs::write(&path, external(entries)).unwrap();
        let archive = weights::open(&path).map_err(|error| error.to_string())?;
        archive.tensors()[0].to_f32().map_err(|error| error.to_string())
    };
    assert_eq!(open(&[("location", "w.data"), ("offset", "4"), ("length", "8")]).unwrap(), [0.5, -1.0]);
    assert_eq!(open(&[("location", "w.data")]).unwrap(), [7.0, 0.5]);
    let archive = weights::open(&path).unwrap();
    let files: Vec<_> =
        archive.data_files().iter().map(|file| (file.name(), file.file_bytes(), file.sha256())).collect();
    assert_eq!(files, [("w.data", 16, netdissect::hash::sha256(&data).as_str())]);
    let absolute = outside.to_str().unwrap();
    for name in ["../secret", absolute, "./w.data", "w.data/", "..", ".", "", "a\\w.data", "../model/w.data"] {
        let text = open(&[("location", name)]).unwrap_err();
        assert!(text.contains("needed a plain name of a file beside this one"), "{name}: {text}");
    }
    assert!(open(&[("location", "v.data")]).unwrap_err().contains("`v.data`, which is not there"));
    assert!(open(&[("offset", "0")]).unwrap_err().contains("nobody says where"));
    for (offset, length) in [("12", "8"), ("17", "0"), ("18446744073709551615", "8"), ("0", "18446744073709551615")] {
        let text = open(&[("location", "w.data"), ("offset", offset), ("length", length)]).unwrap_err();
        assert!(text.contains("which has 16"), "{text}");
    }
    assert!(open(&[("location", "w.data"), ("length", "4")]).unwrap_err().contains("4 bytes of data; f32 [2] needs 8"));
    assert!(open(&[("location", "w.data"), ("offset", "-4")]).unwrap_err().contains("a position `-4`"));
    assert!(
        open(&[("location", "w.data"), ("location", "w.data")]).unwrap_err().contains("its location is given twice")
    );
    std::fs::create_dir(inside.join("d")).unwrap();
    assert!(open(&[("location", "d")]).unwrap_err().contains("is not there"));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        assert!(open(&[("location", "link")]).unwrap_err().contains("a link that leads out of the folder"));
        std::os::unix::fs::symlink(inside.join("w.data"), inside.join("near")).unwrap();
        assert_eq!(open(&[("location", "near")]).unwrap(), [7.0, 0.5]);
        // As in a cache, where both are links to one other folder.
        let cache = folder.path().join("cache");
        std::fs::create_dir(&cache).unwrap();
        open(&[("location", "w.data")]).unwrap();
        for name in ["w.onnx", "w.data"] {
            std::os::unix::fs::symlink(inside.join(name), cache.join(name)).unwrap();
        }
        let archive = weights::open(&cache.join("w.onnx")).unwrap();
        assert_eq!(archive.tensors()[0].to_f32().unwrap(), [7.0, 0.5]);
    }
}

#[test]
fn doubled_names_of_onnx_tensors_are_refused() {
    let tensor = [&[8, 1, 0x10, 1][..], &field(8, b"w"), &field(9, &[0; 4])].concat();
    let graph = [field(5, &tensor), field(5, &tensor)].concat();
    let file = [&[0x08, 8], field(7, &graph).as_slice(), &field(8, &[0x10, 17])].concat();
    assert!(refused(&file).contains("tensor `w` is there twice"));
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edits = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6);
    let cut = (any::<prop::sample::Index>(), any::<prop::sample::Index>());
    (prop::sample::select(&FIXTURES[..]), edits, prop::option::of(cut)).prop_map(|(name, edits, cut)| {
        let mut bytes = std::fs::read(golden(name)).unwrap();
        if let Some((from, to)) = cut {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            bytes.drain(from.min(to)..from.max(to).min(from.min(to) + 64));
        }
        let length = bytes.len();
        edits.into_iter().for_each(|(at, value)| bytes[at.index(length)] = value);
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_never_panic(bytes in mutated()) {
        exercise(&bytes);
    }

    #[test]
    fn random_bytes_behind_any_magic_never_panic(magic in 0..6usize, bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let magics: [&[u8]; 6] = [b"", b"PK\x03\x04", b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", b"\x40\0\0\0\0\0\0\0{", &[8, 8, 0x3a], b"\x80\x02"];
        prop_assert!(!exercise(&[magics[magic], &bytes].concat()));
    }

    #[test]
    fn random_pickles_never_panic(bytes in proptest::collection::vec(prop::sample::select(&b"\x80\x02.(0tlded)]}aesubqrhj\x94c\x93RQNK\x88\x85\x86\x87X\x00\x01\x04"[..]), 0..200)) {
        exercise(&zip_of(&bytes));
    }
}
