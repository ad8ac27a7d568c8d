//! Unit strips: the images that drive a unit highest, dimmed where it does not fire (reference behaviour, PNAS 2020 code).

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, Rgb, RgbImage};

use crate::error::{Error, Result};
use crate::files::{make_folder, write_atomic};

/// White pixels between two thumbs.
const GAP: u32 = 5;

/// High enough that the one-pixel border does not ring.
const JPEG_QUALITY: u8 = 90;

const BORDER: Rgb<u8> = Rgb([255, 255, 0]);

const MAX_THUMB: u32 = 1024;
/// Widest JPEG there can be.
const MAX_WIDTH: u32 = 65_535;

/// One image of a strip.
#[derive(Debug, Clone, Copy)]
pub struct Tile<'a> {
    /// The image: 8-bit RGB, `h * w * 3`, row-major.
    pub rgb: &'a [u8],
    /// Rows of the image.
    pub h: u32,
    /// Columns of the image.
    pub w: u32,
    /// Where the unit fires, at the size of the thumb: `size * size`, row-major.
    pub mask: &'a [bool],
}

/// Draws the strip of one unit: thumbs of `size` by `size` pixels side by side with white between them.
///
/// Inside the mask a thumb shows the image, outside it at half brightness; pixels outside that touch the mask, also at a
/// corner, are yellow.
///
/// # Errors
/// [`crate::error::Kind::Internal`] if there is no tile, or if an image or mask is not of the size it should be.
pub fn draw(tiles: &[Tile<'_>], size: u32) -> Result<RgbImage> {
    let count = u32::try_from(tiles.len()).unwrap_or(u32::MAX);
    let width = size.checked_add(GAP).and_then(|step| step.checked_mul(count)).map(|width| width.saturating_sub(GAP));
    let (Some(width @ 1..=MAX_WIDTH), 1..=MAX_THUMB) = (width, size) else {
        return Err(Error::internal(format!("cannot draw a strip of {count} thumbs of {size} pixels")));
    };
    let mut strip = RgbImage::from_pixel(width, size, Rgb([255; 3]));
    for (left, tile) in (0..).step_by((size + GAP) as usize).zip(tiles) {
        tile.check(size)?;
        for y in 0..size {
            for x in 0..size {
                strip.put_pixel(left + x, y, tile.pixel(x, y, size));
            }
        }
    }
    Ok(strip)
}

/// Writes a strip to `dir/LAYER/strips/UNIT.jpg` and returns that path relative to `dir`, for the report.
///
/// # Errors
/// [`crate::error::Kind::Output`] if it cannot be written, [`crate::error::Kind::Input`] if the layer's name is no folder name.
pub fn write(dir: &Path, layer: &str, unit: usize, strip: &RgbImage) -> Result<String> {
    let folder = super::layer_folder(dir, layer)?.join("strips");
    make_folder(&folder)?;
    write_atomic(&folder.join(format!("{unit}.jpg")), &jpeg(strip)?)?;
    Ok(format!("{layer}/strips/{unit}.jpg"))
}

/// Encodes a strip; the same pixels give the same bytes.
///
/// # Errors
/// [`crate::error::Kind::Internal`] if the image is too large for a JPEG.
pub fn jpeg(strip: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .encode(strip.as_raw(), strip.width(), strip.height(), ExtendedColorType::Rgb8)
        .map_err(|error| Error::internal(format!("strip cannot be encoded: {error}")))?;
    Ok(bytes)
}

impl Tile<'_> {
    fn check(&self, size: u32) -> Result<()> {
        let (h, w) = (self.h as usize, self.w as usize);
        let pixels = h.checked_mul(w).and_then(|pixels| pixels.checked_mul(3)).filter(|bytes| *bytes > 0);
        if pixels != Some(self.rgb.len()) {
            return Err(Error::internal(format!("{} bytes do not fill an RGB image of {h} x {w}", self.rgb.len())));
        }
        if self.mask.len() != size as usize * size as usize {
            return Err(Error::internal(format!("a mask of {} does not fill {size} x {size}", self.mask.len())));
        }
        Ok(())
    }

    fn pixel(&self, x: u32, y: u32, size: u32) -> Rgb<u8> {
        let inside = |x: u32, y: u32| self.mask[(y * size + x) as usize];
        if inside(x, y) {
            return Rgb(self.nearest(x, y, size));
        }
        let near = |at: u32| at.saturating_sub(1)..=(at + 1).min(size - 1);
        if near(y).any(|y| near(x).any(|x| inside(x, y))) {
            return BORDER;
        }
        Rgb(self.nearest(x, y, size).map(|value| value / 2))
    }

    fn nearest(&self, x: u32, y: u32, size: u32) -> [u8; 3] {
        let pick = |at: u32, source: u32| (u64::from(at) * u64::from(source) / u64::from(size)) as usize;
        let start = (pick(y, self.h) * self.w as usize + pick(x, self.w)) * 3;
        [self.rgb[start], self.rgb[start + 1], self.rgb[start + 2]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixel `i` of a row-major image is (10 i + 1, 10 i + 2, 10 i + 3), so every pixel and channel can be told apart.
    fn numbered(h: u32, w: u32) -> Vec<u8> {
        (0..h * w).flat_map(|i| (1..=3).map(move |channel| (10 * i + channel) as u8)).collect()
    }

    #[test]
    fn inside_is_the_image_outside_is_half_and_the_border_lies_outside() {
        let rgb = numbered(4, 4);
        let mut mask = vec![false; 16];
        mask[0] = true;
        let strip = draw(&[Tile { rgb: &rgb, h: 4, w: 4, mask: &mask }], 4).unwrap();
        assert_eq!(strip.dimensions(), (4, 4));
        assert_eq!(strip.get_pixel(0, 0).0, [1, 2, 3]);
        for (x, y) in [(1, 0), (0, 1), (1, 1)] {
            assert_eq!(strip.get_pixel(x, y), &BORDER, "({x}, {y})");
        }
        assert_eq!(strip.get_pixel(2, 1).0, [61 / 2, 62 / 2, 63 / 2]);
        assert_eq!(strip.get_pixel(3, 3).0, [151 / 2, 152 / 2, 153 / 2]);
        assert_eq!(strip.pixels().filter(|pixel| **pixel == BORDER).count(), 3);
    }

    #[test]
    fn thumbs_are_the_nearest_pixels_of_images_of_any_size_with_five_white_between() {
        let (wide, tall) = (numbered(2, 6), numbered(5, 1));
        let mask = vec![true; 9];
        let tiles = [Tile { rgb: &wide, h: 2, w: 6, mask: &mask }, Tile { rgb: &tall, h: 5, w: 1, mask: &mask }];
        let strip = draw(&tiles, 3).unwrap();
        assert_eq!(strip.dimensions(), (11, 3));
        // Rows floor(i * 2 / 3) = 0 0 1; columns floor(i * 6 / 3) = 0 2 4.
        let first: Vec<u8> =
            (0..3).flat_map(|y| (0..3).map(move |x| (x, y))).map(|(x, y)| strip.get_pixel(x, y)[0]).collect();
        assert_eq!(first, [1, 21, 41, 1, 21, 41, 61, 81, 101]);
        // Rows floor(i * 5 / 3) = 0 1 3.
        let second: Vec<u8> = (0..3).map(|y| strip.get_pixel(9, y)[0]).collect();
        assert_eq!(second, [1, 11, 31]);
        for x in 3..8 {
            assert_eq!(strip.get_pixel(x, 1).0, [255; 3], "column {x}");
        }
    }

    #[test]
    fn wrong_sizes_are_errors_not_panics() {
        let rgb = numbered(2, 2);
        let mask = [true; 4];
        let tile = Tile { rgb: &rgb, h: 2, w: 2, mask: &mask };
        assert!(draw(&[tile], 2).is_ok());
        assert!(draw(&[], 2).is_err());
        assert!(draw(&[tile], 3).is_err());
        assert!(draw(&[tile], 0).is_err());
        assert!(draw(&[tile], u32::MAX).is_err());
        assert!(draw(&[Tile { h: 3, ..tile }], 2).is_err());
        assert!(draw(&[Tile { h: u32::MAX, w: u32::MAX, ..tile }], 2).is_err());
    }

    #[test]
    fn the_same_strip_gives_the_same_jpeg() {
        let rgb = numbered(4, 4);
        let mask = vec![true; 16];
        let strip = draw(&[Tile { rgb: &rgb, h: 4, w: 4, mask: &mask }], 4).unwrap();
        let bytes = jpeg(&strip).unwrap();
        assert_eq!(bytes[..3], [0xff, 0xd8, 0xff]);
        assert_eq!(bytes, jpeg(&strip).unwrap());
        assert_ne!(bytes, jpeg(&RgbImage::new(4, 4)).unwrap());
    }
}
