// average_pool: the mean over a sliding window, padding counted as zeros.
//   y[n,c,r,s] = ( sum_{i,j} x[n,c,r*sy+i*dy-py,s*sx+j*dx-px] ) / (I*J),   x zero outside the map
// Shapes   x [N,C,H,W]  y [N,C,R,S], f32
// Grid     that of the walk, which is shared/pool.wgsl
// Ensures  every element of y is written once; the sum runs over i, then j.
// Twin     src/reference/average_pool.rs
fn first() -> f32 { return 0.0; }
fn next(sum: f32, value: f32) -> f32 { return sum + value; }
fn last(sum: f32) -> f32 { return sum / f32(params.window.kernel_h * params.window.kernel_w); }
