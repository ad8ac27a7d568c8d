//! Exact upper quantiles of each unit's upsampled values, by radix selection: a digit of the answer a pass.

use super::not_finite::same_levels;
use crate::error::{Error, Result};
use crate::kernels::histogram::Digit;
use crate::state::checkpoint::{Saved, StateTensor};
use crate::state::{Merge, beyond_64_bits};

/// Key of zero: the kernel leaves zeros to the host.
const KEY_OF_ZERO: u32 = 0x8000_0000;

/// Key of no number, the highest of all, whose float is NaN: the level of a unit that has none.
const KEY_OF_NONE: u32 = u32::MAX;

/// Bits of the widest digit.
const WIDEST: u32 = 16;

/// Digits that resolve 32-bit keys in two passes; a table takes 256 KiB a unit.
pub const TWO_PASSES: [Digit; 2] = [Digit { shift: 16, bits: 16 }, Digit { shift: 0, bits: 16 }];

/// Digits that resolve 32-bit keys in three passes; a table takes 8 KiB a unit.
pub const THREE_PASSES: [Digit; 3] =
    [Digit { shift: 21, bits: 11 }, Digit { shift: 10, bits: 11 }, Digit { shift: 0, bits: 10 }];

/// Digits that resolve 32-bit keys in four passes, for layers of very many units; a table takes 2 KiB a unit.
pub const FOUR_PASSES: [Digit; 4] = [
    Digit { shift: 23, bits: 9 },
    Digit { shift: 15, bits: 8 },
    Digit { shift: 7, bits: 8 },
    Digit { shift: 0, bits: 7 },
];

/// The level that each unit exceeds at a fraction `tail` of all positions, from its two neighbouring order statistics.
///
/// A unit with a value that is not a finite number has no level: NaN.
///
/// The result equals `numpy.quantile(values, 1 - tail, method="hazen")` in double precision, rounded to single; it is bit for
/// bit independent of batch size and of the order of images, since only integer counts are kept.
///
/// # Source
/// `t_u` of Bau et al., PNAS 2020. Their code estimates it with a randomised sketch of the same rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantile {
    tail: f64,
    digits: Vec<Digit>,
    /// Digits resolved so far.
    level: usize,
    /// Of each unit, the resolved digits of the lower order statistic.
    prefix: Vec<u32>,
    /// Rank of the lower order statistic among the values with that prefix.
    rank: Vec<u64>,
    zeros: Vec<u64>,
    /// Counts of the current digit, `[units, 2^bits]`.
    counts: Vec<u64>,
    /// Smallest key above the prefix.
    above: Vec<u32>,
    thresholds: Vec<f32>,
}

impl Quantile {
    /// Nothing counted yet. `tail` is the fraction above the level, in (0, 1).
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if `tail` is not in (0, 1).
    pub fn new(units: usize, tail: f64, digits: &[Digit]) -> Result<Quantile> {
        if !(tail > 0.0 && tail < 1.0) {
            return Err(Error::new(
                crate::error::Kind::Usage,
                format!("the quantile is {tail}; it must lie between 0 and 1"),
            ));
        }
        let mut quantile = Quantile {
            tail,
            digits: digits.to_vec(),
            level: 0,
            prefix: vec![0; units],
            rank: vec![0; units],
            zeros: vec![0; units],
            counts: Vec::new(),
            above: Vec::new(),
            thresholds: Vec::new(),
        };
        quantile.clear();
        Ok(quantile)
    }

    fn clear(&mut self) {
        let bins = self.digit().map_or(0, |digit| self.prefix.len() << digit.bits);
        self.counts = vec![0; bins];
        self.above = vec![u32::MAX; self.prefix.len()];
    }

    /// The digit to count next; `None` once all are known.
    pub fn digit(&self) -> Option<Digit> {
        self.digits.get(self.level).copied()
    }

    /// Passes in all.
    pub fn passes(&self) -> usize {
        self.digits.len()
    }

    /// The higher digits of each unit, for the kernel.
    pub fn prefix(&self) -> &[u32] {
        &self.prefix
    }

    /// Adds counts `[units, 2^bits]` and lowers the smallest keys above.
    pub fn add(&mut self, counts: &[u32], above: &[u32]) {
        // Nearly all bins stay empty: their pages are never touched, so that they take no memory.
        let met = self.counts.iter_mut().zip(counts).filter(|(_, count)| **count > 0);
        met.for_each(|(sum, &count)| *sum += u64::from(count));
        self.above.iter_mut().zip(above).for_each(|(least, &key)| *least = (*least).min(key));
    }

    /// Ends a pass over `positions` positions of each unit: fixes the digit.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if there was no position.
    pub fn finish_pass(&mut self, positions: u64) -> Result<()> {
        let Some(digit) = self.digit() else { return Ok(()) };
        if self.level == 0 {
            self.start(positions, digit)?;
        }
        let (lower_rank, upper_rank, fraction) = hazen(positions, self.tail);
        let last = self.level + 1 == self.digits.len();
        for unit in 0..self.prefix.len() {
            if self.has_none(unit) {
                self.prefix[unit] = KEY_OF_NONE >> digit.shift;
                self.thresholds.extend(last.then_some(value_of(KEY_OF_NONE)));
                continue;
            }
            let bins = &mut self.counts[unit << digit.bits..][..1 << digit.bits];
            let digits_of_zero = u64::from(KEY_OF_ZERO >> digit.shift);
            let lead = digits_of_zero >> digit.bits;
            if lead == u64::from(self.prefix[unit]) {
                bins[(digits_of_zero & ((1 << digit.bits) - 1)) as usize] += self.zeros[unit];
            } else if lead > u64::from(self.prefix[unit]) && self.zeros[unit] > 0 {
                self.above[unit] = self.above[unit].min(KEY_OF_ZERO);
            }
            let mut rank = self.rank[unit];
            let Some(bin) = bins.iter().position(|&count| {
                let here = rank < count;
                rank -= if here { 0 } else { count };
                here
            }) else {
                return Err(Error::internal(format!("passes saw different values of unit {unit}")));
            };
            self.rank[unit] = rank;
            let bin = bin as u32;
            let high = if digit.bits + digit.shift == 32 { 0 } else { self.prefix[unit] << digit.bits };
            self.prefix[unit] = high | bin;
            if last {
                let next = bins.iter().enumerate().skip(bin as usize + 1).find(|(_, count)| **count > 0);
                let upper = if upper_rank == lower_rank || rank + 1 < bins[bin as usize] {
                    self.prefix[unit]
                } else {
                    next.map_or(self.above[unit], |(next, _)| high | next as u32)
                };
                self.thresholds.push(interpolate(value_of(self.prefix[unit]), value_of(upper), fraction));
            }
        }
        self.level += 1;
        self.clear();
        Ok(())
    }

    /// After the first pass the number of zeros and the wanted ranks are known.
    fn start(&mut self, positions: u64, digit: Digit) -> Result<()> {
        if positions == 0 {
            return Err(Error::input("there is no position to take a quantile of"));
        }
        let (lower_rank, _, _) = hazen(positions, self.tail);
        // Keys of numbers that are not finite start and end with eight equal bits of exponent.
        let past = (1 << (digit.bits - 9)).max(1);
        for unit in 0..self.prefix.len() {
            let bins = &self.counts[unit << digit.bits..][..1 << digit.bits];
            if bins[..past].iter().chain(&bins[bins.len() - past..]).any(|&count| count > 0) {
                self.prefix[unit] = KEY_OF_NONE;
            }
            let counted: u64 = bins.iter().sum();
            self.zeros[unit] =
                positions.checked_sub(counted).ok_or_else(|| Error::internal("more counts than positions"))?;
            self.rank[unit] = lower_rank;
        }
        Ok(())
    }

    /// Whether a unit has no level, so far as its digits are known: no finite number starts with these.
    fn has_none(&self, unit: usize) -> bool {
        let resolved = self.level.checked_sub(1).map_or(0, |last| self.digits[last].shift);
        self.prefix[unit] == KEY_OF_NONE >> resolved
    }

    /// As tensors of a checkpoint, under this name.
    pub(super) fn tensors(&self, name: &str) -> Vec<StateTensor> {
        let named = |part: &str| format!("{name}.{part}");
        // Nearly all bins are empty: only the others are kept.
        let (bins, counts): (Vec<u32>, Vec<u64>) = (0u32..).zip(&self.counts).filter(|(_, count)| **count > 0).unzip();
        vec![
            StateTensor::new(named("digits"), &self.bits()),
            StateTensor::new(named("resolved"), &[self.level as u64]),
            StateTensor::new(named("prefix"), &self.prefix),
            StateTensor::new(named("rank"), &self.rank),
            StateTensor::new(named("zeros"), &self.zeros),
            StateTensor::new(named("bins"), &bins),
            StateTensor::new(named("counts"), &counts),
            StateTensor::new(named("above"), &self.above),
            StateTensor::new(named("thresholds"), &self.thresholds),
        ]
    }

    /// Takes up what [`Quantile::tensors`] gave, however the digits were split then: with less memory at hand, the table of the digit
    /// that is counted becomes one of fewer bits, and more digits follow.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if it has other units, or digits that there are not.
    pub(super) fn restore(&mut self, saved: &Saved<'_>, name: &str) -> Result<()> {
        let named = |part: &str| format!("{name}.{part}");
        let strange = || Error::input("it is of another layer").at(name);
        let widest = self.digits.iter().map(|digit| digit.bits).max().unwrap_or(0);
        let level: u64 = saved.value(&named("resolved"))?;
        self.digits = split(&saved.values::<u32>(&named("digits"))?).ok_or_else(strange)?;
        self.level = usize::try_from(level).ok().filter(|&level| level <= self.digits.len()).ok_or_else(strange)?;
        let finer = self.narrow(widest);
        saved.fill(&named("prefix"), &mut self.prefix)?;
        saved.fill(&named("rank"), &mut self.rank)?;
        saved.fill(&named("zeros"), &mut self.zeros)?;
        self.clear();
        saved.fill(&named("above"), &mut self.above)?;
        let (bins, counts): (Vec<u32>, Vec<u64>) = (saved.values(&named("bins"))?, saved.values(&named("counts"))?);
        if bins.len() != counts.len() {
            return Err(strange());
        }
        for (&bin, &count) in bins.iter().zip(&counts) {
            *self.counts.get_mut((bin >> finer) as usize).ok_or_else(strange)? += count;
        }
        let known = if self.digit().is_none() { self.prefix.len() } else { 0 };
        self.thresholds = vec![0.0; known];
        saved.fill(&named("thresholds"), &mut self.thresholds)
    }

    /// Splits the digits that are still to be resolved so that none is wider than `most` bits. By how many bits the one at hand was
    /// finer before: so many bins become one.
    fn narrow(&mut self, most: u32) -> u32 {
        let left = &self.digits[self.level..];
        let Some(&at_hand) = left.first().filter(|_| left.iter().any(|digit| digit.bits > most)) else { return 0 };
        let first = at_hand.bits.min(most);
        self.digits.truncate(self.level);
        let mut shift = at_hand.shift + at_hand.bits;
        for bits in std::iter::once(first).chain(std::iter::repeat(most)) {
            let bits = bits.min(shift);
            shift -= bits;
            self.digits.push(Digit { shift, bits });
            if shift == 0 {
                break;
            }
        }
        at_hand.bits - first
    }

    /// Bits of each digit.
    fn bits(&self) -> Vec<u32> {
        self.digits.iter().map(|digit| digit.bits).collect()
    }

    /// The levels, once every digit is known.
    pub fn thresholds(&self) -> Option<&[f32]> {
        (self.level == self.digits.len()).then_some(&self.thresholds)
    }
}

impl Merge for Quantile {
    /// Parts are merged within a pass; with [`Quantile::finish_pass`] on the whole, a digit of all of them is fixed.
    fn merge(&mut self, other: &Quantile) -> Result<()> {
        let digits = |of: &Quantile| (of.bits(), of.level, of.tail.to_bits());
        let known = |of: &Quantile| (of.prefix.clone(), of.rank.clone(), of.zeros.clone());
        if digits(self) != digits(other)
            || known(self) != known(other)
            || !same_levels(&self.thresholds, &other.thresholds)
        {
            return Err(Error::input("quantiles of different layers, fractions or passes do not add up"));
        }
        // As in `add`, untouched pages stay so.
        for (sum, &count) in self.counts.iter_mut().zip(&other.counts).filter(|(_, count)| **count > 0) {
            *sum = sum.checked_add(count).ok_or_else(beyond_64_bits)?;
        }
        self.above.iter_mut().zip(&other.above).for_each(|(least, &key)| *least = (*least).min(key));
        Ok(())
    }
}

/// The digits of so many bits each that 32-bit keys are split into, the highest first; none if they are not split so.
fn split(bits: &[u32]) -> Option<Vec<Digit>> {
    let mut shift = 32u32;
    let digits = bits.iter().map(|&bits| {
        shift = shift.checked_sub(bits)?;
        (1..=WIDEST).contains(&bits).then_some(Digit { shift, bits })
    });
    let digits: Vec<Digit> = digits.collect::<Option<_>>()?;
    // Numbers that are not finite are told by sign and exponent, in the first digit.
    (shift == 0 && digits[0].bits >= 9).then_some(digits)
}

/// Ranks of the two neighbouring order statistics, from 0, and the fraction between them.
fn hazen(count: u64, tail: f64) -> (u64, u64, f64) {
    let q = 1.0 - tail;
    // As numpy orders it: n q + (1/2 + q (1 - 1/2 - 1/2)) - 1.
    let position = (count as f64 * q + 0.5) - 1.0;
    let last = count - 1;
    if position < 0.0 {
        return (0, 0, 0.0);
    }
    if position >= last as f64 {
        return (last, last, 0.0);
    }
    let lower = position.floor();
    (lower as u64, lower as u64 + 1, position - lower)
}

/// numpy's interpolation, which comes from the nearer end.
#[expect(clippy::cast_possible_truncation, reason = "levels are compared with single-precision values")]
fn interpolate(lower: f32, upper: f32, fraction: f64) -> f32 {
    let (lower, upper) = (f64::from(lower), f64::from(upper));
    let step = upper - lower;
    (if fraction >= 0.5 { upper - step * (1.0 - fraction) } else { lower + step * fraction }) as f32
}

/// The float of a key.
fn value_of(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & 0x7fff_ffff } else { !key })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference::histogram::key;
    use crate::state::checkpoint::{self, values};
    use crate::state::laws::Sample;

    impl Sample for Quantile {
        /// In the second pass, of levels that come of the first ten images.
        fn on(images: &[u32]) -> Quantile {
            let values = |image: u32| [0.5, -1.0, 0.0, 0.25].map(|value| value * (image % 4) as f32);
            let mut quantile = Quantile::new(1, 0.25, &THREE_PASSES).unwrap();
            (0..10).for_each(|image| count(&mut quantile, &[&values(image)]));
            quantile.finish_pass(40).unwrap();
            images.iter().for_each(|&image| count(&mut quantile, &[&values(image)]));
            quantile
        }

        fn strangers(_: &[u32]) -> Vec<Quantile> {
            let other = |units, tail, digits: &[Digit]| Quantile::new(units, tail, digits).unwrap();
            let mut finished = Quantile::on(&(0..10).collect::<Vec<_>>());
            finished.finish_pass(40).unwrap();
            vec![other(1, 0.25, &THREE_PASSES), other(2, 0.25, &THREE_PASSES), other(1, 0.25, &TWO_PASSES), finished]
        }
    }

    /// What the kernel does, for values given in pieces.
    fn count(quantile: &mut Quantile, pieces: &[&[f32]]) {
        let digit = quantile.digit().unwrap();
        for piece in pieces {
            let mut counts = vec![0; 1 << digit.bits];
            let mut above = u32::MAX;
            for &value in piece.iter().filter(|value| **value != 0.0) {
                let digits = u64::from(key(value) >> digit.shift);
                let lead = digits >> digit.bits;
                if lead == u64::from(quantile.prefix()[0]) {
                    counts[(digits & ((1 << digit.bits) - 1)) as usize] += 1;
                } else if lead > u64::from(quantile.prefix()[0]) {
                    above = above.min(key(value));
                }
            }
            quantile.add(&counts, &[above]);
        }
    }

    fn select(values: &[f32], tail: f64, digits: &[Digit], piece: usize) -> f32 {
        let mut quantile = Quantile::new(1, tail, digits).unwrap();
        while quantile.digit().is_some() {
            count(&mut quantile, &values.chunks(piece).collect::<Vec<_>>());
            quantile.finish_pass(values.len() as u64).unwrap();
        }
        quantile.thresholds().unwrap()[0]
    }

    /// As [`select`], each piece counted by itself and merged.
    fn select_in_parts(values: &[f32], tail: f64, digits: &[Digit], piece: usize) -> f32 {
        let mut quantile = Quantile::new(1, tail, digits).unwrap();
        while quantile.digit().is_some() {
            let nothing = quantile.clone();
            for piece in values.chunks(piece) {
                let mut part = nothing.clone();
                count(&mut part, &[piece]);
                quantile.merge(&part).unwrap();
            }
            quantile.finish_pass(values.len() as u64).unwrap();
        }
        quantile.thresholds().unwrap()[0]
    }

    /// As [`select`], kept behind every piece and taken up with whatever digits the memory then allows.
    fn select_with_stops(values: &[f32], tail: f64, splits: &[&[Digit]], piece: usize) -> f32 {
        let mut splits = splits.iter().cycle();
        let mut quantile = Quantile::new(1, tail, splits.next().unwrap()).unwrap();
        while quantile.digit().is_some() {
            for piece in values.chunks(piece) {
                count(&mut quantile, &[piece]);
                let bytes = checkpoint::encode("job", quantile.tensors("0")).unwrap();
                quantile = Quantile::new(1, tail, splits.next().unwrap()).unwrap();
                quantile.restore(&checkpoint::open(&bytes, "job").unwrap(), "0").unwrap();
            }
            quantile.finish_pass(values.len() as u64).unwrap();
        }
        quantile.thresholds().unwrap()[0]
    }

    /// Sort, then the rule.
    fn by_sorting(values: &[f32], tail: f64) -> f32 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f32::total_cmp);
        let (lower, upper, fraction) = hazen(sorted.len() as u64, tail);
        interpolate(sorted[lower as usize], sorted[upper as usize], fraction)
    }

    proptest! {
        #[test]
        fn equals_sorting_whatever_the_pieces(
            values in proptest::collection::vec(prop_oneof![Just(0.0f32), -3.0f32..3.0, (-4i8..4).prop_map(f32::from)], 1..300),
            tail in 0.001f64..0.999,
            piece in 1usize..50,
        ) {
            let want = by_sorting(&values, tail);
            prop_assert_eq!(select(&values, tail, &TWO_PASSES, piece), want);
            prop_assert_eq!(select(&values, tail, &THREE_PASSES, values.len()), want);
            prop_assert_eq!(select(&values, tail, &FOUR_PASSES, values.len()), want);
            prop_assert_eq!(select_in_parts(&values, tail, &THREE_PASSES, piece), want);
        }
    }

    proptest! {
        // Many tables are made.
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn work_that_is_taken_up_with_more_or_less_memory_ends_in_the_same_level(
            values in proptest::collection::vec(prop_oneof![Just(0.0f32), -3.0f32..3.0], 1..40),
            tail in 0.01f64..0.99,
            piece in 3usize..20,
            narrow in proptest::collection::vec(any::<bool>(), 1..8),
        ) {
            let splits: Vec<&[Digit]> = narrow.iter().map(|&narrow| if narrow { &THREE_PASSES[..] } else { &TWO_PASSES }).collect();
            prop_assert_eq!(select_with_stops(&values, tail, &splits, piece), by_sorting(&values, tail));
        }
    }

    #[test]
    fn digits_that_split_no_key_are_none() {
        assert_eq!(split(&[16, 16]).as_deref(), Some(&TWO_PASSES[..]));
        assert_eq!(split(&[11, 11, 10]).as_deref(), Some(&THREE_PASSES[..]));
        for bits in [&[][..], &[16], &[16, 17], &[16, 15], &[16, 16, 1], &[16, 16, 0], &[8, 8, 16], &[u32::MAX, 33]] {
            assert_eq!(split(bits), None, "{bits:?}");
        }
    }

    #[test]
    fn equals_numpy_to_the_bit() {
        let bytes = include_bytes!("../../tests/golden/quantile/quantile.safetensors");
        let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
        let floats = |name: &str| values::<f32>(&file, name).unwrap();
        let tails: Vec<f64> = values(&file, "tail").unwrap();
        let wanted = floats("want");
        assert!(tails.len() == wanted.len() && wanted.len() > 60);
        for (k, (&tail, want)) in tails.iter().zip(wanted).enumerate() {
            let values = floats(&format!("values.{k}"));
            for digits in [&TWO_PASSES[..], &THREE_PASSES] {
                let got = select(&values, tail, digits, 7);
                // Both zeros are the same level.
                assert_eq!((got + 0.0).to_bits(), (want + 0.0).to_bits(), "case {k}: got {got}, numpy says {want}");
            }
        }
    }

    #[test]
    fn a_unit_with_a_value_that_is_not_finite_has_no_level() {
        for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for digits in [&TWO_PASSES[..], &THREE_PASSES, &FOUR_PASSES] {
                assert!(select(&[1.0, bad, 0.0, -2.0], 0.01, digits, 3).is_nan());
                assert!(select_in_parts(&[bad, 1.0], 0.5, digits, 1).is_nan());
            }
        }
        for extreme in [f32::MAX, f32::MIN] {
            assert_eq!(select(&[extreme], 0.01, &TWO_PASSES, 1), extreme);
        }
    }
}
