//! Twin of `conv_doubled`: the doubled map is made and convolved.

use rand_mt::Mt;

use super::conv::conv;
use super::convolution::{Problem, SAME};
use super::upsample_nearest::upsample_nearest;
use super::{Case, Maps, Size, rng};
use crate::error::Result;
use crate::geometry::{Activation, Convolution};
use crate::kernels::chooser::Variant;

/// The convolution of the map, doubled by repetition.
///
/// # Errors
/// If the window does not fit the map.
pub(crate) fn conv_doubled(x: &Maps, weight: &[f64], bias: &[f64], convolution: &Convolution) -> Result<Maps> {
    conv(&upsample_nearest(x), weight, bias, convolution)
}

/// Cases of the kernel. With integers and a slope that is a power of two all is exact.
pub(crate) fn cases() -> Vec<Case> {
    let same = |shape, channels, size| Problem::new(shape, channels, SAME, size).ending(Activation { slope: 0.25 });
    let mut all = vec![
        same([1, 2, 1, 4], 1, Size::Smallest),
        same([3, 6, 5, 8], 2, Size::Batch),
        same([2, 10, 7, 12], 19, Size::Ragged),
        same([1, 4, 6, 36], 33, Size::Ragged),
        same([2, 2, 3, 4], 9, Size::Ragged).bare(),
        same([2, 4, 3, 8], 11, Size::Ragged).ending(Activation::RELU),
        same([2, 4, 5, 8], 9, Size::Ragged).in_floats().ending(Activation { slope: 0.2 }),
        // Sums of weights stand for weights: of those of an infinite value, of either sign, other numbers come out.
        same([2, 4, 8, 12], 11, Size::Ragged).losing(&[f32::NAN, -f32::NAN]),
        same([1, 512, 8, 8], 512, Size::Real),
    ];
    // The layers of the 256x256 generator.
    let layers = [(512, 512, 4), (512, 512, 8), (512, 256, 16), (256, 128, 32), (128, 64, 64), (64, 32, 128)];
    all.extend(layers.map(|(c, k, side)| same([1, c, side, side], k, Size::Timed)));
    all.into_iter().map(|problem| problem.case(Variant::Doubled, conv_doubled)).collect()
}

/// The kernel at a random shape.
pub(crate) fn random(rng: &mut Mt) -> Case {
    let mut problem = Problem::random(rng, SAME);
    problem.shape.c = rng::size(rng, 10) * 2;
    problem.shape.w = rng::size(rng, 5) * 4;
    problem.case(Variant::Doubled, conv_doubled)
}
