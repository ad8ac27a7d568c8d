// splice: windows of a map that has changed in a rectangle, each image in its own.
//   y[n,c,i,j] = changed[n,c,Y-changed_top[n],X-changed_left[n]]  if top[n] <= Y < bottom[n] and left[n] <= X < right[n],
//                base[c,Y,X]                                        else,           Y = first_row[n]+i, X = first_column[n]+j
// Shapes   base [C,H,W]  changed [N,C,P,Q]  y [N,C,R,S], f32
//          places [N,8] u32: first_row, first_column, top, bottom, left, right, changed_top, changed_left
// Grid     x = min(count, 65535*WG) invocations, each walking the elements of y with the grid's stride.
// Requires windows inside base; rectangles, where they meet their window, inside changed.
// Ensures  every element of y is written once; copies only.
// Twin     src/reference/splice.rs
struct Params {
    count: u32, grid_stride: u32, channels: u32,
    rows: u32, columns: u32,                 // of base
    changed_rows: u32, changed_columns: u32,
    window_rows: u32, window_columns: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> base: array<f32>;
@group(0) @binding(2) var<storage, read> changed: array<f32>;
@group(0) @binding(3) var<storage, read> places: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

const WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var i = id.x; i < params.count; i += params.grid_stride) {
        let j = i % params.window_columns;
        let line = i / params.window_columns;
        let map = line / params.window_rows;
        let c = map % params.channels;
        let at = map / params.channels * 8u;
        let row = places[at] + line % params.window_rows;
        let column = places[at + 1u] + j;
        let inside = row >= places[at + 2u] && row < places[at + 3u] && column >= places[at + 4u] && column < places[at + 5u];
        if inside {
            let changed_row = map * params.changed_rows + row - places[at + 6u];
            y[i] = changed[changed_row * params.changed_columns + column - places[at + 7u]];
        } else {
            y[i] = base[(c * params.rows + row) * params.columns + column];
        }
    }
}
