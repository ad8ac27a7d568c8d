//! A graph at a batch size: steps with fused operators, and values coloured onto slots by their lifetimes.

use super::{Graph, Node, NodeId, Operator};
use crate::geometry::Window;
use crate::tensor::Shape;

/// The work of a step: one operator, or several fused into one dispatch.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// The operator of a node alone.
    Single,
    /// A convolution, linear layer or addition (this node) with the ReLU behind it, or a convolution with the leaky ReLU.
    WithRelu(NodeId),
    /// A convolution (this node) of what the nearest upsampling before it makes, and the leaky ReLU behind it if that is the result.
    OfDoubled(NodeId),
    /// A convolution (this node), its ReLU and 2x2 max-pooling with stride 2.
    WithReluAndPool(NodeId),
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The value it makes.
    pub result: NodeId,
    /// What it runs.
    pub work: Work,
    /// The values it reads.
    pub inputs: Vec<NodeId>,
}

/// Steps in order, and the slot of every value that is stored.
///
/// A slot is a whole buffer: the device tracks usage per buffer, so that two ranges of one cannot be read and written at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Images in a batch.
    pub batch: u32,
    /// Steps in order.
    pub steps: Vec<Step>,
    /// Bytes of each slot.
    pub slots: Vec<u64>,
    /// Slot of each node; `None` where fusion leaves the value unstored.
    pub slot_of: Vec<Option<usize>>,
}

impl Plan {
    /// Plans `graph` for `batch` images. Values of the nodes in `keep` stay readable after the run; nothing is fused past them.
    /// `fuses` is asked of a convolution whether it may take the 2x2 max-pooling behind it into its dispatch, and of a nearest
    /// upsampling whether the convolution behind it may take that.
    pub fn new(graph: &Graph, batch: u32, keep: &[NodeId], fuses: &dyn Fn(&Node) -> bool) -> Plan {
        let uses = use_counts(graph);
        let steps = fuse(graph, keep, &uses, fuses);
        let mut plan = Plan { batch, steps, slots: Vec::new(), slot_of: vec![None; graph.nodes().len()] };
        plan.colour(graph, keep);
        plan
    }

    /// Bytes of all slots.
    pub fn bytes(&self) -> u64 {
        self.slots.iter().sum()
    }

    /// Shape of a node's value at this batch size.
    pub fn shape(&self, graph: &Graph, id: NodeId) -> Shape {
        graph.node(id).shape.with_batch(self.batch)
    }

    /// Gives every stored value a slot: the smallest free one that is large enough, else the largest free one grown, else a new one.
    fn colour(&mut self, graph: &Graph, keep: &[NodeId]) {
        let mut last_use = vec![0; graph.nodes().len()];
        for (position, step) in self.steps.iter().enumerate() {
            for input in &step.inputs {
                last_use[input.0] = position;
            }
        }
        let output = graph.output();
        let stays = |id: NodeId| keep.contains(&id) || id == output || id == graph.input();
        let mut free: Vec<usize> = Vec::new();
        self.store(graph, graph.input(), &mut free);
        for position in 0..self.steps.len() {
            let step = self.steps[position].clone();
            self.store(graph, step.result, &mut free);
            for input in step.inputs {
                if last_use[input.0] == position && !stays(input) {
                    free.extend(self.slot_of[input.0].filter(|slot| !free.contains(slot)));
                }
            }
        }
    }

    fn store(&mut self, graph: &Graph, id: NodeId, free: &mut Vec<usize>) {
        let bytes = self.shape(graph, id).bytes();
        let fits = free.iter().copied().filter(|&slot| self.slots[slot] >= bytes).min_by_key(|&slot| self.slots[slot]);
        let slot = fits.or_else(|| free.iter().copied().max_by_key(|&slot| self.slots[slot])).unwrap_or_else(|| {
            self.slots.push(0);
            self.slots.len() - 1
        });
        free.retain(|&other| other != slot);
        self.slots[slot] = self.slots[slot].max(bytes);
        self.slot_of[id.0] = Some(slot);
    }
}

fn use_counts(graph: &Graph) -> Vec<u32> {
    let mut uses = vec![0; graph.nodes().len()];
    for input in graph.nodes().iter().flat_map(|node| &node.inputs) {
        uses[input.0] += 1;
    }
    uses
}

fn fuse(graph: &Graph, keep: &[NodeId], uses: &[u32], fuses: &dyn Fn(&Node) -> bool) -> Vec<Step> {
    let nodes = graph.nodes();
    // The only reader of a value that nobody else wants to see, if it is the next node.
    let follower = |id: NodeId| {
        let next = NodeId(id.0 + 1);
        let alone = uses[id.0] == 1 && !keep.contains(&id);
        nodes.get(next.0).filter(|node| alone && node.inputs == [id]).map(|node| (next, node))
    };
    let mut steps = Vec::new();
    let mut position = 1;
    while position < nodes.len() {
        let first = NodeId(position);
        let node = &nodes[position];
        let mut step = Step { result: first, work: Work::Single, inputs: node.inputs.clone() };
        if matches!(node.operator, Operator::Convolution { .. } | Operator::Linear { .. } | Operator::Add)
            && let Some((relu, Node { operator: Operator::Relu, .. })) = follower(first)
        {
            step.result = relu;
            step.work = Work::WithRelu(first);
            if matches!(node.operator, Operator::Convolution { .. })
                && let Some((pool, Node { operator: Operator::MaxPool(window), .. })) = follower(relu)
                && *window == Window::square(2, 2, 0)
                && fuses(node)
            {
                step.result = pool;
                step.work = Work::WithReluAndPool(first);
            }
        }
        if node.operator == Operator::UpsampleNearest
            && let Some((convolution, Node { operator: Operator::Convolution { .. }, .. })) = follower(first)
            && fuses(node)
        {
            step.result = convolution;
            step.work = Work::OfDoubled(convolution);
        }
        if matches!(nodes[step.result.0].operator, Operator::Convolution { .. })
            && let Some((leaky, Node { operator: Operator::LeakyRelu { .. }, .. })) = follower(step.result)
        {
            if step.work == Work::Single {
                step.work = Work::WithRelu(first);
            }
            step.result = leaky;
        }
        position = step.result.0 + 1;
        steps.push(step);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::super::GraphBuilder;
    use super::*;
    use crate::geometry::Convolution;

    fn network() -> Graph {
        let mut builder = GraphBuilder::new(Shape::new(1, 3, 8, 8));
        let mut x = builder.input();
        for (name, channels) in [("conv1", 4), ("conv2", 4), ("conv3", 8)] {
            let convolution = Convolution { channels, window: Window::square(3, 1, 1), groups: 1 };
            let operator = Operator::Convolution { convolution, weight: format!("{name}.weight"), bias: None };
            x = builder.add(name, operator, &[x]).unwrap();
            x = builder.add(&format!("relu{name}"), Operator::Relu, &[x]).unwrap();
        }
        builder.add("pool", Operator::MaxPool(Window::square(2, 2, 0)), &[x]).unwrap();
        builder.build()
    }

    #[test]
    fn a_chain_needs_two_slots_besides_its_input() {
        let graph = network();
        let plan = Plan::new(&graph, 2, &[], &|_| true);
        assert_eq!(plan.steps.len(), 3);
        assert_eq!(plan.slots.len(), 3);
        assert_eq!(plan.steps[2].work, Work::WithReluAndPool(graph.find("conv3").unwrap()));
    }

    #[test]
    fn a_leaky_relu_and_the_doubling_before_a_convolution_are_fused_where_they_may() {
        let mut builder = GraphBuilder::new(Shape::new(1, 4, 4, 4));
        let doubled = builder.add("doubled", Operator::UpsampleNearest, &[builder.input()]).unwrap();
        let convolution = Convolution { channels: 4, window: Window::square(3, 1, 1), groups: 1 };
        let operator = Operator::Convolution { convolution, weight: "w".into(), bias: None };
        let conv = builder.add("conv", operator, &[doubled]).unwrap();
        let leaky = builder.add("leaky", Operator::LeakyRelu { slope: 0.2 }, &[conv]).unwrap();
        let graph = builder.build();
        let input = graph.input();
        let steps = |keep: &[NodeId], fuses: bool| Plan::new(&graph, 1, keep, &|_| fuses).steps;
        let of_doubled = |result| Step { result, work: Work::OfDoubled(conv), inputs: vec![input] };
        assert_eq!(steps(&[], true), [of_doubled(leaky)]);
        assert_eq!(steps(&[conv], true)[0], of_doubled(conv));
        let apart = Step { result: leaky, work: Work::WithRelu(conv), inputs: vec![doubled] };
        assert_eq!(steps(&[], false)[1], apart);
        assert_eq!(steps(&[doubled], true)[1], apart);
    }

    #[test]
    fn nothing_is_fused_past_a_kept_value_and_its_slot_is_not_reused() {
        let graph = network();
        let keep = [graph.find("conv1").unwrap(), graph.find("reluconv3").unwrap()];
        let plan = Plan::new(&graph, 2, &keep, &|_| true);
        let results: Vec<_> = plan.steps.iter().map(|step| graph.node(step.result).name.as_str()).collect();
        assert_eq!(results, ["conv1", "reluconv1", "reluconv2", "reluconv3", "pool"]);
        for id in keep {
            let made = plan.steps.iter().position(|step| step.result == id).unwrap();
            let later = plan.steps[made + 1..].iter().map(|step| plan.slot_of[step.result.0]);
            assert!(later.into_iter().all(|slot| slot != plan.slot_of[id.0]));
        }
    }

    #[test]
    fn no_step_reads_and_writes_the_same_slot() {
        let graph = network();
        for keep in [vec![], vec![graph.find("reluconv2").unwrap()]] {
            let plan = Plan::new(&graph, 1, &keep, &|_| false);
            for step in &plan.steps {
                assert!(step.inputs.iter().all(|input| plan.slot_of[input.0] != plan.slot_of[step.result.0]));
            }
        }
    }
}
