//! Twin of `roof_arithmetic`.

use super::{Case, Data, Expected, Output, Size, Work, rng};
use crate::kernels;

/// The sum of three chains of `4 rounds` steps `s = s / 2 + 1` from each element.
pub fn roof_arithmetic(x: &[f64], rounds: u32) -> Vec<f64> {
    let chain = |start: f64| (0..4 * rounds).fold(start, |sum, _| sum * 0.5 + 1.0);
    x.iter().map(|&start| (0..3).map(|offset| chain(start + f64::from(offset))).sum()).collect()
}

/// Cases of the kernel: integers and few rounds are exact; the timed one runs long enough to be compared with.
pub fn cases() -> Vec<Case> {
    let cases = [
        (1, 1, Size::Smallest),
        (35, 2, Size::Batch),
        (77, 3, Size::Ragged),
        (4096, 4, Size::Real),
        (65_536, 256, Size::Timed),
    ];
    cases.into_iter().map(|(count, rounds, size)| case(count, rounds, size)).collect()
}

/// The kernel at a random shape.
pub fn random(rng: &mut rand_mt::Mt) -> Case {
    case(rng::size(rng, 500), rng::size(rng, 3), Size::Ragged)
}

fn case(count: u32, rounds: u32, size: Size) -> Case {
    let x = rng::integers(count as usize * 4, 1);
    let wide: Vec<f64> = x.iter().map(|&value| f64::from(value)).collect();
    Case {
        label: format!("{count} x {rounds} rounds"),
        size,
        inputs: vec![Data::F32(x)],
        outputs: vec![Output::Poisoned(count as usize * 4)],
        record: Box::new(move |gpu, recording, inputs, outputs| {
            kernels::roof_arithmetic::roof_arithmetic(gpu, recording, &inputs[0], &outputs[0], count, rounds)
        }),
        expected: Box::new(move || {
            vec![Expected::Exact(roof_arithmetic(&wide, rounds).into_iter().map(|value| value as f32).collect())]
        }),
        work: Work { flops: u64::from(count) * u64::from(rounds) * 96, bytes: u64::from(count) * 32 },
    }
}
