//! The device stages of a dissection of VGG-16's conv5_3 at batch 4: 512 units of 14x14 on a 56x56 grid, 31 concepts.
//!
//! `cargo bench --bench dissection`. Times are those of a batch. Maps are smoothed noise after ReLU, a fifth of it above zero:
//! busier than what photographs leave of conv5_3.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use netdissect::dissect::quantile::{Quantile, TWO_PASSES};
use netdissect::gpu::{Buffer, DeviceChoice, Gpu, Program, Recording};
use netdissect::kernels::histogram::{self, Digit, histogram};
use netdissect::kernels::peak::peak;
use netdissect::kernels::threshold_iou::{self, threshold_iou, words};
use netdissect::reference::rng;
use netdissect::tensor::Shape;

const SHAPE: Shape = Shape::new(4, 512, 14, 14);
const GRID: (u32, u32) = (56, 56);
/// Label numbers, 0 included.
const LABELS: u32 = 32;
const POSITIONS: u64 = 4 * 56 * 56;

/// Smoothed noise after ReLU.
fn maps() -> Vec<f32> {
    let (h, w) = (SHAPE.h as usize, SHAPE.w as usize);
    let noise = rng::floats(SHAPE.len(), 1);
    let smooth = |map: &[f32], p: usize| {
        let (y, x) = (p / w, p % w);
        let around = (y.saturating_sub(1)..(y + 2).min(h))
            .flat_map(|v| (x.saturating_sub(1)..(x + 2).min(w)).map(move |u| v * w + u));
        let sum: f32 = around.map(|q| map[q]).sum();
        (sum - 1.4).max(0.0)
    };
    noise.chunks_exact(h * w).flat_map(|map| (0..h * w).map(|p| smooth(map, p)).collect::<Vec<_>>()).collect()
}

/// Every label in every image, each on one position in 31.
fn labels() -> (Vec<u32>, Vec<u32>) {
    let (images, present, words) = (SHAPE.n, LABELS - 1, words(GRID));
    let heads = (0..images).flat_map(|image| [image * present, present]);
    let numbers = (0..images).flat_map(|_| 1..LABELS);
    let mut bits = vec![0u32; (images * present * words) as usize];
    let mut rng = rng::seeded(2);
    for image in 0..images {
        for word in 0..words {
            for bit in 0..32 {
                let entry = image * present + rng.next_u32() % present;
                bits[(entry * words + word) as usize] |= 1 << bit;
            }
        }
    }
    (heads.chain(numbers).collect(), bits)
}

fn run(gpu: &Gpu, program: &Program) {
    gpu.submit(program).and_then(|submission| gpu.wait_for(submission)).expect("runs");
}

/// One digit: its program, and the counts and least keys above that one run leaves.
fn digit(gpu: &Gpu, maps: &Buffer, digit: Digit, prefix: &[u32]) -> (Program, Vec<u32>, Vec<u32>) {
    let bins = prefix.len() << digit.bits;
    let prefix = gpu.buffer_of("prefix", prefix).expect("fits");
    let counts = gpu.buffer("counts", bins as u64 * 4).expect("fits");
    let above = gpu.buffer_of("above", &vec![u32::MAX; SHAPE.c as usize]).expect("fits");
    let buffers = histogram::Buffers { maps, prefix: &prefix, counts: &counts, above: &above };
    let mut recording = Recording::new();
    histogram(gpu, &mut recording, SHAPE, GRID, digit, &buffers).expect("records");
    let program = gpu.program(recording).expect("binds");
    run(gpu, &program);
    let found = (gpu.download(&counts, bins).expect("reads"), gpu.download(&above, SHAPE.c as usize).expect("reads"));
    (program, found.0, found.1)
}

fn stages(criterion: &mut Criterion) {
    let gpu = Gpu::open(&DeviceChoice::Auto).expect("an adapter");
    let mut group = criterion.benchmark_group(format!("{} dissection, batch 4", gpu.summary().name));
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Elements(POSITIONS * u64::from(SHAPE.c)));
    let values = gpu.buffer_of("maps", &maps()).expect("fits");

    let peaks = gpu.buffer("peaks", u64::from(SHAPE.n * SHAPE.c) * 4).expect("fits");
    let mut recording = Recording::new();
    peak(&gpu, &mut recording, SHAPE, &values, &peaks).expect("records");
    let program = gpu.program(recording).expect("binds");
    group.bench_function("peak", |bencher| bencher.iter(|| run(&gpu, &program)));

    let mut quantile = Quantile::new(SHAPE.c as usize, 0.01, &TWO_PASSES).expect("a quantile");
    for (pass, &part) in TWO_PASSES.iter().enumerate() {
        let (program, counts, above) = digit(&gpu, &values, part, quantile.prefix());
        quantile.add(&counts, &above);
        quantile.finish_pass(POSITIONS).expect("finite");
        group.bench_function(format!("histogram, pass {}", pass + 1), |bencher| bencher.iter(|| run(&gpu, &program)));
    }

    let (index, bits) = labels();
    let buffer = |words: &[u32]| gpu.buffer_of("labels", words).expect("fits");
    let (index, bits) = (buffer(&index), buffer(&bits));
    let level = gpu.buffer_of("levels", quantile.thresholds().expect("known")).expect("fits");
    let area = gpu.buffer("areas", u64::from(SHAPE.c) * 4).expect("fits");
    let inter = gpu.buffer("intersections", u64::from(SHAPE.c * LABELS) * 4).expect("fits");
    let bound =
        threshold_iou::Buffers { maps: &values, level: &level, index: &index, bits: &bits, area: &area, inter: &inter };
    let mut recording = Recording::new();
    threshold_iou(&gpu, &mut recording, SHAPE, GRID, LABELS, &bound).expect("records");
    let program = gpu.program(recording).expect("binds");
    group.bench_function("count", |bencher| bencher.iter(|| run(&gpu, &program)));
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
