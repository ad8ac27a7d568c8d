//! One file of the cache: head, compressed maps, checksum.
//!
//! ```text
//! magic, version        8 bytes, u32
//! sha256 of the key     32 bytes
//! sha256 of the image   32 bytes
//! rows, columns         u32, u32
//! which maps            u8: 1 part, 2 material, 4 color; the object map is always there
//! maps                  deflated: [rows, columns] each, low bytes of a map before its high bytes
//! sha256 of all that    32 bytes
//! ```
//!
//! Numbers are little-endian.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha256};

use crate::concepts::parsing::RawLabels;
use crate::error::{Error, Result};

/// How every entry begins.
pub(super) const MAGIC: &[u8; 8] = b"NDlabels";

/// Version of the format; entries of another are not read.
const VERSION: u32 = 1;

/// No entry is larger: four maps of the most cells, should they not compress at all.
pub(super) const BYTES_MAX: u64 = 160 << 20;

/// Most cells of a map.
const CELLS_MAX: usize = 16 << 20;

const HEAD: usize = 8 + 4 + 32 + 32 + 4 + 4 + 1;
const CHECKSUM: usize = 32;

/// The bytes of an entry.
pub(super) fn encode(labels: &RawLabels, key: &[u8; 32], image: &[u8; 32]) -> Result<Vec<u8>> {
    let cells = labels.h as usize * labels.w as usize;
    let optional = [&labels.part, &labels.material, &labels.color];
    let maps: Vec<&Vec<u16>> = std::iter::once(&labels.object).chain(optional.into_iter().flatten()).collect();
    if cells > CELLS_MAX || maps.iter().any(|map| map.len() != cells) {
        let sizes: Vec<usize> = maps.iter().map(|map| map.len()).collect();
        return Err(Error::internal(format!("label maps of {}x{} hold {sizes:?} cells", labels.h, labels.w)));
    }
    let mut out = Vec::with_capacity(HEAD + CHECKSUM + cells);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(key);
    out.extend_from_slice(image);
    out.extend_from_slice(&labels.h.to_le_bytes());
    out.extend_from_slice(&labels.w.to_le_bytes());
    out.push((0..3).filter(|&bit| optional[bit].is_some()).map(|bit| 1 << bit).sum());
    let mut deflate = DeflateEncoder::new(out, Compression::fast());
    for map in maps {
        for byte in 0..2 {
            let plane: Vec<u8> = map.iter().map(|label| label.to_le_bytes()[byte]).collect();
            deflate.write_all(&plane).map_err(|error| Error::internal(error.to_string()))?;
        }
    }
    let mut out = deflate.finish().map_err(|error| Error::internal(error.to_string()))?;
    let checksum = Sha256::digest(&out);
    out.extend_from_slice(&checksum);
    Ok(out)
}

/// What an entry holds; none if it is damaged, of another version, or of another key or image.
pub(super) fn decode(bytes: &[u8], key: &[u8; 32], image: &[u8; 32]) -> Option<RawLabels> {
    let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
    let (head, packed) = content.split_at_checked(HEAD)?;
    let (magic, rest) = head.split_first_chunk::<8>()?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    let (found_key, rest) = rest.split_first_chunk::<32>()?;
    let (found_image, rest) = rest.split_first_chunk::<32>()?;
    let (h, rest) = rest.split_first_chunk::<4>()?;
    let (w, rest) = rest.split_first_chunk::<4>()?;
    let known = (magic, u32::from_le_bytes(*version)) == (MAGIC, VERSION) && (found_key, found_image) == (key, image);
    if !known || Sha256::digest(content)[..] != *checksum {
        return None;
    }
    let (h, w, which) = (u32::from_le_bytes(*h), u32::from_le_bytes(*w), *rest.first()?);
    let cells = (h as usize).checked_mul(w as usize).filter(|cells| *cells <= CELLS_MAX)?;
    let mut maps = unpack(packed, cells, 1 + which.count_ones() as usize)?.into_iter();
    let object = maps.next()?;
    let mut optional = |bit: u8| if which & bit > 0 { maps.next().map(Some) } else { Some(None) };
    Some(RawLabels { h, w, object, part: optional(1)?, material: optional(2)?, color: optional(4)? })
}

/// Exactly `count` maps of `cells`, no more.
fn unpack(packed: &[u8], cells: usize, count: usize) -> Option<Vec<Vec<u16>>> {
    let needed = 2 * cells * count;
    let mut bytes = Vec::new();
    DeflateDecoder::new(packed).take(needed as u64 + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() != needed {
        return None;
    }
    let map = |at: usize| {
        let (low, high) = bytes[2 * cells * at..2 * cells * (at + 1)].split_at(cells);
        low.iter().zip(high).map(|(&low, &high)| u16::from_le_bytes([low, high])).collect()
    };
    Some((0..count).map(map).collect())
}
