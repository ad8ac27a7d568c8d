//! Twin of `average_pool`.

use rand_mt::Mt;

use super::pool::{Pooling, pool};
use super::{Case, Maps};
use crate::error::Result;
use crate::geometry::Window;
use crate::kernels;

/// Sum over each window, zeros outside the map, divided by the window's size.
///
/// # Errors
/// If the window does not fit the map.
pub fn average_pool(x: &Maps, window: &Window) -> Result<Maps> {
    let size = f64::from(window.kernel[0] * window.kernel[1]);
    pool(x, window, |inside| inside.iter().sum::<f64>() / size)
}

const POOLING: Pooling = Pooling { twin: average_pool, record: kernels::average_pool::average_pool };

/// Cases of the kernel. Sums of integers are exact, and one division is correctly rounded.
pub fn cases() -> Vec<Case> {
    POOLING.cases()
}

/// The kernel at a random shape.
pub fn random(rng: &mut Mt) -> Case {
    POOLING.random(rng)
}
