// label_argmax: at every position of a grid that score maps are brought to, the channel with the highest score among those that the
// position's owner has; the scores themselves are never stored. Softmax would keep their order and is left out.
//   y[n,r,s] = offset + argmax_{first <= c < end} bilinear(maps[n,c], r, s), see shared/bilinear.wgsl, edges repeated beyond the map;
//   the lowest of equals. (first, end) = blocks[owner[n,r,s]], or blocks[0] if not owned; 0 where first = end; 65535, which is no
//   label, where a score is NaN or infinite or the owner is 65535 itself.
// Shapes   maps [N,C,h,w] f32   blocks [owners] of (first, end)   owner, y [N,H,W] u16, two to a word, the first in the low half
// Grid     x = min(words, 65535*WG) invocations, each walking the words with the grid's stride.
// Requires offset + C <= 65535; owner < owners or 65535; first <= end <= C.
// Ensures  every word of y is written once; the half past the last position is 0.
// Twin     src/reference/label_argmax.rs
struct Params {
    positions: u32,  // N*H*W
    grid_stride: u32, channels: u32, height: u32, width: u32, out_height: u32, out_width: u32,
    owned: u32,      // whether blocks are chosen by owner
    offset: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> maps: array<f32>;
@group(0) @binding(2) var<storage, read> blocks: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> owner: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

const WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var word = id.x; word < (params.positions + 1u) / 2u; word += params.grid_stride) {
        var both = label(2u * word, 0u);
        if 2u * word + 1u < params.positions { both |= label(2u * word + 1u, 16u) << 16u; }
        y[word] = both;
    }
}

// The label of a position; its owner stands `shift` bits up in the word that holds it.
fn label(position: u32, shift: u32) -> u32 {
    var block = blocks[0];
    if params.owned == 1u {
        let whose = (owner[position / 2u] >> shift) & 0xffffu;
        if whose == 0xffffu { return whose; }
        block = blocks[whose];
    }
    if block.x == block.y { return 0u; }
    let place = position % (params.out_height * params.out_width);
    let ty = source_coordinate(place / params.out_width, params.height, params.out_height);
    let tx = source_coordinate(place % params.out_width, params.width, params.out_width);
    let last = vec2<i32>(i32(params.height), i32(params.width)) - 1;
    let low = clamp(vec2<i32>(floor(vec2<f32>(ty, tx))), vec2<i32>(), last);
    let high = clamp(vec2<i32>(floor(vec2<f32>(ty, tx))) + 1, vec2<i32>(), last);
    let top = u32(low.x) * params.width;
    let bottom = u32(high.x) * params.width;
    let area = params.height * params.width;
    var map = (position / (params.out_height * params.out_width) * params.channels + block.x) * area;
    var best = block.x;
    var most = 0.0;
    // The bits of the largest score but for its sign.
    var size = 0u;
    for (var c = block.x; c < block.y; c++) {
        let nw = maps[map + top + u32(low.y)];
        let ne = maps[map + top + u32(high.y)];
        let sw = maps[map + bottom + u32(low.y)];
        let se = maps[map + bottom + u32(high.y)];
        let score = blend(ty - floor(ty), tx - floor(tx), nw, ne, sw, se);
        size = max(size, bitcast<u32>(score) & 0x7fffffffu);
        if c == block.x || score > most {
            best = c;
            most = score;
        }
        map += area;
    }
    return select(best + params.offset, 0xffffu, size >= 0x7f800000u);
}
