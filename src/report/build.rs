//! From counts to the report's words: names put to numbers, nothing calculated but shares.

use super::schema::{ConceptCount, Label, Layer, Match, NotFiniteUnits, TopImage, Unit};
use crate::concepts::Vocabulary;
use crate::dissect::labels;
use crate::dissect::not_finite::NotFinite;
use crate::dissect::tally::Tally;
use crate::dissect::topk::TopK;
use crate::error::{Error, Result};

/// What is known of one layer when its dissection is done.
#[derive(Debug, Clone, Copy)]
pub struct LayerResult<'a> {
    /// Name of the layer.
    pub layer: &'a str,
    /// Its counts.
    pub tally: &'a Tally,
    /// The images that drive its units highest.
    pub topk: &'a TopK,
    /// The images on which its units are NaN or infinite.
    pub not_finite: &'a NotFinite,
    /// Rows and columns of a unit's map.
    pub map: (u32, u32),
    /// For each unit the label numbers with the highest IoU and that IoU, best first, as [`labels::best`] finds them.
    pub best: &'a [Vec<(usize, f64)>],
    /// For each unit the path of its strip, as [`super::strip::write`] returns it; `None` for a unit without one.
    pub strips: &'a [Option<String>],
    /// Names and categories of the labels.
    pub vocabulary: &'a Vocabulary,
    /// Names of the images, in the run's order.
    pub images: &'a [String],
    /// IoU that a unit must exceed to match a concept.
    pub min_iou: f64,
}

/// The report of one layer.
///
/// # Errors
/// [`crate::error::Kind::Internal`] if sizes, label numbers or image numbers do not go together, or if a value is not finite.
pub fn layer(result: &LayerResult<'_>) -> Result<Layer> {
    let placed = |error: Error| error.at(result.layer);
    check_sizes(result).map_err(placed)?;
    let units = (0..result.tally.units).map(|unit| result.unit(unit).map_err(|error| error.at(format!("unit {unit}"))));
    let units = units.collect::<Result<_>>().map_err(placed)?;
    let concepts =
        labels::summary(result.tally, result.vocabulary, result.min_iou).into_iter().map(|found| ConceptCount {
            number: found.label as u64,
            name: result.vocabulary.names[found.label].clone(),
            category: result.vocabulary.categories[found.label].clone(),
            units: found.units.len() as u64,
        });
    let layer = Layer::new(result.layer, result.tally.positions, units, concepts.collect());
    let not_finite = result.not_finite().map_err(placed)?;
    Ok(Layer { map: Some([result.map.0, result.map.1]), not_finite, ..layer })
}

fn check_sizes(result: &LayerResult<'_>) -> Result<()> {
    let (tally, topk) = (result.tally, result.topk);
    let units = [
        (topk.units, "top images"),
        (result.best.len(), "best concepts"),
        (result.strips.len(), "strips"),
        (tally.threshold.len(), "thresholds"),
        (tally.unit_area.len(), "areas"),
        (result.not_finite.of_unit.len(), "counts of images"),
    ];
    if let Some((found, what)) = units.into_iter().find(|(found, _)| *found != tally.units) {
        return Err(Error::internal(format!("{what} of {found} units; the layer has {}", tally.units)));
    }
    let labels = (tally.labels, result.vocabulary.names.len(), result.vocabulary.categories.len());
    let cells = tally.units.checked_mul(tally.labels);
    if (labels.1, labels.2) != (tally.labels, tally.labels) || Some(tally.intersection.len()) != cells {
        return Err(Error::internal(format!("counts of {} labels; the vocabulary has {}", labels.0, labels.1)));
    }
    if tally.concept_area.len() != tally.labels || topk.images.len() != topk.peaks.len() {
        return Err(Error::internal("counts or top images are incomplete"));
    }
    if Some(topk.peaks.len()) != topk.units.checked_mul(topk.k) {
        return Err(Error::internal(format!("{} peaks; {} images for {} units", topk.peaks.len(), topk.k, topk.units)));
    }
    Ok(())
}

impl LayerResult<'_> {
    fn unit(&self, unit: usize) -> Result<Unit> {
        let area = self.tally.unit_area[unit];
        let best = self.best[unit].iter().map(|(number, iou)| self.matching(unit, *number, *iou));
        let best: Vec<Match> = best.collect::<Result<_>>()?;
        let label = best.first().filter(|_| area > 0).map(|best| Label {
            number: best.number,
            name: best.name.clone(),
            category: best.category.clone(),
            iou: best.iou,
        });
        Ok(Unit {
            unit: unit as u64,
            threshold: self.threshold(unit)?,
            not_finite: self.not_finite.of_unit[unit],
            area,
            fires: if self.tally.positions == 0 { 0.0 } else { area as f64 / self.tally.positions as f64 },
            matched: label.as_ref().is_some_and(|label| label.iou > self.min_iou),
            label,
            best,
            top: self.top(unit)?,
            strip: self.strips[unit].clone(),
        })
    }

    /// NaN says that there is none; JSON has no word for it.
    fn threshold(&self, unit: usize) -> Result<Option<f32>> {
        let threshold = self.tally.threshold[unit];
        if threshold.is_nan() { Ok(None) } else { finite("threshold", threshold).map(Some) }
    }

    fn not_finite(&self) -> Result<Option<NotFiniteUnits>> {
        let Some(first) = self.not_finite.first_image() else { return Ok(None) };
        let (units, images) = (self.not_finite.units() as u64, self.not_finite.images);
        Ok(Some(NotFiniteUnits { units, images, first: self.image(first)?.to_owned() }))
    }

    fn image(&self, index: u32) -> Result<&str> {
        let known = self.images.get(index as usize).map(String::as_str);
        known.ok_or_else(|| Error::internal(format!("image {index} was counted; there are {}", self.images.len())))
    }

    fn matching(&self, unit: usize, number: usize, iou: f64) -> Result<Match> {
        let labels = self.tally.labels;
        if !(1..labels).contains(&number) || !(0.0..=1.0).contains(&iou) {
            return Err(Error::internal(format!("label {number} of {labels} has an IoU of {iou}")));
        }
        Ok(Match {
            number: number as u64,
            name: self.vocabulary.names[number].clone(),
            category: self.vocabulary.categories[number].clone(),
            iou,
            intersection: self.tally.intersection[unit * labels + number],
            concept_area: self.tally.concept_area[number],
        })
    }

    fn top(&self, unit: usize) -> Result<Vec<TopImage>> {
        let row = unit * self.topk.k..(unit + 1) * self.topk.k;
        let ranked = self.topk.images[row.clone()].iter().zip(&self.topk.peaks[row]);
        // Where there are fewer images than ranks, the last ranks are empty.
        ranked
            .filter(|(index, _)| **index != u32::MAX)
            .map(|(index, peak)| {
                let name = self.image(*index)?.to_owned();
                Ok(TopImage { index: u64::from(*index), name, peak: finite("peak", *peak)? })
            })
            .collect()
    }
}

/// JSON has no word for the other values.
fn finite(what: &str, value: f32) -> Result<f32> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Error::internal(format!("{what} is {value}; a finite value is needed")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two units, three labels, two images in three ranks; unit 1 never fires.
    struct Case {
        tally: Tally,
        topk: TopK,
        not_finite: NotFinite,
        best: Vec<Vec<(usize, f64)>>,
        strips: Vec<Option<String>>,
        vocabulary: Vocabulary,
        images: Vec<String>,
    }

    impl Case {
        fn new() -> Self {
            let words = |words: [&str; 3]| words.map(String::from).to_vec();
            Case {
                tally: Tally {
                    units: 2,
                    labels: 3,
                    threshold: vec![1.5, 0.0],
                    unit_area: vec![10, 0],
                    concept_area: vec![0, 30, 20],
                    intersection: vec![0, 4, 5, 0, 0, 0],
                    positions: 1000,
                },
                topk: TopK {
                    k: 3,
                    units: 2,
                    peaks: vec![3.0, 2.0, f32::NEG_INFINITY, 0.0, 0.0, f32::NEG_INFINITY],
                    images: vec![1, 0, u32::MAX, 0, 1, u32::MAX],
                },
                not_finite: NotFinite::new(2),
                best: vec![vec![(2, 0.2), (1, 1.0 / 9.0)], vec![]],
                strips: vec![Some("conv1/strips/0.jpg".into()), None],
                vocabulary: Vocabulary {
                    names: words(["-", "sky", "red"]),
                    categories: words(["-", "object", "color"]),
                },
                images: vec!["a.png".into(), "b.png".into()],
            }
        }

        fn layer(&self, min_iou: f64) -> Result<Layer> {
            let Case { tally, topk, not_finite, best, strips, vocabulary, images } = self;
            let map = (14, 14);
            layer(&LayerResult {
                layer: "conv1",
                tally,
                topk,
                not_finite,
                map,
                best,
                strips,
                vocabulary,
                images,
                min_iou,
            })
        }
    }

    #[test]
    fn units_are_named_after_their_best_label_and_silent_ones_after_none() {
        let layer = Case::new().layer(0.04).unwrap();
        let unit = &layer.units[0];
        let label = unit.label.as_ref().unwrap();
        assert_eq!((label.name.as_str(), label.category.as_str(), label.iou), ("red", "color", 0.2));
        assert_eq!(
            (unit.fires, unit.matched, unit.best[1].intersection, unit.best[1].concept_area),
            (0.01, true, 4, 30)
        );
        let top: Vec<_> = unit.top.iter().map(|image| (image.index, image.name.as_str(), image.peak)).collect();
        assert_eq!(top, [(1, "b.png", 3.0), (0, "a.png", 2.0)]);
        assert_eq!((&layer.units[1].label, layer.units[1].matched), (&None, false));
        assert_eq!((layer.matched, layer.concepts[0].units, layer.categories[0].concepts), (1, 1, 1));
    }

    #[test]
    fn a_unit_that_is_not_finite_has_no_level_and_is_counted_with_its_first_image() {
        let mut case = Case::new();
        case.tally.threshold[1] = f32::NAN;
        case.not_finite.insert(1, &[1.0, f32::NAN]);
        let layer = case.layer(0.04).unwrap();
        assert_eq!(layer.not_finite, Some(NotFiniteUnits { units: 1, images: 1, first: "b.png".into() }));
        assert_eq!((layer.units[1].threshold, layer.units[1].not_finite, layer.units[0].not_finite), (None, 1, 0));
    }

    #[test]
    fn an_iou_equal_to_the_minimum_is_no_match() {
        let layer = Case::new().layer(0.2).unwrap();
        assert_eq!((layer.matched, layer.concepts.len()), (0, 0));
        assert!(layer.units[0].label.is_some());
    }

    #[test]
    fn parts_that_do_not_go_together_are_errors_that_name_the_layer() {
        let breaks: [fn(&mut Case); 9] = [
            |case| case.best[0][0].0 = 3,
            |case| case.best[0][0].0 = 0,
            |case| case.best[0][0].1 = f64::NAN,
            |case| case.tally.threshold[1] = f32::INFINITY,
            |case| case.topk.peaks[0] = f32::INFINITY,
            |case| case.topk.images[0] = 2,
            |case| case.strips.truncate(1),
            |case| case.vocabulary.names.truncate(2),
            |case| case.topk.peaks.truncate(5),
        ];
        for (index, damage) in breaks.into_iter().enumerate() {
            let mut case = Case::new();
            damage(&mut case);
            let error = case.layer(0.04).expect_err(&format!("case {index}"));
            assert!(error.to_string().starts_with("conv1: "), "case {index}: {error}");
        }
    }
}
