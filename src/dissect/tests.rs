//! Laws that all states of a dissection obey.

use proptest::prelude::*;

use super::layers::tests::{Counting, Levelling};
use super::not_finite::NotFinite;
use super::quantile::Quantile;
use super::tally::Tally;
use super::topk::TopK;
use crate::state::laws::{Law, hold, parts};

const LAWS: [Law; 6] =
    [hold::<Quantile>, hold::<TopK>, hold::<NotFinite>, hold::<Tally>, hold::<Levelling>, hold::<Counting>];

proptest! {
    #[test]
    fn parts_merge_to_the_whole_in_any_order_and_strangers_are_errors(parts in parts()) {
        LAWS.iter().for_each(|law| law(&parts));
    }
}
