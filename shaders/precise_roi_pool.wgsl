// precise_roi_pool: the mean over equal bins of a whole map, the map taken as the bilinear function through its positions.
//   y[n,c,p,q] = (P/H) (P/W) * sum_{i,j} I(p,i,H) I(q,j,W) * x[n,c,i,j]
//   I(p,i,H) = integral over t from p*H/P to (p+1)*H/P of max(0, 1 - |t - i|):  position i of the map lies at i, not at i + 1/2,
//   and beyond the map there is zero, so that the first row counts half and the last bin fades.
// Shapes   x [N,C,H,W]  y [N,C,P,P], f32
// Grid     x = min(count, 65535*WG) invocations, each walking the outputs with the grid's stride.
// Ensures  every element of y is written once; the sum runs over i, then j.
// Twin     src/reference/precise_roi_pool.rs
// Source   Jiang et al., "Acquisition of localization confidence for accurate object detection", ECCV 2018, on the whole map
struct Params { count: u32, grid_stride: u32, height: u32, width: u32, bins: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

const WG: u32 = 64u;

// The integral of max(0, 1 - |t|) up to t.
fn area(t: f32) -> f32 {
    let u = clamp(t, -1.0, 1.0);
    let rest = 1.0 - abs(u);
    return select(0.5 * rest * rest, 1.0 - 0.5 * rest * rest, u > 0.0);
}

fn share(from_t: f32, to_t: f32, at: u32) -> f32 {
    return area(to_t - f32(at)) - area(from_t - f32(at));
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let bins = f32(params.bins);
    let size = vec2<f32>(f32(params.height), f32(params.width));
    for (var at = id.x; at < params.count; at += params.grid_stride) {
        let bin = vec2<f32>(vec2<u32>(at / params.bins, at) % params.bins);
        let map = at / (params.bins * params.bins) * params.height * params.width;
        let low = bin * size / bins;
        let high = (bin + 1.0) * size / bins;
        let bottom = min(u32(ceil(high.x)), params.height - 1u);
        let right = min(u32(ceil(high.y)), params.width - 1u);
        var sum = 0.0;
        for (var i = u32(low.x); i <= bottom; i++) {
            let row = share(low.x, high.x, i);
            for (var j = u32(low.y); j <= right; j++) {
                sum = fma(row * share(low.y, high.y, j), x[map + i * params.width + j], sum);
            }
        }
        y[at] = sum * (bins / size.x) * (bins / size.y);
    }
}
