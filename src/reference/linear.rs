//! Twin of `linear` and `linear_broadcast`.

use rand_mt::Mt;
use rayon::prelude::*;

use super::relu::relu;
use super::{Case, Data, Expected, Maps, Size, rng};
use crate::error::Result;
use crate::geometry::Activation;
use crate::kernels::chooser::{self, LinearVariant};
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

/// Cases of the kernel; the weight is cut into three ranges or more where it has the rows.
pub fn cases() -> Vec<Case> {
    layers().map(|(sizes, size)| case(LinearVariant::Portable, sizes, size)).into()
}

/// The kernel at a random shape.
pub fn random(rng: &mut Mt) -> Case {
    let sizes = Sizes { images: rng::size(rng, 9), inputs: rng::size(rng, 300), outputs: rng::size(rng, 150) };
    case(LinearVariant::Portable, sizes, Size::Ragged)
}

/// What both kernels must get right; the broadcast one takes the inputs by four.
pub(super) fn layers() -> [(Sizes, Size); 9] {
    let sizes = |images, inputs, outputs| Sizes { images, inputs, outputs };
    [
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

/// The layer as a case of a variant's kernel.
pub(super) fn case(variant: LinearVariant, sizes: Sizes, size: Size) -> Case {
    let Sizes { images, inputs, outputs } = sizes;
    let shape = Shape::new(images, inputs, 1, 1);
    let weight = move || rng::integers(inputs as usize * outputs as usize, 2);
    let range_bytes = u64::from(inputs) * u64::from(outputs.div_ceil(3)) * 4;
    // Networks end with a layer that has none.
    let activation = if size == Size::Batch { Activation::NONE } else { Activation::RELU };
    let lost = if size == Size::Ragged { rng::LOST } else { &[] };
    Case::of(size, format!("{images} images, {inputs} inputs, {outputs} outputs, {variant:?}"))
        .reads(rng::lost(rng::integers(shape.len(), 1), lost))
        .reads(rng::integers(outputs as usize, 3))
        .writes((images * outputs) as usize)
        .flops(2 * u64::from(images) * u64::from(inputs) * u64::from(outputs))
        .bytes(u64::from(inputs) * u64::from(outputs) * 4 + shape.bytes())
        .case(
            move |gpu, recording, [x, bias], [y]| {
                let weight = weight();
                let parts = row_ranges(outputs, inputs, range_bytes).into_iter().map(|rows| {
                    let part = &weight[(rows.start * inputs) as usize..(rows.end * inputs) as usize];
                    Ok((rows, gpu.buffer_of("weight", &linear::pack(part, inputs as usize))?))
                });
                let weights = parts.collect::<Result<Vec<_>>>()?;
                let buffers = Buffers { x, weights: &weights, bias, y };
                chooser::linear(gpu, recording, variant, sizes, activation, &buffers)
            },
            move |[x, bias]| {
                let sums = linear(&x.maps(shape), &Data::F32(weight()).wide(), &bias.wide());
                [Expected::exact(&relu(&sums, activation))]
            },
        )
}
