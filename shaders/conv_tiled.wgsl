// conv_tiled: convolution of one group as a matrix product, tiled in workgroup memory, for GPUs.
//   y[n,k,p] = relu( b[k] + sum_q w[k,q] * x(n,q,p) ),   q = (c,i,j) flattened,  p = (r,s) flattened,
//   x(n,q,p) the value under tap (i,j) of channel c at output position p, zero outside the map; never stored as a matrix.
// Shapes   x [N,C,H,W]  w [K,C*I*J]  b [K]  y [N,K,R,S], f32
// Grid     x = ceil(R*S/64)*16;  y = ceil(K/64)*16;  z = N; workgroups of 16x16, each 64 positions x 64 channels, each invocation
//          4 x 4 of them.
// Requires groups = 1; 256 invocations; 8.3 KiB of workgroup memory.
// Ensures  as conv.wgsl, with the same order of summation and so the same bits.
// Twin     src/reference/conv.rs
struct Params {
    channels: u32, height: u32, width: u32,
    out_channels: u32, out_height: u32, out_width: u32,
    kernel_h: u32, kernel_w: u32, stride_y: u32, stride_x: u32, pad_y: u32, pad_x: u32, dilation_y: u32, dilation_x: u32,
    groups: u32, has_bias: u32, relu: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

const TILE: u32 = 64u;   // positions and channels of a workgroup
const DEPTH: u32 = 16u;  // taps a step
const PITCH: u32 = 65u;  // a row of a tile and one word, against bank conflicts

var<workgroup> tile_x: array<f32, 1040>; // [DEPTH][PITCH]
var<workgroup> tile_w: array<f32, 1040>; // [DEPTH][PITCH]

// The value under tap q at output position p of image n; zero outside the map and past the last tap or position.
fn value_at(n: u32, q: u32, p: u32) -> f32 {
    let window = params.kernel_h * params.kernel_w;
    if q >= params.channels * window || p >= params.out_height * params.out_width { return 0.0; }
    let c = q / window;
    let tap = q % window;
    let from_y = i32((p / params.out_width) * params.stride_y + (tap / params.kernel_w) * params.dilation_y) - i32(params.pad_y);
    let from_x = i32((p % params.out_width) * params.stride_x + (tap % params.kernel_w) * params.dilation_x) - i32(params.pad_x);
    if from_y < 0 || from_x < 0 || from_y >= i32(params.height) || from_x >= i32(params.width) { return 0.0; }
    return x[((n * params.channels + c) * params.height + u32(from_y)) * params.width + u32(from_x)];
}

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>,
        @builtin(local_invocation_index) index: u32) {
    let taps = params.channels * params.kernel_h * params.kernel_w;
    let first_p = group.x * TILE;
    let first_k = group.y * TILE;
    var sums: array<vec4<f32>, 4>; // a channel each: four positions, 16 apart
    for (var start = 0u; start < taps; start += DEPTH) {
        // Neighbouring invocations read neighbouring positions of x, and neighbouring taps of w.
        for (var step = 0u; step < 4u; step++) {
            let at = index + step * 256u;
            tile_x[(at / TILE) * PITCH + at % TILE] = value_at(group.z, start + at / TILE, first_p + at % TILE);
            let k = first_k + at / DEPTH;
            let q = start + at % DEPTH;
            var w = 0.0;
            if k < params.out_channels && q < taps { w = weights[k * taps + q]; }
            tile_w[(at % DEPTH) * PITCH + at / DEPTH] = w;
        }
        workgroupBarrier();
        for (var q = 0u; q < DEPTH; q++) {
            let row = q * PITCH;
            let values = vec4<f32>(tile_x[row + local.x], tile_x[row + local.x + 16u], tile_x[row + local.x + 32u], tile_x[row + local.x + 48u]);
            sums[0] = fma(values, vec4<f32>(tile_w[row + local.y]), sums[0]);
            sums[1] = fma(values, vec4<f32>(tile_w[row + local.y + 16u]), sums[1]);
            sums[2] = fma(values, vec4<f32>(tile_w[row + local.y + 32u]), sums[2]);
            sums[3] = fma(values, vec4<f32>(tile_w[row + local.y + 48u]), sums[3]);
        }
        workgroupBarrier();
    }
    let positions = params.out_height * params.out_width;
    for (var i = 0u; i < 4u; i++) {
        let k = first_k + local.y + i * 16u;
        if k >= params.out_channels { break; }
        var value = sums[i];
        if params.has_bias == 1u { value += bias[k]; }
        if params.relu == 1u { value = max(value, vec4<f32>(0.0)); }
        for (var j = 0u; j < 4u; j++) {
            let p = first_p + local.x + j * 16u;
            if p < positions { y[(group.z * params.out_channels + k) * positions + p] = value[j]; }
        }
    }
}
