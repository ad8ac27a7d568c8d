// pixel_norm: every position divided by the root mean square of its channels.
//   y[n,c,p] = x[n,c,p] / sqrt( (1/C) sum_d x[n,d,p]^2 + 1e-8 )
// Shapes   x, y [N,C,P] f32, P = H*W
// Grid     x = min(N*P, 65535*WG) invocations, each walking the positions with the grid's stride.
// Ensures  every element of y is written once; the sum runs over the channels in order, with fma from zero.
// Twin     src/reference/pixel_norm.rs
// Source   T. Karras et al., Progressive growing of GANs, ICLR 2018, 4.2
struct Params { positions: u32, grid_stride: u32, images: u32, channels: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

const WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var at = id.x; at < params.images * params.positions; at += params.grid_stride) {
        let first = at / params.positions * params.channels * params.positions + at % params.positions;
        var sum = 0.0;
        for (var c = 0u; c < params.channels; c++) {
            let value = x[first + c * params.positions];
            sum = fma(value, value, sum);
        }
        let size = sqrt(sum / f32(params.channels) + 1e-8);
        for (var c = 0u; c < params.channels; c++) {
            let i = first + c * params.positions;
            y[i] = x[i] / size;
        }
    }
}
