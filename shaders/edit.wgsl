// edit: blends a layer toward given values, to remove units, set them, or paint with them.
//   y[n,c,p] = x[n,c,p] * (1 - A) + V * A,   A = amount[n*an + c*ac + p*ap],  V = value[likewise]
// Shapes   x, y [N,C,P] f32, P = H*W;  amount, value: [C], [C,P], [N,C] or [N,C,P] by the strides (0 repeats)
// Grid     x = min(count, 65535*WG) invocations, each walking the elements with the grid's stride.
// Ensures  A = 0 leaves x as it is and A = 1 gives V, both to the bit.
// Twin     src/reference/edit.rs
// Source   the general edit of the reference implementation of Bau et al., PNAS 2020
struct Params { count: u32, grid_stride: u32, channels: u32, positions: u32, image_step: u32, channel_step: u32, position_step: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> amount: array<f32>;
@group(0) @binding(2) var<storage, read> value: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // x before, y after

const WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var i = id.x; i < params.count; i += params.grid_stride) {
        let p = i % params.positions;
        let c = (i / params.positions) % params.channels;
        let n = i / (params.positions * params.channels);
        let at = n * params.image_step + c * params.channel_step + p * params.position_step;
        let a = amount[at];
        // An infinite or undefined x must not survive full replacement.
        if a == 1.0 {
            y[i] = value[at];
        } else if a != 0.0 {
            y[i] = y[i] * (1.0 - a) + value[at] * a;
        }
    }
}
