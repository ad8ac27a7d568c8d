// roof_arithmetic: as many multiply-adds as an adapter can do, to hold other kernels against.
//   y[i] = the sum of three chains of 4 * `rounds` steps s = s * 0.5 + 1, a vec4 each, started at x[i] + 0, 1, 2
// Twelve sums fit the sixteen registers of a processor that plays the adapter, and are enough to hide the delay of a step.
// Shapes   x, y [count] vec4<f32>
// Grid     x = count
// Ensures  a chain of n steps from s ends at 2 + (s - 2) / 2^n; with few steps every one is exact.
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
    for (var i = 0u; i < params.rounds; i++) {
        // Written out: the loop itself costs more than a step.
        a = fma(a, half, one);
        b = fma(b, half, one);
        c = fma(c, half, one);
        a = fma(a, half, one);
        b = fma(b, half, one);
        c = fma(c, half, one);
        a = fma(a, half, one);
        b = fma(b, half, one);
        c = fma(c, half, one);
        a = fma(a, half, one);
        b = fma(b, half, one);
        c = fma(c, half, one);
    }
    y[id.x] = a + b + c;
}
