//! Files whose reading could take many times their size: the program is run on each with little memory to take.
//!
//! A process that is given less than it asks for aborts, so the limit is held by the system, not by a count of ours.

#![cfg(target_os = "linux")]

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// What reading may take beyond the file, and what the program takes before it reads: both in KiB.
const LIMIT: u32 = (64 + 24) << 10;

/// Looks into a file with limited memory; what was said.
fn inspect(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    inspect_at(&path)
}

fn inspect_at(path: &Path) -> String {
    let script = format!("ulimit -d {LIMIT} && exec \"$0\" weights inspect \"$1\"");
    let out = Command::new("sh").args(["-c", &script, env!("CARGO_BIN_EXE_netdissect")]).arg(path).output().unwrap();
    let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
    assert!(matches!(out.status.code(), Some(0 | 3)), "{:?}: {said}", out.status);
    said
}

fn safetensors(header: &str) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()
}

#[test]
fn headers_of_safetensors_take_little() {
    let pairs: Vec<String> = (0..1_000_000).map(|k| format!("\"{k:07}\":\"{k:06}\"")).collect();
    assert!(
        inspect(&safetensors(&format!("{{\"__metadata__\":{{{}}}}}", pairs.join(",")))).contains("at most 16777216")
    );
    let pairs = &pairs[..800_000];
    assert!(inspect(&safetensors(&format!("{{\"__metadata__\":{{{}}}}}", pairs.join(",")))).contains("10000 pairs"));
    let entry = |shape: &str| format!("{{\"a\":{{\"dtype\":\"F32\",\"shape\":[{shape}],\"data_offsets\":[0,0]}}}}");
    assert!(inspect(&safetensors(&entry(&["1"; 5_000_000].join(",")))).contains("at most 8 sizes"));
    assert!(inspect(&safetensors(&format!("{{\"{}\":1}}", "\\n".repeat(5_000_000)))).contains("at most 1000 bytes"));
    let names: Vec<String> = (0..19_000)
        .map(|k| {
            format!("\"{}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", format!("{k:06}").repeat(100))
        })
        .collect();
    assert!(inspect(&safetensors(&format!("{{{}}}", names.join(",")))).contains("19000 tensors"));
}

/// A protobuf field of bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(content);
    bytes
}

#[test]
fn graphs_of_onnx_take_little() {
    let graph = |content: &[u8]| inspect(&[&[8, 8], field(7, content).as_slice(), &field(8, &[0x10, 17])].concat());
    assert!(graph(&field(1, b"").repeat(5_000_000)).contains("more than 50000 operators"));
    assert!(graph(&field(1, &field(1, b"").repeat(5_000_000))).contains("more than 32 MiB"));
    assert!(graph(&field(1, &field(2, b"").repeat(5_000_000))).contains("more than 32 MiB"));
    assert!(graph(&field(1, &field(5, b"").repeat(5_000_000))).contains("more than 32 MiB"));
    assert!(graph(&field(1, &field(5, &field(8, &[0; 10_000_000])))).contains("more than 32 MiB"));
    assert!(graph(&field(5, &field(1, &[1; 10_000_000]))).contains("more than 8 dimensions"));
    // Ten million integers for a tensor of one.
    let tensor = [&[8, 1, 0x10, 7][..], &field(7, &[0; 10_000_000])].concat();
    assert!(graph(&field(5, &tensor)).contains("i64 [1] needs 8 bytes"));
    let nodes: Vec<u8> = (0..49_000).flat_map(|k| field(1, &field(2, format!("{k}").as_bytes()))).collect();
    assert!(graph(&nodes).contains("0 tensors"));
}

#[test]
fn pickles_take_little() {
    let zipped = |object: &[u8]| inspect(&crate::pickles::zip_of(&[b"\x80\x02", object, b"."].concat()));
    assert!(zipped(&b"]0".repeat(5_000_000)).contains("more than 32 MiB"));
    assert!(
        zipped(&[b"](".as_slice(), &b"}X\x01\0\0\0aNs".repeat(400_000), b"e"].concat()).contains("more than 32 MiB")
    );
    assert!(zipped(&[b"ca\nb\nq\0".as_slice(), &b"h\0)R}b0".repeat(3_000_000)].concat()).contains("more than 32 MiB"));
    let memo: Vec<u8> = (0..2_000_000u32).flat_map(|k| [b"r".as_slice(), &k.to_le_bytes()].concat()).collect();
    assert!(zipped(&[b"N", memo.as_slice()].concat()).contains("holds None"));
    let texts: Vec<u8> = (0..900_000).flat_map(|k| format!("X\x06\0\0\0{k:06}a").into_bytes()).collect();
    assert!(zipped(&[b"]", texts.as_slice()].concat()).contains("very many items"));
}

#[test]
fn packed_arrays_are_unpacked_as_a_stream() {
    // 300 MB of numbers in 4 MB.
    let numbers: Vec<u8> =
        (0..2_500_000u32).flat_map(|k| ((k / 80).wrapping_mul(2_654_435_761) >> 9).to_le_bytes()).collect();
    let mut header = b"\x93NUMPY\x01\0\x76\0{'descr': '<f4', 'fortran_order': False, 'shape': (75000000,), }".to_vec();
    header.resize(128, b' ');
    let mut crc = flate2::Crc::new();
    crc.update(&header);
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&header).unwrap();
    for _ in 0..30 {
        crc.update(&numbers);
        encoder.write_all(&numbers).unwrap();
    }
    let packed = encoder.finish().unwrap();
    let size = u32::try_from(header.len() + 30 * numbers.len()).unwrap();
    assert!(packed.len() > size as usize / 100, "{} bytes", packed.len());
    let about = [
        &[8, 0, 0, 0, 0, 0][..],
        &crc.sum().to_le_bytes(),
        &(packed.len() as u32).to_le_bytes(),
        &size.to_le_bytes(),
        &[5, 0, 0, 0],
    ]
    .concat();
    let local = [b"PK\x03\x04\x14\0\0\0".as_slice(), &about, b"w.npy", &packed].concat();
    let central = [b"PK\x01\x02\x14\0\x14\0\0\0".as_slice(), &about, &[0; 14], b"w.npy"].concat();
    let end = [
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(),
        &(central.len() as u32).to_le_bytes(),
        &(local.len() as u32).to_le_bytes(),
        &[0, 0],
    ]
    .concat();
    let said = inspect(&[local, central, end].concat());
    assert!(said.contains("f32 [75000000]"), "{said}");
}
