// relu: the positive part, and a share of the negative one.
//   y[i] = act(x[i]),   act(t) = max(t, slope t): ReLU for a slope of 0, leaky ReLU up to 1 (shared/activation.wgsl)
// Shapes   x, y [N,C,H,W] f32, flat
// Grid     x = min(count, 65535*WG) invocations, each walking the elements with the grid's stride.
// Ensures  every element of y is written once.
// Twin     src/reference/relu.rs
struct Params { count: u32, grid_stride: u32, slope: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

const WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var i = id.x; i < params.count; i += params.grid_stride) { y[i] = act(x[i]); }
}
