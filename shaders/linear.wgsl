// linear: every output sees every input; a range of output rows at a time, since large weights do not fit one binding.
//   y[n,k] = relu( b[k] + sum_q w[k-first,q] * x[n,q] ),   first <= k < first + rows
// Shapes   x [N,Q]  w [rows,Q], a range of the rows of [K,Q]  b [K]  y [N,K], f32
// Grid     x = rows;  y = ceil(N/4): an invocation makes one output of four images, so that a weight is loaded once for four.
// Requires first + rows <= K.
// Ensures  the elements of y of these rows are written once, no others. Four running sums over q mod 4 are added in order, then
//          the rest of q, then the bias: the same bits for any batch size.
// Twin     src/reference/linear.rs
struct Params { images: u32, inputs: u32, outputs: u32, first_row: u32, rows: u32, relu: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

const WG: u32 = 64u;

fn four(at: u32) -> vec4<f32> { return vec4<f32>(x[at], x[at + 1u], x[at + 2u], x[at + 3u]); }

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.rows { return; }
    let row = id.x * params.inputs;
    let first = id.y * 4u;
    // Images past the last repeat it and are not stored.
    let at = min(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.images - 1u)) * params.inputs;
    var a = vec4<f32>(0.0);
    var b = vec4<f32>(0.0);
    var c = vec4<f32>(0.0);
    var d = vec4<f32>(0.0);
    let whole = params.inputs / 4u * 4u;
    for (var q = 0u; q < whole; q += 4u) {
        let w = vec4<f32>(weights[row + q], weights[row + q + 1u], weights[row + q + 2u], weights[row + q + 3u]);
        a = fma(w, four(at.x + q), a);
        b = fma(w, four(at.y + q), b);
        c = fma(w, four(at.z + q), c);
        d = fma(w, four(at.w + q), d);
    }
    var sums = vec4<f32>(a.x + a.y + a.z + a.w, b.x + b.y + b.z + b.w, c.x + c.y + c.z + c.w, d.x + d.y + d.z + d.w);
    for (var q = whole; q < params.inputs; q++) {
        let values = vec4<f32>(x[at.x + q], x[at.y + q], x[at.z + q], x[at.w + q]);
        sums = fma(vec4<f32>(weights[row + q]), values, sums);
    }
    let k = params.first_row + id.x;
    sums += bias[k];
    if params.relu == 1u { sums = max(sums, vec4<f32>(0.0)); }
    for (var i = 0u; i < 4u && first + i < params.images; i++) { y[(first + i) * params.outputs + k] = sums[i]; }
}
