// histogram: one digit of an exact order statistic of each unit's upsampled values, which are never stored.
//   key(v)      the bits of v, made to order as v does: sign bit set if v >= 0, all bits flipped if v < 0; -0 counts as 0
//   v           bilinear(maps[n,u], y, x) on the grid [GH,GW], zero outside the map (shared/bilinear.wgsl, row_walk.wgsl)
//   counts[u,d] += #{ (n,y,x) : v != 0, key(v) >> shift >> bits == prefix[u], d the lowest `bits` bits of key(v) >> shift }
//   above[u]     = min( above[u], key(v) of all v != 0 with key(v) >> shift >> bits > prefix[u] )
// Zeros, most of what comes out of a ReLU, are left to the host: their number is all positions less those counted in the
// first digit.
// Shapes   maps [N,U,h,w] f32   prefix [U] u32   counts [U,2^bits] u32   above [U] u32
// Grid     x = GH, one invocation a row of the grid;  y = U;  z = N
// Requires counts stay below 2^32 (the host empties them before).
// Ensures  integer atomics only: the order of invocations and the batch size change nothing.
// Twin     src/reference/histogram.rs
struct Params { units: u32, height: u32, width: u32, grid_height: u32, grid_width: u32, shift: u32, bits: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> maps: array<f32>;
@group(0) @binding(2) var<storage, read> prefix: array<u32>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> above: array<atomic<u32>>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.grid_height || id.y >= params.units { return; }
    let unit = id.y;
    let map = (id.z * params.units + unit) * params.height * params.width;
    let wanted = prefix[unit];
    var column = 0u;
    var walk = row_walk(map, params.height, params.width, id.x, params.grid_height, column, params.grid_width);
    while column < params.grid_width {
        enter(&walk, column);
        loop {
            let word = bitcast<u32>(sample(&walk, column));
            if (word & 0x7fffffffu) != 0u {
                let key = select(word | 0x80000000u, ~word, (word & 0x80000000u) != 0u);
                let digits = key >> params.shift;
                let lead = digits >> params.bits;
                if lead == wanted {
                    atomicAdd(&counts[(unit << params.bits) + (digits & ((1u << params.bits) - 1u))], 1u);
                } else if lead > wanted {
                    atomicMin(&above[unit], key);
                }
            }
            continuing {
                column++;
                break if column >= params.grid_width || !inside(&walk, column);
            }
        }
    }
}
