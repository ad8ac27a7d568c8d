//! A network with its weights on a device: run batches, read any node, edit units on the way.

mod fit;
mod pack;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

pub use fit::{MOST_AT_ONCE, fitting, fitting_batch};
use pack::{Packed, pack};

use crate::error::{Error, Kind, Result};
use crate::geometry::Activation;
use crate::gpu::{Buffer, Gpu, Recording};
use crate::graph::{Graph, Node, NodeId, Operator, Plan, Step, Work};
use crate::kernels::chooser::{self, LinearVariant, Variant};
use crate::kernels::convolution::{Buffers, Epilogue};
use crate::kernels::edit::{self, Extent};
use crate::kernels::linear::{self, Sizes};
use crate::kernels::tune::Tuner;
use crate::kernels::{adaptive_average_pool, add, average_pool, max_pool, relu, softmax, upsample_bilinear};
use crate::kernels::{pixel_norm, precise_roi_pool, upsample_nearest};
use crate::tensor::{HostTensor, Shape};

/// Where weights come from: a file, or a table in tests.
pub trait TensorSource {
    /// Shape and elements of a tensor.
    ///
    /// # Errors
    /// [`Kind::Input`] naming the tensor if it is missing or unreadable.
    fn tensor(&self, name: &str) -> Result<(Vec<usize>, Cow<'_, [f32]>)>;
}

impl TensorSource for crate::weights::WeightFile {
    fn tensor(&self, name: &str) -> Result<(Vec<usize>, Cow<'_, [f32]>)> {
        crate::weights::WeightFile::tensor(self, name)
    }
}

impl TensorSource for HashMap<String, (Vec<usize>, Vec<f32>)> {
    fn tensor(&self, name: &str) -> Result<(Vec<usize>, Cow<'_, [f32]>)> {
        let (dims, data) = self.get(name).ok_or_else(|| Error::input("tensor is missing").at(name))?;
        Ok((dims.clone(), Cow::Borrowed(data)))
    }
}

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

/// A network planned for batches of at most a given size, with its weights on a device.
pub struct Session {
    gpu: Gpu,
    graph: Graph,
    plan: Plan,
    slots: Vec<Buffer>,
    weights: HashMap<NodeId, Packed>,
    edits: HashMap<NodeId, (Extent, Buffer, Buffer)>,
}

impl Session {
    /// Plans `graph` for batches of up to `batch` images and uploads its weights. The nodes named in `keep` stay readable, and
    /// can be edited.
    ///
    /// # Errors
    /// [`Kind::Input`] if a weight is missing or mis-shaped or a name unknown; [`Kind::OutOfMemory`] if it does not fit.
    pub fn new(
        gpu: &Gpu,
        graph: &Graph,
        source: &dyn TensorSource,
        batch: u32,
        keep: &[&str],
        tuner: &mut Tuner,
    ) -> Result<Session> {
        let keep = keep.iter().map(|name| graph.find(name)).collect::<Result<Vec<_>>>()?;
        let plan = plan(gpu, graph, batch, &keep, tuner)?;
        check_bindings(gpu, graph, &plan)?;
        let slots = plan.slots.iter().map(|&bytes| gpu.buffer("values", bytes)).collect::<Result<_>>()?;
        let mut weights = HashMap::new();
        for step in &plan.steps {
            if let Some(packed) = pack(gpu, graph, step, batch, source, tuner)? {
                weights.insert(weighted(step), packed);
            }
        }
        Ok(Session { gpu: gpu.clone(), graph: graph.clone(), plan, slots, weights, edits: HashMap::new() })
    }

    /// The network.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Largest batch.
    pub fn batch(&self) -> u32 {
        self.plan.batch
    }

    /// The variant that the tuner chose for each convolution, for provenance; those that a rule chooses are left out.
    pub fn variants(&self) -> Vec<(String, Variant)> {
        let variant = |id: &NodeId| match self.weights.get(id) {
            Some(Packed::Convolution { variant, .. }) if *variant != Variant::Doubled => {
                Some((self.graph.node(*id).name.clone(), *variant))
            }
            _ => None,
        };
        self.plan.steps.iter().filter_map(|step| variant(&weighted(step))).collect()
    }

    /// Buffer and shape, for `n` images, of a kept node's value.
    ///
    /// # Errors
    /// [`Kind::Internal`] if the node's value is not stored.
    pub fn value(&self, name: &str, n: u32) -> Result<(&Buffer, Shape)> {
        let id = self.graph.find(name)?;
        Ok((self.slot(id)?, self.graph.node(id).shape.with_batch(n)))
    }

    /// Edits a kept node or the input from now on, or ends that with `None`. An edit of the input changes what was uploaded.
    ///
    /// # Errors
    /// [`Kind::Input`] if the edit does not have the size of the node.
    pub fn edit(&mut self, name: &str, edit: Option<&Edit>) -> Result<()> {
        let id = self.graph.find(name)?;
        let Some(edit) = edit else {
            self.edits.remove(&id);
            return Ok(());
        };
        let shape = self.plan.shape(&self.graph, id);
        let needed = edit.extent.len(shape);
        if edit.amount.len() != needed || edit.value.len() != needed {
            let message = format!("{} amounts and {} values; {needed} needed", edit.amount.len(), edit.value.len());
            return Err(Error::input(message).at(name));
        }
        if id != self.graph.input() && !self.plan.steps.iter().any(|step| step.result == id) {
            return Err(Error::internal("was fused into its reader; name it among the kept nodes").at(name));
        }
        let amount = self.gpu.buffer_of("edit", &edit.amount)?;
        let value = self.gpu.buffer_of("edit", &edit.value)?;
        self.edits.insert(id, (edit.extent, amount, value));
        Ok(())
    }

    /// Uploads the input of `n` images, `[n, c, h, w]`.
    ///
    /// # Errors
    /// [`Kind::Internal`] if it is not that size.
    pub fn upload(&self, input: &[f32], n: u32) -> Result<()> {
        let shape = self.graph.node(self.graph.input()).shape.with_batch(n);
        if n == 0 || n > self.plan.batch || input.len() != shape.len() {
            return Err(Error::internal(format!("{} elements for an input of {shape}", input.len())));
        }
        self.gpu.upload(self.slot(self.graph.input())?, 0, input)
    }

    /// The steps for `n` images, to submit alone or with more behind them.
    ///
    /// # Errors
    /// As the kernels' own.
    pub fn record(&self, n: u32) -> Result<Recording> {
        let mut recording = Recording::new();
        self.record_edit(&mut recording, self.graph.input(), n)?;
        for step in &self.plan.steps {
            let node = self.graph.node(weighted(step));
            recording.label(&node.name);
            self.record_step(&mut recording, step, node, n).map_err(|error| error.at(&node.name))?;
            self.record_edit(&mut recording, step.result, n)?;
        }
        Ok(recording)
    }

    fn record_edit(&self, recording: &mut Recording, id: NodeId, n: u32) -> Result<()> {
        let Some((extent, amount, value)) = self.edits.get(&id) else { return Ok(()) };
        let shape = self.graph.node(id).shape.with_batch(n);
        edit::edit(&self.gpu, recording, shape, *extent, (amount, value), self.slot(id)?)
    }

    /// Runs a batch to its end.
    ///
    /// # Errors
    /// As [`Session::upload`], [`Session::record`] and the device's own.
    pub fn run(&self, input: &HostTensor) -> Result<()> {
        self.upload(&input.data, input.shape.n)?;
        let submission = self.gpu.submit(&self.gpu.program(self.record(input.shape.n)?)?)?;
        self.gpu.wait_for(submission)
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

    fn record_step(&self, recording: &mut Recording, step: &Step, node: &Node, n: u32) -> Result<()> {
        let gpu = &self.gpu;
        let shape = self.graph.node(step.inputs[0]).shape.with_batch(n);
        let x = self.slot(step.inputs[0])?;
        let y = self.slot(step.result)?;
        let count = u32::try_from(shape.len()).unwrap_or(u32::MAX);
        let activation = self.activation(step);
        match &node.operator {
            Operator::Input => Ok(()),
            Operator::Convolution { convolution, .. } => {
                let Some(Packed::Convolution { variant, weight, bias }) = self.weights.get(&weighted(step)) else {
                    return Err(Error::internal("has no weights"));
                };
                let pool = matches!(step.work, Work::WithReluAndPool(_));
                let epilogue = Epilogue { bias: bias.is_some(), activation, pool };
                let buffers = Buffers { x, weight, bias: bias.as_ref().unwrap_or(weight), y };
                chooser::convolve(gpu, recording, *variant, convolution, epilogue, shape, &buffers)
            }
            Operator::Linear { outputs, .. } => {
                let Some(Packed::Linear { rows, bias }) = self.weights.get(&weighted(step)) else {
                    return Err(Error::internal("has no weights"));
                };
                let sizes = Sizes { images: n, inputs: shape.c * shape.positions(), outputs: *outputs };
                let variant = LinearVariant::choose(sizes, &gpu.traits());
                let buffers = linear::Buffers { x, weights: rows, bias, y };
                chooser::linear(gpu, recording, variant, sizes, activation, &buffers)
            }
            Operator::Relu => relu::relu(gpu, recording, Activation::RELU, x, y, count),
            &Operator::LeakyRelu { slope } => relu::relu(gpu, recording, Activation { slope }, x, y, count),
            Operator::PixelNorm => pixel_norm::pixel_norm(gpu, recording, shape, x, y),
            Operator::UpsampleNearest => upsample_nearest::upsample_nearest(gpu, recording, shape, x, y),
            Operator::Softmax => softmax::softmax(gpu, recording, shape, x, y),
            Operator::MaxPool(window) => max_pool::max_pool(gpu, recording, window, shape, x, y),
            Operator::AveragePool(window) => average_pool::average_pool(gpu, recording, window, shape, x, y),
            &Operator::AdaptiveAveragePool { h, w } => {
                adaptive_average_pool::adaptive_average_pool(gpu, recording, shape, (h, w), x, y)
            }
            &Operator::Upsample { h, w, border } => {
                upsample_bilinear::upsample_bilinear(gpu, recording, shape, (h, w), border, x, y)
            }
            Operator::Add => add::add(gpu, recording, (x, self.slot(step.inputs[1])?), activation, y, count),
            Operator::Concat => self.record_concat(recording, step, n),
            &Operator::PreciseRoiPool { bins } => precise_roi_pool::precise_roi_pool(gpu, recording, shape, bins, x, y),
        }
    }

    /// What a step that fuses several nodes ends with.
    fn activation(&self, step: &Step) -> Activation {
        match (&step.work, &self.graph.node(step.result).operator) {
            (Work::Single, _) => Activation::NONE,
            (_, &Operator::LeakyRelu { slope }) => Activation { slope },
            (Work::OfDoubled(_), _) => Activation::NONE,
            _ => Activation::RELU,
        }
    }

    /// Copies the maps of each input to their place.
    fn record_concat(&self, recording: &mut Recording, step: &Step, n: u32) -> Result<()> {
        let y = self.slot(step.result)?;
        let image = self.graph.node(step.result).shape.bytes();
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

/// The node whose weights a step uses: the first of those it fuses.
fn weighted(step: &Step) -> NodeId {
    match step.work {
        Work::Single => step.result,
        Work::WithRelu(id) | Work::OfDoubled(id) | Work::WithReluAndPool(id) => id,
    }
}

/// The plan, with nearest upsampling fused into the convolutions that read it where the adapter has a kernel for that, and
/// max-pooling into the convolutions whose variant can. The tuner is asked only where there is something
/// to fuse: each answer costs a small trial.
fn plan(gpu: &Gpu, graph: &Graph, batch: u32, keep: &[NodeId], tuner: &mut Tuner) -> Result<Plan> {
    let mut fused = HashSet::new();
    for step in Plan::new(graph, batch, keep, &|_| true).steps {
        if let Work::OfDoubled(id) = step.work {
            let shape = graph.node(step.inputs[0]).shape;
            if let Operator::Convolution { convolution, .. } = &graph.node(id).operator
                && Variant::of_doubled(convolution, shape, &gpu.traits()).is_some()
            {
                fused.extend(graph.node(id).inputs.iter().map(|&input| graph.node(input).name.as_str()));
            }
        }
        let Work::WithReluAndPool(id) = step.work else { continue };
        let node = graph.node(id);
        if let Operator::Convolution { convolution, .. } = &node.operator
            && tuner.pools(gpu, convolution, graph.node(step.inputs[0]).shape.with_batch(batch))?
        {
            fused.insert(node.name.as_str());
        }
    }
    Ok(Plan::new(graph, batch, keep, &|node| fused.contains(node.name.as_str())))
}

/// Bytes of all values, and of the largest, that a graph needs at a batch size; weights not counted.
pub fn bytes_for(graph: &Graph, batch: u32) -> (u64, u64) {
    let plan = Plan::new(graph, batch, &[], &|_| false);
    (plan.bytes(), plan.slots.iter().copied().max().unwrap_or(0))
}

/// Every value must fit one binding; said with the layer's name before anything is allocated.
fn check_bindings(gpu: &Gpu, graph: &Graph, plan: &Plan) -> Result<()> {
    let limit = gpu.traits().max_binding_bytes;
    for step in &plan.steps {
        let bytes = plan.shape(graph, step.result).bytes();
        if bytes > limit {
            let fitting = limit / (bytes / u64::from(plan.batch));
            let message =
                format!("its output needs {} MiB in one binding; the adapter allows {}", bytes >> 20, limit >> 20);
            return Err(Error::new(Kind::OutOfMemory, message)
                .at(&graph.node(weighted(step)).name)
                .hint(format!("use `--batch {}` or less", fitting.max(1))));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
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
        let mut builder = GraphBuilder::new(Shape::new(1, 5, 13, 18));
        let convolution = Convolution { channels: 19, window: Window::square(3, 1, 1), groups: 1 };
        let operator = Operator::Convolution { convolution, weight: "w".into(), bias: Some("b".into()) };
        let mut x = builder.add("conv", operator, &[builder.input()]).unwrap();
        x = builder.add("relu", Operator::Relu, &[x]).unwrap();
        builder.add("pool", Operator::MaxPool(Window::square(2, 2, 0)), &[x]).unwrap();
        let graph = builder.build();
        let mut weights = HashMap::new();
        weights.insert("w".to_owned(), (vec![19, 5, 3, 3], rng::floats(19 * 45, 1)));
        weights.insert("b".to_owned(), (vec![19], rng::floats(19, 2)));
        let images = HostTensor::new(Shape::new(2, 5, 13, 18), rng::floats(2 * 5 * 13 * 18, 3)).unwrap();
        let mut tuner = Tuner::forgetful();
        let [together, apart] = [&["pool"][..], &["relu", "pool"][..]].map(|keep| {
            let session = Session::new(&gpu, &graph, &weights, 2, keep, &mut tuner).unwrap();
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
