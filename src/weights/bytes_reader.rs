//! Little-endian numbers off the front of some bytes.

use crate::error::{Error, Result};

/// Bytes that are eaten from the front; whoever asks for more than there is gets an error.
pub(super) struct BytesReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BytesReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        BytesReader { bytes, position: 0 }
    }

    /// Bytes eaten so far.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.position..]
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if there are fewer, for all functions here.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let rest = self.rest();
        let taken = rest.get(..length).ok_or_else(|| cut_short(length, rest.len()))?;
        self.position += length;
        Ok(taken)
    }

    /// The next `COUNT` bytes.
    pub(super) fn array<const COUNT: usize>(&mut self) -> Result<[u8; COUNT]> {
        let rest = self.rest();
        let taken = *rest.first_chunk().ok_or_else(|| cut_short(COUNT, rest.len()))?;
        self.position += COUNT;
        Ok(taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

fn cut_short(needed: usize, found: usize) -> Error {
    Error::input(format!("it ends here: {found} bytes left, {needed} needed"))
        .hint("the file was cut short; fetch it again")
}
