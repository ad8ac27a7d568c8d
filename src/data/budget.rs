//! How many pixels are decoded at one time, over all threads of the process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// Bytes of a pixel: 8-bit RGB.
const PIXEL_BYTES: u64 = 3;

/// Pixels decoded at one time unless told otherwise: 256 million bytes of 8-bit RGB.
pub const MAX_PIXELS: u64 = 256_000_000 / PIXEL_BYTES;

/// The budget of the process: memory is the process's too.
static BUDGET: PixelBudget = PixelBudget::new(MAX_PIXELS * PIXEL_BYTES);

/// Allows so many pixels to be decoded at one time, over all threads.
pub fn allow_pixels(pixels: u64) {
    BUDGET.limit.store(pixels.saturating_mul(PIXEL_BYTES), Ordering::Relaxed);
}

/// Bytes that decoding may take at one time.
pub(super) fn limit() -> u64 {
    BUDGET.limit.load(Ordering::Relaxed)
}

/// Waits until so many bytes are free, and holds them until what is returned is dropped.
///
/// # Errors
/// [`crate::error::Kind::Input`] if they never can be, with the option that allows them.
pub(super) fn take(bytes: u64) -> Result<Permit<'static>> {
    BUDGET.take(bytes)
}

struct PixelBudget {
    limit: AtomicU64,
    taken: Mutex<u64>,
    returned: Condvar,
}

/// Bytes taken from the budget, which go back with the value.
pub(super) struct Permit<'a> {
    budget: &'a PixelBudget,
    bytes: u64,
}

impl PixelBudget {
    const fn new(limit: u64) -> Self {
        PixelBudget { limit: AtomicU64::new(limit), taken: Mutex::new(0), returned: Condvar::new() }
    }

    fn taken(&self) -> MutexGuard<'_, u64> {
        // A number is never half changed.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, bytes: u64) -> Result<Permit<'_>> {
        let limit = self.limit.load(Ordering::Relaxed);
        if bytes > limit {
            let (found, most) = (bytes.div_ceil(1_000_000), limit.div_ceil(1_000_000));
            return Err(Error::input(format!(
                "takes {found} million bytes to decode; at most {most} are taken at one time (`--max-pixels {}` allows it)",
                bytes.div_ceil(PIXEL_BYTES)
            )));
        }
        // Whoever holds bytes waits for nobody, so they come back.
        let full = |taken: &mut u64| *taken + bytes > limit;
        let mut taken = self.returned.wait_while(self.taken(), full).unwrap_or_else(PoisonError::into_inner);
        *taken += bytes;
        Ok(Permit { budget: self, bytes })
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.budget.taken() -= self.bytes;
        self.budget.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn no_more_is_taken_at_one_time_than_allowed_and_all_comes_back() {
        let budget = PixelBudget::new(100);
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (budget, held, most) = (&budget, &held, &most);
                scope.spawn(move || {
                    for bytes in [30 + thread, 100, 1] {
                        let _permit = budget.take(bytes).unwrap();
                        most.fetch_max(held.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                        std::thread::yield_now();
                        held.fetch_sub(bytes, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!((most.into_inner(), *budget.taken()), (100, 0));
    }

    #[test]
    fn what_never_fits_is_refused_with_the_option_that_allows_it() {
        let error = PixelBudget::new(3_000_000).take(3_000_001).err().unwrap().to_string();
        assert!(error.contains("takes 4 million bytes") && error.contains("`--max-pixels 1000001`"), "{error}");
    }
}
