//! Twin of `max_pool`.

use super::pool::{pool, sizes};
use super::{Case, Maps};
use crate::error::Result;
use crate::geometry::Window;
use crate::kernels;

/// Maximum over the positions of each window that lie in the map.
///
/// # Errors
/// If the window does not fit the map.
pub fn max_pool(x: &Maps, window: &Window) -> Result<Maps> {
    pool(x, window, |inside| inside.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

/// Cases of the kernel. A maximum is exact.
pub fn cases() -> Vec<Case> {
    sizes(max_pool, |gpu, recording, window, shape, x, y| {
        kernels::max_pool::max_pool(gpu, recording, window, shape, x, y)
    })
}

/// The kernel at a random shape.
pub fn random(rng: &mut rand_mt::Mt) -> Case {
    super::pool::random(rng, max_pool, |gpu, recording, window, shape, x, y| {
        kernels::max_pool::max_pool(gpu, recording, window, shape, x, y)
    })
}
