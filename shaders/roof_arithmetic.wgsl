// roof_arithmetic: as many multiply-adds as an adapter can do, to hold other kernels against.
//   y[i] = the sum of eight chains of `rounds` steps s = s * 0.5 + a, a vec4 each, started at x[i] + 0, 1, ... 7
// Shapes   x, y [count] vec4<f32>
// Grid     x = count
// Ensures  a chain from s0 ends at 2 a + (s0 - 2 a) / 2^rounds; with a = 1 and few rounds every step is exact.
// Twin     src/reference/roof_arithmetic.rs
struct Params { count: u32, rounds: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

const WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.count { return; }
    let start = x[id.x];
    let half = vec4<f32>(0.5);
    let one = vec4<f32>(1.0);
    var a = start;
    var b = start + 1.0;
    var c = start + 2.0;
    var d = start + 3.0;
    var e = start + 4.0;
    var f = start + 5.0;
    var g = start + 6.0;
    var h = start + 7.0;
    for (var i = 0u; i < params.rounds; i++) {
        a = fma(a, half, one);
        b = fma(b, half, one);
        c = fma(c, half, one);
        d = fma(d, half, one);
        e = fma(e, half, one);
        f = fma(f, half, one);
        g = fma(g, half, one);
        h = fma(h, half, one);
    }
    y[id.x] = a + b + c + d + e + f + g + h;
}
