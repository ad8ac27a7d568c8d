//! Cases of `conv_pointwise`, whose twin is that of `conv`.

use rand_mt::Mt;

use super::conv::conv;
use super::convolution::Problem;
use super::{Case, Size, rng};
use crate::geometry::{Activation, Window};
use crate::kernels::chooser::Variant;

/// Cases of the kernel: maps that it reads by four and others, by both counts of channels, and layers of ResNet-50.
pub(crate) fn cases() -> Vec<Case> {
    // The form of fewer channels compiles sooner: mutants meet it first.
    let few = small().into_iter().map(|problem| (problem, 32));
    let many = small().into_iter().filter(|problem| problem.size == Size::Ragged && by_four(problem)).chain(layers());
    few.chain(many.map(|problem| (problem, 64)))
        .map(|(problem, channels)| problem.case(Variant::Pointwise { channels }, conv))
        .collect()
}

/// The kernel at a random shape.
pub(crate) fn random(rng: &mut Mt) -> Case {
    let stride = [rng::size(rng, 3), rng::size(rng, 3)];
    let mut problem = Problem::random(rng, Window { stride, ..point(1) });
    problem.shape.c = problem.shape.c.next_multiple_of(4);
    let channels = if by_four(&problem) && rng::coin(rng) { 64 } else { 32 };
    problem.case(Variant::Pointwise { channels }, conv)
}

const fn point(stride: u32) -> Window {
    Window::square(1, stride, 0)
}

/// Whether its outputs can be written by four, as the form of more channels does.
fn by_four(problem: &Problem) -> bool {
    let output = problem.convolution.window.output(problem.shape.h, problem.shape.w);
    output.is_ok_and(|(h, w)| (h * w).is_multiple_of(4))
}

fn small() -> Vec<Problem> {
    let uneven = Window { stride: [2, 3], ..point(1) };
    vec![
        Problem::new([1, 4, 1, 1], 1, point(1), Size::Smallest),
        Problem::new([3, 8, 5, 7], 2, point(1), Size::Batch),
        Problem::new([2, 20, 13, 17], 70, point(1), Size::Ragged),
        Problem::new([3, 12, 5, 4], 67, point(1), Size::Ragged),
        Problem::new([3, 4, 7, 10], 70, uneven, Size::Ragged),
        Problem::new([2, 8, 9, 14], 37, uneven, Size::Ragged),
        Problem::new([2, 4, 6, 10], 18, point(1), Size::Ragged).bare(),
        Problem::new([2, 4, 8, 10], 18, point(1), Size::Ragged).losing(rng::LOST),
        Problem::new([2, 8, 7, 6], 18, point(2), Size::Ragged).in_floats(),
        Problem::new([2, 4, 6, 12], 17, point(1), Size::Ragged).in_floats().ending(Activation { slope: 0.2 }),
    ]
}

fn layers() -> Vec<Problem> {
    let mut all = vec![Problem::new([1, 1024, 16, 16], 256, point(1), Size::Real)];
    let timed = [
        (64, 256, 64, 1),
        (256, 64, 64, 1),
        (512, 336, 64, 1),
        (512, 128, 32, 1),
        (1024, 256, 16, 1),
        (512, 2048, 8, 1),
        (512, 1024, 32, 2),
    ];
    all.extend(timed.map(|(c, k, side, stride)| Problem::new([1, c, side, side], k, point(stride), Size::Timed)));
    all
}
