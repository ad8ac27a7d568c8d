//! Twin of `max_pool`.

use rand_mt::Mt;

use super::pool::{Pooling, pool};
use super::{Case, Maps};
use crate::error::Result;
use crate::geometry::Window;
use crate::kernels;

/// Maximum over the positions of each window that lie in the map; NaN if one of them is.
///
/// # Errors
/// If the window does not fit the map.
pub fn max_pool(x: &Maps, window: &Window) -> Result<Maps> {
    pool(x, window, |inside| inside.iter().copied().fold(f64::NEG_INFINITY, larger))
}

/// The larger of two numbers, and NaN if one of them is none.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

const POOLING: Pooling = Pooling { twin: max_pool, record: kernels::max_pool::max_pool };

/// Cases of the kernel. A maximum is exact.
pub fn cases() -> Vec<Case> {
    POOLING.cases()
}

/// The kernel at a random shape.
pub fn random(rng: &mut Mt) -> Case {
    POOLING.random(rng)
}
