//! A network planned for a device: run batches or parts of the network, read any node, edit units on the way.

mod choose;
mod fit;
mod record;
mod split;
mod weights;

use std::sync::Arc;

pub use fit::{AtOnce, MOST_AT_ONCE, fitting, fitting_batch, halving};
pub use split::{Parts, Split};
use weights::Packed;
pub use weights::{TensorSource, Weights};

use crate::error::{Error, Kind, Result};
use crate::geometry::Extent;
use crate::gpu::{Buffer, Gpu, Program, Programs, Submission};
use crate::graph::{EditNames, Graph, NodeId, Operator, Plan, Step, Subplan, Wanted};
use crate::kernels::chooser::Variant;
use crate::kernels::tune::Tuner;
use crate::tensor::{HostTensor, Shape};

/// How units of a layer are changed as the network runs: `x (1 - amount) + value amount`.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// Whether amounts and values differ by image or position.
    pub extent: Extent,
    /// How far each unit is replaced, 0 to 1; `[images, units, positions]` without the axes that `extent` leaves out.
    pub amount: Vec<f32>,
    /// What it is replaced by.
    pub value: Vec<f32>,
}

impl Edit {
    /// Switches units off: `amount` 1 and value 0 for these of `units` units.
    pub fn zero(units: u32, off: &[u32]) -> Edit {
        let mut amount = vec![0.0; units as usize];
        off.iter().for_each(|&unit| amount[unit as usize] = 1.0);
        Edit { extent: Extent::default(), value: vec![0.0; units as usize], amount }
    }
}

/// A network planned for batches of at most a given size, with room for its values on a device.
///
/// Values stay where they are until they are made again: a part of the network can be run on what another part has left.
pub struct Session {
    gpu: Gpu,
    graph: Graph,
    plan: Plan,
    whole: Subplan,
    slots: Vec<Buffer>,
    /// Weights of each step of the plan.
    packed: Vec<Option<Packed>>,
    /// By number of images and part.
    programs: Programs<(u32, Subplan)>,
}

impl Session {
    /// Plans `graph` for batches of up to `batch` images and uploads what weights it needs that are not there yet.
    ///
    /// # Errors
    /// [`Kind::Input`] if a weight is missing or mis-shaped or a name unknown; [`Kind::OutOfMemory`] if it does not fit.
    pub fn new(weights: &Weights, graph: &Graph, batch: u32, wanted: Wanted<'_>, tuner: &mut Tuner) -> Result<Session> {
        let gpu = weights.gpu();
        let plan = Plan::new(graph, batch, wanted, &mut |step| choose::takes(gpu, graph, tuner, step))?;
        check_bindings(gpu, graph, &plan)?;
        let slot = |&bytes: &u64| gpu.buffer("values", bytes).map_err(|error| error.hint("use a smaller `--batch`"));
        let slots = plan.slots.iter().map(slot).collect::<Result<_>>()?;
        let packed = plan.steps.iter().map(|step| packed(weights, graph, tuner, step)).collect::<Result<_>>()?;
        let (gpu, graph, whole, programs) = (gpu.clone(), graph.clone(), plan.whole(), Programs::new(gpu));
        Ok(Session { gpu, graph, plan, whole, slots, packed, programs })
    }

    /// The device.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// The network.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Largest batch.
    pub fn batch(&self) -> u32 {
        self.plan.batch
    }

    /// The variant that the tuner chose for each convolution, for provenance. Those of doubled maps follow from a rule.
    pub fn variants(&self) -> Vec<(String, Variant)> {
        let variant = |(step, packed): (&Step, &Option<Packed>)| match packed {
            Some(Packed::Convolution { variant, .. }) if *variant != Variant::Doubled => {
                Some((self.graph.node(step.node).name.clone(), *variant))
            }
            _ => None,
        };
        self.plan.steps.iter().zip(&self.packed).filter_map(variant).collect()
    }

    /// Buffer and shape, for `n` images, of an input's, the output's or a kept node's value.
    ///
    /// # Errors
    /// [`Kind::Internal`] if the value does not last.
    pub fn value(&self, name: &str, n: u32) -> Result<(&Buffer, Shape)> {
        let id = self.graph.find(name)?;
        if !self.plan.lasts(id) {
            return Err(Error::internal("its value does not last; name it among the kept nodes").at(name));
        }
        Ok((self.slot(id)?, self.graph.node(id).batched(n)))
    }

    /// Uploads the network's own input of `n` images, `[n, c, h, w]`.
    ///
    /// # Errors
    /// As [`Session::upload_to`].
    pub fn upload(&self, values: &[f32], n: u32) -> Result<()> {
        self.upload_to(&self.graph.node(self.graph.input()).name, values, n)
    }

    /// Uploads an input for `n` images, or a kept value that steps behind it are to be run from.
    ///
    /// # Errors
    /// [`Kind::Internal`] if it is not that size, or the value does not last.
    pub fn upload_to(&self, name: &str, values: &[f32], n: u32) -> Result<()> {
        let (buffer, shape) = self.value(name, n)?;
        if n == 0 || n > self.plan.batch || values.len() != shape.len() {
            return Err(Error::internal(format!("{} elements for an input of {shape}", values.len())));
        }
        self.gpu.upload(buffer, 0, values)
    }

    /// Edits from now on a node that [`Graph::edited`] names, or ends that with `None`. What differs by image is given for as many
    /// as will be run.
    ///
    /// # Errors
    /// [`Kind::Input`] if the edit does not have the size of the node; [`Kind::Internal`] if the graph has no such edit.
    pub fn edit(&self, name: &str, edit: Option<&Edit>) -> Result<()> {
        let names = EditNames::of(name);
        let shape = self.graph.node(self.graph.find(name)?).shape;
        let node = self.graph.nodes().iter().find(|node| node.name == names.edited);
        let Some(Operator::Edit { extent }) = node.map(|node| &node.operator) else {
            return Err(Error::internal("cannot be edited in this graph").at(name));
        };
        let most = extent.shape(shape.with_batch(self.plan.batch)).len();
        let (amount, _) = self.value(&names.amount, self.plan.batch)?;
        let (value, _) = self.value(&names.value, self.plan.batch)?;
        let Some(edit) = edit else { return self.gpu.upload(amount, 0, &vec![0.0f32; most]) };
        if edit.extent != *extent {
            return Err(
                Error::internal(format!("an edit of {:?} where the graph has {extent:?}", edit.extent)).at(name)
            );
        }
        let lengths = [edit.amount.len(), edit.value.len()];
        let each = extent.shape(shape).len();
        if lengths.iter().any(|&length| length == 0 || length > most || length % each != 0 || length != lengths[0]) {
            let message = format!("{} amounts and {} values; {most} needed", lengths[0], lengths[1]);
            return Err(Error::input(message).at(name));
        }
        self.gpu.upload(amount, 0, &edit.amount)?;
        // Nothing is left of an earlier edit of more images.
        let rest = vec![0.0f32; most - edit.amount.len()];
        self.gpu.upload(amount, edit.amount.len() as u64 * 4, &rest)?;
        self.gpu.upload(value, 0, &edit.value)
    }

    /// Everything.
    pub fn whole(&self) -> &Subplan {
        &self.whole
    }

    /// What does not depend on the values of these nodes, and what does: once the former has run, the latter can be run again and
    /// again, on other values of these nodes.
    ///
    /// # Errors
    /// As [`Plan::around`], and [`Graph::find`].
    pub fn around(&self, names: &[&str]) -> Result<(Subplan, Subplan)> {
        let nodes = names.iter().map(|name| self.graph.find(name)).collect::<Result<Vec<_>>>()?;
        self.plan.around(&self.graph, &nodes)
    }

    /// The program of a part for `n` images, recorded and bound the first time.
    ///
    /// # Errors
    /// As the kernels' own, with the name of the node.
    pub fn program(&self, n: u32, part: &Subplan) -> Result<Arc<Program>> {
        self.programs.get((n, part.clone()), |recording| {
            part.0.iter().try_for_each(|&position| {
                let name = &self.graph.node(self.plan.steps[position].node).name;
                recording.label(name);
                self.record_step(recording, position, n).map_err(|error| error.at(name))
            })
        })
    }

    /// Runs everything for `n` images whose inputs are there. Does not wait.
    ///
    /// # Errors
    /// As [`Session::submit_part`].
    pub fn submit(&self, n: u32) -> Result<Submission> {
        self.submit_part(n, &self.whole)
    }

    /// Runs a part for `n` images. Does not wait.
    ///
    /// # Errors
    /// As [`Session::program`] and the device's own.
    pub fn submit_part(&self, n: u32, part: &Subplan) -> Result<Submission> {
        self.gpu.submit(&*self.program(n, part)?)
    }

    /// Runs a batch to its end.
    ///
    /// # Errors
    /// As [`Session::upload`], [`Session::submit`] and the device's own.
    pub fn run(&self, input: &HostTensor) -> Result<()> {
        self.upload(&input.data, input.shape.n)?;
        self.gpu.wait_for(self.submit(input.shape.n)?)
    }

    /// Reads a kept node's value for the first `n` images.
    ///
    /// # Errors
    /// As [`Session::value`] and the device's own.
    pub fn read(&self, name: &str, n: u32) -> Result<HostTensor> {
        let (buffer, shape) = self.value(name, n)?;
        HostTensor::new(shape, self.gpu.download(buffer, shape.len())?)
    }

    fn slot(&self, id: NodeId) -> Result<&Buffer> {
        let slot = self.plan.slot_of[id.0];
        slot.map(|slot| &self.slots[slot])
            .ok_or_else(|| Error::internal("its value is not stored").at(&self.graph.node(id).name))
    }
}

/// The weights of a step, if it has any, as the kernel that runs it reads them.
fn packed(weights: &Weights, graph: &Graph, tuner: &mut Tuner, step: &Step) -> Result<Option<Packed>> {
    let node = graph.node(step.node);
    // A doubling before the node changes its input's rows and columns, which no weight depends on.
    let Some(&input) = step.inputs.first() else { return Ok(None) };
    let shape = graph.node(input).shape;
    match &node.operator {
        Operator::Convolution { .. } => match choose::variant(weights.gpu(), graph, tuner, step)? {
            Some(variant) => weights.convolution(node, shape, variant).map(Some),
            None => Err(Error::internal("no kernel takes what is fused to it").at(&node.name)),
        },
        Operator::Linear { .. } => weights.linear(node, shape).map(Some),
        _ => Ok(None),
    }
}

/// Bytes of all values, and of the largest, that a graph needs at a batch size; weights not counted.
pub fn bytes_for(graph: &Graph, batch: u32) -> (u64, u64) {
    let plan = Plan::new(graph, batch, Wanted::default(), &mut |step| Ok(choose::surely_takes(graph, step)));
    // Nothing is wanted by name and no device is asked: there is no error.
    plan.map_or((0, 0), |plan| (plan.bytes(), plan.slots.iter().copied().max().unwrap_or(0)))
}

/// Every value must fit one binding; said with the layer's name before anything is allocated.
fn check_bindings(gpu: &Gpu, graph: &Graph, plan: &Plan) -> Result<()> {
    let limit = gpu.traits().max_binding_bytes;
    for step in &plan.steps {
        let bytes = plan.shape(graph, step.result()).bytes();
        if bytes > limit {
            // Where a single image is too much, no batch helps.
            let hint = match limit / (bytes / u64::from(plan.batch)) {
                0 => "use smaller images, or an adapter that allows larger bindings".to_owned(),
                fitting => format!("use `--batch {fitting}` or less"),
            };
            let message =
                format!("its output needs {} MiB in one binding; the adapter allows {}", bytes >> 20, limit >> 20);
            return Err(Error::new(Kind::OutOfMemory, message).at(&graph.node(step.node).name).hint(hint));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::geometry::{Convolution, Window};
    use crate::gpu::DeviceChoice;
    use crate::graph::GraphBuilder;
    use crate::reference::rng;

    #[test]
    fn fusing_the_pooling_changes_no_bit() {
        if std::env::var("NETDISSECT_NO_GPU").is_ok() {
            return;
        }
        let gpu = Gpu::open(&DeviceChoice::Auto).unwrap();
        let mut builder = GraphBuilder::new();
        let input = builder.input("input", Shape::new(1, 5, 13, 18)).unwrap();
        let convolution = Convolution { channels: 19, window: Window::square(3, 1, 1), groups: 1 };
        let operator = Operator::Convolution { convolution, weight: "w".into(), bias: Some("b".into()) };
        let mut x = builder.add("conv", operator, &[input]).unwrap();
        x = builder.add("relu", Operator::Relu, &[x]).unwrap();
        builder.add("pool", Operator::MaxPool(Window::square(2, 2, 0)), &[x]).unwrap();
        let graph = builder.build();
        let mut weights = HashMap::new();
        weights.insert("w".to_owned(), (vec![19, 5, 3, 3], rng::floats(19 * 45, 1)));
        weights.insert("b".to_owned(), (vec![19], rng::floats(19, 2)));
        let images = HostTensor::new(Shape::new(2, 5, 13, 18), rng::floats(2 * 5 * 13 * 18, 3)).unwrap();
        let mut tuner = Tuner::forgetful();
        let [together, apart] = [&["pool"][..], &["relu", "pool"][..]].map(|keep| {
            let weights = Weights::new(&gpu, Arc::new(weights.clone()));
            let session = Session::new(&weights, &graph, 2, Wanted::kept(keep), &mut tuner).unwrap();
            session.run(&images).unwrap();
            (session.plan.steps.len(), session.read("pool", 2).unwrap())
        });
        assert!(together.1.data.windows(2).any(|pair| pair[0] != pair[1]));
        assert_eq!(together.1, apart.1);
        assert_eq!(apart.0, 2);
        if gpu.traits().software && gpu.traits().subgroups {
            assert_eq!(together.0, 1);
        }
    }
}
