//! Twin of `label_argmax`.

use rand_mt::Mt;

use super::{Case, Expected, Maps, Size, rng, upsample_bilinear};
use crate::geometry::Border;
use crate::kernels::label_argmax::{self, Labels, NOT_FINITE};
use crate::tensor::Shape;

/// For each image and position of the grid the channel, plus `offset`, with the highest score in the block of its owner, the lowest of
/// equals; 0 where the block is empty, and [`NOT_FINITE`] where a score or the owner is so. `owner` is `[n, rows, columns]`; without it all positions have the first block.
pub(crate) fn label_argmax(
    maps: &Maps,
    (rows, columns): (u32, u32),
    blocks: &[[u32; 2]],
    owner: Option<&[u16]>,
    offset: u32,
) -> Vec<u16> {
    let scores = upsample_bilinear::upsample_bilinear(maps, rows, columns, Border::Edge);
    let mut labels = Vec::new();
    for n in 0..maps.shape.n {
        for row in 0..rows {
            for column in 0..columns {
                let of = owner.map_or(0, |owner| owner[labels.len()]);
                let [first, end] = if of == NOT_FINITE { [0, 0] } else { blocks[usize::from(of)] };
                let score = |c: u32| scores.data[scores.index(n, c, row, column)];
                if of == NOT_FINITE || (first..end).any(|c| !score(c).is_finite()) {
                    labels.push(NOT_FINITE);
                    continue;
                }
                let better = |best: u32, c: u32| if score(c) > score(best) { c } else { best };
                let best = (first..end).reduce(better);
                labels.push(best.map_or(0, |best| best + offset) as u16);
            }
        }
    }
    labels
}

/// Labels two to a word, the first in the low half.
fn packed(labels: &[u16]) -> Vec<u32> {
    let word = |pair: &[u16]| u32::from(pair[0]) | pair.get(1).map_or(0, |&high| u32::from(high) << 16);
    labels.chunks(2).map(word).collect()
}

/// Cases of the kernel. At each position of the map one channel stands out, so that a last bit of a weight does not decide.
pub(crate) fn cases() -> Vec<Case> {
    let all = |channels| vec![[0, channels]];
    let blocks = vec![[0, 3], [3, 3], [3, 4], [4, 11]];
    [
        (Shape::new(1, 2, 1, 2), (1, 2), all(2), false, Size::Smallest),
        (Shape::new(3, 5, 6, 4), (12, 16), all(5), false, Size::Batch),
        (Shape::new(3, 11, 5, 7), (9, 5), blocks.clone(), true, Size::Ragged),
        (Shape::new(2, 11, 8, 9), (4, 3), blocks, true, Size::Ragged),
        (Shape::new(1, 13, 9, 7), (7, 9), vec![[2, 13]], false, Size::Ragged),
        (Shape::new(1, 336, 64, 64), (56, 56), all(336), false, Size::Real),
    ]
    .map(|(shape, grid, blocks, owned, size)| case(shape, grid, blocks, owned, size))
    .into()
}

/// The kernel at a random shape. Where sizes differ by a power of two the weights are dyadic and the scores exact, equal ones too.
pub(crate) fn random(rng: &mut Mt) -> Case {
    let shape = rng::shape(rng);
    let grid = rng::dyadic_grid(rng, shape);
    let middle = rng.next_u32() % (shape.c + 1);
    let owned = rng::coin(rng);
    case(shape, grid, vec![[0, middle], [middle, shape.c], [middle, middle]], owned, Size::Ragged)
}

fn case(shape: Shape, grid: (u32, u32), blocks: Vec<[u32; 2]>, owned: bool, size: Size) -> Case {
    let dyadic = grid.0.is_multiple_of(shape.h) && grid.1.is_multiple_of(shape.w);
    let mut maps = if dyadic { rng::integers(shape.len(), 1) } else { rng::floats(shape.len(), 1) };
    let area = shape.positions() as usize;
    let mut noise = rng::seeded(2);
    for n in 0..shape.n as usize {
        for position in 0..area {
            let winner = (noise.next_u32() % shape.c) as usize;
            maps[(n * shape.c as usize + winner) * area + position] += 10.0;
        }
    }
    // Equal scores: the lowest channel must win.
    if shape.c > 1 && !owned {
        let (first, second) = maps.split_at_mut(area);
        second[..area].copy_from_slice(first);
    }
    let positions = shape.n * grid.0 * grid.1;
    let mut owner: Vec<u16> = (0..positions).map(|_| (noise.next_u32() % blocks.len() as u32) as u16).collect();
    if size == Size::Ragged {
        maps = rng::lost(maps, rng::LOST);
        owner[positions as usize / 2] = NOT_FINITE;
    }
    let offset = u32::from(owned);
    Case::of(size, format!("{shape} to {grid:?}, {} blocks{}", blocks.len(), if owned { ", owned" } else { "" }))
        .reads(maps)
        .reads(blocks.concat())
        .reads(packed(&owner))
        .writes(label_argmax::words(positions) as usize)
        .flops(u64::from(positions) * u64::from(shape.c) * 8)
        .bytes(shape.bytes())
        .case(
            move |gpu, recording, [maps, blocks, owner], [y]| {
                let to = Labels { grid, offset, y };
                label_argmax::label_argmax(gpu, recording, shape, maps, blocks, owned.then_some(owner), &to)
            },
            move |[maps, ..]| {
                let owner = owned.then_some(owner.as_slice());
                [Expected::U32(packed(&label_argmax(&maps.maps(shape), grid, &blocks, owner, offset)))]
            },
        )
}
