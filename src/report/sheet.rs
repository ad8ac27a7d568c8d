//! Pictures of generated images: PNG files, and contact sheets of many.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};

use crate::error::{Error, Result};

/// White pixels between images.
const GAP: u32 = 5;
/// Longest side of a sheet.
const SIDE_MAX: u32 = 16_384;

/// Images of one size, side by side in rows as long as the sheet is high, on white.
///
/// Images are interleaved RGB, `3 side^2` bytes each.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the sheet would be too large; [`crate::error::Kind::Internal`] if an image is not of the size.
pub(crate) fn sheet(images: &[Vec<u8>], side: u32) -> Result<RgbImage> {
    let (width, height) = size(images.len(), side)?;
    let columns = columns(images.len());
    let mut sheet = RgbImage::from_pixel(width, height, Rgb([255; 3]));
    for (number, image) in images.iter().enumerate() {
        if image.len() != side as usize * side as usize * 3 {
            return Err(Error::internal(format!("{} bytes do not fill an image of {side}x{side}", image.len())));
        }
        let [left, top] = [number % columns, number / columns].map(|at| at as u32 * (side + GAP));
        for (at, pixel) in (0u32..).zip(image.as_chunks::<3>().0) {
            sheet.put_pixel(left + at % side, top + at / side, Rgb(*pixel));
        }
    }
    Ok(sheet)
}

/// Width and height of a sheet of `count` images.
///
/// # Errors
/// [`crate::error::Kind::Input`] if it would be too large.
pub(crate) fn size(count: usize, side: u32) -> Result<(u32, u32)> {
    let columns = columns(count);
    let length = |count: usize| {
        let length = u32::try_from(count).ok()?.checked_mul(side.checked_add(GAP)?)?.checked_sub(GAP)?;
        Some(length).filter(|length| *length <= SIDE_MAX)
    };
    length(columns).zip(length(count.div_ceil(columns.max(1)))).ok_or_else(|| {
        let message = format!("{count} images of {side}x{side} make no sheet of at most {SIDE_MAX} pixels a side");
        Error::input(message).hint("generate fewer, or single files with `--output`")
    })
}

/// The smallest number of columns that makes the sheet no higher than wide.
fn columns(count: usize) -> usize {
    (1..=count).find(|columns| columns * columns >= count).unwrap_or(0)
}

/// An image as PNG; the same pixels give the same bytes.
///
/// # Errors
/// [`crate::error::Kind::Internal`] if the bytes do not fill the size.
pub(crate) fn png(rgb: &[u8], width: u32, height: u32) -> Result<Vec<u8>> {
    // The encoder would panic.
    if rgb.len() != width as usize * height as usize * 3 {
        return Err(Error::internal(format!("{} bytes do not fill an image of {width}x{height}", rgb.len())));
    }
    let mut bytes = Cursor::new(Vec::new());
    image::write_buffer_with_format(&mut bytes, rgb, width, height, image::ColorType::Rgb8, ImageFormat::Png)
        .map_err(|error| Error::internal(format!("an image cannot be encoded: {error}")))?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_stand_in_rows_with_white_between() {
        let images: Vec<Vec<u8>> = (0..5u8).map(|number| vec![number * 10; 12]).collect();
        let sheet = sheet(&images, 2).unwrap();
        assert_eq!(sheet.dimensions(), (3 * 2 + 2 * GAP, 2 * 2 + GAP));
        for (number, (x, y)) in [(0, (0, 0)), (2, (15, 1)), (3, (1, 7)), (4, (7, 8))] {
            assert_eq!(sheet.get_pixel(x, y).0, [number * 10; 3], "{number}");
        }
        for place in [(2, 0), (0, 2), (14, 7), (15, 8)] {
            assert_eq!(sheet.get_pixel(place.0, place.1).0, [255; 3], "{place:?}");
        }
    }

    #[test]
    fn sheets_too_large_and_images_of_other_sizes_are_errors() {
        assert!(sheet(&[], 2).is_err());
        assert!(sheet(&[vec![0; 11]], 2).is_err());
        assert!(sheet(&[vec![], vec![]], SIDE_MAX).is_err());
    }

    #[test]
    fn a_png_holds_the_pixels() {
        let rgb = [1, 2, 3, 4, 5, 6];
        let read = image::load_from_memory(&png(&rgb, 2, 1).unwrap()).unwrap().to_rgb8();
        assert_eq!((read.dimensions(), read.as_raw().as_slice()), ((2, 1), &rgb[..]));
        assert!(png(&rgb, 3, 1).is_err());
    }
}
