// upsample_nearest: every position becomes a block of two by two.
//   y[n,c,r,s] = x[n,c,floor(r/2),floor(s/2)]
// Shapes   x [N,C,H,W]  y [N,C,2H,2W], f32
// Grid     x = min(count, 65535*WG) invocations, each walking the elements of y with the grid's stride.
// Ensures  every element of y is written once.
// Twin     src/reference/upsample_nearest.rs
struct Params { count: u32, grid_stride: u32, width: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

const WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var i = id.x; i < params.count; i += params.grid_stride) {
        // Maps have an even number of rows, so that rows of all maps halve together.
        let row = i / (2u * params.width);
        let column = i % (2u * params.width);
        y[i] = x[row / 2u * params.width + column / 2u];
    }
}
