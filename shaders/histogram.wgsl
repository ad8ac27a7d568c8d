// histogram: one digit of an exact order statistic of each unit's upsampled values, which are never stored.
//   key(v)      the bits of v, made to order as v does: sign bit set if v >= 0, all bits flipped if v < 0; -0 counts as 0
//   v           bilinear(maps[n,u], y, x) on the grid [GH,GW], zero outside the map (shared/bilinear.wgsl)
//   counts[u,d] += #{ (n,y,x) : v != 0, key(v) >> shift >> bits == prefix[u], d the lowest `bits` bits of key(v) >> shift }
//   above[u]     = min( above[u], key(v) of all v != 0 with key(v) >> shift >> bits > prefix[u] )
// Zeros, most of what comes out of a ReLU, are left to the host: their number is all positions less those counted in the
// first digit.
// Shapes   maps [N,U,h,w] f32   prefix [U] u32   counts [U,2^bits] u32   above [U] u32
// Grid     x = GH*GW;  y = U;  z = N
// Requires counts stay below 2^32 (the host empties them before).
// Ensures  integer atomics only: the order of invocations and the batch size change nothing.
// Twin     src/reference/histogram.rs
struct Params { units: u32, height: u32, width: u32, grid_height: u32, grid_width: u32, shift: u32, bits: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> maps: array<f32>;
@group(0) @binding(2) var<storage, read> prefix: array<u32>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> above: array<atomic<u32>>;

const WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.grid_height * params.grid_width { return; }
    let unit = id.y;
    let map = (id.z * params.units + unit) * params.height * params.width;
    let value = bilinear(map, params.height, params.width, id.x / params.grid_width, id.x % params.grid_width,
                         params.grid_height, params.grid_width, false);
    let word = bitcast<u32>(value);
    if (word & 0x7fffffffu) == 0u { return; }
    let key = select(word | 0x80000000u, ~word, (word & 0x80000000u) != 0u);
    let digits = key >> params.shift;
    let lead = digits >> params.bits;
    if lead == prefix[unit] {
        atomicAdd(&counts[(unit << params.bits) + (digits & ((1u << params.bits) - 1u))], 1u);
    } else if lead > prefix[unit] {
        atomicMin(&above[unit], key);
    }
}
