// threshold_iou: counts where a unit fires and where it fires on a label, without storing the upsampled map.
//   fires(n,u,p) = bilinear(maps[n,u], p) > level[u]      on the grid [GH,GW], zero outside the map (shared/bilinear.wgsl)
//   area[u]    += #{ (n,p) : fires(n,u,p) }
//   inter[u,c] += #{ (n,p) : fires(n,u,p) and label c at p in image n }
// Shapes   maps [N,U,h,w] f32   level [U] f32   area [U] u32   inter [U,C] u32
//          index [2N + J] u32: first entry and number of entries of each image, then the label of each entry
//          bits [J, words] u32: where each entry's label is; bit i of word j is position 32 j + i;  words = ceil(GH*GW/32)
// Grid     x = words, one invocation for 32 positions;  y = U;  z = N
// Requires labels < C; an image has no label twice; counts stay below 2^32 (the host empties them before).
// Ensures  integer atomics only: the order of invocations and the batch size change nothing.
// Twin     src/reference/threshold_iou.rs
// Source   Bau et al., PNAS 2020: IoU(u,c) = inter / (area + label area - inter)
struct Params { images: u32, units: u32, labels: u32, height: u32, width: u32, grid_height: u32, grid_width: u32, words: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> maps: array<f32>;
@group(0) @binding(2) var<storage, read> level: array<f32>;
@group(0) @binding(3) var<storage, read> index: array<u32>;
@group(0) @binding(4) var<storage, read> bits: array<u32>;
@group(0) @binding(5) var<storage, read_write> area: array<atomic<u32>>;
@group(0) @binding(6) var<storage, read_write> inter: array<atomic<u32>>;

const WG: u32 = 32u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.words { return; }
    let unit = id.y;
    let map = (id.z * params.units + unit) * params.height * params.width;
    let positions = params.grid_height * params.grid_width;
    let threshold = level[unit];
    var mask = 0u;
    for (var i = 0u; i < 32u; i++) {
        let p = id.x * 32u + i;
        if p >= positions { break; }
        let value = bilinear(map, params.height, params.width, p / params.grid_width, p % params.grid_width,
                             params.grid_height, params.grid_width, false);
        mask |= select(0u, 1u << i, value > threshold);
    }
    // Units fire on about one position in a hundred: nearly every mask is empty.
    if mask == 0u { return; }
    atomicAdd(&area[unit], countOneBits(mask));
    let first = index[id.z * 2u];
    let count = index[id.z * 2u + 1u];
    for (var j = first; j < first + count; j++) {
        let both = countOneBits(mask & bits[j * params.words + id.x]);
        if both > 0u { atomicAdd(&inter[unit * params.labels + index[params.images * 2u + j]], both); }
    }
}
