//! Twin of `threshold_iou`.

use rand_mt::Mt;

use super::upsample_bilinear::upsample_bilinear;
use super::{Case, Expected, Maps, Size, rng};
use crate::geometry::Border;
use crate::kernels::threshold_iou::{self, Buffers, row_words, words};
use crate::tensor::Shape;

/// Labels of each image: for each entry its number and where it is, `[positions]`.
type Labels = Vec<Vec<(u32, Vec<bool>)>>;

/// Firing positions of each unit `[c]`, and of each unit on each label `[c, labels]`.
pub(crate) fn threshold_iou(
    maps: &Maps,
    level: &[f32],
    grid: (u32, u32),
    labels: u32,
    present: &Labels,
) -> (Vec<u32>, Vec<u32>) {
    let upsampled = upsample_bilinear(maps, grid.0, grid.1, Border::Zero).to_f32();
    let (units, positions) = (maps.shape.c as usize, (grid.0 * grid.1) as usize);
    let mut area = vec![0; units];
    let mut inter = vec![0; units * labels as usize];
    for (i, value) in upsampled.into_iter().enumerate() {
        let (n, unit, p) = (i / positions / units, i / positions % units, i % positions);
        if value > level[unit] {
            area[unit] += 1;
            for (label, _) in present[n].iter().filter(|(_, place)| place[p]) {
                inter[unit * labels as usize + *label as usize] += 1;
            }
        }
    }
    (area, inter)
}

/// Cases of the kernel, on grids where every upsampled integer is exact; levels are values that occur, some negative.
pub(crate) fn cases() -> Vec<Case> {
    [
        (Shape::new(1, 1, 1, 1), (1, 1), 2, Size::Smallest),
        (Shape::new(3, 5, 7, 6), (14, 24), 9, Size::Batch),
        (Shape::new(2, 37, 14, 13), (28, 13), 40, Size::Ragged),
        (Shape::new(2, 11, 7, 13), (14, 104), 5, Size::Ragged),
        (Shape::new(1, 9, 24, 40), (12, 10), 4, Size::Ragged),
        (Shape::new(4, 512, 14, 14), (56, 56), 32, Size::Real),
    ]
    .map(|(shape, grid, labels, size)| case(shape, grid, labels, size))
    .into()
}

/// About half of the labels in each image, each on a third of the positions or so; the last image has none.
fn present(shape: Shape, grid: (u32, u32), labels: u32) -> Labels {
    let mut rng = rng::seeded(7);
    let image = |rng: &mut Mt| {
        let chosen: Vec<u32> = (1..labels).filter(|_| rng.next_u32().is_multiple_of(2)).collect();
        chosen
            .into_iter()
            .map(|label| (label, (0..grid.0 * grid.1).map(|_| rng.next_u32().is_multiple_of(3)).collect()))
            .collect()
    };
    let mut all: Labels = (0..shape.n).map(|_| image(&mut rng)).collect();
    if shape.n > 2 {
        all.last_mut().into_iter().for_each(Vec::clear);
    }
    all
}

fn pack(present: &Labels, grid: (u32, u32)) -> (Vec<u32>, Vec<u32>) {
    let (mut heads, mut numbers, mut bits) = (Vec::new(), Vec::new(), Vec::new());
    for image in present {
        heads.extend([numbers.len() as u32, image.len() as u32]);
        for (label, place) in image {
            numbers.push(*label);
            let start = bits.len();
            bits.resize(start + words(grid) as usize, 0u32);
            for (p, _) in place.iter().enumerate().filter(|(_, on)| **on) {
                let (row, column) = (p / grid.1 as usize, p % grid.1 as usize);
                bits[start + row * row_words(grid) as usize + column / 32] |= 1 << (column % 32);
            }
        }
    }
    heads.extend(numbers);
    (heads, bits)
}

/// The kernel at a random shape, on a grid where every upsampled integer is exact.
pub(crate) fn random(rng: &mut Mt) -> Case {
    let shape = rng::shape(rng);
    let grid = rng::dyadic_grid(rng, shape);
    case(shape, grid, 1 + rng::size(rng, 20), Size::Ragged)
}

fn case(shape: Shape, grid: (u32, u32), labels: u32, size: Size) -> Case {
    let real = size == Size::Real;
    let x = rng::integers(shape.len(), 1).into_iter().map(|v| if real { (v - 2.0).max(0.0) } else { v });
    let level: Vec<f32> =
        (0..shape.c).map(|unit| if real { 1.0 } else { [1.0, -0.5, 0.0, 2.0][unit as usize % 4] }).collect();
    let present = present(shape, grid, labels);
    let (index, bits) = pack(&present, grid);
    Case::of(size, format!("{shape} on {grid:?}, {labels} labels"))
        .reads(x.collect::<Vec<_>>())
        .reads(level.clone())
        .reads(index)
        .reads(bits)
        .holds(vec![5; shape.c as usize])
        .holds(vec![7; (shape.c * labels) as usize])
        .flops(14 * shape.n * shape.c * grid.0 * grid.1)
        .bytes(shape.bytes())
        .case(
            move |gpu, recording, [maps, level, index, bits], [area, inter]| {
                let buffers = Buffers { maps, level, index, bits, area, inter };
                threshold_iou::threshold_iou(gpu, recording, shape, grid, labels, &buffers)
            },
            move |[x, ..]| {
                let (area, inter) = threshold_iou(&x.maps(shape), &level, grid, labels, &present);
                let plus = |counts: Vec<u32>, start| Expected::U32(counts.iter().map(|count| count + start).collect());
                [plus(area, 5), plus(inter, 7)]
            },
        )
}
