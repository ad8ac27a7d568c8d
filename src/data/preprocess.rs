//! From a decoded photograph to what a network takes: size, crop, channel order, normalisation.

use std::fmt;
use std::str::FromStr;

use super::decode::RgbImage;
use super::resize::{centre_offset, crop, resize_bilinear};
use crate::error::{Error, Kind, Result};

/// Normalisation that a network was trained with; part of a weight file's meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Preprocess {
    /// RGB / 255, minus the ImageNet mean, over the ImageNet standard deviation: torchvision, and the published Places weights.
    #[default]
    Torch,
    /// BGR in 0..255 minus (103.939, 116.779, 123.68): Caffe and Keras.
    Caffe,
    /// RGB / 255.
    None,
    /// RGB from -1 to 1: the segmenters, and what generators make.
    Signed,
}

// torchvision.transforms docs; Places365 uses the same. RGB.
const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const IMAGENET_DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];
// VGG release notes and keras.applications.imagenet_utils; BGR.
const CAFFE_MEAN: [f32; 3] = [103.939, 116.779, 123.68];

impl Preprocess {
    /// All choices, in the order in which help lists them.
    pub const ALL: [Preprocess; 4] = [Preprocess::Torch, Preprocess::Caffe, Preprocess::None, Preprocess::Signed];

    /// The word for it on the command line, in weight files and in provenance.
    pub const fn name(self) -> &'static str {
        match self {
            Preprocess::Torch => "torch",
            Preprocess::Caffe => "caffe",
            Preprocess::None => "none",
            Preprocess::Signed => "signed",
        }
    }

    /// Value of a byte in network channel `channel`, in f32 and in torchvision's order of operations.
    fn value(self, channel: usize, byte: u8) -> f32 {
        match self {
            Preprocess::Torch => (f32::from(byte) / 255.0 - IMAGENET_MEAN[channel]) / IMAGENET_DEVIATION[channel],
            Preprocess::Caffe => f32::from(byte) - CAFFE_MEAN[channel],
            Preprocess::None => f32::from(byte) / 255.0,
            Preprocess::Signed => f32::from(byte) / 255.0 * 2.0 - 1.0,
        }
    }

    /// Which byte of an RGB pixel feeds network channel `channel`.
    const fn source(self, channel: usize) -> usize {
        match self {
            Preprocess::Caffe => 2 - channel,
            Preprocess::Torch | Preprocess::None | Preprocess::Signed => channel,
        }
    }

    /// Appends one image, `rgb` of `h * w * 3`, to `out` as planes `[3, h, w]`.
    pub fn append(self, rgb: &[u8], out: &mut Vec<f32>) {
        out.reserve(rgb.len());
        for channel in 0..3 {
            let table: [f32; 256] = std::array::from_fn(|byte| self.value(channel, byte as u8));
            let source = self.source(channel);
            out.extend(rgb.chunks_exact(3).map(|pixel| table[usize::from(pixel[source])]));
        }
    }
}

impl fmt::Display for Preprocess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Preprocess {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        Preprocess::ALL.into_iter().find(|choice| choice.name() == word).ok_or_else(|| {
            Error::new(
                Kind::Usage,
                format!("no preprocessing is called `{word}`; there are torch, caffe, none and signed"),
            )
        })
    }
}

/// How a photograph is brought to the network's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Geometry {
    /// Squash to `resize` x `resize` (the aspect ratio is not kept, as in the reference), then cut the centre `crop` x `crop`.
    ResizeCrop {
        /// Rows and columns after the resize.
        resize: u32,
        /// Rows and columns after the crop; at most `resize`.
        crop: u32,
    },
    /// Pixels as they are; all images of a run must share one size.
    AsIs,
}

impl Geometry {
    /// What the published VGG-16 takes: 256 squashed, 224 cut out.
    pub const VGG16: Geometry = Geometry::ResizeCrop { resize: 256, crop: 224 };

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

    /// Rows and columns the network sees, where they do not depend on the image.
    pub const fn fixed_size(self) -> Option<(u32, u32)> {
        match self {
            Geometry::ResizeCrop { crop, .. } => Some((crop, crop)),
            Geometry::AsIs => None,
        }
    }

    /// What goes into provenance: `{"resize": 256, "crop": 224}` or `"as-is"`.
    pub fn describe(self) -> serde_json::Value {
        match self {
            Geometry::ResizeCrop { resize, crop } => serde_json::json!({ "resize": resize, "crop": crop }),
            Geometry::AsIs => serde_json::json!("as-is"),
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

    fn planes(preprocess: Preprocess, rgb: &[u8]) -> Vec<f32> {
        let mut out = Vec::new();
        preprocess.append(rgb, &mut out);
        out
    }

    /// Printed by torch 2.15.0: `((torch.tensor([10, 200]).float().div(255) - mean) / std)` per channel, f32.
    #[test]
    fn torch_normalisation_has_the_bits_of_torchvision() {
        let got = planes(Preprocess::Torch, &[10, 20, 30, 200, 210, 220]);
        let want = [-1.946_656_5f32, 1.307_046_8, -1.685_574_2, 1.640_756_2, -1.281_568_6, 2.029_978_3];
        assert_eq!(got, want);
    }

    #[test]
    fn caffe_swaps_to_bgr_and_subtracts_its_means_without_scaling() {
        let got = planes(Preprocess::Caffe, &[10, 20, 30]);
        assert_eq!(got, [30.0 - 103.939f32, 20.0 - 116.779, 10.0 - 123.68]);
        assert_eq!(planes(Preprocess::None, &[0, 51, 255]), [0.0, 0.2, 1.0]);
    }

    #[test]
    fn the_vgg_frame_cuts_sixteen_from_a_square_of_256_whatever_the_photograph() {
        let image = RgbImage { rgb: (0..30 * 40 * 3).map(|i| (i * 7 % 251) as u8).collect(), h: 30, w: 40 };
        let squashed = resize_bilinear(&image.rgb, (30, 40), (256, 256));
        let got = prepare(image, Geometry::VGG16);
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
    fn words_are_parsed_and_impossible_sizes_refused() {
        for choice in Preprocess::ALL {
            assert_eq!(choice.name().parse::<Preprocess>().unwrap(), choice);
        }
        assert_eq!("vgg".parse::<Preprocess>().unwrap_err().kind(), Kind::Usage);
        for (resize, crop) in [(10, 11), (10, 0), (20_000, 10)] {
            assert_eq!(Geometry::ResizeCrop { resize, crop }.check().unwrap_err().kind(), Kind::Usage);
        }
        Geometry::VGG16.check().unwrap();
    }
}
