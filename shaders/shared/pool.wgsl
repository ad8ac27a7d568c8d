
// The walk of a pooling: for each output the taps of its window that lie in the map, by rows. What becomes of them the kernel says:
//   y = last(next(... next(first(), x_0) ..., x_k))
// Shapes   x [N,C,H,W]  y [N,C,R,S], f32
// Grid     x = min(count, 65535*WG) invocations, each walking the outputs with the grid's stride.
struct Params { window: Window, count: u32, grid_stride: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

const WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let window = params.window;
    for (var at = id.x; at < params.count; at += params.grid_stride) {
        let top = top_of(at / window.out_width % window.out_height);
        let left = left_of(at % window.out_width);
        let map = at / (window.out_width * window.out_height) * window.height * window.width;
        var value = first();
        for (var i = 0u; i < window.kernel_h; i++) {
            let from_y = top + below(i);
            if !has_row(from_y) { continue; }
            for (var j = 0u; j < window.kernel_w; j++) {
                let from_x = left + right_of(j);
                if !has_column(from_x) { continue; }
                value = next(value, x[map + u32(from_y) * window.width + u32(from_x)]);
            }
        }
        y[at] = last(value);
    }
}
