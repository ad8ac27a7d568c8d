// max_pool: the maximum over a sliding window.
//   y[n,c,r,s] = max over i, j with (r*sy+i*dy-py, s*sx+j*dx-px) in the map of x[n,c,r*sy+i*dy-py,s*sx+j*dx-px]
// Shapes   x [N,C,H,W]  y [N,C,R,S], f32
// Grid     x = min(count, 65535*WG) invocations, each walking the outputs with the grid's stride.
// Requires padding below half of the window, so that every window holds a position of the map.
// Ensures  every element of y is written once.
// Twin     src/reference/max_pool.rs
struct Params {
    count: u32, grid_stride: u32,
    height: u32, width: u32, out_height: u32, out_width: u32,
    kernel_h: u32, kernel_w: u32, stride_y: u32, stride_x: u32, pad_y: u32, pad_x: u32, dilation_y: u32, dilation_x: u32,
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
        var best = -0x1.fffffep+127f;
        for (var i = 0u; i < params.kernel_h; i++) {
            let from_y = i32(row * params.stride_y + i * params.dilation_y) - i32(params.pad_y);
            if from_y < 0 || from_y >= i32(params.height) { continue; }
            for (var j = 0u; j < params.kernel_w; j++) {
                let from_x = i32(column * params.stride_x + j * params.dilation_x) - i32(params.pad_x);
                if from_x < 0 || from_x >= i32(params.width) { continue; }
                best = max(best, x[map + u32(from_y) * params.width + u32(from_x)]);
            }
        }
        y[at] = best;
    }
}
