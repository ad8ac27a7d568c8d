//! The zip container of PyTorch: `PREFIX/data.pkl`, and one raw entry `PREFIX/data/KEY` per storage.
//!
//! Scanners of such files were fooled by bad checksums, odd flags, hidden members and overlapping entries, so an
//! archive with any of these is refused whole.

use std::collections::HashMap;
use std::io::{Cursor, Read, copy, sink};

use prost::bytes::Bytes;
use zip::{CompressionMethod, ZipArchive};

use super::container::{Container, Contents};
use super::tensor::quote;
use super::{npz, pickle, torch};
use crate::error::{Error, Result};

/// Entries of one archive; a checkpoint has one for each tensor.
const ENTRIES_MAX: usize = 20_000;
/// Bytes of `data.pkl`; ResNet-152 has 90 thousand.
const PICKLE_MAX: usize = 1 << 25;
/// Compressed entries are unpacked into memory; PyTorch itself never compresses.
const UNPACKED_MAX: u64 = 1 << 30;
/// No trained weights shrink nearly as much.
const RATIO_MAX: u64 = 100;

type Zip = ZipArchive<Cursor<Bytes>>;

/// Whether the file opens like a zip archive.
pub(super) fn is_zip(source: &[u8]) -> bool {
    source.starts_with(b"PK\x03\x04") || source.starts_with(b"PK\x05\x06")
}

/// Reads the container, or an `.npz` file, which is a zip archive too.
pub(super) fn read(source: &Bytes) -> Result<Contents> {
    let mut zip = ZipArchive::new(Cursor::new(source.clone())).map_err(broken)?;
    check_archive(&mut zip, source)?;
    let entries = read_entries(&mut zip, source)?;
    if npz::is_npz(&entries) {
        return npz::read(&entries);
    }
    let (prefix, program) = pickle_of(&entries)?;
    if program.len() > PICKLE_MAX {
        return Err(Error::input(format!("`data.pkl` has {} bytes; at most {PICKLE_MAX} are read", program.len())));
    }
    if entries.get(&format!("{prefix}/byteorder")).is_some_and(|order| &order[..] != b"little") {
        return Err(Error::input("the file was written in big-endian order; needed little-endian"));
    }
    let object = pickle::run(program).map_err(|error| error.at("data.pkl"))?;
    if object.length != program.len() {
        let trailing = program.len() - object.length;
        return Err(Error::input(format!("{trailing} bytes follow the pickle; needed its end")).at("data.pkl"));
    }
    let tensors = torch::state_dict(&object.heap, object.root)?;
    torch::Storages::of(&tensors)?;
    let mut storages = HashMap::new();
    for (_, tensor) in &tensors {
        let key = &tensor.storage.key;
        if let Some(bytes) = entries.get(&format!("{prefix}/data/{key}")) {
            storages.insert(key.clone(), bytes.clone());
        }
    }
    let tensors = torch::bind(&tensors, &storages)?;
    Ok(Contents { container: Container::TorchZip, tensors, metadata: Vec::new(), graph: None })
}

/// The pickle and the folder it lies in.
fn pickle_of(entries: &HashMap<String, Bytes>) -> Result<(&str, &Bytes)> {
    let mut pickles = entries.iter().filter_map(|(name, bytes)| Some((name.strip_suffix("/data.pkl")?, bytes)));
    match (pickles.next(), pickles.next()) {
        (Some(pickle), None) => Ok(pickle),
        (None, _) => Err(Error::input("a zip archive without `data.pkl`; needed a file written by `torch.save`")),
        (Some(_), Some(_)) => Err(Error::input("two entries named `data.pkl`; needed one")),
    }
}

fn broken(error: zip::result::ZipError) -> Error {
    Error::input(format!("not a readable zip archive: {error}"))
        .hint("the file is damaged or was cut short; fetch it again")
}

/// One archive, from the first byte to the last, whose two directories agree and whose entries do not overlap.
fn check_archive(zip: &mut Zip, source: &[u8]) -> Result<()> {
    if zip.len() > ENTRIES_MAX {
        return Err(Error::input(format!("{} entries; at most {ENTRIES_MAX} are read", zip.len())));
    }
    if zip.offset() != 0 {
        return Err(Error::input(format!("{} bytes precede the archive; needed none", zip.offset())));
    }
    let end_of_directory = source.len().checked_sub(22).and_then(|start| source.get(start..));
    if !zip.comment().is_empty() || end_of_directory.is_none_or(|end| !end.starts_with(b"PK\x05\x06")) {
        return Err(Error::input("bytes follow the archive's directory; needed its end"));
    }
    zip.validate_header_consistency().map_err(broken)
}

/// All entries by name, their checksums verified; stored ones stay in the mapped file.
fn read_entries(zip: &mut Zip, source: &Bytes) -> Result<HashMap<String, Bytes>> {
    let mut entries = HashMap::new();
    let mut unpacked = 0u64;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(broken)?;
        let name = entry.name().map_err(broken)?.into_owned();
        let place = quote(&name);
        if entry.enclosed_name().is_none() || entry.is_symlink() {
            return Err(Error::input("an entry that leaves its folder; needed a plain name").at(place));
        }
        let (packed, size) = (entry.compressed_size(), entry.size());
        let bytes = match entry.compression() {
            CompressionMethod::Stored => {
                let start = entry.data_start().and_then(|start| usize::try_from(start).ok());
                let end = usize::try_from(size).ok().and_then(|size| start?.checked_add(size));
                let range = start.zip(end).filter(|&(_, end)| end <= source.len() && packed == size);
                let (start, end) =
                    range.ok_or_else(|| Error::input(format!("{size} bytes declared, {packed} stored")).at(&place))?;
                copy(&mut entry, &mut sink()).map_err(|error| damaged(&error).at(&place))?;
                source.slice(start..end)
            }
            CompressionMethod::Deflated => {
                unpacked = unpacked.saturating_add(size);
                if size / RATIO_MAX > packed || unpacked > UNPACKED_MAX {
                    let message = format!("{packed} bytes unpack to {size}; more than weights ever do");
                    return Err(Error::input(message).at(place));
                }
                inflate(&mut entry, size).map_err(|error| error.at(place))?
            }
            other => {
                let message = format!("compressed with {other}; needed stored or deflated");
                return Err(Error::input(message).at(place));
            }
        };
        entries.insert(name, bytes);
    }
    Ok(entries)
}

fn damaged(error: &std::io::Error) -> Error {
    Error::input(format!("damaged: {error}")).hint("fetch the file again")
}

/// Unpacks an entry that must have exactly the size it declares.
fn inflate(entry: &mut impl Read, size: u64) -> Result<Bytes> {
    let mut bytes = Vec::new();
    // One byte more than declared shows an entry that says too little.
    entry.take(size + 1).read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
    if bytes.len() as u64 != size {
        return Err(Error::input(format!("{size} bytes declared; found {}", bytes.len())));
    }
    Ok(bytes.into())
}
