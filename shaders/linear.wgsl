// linear: every output sees every input; a range of output rows at a time, since large weights do not fit one binding.
//   y[n,k] = act( b[k] + sum_q w[k,q] * x[n,q] ),   first <= k < first + rows
//   act(t) = max(t, slope t), which a slope of 1 leaves out (shared/activation.wgsl)
// Shapes   x [N,Q]  packed [Q, ceil(rows/4)*4], a range of the rows of w [K,Q] turned over, zeros past it  b [K]  y [N,K], f32
// Grid     x = rows;  y = ceil(N/4): an invocation makes one output of four images, so that a weight is loaded once for four;
//          neighbours load weights side by side.
// Requires first + rows <= K.
// Ensures  the elements of y of these rows are written once, no others. Each 512 inputs are summed in their order, by fma; the sums
//          are added in order, then the bias: the same bits for any batch size and any kernel. One sum over the 25,088 inputs of
//          VGG's fc6 would lose more digits than fifty short ones do.
// Twin     src/reference/linear.rs
struct Params { images: u32, inputs: u32, outputs: u32, first_row: u32, rows: u32, slope: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

const WG: u32 = 64u;
const BLOCK: u32 = 512u;

fn product(at: vec4<u32>, q: u32, weight: u32, sums: vec4<f32>) -> vec4<f32> {
    return fma(vec4<f32>(weights[weight]), vec4<f32>(x[at.x + q], x[at.y + q], x[at.z + q], x[at.w + q]), sums);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.rows { return; }
    let pitch = (params.rows + 3u) / 4u * 4u;
    let first = id.y * 4u;
    // Images past the last repeat it and are not stored.
    let at = min(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.images - 1u)) * params.inputs;
    var weight = id.x;
    var total = vec4<f32>(0.0);
    for (var block = 0u; block < params.inputs; block += BLOCK) {
        let end = min(block + BLOCK, params.inputs);
        var sums = vec4<f32>(0.0);
        var q = block;
        // Four to a round: software adapters end a loop after some 65,000.
        for (; q + 4u <= end; q += 4u) {
            sums = product(at, q, weight, sums);
            sums = product(at, q + 1u, weight + pitch, sums);
            sums = product(at, q + 2u, weight + 2u * pitch, sums);
            sums = product(at, q + 3u, weight + 3u * pitch, sums);
            weight += 4u * pitch;
        }
        for (; q < end; q++) {
            sums = product(at, q, weight, sums);
            weight += pitch;
        }
        total += sums;
    }
    let k = params.first_row + id.x;
    total = act4(total + bias[k]);
    for (var i = 0u; i < 4u && first + i < params.images; i++) { y[(first + i) * params.outputs + k] = total[i]; }
}
