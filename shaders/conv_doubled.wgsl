// conv_doubled: 3x3 convolution, padding 1, of a map that nearest upsampling doubles, without making the doubled map; in registers
// only, for adapters where loads are dear and barriers dearer (software).
//   y[n,k,2r+a,2s+b] = act( bias[k] + sum_{c,i,j} v[a,b,k,c,i,j] * x[n,c,r+a+i-1,s+b+j-1] ),   i, j, a, b in 0..2,   x zero outside
//   v sums the weights whose taps fall on the same position of x:  rows w0 | w1+w2 for a = 0,  w0+w1 | w2 for a = 1, columns alike.
//   act(t) = max(t, slope t), which a slope of 1 leaves out (shared/activation.wgsl)
// Four taps do the work of nine: 2.25 times less arithmetic than convolving the doubled map.
// A template, unrolled as conv_broadcast.wgsl is and for the same reasons. An invocation makes 4 rows x 8 columns of y x 8 channels
// from 2 rows x 4 columns of x and their borders. Each of eight lanes loads the weights of a channel and hands them to the others.
// A sum takes the four taps of two channels of x in a row, so that it is loaded and stored once for both.
// Shapes   x [N,C,H,W]  packed [ceil(K/8), C, 8, 16]: v by a, b, i, j, zeros past K  bias [K]  y [N,K,2H,2W], f32
// Grid     x = N * ceil(H/2) * W/4;  y = ceil(K/8)
// Requires subgroups of 8 lanes or more, WG a multiple of 8; W a multiple of 4; C even.
// Ensures  every element of y is written once. The sum runs over c, then i, then j, with fma from zero; the bias comes last.
//          These are other sums than conv.wgsl makes of the doubled map, of weights rounded once more: both lie within
//          (4 C + 4) 2^-24 (sum |v x| + |b|) of the exact one, and they differ. Shape and adapter alone choose between them.
// Twin     src/reference/conv_doubled.rs
struct Params {
    channels: u32, height: u32, width: u32, out_channels: u32,
    across: u32,  // W/4
    down: u32,    // ceil(H/2)
    extent: u32,  // N * down * across
    has_bias: u32,
    slope: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;

override WG: u32 = 8u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    // Invocations past the end repeat the last one and store nothing: all lanes must reach the broadcasts.
    let position = min(id.x, params.extent - 1u);
    let strip = position / params.across;
    let quad = position % params.across;
    let row = (strip % params.down) * 2u;
    let n = strip / params.down;
    let plane = params.height * params.across;
    var map = n * params.channels * plane;
    var weight_at = id.y * params.channels * 32u + (lane % 8u) * 4u;

    // Line i is row + i - 1 of x, column p is the quad's first + p - 1. Those outside read a harmless element and count as zero.
    let has_left = quad > 0u;
    let has_right = quad + 1u < params.across;
    let at_left = select(0u, 1u, has_left);
    let at_right = select(0u, 1u, has_right);
//% for i in range(4)
    let has_line_{{ i }} = row + {{ i }}u >= 1u && row + {{ i }}u <= params.height;
    let line_{{ i }} = quad + select(0u, (row + {{ i }}u - 1u) * params.across, has_line_{{ i }});
//% endfor
//% for k in range(8)
//%   for r in range(4)
//%     for s in range(8)
    var sum_{{ k }}_{{ r }}_{{ s }} = 0.0;
//%     endfor
//%   endfor
//% endfor

    for (var c = 0u; c < params.channels; c += {{ depth }}u) {
//% for d in range(depth)
//%   for i in range(4)
        let from_{{ d }}_{{ i }} = map + {{ d }}u * plane + line_{{ i }};
        let x_{{ d }}_{{ i }}_0 = select(0.0, x[from_{{ d }}_{{ i }} - at_left].w, has_line_{{ i }} && has_left);
        let part_{{ d }}_{{ i }} = select(vec4<f32>(), x[from_{{ d }}_{{ i }}], has_line_{{ i }});
//%     for q in range(4)
        let x_{{ d }}_{{ i }}_{{ q + 1 }} = part_{{ d }}_{{ i }}{{ quad[q] }};
//%     endfor
        let x_{{ d }}_{{ i }}_5 = select(0.0, x[from_{{ d }}_{{ i }} + at_right].x, has_line_{{ i }} && has_right);
//%   endfor
//%   for q in range(4)
        let held_{{ d }}_{{ q }} = weights[weight_at + {{ d * 32 + q }}u];
//%   endfor
//% endfor
//% for k in range(8)
//%   for d in range(depth)
//%     for t in range(16)
        let w_{{ k }}_{{ d }}_{{ t }} = subgroupBroadcast(held_{{ d }}_{{ t // 4 }}{{ quad[t % 4] }}, {{ k }}u);
//%     endfor
//%   endfor
//%   for r in range(4)
//%     for s in range(8)
//%       for d in range(depth)
//%         for i in range(2)
//%           for j in range(2)
        sum_{{ k }}_{{ r }}_{{ s }} = fma(x_{{ d }}_{{ r // 2 + r % 2 + i }}_{{ s // 2 + s % 2 + j }}, w_{{ k }}_{{ d }}_{{ 8 * (r % 2) + 4 * (s % 2) + 2 * i + j }}, sum_{{ k }}_{{ r }}_{{ s }});
//%           endfor
//%         endfor
//%       endfor
//%     endfor
//%   endfor
//% endfor
        map += {{ depth }}u * plane;
        weight_at += {{ depth * 32 }}u;
    }

    if id.x >= params.extent { return; }
//% for k in range(8)
    {
        let channel = id.y * 8u + {{ k }}u;
        if channel >= params.out_channels { return; }
        let b = select(0.0, bias[channel], params.has_bias == 1u);
        let to = ((n * params.out_channels + channel) * params.height + row) * params.across * 4u + quad * 2u;
//%   for r in range(4)
        if row + {{ r // 2 }}u < params.height {
//%     for s in range(0, 8, 4)
            let sums_{{ r }}_{{ s }} = vec4<f32>(sum_{{ k }}_{{ r }}_{{ s }}, sum_{{ k }}_{{ r }}_{{ s + 1 }}, sum_{{ k }}_{{ r }}_{{ s + 2 }}, sum_{{ k }}_{{ r }}_{{ s + 3 }});
            y[to + {{ r }}u * params.across * 2u + {{ s // 4 }}u] = act4(sums_{{ r }}_{{ s }} + b);
//%     endfor
        }
//%   endfor
    }
//% endfor
}
