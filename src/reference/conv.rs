//! Twin of `conv`, `conv_broadcast`, `conv_pointwise` and `conv_tiled`.

use rand_mt::Mt;
use rayon::prelude::*;

use super::convolution::{Problem, SAME, any_window, common, unusual};
use super::{Case, Maps, Size, rng};
use crate::error::Result;
use crate::geometry::{Convolution, Window};
use crate::kernels::chooser::Variant;
use crate::tensor::Shape;

/// `y[n,k,r,s] = b[k] + sum_{c,i,j} w[k,c,i,j] x[n, g Cg + c, r sy + i dy - py, s sx + j dx - px]`.
///
/// `weight` is `[k, c / groups, kh, kw]`; `bias` is `[k]` or empty.
///
/// # Errors
/// If the window does not fit the map.
pub fn conv(x: &Maps, weight: &[f64], bias: &[f64], convolution: &Convolution) -> Result<Maps> {
    let window = &convolution.window;
    let (h, w) = window.output(x.shape.h, x.shape.w)?;
    let mut y = Maps::zeros(Shape::new(x.shape.n, convolution.channels, h, w));
    let (in_group, out_group) = (x.shape.c / convolution.groups, convolution.channels / convolution.groups);
    let [kh, kw] = window.kernel;
    let taps = (in_group * kh * kw) as usize;
    let from = |at: u32, tap: u32, axis: usize| {
        i64::from(at * window.stride[axis] + tap * window.dilation[axis]) - i64::from(window.padding[axis])
    };
    let channels = convolution.channels as usize;
    y.data.par_chunks_mut((h * w) as usize).enumerate().for_each(|(map, out)| {
        let (n, k) = ((map / channels) as u32, (map % channels) as u32);
        let weight = &weight[k as usize * taps..][..taps];
        for r in 0..h {
            for s in 0..w {
                let mut sum = 0.0;
                let mut tap = 0;
                for c in 0..in_group {
                    for i in 0..kh {
                        for j in 0..kw {
                            sum += weight[tap] * x.at(n, k / out_group * in_group + c, from(r, i, 0), from(s, j, 1));
                            tap += 1;
                        }
                    }
                }
                out[(r * w + s) as usize] = sum + bias.get(k as usize).copied().unwrap_or(0.0);
            }
        }
    });
    Ok(y)
}

/// The same with its channels in groups.
fn grouped(problem: Problem, groups: u32) -> Problem {
    Problem { convolution: Convolution { groups, ..problem.convolution }, ..problem }
}

/// Cases of the kernel.
pub fn cases() -> Vec<Case> {
    let groups = [
        grouped(Problem::new([2, 6, 8, 7], 9, Window::square(3, 2, 1), Size::Ragged), 3),
        grouped(Problem::new([1, 7, 5, 5], 7, SAME, Size::Ragged), 7),
    ];
    let all = common().into_iter().chain(unusual()).chain(groups);
    all.map(|problem| problem.case(Variant::Portable, conv)).collect()
}

/// The kernel at a random shape, with a random window and groups.
pub fn random(rng: &mut Mt) -> Case {
    let window = any_window(rng);
    let mut problem = Problem::random(rng, window);
    let groups = rng::size(rng, 3);
    problem.shape.c *= groups;
    problem.convolution.channels *= groups;
    grouped(problem, groups).case(Variant::Portable, conv)
}
