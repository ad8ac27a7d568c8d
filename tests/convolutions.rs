//! Random convolutions and linear layers: every variant gives the twin's numbers, and the portable kernel's bits whatever the batch.

#![allow(clippy::print_stdout, reason = "a skipped test says so")]

use netdissect::error::Result;
use netdissect::geometry::{Activation, Convolution, Window};
use netdissect::gpu::{DeviceChoice, Gpu, Recording};
use netdissect::kernels::chooser::{self, LinearVariant, Variant};
use netdissect::kernels::convolution::{Buffers, Epilogue};
use netdissect::kernels::linear::{self, Sizes};
use netdissect::kernels::{Agreement, conv_broadcast, conv_pointwise};
use netdissect::reference::{self, Maps, rng};
use netdissect::tensor::Shape;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Same cases in every run; a failure shrinks to the smallest shape that still fails.
fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn gpu() -> Option<Gpu> {
    if std::env::var("NETDISSECT_NO_GPU").is_ok_and(|value| value == "1") {
        println!("skipped: no GPU");
        return None;
    }
    Some(Gpu::open(&DeviceChoice::Auto).expect("an adapter; set NETDISSECT_NO_GPU=1 to go without"))
}

const ACTIVATIONS: [Activation; 3] = [Activation::NONE, Activation::RELU, Activation { slope: 0.2 }];

/// A convolution with its data.
#[derive(Debug, Clone)]
struct Problem {
    shape: Shape,
    convolution: Convolution,
    epilogue: Epilogue,
    floats: bool,
}

impl Problem {
    fn values(&self, count: usize, seed: u32) -> Vec<f32> {
        if self.floats { rng::floats(count, seed) } else { rng::integers(count, seed) }
    }

    fn weights(&self) -> usize {
        let [kh, kw] = self.convolution.window.kernel;
        (self.convolution.channels * (self.shape.c / self.convolution.groups) * kh * kw) as usize
    }

    fn run(&self, gpu: &Gpu, variant: Variant, x: &[f32], n: u32) -> Result<Vec<f32>> {
        let shape = self.shape.with_batch(n);
        let (h, w) = self.convolution.window.output(shape.h, shape.w)?;
        let (h, w) = if self.epilogue.pool { (h / 2, w / 2) } else { (h, w) };
        let y = Shape { n, c: self.convolution.channels, h, w };
        let weight = variant.pack(&self.convolution, &self.values(self.weights(), 2));
        let buffers = [
            gpu.buffer_of("x", x)?,
            gpu.buffer_of("weight", &weight)?,
            gpu.buffer_of("bias", &self.values(y.c as usize, 3))?,
            gpu.buffer_of("y", &vec![f32::NAN; y.len()])?,
        ];
        let bound = Buffers { x: &buffers[0], weight: &buffers[1], bias: &buffers[2], y: &buffers[3] };
        let mut recording = Recording::new();
        chooser::convolve(gpu, &mut recording, variant, &self.convolution, self.epilogue, shape, &bound)?;
        gpu.submit(&gpu.program(recording)?)?;
        gpu.download(&buffers[3], y.len())
    }
}

/// Every variant that can run the convolution here; the tuner does not try them all.
fn variants(gpu: &Gpu, problem: &Problem) -> Vec<Variant> {
    let Problem { convolution, shape, .. } = problem;
    let mut all = Variant::candidates(convolution, *shape, &gpu.traits());
    let traits = gpu.traits();
    let columns =
        [4, 7, 8].into_iter().filter(|&pixels| conv_broadcast::supports(pixels, convolution, *shape, &traits));
    let channels =
        [32, 64].into_iter().filter(|&channels| conv_pointwise::supports(channels, convolution, *shape, &traits));
    if traits.software {
        all.extend(columns.map(|pixels| Variant::Broadcast { pixels }));
        all.extend(channels.map(|channels| Variant::Pointwise { channels }));
    }
    if convolution.groups == 1 {
        all.push(Variant::Tiled);
    }
    all
}

/// The maximum of each 2x2, an odd last row or column left out.
fn pooled(values: &[f32], h: usize, w: usize) -> Vec<f32> {
    let corners = |map: &[f32], y: usize, x: usize| {
        [0, 1, w, w + 1].map(|offset| map[2 * y * w + 2 * x + offset]).into_iter().fold(f32::NEG_INFINITY, f32::max)
    };
    let maps = values.chunks_exact(h * w);
    maps.flat_map(|map| (0..h / 2).flat_map(move |y| (0..w / 2).map(move |x| corners(map, y, x)))).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

prop_compose! {
    fn same_windows()(n in 1u32..4, c in 1u32..21, h in 1u32..20, w in 1u32..34, k in 1u32..36, bias: bool, activation in 0usize..3, floats: bool)
        -> Problem {
        Problem {
            shape: Shape::new(n, c, h, w),
            convolution: Convolution { channels: k, window: Window::square(3, 1, 1), groups: 1 },
            epilogue: Epilogue { bias, activation: ACTIVATIONS[activation], pool: false },
            floats,
        }
    }
}

prop_compose! {
    fn any_windows()(
        problem in same_windows(),
        kernel in prop::array::uniform2(1u32..6),
        stride in prop::array::uniform2(1u32..4),
        padding in prop::array::uniform2(0u32..4),
        dilation in prop::array::uniform2(1u32..4),
        groups in 1u32..4,
    ) -> Problem {
        let window = Window { kernel, stride, padding, dilation };
        // Large enough for the window, and divisible.
        let reach = |axis: usize| dilation[axis] * (kernel[axis] - 1) + 1;
        let Shape { n, c, h, w } = problem.shape;
        Problem {
            shape: Shape::new(n, c * groups, h + reach(0), w + reach(1)),
            convolution: Convolution { channels: problem.convolution.channels * groups, window, groups },
            ..problem
        }
    }
}

prop_compose! {
    /// 3x3, dilated or with stride 2.
    fn wide_windows()(problem in same_windows(), dilation in prop::array::uniform2(1u32..6), strided: bool) -> Problem {
        let dilated = Window { dilation, padding: dilation, ..Window::square(3, 1, 0) };
        let window = if strided { Window::square(3, 2, 1) } else { dilated };
        Problem { convolution: Convolution { window, ..problem.convolution }, ..problem }
    }
}

prop_compose! {
    /// 1x1, channels by four, maps that can be read by four and others.
    fn points()(problem in same_windows(), stride in prop::array::uniform2(1u32..4), c in 1u32..6, k in 1u32..140) -> Problem {
        let window = Window { stride, ..Window::square(1, 1, 0) };
        Problem {
            shape: Shape { c: 4 * c, ..problem.shape },
            convolution: Convolution { channels: k, window, groups: 1 },
            ..problem
        }
    }
}

#[test]
fn all_variants_give_the_same_bits_and_integers_those_of_the_twin() {
    let Some(gpu) = gpu() else { return };
    runner(72)
        .run(&prop_oneof![same_windows(), any_windows(), wide_windows(), points()], |problem| {
            let x = problem.values(problem.shape.len(), 1);
            let portable = problem.run(&gpu, Variant::Portable, &x, problem.shape.n).unwrap();
            prop_assert!(portable.iter().all(|value| value.is_finite()), "an element was not written");
            for variant in variants(&gpu, &problem) {
                prop_assert!(matches!(variant.agreement(), Agreement::Portable | Agreement::SameBits));
                let got = problem.run(&gpu, variant, &x, problem.shape.n).unwrap();
                prop_assert_eq!(bits(&got), bits(&portable), "{:?}", variant);
            }
            if !problem.floats {
                let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<_>>();
                let maps = Maps { shape: problem.shape, data: wide(x) };
                let weight = wide(problem.values(problem.weights(), 2));
                let bias = wide(problem.values(problem.convolution.channels as usize, 3));
                let bias = if problem.epilogue.bias { &bias[..] } else { &[] };
                let want = reference::conv::conv(&maps, &weight, bias, &problem.convolution).unwrap();
                // The sums are exact, so that the twin's single product is the kernel's.
                let slope = problem.epilogue.activation.slope;
                let want = want.to_f32().into_iter().map(|t| t.max(if slope == 0.0 { 0.0 } else { slope * t }));
                prop_assert_eq!(portable, want.collect::<Vec<_>>());
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn an_image_gives_the_same_bits_alone_and_in_a_batch() {
    let Some(gpu) = gpu() else { return };
    runner(24)
        .run(&prop_oneof![same_windows(), wide_windows(), points()], |problem| {
            let problem = Problem { floats: true, ..problem };
            let x = problem.values(problem.shape.len(), 1);
            for variant in variants(&gpu, &problem) {
                let together = problem.run(&gpu, variant, &x, problem.shape.n).unwrap();
                let one = x.len() / problem.shape.n as usize;
                let alone: Vec<f32> =
                    x.chunks(one).flat_map(|image| problem.run(&gpu, variant, image, 1).unwrap()).collect();
                prop_assert_eq!(bits(&together), bits(&alone), "{:?}", variant);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn pooling_in_the_same_dispatch_gives_the_bits_of_pooling_afterwards() {
    let Some(gpu) = gpu() else { return };
    runner(24)
        .run(&same_windows(), |problem| {
            let problem = Problem { floats: true, ..problem };
            let x = problem.values(problem.shape.len(), 1);
            let Shape { n, h, w, .. } = problem.shape;
            for variant in variants(&gpu, &problem).into_iter().filter(|variant| variant.pools(&problem.convolution)) {
                let after = pooled(&problem.run(&gpu, variant, &x, n).unwrap(), h as usize, w as usize);
                let fused = Problem { epilogue: Epilogue { pool: true, ..problem.epilogue }, ..problem.clone() };
                prop_assert_eq!(bits(&fused.run(&gpu, variant, &x, n).unwrap()), bits(&after), "{:?}", variant);
            }
            Ok(())
        })
        .unwrap();
}

/// A linear layer of floats by a variant, of the first `images` images.
fn layer(gpu: &Gpu, variant: LinearVariant, sizes: Sizes, activation: Activation) -> Result<Vec<f32>> {
    let [x, weight, bias] = [(1, sizes.images * sizes.inputs), (2, sizes.outputs * sizes.inputs), (3, sizes.outputs)]
        .map(|(seed, count)| rng::floats(count as usize, seed));
    let weights = [(0..sizes.outputs, gpu.buffer_of("weight", &linear::pack(&weight, sizes.inputs as usize))?)];
    let count = (sizes.images * sizes.outputs) as usize;
    let (x, bias, y) = (gpu.buffer_of("x", &x)?, gpu.buffer_of("bias", &bias)?, gpu.buffer("y", 4 * count as u64)?);
    let buffers = linear::Buffers { x: &x, weights: &weights, bias: &bias, y: &y };
    let mut recording = Recording::new();
    chooser::linear(gpu, &mut recording, variant, sizes, activation, &buffers)?;
    gpu.submit(&gpu.program(recording)?)?;
    gpu.download(&y, count)
}

prop_compose! {
    /// Inputs by four, fewer and more than are summed at a time.
    fn layers()(images in 1u32..40, quads in 1u32..300, outputs in 1u32..60) -> Sizes {
        Sizes { images, inputs: 4 * quads, outputs }
    }
}

#[test]
fn linear_variants_give_the_same_bits_alone_and_in_a_batch() {
    let Some(gpu) = gpu() else { return };
    runner(24)
        .run(&(layers(), 0usize..3), |(sizes, activation)| {
            let activation = ACTIVATIONS[activation];
            let portable = layer(&gpu, LinearVariant::Portable, sizes, activation).unwrap();
            let alone = layer(&gpu, LinearVariant::Portable, Sizes { images: 1, ..sizes }, activation).unwrap();
            prop_assert_eq!(bits(&portable[..alone.len()]), bits(&alone));
            if LinearVariant::choose(sizes, &gpu.traits()) != LinearVariant::Portable {
                for images in [8, 32] {
                    let got = layer(&gpu, LinearVariant::Broadcast { images }, sizes, activation).unwrap();
                    prop_assert_eq!(bits(&got), bits(&portable), "{} images", images);
                }
            }
            Ok(())
        })
        .unwrap();
}
