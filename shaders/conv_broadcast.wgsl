// conv_broadcast: 3x3 convolution in registers only: for adapters where loads are dear and barriers dearer (software).
//   y[n,k,r,s] = act( b[k] + sum_{c,i,j} w[k,c,i,j] * x[n,c,r*STRIDE+(i-1)*dy,s*STRIDE+(j-1)*dx] ),   x zero outside the map
//   act(t) = max(t, slope t), which a slope of 1 leaves out (shared/activation.wgsl)
//   With pool, the maximum of each 2x2 of that; an odd last row or column is left out. Neither adding the bias nor act turns an order
//   round, rounded as they are, so that the maximum is taken of the sums, before both, and gives the same bits.
// A template: neither naga nor the software driver unrolls loops, and an array of sums would live in memory. An invocation makes
// 2 rows x PIXELS columns x CHANNELS channels. Each of eight lanes loads the weights of CHANNELS/8 channels and hands them to the
// others. A sum takes its nine taps in a row, so that it is loaded and stored once a channel of x. No workgroup memory, no barrier.
// A dilated convolution is dy*dx undilated ones, each of every dy-th row and dx-th column: an invocation keeps to one of them.
// Ladder   1 row x 7 columns, each tap over all sums: 40 GFLOP/s; a sum's nine taps in a row: 46; 2 rows: 56; 8 columns in
//          vectors of 4: 62 (benches/README.md).
// Shapes   x [N,C,H,W]  packed [ceil(K/CHANNELS), C, CHANNELS, 12]: nine weights and three zeros  b [K]
//          y [N,K,R,S], R = ceil(H/STRIDE), S = ceil(W/STRIDE), pooled [N,K,H/2,W/2], f32
// Grid     x = N * down * across;  y = ceil(K/CHANNELS)
// Requires subgroups of 8 lanes or more, WG a multiple of 8; VECTOR, in which x and y are read and written, divides W, S and PIXELS.
//          Dilation only with VECTOR and STRIDE of 1.
// Ensures  as conv.wgsl, with the same order of summation and so the same bits.
// Twin     src/reference/conv.rs
struct Params {
    channels: u32, height: u32, width: u32, out_channels: u32, out_height: u32, out_width: u32,
    dilation_y: u32, dilation_x: u32,
    across: u32,  // dx * ceil(ceil(S/dx) / PIXELS)
    down: u32,    // dy * ceil(ceil(R/dy) / 2)
    extent: u32,  // N * down * across
    has_bias: u32, slope: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<{{ loaded }}>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<{{ stored }}>;

override WG: u32 = 8u;

//% set dilated = vector == 1 and stride == 1
//% set dy = "params.dilation_y" if dilated else "1u"
//% set dx = "params.dilation_x" if dilated else "1u"
//% set lines = stride + 3
//% set columns = stride * (pixels - 1) + 3
@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    // Invocations past the end repeat the last one and store nothing: all lanes must reach the broadcasts.
    let position = min(id.x, params.extent - 1u);
    let strip = position / params.across;
    let down = strip % params.down;
    let across = position % params.across;
    let n = strip / params.down;
//% if dilated
    let column = across % params.dilation_x + across / params.dilation_x * params.dilation_x * {{ pixels }}u;
    let row = down % params.dilation_y + down / params.dilation_y * params.dilation_y * 2u;
//% else
    let column = across * {{ pixels }}u;
    let row = down * 2u;
//% endif
    let left = column * {{ stride }}u;
    let top = row * {{ stride }}u;
    let plane = params.height * params.width;
    var map = n * params.channels * plane;
    var weight_at = id.y * params.channels * {{ channels * 3 }}u + (lane % 8u) * 3u;

    // Column p of the block is column left + p - 1 of the map (steps of dx), line i is top + i - 1. Those outside read a harmless
    // element and count as zero.
    let has_0 = left >= {{ dx }};
    let at_0 = select(0u, {{ dx }}, has_0);
//% for p in range(1, columns, vector)
    let has_{{ p }} = left + {{ p - 1 }}u * {{ dx }} < params.width;
    let at_{{ p }} = select(0u, {{ p - 1 }}u * {{ dx }}, has_{{ p }});
//% endfor
//% for i in range(lines)
    let has_line_{{ i }} = top + {{ i }}u * {{ dy }} >= {{ dy }} && top + {{ i }}u * {{ dy }} < params.height + {{ dy }};
    let line_{{ i }} = min(left, params.width - 1u) + select(0u, (top + {{ i }}u * {{ dy }} - {{ dy }}) * params.width, has_line_{{ i }});
//% endfor
//% for k in range(channels)
//%   for r in range(2)
//%     for s in range(pixels)
    var sum_{{ k }}_{{ r }}_{{ s }} = 0.0;
//%     endfor
//%   endfor
//% endfor

    for (var c = 0u; c < params.channels; c++) {
//% for i in range(lines)
        let from_{{ i }} = (map + line_{{ i }}) / {{ vector }}u;
        let x_{{ i }}_0 = select(0.0, x[from_{{ i }} - at_0]{{ last_part }}, has_line_{{ i }} && has_0);
//%   for p in range(1, columns - vector + 1, vector)
        let part_{{ i }}_{{ p }} = select({{ loaded }}(), x[from_{{ i }} + at_{{ p }} / {{ vector }}u], has_line_{{ i }} && has_{{ p }});
//%     for q in range(vector)
        let x_{{ i }}_{{ p + q }} = part_{{ i }}_{{ p }}{{ parts[q] }};
//%     endfor
//%   endfor
//%   if vector > 1 and stride == 1
        let x_{{ i }}_{{ pixels + 1 }} = select(0.0, x[from_{{ i }} + at_{{ pixels + 1 }} / {{ vector }}u]{{ parts[0] }}, has_line_{{ i }} && has_{{ pixels + 1 }});
//%   endif
//% endfor
//% for group in range(channels // 8)
//%   for q in range(3)
        let held_{{ group }}_{{ q }} = weights[weight_at + {{ group * 24 + q }}u];
//%   endfor
//% endfor
//% for k in range(channels)
//%   for t in range(9)
        let w_{{ k }}_{{ t }} = subgroupBroadcast(held_{{ k // 8 }}_{{ t // 4 }}{{ quad[t % 4] }}, {{ k % 8 }}u);
//%   endfor
//%   for r in range(2)
//%     for s in range(pixels)
//%       for i in range(3)
//%         for j in range(3)
        sum_{{ k }}_{{ r }}_{{ s }} = fma(x_{{ stride * r + i }}_{{ stride * s + j }}, w_{{ k }}_{{ 3 * i + j }}, sum_{{ k }}_{{ r }}_{{ s }});
//%         endfor
//%       endfor
//%     endfor
//%   endfor
//% endfor
        map += plane;
        weight_at += {{ channels * 3 }}u;
    }

    if id.x >= params.extent { return; }
//% for k in range(channels)
    {
        let channel = id.y * {{ channels }}u + {{ k }}u;
        if channel >= params.out_channels { return; }
        let b = select(0.0, bias[channel], params.has_bias == 1u);
        let maps = n * params.out_channels + channel;
//%   if pool
        if row + 1u < params.height {
            let to = (maps * (params.height / 2u) + row / 2u) * (params.width / 2u) + column / 2u;
//%     for s in range(0, pixels, 2 * stored_vector)
            if column + {{ s + 1 }}u < params.width {
//%       for q in range(s, s + 2 * stored_vector, 2)
                let top_{{ q }} = larger(sum_{{ k }}_0_{{ q }}, sum_{{ k }}_0_{{ q + 1 }});
                let most_{{ q }} = larger(top_{{ q }}, larger(sum_{{ k }}_1_{{ q }}, sum_{{ k }}_1_{{ q + 1 }}));
//%       endfor
//%       if stored_vector == 1
                y[to + {{ s // 2 }}u] = act(most_{{ s }} + b);
//%       else
                y[to / 2u + {{ s // 4 }}u] = act2(vec2<f32>(most_{{ s }}, most_{{ s + 2 }}) + b);
//%       endif
            }
//%     endfor
        }
//%   else
        let to = (maps * params.out_height + row) * params.out_width + column;
//%     for r in range(2)
        if row + {{ r }}u * {{ dy }} < params.out_height {
//%       for s in range(0, pixels, vector)
            if column + {{ s }}u * {{ dx }} < params.out_width {
                let sums = {{ loaded }}({% for q in range(vector) %}sum_{{ k }}_{{ r }}_{{ s + q }}{{ "" if loop.last else ", " }}{% endfor %});
                y[(to + {{ r }}u * {{ dy }} * params.out_width + {{ s }}u * {{ dx }}) / {{ vector }}u] = {{ act }}(sums + b);
            }
//%       endfor
        }
//%     endfor
//%   endif
    }
//% endfor
}
