//! Random numbers by counting: a stream is a key, its n-th number a hash of key and n, so that no picture depends on another.

/// A stream of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    key: u64,
    count: u64,
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
const fn scramble(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

impl Random {
    /// The stream of a seed and a path of names below it.
    pub(crate) fn new(seed: u64, path: &[u64]) -> Random {
        let key = path.iter().fold(scramble(seed ^ 0x6E65_7464_6973_7365), |key, &step| {
            scramble(key.wrapping_add(0x9E37_79B9_7F4A_7C15) ^ scramble(step))
        });
        Random { key, count: 0 }
    }

    /// A stream of its own for a part, so that one more draw here moves nothing there.
    pub(crate) fn fork(&mut self) -> Random {
        Random::new(self.bits(), &[])
    }

    fn bits(&mut self) -> u64 {
        self.count += 1;
        scramble(self.key.wrapping_add(self.count.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// A seed for noise.
    pub(crate) fn seed(&mut self) -> u32 {
        (self.bits() >> 32) as u32
    }

    /// From 0 up to 1, without 1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / 16_777_216.0
    }

    /// From `low` to `high`.
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// From `-spread` to `spread`, the middle twice as often as on average.
    pub(crate) fn about(&mut self, spread: f32) -> f32 {
        (self.unit() - self.unit()) * spread
    }

    /// A whole number from `low` to `high`, both included.
    pub(crate) fn whole(&mut self, low: u32, high: u32) -> u32 {
        low + (self.bits() % (u64::from(high.saturating_sub(low)) + 1)) as u32
    }

    /// True with probability `share`.
    pub(crate) fn chance(&mut self, share: f32) -> bool {
        self.unit() < share
    }

    /// One of a list that is not empty.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.whole(0, of.len() as u32 - 1) as usize]
    }

    /// Index by weight.
    pub(crate) fn weighted(&mut self, weights: &[f32]) -> usize {
        let mut at = self.unit() * weights.iter().sum::<f32>();
        for (index, weight) in weights.iter().enumerate() {
            at -= weight;
            if at < 0.0 {
                return index;
            }
        }
        weights.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_even_and_do_not_depend_on_each_other() {
        let draw = |path: &[u64]| {
            let mut random = Random::new(7, path);
            (0..4000).map(|_| random.unit()).collect::<Vec<f32>>()
        };
        let (a, b) = (draw(&[1, 2]), draw(&[2, 1]));
        assert_eq!(a, draw(&[1, 2]));
        assert_ne!(a[..8], b[..8]);
        let mean = a.iter().sum::<f32>() / 4000.0;
        assert!((mean - 0.5).abs() < 0.02 && a.iter().all(|at| (0.0..1.0).contains(at)), "{mean}");
    }

    #[test]
    fn weights_are_kept_and_whole_numbers_reach_both_ends() {
        let mut random = Random::new(1, &[]);
        let mut counts = [0; 3];
        (0..3000).for_each(|_| counts[random.weighted(&[1.0, 0.0, 2.0])] += 1);
        assert!(counts[1] == 0 && (900..1100).contains(&counts[0]), "{counts:?}");
        let drawn: std::collections::BTreeSet<u32> = (0..100).map(|_| random.whole(3, 6)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6]);
    }
}
