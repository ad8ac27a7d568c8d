//! Twin of `precise_roi_pool`.

use rand_mt::Mt;

use super::{Case, Expected, Maps, Size, rng};
use crate::kernels;
use crate::tensor::Shape;

/// The integral of the hat `max(0, 1 - |t - at|)` from `low` to `high`.
fn share(low: f64, high: f64, at: f64) -> f64 {
    let area = |t: f64| match t {
        t if t <= -1.0 => 0.0,
        t if t <= 0.0 => (t + 1.0) * (t + 1.0) / 2.0,
        t if t <= 1.0 => 1.0 - (1.0 - t) * (1.0 - t) / 2.0,
        _ => 1.0,
    };
    area(high - at) - area(low - at)
}

/// How much each of `size` positions counts in each of `bins`: rows of `bins`, columns of positions.
pub(crate) fn weights(size: u32, bins: u32) -> Vec<Vec<f64>> {
    let width = f64::from(size) / f64::from(bins);
    let bin = |p: u32| {
        (0..size).map(move |i| share(f64::from(p) * width, f64::from(p + 1) * width, f64::from(i)) / width).collect()
    };
    (0..bins).map(bin).collect()
}

/// Mean over `bins` by `bins` bins of the bilinear function through the positions of each map, zero beyond it.
pub(crate) fn precise_roi_pool(x: &Maps, bins: u32) -> Maps {
    let mut y = Maps::zeros(Shape { h: bins, w: bins, ..x.shape });
    let (rows, columns) = (weights(x.shape.h, bins), weights(x.shape.w, bins));
    for n in 0..x.shape.n {
        for c in 0..x.shape.c {
            for p in 0..bins {
                for q in 0..bins {
                    let at = y.index(n, c, p, q);
                    for i in 0..x.shape.h {
                        for j in 0..x.shape.w {
                            y.data[at] += rows[p as usize][i as usize]
                                * columns[q as usize][j as usize]
                                * x.data[x.index(n, c, i, j)];
                        }
                    }
                }
            }
        }
    }
    y
}

/// Cases of the kernel.
pub(crate) fn cases() -> Vec<Case> {
    [
        (Shape::new(1, 1, 1, 1), 1, Size::Smallest),
        (Shape::new(3, 5, 8, 4), 2, Size::Batch),
        (Shape::new(2, 3, 13, 7), 3, Size::Ragged),
        (Shape::new(1, 2, 5, 9), 6, Size::Ragged),
        (Shape::new(1, 2048, 8, 8), 6, Size::Real),
    ]
    .map(|(shape, bins, size)| case(shape, bins, size))
    .into()
}

/// The kernel at a random shape.
pub(crate) fn random(rng: &mut Mt) -> Case {
    case(rng::shape(rng), rng::size(rng, 7), Size::Ragged)
}

fn case(shape: Shape, bins: u32, size: Size) -> Case {
    Case::of(size, format!("{shape} to {bins}x{bins}"))
        .reads(rng::integers(shape.len(), 1))
        .writes(Shape { h: bins, w: bins, ..shape }.len())
        .flops(shape.len() * 2)
        .case(
            move |gpu, recording, [x], [y]| {
                kernels::precise_roi_pool::precise_roi_pool(gpu, recording, shape, bins, x, y)
            },
            move |[x]| [expected(&precise_roi_pool(&x.maps(shape), bins), shape, bins)],
        )
}

fn expected(want: &Maps, shape: Shape, bins: u32) -> Expected {
    // With bins of whole or half positions all weights are dyadic, and so are the sums.
    if bins.is_power_of_two() && shape.h.is_power_of_two() && shape.w.is_power_of_two() {
        return Expected::exact(want);
    }
    // An end of a bin carries two roundings of up to the map's size, a share four such and two of its own; a bin of
    // w positions has w + 3 of them, each divided by w. Values are at most 4.
    let unit = 2f32.powi(-24);
    let axis = |size: u32| {
        let width = size as f32 / bins as f32;
        (width + 3.0) / width * (8.0 * size as f32 + 4.0) * unit
    };
    Expected::close(want, |_| 4.0 * 2.0 * (axis(shape.h) + axis(shape.w)) + 4.0 * 64.0 * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_eight_positions_are_those_of_the_published_operator() {
        let sums = |bins| weights(8, bins).iter().map(|row| row.iter().sum::<f64>()).collect::<Vec<_>>();
        let close = |got: Vec<f64>, want: &[f64]| got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(close(sums(1), &[0.9375]));
        assert!(close(sums(2), &[1.0, 0.875]));
        assert!(close(sums(3), &[1.0, 1.0, 0.8125]));
        assert!(close(sums(6), &[1.0, 1.0, 1.0, 1.0, 1.0, 0.625]));
        let rows = weights(8, 2);
        assert!(close(rows[0].clone(), &[0.125, 0.25, 0.25, 0.25, 0.125, 0.0, 0.0, 0.0]));
        assert!(close(rows[1].clone(), &[0.0, 0.0, 0.0, 0.0, 0.125, 0.25, 0.25, 0.25]));
    }
}
