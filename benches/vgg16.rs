//! The convolutions of VGG-16 one by one, and its whole body, at batch 4 on the adapter that `--device auto` takes.
//!
//! `cargo bench --bench vgg16`; how to read the figures: benches/README.md.

use std::collections::HashMap;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use netdissect::geometry::{Activation, Convolution, Window};
use netdissect::gpu::{Buffer, DeviceChoice, Gpu, Program, Recording};
use netdissect::kernels::chooser;
use netdissect::kernels::convolution::{Buffers, Epilogue};
use netdissect::kernels::tune::Tuner;
use netdissect::models::vgg16;
use netdissect::reference::rng;
use netdissect::session::Session;
use netdissect::tensor::Shape;

const BATCH: u32 = 4;

/// Name, channels in and out, side, and whether max-pooling follows.
const LAYERS: [(&str, u32, u32, u32, bool); 13] = [
    ("conv1_1", 3, 64, 224, false),
    ("conv1_2", 64, 64, 224, true),
    ("conv2_1", 64, 128, 112, false),
    ("conv2_2", 128, 128, 112, true),
    ("conv3_1", 128, 256, 56, false),
    ("conv3_2", 256, 256, 56, false),
    ("conv3_3", 256, 256, 56, true),
    ("conv4_1", 256, 512, 28, false),
    ("conv4_2", 512, 512, 28, false),
    ("conv4_3", 512, 512, 28, true),
    ("conv5_1", 512, 512, 14, false),
    ("conv5_2", 512, 512, 14, false),
    ("conv5_3", 512, 512, 14, true),
];

/// A layer bound to the device. The buffers are kept so that they are allocated while it runs.
struct Layer {
    program: Program,
    flops: u64,
    _buffers: [Buffer; 4],
}

fn layer(gpu: &Gpu, tuner: &mut Tuner, channels: u32, outputs: u32, side: u32, pool: bool) -> Layer {
    let convolution = Convolution { channels: outputs, window: Window::square(3, 1, 1), groups: 1 };
    let shape = Shape::new(BATCH, channels, side, side);
    let variant = tuner.choose(gpu, &convolution, shape).expect("tunes");
    let weight = variant.pack(&convolution, &rng::floats((outputs * channels * 9) as usize, 1));
    let buffers = [
        gpu.buffer_of("x", &rng::floats(shape.len(), 2)),
        gpu.buffer_of("weight", &weight),
        gpu.buffer_of("bias", &rng::floats(outputs as usize, 3)),
        gpu.buffer("y", Shape { c: outputs, ..shape }.bytes()),
    ]
    .map(|buffer| buffer.expect("fits"));
    let bound = Buffers { x: &buffers[0], weight: &buffers[1], bias: &buffers[2], y: &buffers[3] };
    let epilogue = Epilogue { bias: true, activation: Activation::RELU, pool: pool && variant.pools(&convolution) };
    let mut recording = Recording::new();
    chooser::convolve(gpu, &mut recording, variant, &convolution, epilogue, shape, &bound).expect("records");
    let flops = 2 * shape.len() as u64 * 9 * u64::from(outputs);
    Layer { program: gpu.program(recording).expect("binds"), flops, _buffers: buffers }
}

fn run(gpu: &Gpu, program: &Program) {
    gpu.submit(program).and_then(|submission| gpu.wait_for(submission)).expect("runs");
}

fn layers(criterion: &mut Criterion) {
    let gpu = Gpu::open(&DeviceChoice::Auto).expect("an adapter");
    let mut tuner = Tuner::forgetful();
    let mut group = criterion.benchmark_group(format!("{} batch {BATCH}", gpu.summary().name));
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    for (name, channels, outputs, side, pool) in LAYERS {
        let forms = if pool { &[("", false), (" pooled", true)][..] } else { &[("", false)] };
        for &(form, pool) in forms {
            let layer = layer(&gpu, &mut tuner, channels, outputs, side, pool);
            // "Elements" are multiplications and additions: Gelem/s reads GFLOP/s.
            group.throughput(Throughput::Elements(layer.flops));
            group.bench_function(format!("{name}{form}"), |bencher| bencher.iter(|| run(&gpu, &layer.program)));
        }
    }
    group.finish();
}

fn body(criterion: &mut Criterion) {
    let gpu = Gpu::open(&DeviceChoice::Auto).expect("an adapter");
    let mut weights = HashMap::new();
    for (name, channels, outputs, ..) in LAYERS {
        let dims = [outputs, channels, 3, 3].map(|size| size as usize);
        let count = dims.iter().product();
        weights.insert(format!("features.{name}.weight"), (dims.to_vec(), rng::floats(count, 1)));
        weights.insert(format!("features.{name}.bias"), (vec![dims[0]], rng::floats(dims[0], 2)));
    }
    let shapes = weights.iter().map(|(name, (dims, _))| (name.clone(), dims.clone())).collect();
    let model = vgg16::build(&shapes, 224, 224).expect("a network");
    let conv5_3 = model.node_of("conv5_3", false).expect("a layer").to_owned();
    let head = model.graph.head(&[&conv5_3]).expect("a head");
    let session = Session::new(&gpu, &head, &weights, BATCH, &[&conv5_3], &mut Tuner::forgetful()).expect("a session");
    let program = session.record(BATCH).and_then(|recording| gpu.program(recording)).expect("binds");
    let flops = LAYERS.iter().map(|&(_, c, k, side, _)| 2 * 9 * u64::from(c * k) * u64::from(side * side)).sum::<u64>();
    let mut group = criterion.benchmark_group(format!("{} batch {BATCH}", gpu.summary().name));
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(10));
    group.throughput(Throughput::Elements(flops * u64::from(BATCH)));
    group.bench_function("body to conv5_3", |bencher| bencher.iter(|| run(&gpu, &program)));
    group.finish();
}

criterion_group!(benches, layers, body);
criterion_main!(benches);
