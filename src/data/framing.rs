//! From a decoded photograph to the picture that a network sees: size and crop.

use super::decode::RgbImage;
use super::resize::{centre_offset, crop, resize_bilinear};
use crate::error::{Error, Kind, Result};

pub use crate::preprocess::Geometry;

impl Geometry {
    /// Checks the sizes.
    ///
    /// # Errors
    /// [`Kind::Usage`] if a size is zero or beyond 16384, or the crop is larger than the resize.
    pub fn check(self) -> Result<()> {
        match self {
            Geometry::ResizeCrop { resize, crop }
                if crop == 0 || crop > resize || resize > super::decode::SIDE_LIMIT =>
            {
                let limit = super::decode::SIDE_LIMIT;
                Err(Error::new(
                    Kind::Usage,
                    format!("crop {crop} of resize {resize}; needs 1 <= crop <= resize <= {limit}"),
                ))
            }
            _ => Ok(()),
        }
    }

    /// The part of a photograph of `(h, w)` that the network sees.
    pub const fn frame(self, (photo_h, photo_w): (u32, u32)) -> Frame {
        let photo = [photo_h, photo_w];
        match self {
            Geometry::ResizeCrop { resize, crop } => {
                let offset = centre_offset(resize, crop);
                Frame { photo, resized: [resize; 2], offset: [offset; 2], size: [crop; 2] }
            }
            Geometry::AsIs => Frame { photo, resized: photo, offset: [0; 2], size: photo },
        }
    }
}

/// Where the network's picture lies in the photograph. Rows before columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Size of the photograph, upright.
    pub photo: [u32; 2],
    /// Size after the resize.
    pub resized: [u32; 2],
    /// First row and column of the crop.
    pub offset: [u32; 2],
    /// Size of the crop: what the network sees.
    pub size: [u32; 2],
}

impl Frame {
    /// A frame that is the whole of an `h` x `w` image.
    pub const fn whole(h: u32, w: u32) -> Self {
        Geometry::AsIs.frame((h, w))
    }
}

/// A photograph as the network sees it, before normalisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// 8-bit RGB, `h * w * 3`, row-major.
    pub rgb: Vec<u8>,
    /// Rows.
    pub h: u32,
    /// Columns.
    pub w: u32,
    /// Which part of the photograph it is.
    pub frame: Frame,
}

/// Brings a decoded photograph to the network's size. `geometry` has passed [`Geometry::check`].
pub fn prepare(image: RgbImage, geometry: Geometry) -> Prepared {
    let frame = geometry.frame((image.h, image.w));
    let [h, w] = frame.size;
    let rgb = match geometry {
        Geometry::AsIs => image.rgb,
        Geometry::ResizeCrop { .. } => {
            let pair = |size: [u32; 2]| (size[0] as usize, size[1] as usize);
            let squashed = resize_bilinear(&image.rgb, pair(frame.photo), pair(frame.resized));
            crop(&squashed, frame.resized[1] as usize, pair(frame.offset), pair(frame.size))
        }
    };
    Prepared { rgb, h, w, frame }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vgg_frame_cuts_sixteen_from_a_square_of_256_whatever_the_photograph() {
        let image = RgbImage { rgb: (0..30 * 40 * 3).map(|i| (i * 7 % 251) as u8).collect(), h: 30, w: 40 };
        let squashed = resize_bilinear(&image.rgb, (30, 40), (256, 256));
        let got = prepare(image, Geometry::DEFAULT);
        assert_eq!((got.h, got.w, got.rgb.len()), (224, 224, 224 * 224 * 3));
        assert_eq!(got.frame, Frame { photo: [30, 40], resized: [256; 2], offset: [16; 2], size: [224; 2] });
        assert_eq!(got.rgb[..3], squashed[(16 * 256 + 16) * 3..][..3]);
        assert_eq!(got.rgb[got.rgb.len() - 3..], squashed[(239 * 256 + 239) * 3..][..3]);
    }

    #[test]
    fn as_is_keeps_every_byte() {
        let image = RgbImage { rgb: (0..5 * 7 * 3).collect(), h: 5, w: 7 };
        let got = prepare(image.clone(), Geometry::AsIs);
        assert_eq!((got.rgb, got.frame), (image.rgb, Frame::whole(5, 7)));
    }

    #[test]
    fn impossible_sizes_are_refused() {
        for (resize, crop) in [(10, 11), (10, 0), (20_000, 10)] {
            assert_eq!(Geometry::ResizeCrop { resize, crop }.check().unwrap_err().kind(), Kind::Usage);
        }
        Geometry::DEFAULT.check().unwrap();
    }
}
