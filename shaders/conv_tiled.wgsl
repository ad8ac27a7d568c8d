// conv_tiled: convolution of one group as a matrix product, tiled in workgroup memory, for GPUs.
//   y[n,k,p] = act( b[k] + sum_q w[k,q] * x(q,p) ),   q = (c,i,j) flattened,  p = (n,r,s) flattened,
//   x(q,p) the value under tap (i,j) of channel c at output position p, zero outside the map; never stored as a matrix.
// Shapes   x [N,C,H,W]  packed [ceil(K/64), ceil(C*I*J/16)*16, 64], zeros past K and C*I*J  b [K]  y [N,K,R,S], f32
//          act(t) = max(t, slope t), which a slope of 1 leaves out (shared/activation.wgsl)
// Grid     x = ceil(N*R*S/128) workgroups of 256;  y = ceil(K/64). A workgroup makes 64 channels x 128 positions from tiles of
//          16 taps, an invocation 4 channels x 8 positions.
// Requires groups = 1; 256 invocations; 12 KiB of workgroup memory.
// Ensures  as conv.wgsl, with the same order of summation and so the same bits.
// Twin     src/reference/conv.rs
struct Params {
    window: Window,
    channels: u32, out_channels: u32,
    taps: u32,       // C*I*J
    positions: u32,  // N*R*S
    has_bias: u32, slope: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

const WG: u32 = 256u;
const DEPTH: u32 = 16u;    // taps of a tile
const QUADS_K: u32 = 16u;  // 64 channels by four
const QUADS_P: u32 = 32u;  // 128 positions by four

var<workgroup> tile_w: array<vec4<f32>, 256>; // [DEPTH, QUADS_K]
var<workgroup> tile_x: array<vec4<f32>, 512>; // [DEPTH, QUADS_P]

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    // The four positions this invocation gathers, for two taps of each tile.
    let quad = local % QUADS_P;
    let position = vec4(group.x * 128u + quad * 4u) + vec4(0u, 1u, 2u, 3u);
    let n = position / (params.window.out_height * params.window.out_width);
    let top = tops_of(position / params.window.out_width % params.window.out_height);
    let left = lefts_of(position % params.window.out_width);
    let used = position < vec4(params.positions);
    let tiles = (params.taps + DEPTH - 1u) / DEPTH;

    // The four channels and eight positions it sums.
    let quad_k = local / 16u;
    let pair_p = local % 16u * 2u;
    var s0 = vec4<f32>(); var s1 = vec4<f32>(); var s2 = vec4<f32>(); var s3 = vec4<f32>();
    var s4 = vec4<f32>(); var s5 = vec4<f32>(); var s6 = vec4<f32>(); var s7 = vec4<f32>();

    for (var tile = 0u; tile < tiles; tile++) {
        tile_w[local] = weights[(group.y * tiles + tile) * DEPTH * QUADS_K + local];
        for (var half = 0u; half < 2u; half++) {
            let row = half * 8u + local / QUADS_P;
            tile_x[row * QUADS_P + quad] = values_at(tile * DEPTH + row, n, top, left, used);
        }
        workgroupBarrier();
        for (var r = 0u; r < DEPTH; r++) {
            let k = tile_w[r * QUADS_K + quad_k];
            let p = tile_x[r * QUADS_P + pair_p];
            let q = tile_x[r * QUADS_P + pair_p + 1u];
            s0 = fma(vec4(p.x), k, s0);
            s1 = fma(vec4(p.y), k, s1);
            s2 = fma(vec4(p.z), k, s2);
            s3 = fma(vec4(p.w), k, s3);
            s4 = fma(vec4(q.x), k, s4);
            s5 = fma(vec4(q.y), k, s5);
            s6 = fma(vec4(q.z), k, s6);
            s7 = fma(vec4(q.w), k, s7);
        }
        workgroupBarrier();
    }

    let first = group.x * 128u + pair_p * 4u;
    let k = group.y * 64u + quad_k * 4u;
    store(k, first, s0);
    store(k, first + 1u, s1);
    store(k, first + 2u, s2);
    store(k, first + 3u, s3);
    store(k, first + 4u, s4);
    store(k, first + 5u, s5);
    store(k, first + 6u, s6);
    store(k, first + 7u, s7);
}

// The values under a tap at four positions: zero outside the map, past the last tap and past the last position. Taps past the last
// fill the last tile: zero times a weight of zero leaves a sum as it is, to the bit.
fn values_at(tap: u32, n: vec4<u32>, top: vec4<i32>, left: vec4<i32>, used: vec4<bool>) -> vec4<f32> {
    let area = params.window.kernel_h * params.window.kernel_w;
    let c = tap / area;
    let row = top + below(tap % area / params.window.kernel_w);
    let column = left + right_of(tap % params.window.kernel_w);
    let inside = used & vec4(tap < params.taps) & has_rows(row) & has_columns(column);
    let plane = (n * params.channels + c) * params.window.height;
    let at = select(vec4(0u), (plane + vec4<u32>(row)) * params.window.width + vec4<u32>(column), inside);
    return select(vec4<f32>(), vec4(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
}

fn store(first: u32, position: u32, sums: vec4<f32>) {
    if position >= params.positions {
        return;
    }
    let plane = params.window.out_height * params.window.out_width;
    let base = position / plane * params.out_channels * plane + position % plane;
    for (var i = 0u; i < 4u; i++) {
        let k = first + i;
        if k < params.out_channels {
            var value = sums[i];
            if params.has_bias == 1u { value += bias[k]; }
            y[base + k * plane] = act(value);
        }
    }
}
