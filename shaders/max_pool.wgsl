// max_pool: the maximum over a sliding window.
//   y[n,c,r,s] = max over i, j with (r*sy+i*dy-py, s*sx+j*dx-px) in the map of x[n,c,r*sy+i*dy-py,s*sx+j*dx-px]
// Shapes   x [N,C,H,W]  y [N,C,R,S], f32
// Grid     that of the walk, which is shared/pool.wgsl
// Requires padding below half of the window, so that every window holds a position of the map.
// Ensures  every element of y is written once; a window with a NaN gives NaN.
// Twin     src/reference/max_pool.rs
// Minus infinity, for which WGSL has no word.
fn first() -> f32 {
    var bits = 0xff800000u;
    return bitcast<f32>(bits);
}
fn next(best: f32, value: f32) -> f32 { return larger(best, value); }
fn last(best: f32) -> f32 { return best; }
