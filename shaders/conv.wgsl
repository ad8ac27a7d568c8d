// conv: convolution of any window, stride, padding, dilation and groups, with bias and activation.
//   y[n,k,r,s] = act( b[k] + sum_{c,i,j} w[k,c,i,j] * x[n, g*Cg+c, r*sy+i*dy-py, s*sx+j*dx-px] ),   g = floor(k / Kg)
// Shapes   x [N,C,H,W]  packed [groups, ceil(Kg/8), Cg, I, J, 8], zeros past Kg  b [K] (any content if has_bias is 0)
//          y [N,K,R,S], all f32; Cg = C/groups, Kg = K/groups
//          act(t) = max(t, slope t), which a slope of 1 leaves out (shared/activation.wgsl)
// Grid     x = R * ceil(S/4), four columns of a row each;  y = groups * ceil(Kg/8), eight channels each;  z = N
// Ladder   4 columns x 4 channels, a load for each weight; 4 x 8, weights packed by eight: twice as fast on llvmpipe, 7 GFLOP/s
//          (benches/README.md).
// Requires the shapes agree; nothing is assumed of any size.
// Ensures  every element of y is written once. The sum runs over c, then i, then j, with fma from zero; the bias comes last:
//          every variant of convolution but conv_doubled keeps this order, so that all give the same bits. fma is asked for by name: whether
//          a * b + c becomes one is a compiler's choice, and bits must not depend on that.
// Twin     src/reference/conv.rs
struct Params { window: Window, channels: u32, out_channels: u32, groups: u32, has_bias: u32, slope: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

const WG: u32 = 64u;

// Where an invocation's results go: image, first column, row; first channel and the last of its group.
struct Place { n: u32, column: u32, row: u32, first: u32, last: u32 }

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let across = (params.window.out_width + 3u) / 4u;
    let row = id.x / across;
    if row >= params.window.out_height { return; }
    let in_group = params.channels / params.groups;
    let out_group = params.out_channels / params.groups;
    let blocks = (out_group + 7u) / 8u;
    let group = id.y / blocks;
    let place = Place(id.z, (id.x % across) * 4u, row, group * out_group + (id.y % blocks) * 8u, (group + 1u) * out_group - 1u);
    let top = top_of(row);
    let left = lefts_of(vec4<u32>(place.column) + vec4<u32>(0u, 1u, 2u, 3u));

    // Sums of columns 0 to 3, channels 0..4 (low) and 4..8 (high).
    var low0 = vec4<f32>(); var low1 = vec4<f32>(); var low2 = vec4<f32>(); var low3 = vec4<f32>();
    var high0 = vec4<f32>(); var high1 = vec4<f32>(); var high2 = vec4<f32>(); var high3 = vec4<f32>();

    // One loop over c, i and j: llvmpipe leaves loops after 65,535 rounds of an invocation, those of nested loops counted together.
    let taps = in_group * params.window.kernel_h * params.window.kernel_w;
    let plane = params.window.height * params.window.width;
    var map = (id.z * params.channels + group * in_group) * plane;
    var i = 0u;
    var j = 0u;
    for (var tap = 0u; tap < taps; tap++) {
        let from_y = top + below(i);
        let from_x = left + right_of(j);
        let inside = has_columns(from_x) & vec4<bool>(has_row(from_y));
        // Taps outside read a harmless element and count as zero. No index outside is even formed: trusted modules check none.
        let line = map + u32(max(from_y, 0)) * params.window.width;
        let at = select(vec4<u32>(map), line + vec4<u32>(from_x), inside);
        let v = select(vec4<f32>(0.0), vec4<f32>(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
        let low = weights[(id.y * taps + tap) * 2u];
        let high = weights[(id.y * taps + tap) * 2u + 1u];
        low0 = fma(vec4<f32>(v.x), low, low0);
        low1 = fma(vec4<f32>(v.y), low, low1);
        low2 = fma(vec4<f32>(v.z), low, low2);
        low3 = fma(vec4<f32>(v.w), low, low3);
        high0 = fma(vec4<f32>(v.x), high, high0);
        high1 = fma(vec4<f32>(v.y), high, high1);
        high2 = fma(vec4<f32>(v.z), high, high2);
        high3 = fma(vec4<f32>(v.w), high, high3);
        // Counted on, not divided out of `tap`: divisions of integers are slow on every adapter.
        let last_j = j + 1u == params.window.kernel_w;
        let last_i = last_j && i + 1u == params.window.kernel_h;
        j = select(j + 1u, 0u, last_j);
        i = select(select(i, i + 1u, last_j), 0u, last_i);
        map += select(0u, plane, last_i);
    }
    store(place, 0u, low0, high0);
    store(place, 1u, low1, high1);
    store(place, 2u, low2, high2);
    store(place, 3u, low3, high3);
}

fn store(place: Place, p: u32, low: vec4<f32>, high: vec4<f32>) {
    if place.column + p >= params.window.out_width { return; }
    for (var q = 0u; q < 8u; q++) {
        let channel = place.first + q;
        if channel > place.last { return; }
        var value = select(low[q % 4u], high[q % 4u], q >= 4u);
        if params.has_bias == 1u { value += bias[channel]; }
        let map = (place.n * params.out_channels + channel) * params.window.out_height * params.window.out_width;
        y[map + place.row * params.window.out_width + place.column + p] = act(value);
    }
}
