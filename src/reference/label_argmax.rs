//! Twin of `label_argmax`.

use super::{Case, Data, Expected, Maps, Output, Size, Work, rng, upsample_bilinear};
use crate::geometry::Border;
use crate::kernels;
use crate::tensor::{HostTensor, Shape};

/// For each image and position of the grid the channel, plus `offset`, with the highest score in the block of its owner, the lowest of
/// equals; 0 where the block is empty. `owner` is `[n, rows, columns]`; without it all positions have the first block.
pub fn label_argmax(
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
                let [first, end] = blocks[owner.map_or(0, |owner| usize::from(owner[labels.len()]))];
                let score = |c: u32| scores.data[scores.index(n, c, row, column)];
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
pub fn cases() -> Vec<Case> {
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
    .into_iter()
    .map(|(shape, grid, blocks, owned, size)| case(shape, grid, blocks, owned, size))
    .collect()
}

/// The kernel at a random shape. Where sizes differ by a power of two the weights are dyadic and the scores exact, equal ones too.
pub fn random(rng: &mut rand_mt::Mt) -> Case {
    let shape = rng::shape(rng);
    let grid = (shape.h << (rng.next_u32() % 3), shape.w << (rng.next_u32() % 3));
    let middle = rng.next_u32() % (shape.c + 1);
    let owned = rng.next_u32().is_multiple_of(2);
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
    let owner: Vec<u16> = (0..positions).map(|_| (noise.next_u32() % blocks.len() as u32) as u16).collect();
    let offset = u32::from(owned);
    let host = HostTensor { shape, data: maps.clone() };
    let (table, owners) = (blocks.clone(), owner.clone());
    Case {
        label: format!("{shape} to {grid:?}, {} blocks{}", blocks.len(), if owned { ", owned" } else { "" }),
        size,
        inputs: vec![Data::F32(maps), Data::U32(blocks.concat()), Data::U32(packed(&owner))],
        outputs: vec![Output::Poisoned(kernels::label_argmax::words(positions) as usize)],
        record: Box::new(move |gpu, recording, inputs, outputs| {
            let (maps, blocks, owner) = (&inputs[0], &inputs[1], owned.then_some(&inputs[2]));
            let to = kernels::label_argmax::Labels { grid, offset, y: &outputs[0] };
            kernels::label_argmax::label_argmax(gpu, recording, (maps, shape), blocks, owner, &to)
        }),
        expected: Box::new(move || {
            let owner = owned.then_some(owners.as_slice());
            vec![Expected::U32(packed(&label_argmax(&Maps::from(&host), grid, &table, owner, offset)))]
        }),
        work: Work { flops: u64::from(positions) * u64::from(shape.c) * 8, bytes: shape.bytes() },
    }
}
