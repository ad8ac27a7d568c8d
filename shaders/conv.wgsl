// conv: convolution of any window, stride, padding, dilation and groups, with bias and ReLU.
//   y[n,k,r,s] = relu( b[k] + sum_{c,i,j} w[k,c,i,j] * x[n, g*Cg+c, r*sy+i*dy-py, s*sx+j*dx-px] ),   g = floor(k / Kg)
// Shapes   x [N,C,H,W]  w [K,Cg,I,J]  b [K] (any content if has_bias is 0)  y [N,K,R,S], all f32; Cg = C/groups, Kg = K/groups
// Grid     x = R * ceil(S/4), four pixels of a row each;  y = groups * ceil(Kg/4), four channels each;  z = N
// Requires the shapes agree; nothing is assumed of any size.
// Ensures  every element of y is written once. The sum runs over c, then i, then j, with fma from zero; the bias comes last:
//          every variant of convolution keeps this order, so that all give the same bits.
// Twin     src/reference/conv.rs
struct Params {
    channels: u32, height: u32, width: u32,
    out_channels: u32, out_height: u32, out_width: u32,
    kernel_h: u32, kernel_w: u32, stride_y: u32, stride_x: u32, pad_y: u32, pad_x: u32, dilation_y: u32, dilation_x: u32,
    groups: u32, has_bias: u32, relu: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;                // [N,C,H,W]
@group(0) @binding(2) var<storage, read> weights: array<f32>;          // [K,Cg,I,J]
@group(0) @binding(3) var<storage, read> bias: array<f32>;             // [K]
@group(0) @binding(4) var<storage, read_write> y: array<f32>;          // [N,K,R,S]

const WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let across = (params.out_width + 3u) / 4u;
    let row = id.x / across;
    if row >= params.out_height { return; }
    let column = (id.x % across) * 4u;
    let per_group = params.out_channels / params.groups;
    let blocks = (per_group + 3u) / 4u;
    let group = id.y / blocks;
    let first = group * per_group + (id.y % blocks) * 4u;
    let last = (group + 1u) * per_group - 1u;
    let in_group = params.channels / params.groups;
    let taps = in_group * params.kernel_h * params.kernel_w;
    // Channels past the group's end repeat its last one and are not stored.
    let k = min(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(last)) * taps;
    let columns = vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u);

    var sums: array<vec4<f32>, 4>; // a channel each: four pixels
    var tap = 0u;
    for (var c = 0u; c < in_group; c++) {
        let map = ((id.z * params.channels + group * in_group + c) * params.height) * params.width;
        for (var i = 0u; i < params.kernel_h; i++) {
            let from_y = i32(row * params.stride_y + i * params.dilation_y) - i32(params.pad_y);
            let in_row = from_y >= 0 && from_y < i32(params.height);
            let line = map + u32(clamp(from_y, 0, i32(params.height) - 1)) * params.width;
            for (var j = 0u; j < params.kernel_w; j++) {
                let from_x = vec4<i32>(columns * params.stride_x + j * params.dilation_x) - i32(params.pad_x);
                let inside = (from_x >= vec4<i32>(0)) & (from_x < vec4<i32>(i32(params.width))) & vec4<bool>(in_row);
                let at = vec4<u32>(clamp(from_x, vec4<i32>(0), vec4<i32>(i32(params.width) - 1))) + line;
                let values = select(vec4<f32>(0.0), vec4<f32>(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
                sums[0] = fma(values, vec4<f32>(weights[k.x + tap]), sums[0]);
                sums[1] = fma(values, vec4<f32>(weights[k.y + tap]), sums[1]);
                sums[2] = fma(values, vec4<f32>(weights[k.z + tap]), sums[2]);
                sums[3] = fma(values, vec4<f32>(weights[k.w + tap]), sums[3]);
                tap++;
            }
        }
    }
    for (var q = 0u; q < 4u; q++) {
        let channel = first + q;
        if channel > last { break; }
        var value = sums[q];
        if params.has_bias == 1u { value += bias[channel]; }
        if params.relu == 1u { value = max(value, vec4<f32>(0.0)); }
        let to = ((id.z * params.out_channels + channel) * params.out_height + row) * params.out_width + column;
        for (var p = 0u; p < 4u && column + p < params.out_width; p++) { y[to + p] = value[p]; }
    }
}
