//! Every kernel at random shapes equals its twin. Convolutions have a file of their own.

mod common;

use common::gpu;
use netdissect::reference::{self, Case, rng};
use proptest::prelude::*;

/// Makes a case from seeded numbers.
type Random = fn(&mut rand_mt::Mt) -> Case;

const KERNELS: &[(&str, Random)] = &[
    ("adaptive_average_pool", reference::adaptive_average_pool::random),
    ("add", reference::add::random),
    ("average_pool", reference::average_pool::random),
    ("conv_doubled", reference::conv_doubled::random),
    ("edit", reference::edit::random),
    ("histogram", reference::histogram::random),
    ("label_argmax", reference::label_argmax::random),
    ("linear", reference::linear::random),
    ("linear_broadcast", reference::linear::broadcast_random),
    ("max_pool", reference::max_pool::random),
    ("peak", reference::peak::random),
    ("pixel_norm", reference::pixel_norm::random),
    ("precise_roi_pool", reference::precise_roi_pool::random),
    ("relu", reference::relu::random),
    ("roof_arithmetic", reference::roof_arithmetic::random),
    ("softmax", reference::softmax::random),
    ("splice", reference::splice::random),
    ("threshold_iou", reference::threshold_iou::random),
    ("upsample_bilinear", reference::upsample_bilinear::random),
    ("upsample_nearest", reference::upsample_nearest::random),
];

#[test]
fn every_kernel_is_tried_at_random_shapes() {
    let tried = KERNELS.iter().map(|(stem, _)| *stem).filter(|stem| *stem != "conv_doubled");
    let others = netdissect::kernels::ALL.iter().map(|entry| entry.stem).filter(|stem| !stem.starts_with("conv"));
    assert!(tried.eq(others));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn kernels_equal_their_twins_at_random_shapes(seed: u32) {
        let Some(gpu) = gpu() else { return Ok(()) };
        let runs = |stem: &str| netdissect::kernels::ALL.iter().any(|entry| entry.stem == stem && (entry.runs_on)(&gpu.traits()));
        for (stem, random) in KERNELS.iter().filter(|(stem, _)| runs(stem)) {
            let case = random(&mut rng::seeded(seed));
            case.check(gpu).map_err(|error| TestCaseError::fail(format!("{stem}: {error}")))?;
        }
    }
}
