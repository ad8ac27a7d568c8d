// softmax: over channels, at each position.
//   y[n,c,p] = exp(x[n,c,p] - m) / sum_d exp(x[n,d,p] - m),   m = max_d x[n,d,p]
// Shapes   x, y [N,C,P] f32, P = H*W
// Grid     x = min(N*P, 65535*WG) invocations, each walking the positions with the grid's stride.
// Ensures  every element of y is written once; the sum runs over the channels in order.
// Twin     src/reference/softmax.rs
struct Params { positions: u32, grid_stride: u32, images: u32, channels: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

const WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var at = id.x; at < params.images * params.positions; at += params.grid_stride) {
        let first = at / params.positions * params.channels * params.positions + at % params.positions;
        var most = -0x1.fffffep+127f;
        for (var c = 0u; c < params.channels; c++) { most = max(most, x[first + c * params.positions]); }
        var sum = 0.0;
        for (var c = 0u; c < params.channels; c++) { sum += exp(x[first + c * params.positions] - most); }
        for (var c = 0u; c < params.channels; c++) {
            let i = first + c * params.positions;
            y[i] = exp(x[i] - most) / sum;
        }
    }
}
