//! Where the bytes of tensors lie: plain in a mapped file, or deflated in it.

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

use bytes::Bytes;
use flate2::bufread::DeflateDecoder;

use crate::error::{Error, Result};

/// Bytes of a file that are read when they are asked for. Deflated ones are unpacked again each time, so that a file never
/// holds more memory than the part that is in use.
#[derive(Debug, Clone)]
pub(super) enum Storage {
    /// As they are.
    Plain(Bytes),
    /// A deflate stream that unpacks to `size` bytes.
    Deflated {
        /// The stream.
        packed: Bytes,
        /// Bytes it unpacks to.
        size: usize,
    },
}

impl Storage {
    /// Bytes once unpacked.
    pub(super) fn len(&self) -> usize {
        match self {
            Storage::Plain(bytes) => bytes.len(),
            Storage::Deflated { size, .. } => *size,
        }
    }

    /// Whether bytes have to be unpacked, from the first on.
    pub(super) fn is_packed(&self) -> bool {
        matches!(self, Storage::Deflated { .. })
    }

    /// The bytes of a range that lies inside.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if a stream does not unpack so far.
    pub(super) fn read(&self, range: Range<usize>) -> Result<Cow<'_, [u8]>> {
        match self {
            Storage::Plain(bytes) => bytes.get(range).map(Cow::Borrowed).ok_or_else(|| ends_early(bytes.len())),
            Storage::Deflated { packed, .. } => {
                let mut stream = DeflateDecoder::new(&packed[..]);
                let skipped = std::io::copy(&mut (&mut stream).take(range.start as u64), &mut std::io::sink());
                skipped.map_err(|error| damaged(&error))?;
                // Room is taken as bytes arrive, not as they are promised.
                let mut bytes = Vec::new();
                stream.take(range.len() as u64).read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
                if bytes.len() == range.len() { Ok(bytes.into()) } else { Err(ends_early(range.start + bytes.len())) }
            }
        }
    }

    /// All bytes.
    ///
    /// # Errors
    /// As [`Storage::read`].
    pub(super) fn read_all(&self) -> Result<Bytes> {
        match self {
            Storage::Plain(bytes) => Ok(bytes.clone()),
            Storage::Deflated { size, .. } => Ok(self.read(0..*size)?.into_owned().into()),
        }
    }
}

fn ends_early(length: usize) -> Error {
    Error::input(format!("the data ends after {length} bytes")).hint("fetch the file again")
}

pub(super) fn damaged(error: &std::io::Error) -> Error {
    Error::input(format!("damaged: {error}")).hint("fetch the file again")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn deflated_bytes_are_read_in_parts_and_never_beyond_their_end() {
        let plain: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&plain).unwrap();
        let packed = Bytes::from(encoder.finish().unwrap());
        let storage = Storage::Deflated { packed, size: plain.len() };
        assert_eq!(storage.read(70_000..70_300).unwrap(), &plain[70_000..70_300]);
        assert_eq!(storage.read_all().unwrap(), plain);
        assert!(storage.read(99_999..100_001).unwrap_err().to_string().contains("ends after 100000 bytes"));
        assert!(Storage::Plain(Bytes::from_static(b"abc")).read(1..4).is_err());
    }
}
