//! The samples of a PNG file as they are stored: indices of a palette, and greys of few bits, which decoders turn into colours.

use std::io::Cursor;

use png::{ColorType, Decoder, Limits, Transformations};

use super::budget;
use super::format::Format;
use super::header;
use crate::error::{Error, Result};

/// Samples of a picture of one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Samples {
    /// Rows.
    pub h: u32,
    /// Columns.
    pub w: u32,
    /// Values from 0 to 255, row-major.
    pub values: Vec<u8>,
}

/// Reads the indices of a palette, or greys, of 1 to 8 bits.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the bytes are no such PNG file, damaged or too large.
pub(crate) fn samples(bytes: &[u8]) -> Result<Samples> {
    let damaged = |error: png::DecodingError| Error::input(format!("image cannot be decoded: {error}"));
    let bytes = header::checked(Format::Png, bytes)?;
    let limits = Limits { bytes: usize::try_from(budget::limit()).unwrap_or(usize::MAX) };
    let mut decoder = Decoder::new_with_limits(Cursor::new(&bytes), limits);
    decoder.set_transformations(Transformations::IDENTITY);
    let (w, h, depth) = {
        let info = decoder.read_header_info().map_err(damaged)?;
        let depth = info.bit_depth as u8;
        if !matches!(info.color_type, ColorType::Indexed | ColorType::Grayscale) || depth > 8 {
            return Err(Error::internal("samples of several channels were asked for"));
        }
        (info.width, info.height, depth)
    };
    // As they are stored and as they are returned.
    let _permit =
        budget::take(u64::from(w) * u64::from(h) * 2).map_err(|error| error.at(format!("image of {h}x{w}")))?;
    let mut reader = decoder.read_info().map_err(damaged)?;
    let mut packed = vec![0; reader.output_buffer_size().unwrap_or_default()];
    let line = reader.next_frame(&mut packed).map_err(damaged)?.line_size;
    let (per_byte, most) = (usize::from(8 / depth), u8::MAX >> (8 - depth));
    // The first pixel stands in the highest bits.
    let value = |row: &[u8], x: usize| row[x / per_byte] >> (8 - depth as usize * (x % per_byte + 1)) & most;
    let rows = packed.chunks_exact(line.max(1)).take(h as usize);
    let values = rows.flat_map(|row| (0..w as usize).map(move |x| value(row, x))).collect();
    Ok(Samples { h, w, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PNG file of one channel; `rows` hold its packed bytes.
    fn written(kind: ColorType, depth: png::BitDepth, (w, h): (u32, u32), packed: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, w, h);
        encoder.set_color(kind);
        encoder.set_depth(depth);
        encoder.set_palette(vec![7; 3 * 256]);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(packed).unwrap();
        drop(writer);
        file
    }

    #[test]
    fn indices_and_greys_of_few_bits_are_what_is_stored() {
        let read = |kind, depth, size, packed: &[u8]| samples(&written(kind, depth, size, packed)).unwrap().values;
        assert_eq!(read(ColorType::Indexed, png::BitDepth::Eight, (2, 2), &[0, 15, 255, 3]), [0, 15, 255, 3]);
        assert_eq!(read(ColorType::Indexed, png::BitDepth::Four, (3, 1), &[0x1f, 0x70]), [1, 15, 7]);
        assert_eq!(read(ColorType::Indexed, png::BitDepth::Two, (5, 1), &[0b0001_1011, 0b1100_0000]), [0, 1, 2, 3, 3]);
        assert_eq!(
            read(ColorType::Grayscale, png::BitDepth::One, (3, 2), &[0b1010_0000, 0b0100_0000]),
            [1, 0, 1, 0, 1, 0]
        );
    }

    #[test]
    fn no_truncated_file_reads_or_panics_at_any_length() {
        let whole = written(ColorType::Indexed, png::BitDepth::Eight, (9, 7), &[5; 63]);
        for length in 0..whole.len() - 16 {
            assert!(samples(&whole[..length]).is_err(), "{length}");
        }
    }
}
