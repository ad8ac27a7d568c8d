//! Image files to upright 8-bit RGB, with bounds on what a hostile file can cost.
//!
//! The rules, all tested:
//! - The format is told from the content (JPEG, PNG, WebP), not from the name.
//! - Grey becomes three equal channels; alpha is dropped, not blended; palettes are looked up; CMYK JPEG becomes RGB: as
//!   Pillow's `convert("RGB")`.
//! - 16-bit values keep their high byte, as Pillow does for colour. (Pillow turns 16-bit *grey* white above 255; we do not.)
//! - EXIF orientation is applied unless told otherwise: upright is what people and label maps mean. The reference ignores it.
//! - A JPEG whose end is missing is an error, not a half grey picture.
//! - JPEG and lossy WebP values may differ by 2 or so from those of Pillow's C libraries: other inverse transforms and
//!   chroma upsampling. PNG values are equal.

use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::error::{Error, Result};

/// Largest number of rows or columns of an image.
pub const SIDE_LIMIT: u32 = 16_384;
/// Largest decoded size of an image, and largest file.
pub const DECODED_LIMIT_BYTES: u64 = 512 << 20;

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
    decode_bytes(&read_bounded(path)?, exif).map_err(|error| error.at(path.display()))
}

/// Decodes an image from memory; see [`decode`].
///
/// # Errors
/// [`crate::error::Kind::Input`] if the bytes are no image, damaged or too large.
pub fn decode_bytes(bytes: &[u8], exif: Exif) -> Result<RgbImage> {
    let mut decoded = decode_stored(bytes, exif)?;
    let turn = decoded.orientation;
    guarded(|| {
        decoded.pixels.apply_orientation(turn);
        Ok(to_rgb(decoded.pixels))
    })
}

/// Rows and columns of the image at `path`, upright if `exif` says so, read from its header.
///
/// # Errors
/// As [`decode`], save for damage behind the header.
pub fn size(path: &Path, exif: Exif) -> Result<(u32, u32)> {
    let bytes = read_bounded(path)?;
    let (w, h, orientation) = guarded(|| {
        let mut decoder = open(&bytes)?;
        let (w, h) = decoder.dimensions();
        Ok((w, h, orientation(&mut decoder, exif)))
    })
    .map_err(|error| error.at(path.display()))?;
    Ok(if swaps_sides(orientation) { (w, h) } else { (h, w) })
}

/// An image as its file stores it: channels and depth unconverted, not yet turned.
pub struct Stored {
    /// Pixels in the file's own channels and depth (palettes already looked up).
    pub pixels: DynamicImage,
    /// The turn that makes them upright; none if EXIF is ignored.
    pub orientation: Orientation,
}

/// Decodes without any conversion of channels or depth, within the limits of this module.
///
/// # Errors
/// As [`decode_bytes`].
pub fn decode_stored(bytes: &[u8], exif: Exif) -> Result<Stored> {
    guarded(|| {
        let mut decoder = open(bytes)?;
        let orientation = orientation(&mut decoder, exif);
        let pixels = DynamicImage::from_decoder(decoder).map_err(explain)?;
        Ok(Stored { pixels, orientation })
    })
}

/// Reads a file of at most [`DECODED_LIMIT_BYTES`]; a device or a growing file cannot fill the memory.
///
/// # Errors
/// [`crate::error::Kind::Input`] naming the file if it cannot be read, is no plain file or is too large.
pub fn read_bounded(path: &Path) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| Error::reading(path, &error);
    let about = fs::metadata(path).map_err(failed)?;
    if !about.is_file() {
        return Err(Error::input("is not a plain file").at(path.display()));
    }
    if about.len() > DECODED_LIMIT_BYTES {
        let message = format!("is {} bytes; at most {DECODED_LIMIT_BYTES} are read", about.len());
        return Err(Error::input(message).at(path.display()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0));
    File::open(path).map_err(failed)?.take(DECODED_LIMIT_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Opens a decoder whose header fits the limits. Nothing the size of the picture has been allocated yet.
fn open(bytes: &[u8]) -> Result<impl ImageDecoder + '_> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| Error::input(format!("cannot be read: {error}")))?;
    match reader.format() {
        Some(ImageFormat::Jpeg) if !jpeg_has_an_end(bytes) => {
            return Err(Error::input("JPEG ends before its end marker; the file is truncated"));
        }
        Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP) => {}
        _ if bytes.is_empty() => return Err(Error::input("file is empty; needs a JPEG, PNG or WebP image")),
        _ => return Err(Error::input("content is not a JPEG, PNG or WebP image")),
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_LIMIT);
    limits.max_image_height = Some(SIDE_LIMIT);
    limits.max_alloc = Some(DECODED_LIMIT_BYTES);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(explain)?;
    let (w, h) = decoder.dimensions();
    if w == 0 || h == 0 {
        return Err(Error::input(format!("image is {h}x{w}; needs at least one pixel")));
    }
    if w > SIDE_LIMIT || h > SIDE_LIMIT || decoder.total_bytes() > DECODED_LIMIT_BYTES {
        return Err(Error::input(format!(
            "image is {h}x{w}, {} bytes decoded; at most {SIDE_LIMIT} a side and {DECODED_LIMIT_BYTES} bytes are decoded",
            decoder.total_bytes()
        )));
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
            "image is larger than {SIDE_LIMIT} a side or {DECODED_LIMIT_BYTES} bytes decoded, which is the most that is decoded"
        )),
        other => Error::input(format!("image cannot be decoded: {other}")),
    }
}

/// Whether an end marker follows the first scan. The decoder is lenient and would fill what is missing with grey.
fn jpeg_has_an_end(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some([0xff, marker]) = bytes.get(at..at + 2) {
        if *marker == 0xda {
            // Inside a scan 0xff is always followed by 0 or a restart marker, so this is a real end marker.
            return bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9]);
        }
        at += match (marker, bytes.get(at + 2..at + 4)) {
            (0xff, _) => 1, // fill byte
            (0x01 | 0xd0..=0xd7, _) => 2,
            (_, Some(length)) => 2 + usize::from(u16::from_be_bytes([length[0], length[1]])),
            (_, None) => return false,
        };
    }
    // Not the structure we know: the decoder has the last word.
    at < bytes.len()
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
