//! Cases of `conv_tiled`, whose twin is that of `conv`.

use rand_mt::Mt;

use super::Case;
use super::conv::conv;
use super::convolution::{Problem, any_window, common, unusual};
use crate::kernels::chooser::Variant;

/// Cases of the kernel.
pub(crate) fn cases() -> Vec<Case> {
    common().into_iter().chain(unusual()).map(|problem| problem.case(Variant::Tiled, conv)).collect()
}

/// The kernel at a random shape, with a random window.
pub(crate) fn random(rng: &mut Mt) -> Case {
    let window = any_window(rng);
    Problem::random(rng, window).case(Variant::Tiled, conv)
}
