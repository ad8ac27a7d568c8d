//! Twin of `conv`, `conv_broadcast`, `conv_pointwise` and `conv_tiled`.

use rayon::prelude::*;

use super::relu::act;
use super::{Case, Data, Expected, Maps, Output, Size, Work, rng};
use crate::error::Result;
use crate::geometry::{Activation, Convolution, Window};
use crate::kernels::chooser::{self, Variant};
use crate::kernels::convolution::{Buffers, Epilogue};
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

/// A convolution to try.
#[derive(Clone, Copy)]
struct Sizes {
    shape: Shape,
    convolution: Convolution,
    epilogue: Epilogue,
    size: Size,
    /// Floats and a derived bound instead of integers and equality.
    floats: bool,
}

fn sizes(shape: [u32; 4], channels: u32, window: Window, groups: u32, size: Size) -> Sizes {
    let [n, c, h, w] = shape;
    Sizes {
        shape: Shape::new(n, c, h, w),
        convolution: Convolution { channels, window, groups },
        epilogue: Epilogue { bias: true, activation: Activation::RELU, pool: false },
        size,
        floats: false,
    }
}

const SAME: Window = Window::square(3, 1, 1);

/// What every variant must get right.
fn common() -> Vec<Sizes> {
    let mut all = vec![
        sizes([1, 1, 1, 1], 1, SAME, 1, Size::Smallest),
        sizes([3, 5, 7, 11], 2, SAME, 1, Size::Batch),
        sizes([2, 19, 13, 17], 37, SAME, 1, Size::Ragged),
        sizes([1, 6, 9, 70], 67, SAME, 1, Size::Ragged),
        sizes([2, 4, 6, 20], 33, SAME, 1, Size::Ragged),
        // Software adapters limit the rounds of loops.
        sizes([1, 4096, 2, 3], 2, SAME, 1, Size::Ragged),
        sizes([1, 512, 14, 14], 512, SAME, 1, Size::Real),
    ];
    all.push(Sizes {
        epilogue: Epilogue { bias: false, activation: Activation::NONE, pool: false },
        ..sizes([2, 3, 5, 4], 18, SAME, 1, Size::Ragged)
    });
    all.push(Sizes { floats: true, ..sizes([2, 3, 9, 10], 18, SAME, 1, Size::Ragged) });
    let leaky = Epilogue { bias: true, activation: Activation { slope: 0.2 }, pool: false };
    all.push(Sizes { floats: true, epilogue: leaky, ..sizes([2, 3, 6, 12], 17, SAME, 1, Size::Ragged) });
    // The layers of VGG-16 after the first, at batch 4.
    let vgg = [
        (64, 64, 224),
        (64, 128, 112),
        (128, 128, 112),
        (128, 256, 56),
        (256, 256, 56),
        (256, 512, 28),
        (512, 512, 28),
        (512, 512, 14),
    ];
    all.push(sizes([4, 3, 224, 224], 64, SAME, 1, Size::Timed));
    all.extend(vgg.map(|(c, k, side)| sizes([4, c, side, side], k, SAME, 1, Size::Timed)));
    all
}

/// Windows that only some variants support.
fn unusual() -> Vec<Sizes> {
    let wide = Window { kernel: [2, 5], stride: [3, 2], padding: [1, 3], dilation: [2, 1] };
    vec![
        sizes([2, 3, 12, 15], 5, wide, 1, Size::Ragged),
        sizes([2, 5, 7, 6], 9, Window::square(1, 1, 0), 1, Size::Ragged),
        sizes([1, 3, 23, 29], 10, Window::square(7, 2, 3), 1, Size::Ragged),
        sizes([1, 4, 9, 9], 8, Window { dilation: [2, 3], ..Window::square(3, 1, 2) }, 1, Size::Ragged),
    ]
}

/// Cases of the portable kernel.
pub fn cases() -> Vec<Case> {
    let groups = [
        sizes([2, 6, 8, 7], 9, Window::square(3, 2, 1), 3, Size::Ragged),
        sizes([1, 7, 5, 5], 7, SAME, 7, Size::Ragged),
    ];
    let all = common().into_iter().chain(unusual()).chain(groups);
    all.map(|sizes| case(sizes, Variant::Portable)).collect()
}

/// Cases of the tiled kernel.
pub fn tiled_cases() -> Vec<Case> {
    common().into_iter().chain(unusual()).map(|sizes| case(sizes, Variant::Tiled)).collect()
}

/// Cases of the broadcast kernel: every form the tuner may try.
pub fn broadcast_cases() -> Vec<Case> {
    let eight = common()
        .into_iter()
        .chain(pooled())
        .chain(dilated())
        .map(|sizes| case(sizes, Variant::Broadcast { pixels: 8 }));
    // The form without vectors is for the layers whose width it divides, and timed there.
    let narrow = |sizes: &Sizes| sizes.size != Size::Timed || sizes.shape.w <= 28;
    let seven = common().into_iter().filter(narrow).map(|sizes| case(sizes, Variant::Broadcast { pixels: 7 }));
    let four = few_columns().into_iter().map(|sizes| case(sizes, Variant::Broadcast { pixels: 4 }));
    eight.chain(seven).chain(four).collect()
}

/// Dilated windows, and the layers of a ResNet-18 that keeps its resolution.
fn dilated() -> Vec<Sizes> {
    let by = |dilation: [u32; 2]| Window { dilation, padding: dilation, ..SAME };
    vec![
        sizes([2, 3, 11, 19], 18, by([2, 3]), 1, Size::Ragged),
        sizes([2, 2, 9, 5], 3, by([4, 1]), 1, Size::Ragged),
        sizes([1, 2, 5, 17], 2, by([1, 2]), 1, Size::Ragged),
        sizes([1, 256, 32, 32], 256, by([2, 2]), 1, Size::Timed),
        sizes([1, 512, 32, 32], 512, by([4, 4]), 1, Size::Timed),
    ]
}

/// What four columns are for: stride 2 and small maps. With layers of ResNet-50.
fn few_columns() -> Vec<Sizes> {
    let two = Window::square(3, 2, 1);
    let mut all = vec![
        sizes([2, 3, 7, 11], 34, two, 1, Size::Ragged),
        sizes([3, 2, 9, 16], 5, two, 1, Size::Ragged),
        sizes([2, 3, 6, 8], 35, SAME, 1, Size::Ragged),
        sizes([1, 512, 8, 8], 512, SAME, 1, Size::Timed),
        sizes([1, 3, 256, 256], 64, two, 1, Size::Timed),
    ];
    all.extend([(128, 64), (256, 32), (512, 16)].map(|(c, side)| sizes([1, c, side, side], c, two, 1, Size::Timed)));
    all
}

/// Cases of the pointwise kernel: maps that it reads by four and others, by both counts of channels, and layers of ResNet-50.
pub fn pointwise_cases() -> Vec<Case> {
    let one = |stride| Window::square(1, stride, 0);
    let mut all = vec![
        sizes([1, 4, 1, 1], 1, one(1), 1, Size::Smallest),
        sizes([3, 8, 5, 7], 2, one(1), 1, Size::Batch),
        sizes([2, 20, 13, 17], 70, one(1), 1, Size::Ragged),
        sizes([3, 12, 5, 4], 67, one(1), 1, Size::Ragged),
        sizes([3, 4, 7, 10], 70, Window { stride: [2, 3], ..one(1) }, 1, Size::Ragged),
        sizes([2, 8, 9, 14], 37, Window { stride: [2, 3], ..one(1) }, 1, Size::Ragged),
    ];
    all.push(Sizes {
        epilogue: Epilogue { bias: false, activation: Activation::NONE, pool: false },
        ..sizes([2, 4, 6, 10], 18, one(1), 1, Size::Ragged)
    });
    all.push(Sizes { floats: true, ..sizes([2, 8, 7, 6], 18, one(2), 1, Size::Ragged) });
    let leaky = Epilogue { bias: true, activation: Activation { slope: 0.2 }, pool: false };
    all.push(Sizes { floats: true, epilogue: leaky, ..sizes([2, 4, 6, 12], 17, one(1), 1, Size::Ragged) });
    // The form of fewer channels compiles sooner: mutants meet it first.
    let narrow = all.clone().into_iter().map(|sizes| (sizes, 32));
    let by_four = |shape: Shape, window: &Window| window.output(shape.h, shape.w).is_ok_and(|(h, w)| (h * w) % 4 == 0);
    all.retain(|sizes| sizes.size == Size::Ragged && by_four(sizes.shape, &sizes.convolution.window));
    all.push(sizes([1, 1024, 16, 16], 256, one(1), 1, Size::Real));
    let layers = [
        (64, 256, 64, 1),
        (256, 64, 64, 1),
        (512, 336, 64, 1),
        (512, 128, 32, 1),
        (1024, 256, 16, 1),
        (512, 2048, 8, 1),
        (512, 1024, 32, 2),
    ];
    all.extend(layers.map(|(c, k, side, stride)| sizes([1, c, side, side], k, one(stride), 1, Size::Timed)));
    let all = narrow.chain(all.into_iter().map(|sizes| (sizes, 64)));
    all.map(|(sizes, channels)| case(sizes, Variant::Pointwise { channels })).collect()
}

/// Convolutions that end with 2x2 max-pooling: each width of vectors, odd rows and columns, and the layers of VGG-16.
fn pooled() -> Vec<Sizes> {
    let mut all = vec![
        sizes([1, 1, 2, 2], 1, SAME, 1, Size::Smallest),
        sizes([2, 3, 7, 13], 18, SAME, 1, Size::Ragged),
        sizes([3, 5, 6, 18], 5, SAME, 1, Size::Ragged),
        sizes([2, 2, 9, 20], 17, SAME, 1, Size::Ragged),
    ];
    let vgg = [(64, 64, 224), (128, 128, 112), (256, 256, 56), (512, 512, 28), (512, 512, 14)];
    all.extend(vgg.map(|(c, k, side)| sizes([4, c, side, side], k, SAME, 1, Size::Timed)));
    all.iter_mut().for_each(|sizes| sizes.epilogue.pool = true);
    all
}

/// `[4, 64, 224, 224] -> 64`, then what is unusual about it.
fn label(sizes: &Sizes, variant: Variant) -> String {
    let Convolution { channels, window, groups } = sizes.convolution;
    let mut label = format!("{} -> {channels}", sizes.shape);
    if window != SAME {
        label += &format!(", {window:?}");
    }
    if groups != 1 {
        label += &format!(", {groups} groups");
    }
    match variant {
        Variant::Broadcast { pixels: by } | Variant::Pointwise { channels: by } => label += &format!(", by {by}"),
        Variant::Portable | Variant::Tiled | Variant::Doubled => {}
    }
    label + if sizes.epilogue.pool { ", pooled" } else { "" }
}

fn case(sizes: Sizes, variant: Variant) -> Case {
    let Sizes { shape, convolution, epilogue, size, floats } = sizes;
    let [kh, kw] = convolution.window.kernel;
    let taps = (shape.c / convolution.groups * kh * kw) as usize;
    let values = if floats { rng::floats } else { rng::integers };
    let (x, weight) = (values(shape.len(), 1), values(convolution.channels as usize * taps, 2));
    let bias = values(convolution.channels as usize, 3);
    let (h, w) = convolution.window.output(shape.h, shape.w).unwrap_or((0, 0));
    let summed = Shape::new(shape.n, convolution.channels, h, w);
    let y = if epilogue.pool { Shape { h: h / 2, w: w / 2, ..summed } } else { summed };
    let inputs = vec![Data::F32(x.clone()), Data::F32(weight.clone()), Data::F32(bias.clone())];
    let work = Work {
        flops: 2 * summed.len() as u64 * taps as u64,
        bytes: shape.bytes() + y.bytes() + weight.len() as u64 * 4,
    };
    Case {
        label: label(&sizes, variant),
        size,
        inputs,
        outputs: vec![Output::Poisoned(y.len())],
        record: Box::new(move |gpu, recording, inputs, outputs| {
            let packed = gpu.buffer_of("packed", &variant.pack(&convolution, &weight))?;
            let buffers = Buffers { x: &inputs[0], weight: &packed, bias: &inputs[2], y: &outputs[0] };
            chooser::convolve(gpu, recording, variant, &convolution, epilogue, shape, &buffers)
        }),
        expected: Box::new(move || vec![expected(&sizes, &x, &bias)]),
        work,
    }
}

/// The twin's answer. For floats the bound of a sum of `taps` rounded products and a bias: `(taps + 2) 2^-24 (sum |x w| + |b|)`.
#[expect(clippy::cast_possible_truncation, reason = "rounding to single precision is the point")]
fn expected(sizes: &Sizes, x: &[f32], bias: &[f32]) -> Expected {
    let convolution = &sizes.convolution;
    let [kh, kw] = convolution.window.kernel;
    let taps = (sizes.shape.c / convolution.groups * kh * kw) as usize;
    let values = if sizes.floats { rng::floats } else { rng::integers };
    let weight: Vec<f64> = values(convolution.channels as usize * taps, 2).into_iter().map(f64::from).collect();
    let bias: Vec<f64> = if sizes.epilogue.bias { bias.iter().map(|&b| f64::from(b)).collect() } else { Vec::new() };
    let maps = Maps { shape: sizes.shape, data: x.iter().map(|&value| f64::from(value)).collect() };
    let empty = || Maps::zeros(Shape::new(0, 0, 0, 0));
    let mut y = conv(&maps, &weight, &bias, convolution).unwrap_or_else(|_| empty());
    y.data.iter_mut().for_each(|t| *t = act(sizes.epilogue.activation, *t));
    if sizes.epilogue.pool {
        y = super::max_pool::max_pool(&y, &Window::square(2, 2, 0)).unwrap_or_else(|_| empty());
    }
    if !sizes.floats {
        return Expected::Exact(y.to_f32());
    }
    let absolute = |values: &[f64]| values.iter().map(|value| value.abs()).collect::<Vec<_>>();
    let maps = Maps { shape: maps.shape, data: absolute(&maps.data) };
    let size = conv(&maps, &absolute(&weight), &absolute(&bias), convolution).unwrap_or_else(|_| empty());
    let bound = size.data.iter().map(|size| ((taps as f64 + 2.0) * size * 2f64.powi(-24)) as f32).collect();
    Expected::Close { want: y.to_f32(), bound }
}
