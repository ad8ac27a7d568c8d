//! A graph at a batch size: steps with fused operators, and values coloured onto slots by their lifetimes.

use super::fuse::steps;
use super::step::Step;
use super::{Graph, NodeId, Operator};
use crate::error::{Error, Result};
use crate::tensor::Shape;

/// Values that must last, by the names of their nodes. What is wanted changes no bit of any value: it decides only what is stored
/// beside the steps that would make it in passing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Values that are read after a run.
    pub keep: &'a [&'a str],
    /// Values that change between runs, so that only what depends on them is run again.
    pub restart: &'a [&'a str],
}

impl<'a> Wanted<'a> {
    /// Values to be read, of runs that start anew each time.
    pub const fn kept(keep: &'a [&'a str]) -> Self {
        Wanted { keep, restart: &[] }
    }
}

/// A part of a plan's steps, in order: what a run that starts or ends in the middle runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subplan(pub(crate) Vec<usize>);

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
    lasts: Vec<bool>,
}

impl Plan {
    /// Plans `graph` for `batch` images. `takes` is asked of a step whether a kernel runs it with all that is fused to it.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if a wanted node is not there; what `takes` returns.
    pub fn new(
        graph: &Graph,
        batch: u32,
        wanted: Wanted<'_>,
        takes: &mut dyn FnMut(&Step) -> Result<bool>,
    ) -> Result<Plan> {
        let lasts = lasting(graph, wanted)?;
        let mut steps = steps(graph, &lasts, takes)?;
        // What is run once stands before what is run again and again, as they will run: slots are given in that order, so that a value
        // of the former never comes to lie where the latter works. Steps of either kind keep their order, so inputs still come first.
        let restart = wanted.restart.iter().map(|name| graph.find(name)).collect::<Result<Vec<_>>>()?;
        let again = graph.dependents(&restart);
        steps.sort_by_key(|step| again[step.node.0]);
        let mut plan = Plan { batch, steps, slots: Vec::new(), slot_of: vec![None; graph.nodes().len()], lasts };
        plan.colour(graph);
        Ok(plan)
    }

    /// Bytes of all slots.
    pub fn bytes(&self) -> u64 {
        self.slots.iter().sum()
    }

    /// Shape of a node's value at this batch size.
    pub fn shape(&self, graph: &Graph, id: NodeId) -> Shape {
        graph.node(id).batched(self.batch)
    }

    /// Whether a node's value lasts until it is made again.
    pub fn lasts(&self, id: NodeId) -> bool {
        self.lasts[id.0]
    }

    /// All steps.
    pub fn whole(&self) -> Subplan {
        Subplan((0..self.steps.len()).collect())
    }

    /// The steps that do not depend on the values of these nodes, and those that do. Once the former have run, the latter can be run
    /// again and again, on other values of these nodes.
    ///
    /// # Errors
    /// [`crate::error::Kind::Internal`] naming a node whose value would not be there, or be overwritten: it was not among
    /// [`Wanted::restart`].
    pub fn around(&self, graph: &Graph, nodes: &[NodeId]) -> Result<(Subplan, Subplan)> {
        let refused = |id: NodeId, why: &str| {
            Error::internal(format!("nothing can be run again from it: {why}")).at(&graph.node(id).name)
        };
        // A value that lasts is never made within a step, so that each step is wholly before or wholly behind it.
        if let Some(&id) = nodes.iter().find(|id| !self.lasts[id.0]) {
            return Err(refused(id, "its value does not last"));
        }
        let depends = graph.dependents(nodes);
        let (behind, before): (Vec<usize>, Vec<usize>) =
            (0..self.steps.len()).partition(|&position| depends[self.steps[position].node.0]);
        for step in behind.iter().map(|&position| &self.steps[position]) {
            // A step that makes the value itself in passing would not read what has changed.
            if let Some(&id) = step.prologue.iter().find(|id| nodes.contains(id)) {
                return Err(refused(id, "what reads it makes it itself"));
            }
            if let Some(&id) = step.inputs.iter().find(|id| !depends[id.0] && !self.lasts[id.0]) {
                return Err(refused(id, "its value does not last"));
            }
        }
        if let (Some(&id), true) = (nodes.first(), behind.first().is_some_and(|&first| first != before.len())) {
            return Err(refused(id, "the plan was not made for that"));
        }
        Ok((Subplan(before), Subplan(behind)))
    }

    /// The values that a part reads and does not make, inputs of the graph left out.
    pub(crate) fn read_by(&self, graph: &Graph, part: &Subplan) -> Vec<NodeId> {
        let steps = || part.0.iter().map(|&position| &self.steps[position]);
        let made: Vec<NodeId> = steps().map(Step::result).collect();
        let is_input = |id: &NodeId| matches!(graph.node(*id).operator, Operator::Input { .. });
        let inputs = steps().flat_map(|step| step.inputs.iter().copied());
        inputs.filter(|id| !made.contains(id) && !is_input(id)).collect()
    }

    /// Gives every stored value a slot: the smallest free one that is large enough, else the largest free one grown, else a new one.
    fn colour(&mut self, graph: &Graph) {
        let mut last_use = vec![0; graph.nodes().len()];
        for (position, step) in self.steps.iter().enumerate() {
            for input in &step.inputs {
                last_use[input.0] = position;
            }
        }
        let mut free: Vec<usize> = Vec::new();
        for input in graph.inputs() {
            self.store(graph, input, &mut free);
        }
        for position in 0..self.steps.len() {
            let step = self.steps[position].clone();
            let dies = |id: NodeId| last_use[id.0] == position && !self.lasts[id.0];
            let dead: Vec<NodeId> = step.inputs.iter().copied().filter(|&id| dies(id)).collect();
            let is_edit = matches!(graph.node(step.node).operator, Operator::Edit { .. });
            if is_edit && dead.contains(&step.inputs[0]) {
                // Nobody reads the value as it was: it is edited where it lies.
                self.slot_of[step.node.0] = self.slot_of[step.inputs[0].0];
                continue;
            }
            self.store(graph, step.result(), &mut free);
            for id in dead {
                free.extend(self.slot_of[id.0].filter(|slot| !free.contains(slot)));
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

/// Which values last: inputs, the output, what is kept, and what steps that are run again read of those that are not.
fn lasting(graph: &Graph, wanted: Wanted<'_>) -> Result<Vec<bool>> {
    let mut lasts = vec![false; graph.nodes().len()];
    graph.inputs().chain([graph.output()]).for_each(|id| lasts[id.0] = true);
    for name in wanted.keep {
        lasts[graph.find(name)?.0] = true;
    }
    for name in wanted.restart {
        let changed = graph.find(name)?;
        lasts[changed.0] = true;
        let depends = graph.dependents(&[changed]);
        let again = graph.nodes().iter().zip(&depends).filter(|(_, depends)| **depends);
        again
            .flat_map(|(node, _)| &node.inputs)
            .filter(|input| !depends[input.0])
            .for_each(|input| lasts[input.0] = true);
    }
    Ok(lasts)
}

#[cfg(test)]
mod tests {
    use super::super::{EditNames, GraphBuilder};
    use super::*;
    use crate::geometry::{Convolution, Extent, Window};

    fn network() -> Graph {
        let mut builder = GraphBuilder::new();
        let mut x = builder.input("input", Shape::new(1, 3, 8, 8)).unwrap();
        for (name, channels) in [("conv1", 4), ("conv2", 4), ("conv3", 8)] {
            let convolution = Convolution { channels, window: Window::square(3, 1, 1), groups: 1 };
            let operator = Operator::Convolution { convolution, weight: format!("{name}.weight"), bias: None };
            x = builder.add(name, operator, &[x]).unwrap();
            x = builder.add(&format!("relu{name}"), Operator::Relu, &[x]).unwrap();
        }
        builder.add("pool", Operator::MaxPool(Window::square(2, 2, 0)), &[x]).unwrap();
        builder.build()
    }

    fn plan(graph: &Graph, wanted: Wanted<'_>, takes: bool) -> Plan {
        // A kernel as there are: a convolution that ends with an activation and pooling.
        let is = |id: NodeId| &graph.node(id).operator;
        let ends = |id: &NodeId| matches!(is(*id), Operator::Relu | Operator::MaxPool(_));
        let mut kernel = |step: &Step| {
            Ok(takes && matches!(is(step.node), Operator::Convolution { .. }) && step.epilogue.iter().all(ends))
        };
        Plan::new(graph, 2, wanted, &mut kernel).unwrap()
    }

    #[test]
    fn a_chain_needs_two_slots_besides_its_input() {
        let graph = network();
        let plan = plan(&graph, Wanted::default(), true);
        assert_eq!(plan.steps.len(), 3);
        assert_eq!(plan.slots.len(), 3);
        let ends = ["reluconv3", "pool"].map(|name| graph.find(name).unwrap());
        assert_eq!((plan.steps[2].node, plan.steps[2].epilogue.as_slice()), (graph.find("conv3").unwrap(), &ends[..]));
    }

    #[test]
    fn nothing_is_fused_past_a_kept_value_and_its_slot_is_not_reused() {
        let graph = network();
        let keep = ["conv1", "reluconv3"];
        let plan = plan(&graph, Wanted::kept(&keep), true);
        let results: Vec<_> = plan.steps.iter().map(|step| graph.node(step.result()).name.as_str()).collect();
        assert_eq!(results, ["conv1", "reluconv1", "reluconv2", "reluconv3", "pool"]);
        for id in keep.map(|name| graph.find(name).unwrap()) {
            let made = plan.steps.iter().position(|step| step.result() == id).unwrap();
            let later = plan.steps[made + 1..].iter().map(|step| plan.slot_of[step.result().0]);
            assert!(later.into_iter().all(|slot| slot != plan.slot_of[id.0]));
        }
    }

    #[test]
    fn no_step_reads_and_writes_the_same_slot() {
        let graph = network();
        for keep in [&[][..], &["reluconv2"]] {
            let plan = plan(&graph, Wanted::kept(keep), false);
            for step in &plan.steps {
                assert!(step.inputs.iter().all(|input| plan.slot_of[input.0] != plan.slot_of[step.result().0]));
            }
        }
    }

    #[test]
    fn what_a_part_reads_from_before_lasts_if_it_is_to_be_run_again() {
        let graph = network().edited("reluconv1", Extent::default()).unwrap();
        let names = EditNames::of("reluconv1");
        let restart = [names.amount.as_str(), names.value.as_str()];
        let changed = restart.map(|name| graph.find(name).unwrap());
        let again = plan(&graph, Wanted { keep: &[], restart: &restart }, true);
        let (before, behind) = again.around(&graph, &changed).unwrap();
        assert_eq!((before, behind), (Subplan(vec![0]), Subplan(vec![1, 2, 3])));
        let unedited = again.slot_of[graph.find("reluconv1").unwrap().0];
        assert!(again.steps[1..].iter().all(|step| again.slot_of[step.result().0] != unedited));
        // Run once, the value is edited where it lies.
        let once = plan(&graph, Wanted::default(), true);
        let slot = |name: &str| once.slot_of[graph.find(name).unwrap().0];
        assert_eq!(slot("reluconv1"), slot("reluconv1.edited"));
        let error = once.around(&graph, &changed).unwrap_err();
        assert_eq!(error.to_string(), "reluconv1: nothing can be run again from it: its value does not last");
    }
}
