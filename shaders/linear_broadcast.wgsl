// linear_broadcast: every output sees every input, in registers only: for adapters where loads are dear and barriers dearer (software).
//   as linear.wgsl
// A product of matrices. A template, unrolled as conv_pointwise.wgsl is and for the same reasons. An invocation makes 8 outputs x
// IMAGES images. Each of eight lanes loads four inputs of an image of its own and hands them to the others.
// Shapes   as linear.wgsl
// Grid     x = ceil(rows / 8);  y = ceil(N / IMAGES)
// Requires subgroups of 8 lanes or more, WG a multiple of 8; Q a multiple of 4.
// Ensures  as linear.wgsl, with the same order of summation and so the same bits.
// Twin     src/reference/linear.rs
struct Params { images: u32, inputs: u32, outputs: u32, first_row: u32, rows: u32, slope: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

override WG: u32 = 8u;
const BLOCK: u32 = 512u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let pitch = (params.rows + 3u) / 4u;
    let row = id.x * 8u;
    let first = id.y * {{ images }}u;
    // Rows and images past the last repeat it and are not stored: all lanes must reach the broadcasts.
    var weight_0 = min(row / 4u, pitch - 1u);
    var weight_1 = min(row / 4u + 1u, pitch - 1u);
//% for h in range(images // 8)
    var at_{{ h }} = min(first + {{ h * 8 }}u + lane % 8u, params.images - 1u) * (params.inputs / 4u);
//% endfor
//% for i in range(images)
    var total_{{ i }}_0 = vec4<f32>(0.0);
    var total_{{ i }}_1 = vec4<f32>(0.0);
//% endfor

    for (var block = 0u; block < params.inputs; block += BLOCK) {
        let end = min(block + BLOCK, params.inputs);
//% for i in range(images)
        var sum_{{ i }}_0 = vec4<f32>(0.0);
        var sum_{{ i }}_1 = vec4<f32>(0.0);
//% endfor
        for (var q = block; q < end; q += 4u) {
//% for h in range(images // 8)
            let held_{{ h }} = x[at_{{ h }}];
            at_{{ h }} += 1u;
//% endfor
//% for d in range(4)
            let w_{{ d }}_0 = weights[weight_0 + {{ d }}u * pitch];
            let w_{{ d }}_1 = weights[weight_1 + {{ d }}u * pitch];
//% endfor
//% for i in range(images)
//%   for d in range(4)
            let x_{{ i }}_{{ d }} = vec4<f32>(subgroupBroadcast(held_{{ i // 8 }}{{ quad[d] }}, {{ i % 8 }}u));
//%   endfor
//%   for part in range(2)
//%     for d in range(4)
            sum_{{ i }}_{{ part }} = fma(w_{{ d }}_{{ part }}, x_{{ i }}_{{ d }}, sum_{{ i }}_{{ part }});
//%     endfor
//%   endfor
//% endfor
            weight_0 += 4u * pitch;
            weight_1 += 4u * pitch;
        }
//% for i in range(images)
        total_{{ i }}_0 += sum_{{ i }}_0;
        total_{{ i }}_1 += sum_{{ i }}_1;
//% endfor
    }

//% for r in range(8)
    if row + {{ r }}u < params.rows {
        let k = params.first_row + row + {{ r }}u;
        let b = bias[k];
//%   for i in range(images)
        if first + {{ i }}u < params.images {
            y[(first + {{ i }}u) * params.outputs + k] = act(total_{{ i }}_{{ r // 4 }}{{ quad[r % 4] }} + b);
        }
//%   endfor
    }
//% endfor
}
