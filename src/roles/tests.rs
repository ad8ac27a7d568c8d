//! Laws that what all experiments count obeys.

use proptest::prelude::*;

use super::ablate::Verdicts;
use super::detect::Sightings;
use super::insert::InsertionCounts;
use super::remove::RemovalCounts;
use super::statistics::{Groups, Moments};
use crate::state::laws::{Law, hold, parts};

const LAWS: [Law; 6] = [
    hold::<Moments>,
    hold::<Groups>,
    hold::<RemovalCounts>,
    hold::<InsertionCounts>,
    hold::<Sightings>,
    hold::<Verdicts>,
];

proptest! {
    #[test]
    fn parts_merge_to_the_whole_in_any_order_and_strangers_are_errors(parts in parts()) {
        LAWS.iter().for_each(|law| law(&parts));
    }
}
