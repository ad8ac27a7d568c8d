//! Statistics from integer sums: means and their errors, ratios over groups, densities.

use crate::concepts::LabelMaps;
use crate::error::{Error, Result};
use crate::state::checkpoint::{Saved, StateTensor};
use crate::state::{Merge, add, beyond_64_bits};

/// Standard errors to either side of a mean of very many values that hold it with a probability of 99 %, as the reference has them.
const OF_MANY: f64 = 2.58;
/// From so many degrees of freedom on, Student's t is below that.
const MANY: u64 = 1200;

/// Standard errors to either side of a mean of so many independent values that hold it with a probability of 99 %: by Student's t, and
/// 2.58 where they are very many. None of fewer than two, whose mean has no standard error.
pub fn standard_errors(values: u64) -> Option<f64> {
    let freedom = values.checked_sub(1).filter(|freedom| *freedom > 0)?;
    if freedom >= MANY {
        return Some(OF_MANY);
    }
    // The angle whose tangent is t / sqrt(freedom), by halving where it lies.
    let (mut low, mut high) = (0.0, std::f64::consts::FRAC_PI_2);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if within(middle, freedom) < 0.99 { low = middle } else { high = middle }
    }
    Some((low.tan() * (freedom as f64).sqrt()).max(OF_MANY))
}

/// Probability that |t| lies below `tan(angle) sqrt(freedom)`.
///
/// # Source
/// M. Abramowitz, I. Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
fn within(angle: f64, freedom: u64) -> f64 {
    let (sine, cosine) = angle.sin_cos();
    let is_odd = freedom % 2 == 1;
    let first = if is_odd { cosine } else { 1.0 };
    let factors = (1 + u64::from(is_odd)..freedom - 1).step_by(2).map(|k| k as f64 / (k + 1) as f64 * cosine * cosine);
    let terms = factors.scan(first, |term, factor| {
        *term *= factor;
        Some(*term)
    });
    match (freedom, is_odd) {
        (1, _) => angle * std::f64::consts::FRAC_2_PI,
        (_, true) => (angle + sine * (first + terms.sum::<f64>())) * std::f64::consts::FRAC_2_PI,
        (_, false) => sine * (first + terms.sum::<f64>()),
    }
}

/// Sums of integers and of their squares, for each label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moments {
    /// Sum of the values.
    pub sum: Vec<i64>,
    /// Sum of their squares.
    pub squares: Vec<u64>,
}

impl Moments {
    /// Nothing counted yet.
    pub fn new(labels: usize) -> Moments {
        Moments { sum: vec![0; labels], squares: vec![0; labels] }
    }

    /// Takes in a value for each label.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if a sum grows beyond 64 bits.
    pub fn add(&mut self, values: impl IntoIterator<Item = i64>) -> Result<()> {
        for ((sum, squares), value) in self.sum.iter_mut().zip(&mut self.squares).zip(values) {
            let square = value.unsigned_abs().checked_mul(value.unsigned_abs());
            let added = (sum.checked_add(value), square.and_then(|square| squares.checked_add(square)));
            let (Some(new_sum), Some(new_squares)) = added else {
                return Err(beyond_64_bits().hint("use a coarser `--grid`"));
            };
            (*sum, *squares) = (new_sum, new_squares);
        }
        Ok(())
    }

    /// Mean of a label's values, if there are any.
    pub fn mean(&self, label: usize, count: u64) -> Option<f64> {
        (count > 0).then(|| self.sum[label] as f64 / count as f64)
    }

    /// Standard deviation of a label's values as a sample's, if there are two.
    pub fn deviation(&self, label: usize, count: u64) -> Option<f64> {
        if count < 2 {
            return None;
        }
        // Exact up to the division: 128 bits hold all of it.
        let (sum, count_wide) = (i128::from(self.sum[label]), i128::from(count));
        let scaled = i128::from(self.squares[label]) * count_wide - sum * sum;
        Some((scaled as f64 / (count as f64 * (count - 1) as f64)).max(0.0).sqrt())
    }

    /// Standard error of the mean of a label's values.
    pub fn standard_error(&self, label: usize, count: u64) -> Option<f64> {
        Some(self.deviation(label, count)? / (count as f64).sqrt())
    }

    /// As two tensors.
    pub(super) fn tensors(&self, name: &str) -> [StateTensor; 2] {
        [StateTensor::new(format!("{name}.sum"), &self.sum), StateTensor::new(format!("{name}.squares"), &self.squares)]
    }

    /// From the tensors of [`Moments::tensors`].
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if they are of another number of labels.
    pub(super) fn restore(&mut self, saved: &Saved<'_>, name: &str) -> Result<()> {
        saved.fill(&format!("{name}.sum"), &mut self.sum)?;
        saved.fill(&format!("{name}.squares"), &mut self.squares)
    }
}

impl Merge for Moments {
    fn merge(&mut self, other: &Moments) -> Result<()> {
        if self.sum.len() != other.sum.len() {
            return Err(Error::input("counts of different vocabularies do not add up"));
        }
        for (sum, &other) in self.sum.iter_mut().zip(&other.sum) {
            *sum = sum.checked_add(other).ok_or_else(beyond_64_bits)?;
        }
        add(&mut self.squares, &other.squares)
    }
}

/// Sums over groups of values, of which those of one group are not independent: what the mean's error follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Groups {
    /// Groups that have a value.
    pub groups: u64,
    /// Values in all.
    pub values: u64,
    /// Sum of all values.
    pub sum: i64,
    /// Sum of the squares of the groups' sums.
    pub sum_squares: u64,
    /// Sum of the products of each group's sum and its number of values.
    pub products: i64,
    /// Sum of the squares of the groups' numbers of values.
    pub count_squares: u64,
}

impl Groups {
    /// Takes in a group of `count` values that add up to `sum`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if a sum grows beyond 64 bits.
    pub fn add(&mut self, sum: i64, count: u64) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        let square = |value: u64| value.checked_mul(value);
        let grown = || {
            Some(Groups {
                groups: self.groups + 1,
                values: self.values.checked_add(count)?,
                sum: self.sum.checked_add(sum)?,
                sum_squares: self.sum_squares.checked_add(square(sum.unsigned_abs())?)?,
                products: self.products.checked_add(sum.checked_mul(i64::try_from(count).ok()?)?)?,
                count_squares: self.count_squares.checked_add(square(count)?)?,
            })
        };
        *self = grown().ok_or_else(|| beyond_64_bits().hint("use a coarser `--grid`, or fewer latents"))?;
        Ok(())
    }

    /// Mean of all values, if there are any.
    pub fn mean(&self) -> Option<f64> {
        (self.values > 0).then(|| self.sum as f64 / self.values as f64)
    }

    /// Standard error of the mean that takes groups, not values, for independent: that of a ratio of two sums over groups.
    pub fn standard_error(&self) -> Option<f64> {
        let mean = self.mean().filter(|_| self.groups > 1)?;
        let residual =
            self.sum_squares as f64 - 2.0 * mean * self.products as f64 + mean * mean * self.count_squares as f64;
        let groups = self.groups as f64;
        Some((residual.max(0.0) * groups / (groups - 1.0)).sqrt() / self.values as f64)
    }

    /// All numbers, for a file.
    pub(super) fn parts(&self) -> [i64; 6] {
        let signed = |value: u64| value.cast_signed();
        [
            signed(self.groups),
            signed(self.values),
            self.sum,
            signed(self.sum_squares),
            self.products,
            signed(self.count_squares),
        ]
    }

    /// From [`Groups::parts`].
    pub(super) fn of_parts(parts: [i64; 6]) -> Groups {
        let [groups, values, sum, sum_squares, products, count_squares] = parts;
        Groups {
            groups: groups.cast_unsigned(),
            values: values.cast_unsigned(),
            sum,
            sum_squares: sum_squares.cast_unsigned(),
            products,
            count_squares: count_squares.cast_unsigned(),
        }
    }
}

impl Merge for Groups {
    /// No group may have values in both.
    fn merge(&mut self, other: &Groups) -> Result<()> {
        let both = || {
            Some(Groups {
                groups: self.groups.checked_add(other.groups)?,
                values: self.values.checked_add(other.values)?,
                sum: self.sum.checked_add(other.sum)?,
                sum_squares: self.sum_squares.checked_add(other.sum_squares)?,
                products: self.products.checked_add(other.products)?,
                count_squares: self.count_squares.checked_add(other.count_squares)?,
            })
        };
        *self = both().ok_or_else(beyond_64_bits)?;
        Ok(())
    }
}

/// Pixels of each label in an image's label maps, over all channels: a label in two channels of a position counts twice.
///
/// # Errors
/// [`crate::error::Kind::Input`] if a label is not among the `labels` of the vocabulary.
pub fn label_counts(maps: &LabelMaps, labels: usize) -> Result<Vec<i64>> {
    let mut counts = vec![0; labels];
    for &label in maps.labels.iter().filter(|label| **label > 0) {
        let count = counts.get_mut(usize::from(label));
        *count.ok_or_else(|| Error::input(format!("label {label} is not among the {labels} of the vocabulary")))? += 1;
    }
    Ok(counts)
}

/// Gaussian kernel density of `values` at each of `points`, by Scott's rule; nothing if all values are the same.
pub fn density(values: &[f32], points: &[f64]) -> Option<Vec<f64>> {
    let count = values.len() as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    let squares: f64 = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum();
    let bandwidth = (squares / (count - 1.0)).sqrt() * count.powf(-0.2);
    if values.len() < 2 || bandwidth.is_nan() || bandwidth <= 0.0 {
        return None;
    }
    let scale = 1.0 / (count * bandwidth * (2.0 * std::f64::consts::PI).sqrt());
    let at = |point: f64| {
        let bump = |&value: &f32| (-0.5 * ((point - f64::from(value)) / bandwidth).powi(2)).exp();
        values.iter().map(bump).sum::<f64>() * scale
    };
    Some(points.iter().map(|&point| at(point)).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::state::laws::Sample;

    impl Sample for Moments {
        fn on(images: &[u32]) -> Moments {
            let mut moments = Moments::new(2);
            images.iter().map(|&image| i64::from(image)).for_each(|image| moments.add([image, 9 - image]).unwrap());
            moments
        }

        fn strangers(_: &[u32]) -> Vec<Moments> {
            vec![Moments::new(1), Moments::new(3)]
        }
    }

    impl Sample for Groups {
        fn on(images: &[u32]) -> Groups {
            let mut groups = Groups::default();
            images.iter().for_each(|&image| groups.add(7 - i64::from(image), u64::from(image % 4)).unwrap());
            groups
        }

        /// Six numbers tell nothing of what they count.
        fn strangers(_: &[u32]) -> Vec<Groups> {
            Vec::new()
        }
    }

    /// Mean and sample deviation as the textbook has them.
    fn textbook(values: &[f64]) -> (f64, f64) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        (mean, (squares / (values.len() - 1) as f64).sqrt())
    }

    proptest! {
        #[test]
        fn moments_give_the_textbooks_mean_and_deviation_in_any_order(
            values in proptest::collection::vec(-30_000i64..30_000, 2..60),
        ) {
            let count = values.len() as u64;
            let of = |values: &[i64]| {
                let mut moments = Moments::new(2);
                values.iter().for_each(|&value| moments.add([value, -7]).unwrap());
                moments
            };
            let moments = of(&values);
            let wide: Vec<f64> = values.iter().map(|&value| value as f64).collect();
            let (mean, deviation) = textbook(&wide);
            prop_assert!((moments.mean(0, count).unwrap() - mean).abs() < 1e-9 * mean.abs().max(1.0));
            prop_assert!((moments.deviation(0, count).unwrap() - deviation).abs() < 1e-9 * deviation.max(1.0));
            prop_assert_eq!(moments.deviation(1, count), Some(0.0));
            let backwards: Vec<i64> = values.iter().rev().copied().collect();
            prop_assert_eq!(of(&backwards), moments);
        }

        /// With one value a group, groups are values.
        #[test]
        fn groups_of_one_have_the_ordinary_standard_error(values in proptest::collection::vec(-500i64..500, 2..40)) {
            let mut groups = Groups::default();
            values.iter().for_each(|&value| groups.add(value, 1).unwrap());
            let (mean, deviation) = textbook(&values.iter().map(|&value| value as f64).collect::<Vec<_>>());
            prop_assert!((groups.mean().unwrap() - mean).abs() < 1e-9);
            let error = deviation / (values.len() as f64).sqrt();
            prop_assert!((groups.standard_error().unwrap() - error).abs() < 1e-6 * error.max(1.0));
            prop_assert_eq!(Groups::of_parts(groups.parts()), groups);
        }
    }

    #[test]
    fn bands_of_few_values_are_as_wide_as_students_t_has_them() {
        // Quantiles of 0.995 as tables have them, for 1, 2, 3, 4, 9, 10, 30 and 100 degrees of freedom.
        let known =
            [(2, 63.657), (3, 9.925), (4, 5.841), (5, 4.604), (10, 3.250), (11, 3.169), (31, 2.750), (101, 2.626)];
        for (values, want) in known {
            let got = standard_errors(values).unwrap();
            assert!((got - want).abs() < 6e-4, "{values} values: {got}, {want} wanted");
        }
        assert_eq!([0, 1, 10_000].map(standard_errors), [None, None, Some(2.58)]);
        let falling = (2..1300).map(standard_errors).collect::<Vec<_>>();
        assert!(falling.windows(2).all(|pair| pair[0] >= pair[1]));
    }

    #[test]
    fn values_repeated_within_a_group_do_not_make_the_mean_surer() {
        let (mut once, mut often) = (Groups::default(), Groups::default());
        for value in [3, 5, -2, 8] {
            once.add(value, 1).unwrap();
            often.add(value * 64, 64).unwrap();
        }
        assert_eq!(once.mean(), often.mean());
        assert!((once.standard_error().unwrap() - often.standard_error().unwrap()).abs() < 1e-12);
    }

    #[test]
    fn sums_beyond_64_bits_are_an_error() {
        let mut moments = Moments::new(1);
        assert!(moments.add([i64::from(u32::MAX)]).is_ok());
        assert!(moments.add([i64::from(u32::MAX)]).is_err());
        assert!(Groups::default().add(i64::MAX, 2).is_err());
        assert!(moments.clone().merge(&moments).is_err());
        assert!(Moments { sum: vec![i64::MAX], squares: vec![0] }.merge(&moments).is_err());
        let full = Groups { groups: u64::MAX, ..Groups::default() };
        let more = |mut groups: Groups, other: Groups| groups.merge(&other);
        assert!(more(full, Groups::default()).is_ok() && more(full, full).is_err());
    }

    #[test]
    fn a_label_in_two_channels_of_a_position_counts_twice_and_none_not_at_all() {
        let maps = LabelMaps { channels: 2, h: 1, w: 3, labels: vec![1, 0, 2, 1, 0, 0] };
        assert_eq!(label_counts(&maps, 3).unwrap(), [0, 2, 1]);
        assert!(label_counts(&maps, 2).is_err());
    }

    #[test]
    fn a_density_is_scipys_and_of_equal_values_there_is_none() {
        // scipy.stats.gaussian_kde([0.0, 1.0, 1.5, 4.0]) at -1, 1 and 3.
        let got = density(&[0.0, 1.0, 1.5, 4.0], &[-1.0, 1.0, 3.0]).unwrap();
        let want = [0.092_346_211_251_969_6, 0.211_494_402_924_006_1, 0.124_979_229_649_231_17];
        assert!(got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-9), "{got:?}");
        assert_eq!(density(&[2.0, 2.0], &[2.0]), None);
        assert_eq!(density(&[2.0], &[2.0]), None);
    }
}
