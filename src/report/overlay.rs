//! Pictures of label maps: a photograph under the colours of its labels, and the colours and shapes by themselves.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{ColorType, ExtendedColorType, ImageFormat};

use crate::error::{Error, Result};

/// High enough that nobody sees it.
const JPEG_QUALITY: u8 = 88;

/// How much of the colour of a label is seen over the photograph, of 256.
const STRENGTH: u32 = 140;

/// How dark a photograph is where a label is not, of 255.
const SHADE: u8 = 185;

/// A photograph: 8-bit RGB, `h * w * 3`, row-major.
#[derive(Debug, Clone, Copy)]
pub struct Photo<'a> {
    /// Pixels.
    pub rgb: &'a [u8],
    /// Rows.
    pub h: u32,
    /// Columns.
    pub w: u32,
}

/// Labels on a grid that covers a photograph, `[h, w]`; 0 is none.
#[derive(Debug, Clone, Copy)]
pub struct LabelCells<'a> {
    /// Label of each cell.
    pub labels: &'a [u16],
    /// Rows.
    pub h: u32,
    /// Columns.
    pub w: u32,
}

/// The photograph with each cell in the colour of its label. Pixels without a label stay as they are.
///
/// # Errors
/// [`Error::internal`] if pixels or labels do not fill their sizes.
pub fn overlay(photo: Photo<'_>, cells: LabelCells<'_>, color: impl Fn(u16) -> [u8; 3]) -> Result<Vec<u8>> {
    photo.check()?;
    cells.check()?;
    let mut out = photo.rgb.to_vec();
    let (h, w) = (photo.h as usize, photo.w as usize);
    for y in 0..h {
        let row = &cells.labels[y * cells.h as usize / h * cells.w as usize..];
        for x in 0..w {
            let label = row[x * cells.w as usize / w];
            if label > 0 {
                let pixel = &mut out[(y * w + x) * 3..][..3];
                pixel.iter_mut().zip(color(label)).for_each(|(value, tint)| *value = mixed(*value, tint));
            }
        }
    }
    Ok(out)
}

fn mixed(value: u8, tint: u8) -> u8 {
    ((u32::from(value) * (256 - STRENGTH) + u32::from(tint) * STRENGTH) / 256) as u8
}

impl Photo<'_> {
    fn check(&self) -> Result<()> {
        let filled = self.h > 0 && self.w > 0 && self.rgb.len() == self.h as usize * self.w as usize * 3;
        if filled { Ok(()) } else { Err(unfilled(self.rgb.len(), self.h, self.w)) }
    }

    /// As JPEG; the same pixels give the same bytes.
    ///
    /// # Errors
    /// [`Error::internal`] if the pixels do not fill the size, or it is too large for a JPEG.
    pub fn jpeg(&self) -> Result<Vec<u8>> {
        self.check()?;
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
            .encode(self.rgb, self.w, self.h, ExtendedColorType::Rgb8)
            .map_err(|error| Error::internal(format!("a picture cannot be encoded: {error}")))?;
        Ok(bytes)
    }
}

impl LabelCells<'_> {
    fn check(&self) -> Result<()> {
        let filled = self.h > 0 && self.w > 0 && self.labels.len() == self.h as usize * self.w as usize;
        if filled { Ok(()) } else { Err(unfilled(self.labels.len(), self.h, self.w)) }
    }

    /// The colours by themselves, one pixel a cell and clear where there is no label, as PNG.
    ///
    /// # Errors
    /// [`Error::internal`] if the labels do not fill the size.
    pub fn colors_png(&self, color: impl Fn(u16) -> [u8; 3]) -> Result<Vec<u8>> {
        self.check()?;
        let pixel = |&label: &u16| match label {
            0 => [0; 4],
            label => {
                let [r, g, b] = color(label);
                [r, g, b, 255]
            }
        };
        self.png(&self.labels.iter().flat_map(pixel).collect::<Vec<u8>>(), ColorType::Rgba8)
    }

    fn png(&self, bytes: &[u8], kind: ColorType) -> Result<Vec<u8>> {
        let mut png = Cursor::new(Vec::new());
        image::write_buffer_with_format(&mut png, bytes, self.w, self.h, kind, ImageFormat::Png)
            .map_err(|error| Error::internal(format!("a picture cannot be encoded: {error}")))?;
        Ok(png.into_inner())
    }
}

/// What darkens a photograph where a label is not: one pixel a cell, clear inside, as PNG.
///
/// # Errors
/// [`Error::internal`] if `inside` does not fill the size.
pub fn shade_png(inside: &[bool], h: u32, w: u32) -> Result<Vec<u8>> {
    let bytes: Vec<u8> = inside.iter().flat_map(|&inside| [0, if inside { 0 } else { SHADE }]).collect();
    let labels = vec![0; inside.len()];
    let cells = LabelCells { labels: &labels, h, w };
    cells.check()?;
    cells.png(&bytes, ColorType::La8)
}

fn unfilled(count: usize, h: u32, w: u32) -> Error {
    Error::internal(format!("{count} values do not fill a picture of {h}x{w}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELLS: LabelCells<'_> = LabelCells { labels: &[0, 1, 2, 1], h: 2, w: 2 };

    fn color(label: u16) -> [u8; 3] {
        [[9, 9, 9], [255, 0, 0], [0, 0, 255]][usize::from(label)]
    }

    #[test]
    fn a_pixel_is_tinted_by_the_cell_it_lies_in_and_left_alone_without_a_label() {
        let grey = [100u8; 5 * 4 * 3];
        let out = overlay(Photo { rgb: &grey, h: 4, w: 5 }, CELLS, color).unwrap();
        let pixel = |y: usize, x: usize| <[u8; 3]>::try_from(&out[(y * 5 + x) * 3..][..3]).unwrap();
        let red = [184, 45, 45];
        assert_eq!([pixel(0, 0), pixel(1, 2), pixel(0, 3), pixel(1, 4)], [[100; 3], [100; 3], red, red]);
        assert_eq!([pixel(2, 0), pixel(3, 4)], [[45, 45, 184], red]);
    }

    #[test]
    fn colours_and_shades_are_pictures_of_one_pixel_a_cell() {
        let read = |png: Vec<u8>| image::load_from_memory(&png).unwrap().to_rgba8();
        let colors = read(CELLS.colors_png(color).unwrap());
        assert_eq!(colors.as_raw()[..8], [0, 0, 0, 0, 255, 0, 0, 255]);
        let shade = read(shade_png(&[true, false, false, false], 2, 2).unwrap());
        assert_eq!(shade.as_raw()[..8], [0, 0, 0, 0, 0, 0, 0, SHADE]);
    }

    #[test]
    fn sizes_that_are_not_filled_are_errors() {
        let photo = Photo { rgb: &[0; 12], h: 2, w: 2 };
        assert!(photo.jpeg().is_ok());
        assert!(Photo { h: 3, ..photo }.jpeg().is_err());
        assert!(Photo { rgb: &[], h: 0, w: 2 }.jpeg().is_err());
        assert!(overlay(photo, LabelCells { w: 3, ..CELLS }, color).is_err());
        assert!(LabelCells { h: 1, ..CELLS }.colors_png(color).is_err());
        assert!(shade_png(&[true], 2, 2).is_err());
    }
}
