//! Cases of `conv_broadcast`, whose twin is that of `conv`.

use rand_mt::Mt;

use super::conv::conv;
use super::convolution::{Problem, SAME, common};
use super::{Case, Size, rng};
use crate::geometry::Window;
use crate::kernels::chooser::Variant;

/// Cases of the kernel: every form the tuner may try.
pub(crate) fn cases() -> Vec<Case> {
    let by = |pixels| move |problem: Problem| problem.case(Variant::Broadcast { pixels }, conv);
    let eight = common().into_iter().chain(pooled()).chain(dilated()).map(by(8));
    // The form without vectors is for the layers whose width it divides, and timed there.
    let narrow = |problem: &Problem| problem.size != Size::Timed || problem.shape.w <= 28;
    let seven = common().into_iter().filter(narrow).map(by(7));
    eight.chain(seven).chain(few_columns().into_iter().map(by(4))).collect()
}

/// The kernel at a random shape: dilated, in steps of two, or pooled.
pub(crate) fn random(rng: &mut Mt) -> Case {
    let dilation = [rng::size(rng, 5), rng::size(rng, 5)];
    match rng.next_u32() % 3 {
        0 => {
            let problem = Problem::random(rng, Window { dilation, padding: dilation, ..SAME });
            problem.case(Variant::Broadcast { pixels: if rng::coin(rng) { 7 } else { 8 } }, conv)
        }
        1 => Problem::random(rng, Window::square(3, 2, 1)).case(Variant::Broadcast { pixels: 4 }, conv),
        _ => Problem::random(rng, SAME).pooled().case(Variant::Broadcast { pixels: 8 }, conv),
    }
}

/// Dilated windows, and the layers of a ResNet-18 that keeps its resolution.
fn dilated() -> Vec<Problem> {
    let by = |dilation: [u32; 2]| Window { dilation, padding: dilation, ..SAME };
    vec![
        Problem::new([2, 3, 11, 19], 18, by([2, 3]), Size::Ragged),
        Problem::new([2, 2, 9, 5], 3, by([4, 1]), Size::Ragged),
        Problem::new([1, 2, 5, 17], 2, by([1, 2]), Size::Ragged),
        Problem::new([1, 256, 32, 32], 256, by([2, 2]), Size::Timed),
        Problem::new([1, 512, 32, 32], 512, by([4, 4]), Size::Timed),
    ]
}

/// What four columns are for: stride 2 and small maps. With layers of ResNet-50.
fn few_columns() -> Vec<Problem> {
    let two = Window::square(3, 2, 1);
    let mut all = vec![
        Problem::new([2, 3, 7, 11], 34, two, Size::Ragged),
        Problem::new([3, 2, 9, 16], 5, two, Size::Ragged),
        Problem::new([2, 3, 6, 8], 35, SAME, Size::Ragged),
        Problem::new([2, 3, 12, 16], 5, SAME, Size::Ragged).losing(rng::LOST),
        Problem::new([2, 3, 11, 16], 5, two, Size::Ragged).losing(rng::LOST),
        Problem::new([1, 512, 8, 8], 512, SAME, Size::Timed),
        Problem::new([1, 3, 256, 256], 64, two, Size::Timed),
    ];
    let layers = [(128, 64), (256, 32), (512, 16)];
    all.extend(layers.map(|(c, side)| Problem::new([1, c, side, side], c, two, Size::Timed)));
    all
}

/// Convolutions that end with 2x2 max-pooling: each width of vectors, odd rows and columns, and the layers of VGG-16.
fn pooled() -> Vec<Problem> {
    let mut all = vec![
        Problem::new([1, 1, 2, 2], 1, SAME, Size::Smallest),
        Problem::new([2, 3, 7, 13], 18, SAME, Size::Ragged),
        Problem::new([3, 5, 6, 18], 5, SAME, Size::Ragged),
        Problem::new([2, 2, 9, 20], 17, SAME, Size::Ragged),
        Problem::new([2, 2, 14, 24], 17, SAME, Size::Ragged).losing(rng::LOST),
        Problem::new([2, 2, 14, 26], 3, SAME, Size::Ragged).losing(rng::LOST),
        Problem::new([2, 2, 14, 25], 3, SAME, Size::Ragged).losing(rng::LOST),
    ];
    let vgg = [(64, 64, 224), (128, 128, 112), (256, 256, 56), (512, 512, 28), (512, 512, 14)];
    all.extend(vgg.map(|(c, k, side)| Problem::new([4, c, side, side], k, SAME, Size::Timed)));
    all.into_iter().map(Problem::pooled).collect()
}
