//! Twin of `linear` and `linear_broadcast`.

use rayon::prelude::*;

use super::relu::act;
use super::{Case, Data, Expected, Maps, Output, Size, Work, rng};
use crate::geometry::Activation;
use crate::kernels::chooser::{self, LinearVariant as Variant};
use crate::kernels::linear::{self, Buffers, Sizes, row_ranges};
use crate::tensor::Shape;

/// `y[n,k] = b[k] + sum_q w[k,q] x[n,q]`, the input flattened channel-major; weight `[k, q]`.
pub fn linear(x: &Maps, weight: &[f64], bias: &[f64]) -> Maps {
    let inputs = x.shape.with_batch(1).len();
    let outputs = bias.len();
    let mut y = Maps::zeros(Shape::new(x.shape.n, outputs as u32, 1, 1));
    y.data.par_iter_mut().enumerate().for_each(|(at, out)| {
        let (n, k) = (at / outputs, at % outputs);
        let products = weight[k * inputs..][..inputs].iter().zip(&x.data[n * inputs..][..inputs]);
        *out = bias[k] + products.map(|(w, x)| w * x).sum::<f64>();
    });
    y
}

/// Cases of the portable kernel; the weight is cut into three ranges or more where it has the rows.
pub fn cases() -> Vec<Case> {
    common().into_iter().map(|(sizes, size)| case(Variant::Portable, sizes, size)).collect()
}

/// Cases of the broadcast kernel.
pub fn broadcast_cases() -> Vec<Case> {
    let whole = |&(sizes, _): &(Sizes, Size)| sizes.inputs.is_multiple_of(4);
    let both = |(sizes, size)| [8, 32].map(|images| case(Variant::Broadcast { images }, sizes, size));
    common().into_iter().filter(whole).flat_map(both).collect()
}

fn common() -> Vec<(Sizes, Size)> {
    let sizes = |images, inputs, outputs| Sizes { images, inputs, outputs };
    vec![
        (sizes(1, 1, 1), Size::Smallest),
        (sizes(1, 4, 1), Size::Smallest),
        (sizes(3, 20, 7), Size::Batch),
        (sizes(6, 391, 131), Size::Ragged),
        (sizes(5, 62, 66), Size::Ragged),
        (sizes(37, 1036, 61), Size::Ragged),
        (sizes(4, 4096, 1000), Size::Real),
        (sizes(4, 25088, 1024), Size::Timed),
        (sizes(64, 6272, 192), Size::Timed),
    ]
}

/// The portable kernel at a random shape.
pub fn random(rng: &mut rand_mt::Mt) -> Case {
    let sizes = Sizes { images: rng::size(rng, 9), inputs: rng::size(rng, 300), outputs: rng::size(rng, 150) };
    case(Variant::Portable, sizes, Size::Ragged)
}

/// The broadcast kernel at a random shape.
pub fn broadcast_random(rng: &mut rand_mt::Mt) -> Case {
    let sizes = Sizes { images: rng::size(rng, 70), inputs: 4 * rng::size(rng, 150), outputs: rng::size(rng, 90) };
    let images = [8, 32][rng::size(rng, 2) as usize - 1];
    case(Variant::Broadcast { images }, sizes, Size::Ragged)
}

fn case(variant: Variant, sizes: Sizes, size: Size) -> Case {
    let Sizes { images, inputs, outputs } = sizes;
    let shape = Shape::new(images, inputs, 1, 1);
    let (x, bias) = (rng::integers(shape.len(), 1), rng::integers(outputs as usize, 3));
    let weight = move || rng::integers(inputs as usize * outputs as usize, 2);
    let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
    let (maps, wide_bias) = (Maps { shape, data: wide(&x) }, wide(&bias));
    // One of the cases has none.
    let activation = if outputs == 66 { Activation::NONE } else { Activation::RELU };
    let bytes = u64::from(inputs) * u64::from(outputs.div_ceil(3)) * 4;
    Case {
        label: format!("{images} images, {inputs} inputs, {outputs} outputs, {variant:?}"),
        size,
        inputs: vec![Data::F32(x), Data::F32(bias)],
        outputs: vec![Output::Poisoned((images * outputs) as usize)],
        record: Box::new(move |gpu, recording, inputs_, outputs_| {
            let weight = weight();
            let parts = row_ranges(outputs, inputs, bytes).into_iter().map(|rows| {
                let part = &weight[(rows.start * inputs) as usize..(rows.end * inputs) as usize];
                Ok((rows, gpu.buffer_of("weight", &linear::pack(part, inputs as usize))?))
            });
            let parts = parts.collect::<crate::error::Result<Vec<_>>>()?;
            let buffers = Buffers { x: &inputs_[0], weights: &parts, bias: &inputs_[1], y: &outputs_[0] };
            chooser::linear(gpu, recording, variant, sizes, activation, &buffers)
        }),
        expected: Box::new(move || {
            let mut y = linear(&maps, &wide(&weight()), &wide_bias);
            y.data.iter_mut().for_each(|t| *t = act(activation, *t));
            vec![Expected::Exact(y.to_f32())]
        }),
        work: Work {
            flops: 2 * u64::from(images) * u64::from(inputs) * u64::from(outputs),
            bytes: u64::from(inputs) * u64::from(outputs) * 4 + shape.bytes(),
        },
    }
}
