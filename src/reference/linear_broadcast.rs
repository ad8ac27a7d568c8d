//! Cases of `linear_broadcast`, whose twin is that of `linear`.

use rand_mt::Mt;

use super::linear::{case, layers};
use super::{Case, Size, rng};
use crate::kernels::chooser::LinearVariant;
use crate::kernels::linear::Sizes;

/// Cases of the kernel.
pub(crate) fn cases() -> Vec<Case> {
    let by_four = layers().into_iter().filter(|(sizes, _)| sizes.inputs.is_multiple_of(4));
    let both = |(sizes, size)| [8, 32].map(|images| case(LinearVariant::Broadcast { images }, sizes, size));
    by_four.flat_map(both).collect()
}

/// The kernel at a random shape.
pub(crate) fn random(rng: &mut Mt) -> Case {
    let sizes = Sizes { images: rng::size(rng, 70), inputs: 4 * rng::size(rng, 150), outputs: rng::size(rng, 90) };
    let images = if rng::coin(rng) { 8 } else { 32 };
    case(LinearVariant::Broadcast { images }, sizes, Size::Ragged)
}
