//! Every kernel at random shapes equals its twin. Convolutions have a file of their own besides.

mod common;

use common::gpu;
use netdissect::reference::{KERNELS, rng};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn kernels_equal_their_twins_at_random_shapes(seed: u32) {
        let Some(gpu) = gpu() else { return Ok(()) };
        for row in KERNELS.iter().filter(|row| (row.entry.runs_on)(&gpu.traits())) {
            let case = (row.random)(&mut rng::seeded(seed));
            case.check(gpu).map_err(|error| TestCaseError::fail(format!("{}: {error}", row.entry.stem)))?;
        }
    }
}
