//! Which nodes go into one step.
//!
//! Two rules keep results from depending on what somebody wants to read. A convolution that doubles its input itself sums other
//! products than one that reads the doubled map, so that is decided by the graph and its kernels alone, and a doubled map that is
//! wanted is made beside it. Everything behind a node is fused only where that changes no bit, so there a wanted value simply ends
//! the step.

use super::step::Step;
use super::{Graph, NodeId, Operator};
use crate::error::Result;

/// The steps of a graph in order. `takes` is asked of a step whether a kernel runs it as it stands.
pub(super) fn steps(graph: &Graph, lasts: &[bool], takes: &mut dyn FnMut(&Step) -> Result<bool>) -> Result<Vec<Step>> {
    let nodes = graph.nodes();
    let mut readers: Vec<Vec<NodeId>> = vec![Vec::new(); nodes.len()];
    for (position, node) in nodes.iter().enumerate() {
        node.inputs.iter().for_each(|input| readers[input.0].push(NodeId(position)));
    }
    let mut started = Vec::with_capacity(nodes.len());
    for position in 0..nodes.len() {
        started.push(doubling(graph, Step::alone(graph, NodeId(position)), takes)?);
    }
    // The only reader of a value that nobody else wants to see, if it is the next node.
    let follower = |id: NodeId| match readers[id.0][..] {
        [next] if next.0 == id.0 + 1 && nodes[next.0].inputs == [id] && !lasts[id.0] => Some(next),
        _ => None,
    };
    let mut steps: Vec<Step> = Vec::new();
    let mut position = 0;
    while position < nodes.len() {
        let id = NodeId(position);
        position += 1;
        let passed = |reader: &NodeId| started[reader.0].prologue.contains(&id);
        let in_passing = !readers[id.0].is_empty() && readers[id.0].iter().all(passed) && !lasts[id.0];
        if in_passing || matches!(nodes[id.0].operator, Operator::Input { .. }) {
            continue;
        }
        let mut step = started[id.0].clone();
        while let Some(next) = follower(step.result()) {
            step.epilogue.push(next);
            if !takes(&step)? {
                step.epilogue.pop();
                break;
            }
        }
        position = step.result().0 + 1;
        steps.push(step);
    }
    Ok(steps)
}

/// The step with the nearest doubling before it, if that is there and a kernel takes it.
fn doubling(graph: &Graph, step: Step, takes: &mut dyn FnMut(&Step) -> Result<bool>) -> Result<Step> {
    let [before] = step.inputs[..] else { return Ok(step) };
    if graph.node(before).operator != Operator::UpsampleNearest {
        return Ok(step);
    }
    let inputs = graph.node(before).inputs.clone();
    let with = Step { prologue: vec![before], inputs, ..step.clone() };
    Ok(if takes(&with)? { with } else { step })
}

#[cfg(test)]
mod tests {
    use super::super::GraphBuilder;
    use super::*;
    use crate::geometry::{Convolution, Window};
    use crate::tensor::Shape;

    fn doubled() -> Graph {
        let mut builder = GraphBuilder::new();
        let input = builder.input("input", Shape::new(1, 4, 4, 4)).unwrap();
        let doubled = builder.add("doubled", Operator::UpsampleNearest, &[input]).unwrap();
        let convolution = Convolution { channels: 4, window: Window::square(3, 1, 1), groups: 1 };
        let operator = Operator::Convolution { convolution, weight: "w".into(), bias: None };
        let conv = builder.add("conv", operator, &[doubled]).unwrap();
        builder.add("leaky", Operator::LeakyRelu { slope: 0.2 }, &[conv]).unwrap();
        builder.build()
    }

    #[test]
    fn a_doubled_map_that_is_wanted_is_made_beside_the_convolution_that_doubles_by_itself() {
        let graph = doubled();
        let [doubled, conv, leaky] = ["doubled", "conv", "leaky"].map(|name| graph.find(name).unwrap());
        let steps = |keep: &[NodeId], fuses: bool| {
            let mut lasts = vec![false; 4];
            keep.iter().for_each(|id| lasts[id.0] = true);
            let mut kernel = |step: &Step| Ok(step.node == conv && (fuses || step.prologue.is_empty()));
            steps(&graph, &lasts, &mut kernel).unwrap()
        };
        let of_doubled = |epilogue: &[NodeId]| Step {
            node: conv,
            prologue: vec![doubled],
            epilogue: epilogue.to_vec(),
            inputs: vec![graph.input()],
        };
        assert_eq!(steps(&[], true), [of_doubled(&[leaky])]);
        assert_eq!(steps(&[conv], true)[0], of_doubled(&[]));
        assert_eq!(steps(&[doubled], true), [Step::alone(&graph, doubled), of_doubled(&[leaky])]);
        let apart = Step { epilogue: vec![leaky], ..Step::alone(&graph, conv) };
        assert_eq!(steps(&[], false), [Step::alone(&graph, doubled), apart]);
    }
}
