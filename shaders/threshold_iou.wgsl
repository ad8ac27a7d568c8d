// threshold_iou: counts where a unit fires and where it fires on a label, without storing the upsampled map.
//   fires(n,u,p) = bilinear(maps[n,u], p) > level[u]      on the grid [GH,GW], zero outside the map (shared/bilinear.wgsl, row_walk.wgsl)
//   area[u]    += #{ (n,p) : fires(n,u,p) }
//   inter[u,c] += #{ (n,p) : fires(n,u,p) and label c at p in image n }
// Shapes   maps [N,U,h,w] f32   level [U] f32   area [U] u32   inter [U,C] u32
//          index [2N + J] u32: first entry and number of entries of each image, then the label of each entry
//          bits [J, GH, ceil(GW/32)] u32: where each entry's label is; bit i of word j of a row is column 32 j + i
// Grid     x = GH, one invocation a row of the grid, 32 positions at a time;  y = U;  z = N
// Requires labels < C; an image has no label twice; counts stay below 2^32 (the host empties them before).
// Ensures  integer atomics only: the order of invocations and the batch size change nothing.
// Twin     src/reference/threshold_iou.rs
// Source   Bau et al., PNAS 2020: IoU(u,c) = inter / (area + label area - inter)
struct Params { images: u32, units: u32, labels: u32, height: u32, width: u32, grid_height: u32, grid_width: u32, row_words: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> maps: array<f32>;
@group(0) @binding(2) var<storage, read> level: array<f32>;
@group(0) @binding(3) var<storage, read> index: array<u32>;
@group(0) @binding(4) var<storage, read> bits: array<u32>;
@group(0) @binding(5) var<storage, read_write> area: array<atomic<u32>>;
@group(0) @binding(6) var<storage, read_write> inter: array<atomic<u32>>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.grid_height || id.y >= params.units { return; }
    let unit = id.y;
    let map = (id.z * params.units + unit) * params.height * params.width;
    let threshold = level[unit];
    let map_words = params.row_words * params.grid_height;
    let first = index[id.z * 2u];
    let count = index[id.z * 2u + 1u];
    for (var start = 0u; start < params.grid_width; start += 32u) {
        let end = min(start + 32u, params.grid_width);
        var column = start;
        var walk = row_walk(map, params.height, params.width, id.x, params.grid_height, column, params.grid_width);
        var mask = 0u;
        while column < end {
            enter(&walk, column);
            loop {
                mask |= select(0u, 1u << (column - start), sample(&walk, column) > threshold);
                continuing {
                    column++;
                    break if column >= end || !inside(&walk, column);
                }
            }
        }
        // Units fire on about one position in a hundred: nearly every mask is empty.
        if mask == 0u { continue; }
        atomicAdd(&area[unit], countOneBits(mask));
        let word = id.x * params.row_words + start / 32u;
        for (var j = first; j < first + count; j++) {
            let both = countOneBits(mask & bits[j * map_words + word]);
            if both > 0u { atomicAdd(&inter[unit * params.labels + index[params.images * 2u + j]], both); }
        }
    }
}
