//! What an output must hold, and how far it is from that.

use std::fmt;

use super::Maps;
use super::case::POISON;

/// What an output must hold after the run.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// These words.
    U32(Vec<u32>),
    /// These floats, bit for bit (both zeros count as one, and so do all NaN but that which stands there before the run).
    Exact(Vec<f32>),
    /// These floats, each within its own bound.
    Close {
        /// Wanted values.
        want: Vec<f32>,
        /// Largest allowed difference of each, derived by the twin.
        bound: Vec<f32>,
    },
}

/// The first difference of an output and how many there are.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch(pub String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Expected {
    /// These maps, rounded to single precision, bit for bit.
    pub fn exact(maps: &Maps) -> Expected {
        Expected::Exact(maps.to_f32())
    }

    /// These maps, rounded to single precision, each value within a bound that follows from it.
    pub fn close(maps: &Maps, bound: impl Fn(f32) -> f32) -> Expected {
        let want = maps.to_f32();
        Expected::Close { bound: want.iter().map(|&value| bound(value)).collect(), want }
    }

    /// Compares an output, given as words.
    ///
    /// # Errors
    /// How many differ, and the first: where, what was found, what was wanted.
    pub fn compare(&self, got: &[u32]) -> Result<(), Mismatch> {
        let len = match self {
            Expected::U32(want) => want.len(),
            Expected::Exact(want) | Expected::Close { want, .. } => want.len(),
        };
        if len != got.len() {
            return Err(Mismatch(format!("{} elements, {len} wanted", got.len())));
        }
        let differs = |&at: &usize| match self {
            Expected::U32(want) => got[at] != want[at],
            Expected::Exact(want) => got[at] != want[at].to_bits() && !is_same(got[at], want[at]),
            Expected::Close { want, bound } if want[at].is_finite() => {
                let distance = (f64::from(f32::from_bits(got[at])) - f64::from(want[at])).abs();
                distance.is_nan() || distance > f64::from(bound[at])
            }
            Expected::Close { want, .. } => !is_same(got[at], want[at]),
        };
        let mut different = (0..len).filter(differs);
        let Some(first) = different.next() else { return Ok(()) };
        let count = 1 + different.count();
        let pair = match self {
            Expected::U32(want) => format!("got {}, want {}", got[first], want[first]),
            Expected::Exact(want) => format!("got {}, want {}", f32::from_bits(got[first]), want[first]),
            Expected::Close { want, bound } => {
                format!("got {}, want {} within {:e}", f32::from_bits(got[first]), want[first], bound[first])
            }
        };
        Err(Mismatch(format!("{count} of {len} differ; first at {first}: {pair}")))
    }

    /// Whether the wanted values differ among themselves: a constant answer proves nothing.
    pub fn is_varied(&self) -> bool {
        match self {
            Expected::U32(want) => want.windows(2).any(|pair| pair[0] != pair[1]),
            Expected::Exact(want) | Expected::Close { want, .. } => want.windows(2).any(|pair| pair[0] != pair[1]),
        }
    }
}

/// Whether a word is that number, or none where there is to be none.
fn is_same(got: u32, want: f32) -> bool {
    let value = f32::from_bits(got);
    value == want || value.is_nan() && want.is_nan() && got != POISON
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn close_accepts_the_bound_and_refuses_just_beyond_it_and_nan() {
        let expected = Expected::Close { want: vec![1.0, 2.0], bound: vec![0.5, 0.25] };
        assert_eq!(expected.compare(&bits(&[1.5, 2.25])), Ok(()));
        assert!(expected.compare(&bits(&[1.5, 2.250_001])).is_err());
        assert!(expected.compare(&bits(&[f32::NAN, 2.0])).is_err());
    }

    #[test]
    fn exact_refuses_one_unit_in_the_last_place_and_accepts_either_zero() {
        let expected = Expected::Exact(vec![1.0, 0.0]);
        assert_eq!(expected.compare(&bits(&[1.0, -0.0])), Ok(()));
        assert!(expected.compare(&bits(&[f32::from_bits(1.0f32.to_bits() + 1), 0.0])).is_err());
        assert!(expected.compare(&[POISON, 0]).is_err());
    }

    #[test]
    fn nan_is_wanted_where_there_is_to_be_none_and_only_one_that_was_written() {
        let want = vec![f32::NAN, f32::INFINITY];
        for expected in [Expected::Exact(want.clone()), Expected::Close { bound: want.clone(), want }] {
            assert_eq!(expected.compare(&bits(&[-f32::NAN, f32::INFINITY])), Ok(()));
            assert!(expected.compare(&[POISON, f32::INFINITY.to_bits()]).is_err());
            assert!(expected.compare(&bits(&[1.0, f32::INFINITY])).is_err());
            assert!(expected.compare(&bits(&[f32::NAN, f32::MAX])).is_err());
        }
    }

    #[test]
    fn a_difference_says_how_many_and_where() {
        let mismatch = Expected::U32(vec![1, 2, 3]).compare(&[1, 5, 6]).unwrap_err();
        assert_eq!(mismatch.0, "2 of 3 differ; first at 1: got 5, want 2");
        assert!(Expected::U32(vec![1]).compare(&[1, 2]).is_err());
    }
}
