//! Convolutions of a ResNet-50 with a pyramid on top and of a dilated ResNet-18, one image of 256x256, by the variant that the tuner
//! chooses, on the adapter that `--device auto` takes; beside two layers of VGG-16 for comparison.
//!
//! `cargo bench --bench convolutions [WORD]` prints the layers whose name holds the word; how to read the figures: benches/README.md.

#![allow(clippy::print_stdout, reason = "its output is the table")]

use std::time::Instant;

use netdissect::geometry::{Activation, Convolution, Window};
use netdissect::gpu::{Buffer, DeviceChoice, Gpu, Program, Recording};
use netdissect::kernels::chooser::{self, Variant};
use netdissect::kernels::convolution::{Buffers, Epilogue};
use netdissect::kernels::tune::Tuner;
use netdissect::reference::rng;
use netdissect::tensor::Shape;

const RUNS: usize = 7;

const fn point(stride: u32) -> Window {
    Window::square(1, stride, 0)
}

const fn three(stride: u32) -> Window {
    Window::square(3, stride, 1)
}

const fn dilated(by: u32) -> Window {
    Window { dilation: [by; 2], ..Window::square(3, 1, by) }
}

const FULL: Window = Window::square(4, 1, 3);

/// Channels in and out, side of the map, window, and where such a layer is.
const LAYERS: &[(u32, u32, u32, Window, &str)] = &[
    (256, 256, 56, three(1), "VGG-16 conv3_2"),
    (512, 512, 28, three(1), "VGG-16 conv4_2"),
    (64, 64, 64, point(1), "layer1 reduce"),
    (64, 256, 64, point(1), "layer1 expand"),
    (256, 64, 64, point(1), "layer1 reduce"),
    (256, 128, 64, point(1), "layer2 reduce"),
    (128, 512, 32, point(1), "layer2 expand"),
    (512, 128, 32, point(1), "layer2 reduce"),
    (512, 256, 32, point(1), "layer3 reduce"),
    (256, 1024, 16, point(1), "layer3 expand"),
    (1024, 256, 16, point(1), "layer3 reduce"),
    (1024, 512, 16, point(1), "layer4 reduce"),
    (512, 2048, 8, point(1), "layer4 expand"),
    (2048, 512, 8, point(1), "layer4 reduce"),
    (256, 512, 64, point(2), "layer2 shortcut"),
    (512, 1024, 32, point(2), "layer3 shortcut"),
    (1024, 2048, 16, point(2), "layer4 shortcut"),
    (256, 512, 64, point(1), "lateral"),
    (512, 512, 32, point(1), "lateral"),
    (1024, 512, 16, point(1), "lateral"),
    (512, 336, 64, point(1), "head"),
    (512, 427, 64, point(1), "head"),
    (512, 26, 64, point(1), "head"),
    (512, 512, 6, point(1), "pyramid pooling"),
    (32, 3, 256, point(1), "generator output"),
    (3, 64, 256, three(2), "stem"),
    (128, 128, 64, three(2), "layer2"),
    (256, 256, 32, three(2), "layer3"),
    (512, 512, 16, three(2), "layer4"),
    (512, 512, 8, three(1), "layer4"),
    (4096, 512, 8, three(1), "pyramid pooling"),
    (256, 256, 32, dilated(2), "ResNet-18 layer3"),
    (512, 512, 32, dilated(4), "ResNet-18 layer4"),
    (512, 512, 1, FULL, "generator layer1"),
];

/// A layer bound to the device. The buffers are kept so that they are allocated while it runs.
struct Layer {
    program: Program,
    _buffers: [Buffer; 4],
}

fn bind(gpu: &Gpu, variant: Variant, convolution: &Convolution, shape: Shape) -> Layer {
    let [kh, kw] = convolution.window.kernel;
    let (h, w) = convolution.window.output(shape.h, shape.w).expect("fits");
    let weights = rng::floats((convolution.channels * shape.c * kh * kw) as usize, 1);
    let buffers = [
        gpu.buffer_of("x", &rng::floats(shape.len(), 2)),
        gpu.buffer_of("weight", &variant.pack(convolution, &weights)),
        gpu.buffer_of("bias", &rng::floats(convolution.channels as usize, 3)),
        gpu.buffer("y", Shape { c: convolution.channels, h, w, ..shape }.bytes()),
    ]
    .map(|buffer| buffer.expect("fits"));
    let bound = Buffers { x: &buffers[0], weight: &buffers[1], bias: &buffers[2], y: &buffers[3] };
    let epilogue = Epilogue { bias: true, activation: Activation::RELU, pool: false };
    let mut recording = Recording::new();
    chooser::convolve(gpu, &mut recording, variant, convolution, epilogue, shape, &bound).expect("records");
    Layer { program: gpu.program(recording).expect("binds"), _buffers: buffers }
}

/// Milliseconds that a processor worked for this process, where the system tells.
fn processor_milliseconds() -> Option<f64> {
    let mut nanoseconds = 0.0;
    for thread in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        nanoseconds += text.split(' ').next()?.parse::<f64>().ok()?;
    }
    Some(nanoseconds / 1e6)
}

/// The best wall-clock time, and the median of the processor time divided by the processors; milliseconds.
fn time(gpu: &Gpu, layer: &Layer) -> (f64, Option<f64>) {
    let run = || gpu.submit(&layer.program).and_then(|submission| gpu.wait_for(submission)).expect("runs");
    run();
    let processors = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    let mut walls = Vec::new();
    let mut worked = Vec::new();
    for _ in 0..RUNS {
        let (start, before) = (Instant::now(), processor_milliseconds());
        run();
        walls.push(start.elapsed().as_secs_f64() * 1e3);
        worked.extend(processor_milliseconds().zip(before).map(|(after, before)| (after - before) / processors));
    }
    walls.sort_by(f64::total_cmp);
    worked.sort_by(f64::total_cmp);
    (walls[0], worked.get(RUNS / 2).copied())
}

fn main() {
    // Cargo adds an argument of its own.
    let word = std::env::args().skip(1).find(|argument| !argument.starts_with("--")).unwrap_or_default();
    let gpu = Gpu::open(&DeviceChoice::Auto).expect("an adapter");
    let mut tuner = Tuner::forgetful();
    println!("{}", gpu.summary().name);
    for &(channels, outputs, side, window, place) in LAYERS.iter().filter(|layer| layer.4.contains(&word)) {
        let convolution = Convolution { channels: outputs, window, groups: 1 };
        let shape = Shape::new(1, channels, side, side);
        let (h, w) = window.output(side, side).expect("fits");
        let [kh, kw] = window.kernel;
        let flops = 2.0 * f64::from(outputs * h * w) * f64::from(channels * kh * kw);
        let variant = tuner.choose(&gpu, &convolution, shape).expect("tunes");
        let (wall, worked) = time(&gpu, &bind(&gpu, variant, &convolution, shape));
        let (portable, portable_worked) = time(&gpu, &bind(&gpu, Variant::Portable, &convolution, shape));
        let rate = |milliseconds: f64| flops / milliseconds / 1e6;
        let rates = |wall: f64, worked: Option<f64>| {
            format!("{wall:8.2} ms {:6.1} ({:5.1})", rate(wall), worked.map_or(f64::NAN, rate))
        };
        println!(
            "{place:<18} {channels:>4} -> {outputs:<4} at {side:<3} {kh}x{kw} stride {} dilation {} {:7.0} MFLOP  {:<28} {}  portable {}",
            window.stride[0],
            window.dilation[0],
            flops / 1e6,
            format!("{variant:?}"),
            rates(wall, worked),
            rates(portable, portable_worked),
        );
    }
}
