//! Which concept each unit matches, and how many units each concept has.

use super::tally::Tally;
use crate::concepts::Vocabulary;

/// A concept a unit overlaps with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Label number.
    pub label: usize,
    /// Intersection over union, 0 to 1.
    pub iou: f64,
}

/// The `count` concepts with the highest IoU of a unit, highest first; equal ones by number. Concepts it never meets are left
/// out, so a unit that never fires has none.
pub fn best(tally: &Tally, unit: usize, count: usize) -> Vec<Match> {
    let met = |&label: &usize| tally.intersection[unit * tally.labels + label] > 0;
    let mut matches: Vec<Match> = (1..tally.labels)
        .filter(met)
        .filter_map(|label| tally.iou(unit, label).map(|iou| Match { label, iou }))
        .collect();
    matches.sort_by(|a, b| b.iou.total_cmp(&a.iou).then(a.label.cmp(&b.label)));
    matches.truncate(count);
    matches
}

/// A concept and the units that match it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConceptUnits {
    /// Label number.
    pub label: usize,
    /// Units whose best IoU is with it and above the threshold, in order.
    pub units: Vec<usize>,
}

/// Categories in the order of the bar graph; others follow by name.
const CATEGORY_ORDER: [&str; 5] = ["object", "part", "material", "texture", "color"];

/// Concepts that units match with an IoU above `min_iou`, by category, then by falling number of units, then by first unit.
///
/// # Source
/// The bar graph of Bau et al., PNAS 2020: `IoU > 0.04`.
pub fn summary(tally: &Tally, vocabulary: &Vocabulary, min_iou: f64) -> Vec<ConceptUnits> {
    let mut concepts: Vec<ConceptUnits> = Vec::new();
    for unit in 0..tally.units {
        let Some(found) = best(tally, unit, 1).first().copied().filter(|found| found.iou > min_iou) else { continue };
        let same = |concept: &&mut ConceptUnits| {
            vocabulary.names[concept.label] == vocabulary.names[found.label]
                && vocabulary.categories[concept.label] == vocabulary.categories[found.label]
        };
        match concepts.iter_mut().find(same) {
            Some(concept) => concept.units.push(unit),
            None => concepts.push(ConceptUnits { label: found.label, units: vec![unit] }),
        }
    }
    let rank = |concept: &ConceptUnits| {
        let category = vocabulary.categories[concept.label].as_str();
        (CATEGORY_ORDER.iter().position(|known| *known == category).unwrap_or(CATEGORY_ORDER.len()), category)
    };
    concepts.sort_by(|a, b| rank(a).cmp(&rank(b)).then(b.units.len().cmp(&a.units.len())));
    concepts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let owned = |words: [&str; 4]| words.map(str::to_owned).to_vec();
        Vocabulary { names: owned(["-", "red", "tree", "sky"]), categories: owned(["-", "color", "object", "object"]) }
    }

    fn tally() -> Tally {
        let mut tally = Tally::new(vec![0.0; 5], 4);
        tally.unit_area = vec![10, 10, 10, 10, 0];
        tally.concept_area = vec![0, 10, 10, 10];
        tally.intersection = vec![0, 5, 0, 0, 0, 0, 2, 5, 0, 0, 5, 5, 0, 0, 0, 5, 0, 0, 0, 0];
        tally
    }

    #[test]
    fn equal_ious_go_to_the_lower_number_and_silent_units_have_no_label() {
        assert_eq!(best(&tally(), 2, 5).iter().map(|found| found.label).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(best(&tally(), 4, 5), []);
    }

    #[test]
    fn the_summary_goes_by_category_then_by_number_of_units_then_by_first_unit() {
        let concepts = summary(&tally(), &vocabulary(), 0.04);
        let order: Vec<_> = concepts.iter().map(|concept| (concept.label, concept.units.clone())).collect();
        assert_eq!(order, [(3, vec![1, 3]), (2, vec![2]), (1, vec![0])]);
        assert!(summary(&tally(), &vocabulary(), 1.0 / 3.0).is_empty(), "the threshold itself does not count");
    }
}
