//! Label maps in PNG files: a pixel's label is red + 256 green, or the value itself in a file of grey values.

use std::path::Path;

use image::DynamicImage;

use crate::data::decode::{self, Exif};
use crate::error::{Error, Result};
use crate::files;

/// A label map as its file holds it.
#[derive(Debug)]
pub(super) struct LabelImage {
    pub(super) h: u32,
    pub(super) w: u32,
    labels: Vec<u16>,
}

impl LabelImage {
    /// Reads a PNG file of 8-bit RGB or RGBA (blue and alpha are ignored), or of 8- or 16-bit grey.
    ///
    /// A palette is refused: whether its numbers or its colours are meant cannot be told.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming the file.
    pub(super) fn read(path: &Path) -> Result<LabelImage> {
        LabelImage::parse(&files::read_bounded(path, decode::DECODED_LIMIT_BYTES)?)
            .map_err(|error| error.at(path.display()))
    }

    fn parse(bytes: &[u8]) -> Result<LabelImage> {
        check_header(bytes)?;
        let pixels = decode::decode_stored(bytes, Exif::Ignore)?.pixels;
        let (h, w) = (pixels.height(), pixels.width());
        let colour = |pixel: &[u8]| u16::from_le_bytes([pixel[0], pixel[1]]);
        let labels = match pixels {
            DynamicImage::ImageLuma8(map) => map.iter().map(|&label| label.into()).collect(),
            DynamicImage::ImageLuma16(map) => map.into_raw(),
            DynamicImage::ImageRgb8(map) => map.chunks_exact(3).map(colour).collect(),
            DynamicImage::ImageRgba8(map) => map.chunks_exact(4).map(colour).collect(),
            other => return Err(unfit(&format!("{:?}", other.color()))),
        };
        Ok(LabelImage { h, w, labels })
    }

    /// Label of a pixel, which must be inside.
    pub(super) fn at(&self, y: u32, x: u32) -> u16 {
        self.labels[y as usize * self.w as usize + x as usize]
    }
}

/// Refuses what a decoder would turn into other numbers: palettes become colours, and small depths are stretched to 8 bits.
fn check_header(bytes: &[u8]) -> Result<()> {
    // Signature, length and name of the first chunk, width, height; then depth and colour type (PNG specification, 11.2.1).
    let (Some(b"\x89PNG\r\n\x1a\n"), Some(&depth), Some(&kind)) = (bytes.get(..8), bytes.get(24), bytes.get(25)) else {
        return Err(Error::input("is not a PNG file; a label map is one"));
    };
    match (kind, depth) {
        (0, 8 | 16) | (2 | 6, 8) => Ok(()),
        (0, _) => Err(unfit(&format!("{depth}-bit grey"))),
        (3, _) => Err(unfit("palette entries")),
        (4, _) => Err(unfit("grey with alpha")),
        _ => Err(unfit(&format!("{depth}-bit colours"))),
    }
}

fn unfit(found: &str) -> Error {
    Error::input(format!(
        "pixels are {found}; a label map is 8-bit RGB (label = red + 256 green), or 8- or 16-bit grey"
    ))
    .hint("with Pillow: `Image.fromarray(numpy.stack([labels % 256, labels // 256, 0 * labels], -1).astype('uint8'))`")
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{GrayAlphaImage, GrayImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, RgbaImage};

    use super::*;

    fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        image.into().write_to(&mut out, ImageFormat::Png).unwrap();
        out.into_inner()
    }

    #[test]
    fn colours_hold_red_and_256_green_and_greys_the_label_itself() {
        let read = |bytes: Vec<u8>| LabelImage::parse(&bytes).unwrap().labels;
        assert_eq!(read(png(RgbImage::from_raw(2, 1, vec![44, 1, 9, 255, 255, 0]).unwrap())), [300, 65535]);
        assert_eq!(read(png(RgbaImage::from_raw(2, 1, vec![44, 1, 9, 0, 7, 0, 0, 9]).unwrap())), [300, 7]);
        assert_eq!(read(png(GrayImage::from_raw(3, 1, vec![0, 1, 255]).unwrap())), [0, 1, 255]);
        let deep = ImageBuffer::<Luma<u16>, _>::from_raw(2, 1, vec![300u16, 65535]).unwrap();
        assert_eq!(read(png(deep)), [300, 65535]);
    }

    #[test]
    fn rows_come_before_columns() {
        let map = LabelImage::parse(&png(GrayImage::from_raw(2, 3, vec![1, 2, 3, 4, 5, 6]).unwrap())).unwrap();
        assert_eq!((map.h, map.w, map.at(0, 1), map.at(2, 0)), (3, 2, 2, 5));
    }

    /// `rgb.png` with another depth and colour type in its header is damaged, but it is refused for what it claims.
    #[test]
    fn what_would_be_turned_into_other_numbers_is_refused_by_name() {
        let says = |bytes: &[u8]| LabelImage::parse(bytes).unwrap_err().to_string();
        let mut palette = png(RgbImage::new(2, 2));
        palette[25] = 3;
        assert!(says(&palette).starts_with("pixels are palette entries; "));
        palette[25] = 0;
        palette[24] = 1;
        assert!(says(&palette).starts_with("pixels are 1-bit grey; "));
        assert!(says(&png(GrayAlphaImage::new(2, 2))).starts_with("pixels are grey with alpha; "));
        let deep = ImageBuffer::<Rgb<u16>, _>::new(2, 2);
        assert!(says(&png(deep)).starts_with("pixels are 16-bit colours; "));
        assert!(says(b"\xff\xd8\xff").starts_with("is not a PNG file"));
    }

    #[test]
    fn no_truncated_map_reads_or_panics_at_any_length() {
        let whole = png(RgbImage::from_fn(9, 7, |x, y| Rgb([x as u8, y as u8, 0])));
        for length in 0..whole.len() - 16 {
            assert!(LabelImage::parse(&whole[..length]).is_err(), "{length}");
        }
    }
}
