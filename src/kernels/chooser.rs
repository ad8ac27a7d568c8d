//! Which kernel computes a layer: the variants of a convolution and of a linear layer, and what each promises.

use super::convolution::{Buffers, Epilogue, pack_blocks};
use super::linear::{self, Sizes};
use super::{Agreement, Entry, conv, conv_broadcast, conv_doubled, conv_pointwise, conv_tiled, linear_broadcast};
use crate::error::{Error, Result};
use crate::geometry::{Activation, Convolution, Window};
use crate::gpu::{Gpu, Recording, Traits};
use crate::tensor::Shape;

/// A way to compute a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// Any convolution on any adapter.
    Portable,
    /// 3x3 with stride 1 and padding as dilation, or with stride 2 and padding 1; one group: weights handed around in the subgroup.
    Broadcast {
        /// Columns of the output per invocation.
        pixels: u32,
    },
    /// 1x1 without padding, one group, channels by four: weights handed around in the subgroup.
    Pointwise {
        /// Output channels per invocation.
        channels: u32,
    },
    /// Any convolution of one group as a product of matrices tiled in workgroup memory.
    Tiled,
    /// 3x3 of a map that nearest upsampling doubles first: it is given the map as it was before, and sums folded weights.
    Doubled,
}

impl Variant {
    /// The variants worth trying for a convolution of maps of a shape; the portable one is first, and all give its bits.
    pub fn candidates(convolution: &Convolution, shape: Shape, traits: &Traits) -> Vec<Variant> {
        let mut all = vec![Variant::Portable];
        // A GPU's registers do not hold the 256 sums of an invocation.
        if traits.software {
            let columns = conv_broadcast::columns(convolution, shape, traits);
            all.extend(columns.into_iter().map(|pixels| Variant::Broadcast { pixels }));
            let channels = conv_pointwise::channels(convolution, shape, traits);
            all.extend(channels.into_iter().map(|channels| Variant::Pointwise { channels }));
        }
        // Barriers and workgroup memory are what software adapters do worst.
        if conv_tiled::supports(convolution) && !traits.software {
            all.push(Variant::Tiled);
        }
        all
    }

    /// The variant for a convolution of maps of this shape, doubled first, if there is one that takes the doubling in. A rule of
    /// shape and adapter alone: its sums are not those of the portable kernel, and no clock and no neighbour may choose between
    /// two numbers.
    pub fn of_doubled(convolution: &Convolution, shape: Shape, traits: &Traits) -> Option<Variant> {
        (traits.software && conv_doubled::supports(convolution, shape, traits)).then_some(Variant::Doubled)
    }

    /// Whether it can end a convolution with 2x2 max-pooling: where an invocation holds whole windows of two rows and columns. Seven
    /// columns are among them because pooling is then done by eight.
    pub fn pools(self, convolution: &Convolution) -> bool {
        matches!(self, Variant::Broadcast { pixels: 7 | 8 }) && convolution.window == Window::square(3, 1, 1)
    }

    /// What its numbers are beside those of the portable kernel.
    pub fn agreement(self) -> Agreement {
        self.entry().agreement
    }

    /// Stem of the kernel that runs it.
    pub fn stem(self) -> &'static str {
        self.entry().stem
    }

    fn entry(self) -> &'static Entry {
        match self {
            Variant::Portable => &conv::ENTRY,
            Variant::Broadcast { .. } => &conv_broadcast::ENTRY,
            Variant::Pointwise { .. } => &conv_pointwise::ENTRY,
            Variant::Tiled => &conv_tiled::ENTRY,
            Variant::Doubled => &conv_doubled::ENTRY,
        }
    }

    /// One variant for all that read the weight in the same order: by seven columns it is packed as by eight.
    pub(crate) fn packing(self) -> Variant {
        match self {
            Variant::Broadcast { pixels: 7 } => Variant::Broadcast { pixels: 8 },
            other => other,
        }
    }

    /// The weight `[k, c / groups, kh, kw]` in the order that the variant reads.
    pub fn pack(self, convolution: &Convolution, weight: &[f32]) -> Vec<f32> {
        match self {
            Variant::Portable => conv::pack(convolution, weight),
            Variant::Pointwise { channels } => pack_blocks(convolution, weight, channels),
            Variant::Tiled => conv_tiled::pack(convolution, weight),
            Variant::Broadcast { pixels } => conv_broadcast::pack(convolution, weight, pixels),
            Variant::Doubled => conv_doubled::pack(convolution, weight),
        }
    }
}

/// Appends a convolution of `x` of this shape by a variant that supports it.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the window does not fit the map; [`crate::error::Kind::Internal`] if the variant does not
/// support it; else as [`Recording::dispatch`].
pub fn convolve(
    gpu: &Gpu,
    recording: &mut Recording,
    variant: Variant,
    convolution: &Convolution,
    epilogue: Epilogue,
    shape: Shape,
    buffers: &Buffers<'_>,
) -> Result<()> {
    if epilogue.pool && !variant.pools(convolution) {
        return Err(Error::internal("cannot end with pooling").at(variant.stem()));
    }
    match variant {
        Variant::Portable => conv::record(gpu, recording, convolution, epilogue, shape, buffers),
        Variant::Broadcast { pixels } => {
            conv_broadcast::record(gpu, recording, pixels, convolution, epilogue, shape, buffers)
        }
        Variant::Pointwise { channels } => {
            conv_pointwise::record(gpu, recording, channels, convolution, epilogue, shape, buffers)
        }
        Variant::Tiled => conv_tiled::record(gpu, recording, convolution, epilogue, shape, buffers),
        Variant::Doubled => conv_doubled::record(gpu, recording, convolution, epilogue, shape, buffers),
    }
}

/// A way to compute a linear layer. All give the same bits, whatever the batch size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinearVariant {
    /// `linear`, on any adapter.
    Portable,
    /// `linear_broadcast`, so many images to an invocation.
    Broadcast {
        /// Images to an invocation: 8 or 32.
        images: u32,
    },
}

impl LinearVariant {
    /// The one for a layer of these sizes on an adapter.
    pub fn choose(sizes: Sizes, traits: &Traits) -> LinearVariant {
        let images = linear_broadcast::images(sizes, traits);
        images.map_or(LinearVariant::Portable, |images| LinearVariant::Broadcast { images })
    }
}

/// Appends a linear layer by a variant that supports it.
///
/// # Errors
/// As [`Recording::dispatch`].
pub fn linear(
    gpu: &Gpu,
    recording: &mut Recording,
    variant: LinearVariant,
    sizes: Sizes,
    activation: Activation,
    buffers: &linear::Buffers<'_>,
) -> Result<()> {
    let kernel = match variant {
        LinearVariant::Portable => linear::kernel(gpu)?,
        LinearVariant::Broadcast { images } => linear_broadcast::kernel(gpu, images)?,
    };
    linear::record(recording, &kernel, sizes, activation, buffers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_packs_as_the_one_that_stands_for_it() {
        let convolution = Convolution { channels: 19, window: Window::square(3, 1, 1), groups: 1 };
        let weight: Vec<f32> = (0..19 * 5 * 9).map(|at| at as f32).collect();
        for variant in [4, 7, 8].map(|pixels| Variant::Broadcast { pixels }) {
            assert_eq!(variant.packing().pack(&convolution, &weight), variant.pack(&convolution, &weight));
        }
    }
}
