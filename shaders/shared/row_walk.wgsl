
// A walk along a row of the target grid, cell by cell of the map, zero outside it: the samples of shared/bilinear.wgsl, to the
// bit, with two loads a cell instead of four a position. Software adapters run both sides of a branch but do leave loops, so
// the loads stand in the outer of two loops and not behind an `if`:
//   var walk = row_walk(base, h, w, ty, target_h, column, target_w);
//   while column < end {
//       enter(&walk, column);
//       loop { use(sample(&walk, column)); continuing { column++; break if column >= end || !inside(&walk, column); } }
//   }
struct RowWalk {
    base: u32, h: u32, w: u32, target_w: u32,
    iy: i32, fy: f32,
    ix: i32, nw: f32, ne: f32, sw: f32, se: f32,
}

fn cell_of(walk: ptr<function, RowWalk>, column: u32) -> i32 {
    return i32(floor(source_coordinate(column, (*walk).w, (*walk).target_w)));
}

// A walk that starts in the cell left of the one that holds `column`.
fn row_walk(base: u32, h: u32, w: u32, ty: u32, target_h: u32, column: u32, target_w: u32) -> RowWalk {
    let y = source_coordinate(ty, h, target_h);
    let iy = i32(floor(y));
    let ix = i32(floor(source_coordinate(column, w, target_w)));
    let ne = neighbour(base, iy, ix, h, w, false);
    let se = neighbour(base, iy + 1, ix, h, w, false);
    return RowWalk(base, h, w, target_w, iy, y - floor(y), ix - 1, 0.0, ne, 0.0, se);
}

// Goes right to the cell that holds `column`.
fn enter(walk: ptr<function, RowWalk>, column: u32) {
    let ix = cell_of(walk, column);
    while (*walk).ix < ix {
        (*walk).ix += 1;
        (*walk).nw = (*walk).ne;
        (*walk).sw = (*walk).se;
        (*walk).ne = neighbour((*walk).base, (*walk).iy, (*walk).ix + 1, (*walk).h, (*walk).w, false);
        (*walk).se = neighbour((*walk).base, (*walk).iy + 1, (*walk).ix + 1, (*walk).h, (*walk).w, false);
    }
}

// Whether `column` is in the cell that the walk stands in.
fn inside(walk: ptr<function, RowWalk>, column: u32) -> bool {
    return cell_of(walk, column) == (*walk).ix;
}

// The sample at a column inside.
fn sample(walk: ptr<function, RowWalk>, column: u32) -> f32 {
    let x = source_coordinate(column, (*walk).w, (*walk).target_w);
    return blend((*walk).fy, x - f32((*walk).ix), (*walk).nw, (*walk).ne, (*walk).sw, (*walk).se);
}
