
// Bilinear sample of `maps` (a storage array of f32 that the kernel declares), half-pixel centres.
//   value at target (ty, tx) of a map [h, w] brought to [H, W]:  src = (t + 1/2) * size/target - 1/2 per axis,
//   the four neighbours weighted nw, ne, sw, se in this order of fma; every kernel that upsamples calls this, so that all passes
//   see the same bits.
// Outside the map values are zero, or those of the nearest edge if `edge`.
fn source_coordinate(t: u32, size: u32, target_size: u32) -> f32 {
    return fma(f32(t) + 0.5, f32(size) / f32(target_size), -0.5);
}

fn neighbour(base: u32, y: i32, x: i32, h: u32, w: u32, edge: bool) -> f32 {
    let cy = clamp(y, 0, i32(h) - 1);
    let cx = clamp(x, 0, i32(w) - 1);
    let value = maps[base + u32(cy) * w + u32(cx)];
    return select(0.0, value, edge || (cy == y && cx == x));
}

fn blend(fy: f32, fx: f32, nw: f32, ne: f32, sw: f32, se: f32) -> f32 {
    return fma(fy * fx, se, fma(fy * (1.0 - fx), sw, fma((1.0 - fy) * fx, ne, (1.0 - fy) * (1.0 - fx) * nw)));
}

fn bilinear(base: u32, h: u32, w: u32, ty: u32, tx: u32, target_h: u32, target_w: u32, edge: bool) -> f32 {
    let y = source_coordinate(ty, h, target_h);
    let x = source_coordinate(tx, w, target_w);
    let y0 = floor(y);
    let x0 = floor(x);
    let iy = i32(y0);
    let ix = i32(x0);
    let nw = neighbour(base, iy, ix, h, w, edge);
    let ne = neighbour(base, iy, ix + 1, h, w, edge);
    let sw = neighbour(base, iy + 1, ix, h, w, edge);
    let se = neighbour(base, iy + 1, ix + 1, h, w, edge);
    return blend(y - y0, x - x0, nw, ne, sw, se);
}
