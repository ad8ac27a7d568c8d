//! Twin of `splice`.

use rand_mt::Mt;

use super::{Case, Expected, Maps, Size, rng};
use crate::kernels::splice::{self, Buffers, Place};
use crate::tensor::Shape;

/// Windows of `base`, one image's map, with what has changed in each image's rectangle.
pub(crate) fn splice(base: &Maps, changed: &Maps, places: &[Place], (h, w): (u32, u32)) -> Maps {
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
pub(crate) fn cases() -> Vec<Case> {
    [
        (Shape::new(1, 1, 1, 1), (1, 1), (1, 1), Size::Smallest),
        (Shape::new(3, 5, 17, 23), (6, 9), (9, 14), Size::Batch),
        (Shape::new(2, 7, 13, 11), (5, 4), (13, 11), Size::Ragged),
        (Shape::new(4, 64, 128, 128), (76, 76), (80, 80), Size::Real),
    ]
    .map(|(base, changed, window, size)| case(base, changed, window, size))
    .into()
}

/// The kernel at a random shape.
pub(crate) fn random(rng: &mut Mt) -> Case {
    let base = rng::shape(rng);
    let mut part = |size: u32| 1 + rng.next_u32() % size;
    let (changed, window) = ((part(base.h), part(base.w)), (part(base.h), part(base.w)));
    case(base, changed, window, Size::Ragged)
}

/// A place for each of `base.n` images, here and there; the rectangle of the last is empty if there are several.
fn places(base: Shape, changed: Shape, window: Shape) -> Vec<Place> {
    let mut numbers = rng::seeded(5);
    let mut below = |end: u32| numbers.next_u32() % (end + 1);
    let mut place = |image: u32| {
        let begin = [below(base.h - changed.h), below(base.w - changed.w)];
        // A border of the changed maps is not taken over where there is room for one.
        let ring = [u32::from(changed.h > 2), u32::from(changed.w > 2)];
        let empty = base.n > 1 && image + 1 == base.n;
        let end = |axis: usize, length: u32| if empty { begin[axis] } else { begin[axis] + length - ring[axis] };
        Place {
            first: [below(base.h - window.h), below(base.w - window.w)],
            rows: [begin[0] + if empty { 0 } else { ring[0] }, end(0, changed.h)],
            columns: [begin[1] + if empty { 0 } else { ring[1] }, end(1, changed.w)],
            changed: begin,
        }
    };
    (0..base.n).map(&mut place).collect()
}

fn case(base: Shape, changed: (u32, u32), window: (u32, u32), size: Size) -> Case {
    let whole = base.with_batch(1);
    let changed = Shape { h: changed.0, w: changed.1, ..base };
    let shape = Shape { h: window.0, w: window.1, ..base };
    let places = places(base, changed, shape);
    let known = places.clone();
    Case::of(size, format!("{shape} of {base} with {changed}"))
        .reads(rng::floats(whole.len(), 1))
        .reads(rng::floats(changed.len(), 2))
        .reads(places.iter().flat_map(Place::words).collect::<Vec<u32>>())
        .writes(shape.len())
        .bytes(shape.bytes() * 2)
        .case(
            move |gpu, recording, [base, changed_maps, places], [y]| {
                let buffers = Buffers { base, changed: changed_maps, places, y };
                splice::splice(gpu, recording, (whole, changed, shape), &known, &buffers)
            },
            move |[base, maps, _]| [Expected::exact(&splice(&base.maps(whole), &maps.maps(changed), &places, window))],
        )
}
