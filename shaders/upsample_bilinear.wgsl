// upsample_bilinear: maps brought to another size, half-pixel centres.
//   y[n,c,r,s] = bilinear(x[n,c], r, s), see shared/bilinear.wgsl; outside the map zero, or the nearest edge
// Shapes   maps [N,C,H,W]  y [N,C,R,S], f32
// Grid     x = min(count, 65535*WG) invocations, each walking the outputs with the grid's stride.
// Ensures  every element of y is written once.
// Twin     src/reference/upsample_bilinear.rs
struct Params { count: u32, grid_stride: u32, height: u32, width: u32, out_height: u32, out_width: u32, edge: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> maps: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

const WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var at = id.x; at < params.count; at += params.grid_stride) {
        let column = at % params.out_width;
        let row = (at / params.out_width) % params.out_height;
        let map = at / (params.out_width * params.out_height) * params.height * params.width;
        y[at] = bilinear(map, params.height, params.width, row, column, params.out_height, params.out_width, params.edge == 1u);
    }
}
