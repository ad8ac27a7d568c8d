//! Twin of `histogram`.

use rand_mt::Mt;

use super::upsample_bilinear::upsample_bilinear;
use super::{Case, Expected, Maps, Size, rng};
use crate::geometry::Border;
use crate::kernels::histogram::{self, Buffers, Digit};
use crate::tensor::Shape;

/// A key that orders as floats do.
pub fn key(value: f32) -> u32 {
    let word = (value + 0.0).to_bits();
    if word >> 31 == 1 { !word } else { word | 0x8000_0000 }
}

/// Counts `[c, 2^bits]` and smallest keys above the prefixes `[c]`, starting from none; zeros are left out.
pub fn histogram(maps: &Maps, grid: (u32, u32), digit: Digit, prefix: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let upsampled = upsample_bilinear(maps, grid.0, grid.1, Border::Zero);
    let units = maps.shape.c as usize;
    let positions = (grid.0 * grid.1) as usize;
    let mut counts = vec![0; units << digit.bits];
    let mut above = vec![u32::MAX; units];
    for (i, value) in upsampled.to_f32().into_iter().enumerate().filter(|(_, value)| *value != 0.0) {
        let unit = i / positions % units;
        let digits = u64::from(key(value) >> digit.shift);
        let lead = digits >> digit.bits;
        if lead == u64::from(prefix[unit]) {
            counts[(unit << digit.bits) + (digits & ((1 << digit.bits) - 1)) as usize] += 1;
        } else if lead > u64::from(prefix[unit]) {
            above[unit] = above[unit].min(key(value));
        }
    }
    (counts, above)
}

/// Cases of the kernel, on grids where every upsampled integer is exact.
pub fn cases() -> Vec<Case> {
    let (first, second) = (Digit { shift: 21, bits: 11 }, Digit { shift: 10, bits: 11 });
    [
        (Shape::new(1, 1, 1, 1), (1, 1), first, Size::Smallest),
        (Shape::new(3, 5, 7, 6), (14, 24), first, Size::Batch),
        (Shape::new(2, 3, 14, 13), (28, 52), second, Size::Ragged),
        (Shape::new(2, 3, 24, 20), (12, 5), first, Size::Ragged),
        (Shape::new(2, 7, 5, 9), (10, 9), Digit { shift: 16, bits: 16 }, Size::Ragged),
        (Shape::new(2, 7, 5, 9), (10, 9), Digit { shift: 0, bits: 16 }, Size::Ragged),
        (Shape::new(4, 512, 14, 14), (56, 56), first, Size::Real),
        (Shape::new(4, 512, 14, 14), (56, 56), Digit { shift: 16, bits: 16 }, Size::Timed),
    ]
    .map(|(shape, grid, digit, size)| case(shape, grid, digit, size))
    .into()
}

/// The kernel at a random shape, on a grid where every upsampled integer is exact.
pub fn random(rng: &mut Mt) -> Case {
    let shape = rng::shape(rng);
    let grid = rng::dyadic_grid(rng, shape);
    let bits = rng::size(rng, 12);
    case(shape, grid, Digit { shift: rng.next_u32() % (33 - bits), bits }, Size::Ragged)
}

fn case(shape: Shape, grid: (u32, u32), digit: Digit, size: Size) -> Case {
    // As behind a ReLU for the real layer; of both signs elsewhere.
    let relu = matches!(size, Size::Real | Size::Timed);
    let x = rng::integers(shape.len(), 1).into_iter().map(|v| if relu { (v - 2.0).max(0.0) } else { v });
    let units = shape.c as usize;
    // The prefix of a value that occurs, so that later digits count something; of two values in turn.
    let leads = [1.0, -0.5].map(|value| u64::from(key(value)) >> digit.shift >> digit.bits);
    let prefix: Vec<u32> = (0..units).map(|unit| leads[unit % 2] as u32).collect();
    Case::of(size, format!("{shape} on {grid:?}, {digit:?}"))
        .reads(x.collect::<Vec<_>>())
        .reads(prefix.clone())
        .holds(vec![3; units << digit.bits])
        .holds(vec![u32::MAX; units])
        .flops(14 * shape.n * shape.c * grid.0 * grid.1)
        .bytes(shape.bytes())
        .case(
            move |gpu, recording, [maps, prefix], [counts, above]| {
                let buffers = Buffers { maps, prefix, counts, above };
                histogram::histogram(gpu, recording, shape, grid, digit, &buffers)
            },
            move |[x, _]| {
                let (counts, above) = histogram(&x.maps(shape), grid, digit, &prefix);
                [Expected::U32(counts.into_iter().map(|count| count + 3).collect()), Expected::U32(above)]
            },
        )
}
