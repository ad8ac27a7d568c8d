//! How many at once: as many as the memory allows.

use super::{Session, Weights, bytes_for};
use crate::error::{Kind, Result};
use crate::gpu::Gpu;
use crate::graph::{Graph, Wanted};
use crate::kernels::tune::Tuner;
use crate::progress::Progress;

/// How many of something are worked on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtOnce {
    /// So many, as the user asks.
    Asked(u32),
    /// So many, or fewer where they find no room.
    UpTo(u32),
}

impl AtOnce {
    /// What the user asks for, if anything, or what `most` reckons.
    pub fn asked_or(asked: Option<u32>, most: impl FnOnce() -> u32) -> AtOnce {
        asked.map_or_else(|| AtOnce::UpTo(most()), AtOnce::Asked)
    }
}

/// What `attempt` makes for so many at once; halves the number where the device has no memory for it, unless the user asked for
/// it, and says so: `things` is what there are so many of.
///
/// # Errors
/// The last that `attempt` returns.
pub fn halving<T>(
    at_once: AtOnce,
    things: &str,
    progress: &dyn Progress,
    mut attempt: impl FnMut(u32) -> Result<T>,
) -> Result<T> {
    let (mut size, may_halve) = match at_once {
        AtOnce::Asked(size) => (size, false),
        AtOnce::UpTo(size) => (size, true),
    };
    let mut refused = None;
    loop {
        match attempt(size) {
            Err(error) if error.kind() == Kind::OutOfMemory && size > 1 && may_halve => {
                size /= 2;
                refused.get_or_insert(error);
            }
            other => {
                if let (Ok(_), Some(error)) = (&other, refused) {
                    progress.note(&format!("{error}; going on with {size} {things} at once"));
                }
                return other;
            }
        }
    }
}

/// Puts a graph on the device for as many of `images` at once as asked or as fit.
///
/// # Errors
/// As [`Session::new`].
pub fn fitting(
    weights: &Weights,
    graph: &Graph,
    wanted: Wanted<'_>,
    images: usize,
    asked: Option<u32>,
    tuner: &mut Tuner,
    progress: &dyn Progress,
) -> Result<Session> {
    let at_once = AtOnce::asked_or(asked, || fitting_batch(weights.gpu(), graph, images));
    halving(at_once, "images", progress, |size| Session::new(weights, graph, size, wanted, tuner))
}

/// Most images at once that are worth it.
pub const MOST_AT_ONCE: u32 = 16;

/// The largest power of two whose values take at most half of the free budget and fit the adapter's bindings.
pub fn fitting_batch(gpu: &Gpu, graph: &Graph, images: usize) -> u32 {
    let free = gpu.free_bytes() / 2;
    let wanted = u32::try_from(images).unwrap_or(MOST_AT_ONCE).next_power_of_two();
    // A software adapter gains nothing from more than a few.
    let most = if gpu.traits().software { 4 } else { MOST_AT_ONCE };
    let mut batch = most.min(wanted);
    while batch > 1 {
        let (total, largest) = bytes_for(graph, batch);
        if total <= free && largest <= gpu.traits().max_binding_bytes {
            break;
        }
        batch /= 2;
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::progress::Silent;

    #[test]
    fn what_finds_no_room_is_halved_unless_it_was_asked_for() {
        let attempt = |size: u32| if size > 3 { Err(Error::new(Kind::OutOfMemory, "full")) } else { Ok(size) };
        assert_eq!(halving(AtOnce::UpTo(16), "images", &Silent, attempt).unwrap(), 2);
        assert_eq!(halving(AtOnce::Asked(16), "images", &Silent, attempt).unwrap_err().kind(), Kind::OutOfMemory);
        let broken = |_| Err::<u32, _>(Error::input("broken"));
        assert_eq!(halving(AtOnce::UpTo(16), "images", &Silent, broken).unwrap_err().kind(), Kind::Input);
    }
}
