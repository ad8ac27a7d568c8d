// peak: the maximum of each map of finite numbers.
//   peak[n,u] = max_p maps[n,u,p], or NaN if one of them is NaN or infinite: told by its bits, since compilers may assume that none is
// Shapes   maps [N,U,P] f32, P = H*W   peaks [N,U] f32
// Grid     x = N*U*WG in a plane of workgroups, one workgroup a map (x, then y).
// Requires P >= 1.
// Ensures  every element of peaks is written once; a maximum does not depend on order.
// Twin     src/reference/peak.rs
struct Params { maps: u32, positions: u32, groups_x: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> maps: array<f32>;
@group(0) @binding(2) var<storage, read_write> peaks: array<f32>;

const WG: u32 = 64u;
var<workgroup> partial: array<f32, WG>;
var<workgroup> sizes: array<u32, WG>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    // Groups past the last map repeat it and store the same value.
    let map = min(group.y * params.groups_x + group.x, params.maps - 1u);
    let first = map * params.positions;
    var best = maps[first];
    // The bits of the largest number but for its sign.
    var size = 0u;
    for (var p = local; p < params.positions; p += WG) {
        let value = maps[first + p];
        best = max(best, value);
        size = max(size, bitcast<u32>(value) & 0x7fffffffu);
    }
    partial[local] = best;
    sizes[local] = size;
    workgroupBarrier();
    if local == 0u {
        for (var i = 1u; i < WG; i++) {
            best = max(best, partial[i]);
            size = max(size, sizes[i]);
        }
        peaks[map] = select(best, bitcast<f32>(size | 0x7fc00000u), size >= 0x7f800000u);
    }
}
