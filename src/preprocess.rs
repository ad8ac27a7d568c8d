//! From a photograph to the numbers a network was trained on: size, channel order and normalisation.
//!
//! Below `weights/` and `data/` alike, since both speak of it: a weight file says what it needs, the loader applies it.

use serde_json::{Value, json};

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
    /// What a network is given unless its weight file or the user says otherwise: 256 squashed, 224 cut out. The published VGG-16
    /// was tested so, and with it every network whose units the literature compares.
    pub const DEFAULT: Geometry = Geometry::ResizeCrop { resize: 256, crop: 224 };

    /// Squashed to `side` x `side`, nothing cut.
    pub const fn square(side: u32) -> Geometry {
        Geometry::ResizeCrop { resize: side, crop: side }
    }

    /// Rows and columns the network sees, where they do not depend on the image.
    pub const fn fixed_size(self) -> Option<(u32, u32)> {
        match self {
            Geometry::ResizeCrop { crop, .. } => Some((crop, crop)),
            Geometry::AsIs => None,
        }
    }

    /// What goes into weight files and provenance: `{"resize": 256, "crop": 224}` or `"as-is"`.
    pub fn describe(self) -> Value {
        match self {
            Geometry::ResizeCrop { resize, crop } => json!({ "resize": resize, "crop": crop }),
            Geometry::AsIs => json!("as-is"),
        }
    }

    /// The geometry that [`Geometry::describe`] gave as text.
    pub fn parse(text: &str) -> Option<Geometry> {
        let value: Value = serde_json::from_str(text).ok()?;
        let size = |key: &str| value.get(key)?.as_u64().and_then(|size| u32::try_from(size).ok());
        match value.as_str() {
            Some("as-is") => Some(Geometry::AsIs),
            Some(_) => None,
            None => Some(Geometry::ResizeCrop { resize: size("resize")?, crop: size("crop")? }),
        }
    }
}

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

    /// The choice of this name.
    pub fn named(name: &str) -> Option<Preprocess> {
        Preprocess::ALL.into_iter().find(|choice| choice.name() == name)
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

    /// Slope and start of the line from a byte to its value in network channel `channel`.
    pub fn line(self, channel: usize) -> (f64, f64) {
        let (start, end) = (f64::from(self.value(channel, 0)), f64::from(self.value(channel, 255)));
        ((end - start) / 255.0, start)
    }

    /// Whether the first network channel is blue.
    pub const fn is_reversed(self) -> bool {
        self.source(0) == 2
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
    fn a_geometry_is_read_as_it_was_described() {
        for geometry in [Geometry::DEFAULT, Geometry::square(32), Geometry::AsIs] {
            assert_eq!(Geometry::parse(&geometry.describe().to_string()), Some(geometry));
        }
        for text in ["", "\"as\"", "{}", r#"{"resize":1}"#, r#"{"resize":-1,"crop":1}"#, "[1,2]"] {
            assert_eq!(Geometry::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_choice_is_found_by_its_name() {
        for choice in Preprocess::ALL {
            assert_eq!(Preprocess::named(choice.name()), Some(choice));
        }
        assert_eq!(Preprocess::named("vgg"), None);
    }
}
