// add: element-wise sum of two maps, with activation.
//   y[i] = act( a[i] + b[i] ),   act(t) = max(t, slope t), which a slope of 1 leaves out (shared/activation.wgsl)
// Shapes   a, b, y [N,C,H,W] f32, flat
// Grid     x = min(count, 65535*WG) invocations, each walking the elements with the grid's stride.
// Requires y is neither a nor b.
// Ensures  every element of y is written once.
// Twin     src/reference/add.rs
struct Params { count: u32, grid_stride: u32, slope: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

const WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var i = id.x; i < params.count; i += params.grid_stride) {
        y[i] = act(a[i] + b[i]);
    }
}
