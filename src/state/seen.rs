//! Which images of a run were looked at.

use std::ops::Range;

use crate::error::{Error, Result};

/// Positions of a run's order, as ranges in order that neither overlap nor touch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Seen(Vec<Range<u32>>);

impl Seen {
    /// Adds positions.
    pub(crate) fn insert(&mut self, range: Range<u32>) {
        if range.is_empty() {
            return;
        }
        let (near, mut ranges): (Vec<_>, Vec<_>) =
            self.0.drain(..).partition(|known| known.start <= range.end && range.start <= known.end);
        let start = near.iter().map(|known| known.start).fold(range.start, u32::min);
        let end = near.iter().map(|known| known.end).fold(range.end, u32::max);
        ranges.insert(ranges.partition_point(|known| known.end < start), start..end);
        self.0 = ranges;
    }

    /// The ranges, in order.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<u32>> + '_ {
        self.0.iter().cloned()
    }

    /// What of `range` was not looked at, in order.
    pub(crate) fn gaps(&self, range: &Range<u32>) -> Vec<Range<u32>> {
        let mut gaps = Vec::new();
        let mut from = range.start;
        for known in &self.0 {
            gaps.push(from..known.start.clamp(from, range.end.max(from)));
            from = from.max(known.end);
        }
        gaps.push(from..range.end);
        gaps.retain(|gap| !gap.is_empty());
        gaps
    }

    /// The first positions that are in both.
    pub(crate) fn common(&self, other: &Seen) -> Option<Range<u32>> {
        let both = |known: &Range<u32>| {
            let shared = other.0.iter().map(|other| known.start.max(other.start)..known.end.min(other.end));
            shared.into_iter().find(|shared| !shared.is_empty())
        };
        self.0.iter().find_map(both)
    }

    /// First position behind all that were looked at.
    pub(crate) fn end(&self) -> u32 {
        self.0.last().map_or(0, |range| range.end)
    }

    /// Start and end of each range, one after the other.
    pub(crate) fn bounds(&self) -> Vec<u32> {
        self.0.iter().flat_map(|range| [range.start, range.end]).collect()
    }

    /// From [`Seen::bounds`].
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if they are none.
    pub(crate) fn from_bounds(bounds: &[u32]) -> Result<Seen> {
        let (pairs, rest) = bounds.as_chunks();
        let ranges: Vec<Range<u32>> = pairs.iter().map(|&[start, end]| start..end).collect();
        let in_order = ranges.windows(2).all(|pair| pair[0].end < pair[1].start);
        if rest.is_empty() && in_order && ranges.iter().all(|range| !range.is_empty()) {
            Ok(Seen(ranges))
        } else {
            Err(Error::input("its ranges of images are not in order").at("seen"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(ranges: &[Range<u32>]) -> Seen {
        let mut seen = Seen::default();
        ranges.iter().for_each(|range| seen.insert(range.clone()));
        seen
    }

    fn positions(ranges: impl IntoIterator<Item = Range<u32>>) -> BTreeSet<u32> {
        ranges.into_iter().flatten().collect()
    }

    fn ranges() -> impl Strategy<Value = Vec<Range<u32>>> {
        proptest::collection::vec((0u32..30, 0u32..6).prop_map(|(start, length)| start..start + length), 0..8)
    }

    proptest! {
        #[test]
        fn ranges_are_sets_of_positions(first in ranges(), second in ranges(), start in 0u32..30, length in 0u32..30) {
            let (seen, other) = (of(&first), of(&second));
            let set = positions(first);
            prop_assert_eq!(positions(seen.ranges()), set.clone());
            prop_assert_eq!(&Seen::from_bounds(&seen.bounds()).unwrap(), &seen);
            prop_assert_eq!(seen.end(), set.last().map_or(0, |last| last + 1));
            let range = start..start + length;
            let gaps: BTreeSet<u32> = range.clone().filter(|position| !set.contains(position)).collect();
            prop_assert_eq!(positions(seen.gaps(&range)), gaps);
            let common: BTreeSet<u32> = set.intersection(&positions(second)).copied().collect();
            prop_assert_eq!(seen.common(&other).map(|both| both.start), common.first().copied());
        }
    }

    #[test]
    fn bounds_that_are_none_are_an_error() {
        for bounds in [&[3][..], &[2, 2], &[5, 3], &[0, 2, 2, 4], &[4, 6, 0, 2]] {
            assert!(Seen::from_bounds(bounds).is_err(), "{bounds:?}");
        }
    }
}
