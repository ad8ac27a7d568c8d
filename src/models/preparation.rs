//! The preparation of images that some files hold beside a network: is it one of the ways that the loader knows?

use crate::preprocess::Preprocess;
use crate::weights::import::Preparation;

/// For each channel of the network: `scale x + shift`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Affine {
    pub(super) scale: [f64; 3],
    pub(super) shift: [f64; 3],
    /// Whether red and blue change places on the way.
    pub(super) reversed: bool,
}

/// What images may be given in, as a factor and an offset of bytes: 0 to 255, 0 to 1, -1 to 1.
const RANGES: [(f64, f64); 3] = [(1.0, 0.0), (1.0 / 255.0, 0.0), (2.0 / 255.0, -1.0)];

/// Published constants are rounded to three digits or so.
const TOLERANCE: f64 = 2e-3;

impl Affine {
    /// Leaves values as they are.
    pub(super) const IDENTITY: Affine = Affine { scale: [1.0; 3], shift: [0.0; 3], reversed: false };

    /// Subtracts a mean and divides by a deviation.
    pub(super) fn standardising(mean: [f64; 3], deviation: [f64; 3]) -> Affine {
        let of = |channel: usize| (1.0 / deviation[channel], -mean[channel] / deviation[channel]);
        Affine { scale: [0, 1, 2].map(|c| of(c).0), shift: [0, 1, 2].map(|c| of(c).1), reversed: false }
    }

    /// What a file is found to do, in `words`; none if it does nothing.
    pub(super) fn preparation(&self, words: String) -> Option<Preparation> {
        (*self != Affine::IDENTITY).then(|| Preparation { words, same_as: self.same_as() })
    }

    /// The way of preparing bytes that gives the same numbers, whichever of the usual ranges the file expects.
    fn same_as(&self) -> Option<Preprocess> {
        let near =
            |found: f64, wanted: f64, size: f64| (found - wanted).abs() <= TOLERANCE * size.abs().max(wanted.abs());
        let same = |choice: &Preprocess, (factor, offset): (f64, f64)| {
            (0..3).all(|channel| {
                let (slope, start) = choice.line(channel);
                near(self.scale[channel] * factor, slope, 0.0)
                    && near(self.scale[channel] * offset + self.shift[channel], start, 255.0 * slope)
            }) && (choice.is_reversed() || !self.reversed)
        };
        let all = RANGES.iter().flat_map(|&range| Preprocess::ALL.map(|choice| (choice, range)));
        all.into_iter().find(|(choice, range)| same(choice, *range)).map(|(choice, _)| choice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
    const DEVIATION: [f64; 3] = [0.229, 0.224, 0.225];

    #[test]
    fn the_usual_preparations_are_known_in_every_range() {
        let torch = Affine::standardising(MEAN, DEVIATION);
        assert_eq!(torch.same_as(), Some(Preprocess::Torch));
        let of_bytes =
            Affine::standardising(MEAN.map(|mean| 255.0 * mean), DEVIATION.map(|deviation| 255.0 * deviation));
        assert_eq!(of_bytes.same_as(), Some(Preprocess::Torch));
        // LPIPS: images from -1 to 1.
        let of_signed = Affine::standardising([-0.030, -0.088, -0.188], [0.458, 0.448, 0.450]);
        assert_eq!(of_signed.same_as(), Some(Preprocess::Torch));
        let caffe = Affine::standardising([103.939, 116.779, 123.68], [1.0; 3]);
        assert_eq!(caffe.same_as(), Some(Preprocess::Caffe));
        assert_eq!(Affine { reversed: true, ..caffe }.same_as(), Some(Preprocess::Caffe));
        assert_eq!(Affine::standardising([0.5; 3], [0.5; 3]).same_as(), Some(Preprocess::Signed));
        assert_eq!(Affine { scale: [1.0 / 255.0; 3], ..Affine::IDENTITY }.same_as(), Some(Preprocess::None));
        assert_eq!(Affine::IDENTITY.preparation(String::new()), None);
    }

    #[test]
    fn other_constants_are_not_taken_for_a_known_way() {
        assert_eq!(Affine::standardising([0.491, 0.482, 0.447], [0.247, 0.243, 0.262]).same_as(), None);
        assert_eq!(Affine { reversed: true, ..Affine::standardising(MEAN, DEVIATION) }.same_as(), None);
        assert_eq!(Affine::standardising([123.68, 116.779, 103.939], [1.0; 3]).same_as(), None);
    }
}
