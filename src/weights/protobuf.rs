//! The wire format of protocol buffers: a message is a row of numbered fields, read one at a time and in place.
//!
//! Nothing is taken for what a message may hold, so a million empty ones cost what the reader makes of them.

use bytes::Bytes;

use crate::error::{Error, Result};

/// A message that is eaten field by field.
pub(super) struct Message {
    bytes: Bytes,
    position: usize,
}

/// The content of a field.
#[derive(Debug, Clone)]
pub(super) enum Field {
    Varint(u64),
    Four([u8; 4]),
    Eight([u8; 8]),
    /// Text, bytes, a message, or numbers in a row.
    Bytes(Bytes),
}

impl Message {
    pub(super) fn new(bytes: Bytes) -> Self {
        Message { bytes, position: 0 }
    }

    /// Number and content of the next field; `None` behind the last.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if the bytes are no field, for all functions here.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Field)>> {
        if self.position == self.bytes.len() {
            return Ok(None);
        }
        let key = self.varint()?;
        let field = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Eight(self.array()?),
            2 => {
                let length = self.varint()?;
                let length = usize::try_from(length).ok().filter(|&length| length <= self.bytes.len() - self.position);
                let length = length.ok_or_else(cut_short)?;
                self.position += length;
                Field::Bytes(self.bytes.slice(self.position - length..self.position))
            }
            5 => Field::Four(self.array()?),
            kind => return Err(Error::input(format!("a field of kind {kind}; 0, 1, 2 and 5 are known"))),
        };
        if key >> 3 == 0 { Err(Error::input("a field of number 0")) } else { Ok(Some((key >> 3, field))) }
    }

    /// The next number; `None` behind the last: for numbers in a row.
    pub(super) fn next_varint(&mut self) -> Result<Option<u64>> {
        if self.position == self.bytes.len() { Ok(None) } else { self.varint().map(Some) }
    }

    fn varint(&mut self) -> Result<u64> {
        let mut number = 0u64;
        for shift in (0..70).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Error::input("a number of more than ten bytes"))
    }

    fn array<const COUNT: usize>(&mut self) -> Result<[u8; COUNT]> {
        let found = *self.bytes[self.position..].first_chunk().ok_or_else(cut_short)?;
        self.position += COUNT;
        Ok(found)
    }
}

fn cut_short() -> Error {
    Error::input("it ends within a field").hint("the file was cut short; fetch it again")
}

impl Field {
    fn wrong(&self, needed: &str) -> Error {
        let found = match self {
            Field::Varint(_) => "a number",
            Field::Four(_) => "four bytes",
            Field::Eight(_) => "eight bytes",
            Field::Bytes(_) => "bytes",
        };
        Error::input(format!("a field holds {found}; needed {needed}"))
    }

    /// A signed number.
    pub(super) fn integer(&self) -> Result<i64> {
        match self {
            Field::Varint(number) => Ok(number.cast_signed()),
            other => Err(other.wrong("a number")),
        }
    }

    /// A number of single precision.
    pub(super) fn float(&self) -> Result<f32> {
        match self {
            Field::Four(bytes) => Ok(f32::from_le_bytes(*bytes)),
            other => Err(other.wrong("four bytes")),
        }
    }

    /// Bytes, or a message.
    pub(super) fn bytes(self) -> Result<Bytes> {
        match self {
            Field::Bytes(bytes) => Ok(bytes),
            other => Err(other.wrong("bytes")),
        }
    }

    /// Text.
    pub(super) fn text(self) -> Result<String> {
        let bytes = self.bytes()?;
        std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| Error::input("a text that is not UTF-8"))
    }

    /// Hands every integer of a repeated field on: one, or several in a row.
    pub(super) fn each_integer(self, mut take: impl FnMut(i64) -> Result<()>) -> Result<()> {
        match self {
            Field::Varint(number) => take(number.cast_signed()),
            Field::Bytes(row) => {
                let mut row = Message::new(row);
                while let Some(number) = row.next_varint()? {
                    take(number.cast_signed())?;
                }
                Ok(())
            }
            other => Err(other.wrong("numbers")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &'static [u8]) -> Result<Vec<(u64, Field)>> {
        let mut message = Message::new(Bytes::from_static(bytes));
        std::iter::from_fn(|| message.next().transpose()).collect()
    }

    #[test]
    fn fields_of_every_kind_are_read() {
        let found = fields(&[8, 0x96, 1, 0x12, 2, 3, 4, 0x1d, 0, 0, 0x80, 0x3f, 0x21, 1, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!(found.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(found[0].1.integer().unwrap(), 150);
        assert_eq!(found[2].1.float().unwrap(), 1.0);
        let mut row = Vec::new();
        found[1]
            .1
            .clone()
            .each_integer(|number| {
                row.push(number);
                Ok(())
            })
            .unwrap();
        assert_eq!(row, [3, 4]);
        let minus = fields(&[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).unwrap();
        assert_eq!(minus[0].1.integer().unwrap(), -1);
    }

    #[test]
    fn what_is_no_field_is_refused() {
        for bytes in [
            &[8][..],
            &[0x12, 3, 0, 0],
            &[0x1b],
            &[0, 0],
            &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            &[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            &[0x1d, 0, 0],
        ] {
            assert!(fields(bytes).is_err(), "{bytes:?}");
        }
    }
}
