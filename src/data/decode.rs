//! Image files to upright 8-bit RGB, with bounds on what a hostile file can cost.
//!
//! The rules, all tested:
//! - The format is told from the content, not from the name.
//! - What a picture takes is reckoned from its header and taken from a budget that all threads share, before anything is decoded.
//! - Grey becomes three equal channels; alpha is dropped, not blended; palettes are looked up; CMYK JPEG becomes RGB: as
//!   Pillow's `convert("RGB")`.
//! - 16-bit values keep their high byte, as Pillow does for colour. (Pillow turns 16-bit *grey* white above 255; we do not.)
//! - EXIF orientation is applied unless told otherwise: upright is what people and label maps mean. The reference ignores it.
//! - A JPEG whose end is missing is an error, not a half grey picture.
//! - JPEG and lossy WebP values may differ by 3 levels or so from those of Pillow's C libraries: other inverse transforms and
//!   chroma upsampling. PNG values are equal.

use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageReader, Limits};

use super::budget::{self, Permit};
use super::format::{self, Format};
use super::header;
use crate::error::{Error, Result};
use crate::files;

/// Largest number of rows or columns of what networks are given.
pub const SIDE_LIMIT: u32 = 16_384;
/// Largest number of rows or columns of a picture that is decoded.
const DECODED_SIDE_LIMIT: u32 = 65_535;
/// Largest file that is read as one.
pub const DECODED_LIMIT_BYTES: u64 = 512 << 20;
/// How much of a file is read first where only its size is wanted.
const HEADER_BYTES: u64 = 1 << 17;

/// What to do with a camera's note on how it was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exif {
    /// Turn the picture upright.
    #[default]
    Apply,
    /// Keep the pixels as stored, as the reference does.
    Ignore,
}

/// A decoded picture: 8-bit RGB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RgbImage {
    /// Pixels, `h * w * 3`, row-major.
    pub rgb: Vec<u8>,
    /// Rows.
    pub h: u32,
    /// Columns.
    pub w: u32,
}

/// Decodes the image file at `path`.
///
/// # Errors
/// [`crate::error::Kind::Input`] naming the file if it cannot be read, is no image, is damaged or too large.
pub fn decode(path: &Path, exif: Exif) -> Result<RgbImage> {
    decode_with(path, exif, |image| image)
}

/// Decodes the image file at `path` and makes something smaller of it while its pixels count among those in flight.
///
/// # Errors
/// As [`decode`].
pub fn decode_with<T>(path: &Path, exif: Exif, make: impl FnOnce(RgbImage) -> T) -> Result<T> {
    // What is no picture is not read to its end, however long it is.
    Format::of(&format::head(path)?).map_err(|error| error.at(path.display()))?;
    let bytes = files::read_bounded(path, DECODED_LIMIT_BYTES)?;
    let (image, _permit) = upright(&bytes, exif).map_err(|error| error.at(path.display()))?;
    Ok(make(image))
}

/// Decodes an image from memory; see [`decode`].
///
/// # Errors
/// [`crate::error::Kind::Input`] if the bytes are no image, damaged or too large.
pub fn decode_bytes(bytes: &[u8], exif: Exif) -> Result<RgbImage> {
    upright(bytes, exif).map(|(image, _permit)| image)
}

fn upright(bytes: &[u8], exif: Exif) -> Result<(RgbImage, Permit<'static>)> {
    let StoredPixels { mut pixels, orientation, permit } = decode_stored(bytes, exif)?;
    guarded(|| {
        pixels.apply_orientation(orientation);
        Ok((to_rgb(pixels), permit))
    })
}

/// Rows and columns of the image at `path`, upright if `exif` says so, read from its header.
///
/// # Errors
/// As [`decode`], save for damage behind the header.
pub fn size(path: &Path, exif: Exif) -> Result<(u32, u32)> {
    let StoredShape { stored: (h, w), turn } = shape(path, exif)?;
    Ok(if swaps_sides(turn) { (w, h) } else { (h, w) })
}

/// What a header says of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredShape {
    /// Rows and columns as they are stored.
    pub stored: (u32, u32),
    /// The turn that makes it upright; none if EXIF is ignored.
    pub turn: Orientation,
}

/// Shape of the image at `path`, read from its header.
///
/// # Errors
/// As [`size`].
pub fn shape(path: &Path, exif: Exif) -> Result<StoredShape> {
    let mut bytes = Vec::new();
    let file = files::open_bounded(path, DECODED_LIMIT_BYTES)?;
    file.take(HEADER_BYTES).read_to_end(&mut bytes).map_err(|error| Error::reading(path, &error))?;
    // Few headers are longer than that.
    shape_in(&bytes, exif).or_else(|_| {
        let bytes = files::read_bounded(path, DECODED_LIMIT_BYTES)?;
        shape_in(&bytes, exif).map_err(|error| error.at(path.display()))
    })
}

fn shape_in(bytes: &[u8], exif: Exif) -> Result<StoredShape> {
    guarded(|| {
        let mut decoder = open(Format::of(bytes)?, bytes)?;
        let (w, h) = decoder.dimensions();
        Ok(StoredShape { stored: (h, w), turn: orientation(&mut decoder, exif) })
    })
}

/// An image as its file stores it: channels and depth unconverted, not yet turned.
pub struct StoredPixels {
    /// Pixels in the file's own channels and depth (palettes already looked up).
    pub pixels: DynamicImage,
    /// The turn that makes them upright; none if EXIF is ignored.
    pub orientation: Orientation,
    /// Their share of the pixels in flight.
    permit: Permit<'static>,
}

/// Decodes without any conversion of channels or depth, within the limits of this module.
///
/// # Errors
/// As [`decode_bytes`].
pub fn decode_stored(bytes: &[u8], exif: Exif) -> Result<StoredPixels> {
    guarded(|| {
        let format = Format::of(bytes)?;
        let bytes = header::checked(format, bytes)?;
        let mut decoder = open(format, &bytes)?;
        let orientation = orientation(&mut decoder, exif);
        let (w, h) = decoder.dimensions();
        let pixels = u64::from(w) * u64::from(h);
        // Another copy where channels are converted, and one where the picture is turned.
        let copies = u64::from(decoder.color_type() != ColorType::Rgb8) + u64::from(swaps_sides(orientation));
        let working = header::working_bytes(format, &bytes, pixels) + copies * pixels * 3;
        let permit = budget::take(decoder.total_bytes().saturating_add(working))
            .map_err(|error| error.at(format!("image of {h}x{w}")))?;
        let pixels = DynamicImage::from_decoder(decoder).map_err(explain)?;
        Ok(StoredPixels { pixels, orientation, permit })
    })
}

/// Opens a decoder whose header fits the limits. Nothing the size of the picture has been allocated yet.
fn open(format: Format, bytes: &[u8]) -> Result<impl ImageDecoder + '_> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format.decoder());
    let mut limits = Limits::default();
    limits.max_image_width = Some(DECODED_SIDE_LIMIT);
    limits.max_image_height = Some(DECODED_SIDE_LIMIT);
    limits.max_alloc = Some(budget::limit());
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(explain)?;
    let (w, h) = decoder.dimensions();
    if w == 0 || h == 0 {
        return Err(Error::input(format!("image is {h}x{w}; needs at least one pixel")));
    }
    if w > DECODED_SIDE_LIMIT || h > DECODED_SIDE_LIMIT {
        return Err(Error::input(format!("image is {h}x{w}; at most {DECODED_SIDE_LIMIT} a side are decoded")));
    }
    Ok(decoder)
}

/// A damaged EXIF block says nothing; the picture itself may be fine.
fn orientation(decoder: &mut impl ImageDecoder, exif: Exif) -> Orientation {
    match exif {
        Exif::Apply => decoder.orientation().unwrap_or(Orientation::NoTransforms),
        Exif::Ignore => Orientation::NoTransforms,
    }
}

fn swaps_sides(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    )
}

/// Runs a decoder. A panic in it is one more way of saying that the file is damaged.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Error::input("image is damaged; its decoder gave up")))
}

fn explain(error: image::ImageError) -> Error {
    match error {
        image::ImageError::Limits(_) => Error::input(format!(
            "image is larger than {DECODED_SIDE_LIMIT} a side or {} bytes decoded (`--max-pixels` allows more)",
            budget::limit()
        )),
        other => Error::input(format!("image cannot be decoded: {other}")),
    }
}

/// To 8-bit RGB: grey repeated, alpha dropped, the high byte of 16.
fn to_rgb(image: DynamicImage) -> RgbImage {
    let (w, h) = (image.width(), image.height());
    let rgb = match image {
        DynamicImage::ImageRgb8(pixels) => pixels.into_raw(),
        DynamicImage::ImageLuma8(pixels) => spread::<_, 1>(&pixels, |byte| byte),
        DynamicImage::ImageLumaA8(pixels) => spread::<_, 2>(&pixels, |byte| byte),
        DynamicImage::ImageRgba8(pixels) => spread::<_, 4>(&pixels, |byte| byte),
        DynamicImage::ImageLuma16(pixels) => spread::<_, 1>(&pixels, high_byte),
        DynamicImage::ImageLumaA16(pixels) => spread::<_, 2>(&pixels, high_byte),
        DynamicImage::ImageRgb16(pixels) => spread::<_, 3>(&pixels, high_byte),
        DynamicImage::ImageRgba16(pixels) => spread::<_, 4>(&pixels, high_byte),
        // Float images: none of our formats makes them.
        other => other.into_rgb8().into_raw(),
    };
    RgbImage { rgb, h, w }
}

fn high_byte(value: u16) -> u8 {
    value.to_be_bytes()[0]
}

/// Pixels of `CHANNELS` samples (grey, grey and alpha, RGB, RGBA) to RGB bytes.
fn spread<T: Copy, const CHANNELS: usize>(samples: &[T], byte: impl Fn(T) -> u8) -> Vec<u8> {
    let colours = CHANNELS >= 3;
    samples
        .chunks_exact(CHANNELS)
        .flat_map(|pixel| if colours { [pixel[0], pixel[1], pixel[2]] } else { [pixel[0]; 3] })
        .map(byte)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use safetensors::SafeTensors;

    use super::*;

    /// Written by `tests/golden/decode/make.py` with Pillow 13.0.0.
    const GOLDEN: &[u8] =
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/decode/decode.safetensors"));

    fn golden() -> SafeTensors<'static> {
        SafeTensors::deserialize(GOLDEN).unwrap()
    }

    fn file(case: &str) -> Vec<u8> {
        golden().tensor(&format!("{case}.file")).unwrap().data().to_vec()
    }

    /// Largest difference from Pillow, and the sizes.
    fn difference(case: &str) -> u8 {
        let golden = golden();
        let want = golden.tensor(&format!("{case}.rgb")).unwrap();
        let got = decode_bytes(&file(case), Exif::Apply).unwrap();
        assert_eq!([got.h as usize, got.w as usize, 3], *want.shape(), "{case}");
        got.rgb.iter().zip(want.data()).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
    }

    fn cases(lossy: bool) -> Vec<String> {
        let golden = golden();
        let names = golden.names();
        let all = names.iter().filter_map(|name| name.strip_suffix(".file"));
        all.filter(|name| (name.starts_with("jpeg") || *name == "webp_lossy") == lossy).map(str::to_owned).collect()
    }

    #[test]
    fn every_kind_of_png_and_lossless_webp_has_the_values_of_pillow() {
        let cases = cases(false);
        assert_eq!(cases.len(), 18);
        for case in cases {
            assert_eq!(difference(&case), 0, "{case}");
        }
    }

    #[test]
    fn jpegs_and_lossy_webp_stay_within_three_levels_of_pillow() {
        let cases = cases(true);
        let off: Vec<(String, u8)> = cases.into_iter().map(|case| (case.clone(), difference(&case))).collect();
        assert_eq!(off.len(), 6);
        assert!(off.iter().all(|(_, levels)| *levels <= 3), "{off:?}");
    }

    /// A picture of few colours in formats whose writers are exact.
    fn written(format: image::ImageFormat) -> (Vec<u8>, Vec<u8>) {
        let picture = image::RgbImage::from_fn(7, 5, |x, y| image::Rgb([x as u8 * 36, y as u8 * 51, 0]));
        let mut file = Cursor::new(Vec::new());
        DynamicImage::from(picture.clone()).write_to(&mut file, format).unwrap();
        (file.into_inner(), picture.into_raw())
    }

    #[test]
    fn bitmaps_and_gifs_are_read_and_refused_where_they_are_cut() {
        for format in [image::ImageFormat::Bmp, image::ImageFormat::Pnm, image::ImageFormat::Gif] {
            let (file, pixels) = written(format);
            let got = decode_bytes(&file, Exif::Apply).unwrap();
            assert_eq!((got.h, got.w, got.rgb), (5, 7, pixels), "{format:?}");
            for length in 0..file.len() - 3 {
                assert!(decode_bytes(&file[..length], Exif::Apply).is_err(), "{format:?} cut to {length}");
            }
        }
    }

    /// Values of Pillow 13: `round(value * 255 / maximum)`.
    #[test]
    fn a_pnm_is_as_bright_as_its_maximum_says() {
        let grey =
            |text: &[u8]| decode_bytes(text, Exif::Apply).unwrap().rgb.into_iter().step_by(3).collect::<Vec<_>>();
        assert_eq!(grey(b"P5\n3 1\n15\n\x00\x07\x0f"), [0, 119, 255]);
        assert_eq!(grey(b"P2\n3 1\n1023\n0 512 1023\n"), [0, 128, 255]);
        assert_eq!(grey(b"P1\n2 1\n0 1\n"), [255, 0]);
    }

    #[test]
    fn a_turned_picture_is_upright_unless_exif_is_ignored() {
        let upright = decode_bytes(&file("turn6"), Exif::Apply).unwrap();
        let stored = decode_bytes(&file("turn6"), Exif::Ignore).unwrap();
        assert_eq!((upright.h, upright.w, stored.h, stored.w), (17, 13, 13, 17));
        assert_eq!(stored, decode_bytes(&file("turn1"), Exif::Apply).unwrap());
        assert_eq!(upright.rgb[..3], stored.rgb[12 * 17 * 3..][..3], "the last row's first pixel comes first");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jpg");
        fs::write(&path, file("jpeg_turn6")).unwrap();
        assert_eq!(size(&path, Exif::Apply).unwrap(), (17, 13));
        assert_eq!(size(&path, Exif::Ignore).unwrap(), (13, 17));
    }

    #[test]
    fn no_truncated_file_decodes_or_panics_at_any_length() {
        for case in ["rgb", "palette", "rgb16", "jpeg", "jpeg_progressive", "jpeg_cmyk", "webp_lossless", "webp_lossy"]
        {
            let whole = file(case);
            // A PNG is complete before its empty end chunk of 12 bytes and the checksum before that.
            let tail = if whole.starts_with(b"\x89PNG") { 16 } else { 1 };
            for length in 0..whole.len() - tail {
                let result = decode_bytes(&whole[..length], Exif::Apply);
                assert!(result.is_err(), "{case} cut to {length} of {} decodes", whole.len());
            }
        }
    }

    #[test]
    fn no_flipped_byte_panics_and_some_are_noticed() {
        for case in ["rgb", "palette", "turn6", "jpeg", "jpeg_turn6", "jpeg_cmyk", "webp_lossless", "webp_lossy"] {
            let whole = file(case);
            let mut refused = 0;
            for at in 0..whole.len() {
                let mut bytes = whole.clone();
                bytes[at] ^= 0xff;
                refused += usize::from(decode_bytes(&bytes, Exif::Apply).is_err());
            }
            assert!(refused > 0, "{case}");
        }
    }

    /// The same PNG with other sizes in its header, checksum mended.
    fn png_claiming(w: u32, h: u32) -> Vec<u8> {
        let mut bytes = file("rgb");
        bytes[16..20].copy_from_slice(&w.to_be_bytes());
        bytes[20..24].copy_from_slice(&h.to_be_bytes());
        let sum = crc32(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |sum, &byte| {
            (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
        })
    }

    #[test]
    fn an_image_bomb_is_refused_from_its_header_with_the_limit_in_the_message() {
        assert_eq!(png_claiming(17, 13), file("rgb"), "the checksum is computed as PNG does");
        for (w, h, says) in [
            (60_000, 60_000, "`--max-pixels 3600000000`"),
            (16_384, 16_384, "image of 16384x16384: takes 806 million bytes to decode; at most 256 are taken"),
            (65_536, 1, "65535 a side"),
            (1, u32::MAX, "65535 a side"),
            (0, 5, ""),
        ] {
            let error = decode_bytes(&png_claiming(w, h), Exif::Apply).unwrap_err().to_string();
            assert!(error.contains(says), "{w}x{h}: {error}");
        }
        let mut jpeg = file("jpeg");
        let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
        assert!(decode_bytes(&jpeg, Exif::Apply).unwrap_err().to_string().contains("a picture of its size takes"));
    }

    #[test]
    fn what_is_no_image_is_named_with_its_path() {
        let dir = tempfile::tempdir().unwrap();
        for (name, content, says) in [
            ("empty.jpg", &b""[..], "file is empty"),
            ("text.png", b"hello, this is text", "content is not a JPEG, PNG"),
            ("phone.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "content is HEIC, not a JPEG, PNG"),
        ] {
            let path = dir.path().join(name);
            fs::write(&path, content).unwrap();
            let error = decode(&path, Exif::Apply).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(says), "{error}");
        }
        let error = decode(dir.path(), Exif::Apply).unwrap_err();
        assert!(error.to_string().contains("is a folder; needs a plain file"), "{error}");
    }

    #[test]
    fn a_panic_inside_a_decoder_becomes_an_error() {
        let error = guarded::<()>(|| panic!("as a decoder might")).unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error}");
    }
}
