//! What the cases of the convolution kernels share: a problem, its answer by the twin, and how far from it floats may lie.

use rand_mt::Mt;

use super::max_pool::max_pool;
use super::relu::relu;
use super::{Case, Data, Expected, Maps, Size, rng};
use crate::error::Result;
use crate::geometry::{Activation, Convolution, Window};
use crate::kernels::chooser::{self, Variant};
use crate::kernels::convolution::{Buffers, Epilogue};
use crate::tensor::Shape;

/// The twin of a kernel: maps, weight, bias, convolution.
pub(super) type Twin = fn(&Maps, &[f64], &[f64], &Convolution) -> Result<Maps>;

/// A convolution to try.
#[derive(Clone, Copy)]
pub(super) struct Problem {
    /// Maps that it is given.
    pub shape: Shape,
    pub convolution: Convolution,
    pub epilogue: Epilogue,
    pub size: Size,
    /// Floats and a derived bound instead of integers and equality.
    pub floats: bool,
    /// What some of the values are lost to.
    pub lost: &'static [f32],
}

pub(super) const SAME: Window = Window::square(3, 1, 1);

impl Problem {
    /// Integers, one group, a bias and ReLU.
    pub(super) fn new([n, c, h, w]: [u32; 4], channels: u32, window: Window, size: Size) -> Problem {
        Problem {
            shape: Shape::new(n, c, h, w),
            convolution: Convolution { channels, window, groups: 1 },
            epilogue: Epilogue { bias: true, activation: Activation::RELU, pool: false },
            size,
            floats: false,
            lost: &[],
        }
    }

    /// A ragged one of this window, large enough for it, with any end but pooling.
    pub(super) fn random(rng: &mut Mt, window: Window) -> Problem {
        let reach = |axis: usize| window.dilation[axis] * (window.kernel[axis] - 1);
        let Shape { n, c, h, w } = rng::shape(rng);
        let channels = rng::size(rng, 40);
        Problem {
            epilogue: Epilogue {
                bias: rng::coin(rng),
                activation: Activation { slope: [0.0, 0.2, 1.0][rng.next_u32() as usize % 3] },
                pool: false,
            },
            ..Problem::new([n, c, h + reach(0), w + reach(1)], channels, window, Size::Ragged)
        }
    }

    /// The same in floats.
    pub(super) fn in_floats(self) -> Problem {
        Problem { floats: true, ..self }
    }

    /// The same with some values that are no numbers, or infinite.
    pub(super) fn losing(self, lost: &'static [f32]) -> Problem {
        Problem { lost, ..self }
    }

    /// The same that ends with this activation.
    pub(super) fn ending(self, activation: Activation) -> Problem {
        Problem { epilogue: Epilogue { activation, ..self.epilogue }, ..self }
    }

    /// The same without bias and activation.
    pub(super) fn bare(self) -> Problem {
        Problem { epilogue: Epilogue { bias: false, activation: Activation::NONE, pool: false }, ..self }
    }

    /// The same that ends with pooling.
    pub(super) fn pooled(self) -> Problem {
        Problem { epilogue: Epilogue { pool: true, ..self.epilogue }, ..self }
    }

    /// The problem as a case of a variant's kernel, which has this twin.
    pub(super) fn case(self, variant: Variant, twin: Twin) -> Case {
        let Problem { shape, convolution, epilogue, .. } = self;
        let doubled = if variant == Variant::Doubled { 2 } else { 1 };
        let (h, w) = convolution.window.output(shape.h * doubled, shape.w * doubled).unwrap_or((0, 0));
        let summed = Shape { c: convolution.channels, h, w, ..shape };
        let y = if epilogue.pool { Shape { h: h / 2, w: w / 2, ..summed } } else { summed };
        let weight = self.weight();
        Case::of(self.size, self.label(variant))
            .reads(rng::lost(self.values(shape.len(), 1), self.lost))
            .reads(self.values(convolution.channels as usize, 3))
            .writes(y.len())
            .flops(2 * summed.len() as u64 * self.taps() as u64)
            .bytes(shape.bytes() + y.bytes() + weight.len() as u64 * 4)
            .case(
                move |gpu, recording, [x, bias], [y]| {
                    let packed = gpu.buffer_of("packed", &variant.pack(&convolution, &weight))?;
                    let buffers = Buffers { x, weight: &packed, bias, y };
                    chooser::convolve(gpu, recording, variant, &convolution, epilogue, shape, &buffers)
                },
                // A window that does not fit makes no answer, which no run agrees with.
                move |[x, bias]| [self.expected(variant, twin, x, bias).unwrap_or(Expected::Exact(Vec::new()))],
            )
    }

    fn values(&self, count: usize, seed: u32) -> Vec<f32> {
        if self.floats { rng::floats(count, seed) } else { rng::integers(count, seed) }
    }

    fn weight(&self) -> Vec<f32> {
        self.values(self.convolution.channels as usize * self.taps(), 2)
    }

    /// Products of a sum.
    fn taps(&self) -> usize {
        let [kh, kw] = self.convolution.window.kernel;
        (self.shape.c / self.convolution.groups * kh * kw) as usize
    }

    /// `[4, 64, 224, 224] -> 64`, then what is unusual about it.
    fn label(&self, variant: Variant) -> String {
        let Convolution { channels, window, groups } = self.convolution;
        let doubled = if variant == Variant::Doubled { " doubled" } else { "" };
        let mut label = format!("{}{doubled} -> {channels}", self.shape);
        if window != SAME {
            label += &format!(", {window:?}");
        }
        if groups != 1 {
            label += &format!(", {groups} groups");
        }
        if let Variant::Broadcast { pixels: by } | Variant::Pointwise { channels: by } = variant {
            label += &format!(", by {by}");
        }
        label + if self.epilogue.pool { ", pooled" } else { "" }
    }

    /// The twin's answer. For floats the bound of a sum of `taps` rounded products and a bias: `(taps + 2) 2^-24 (sum |x w| + |b|)`;
    /// of a doubled map `(4 C + 4) 2^-24 ...`, since four sums of weights, rounded themselves, stand for nine weights.
    fn expected(&self, variant: Variant, twin: Twin, x: &Data, bias: &Data) -> Result<Expected> {
        let (x, weight) = (x.maps(self.shape), Data::F32(self.weight()).wide());
        let bias = if self.epilogue.bias { bias.wide() } else { Vec::new() };
        let mut y = relu(&twin(&x, &weight, &bias, &self.convolution)?, self.epilogue.activation);
        if self.epilogue.pool {
            y = max_pool(&y, &Window::square(2, 2, 0))?;
        }
        if !self.floats {
            return Ok(Expected::exact(&y));
        }
        let absolute = |values: &[f64]| values.iter().map(|value| value.abs()).collect::<Vec<_>>();
        let x = Maps { shape: x.shape, data: absolute(&x.data) };
        let size = twin(&x, &absolute(&weight), &absolute(&bias), &self.convolution)?;
        let roundings = match variant {
            Variant::Doubled => 4.0 * f64::from(self.shape.c) + 4.0,
            _ => self.taps() as f64 + 2.0,
        };
        let bound = size.data.iter().map(|size| (roundings * size * 2f64.powi(-24)) as f32).collect();
        Ok(Expected::Close { want: y.to_f32(), bound })
    }
}

/// What every kernel of a 3x3 window must get right.
pub(super) fn common() -> Vec<Problem> {
    let same = |shape, channels, size| Problem::new(shape, channels, SAME, size);
    let mut all = vec![
        same([1, 1, 1, 1], 1, Size::Smallest),
        same([3, 5, 7, 11], 2, Size::Batch),
        same([2, 19, 13, 17], 37, Size::Ragged),
        same([1, 6, 9, 70], 67, Size::Ragged),
        same([2, 4, 6, 20], 33, Size::Ragged),
        // Software adapters limit the rounds of loops.
        same([1, 4096, 2, 3], 2, Size::Ragged),
        same([1, 512, 14, 14], 512, Size::Real),
        same([2, 3, 5, 4], 18, Size::Ragged).bare(),
        same([2, 3, 9, 10], 18, Size::Ragged).in_floats(),
        same([2, 3, 6, 12], 17, Size::Ragged).in_floats().ending(Activation { slope: 0.2 }),
        same([2, 4, 12, 20], 33, Size::Ragged).losing(rng::LOST),
        same([2, 4, 12, 19], 18, Size::Ragged).losing(rng::LOST).ending(Activation { slope: 0.25 }),
        same([4, 3, 224, 224], 64, Size::Timed),
    ];
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
    all.extend(vgg.map(|(c, k, side)| same([4, c, side, side], k, Size::Timed)));
    all
}

/// Windows that only some kernels support.
pub(super) fn unusual() -> Vec<Problem> {
    let wide = Window { kernel: [2, 5], stride: [3, 2], padding: [1, 3], dilation: [2, 1] };
    vec![
        Problem::new([2, 3, 12, 15], 5, wide, Size::Ragged),
        Problem::new([2, 5, 7, 6], 9, Window::square(1, 1, 0), Size::Ragged),
        Problem::new([1, 3, 23, 29], 10, Window::square(7, 2, 3), Size::Ragged),
        Problem::new([1, 4, 9, 9], 8, Window { dilation: [2, 3], ..Window::square(3, 1, 2) }, Size::Ragged),
    ]
}

/// Any window at all.
pub(super) fn any_window(rng: &mut Mt) -> Window {
    let mut two = |most| [rng::size(rng, most), rng::size(rng, most)];
    Window { kernel: two(5), stride: two(3), padding: two(4).map(|padding| padding - 1), dilation: two(3) }
}
