//! Twin of `splice`.

use super::{Case, Data, Expected, Maps, Output, Size, Work, rng};
use crate::kernels::splice::{self, Buffers, Place, Shapes};
use crate::tensor::{HostTensor, Shape};

/// Windows of `base`, one image's map, with what has changed in each image's rectangle.
pub fn splice(base: &Maps, changed: &Maps, places: &[Place], (h, w): (u32, u32)) -> Maps {
    let mut y = Maps::zeros(Shape { h, w, ..changed.shape });
    for (n, place) in (0..y.shape.n).zip(places) {
        for c in 0..y.shape.c {
            for i in 0..h {
                for j in 0..w {
                    let (row, column) = (place.first[0] + i, place.first[1] + j);
                    let inside = (place.rows[0]..place.rows[1]).contains(&row)
                        && (place.columns[0]..place.columns[1]).contains(&column);
                    let at = y.index(n, c, i, j);
                    y.data[at] = if inside {
                        changed.data[changed.index(n, c, row - place.changed[0], column - place.changed[1])]
                    } else {
                        base.data[base.index(0, c, row, column)]
                    };
                }
            }
        }
    }
    y
}

/// Cases of the kernel. Copies are exact.
pub fn cases() -> Vec<Case> {
    [
        (Shape::new(1, 1, 1, 1), (1, 1), (1, 1), Size::Smallest),
        (Shape::new(3, 5, 17, 23), (6, 9), (9, 14), Size::Batch),
        (Shape::new(2, 7, 13, 11), (5, 4), (13, 11), Size::Ragged),
        (Shape::new(4, 64, 128, 128), (76, 76), (80, 80), Size::Real),
    ]
    .into_iter()
    .map(|(base, changed, window, size)| case(base, changed, window, size))
    .collect()
}

/// The kernel at a random shape.
pub fn random(rng: &mut rand_mt::Mt) -> Case {
    let base = rng::shape(rng);
    let mut part = |size: u32| 1 + rng.next_u32() % size;
    let (changed, window) = ((part(base.h), part(base.w)), (part(base.h), part(base.w)));
    case(base, changed, window, Size::Ragged)
}

/// `base.n` images whose windows and rectangles lie here and there; that of the last image is empty if there are several.
fn case(base: Shape, changed: (u32, u32), window: (u32, u32), size: Size) -> Case {
    let images = base.n;
    let mut numbers = rng::seeded(5);
    let mut below = |end: u32| numbers.next_u32() % (end + 1);
    let mut place = |image: u32| {
        let begin = [below(base.h - changed.0), below(base.w - changed.1)];
        // A border of the changed maps is not taken over where there is room for one.
        let ring = [u32::from(changed.0 > 2), u32::from(changed.1 > 2)];
        let empty = images > 1 && image + 1 == images;
        let end = |axis: usize, length: u32| if empty { begin[axis] } else { begin[axis] + length - ring[axis] };
        Place {
            first: [below(base.h - window.0), below(base.w - window.1)],
            rows: [begin[0] + if empty { 0 } else { ring[0] }, end(0, changed.0)],
            columns: [begin[1] + if empty { 0 } else { ring[1] }, end(1, changed.1)],
            changed: begin,
        }
    };
    let places: Vec<Place> = (0..images).map(&mut place).collect();
    let whole = base.with_batch(1);
    let changed = Shape { h: changed.0, w: changed.1, ..base };
    let shape = Shape { h: window.0, w: window.1, ..base };
    let (first, second) = (rng::floats(whole.len(), 1), rng::floats(changed.len(), 2));
    let maps = |shape, data: &[f32]| Maps::from(&HostTensor { shape, data: data.to_vec() });
    let (base_maps, changed_maps) = (maps(whole, &first), maps(changed, &second));
    let words: Vec<u32> = places.iter().flat_map(Place::words).collect();
    Case {
        label: format!("{shape} of {base} with {changed}"),
        size,
        inputs: vec![Data::F32(first), Data::F32(second), Data::U32(words)],
        outputs: vec![Output::Poisoned(shape.len())],
        record: Box::new(move |gpu, recording, inputs, outputs| {
            let buffers = Buffers { base: &inputs[0], changed: &inputs[1], places: &inputs[2], y: &outputs[0] };
            splice::splice(gpu, recording, Shapes { base: whole, changed, window: shape }, &buffers)
        }),
        expected: Box::new(move || vec![Expected::Exact(splice(&base_maps, &changed_maps, &places, window).to_f32())]),
        work: Work { flops: 0, bytes: shape.bytes() * 2 },
    }
}
