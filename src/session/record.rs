//! The steps of a plan as dispatches: one arm for each operator.

use super::Session;
use super::choose::Ends;
use super::weights::Packed;
use crate::error::{Error, Result};
use crate::gpu::Recording;
use crate::graph::{Operator, Step};
use crate::kernels::chooser::{self, LinearVariant};
use crate::kernels::convolution::{Buffers, Epilogue};
use crate::kernels::linear::{self, Sizes};
use crate::kernels::{adaptive_average_pool, add, average_pool, edit, max_pool, relu, softmax, upsample_bilinear};
use crate::kernels::{pixel_norm, precise_roi_pool, upsample_nearest};

impl Session {
    /// Appends a step, the `position`-th of the plan, for `n` images.
    pub(super) fn record_step(&self, recording: &mut Recording, position: usize, n: u32) -> Result<()> {
        let (gpu, step) = (&self.gpu, &self.plan.steps[position]);
        let operator = &self.graph.node(step.node).operator;
        let ends = Ends::of(&self.graph, step).ok_or_else(|| Error::internal("no kernel takes what is fused to it"))?;
        let activation = ends.activation;
        let shape = self.graph.node(step.inputs[0]).batched(n);
        let (x, y) = (self.slot(step.inputs[0])?, self.slot(step.result())?);
        let count = u32::try_from(shape.len()).unwrap_or(u32::MAX);
        match (operator, &self.packed[position]) {
            (Operator::Convolution { convolution, .. }, Some(Packed::Convolution { variant, weight, bias })) => {
                let epilogue = Epilogue { bias: bias.is_some(), activation, pool: ends.fused.pooled };
                let buffers = Buffers { x, weight, bias: bias.as_ref().unwrap_or(weight), y };
                chooser::convolve(gpu, recording, *variant, convolution, epilogue, shape, &buffers)
            }
            (Operator::Linear { outputs, .. }, Some(Packed::Linear { rows, bias })) => {
                let sizes = Sizes { images: n, inputs: shape.c * shape.positions(), outputs: *outputs };
                let variant = LinearVariant::choose(sizes, &gpu.traits());
                let buffers = linear::Buffers { x, weights: rows, bias, y };
                chooser::linear(gpu, recording, variant, sizes, activation, &buffers)
            }
            (Operator::Input { .. } | Operator::Convolution { .. } | Operator::Linear { .. }, _) => {
                Err(Error::internal("has no weights"))
            }
            (Operator::Relu | Operator::LeakyRelu { .. }, _) => {
                let own = operator.activation().unwrap_or(activation);
                relu::relu(gpu, recording, own, x, y, count)
            }
            (Operator::PixelNorm, _) => pixel_norm::pixel_norm(gpu, recording, shape, x, y),
            (Operator::UpsampleNearest, _) => upsample_nearest::upsample_nearest(gpu, recording, shape, x, y),
            (Operator::Softmax, _) => softmax::softmax(gpu, recording, shape, x, y),
            (Operator::MaxPool(window), _) => max_pool::max_pool(gpu, recording, window, shape, x, y),
            (Operator::AveragePool(window), _) => average_pool::average_pool(gpu, recording, window, shape, x, y),
            (&Operator::AdaptiveAveragePool { h, w }, _) => {
                adaptive_average_pool::adaptive_average_pool(gpu, recording, shape, (h, w), x, y)
            }
            (&Operator::Upsample { h, w, border }, _) => {
                upsample_bilinear::upsample_bilinear(gpu, recording, shape, (h, w), border, x, y)
            }
            (Operator::Add, _) => add::add(gpu, recording, (x, self.slot(step.inputs[1])?), activation, y, count),
            (Operator::Concat, _) => self.record_concat(recording, step, n),
            (&Operator::Edit { extent }, _) => {
                // Where the value as it was is read again, the edit works on a copy.
                if x != y {
                    recording.copy(x, 0, y, 0, shape.bytes())?;
                }
                let by = (self.slot(step.inputs[1])?, self.slot(step.inputs[2])?);
                edit::edit(gpu, recording, shape, extent, by, y)
            }
            (&Operator::PreciseRoiPool { bins }, _) => {
                precise_roi_pool::precise_roi_pool(gpu, recording, shape, bins, x, y)
            }
        }
    }

    /// Copies the maps of each input to their place.
    fn record_concat(&self, recording: &mut Recording, step: &Step, n: u32) -> Result<()> {
        let y = self.slot(step.result())?;
        let image = self.graph.node(step.result()).shape.bytes();
        let mut place = 0;
        for &input in &step.inputs {
            let bytes = self.graph.node(input).shape.bytes();
            for index in 0..u64::from(n) {
                recording.copy(self.slot(input)?, index * bytes, y, index * image + place, bytes)?;
            }
            place += bytes;
        }
        Ok(())
    }
}
