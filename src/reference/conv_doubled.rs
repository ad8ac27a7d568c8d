//! Twin of `conv_doubled`: the doubled map is made and convolved.

use super::conv::conv;
use super::relu::act;
use super::upsample_nearest::upsample_nearest;
use super::{Case, Data, Expected, Maps, Output, Size, Work, rng};
use crate::error::Result;
use crate::geometry::{Activation, Convolution, Window};
use crate::kernels::chooser::{self, Variant};
use crate::kernels::convolution::{Buffers, Epilogue};
use crate::tensor::{HostTensor, Shape};

/// The convolution of the map, doubled by repetition; then the activation.
///
/// # Errors
/// If the window does not fit the map.
pub fn conv_doubled(
    x: &Maps,
    weight: &[f64],
    bias: &[f64],
    convolution: &Convolution,
    activation: Activation,
) -> Result<Maps> {
    let mut y = conv(&upsample_nearest(x), weight, bias, convolution)?;
    y.data.iter_mut().for_each(|t| *t = act(activation, *t));
    Ok(y)
}

/// A convolution to try.
#[derive(Clone, Copy)]
struct Sizes {
    shape: Shape,
    channels: u32,
    epilogue: Epilogue,
    size: Size,
    /// Floats and a derived bound instead of integers and equality.
    floats: bool,
}

/// No pooling: the kernel has none.
fn epilogue(bias: bool, slope: f32) -> Epilogue {
    Epilogue { bias, activation: Activation { slope }, pool: false }
}

/// Cases of the kernel. With integers and a slope that is a power of two all is exact.
pub fn cases() -> Vec<Case> {
    let sizes = |[n, c, h, w]: [u32; 4], channels: u32, size: Size| Sizes {
        shape: Shape::new(n, c, h, w),
        channels,
        epilogue: epilogue(true, 0.25),
        size,
        floats: false,
    };
    let mut all = vec![
        sizes([1, 2, 1, 4], 1, Size::Smallest),
        sizes([3, 6, 5, 8], 2, Size::Batch),
        sizes([2, 10, 7, 12], 19, Size::Ragged),
        sizes([1, 4, 6, 36], 33, Size::Ragged),
        Sizes { epilogue: epilogue(false, 1.0), ..sizes([2, 2, 3, 4], 9, Size::Ragged) },
        Sizes { floats: true, epilogue: epilogue(true, 0.2), ..sizes([2, 4, 5, 8], 9, Size::Ragged) },
        sizes([1, 512, 8, 8], 512, Size::Real),
    ];
    // The layers of the 256x256 generator.
    let layers = [(512, 512, 4), (512, 512, 8), (512, 256, 16), (256, 128, 32), (128, 64, 64), (64, 32, 128)];
    all.extend(layers.map(|(c, k, side)| sizes([1, c, side, side], k, Size::Timed)));
    all.into_iter().map(case).collect()
}

/// The kernel at a random shape.
pub fn random(rng: &mut rand_mt::Mt) -> Case {
    let shape = rng::shape(rng);
    let shape = Shape { c: shape.c.next_multiple_of(2), w: shape.w.next_multiple_of(4), ..shape };
    let (channels, bias) = (rng::size(rng, 40), rng.next_u32().is_multiple_of(2));
    case(Sizes { shape, channels, epilogue: epilogue(bias, 0.5), size: Size::Ragged, floats: false })
}

fn case(sizes: Sizes) -> Case {
    let Sizes { shape, channels, epilogue, size, floats } = sizes;
    let convolution = Convolution { channels, window: Window::square(3, 1, 1), groups: 1 };
    let values = if floats { rng::floats } else { rng::integers };
    let (x, weight) = (values(shape.len(), 1), values((channels * shape.c * 9) as usize, 2));
    let bias = values(channels as usize, 3);
    let y = Shape { c: channels, h: shape.h * 2, w: shape.w * 2, ..shape };
    let work = Work {
        flops: 2 * y.len() as u64 * u64::from(shape.c) * 9,
        bytes: shape.bytes() + y.bytes() + weight.len() as u64 * 4,
    };
    let host = HostTensor { shape, data: x.clone() };
    let wanted = (weight.clone(), bias.clone());
    Case {
        label: format!("{shape} doubled -> {channels}"),
        size,
        inputs: vec![Data::F32(x), Data::F32(bias)],
        outputs: vec![Output::Poisoned(y.len())],
        record: Box::new(move |gpu, recording, inputs, outputs| {
            let packed = gpu.buffer_of("packed", &Variant::Doubled.pack(&convolution, &weight))?;
            let buffers = Buffers { x: &inputs[0], weight: &packed, bias: &inputs[1], y: &outputs[0] };
            chooser::convolve(gpu, recording, Variant::Doubled, &convolution, epilogue, shape, &buffers)
        }),
        expected: Box::new(move || vec![expected(&sizes, &convolution, &host, &wanted)]),
        work,
    }
}

/// The twin's answer. For floats the bound of a sum of rounded sums of weights: `(4 C + 4) 2^-24 (sum |x w| + |b|)`.
#[expect(clippy::cast_possible_truncation, reason = "rounding to single precision is the point")]
fn expected(
    sizes: &Sizes,
    convolution: &Convolution,
    x: &HostTensor,
    (weight, bias): &(Vec<f32>, Vec<f32>),
) -> Expected {
    let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
    let (maps, weight) = (Maps::from(x), wide(weight));
    let bias = if sizes.epilogue.bias { wide(bias) } else { Vec::new() };
    let empty = || Maps::zeros(Shape::new(0, 0, 0, 0));
    let run = |x: &Maps, weight: &[f64], bias: &[f64], activation: Activation| {
        conv_doubled(x, weight, bias, convolution, activation).unwrap_or_else(|_| empty())
    };
    let want = run(&maps, &weight, &bias, sizes.epilogue.activation).to_f32();
    if !sizes.floats {
        return Expected::Exact(want);
    }
    let absolute = |values: &[f64]| values.iter().map(|value| value.abs()).collect::<Vec<_>>();
    let size = Maps { shape: maps.shape, data: absolute(&maps.data) };
    let size = run(&size, &absolute(&weight), &absolute(&bias), Activation::NONE);
    let taps = 4.0 * f64::from(sizes.shape.c);
    let bound = size.data.iter().map(|size| ((taps + 4.0) * size * 2f64.powi(-24)) as f32).collect();
    Expected::Close { want, bound }
}
