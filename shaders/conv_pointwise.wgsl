// conv_pointwise: 1x1 convolution of any stride without padding, in registers only: for adapters where loads are dear and barriers
// dearer (software).
//   y[n,k,r,s] = act( b[k] + sum_c w[k,c] * x[n,c,r*sy,s*sx] )
//   act(t) = max(t, slope t), which a slope of 1 leaves out (shared/activation.wgsl)
// A product of matrices. A template, unrolled as conv_broadcast.wgsl is and for the same reasons. An invocation makes 8 positions x
// CHANNELS channels; positions are counted through all images, so that small maps fill its lanes. Each of eight lanes loads weights
// of its own and hands them to the others. A sum takes four channels of x in a row, so that it is loaded and stored once for all.
// Ladder   8 positions x 32 channels: 52 GFLOP/s; 4 x 64: 54; 8 x 64, two channels of x in a row: 54; 8 x 64, four: 61
//          (benches/README.md).
// Shapes   x [N,C,H,W]  packed [ceil(K/CHANNELS), C, CHANNELS], zeros past K  b [K]  y [N,K,R,S], f32
// Grid     x = ceil(N*R*S / 8);  y = ceil(K/CHANNELS)
// Requires subgroups of 8 lanes or more, WG a multiple of 8; C a multiple of 4. STORED, in which y is written, divides R*S. VECTOR, in
// which x is read, is 1, or the stride is 1 and VECTOR is STORED.
// Ensures  as conv.wgsl, with the same order of summation and so the same bits.
// Twin     src/reference/conv.rs
struct Params {
    channels: u32,
    plane: u32,      // H*W / VECTOR
    width: u32, stride_y: u32, stride_x: u32,
    out_channels: u32,
    out_plane: u32,  // R*S / STORED
    out_width: u32,
    extent: u32,     // N * out_plane
    has_bias: u32, slope: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<{{ loaded_element }}>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<{{ stored_element }}>;

override WG: u32 = 8u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
//% for p in range(parts)
    // Those past the end repeat the last one and are not stored: all lanes must reach the broadcasts.
    let part_{{ p }} = min(id.x * {{ parts }}u + {{ p }}u, params.extent - 1u);
    let n_{{ p }} = part_{{ p }} / params.out_plane;
    let in_plane_{{ p }} = part_{{ p }} % params.out_plane;
    let image_{{ p }} = n_{{ p }} * params.channels * params.plane;
//% endfor
//% for l in range(loads)
//%   set p = l * parts // loads
//%   if vector == 1
    let at_position_{{ l }} = in_plane_{{ p }} * {{ stored }}u + {{ l % stored }}u;
    let row_{{ l }} = at_position_{{ l }} / params.out_width * params.stride_y;
    var at_{{ l }} = image_{{ p }} + row_{{ l }} * params.width + at_position_{{ l }} % params.out_width * params.stride_x;
//%   else
    var at_{{ l }} = image_{{ p }} + in_plane_{{ p }};
//%   endif
//% endfor
    let first = id.y * {{ channels }}u;
    var weight_at = first / 4u * params.channels + lane % 8u;
//% for k in range(channels)
//%   for s in range(8)
    var sum_{{ k }}_{{ s }} = 0.0;
//%   endfor
//% endfor

    for (var c = 0u; c < params.channels; c += 4u) {
//% for l in range(loads)
//%   for d in range(4)
        let x_{{ d }}_{{ l }} = x[at_{{ l }} + {{ d }}u * params.plane];
//%   endfor
        at_{{ l }} += 4u * params.plane;
//% endfor
        // Weight 32 h + 4 l + q of the four channels of x is with lane l.
//% for h in range(channels // 8)
        let held_{{ h }} = weights[weight_at + {{ h * 8 }}u];
//% endfor
//% for k in range(channels)
//%   for d in range(4)
//%     set at = d * channels + k
        let w_{{ k }}_{{ d }} = subgroupBroadcast(held_{{ at // 32 }}{{ quad[at % 4] }}, {{ at // 4 % 8 }}u);
//%   endfor
//%   for s in range(8)
//%     for d in range(4)
        sum_{{ k }}_{{ s }} = fma(x_{{ d }}_{{ s // vector }}{{ places[s % vector] }}, w_{{ k }}_{{ d }}, sum_{{ k }}_{{ s }});
//%     endfor
//%   endfor
//% endfor
        weight_at += {{ channels }}u;
    }

//% for h in range(channels // 8)
    let bias_{{ h }} = select(0.0, bias[min(first + {{ h * 8 }}u + lane % 8u, params.out_channels - 1u)], params.has_bias == 1u);
//% endfor
//% for k in range(channels)
    let b_{{ k }} = subgroupBroadcast(bias_{{ k // 8 }}, {{ k % 8 }}u);
//% endfor
//% for p in range(parts)
    if id.x * {{ parts }}u + {{ p }}u >= params.extent { return; }
    let to_{{ p }} = (n_{{ p }} * params.out_channels + first) * params.out_plane + in_plane_{{ p }};
//%   for k in range(channels)
    if first + {{ k }}u < params.out_channels {
        let sums = {{ stored_element }}({% for q in range(stored) %}sum_{{ k }}_{{ p * stored + q }}{{ "" if loop.last else ", " }}{% endfor %});
        y[to_{{ p }} + {{ k }}u * params.out_plane] = {{ act }}(sums + b_{{ k }});
    }
//%   endfor
//% endfor
}
