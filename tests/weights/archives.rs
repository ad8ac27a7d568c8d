//! Zip archives as PyTorch writes them, byte by byte, and ones that say something else in each place that can.

use netdissect::error::Error;
use netdissect::weights::Archive;

use crate::pickles::open;

/// A member of an archive, and what its two headers say.
#[derive(Clone)]
struct Member {
    name: String,
    data: Vec<u8>,
    /// As stored; the same as `data` unless it is packed.
    packed: Vec<u8>,
    flags: u16,
    method: u16,
    crc: u32,
    /// Mark and field sizes of the descriptor behind the data.
    descriptor: Vec<u8>,
    /// Further fields of the central header.
    extra: Vec<u8>,
    made_by: u16,
    external: u32,
    local_flags: u16,
    local_method: u16,
}

impl Member {
    fn new(name: &str, data: &[u8]) -> Self {
        let crc = crc(data);
        let size = u32::try_from(data.len()).unwrap().to_le_bytes();
        let descriptor = [&b"PK\x07\x08"[..], &crc.to_le_bytes(), &size, &size].concat();
        let (name, data) = (name.to_owned(), data.to_vec());
        let packed = data.clone();
        Member {
            name,
            data,
            packed,
            flags: 0x808,
            method: 0,
            crc,
            descriptor,
            extra: Vec::new(),
            made_by: 0,
            external: 0,
            local_flags: 0x808,
            local_method: 0,
        }
    }

    fn flagged(mut self, flags: u16) -> Self {
        (self.flags, self.local_flags) = (flags, flags);
        self
    }
}

fn crc(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

/// As PyTorch writes: sizes behind the data, data at multiples of 64, and records for large archives whatever the size.
fn torch_zip(members: &[Member]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let offset = u32::try_from(bytes.len()).unwrap();
        let name = u16::try_from(member.name.len()).unwrap();
        let start = bytes.len() + 30 + member.name.len() + 4;
        let padding = start.next_multiple_of(64) - start;
        bytes.extend(
            [
                &b"PK\x03\x04"[..],
                &[0, 0],
                &member.local_flags.to_le_bytes(),
                &member.local_method.to_le_bytes(),
                &[0; 16],
                &name.to_le_bytes(),
            ]
            .concat(),
        );
        bytes.extend(u16::try_from(padding + 4).unwrap().to_le_bytes());
        bytes.extend(
            [member.name.as_bytes(), b"FB", &u16::try_from(padding).unwrap().to_le_bytes(), &vec![b'Z'; padding]]
                .concat(),
        );
        bytes.extend([&member.packed[..], &member.descriptor].concat());
        let sizes = [member.packed.len(), member.data.len()].map(|size| u32::try_from(size).unwrap().to_le_bytes());
        directory.extend(
            [
                &b"PK\x01\x02"[..],
                &member.made_by.to_le_bytes(),
                &[0, 0],
                &member.flags.to_le_bytes(),
                &member.method.to_le_bytes(),
                &[0; 4],
            ]
            .concat(),
        );
        directory.extend([&member.crc.to_le_bytes()[..], &sizes[0], &sizes[1], &name.to_le_bytes()].concat());
        directory.extend(
            [
                &u16::try_from(member.extra.len()).unwrap().to_le_bytes()[..],
                &[0; 6],
                &member.external.to_le_bytes(),
                &offset.to_le_bytes(),
            ]
            .concat(),
        );
        directory.extend([member.name.as_bytes(), &member.extra].concat());
    }
    finish(bytes, &directory, members.len() as u64)
}

fn finish(mut bytes: Vec<u8>, directory: &[u8], count: u64) -> Vec<u8> {
    let (start, size) = (bytes.len() as u64, directory.len() as u64);
    bytes.extend(directory);
    let end_64 = bytes.len() as u64;
    bytes.extend([&b"PK\x06\x06"[..], &44u64.to_le_bytes(), &[0x1e, 3, 45, 0], &[0; 8]].concat());
    bytes.extend([count, count, size, start].iter().flat_map(|number| number.to_le_bytes()));
    bytes.extend([&b"PK\x06\x07"[..], &[0; 4], &end_64.to_le_bytes(), &1u32.to_le_bytes()].concat());
    let short = u16::try_from(count).unwrap().to_le_bytes();
    let [size, start] = [size, start].map(|number| u32::try_from(number).unwrap().to_le_bytes());
    bytes.extend([&b"PK\x05\x06"[..], &[0; 4], &short, &short, &size, &start, &[0, 0]].concat());
    bytes
}

/// A state dict of one tensor of four numbers, in a folder of this name.
fn checkpoint(stem: &str) -> Vec<Member> {
    let pickle = [
        &b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n"[..],
        b"X\x01\0\0\x000X\x03\0\0\0cpuK\x04tQK\x00K\x04\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRs.",
    ]
    .concat();
    let data: Vec<u8> = (0..4u8).flat_map(|value| f32::from(value).to_le_bytes()).collect();
    let files = [
        ("data.pkl", &pickle[..]),
        (".format_version", b"1"),
        ("byteorder", b"little"),
        ("data/0", &data),
        ("version", b"3\n"),
        (".data/serialization_id", b"0123456789"),
    ];
    files.map(|(name, data)| Member::new(&format!("{stem}/{name}"), data)).to_vec()
}

fn values(bytes: &[u8]) -> Result<Vec<f32>, Error> {
    open(bytes).and_then(|archive: Archive| archive.tensors()[0].to_f32())
}

/// What is said of an archive whose storage was changed.
fn changed(change: impl FnOnce(&mut Member)) -> String {
    let mut members = checkpoint("a");
    change(&mut members[3]);
    open(&torch_zip(&members)).err().expect("this archive must be refused").to_string()
}

#[test]
fn folders_of_every_length_are_read() {
    for length in 1..=64 {
        let bytes = torch_zip(&checkpoint(&"s".repeat(length)));
        assert_eq!(values(&bytes).unwrap(), [0.0, 1.0, 2.0, 3.0], "{length}");
    }
}

#[test]
fn descriptors_of_every_form_are_read_and_must_repeat_the_directory() {
    let forms = |marked: bool, wide: bool| {
        let mut members = checkpoint("a");
        for member in &mut members {
            let size = member.data.len() as u64;
            let sizes = if wide {
                [size.to_le_bytes(), size.to_le_bytes()].concat()
            } else {
                [&size.to_le_bytes()[..4], &size.to_le_bytes()[..4]].concat()
            };
            let mark: &[u8] = if marked { b"PK\x07\x08" } else { b"" };
            member.descriptor = [mark, &member.crc.to_le_bytes(), &sizes].concat();
        }
        values(&torch_zip(&members))
    };
    for (marked, wide) in [(true, true), (true, false), (false, true), (false, false)] {
        assert_eq!(forms(marked, wide).unwrap(), [0.0, 1.0, 2.0, 3.0], "{marked} {wide}");
    }
    for at in 4..16 {
        let text = changed(|member| member.descriptor[at] ^= 1);
        assert!(text.contains("`a/data/0`: what follows its data does not repeat"), "{text}");
    }
    assert!(changed(|member| member.descriptor.clear()).contains("does not repeat"));
}

#[test]
fn every_flag_that_changes_the_data_is_refused_by_its_meaning() {
    for bit in 0..16 {
        let flags = 0x808 | 1u16 << bit;
        let mut members = checkpoint("a");
        members[3] = members[3].clone().flagged(flags);
        let opened = open(&torch_zip(&members));
        let meaning = match bit {
            1 | 2 | 3 | 11 => {
                opened.unwrap();
                continue;
            }
            0 => "encrypted",
            4 => "enhanced deflating",
            5 => "a patch of other data",
            6 => "strongly encrypted",
            13 => "encrypted directory",
            _ => "unknown flags",
        };
        let text = opened.err().unwrap().to_string();
        assert!(text.contains("`a/data/0`: the member ") && text.contains(meaning), "{bit}: {text}");
    }
}

#[test]
fn methods_links_second_names_and_disagreeing_headers_are_refused() {
    for method in [1, 9, 12, 14, 93, 95, 99] {
        let text = changed(|member| (member.method, member.local_method) = (method, method));
        assert!(text.contains(&format!("packed by method {method}; needed stored or deflated")), "{text}");
    }
    assert!(changed(|member| member.local_flags = 0x800).contains("disagree"));
    assert!(changed(|member| member.local_method = 8).contains("disagree"));
    assert!(changed(|member| member.crc ^= 1).contains("does not repeat"));
    assert!(changed(|member| (member.made_by, member.external) = (3 << 8, 0o120_777 << 16)).contains("a link"));
    assert!(changed(|member| member.extra = b"up\x02\0ab".to_vec()).contains("given twice"));
    let long = [&[1, 0, 16, 0][..], &[16, 0, 0, 0, 0, 0, 0, 0].repeat(2)].concat();
    assert!(changed(|member| member.extra = long.repeat(2)).contains("given twice"));
    assert!(changed(|member| member.name = "../0".into()).contains("leaves its folder"));
    assert!(
        changed(|member| member.name = "a/byteorder".into())
            .contains("`a/byteorder`: the archive holds this name twice")
    );
}

#[test]
fn hidden_and_missing_bytes_are_refused() {
    let good = torch_zip(&checkpoint("a"));
    let directory = good.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    // A member that the directory does not know of.
    let hidden = torch_zip(&checkpoint("a")[..1]);
    let end = hidden.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let count = good.len() as u64;
    let text = open(&finish([&good[..directory], &hidden[..end]].concat(), &good[directory..good.len() - 98], 6))
        .err()
        .unwrap()
        .to_string();
    assert!(text.contains("before the directory belong to no member"), "{text} {count}");
    // Ends that disagree, that lie elsewhere, that promise more or other parts.
    for (back, name) in [
        (22 + 20 + 56 - 24, "count"),
        (22 + 20 + 56 - 40, "size"),
        (22 + 20 + 56 - 48, "start"),
        (22 + 12, "record"),
        (12, "count"),
        (10, "size"),
        (6, "start"),
        (18, "disk"),
        (2, "comment"),
    ] {
        let mut bytes = good.clone();
        let at = bytes.len() - back;
        bytes[at] ^= 1;
        assert!(open(&bytes).is_err(), "{name} at {back}");
    }
}

#[test]
fn packed_members_are_read_and_must_hold_what_they_declare() {
    use std::io::Write as _;
    let pack = |data: &[u8]| {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    };
    let packed = |declared: usize, real: usize, more: &[u8]| {
        let mut members = checkpoint("a");
        let member = &mut members[3];
        member.data.resize(declared, 0);
        member.packed = [
            pack(&member.data.iter().copied().chain(std::iter::repeat(0)).take(real).collect::<Vec<u8>>()),
            more.to_vec(),
        ]
        .concat();
        (member.method, member.local_method, member.crc) = (8, 8, crc(&member.data));
        let sizes = [member.packed.len(), member.data.len()].map(|size| u32::try_from(size).unwrap().to_le_bytes());
        member.descriptor = [&b"PK\x07\x08"[..], &member.crc.to_le_bytes(), &sizes[0], &sizes[1]].concat();
        values(&torch_zip(&members)).map_err(|error| error.to_string())
    };
    assert_eq!(packed(16, 16, b"").unwrap(), [0.0, 1.0, 2.0, 3.0]);
    assert!(packed(16, 15, b"").unwrap_err().contains("16 bytes declared; found 15"));
    assert!(packed(16, 70_000, b"").unwrap_err().contains("16 bytes declared; found"));
    assert!(packed(16, 16, b"x").unwrap_err().contains("bytes follow its packed data"));
    assert!(packed(64, 64, b"").unwrap_err().contains("its storage has 64 bytes; 4 elements"));
}
