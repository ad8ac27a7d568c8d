//! What kernels are asked of a step, and which answer they give.

use crate::error::Result;
use crate::geometry::{Activation, Window};
use crate::gpu::Gpu;
use crate::graph::{Graph, Operator, Step};
use crate::kernels::chooser::Variant;
use crate::kernels::tune::{Fused, Tuner};

/// What is fused to a step's node, in the words of kernels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ends {
    /// The doubling before it and the pooling behind.
    pub(super) fused: Fused,
    /// The activation between.
    pub(super) activation: Activation,
}

impl Ends {
    /// Those of a step, if they are any that a kernel may take: a doubling; an activation, and behind a ReLU 2x2 max-pooling.
    pub(super) fn of(graph: &Graph, step: &Step) -> Option<Ends> {
        let operator = |id| &graph.node(id).operator;
        let doubled = match step.prologue[..] {
            [] => false,
            [before] if *operator(before) == Operator::UpsampleNearest => true,
            _ => return None,
        };
        let behind: Vec<&Operator> = step.epilogue.iter().map(|&id| operator(id)).collect();
        let (activation, pooled) = match behind[..] {
            [] => (Activation::NONE, false),
            [first] => (first.activation()?, false),
            [Operator::Relu, Operator::MaxPool(window)] if *window == Window::square(2, 2, 0) => {
                (Activation::RELU, true)
            }
            _ => return None,
        };
        Some(Ends { fused: Fused { doubled, pooled }, activation })
    }

    /// Whether nothing but an activation is fused.
    const fn plain(&self) -> bool {
        !self.fused.doubled && !self.fused.pooled
    }
}

/// Whether a kernel runs a step with all that is fused to it.
///
/// # Errors
/// What the device reports as variants are tried.
pub(super) fn takes(gpu: &Gpu, graph: &Graph, tuner: &mut Tuner, step: &Step) -> Result<bool> {
    let Some(ends) = Ends::of(graph, step) else { return Ok(false) };
    match &graph.node(step.node).operator {
        // Every kernel of a convolution ends with the activation.
        Operator::Convolution { .. } if ends.plain() => Ok(true),
        Operator::Convolution { .. } => Ok(variant(gpu, graph, tuner, step)?.is_some()),
        operator => Ok(ends.plain() && has_activation(operator)),
    }
}

/// As [`takes`] on any adapter, which is what memory is reckoned by.
pub(super) fn surely_takes(graph: &Graph, step: &Step) -> bool {
    Ends::of(graph, step).is_some_and(|ends| ends.plain()) && has_activation(&graph.node(step.node).operator)
}

/// Whether the kernels of an operator end with an activation.
const fn has_activation(operator: &Operator) -> bool {
    matches!(operator, Operator::Convolution { .. } | Operator::Linear { .. } | Operator::Add)
}

/// The variant that runs the convolution of a step with all that is fused to it, if there is one.
///
/// # Errors
/// What the device reports as variants are tried.
pub(super) fn variant(gpu: &Gpu, graph: &Graph, tuner: &mut Tuner, step: &Step) -> Result<Option<Variant>> {
    let (Operator::Convolution { convolution, .. }, Some(ends)) =
        (&graph.node(step.node).operator, Ends::of(graph, step))
    else {
        return Ok(None);
    };
    tuner.choose(gpu, convolution, graph.node(step.inputs[0]).shape, ends.fused)
}
