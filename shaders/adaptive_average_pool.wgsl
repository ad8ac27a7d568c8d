// adaptive_average_pool: the mean over windows that cover the map, to any number of rows and columns.
//   y[n,c,r,s] = mean of x[n,c,i,j] over floor(r*H/R) <= i < ceil((r+1)*H/R),  floor(s*W/S) <= j < ceil((s+1)*W/S)
// Shapes   x [N,C,H,W]  y [N,C,R,S], f32; R and S may exceed H and W
// Grid     x = min(count, 65535*WG) invocations, each walking the outputs with the grid's stride.
// Ensures  every element of y is written once; the sum runs over i, then j.
// Twin     src/reference/adaptive_average_pool.rs
struct Params {
    count: u32, grid_stride: u32, height: u32, width: u32, out_height: u32, out_width: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

const WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var at = id.x; at < params.count; at += params.grid_stride) {
        let column = at % params.out_width;
        let row = (at / params.out_width) % params.out_height;
        let map = at / (params.out_width * params.out_height) * params.height * params.width;
        let top = row * params.height / params.out_height;
        let bottom = ((row + 1u) * params.height + params.out_height - 1u) / params.out_height;
        let left = column * params.width / params.out_width;
        let right = ((column + 1u) * params.width + params.out_width - 1u) / params.out_width;
        var sum = 0.0;
        for (var i = top; i < bottom; i++) {
            let line = map + i * params.width;
            var j = left;
            // Four to a round: software adapters end loops after some 65,000.
            for (; j + 4u <= right; j += 4u) { sum = sum + x[line + j] + x[line + j + 1u] + x[line + j + 2u] + x[line + j + 3u]; }
            for (; j < right; j++) { sum += x[line + j]; }
        }
        y[at] = sum / f32((bottom - top) * (right - left));
    }
}
