//! Label maps in PNG files: a pixel's label is red + 256 green, or the value itself in a file of grey values or of palette entries.

use std::io::Read;
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, Luma};

use crate::data::decode::{self, Exif};
use crate::data::samples::samples;
use crate::error::{Error, Result};
use crate::files;

/// Bytes of a PNG file up to depth and colour type (PNG specification, 11.2.1).
const HEADER: usize = 26;

const VOID_HINT: &str = "numbers that stand for nothing, such as 255 for void, are left out with `--ignore 255`";
const COLOURS_HINT: &str = "the label of a pixel of colours is red + 256 green: if the map is a picture that gives each class a colour, save \
     the numbers of the classes instead; numbers that stand for nothing are left out with `--ignore NUMBER`";

/// A label map as its file holds it.
#[derive(Debug)]
pub(super) struct LabelImage {
    pub(super) h: u32,
    pub(super) w: u32,
    labels: Vec<u16>,
    /// Whether a label is red + 256 green of a pixel of colours.
    is_coloured: bool,
}

/// How the pixels of a PNG file are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MapHeader {
    /// Rows and columns.
    pub(super) size: (u32, u32),
    /// Whether pixels are samples of one channel of at most 8 bits: indices or greys.
    samples: bool,
}

impl MapHeader {
    /// The header of the map at `path`, which must hold labels.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming the file.
    pub(super) fn read(path: &Path, indices: bool) -> Result<MapHeader> {
        let mut head = Vec::new();
        let file = files::open(path)?;
        file.take(HEADER as u64).read_to_end(&mut head).map_err(|error| Error::reading(path, &error))?;
        MapHeader::parse(&head, indices).map_err(|error| error.at(path.display()))
    }

    /// Refuses what has no label: palettes may mean their colours, and transparency says nothing.
    fn parse(bytes: &[u8], indices: bool) -> Result<MapHeader> {
        let Some(head) = bytes.get(..HEADER).filter(|head| head.starts_with(b"\x89PNG\r\n\x1a\n")) else {
            return Err(Error::input("is not a PNG file; a label map is one"));
        };
        let side = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (depth, kind) = (head[24], head[25]);
        let samples = match (kind, depth) {
            (0, 16) | (2 | 6, 8) => false,
            (0, 1 | 2 | 4 | 8) => true,
            (3, _) if indices => true,
            (3, _) => return Err(told("palette entries").hint("`--palette index` takes their numbers for labels")),
            (4, _) => return Err(unfit("grey with alpha")),
            _ => return Err(unfit(&format!("{depth}-bit colours"))),
        };
        Ok(MapHeader { size: (side(20), side(16)), samples })
    }
}

impl LabelImage {
    /// Reads a PNG file of 8-bit RGB or RGBA (blue is 0, alpha is ignored), of grey values of any depth, or, with `indices`, of palette
    /// entries, whose numbers are the labels; turned as told.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming the file.
    pub(super) fn read(path: &Path, indices: bool, turn: Orientation) -> Result<LabelImage> {
        LabelImage::parse(&files::read_bounded(path, decode::DECODED_LIMIT_BYTES)?, indices)
            .map(|map| map.turned(turn))
            .map_err(|error| error.at(path.display()))
    }

    fn parse(bytes: &[u8], indices: bool) -> Result<LabelImage> {
        if MapHeader::parse(bytes, indices)?.samples {
            let map = samples(bytes)?;
            let labels = map.values.into_iter().map(u16::from).collect();
            return Ok(LabelImage { h: map.h, w: map.w, labels, is_coloured: false });
        }
        let stored = decode::decode_stored(bytes, Exif::Ignore)?;
        let (h, w) = (stored.pixels.height(), stored.pixels.width());
        let is_coloured = !matches!(stored.pixels, DynamicImage::ImageLuma16(_));
        let labels = match stored.pixels {
            DynamicImage::ImageLuma16(map) => map.into_raw(),
            DynamicImage::ImageRgb8(map) => map.chunks_exact(3).map(label).collect::<Result<_>>()?,
            DynamicImage::ImageRgba8(map) => map.chunks_exact(4).map(label).collect::<Result<_>>()?,
            other => return Err(unfit(&format!("{:?}", other.color()))),
        };
        Ok(LabelImage { h, w, labels, is_coloured })
    }

    fn turned(self, turn: Orientation) -> LabelImage {
        if turn == Orientation::NoTransforms {
            return self;
        }
        let is_coloured = self.is_coloured;
        let buffer = ImageBuffer::<Luma<u16>, _>::from_raw(self.w, self.h, self.labels).unwrap_or_default();
        let mut map = DynamicImage::from(buffer);
        map.apply_orientation(turn);
        LabelImage { h: map.height(), w: map.width(), labels: map.into_luma16().into_raw(), is_coloured }
    }

    /// What to do about numbers that are not listed.
    pub(super) fn hint(&self) -> &'static str {
        if self.is_coloured { COLOURS_HINT } else { VOID_HINT }
    }

    /// Label of a pixel, which must be inside.
    pub(super) fn at(&self, y: u32, x: u32) -> u16 {
        self.labels[y as usize * self.w as usize + x as usize]
    }
}

/// The label of a pixel of colours. A label needs no blue: where there is some, the numbers mean something else.
fn label(pixel: &[u8]) -> Result<u16> {
    match *pixel {
        [red, green, 0, ..] => Ok(u16::from_le_bytes([red, green])),
        _ => {
            let found =
                Error::input("pixels have blue in them; the label of a pixel is red + 256 green, and blue is 0");
            Err(found.hint(
                "this is a picture of colours, or of numbers beyond 65535 as in COCO's panoptic maps: save the numbers of the classes, \
                 with Pillow: `Image.fromarray(classes.astype('uint8'))`",
            ))
        }
    }
}

fn unfit(found: &str) -> Error {
    told(found).hint(
        "with Pillow: `Image.fromarray(numpy.stack([labels % 256, labels // 256, 0 * labels], -1).astype('uint8'))`",
    )
}

fn told(found: &str) -> Error {
    Error::input(format!("pixels are {found}; a label map is 8-bit RGB (label = red + 256 green), or grey"))
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
        let read = |bytes: Vec<u8>| LabelImage::parse(&bytes, false).unwrap().labels;
        assert_eq!(read(png(RgbImage::from_raw(2, 1, vec![44, 1, 0, 255, 255, 0]).unwrap())), [300, 65535]);
        assert_eq!(read(png(RgbaImage::from_raw(2, 1, vec![44, 1, 0, 0, 7, 0, 0, 9]).unwrap())), [300, 7]);
        assert_eq!(read(png(GrayImage::from_raw(3, 1, vec![0, 1, 255]).unwrap())), [0, 1, 255]);
        let deep = ImageBuffer::<Luma<u16>, _>::from_raw(2, 1, vec![300u16, 65535]).unwrap();
        assert_eq!(read(png(deep)), [300, 65535]);
    }

    #[test]
    fn a_picture_of_colours_is_no_label_map() {
        // COCO's panoptic number 65537, as red + 256 green + 65536 blue; and a colour of a legend.
        for image in [
            png(RgbImage::from_raw(1, 1, vec![1, 0, 1]).unwrap()),
            png(RgbaImage::from_raw(1, 1, vec![0, 0, 142, 255]).unwrap()),
        ] {
            let error = LabelImage::parse(&image, false).unwrap_err();
            assert!(error.to_string().starts_with("pixels have blue in them; "), "{error}");
            assert!(error.advice().unwrap().contains("panoptic"));
        }
    }

    #[test]
    fn rows_come_before_columns() {
        let map = LabelImage::parse(&png(GrayImage::from_raw(2, 3, vec![1, 2, 3, 4, 5, 6]).unwrap()), false).unwrap();
        assert_eq!((map.h, map.w, map.at(0, 1), map.at(2, 0)), (3, 2, 2, 5));
    }

    #[test]
    fn a_turned_map_holds_each_label_where_the_turned_photograph_has_its_pixel() {
        let map = LabelImage::parse(&png(GrayImage::from_raw(3, 2, vec![1, 2, 3, 4, 5, 6]).unwrap()), false).unwrap();
        let map = map.turned(Orientation::Rotate90);
        assert_eq!((map.h, map.w, map.labels), (3, 2, vec![4, 1, 5, 2, 6, 3]));
    }

    /// `rgb.png` with another depth and colour type in its header is damaged, but it is refused for what it claims.
    #[test]
    fn what_would_be_turned_into_other_numbers_is_refused_by_name() {
        let says = |bytes: &[u8]| LabelImage::parse(bytes, false).unwrap_err().to_string();
        let mut palette = png(RgbImage::new(2, 2));
        palette[25] = 3;
        assert!(says(&palette).starts_with("pixels are palette entries; "));
        assert_eq!(MapHeader::parse(&palette, true).unwrap(), MapHeader { size: (2, 2), samples: true });
        assert!(LabelImage::parse(&palette, false).unwrap_err().advice().unwrap().contains("--palette index"));
        assert!(says(&png(GrayAlphaImage::new(2, 2))).starts_with("pixels are grey with alpha; "));
        let deep = ImageBuffer::<Rgb<u16>, _>::new(2, 2);
        assert!(says(&png(deep)).starts_with("pixels are 16-bit colours; "));
        assert!(says(b"\xff\xd8\xff").starts_with("is not a PNG file"));
    }

    #[test]
    fn no_truncated_map_reads_or_panics_at_any_length() {
        let whole = png(RgbImage::from_fn(9, 7, |x, y| Rgb([x as u8, y as u8, 0])));
        for length in 0..whole.len() - 16 {
            assert!(LabelImage::parse(&whole[..length], false).is_err(), "{length}");
        }
    }
}
