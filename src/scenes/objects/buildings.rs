//! Houses, barns and what all buildings share: windows, doors, roofs.

use crate::scenes::group::{Block, Group, SIDES, Side, block, centred};
use crate::scenes::labels::{Object, Part, Tag};
use crate::scenes::light::{Light, Weather};
use crate::scenes::math::{Vec3, cosine, mix, rgb, sine, vec3};
use crate::scenes::random::Random;
use crate::scenes::surface::{Pattern, Surface};

pub(crate) const WALLS: [u32; 12] = [
    0xE8E0D0, 0xD9C9A8, 0xC9B49A, 0xE3D3B8, 0xB8C4C8, 0xD8A890, 0xE9E6E0, 0xC7A24E, 0x9AA88A, 0xB5654A, 0x8FA3B5,
    0xDDB7A6,
];
pub(crate) const ROOFS: [u32; 7] = [0x9C4A34, 0x7A4034, 0x54565C, 0x6B5A4C, 0x44484A, 0xA8603C, 0x5C6650];
const DOORS: [u32; 7] = [0x6B3A2A, 0x2F4A3A, 0x7A2E2A, 0x34465E, 0x8A6B4A, 0xE0DCD2, 0x3A3634];

/// Glass as it looks from outside: the sky by day, here and there a lit room at night.
pub(crate) fn pane(random: &mut Random, light: &Light) -> Surface {
    if light.is_dark() && random.chance(0.62) {
        let warm = mix(rgb(0xFFC878), rgb(0xFFE6B0), random.unit());
        return Surface::glass(warm).gloss(0.05).shine(random.range(0.6, 1.1));
    }
    Surface::glass(rgb(0x2C3946) * random.range(0.7, 1.3)).gloss(0.5)
}

/// A window with its frame and bars on a side of a block: u and y of its lower left, width, height.
pub(crate) fn window(
    group: &mut Group,
    (b, side): (Block, Side),
    (u, y, w, h): (f32, f32, f32, f32),
    (frame, glass): (Vec3, &Surface),
    object: Object,
) {
    let tag = object.with(Part::Window);
    let wood = Surface::boards(frame, 0.5, true).second(frame);
    let rim = 0.09;
    group.panel(b, side, (u - rim, u + w + rim), (y - rim, y + h + rim), 0.03, &wood, tag);
    let middle = u + w / 2.0;
    let bar = 0.035;
    let cut = y + h * 0.62;
    for (from, to) in [(u, middle - bar), (middle + bar, u + w)] {
        group.panel(b, side, (from, to), (y, cut - bar), 0.04, glass, tag);
        group.panel(b, side, (from, to), (cut + bar, y + h), 0.04, glass, tag);
    }
    let sill = Surface::plaster(mix(frame, Vec3::grey(0.5), 0.4));
    group.panel(b, side, (u - 0.15, u + w + 0.15), (y - 0.2, y - rim), 0.08, &sill, object.with(Part::Window));
}

/// A door with its frame, on the ground.
pub(crate) fn door(
    group: &mut Group,
    (b, side): (Block, Side),
    (u, w, h): (f32, f32, f32),
    random: &mut Random,
    object: Object,
) {
    let color = rgb(random.pick(&DOORS));
    let tag = object.with(Part::Door);
    let y = b.y.0;
    let frame = Surface::boards(rgb(0xDDD6C8), 0.6, true);
    group.panel(b, side, (u - 0.12, u + w + 0.12), (y, y + h + 0.12), 0.03, &frame, tag);
    group.panel(b, side, (u, u + w), (y, y + h), 0.05, &Surface::boards(color, 0.3, true), tag);
    let inner = Surface::boards(color * 1.25, 0.5, true).second(color);
    group.panel(b, side, (u + w * 0.18, u + w * 0.82), (y + h * 0.10, y + h * 0.42), 0.06, &inner, tag);
    let glass = Surface::glass(rgb(0x3A4650));
    group.panel(b, side, (u + w * 0.18, u + w * 0.82), (y + h * 0.55, y + h * 0.9), 0.06, &glass, tag);
    group.disc(b, side, (u + w * 0.9, y + h * 0.48, 0.05), 0.07, &Surface::metal(rgb(0xC9A85A)), tag);
}

/// Corners of a window or gate with a round (1) to pointed (above 1) top.
pub(crate) fn arched(u: f32, y: f32, w: f32, h: f32, point: f32) -> Vec<(f32, f32)> {
    let spring = y + h - w / 2.0 * point;
    let arc = (0..=8).map(|step| {
        let angle = 0.5 * step as f32 / 8.0;
        (u + w / 2.0 + w / 2.0 * cosine(angle), spring + w / 2.0 * point * sine(angle))
    });
    [(u, y), (u + w, y)].into_iter().chain(arc).collect()
}

/// A roof with two slopes over a block, its ridge along x or z; also the triangles of wall below it.
pub(crate) fn gable(
    group: &mut Group,
    b: Block,
    (rise, along_x, over): (f32, bool, f32),
    (wall, roof): (&Surface, &Surface),
    object: Object,
) {
    let top = b.y.1 + rise;
    let tag = object.with(Part::Roof);
    let ends = if along_x { [Side::Left, Side::Right] } else { [Side::Front, Side::Back] };
    for side in ends {
        let long = b.length(side);
        group.shape(b, side, &[(0.0, b.y.1), (long, b.y.1), (long / 2.0, top)], 0.0, wall, object.with(Part::Facade));
    }
    let half = if along_x { (b.z.1 - b.z.0) / 2.0 } else { (b.x.1 - b.x.0) / 2.0 };
    let eaves = b.y.1 - over * rise / half;
    let ((x0, x1), (z0, z1)) = ((b.x.0 - over, b.x.1 + over), (b.z.0 - over, b.z.1 + over));
    // The rim under the eaves, so that the roof has a thickness.
    let rim = Surface::boards(roof.color * 0.5, 0.3, false);
    let thick = 0.16;
    if along_x {
        let ridge = (b.z.0 + b.z.1) / 2.0;
        group.face(&[vec3(x1, eaves, z1), vec3(x0, eaves, z1), vec3(x0, top, ridge), vec3(x1, top, ridge)], roof, tag);
        group.face(&[vec3(x0, eaves, z0), vec3(x1, eaves, z0), vec3(x1, top, ridge), vec3(x0, top, ridge)], roof, tag);
        group.face(
            &[vec3(x0, eaves - thick, z0), vec3(x1, eaves - thick, z0), vec3(x1, eaves, z0), vec3(x0, eaves, z0)],
            &rim,
            tag,
        );
        for (x, order) in [(x0, [z1, z0]), (x1, [z0, z1])] {
            let [a, c] = order;
            group.face(
                &[vec3(x, eaves - thick, a), vec3(x, top - thick, ridge), vec3(x, top, ridge), vec3(x, eaves, a)],
                &rim,
                tag,
            );
            group.face(
                &[vec3(x, top - thick, ridge), vec3(x, eaves - thick, c), vec3(x, eaves, c), vec3(x, top, ridge)],
                &rim,
                tag,
            );
        }
    } else {
        let ridge = (b.x.0 + b.x.1) / 2.0;
        group.face(&[vec3(x0, eaves, z1), vec3(x0, eaves, z0), vec3(ridge, top, z0), vec3(ridge, top, z1)], roof, tag);
        group.face(&[vec3(x1, eaves, z0), vec3(x1, eaves, z1), vec3(ridge, top, z1), vec3(ridge, top, z0)], roof, tag);
        group.face(
            &[vec3(x0, eaves - thick, z0), vec3(ridge, top - thick, z0), vec3(ridge, top, z0), vec3(x0, eaves, z0)],
            &rim,
            tag,
        );
        group.face(
            &[vec3(ridge, top - thick, z0), vec3(x1, eaves - thick, z0), vec3(x1, eaves, z0), vec3(ridge, top, z0)],
            &rim,
            tag,
        );
    }
}

/// A roof with four slopes that meet in a point (or, for a long block, in a ridge).
pub(crate) fn pyramid(group: &mut Group, b: Block, (rise, over): (f32, f32), roof: &Surface, tag: impl Into<Tag>) {
    let tag = tag.into();
    let ((x0, x1), (z0, z1)) = ((b.x.0 - over, b.x.1 + over), (b.z.0 - over, b.z.1 + over));
    let (y, top) = (b.y.1, b.y.1 + rise);
    let (wide, deep) = ((x1 - x0) / 2.0, (z1 - z0) / 2.0);
    let (mx, mz) = ((x0 + x1) / 2.0, (z0 + z1) / 2.0);
    let (rx, rz) = ((wide - deep).max(0.0) * 0.8, (deep - wide).max(0.0) * 0.8);
    let at = |sx: f32, sz: f32| vec3(mx + sx * rx, top, mz + sz * rz);
    group.face(&[vec3(x1, y, z1), vec3(x0, y, z1), at(-1.0, 1.0), at(1.0, 1.0)], roof, tag);
    group.face(&[vec3(x0, y, z1), vec3(x0, y, z0), at(-1.0, -1.0), at(-1.0, 1.0)], roof, tag);
    group.face(&[vec3(x1, y, z0), vec3(x1, y, z1), at(1.0, 1.0), at(1.0, -1.0)], roof, tag);
    group.face(&[vec3(x0, y, z0), vec3(x1, y, z0), at(1.0, -1.0), at(-1.0, -1.0)], roof, tag);
}

/// Roofing of a colour; white where it snows.
pub(crate) fn roofing(random: &mut Random, light: &Light) -> Surface {
    let roof = Surface::shingles(rgb(random.pick(&ROOFS))).seed(random.seed());
    if light.weather == Weather::Snow {
        return Surface { color: Vec3::grey(0.78), second: Vec3::grey(0.70), pattern: Pattern::Patches(0.8), ..roof };
    }
    roof
}

fn walling(random: &mut Random) -> Surface {
    let color = rgb(random.pick(&WALLS));
    match random.whole(0, 3) {
        0 => Surface::brick(rgb(random.pick(&[0x9A4E3A, 0xA86A4E, 0x8A5A48, 0xB58A6B]))),
        1 => Surface::boards(color, 0.2, false).second(color * 0.6),
        _ => Surface::plaster(color),
    }
    .seed(random.seed())
}

/// A house of one or two storeys.
pub(crate) fn house(group: &mut Group, random: &mut Random, light: &Light) {
    let storeys = random.whole(1, 2);
    let (w, d) = (random.range(7.0, 11.0), random.range(6.5, 8.5));
    let b = centred(w, (0.0, 2.75 * storeys as f32 + 0.3), d);
    let (wall, roof) = (walling(random), roofing(random, light));
    let object = Object::House;
    let plinth = Surface::stone(rgb(0x8A8680));
    group.cuboid(b, &wall, object.with(Part::Facade));
    group.cuboid(
        block((b.x.0 - 0.05, b.x.1 + 0.05), (0.0, 0.35), (b.z.0 - 0.05, b.z.1 + 0.05)),
        &plinth,
        object.with(Part::Facade),
    );
    let along_x = random.chance(0.6);
    let rise = random.range(2.0, 3.8);
    let frame = rgb(random.pick(&[0xF2EEE6, 0xE6E0D2, 0x5A4636, 0x3A4A44]));
    let shutters = random.chance(0.35).then(|| Surface::boards(rgb(random.pick(&DOORS)), 0.12, false));
    for side in SIDES {
        let long = b.length(side);
        let bays = if long > 8.5 { 4 } else { 3 };
        let at_door = if side == Side::Front { random.whole(0, bays - 1) } else { bays };
        for storey in 0..storeys {
            for bay in 0..bays {
                let middle = long * (bay as f32 + 0.5) / bays as f32;
                if storey == 0 && bay == at_door {
                    door(group, (b, side), (middle - 0.5, 1.0, 2.1), random, object);
                    let step = block((b.x.0 + middle - 0.8, b.x.0 + middle + 0.8), (0.0, 0.18), (b.z.0 - 0.9, b.z.0));
                    group.cuboid(step, &plinth, object.with(Part::Stairs));
                    continue;
                }
                if bay + 1 == bays && random.chance(0.15) {
                    continue;
                }
                let place = (middle - 0.55, 1.0 + 2.75 * storey as f32, 1.1, 1.35);
                let glass = pane(random, light);
                if let Some(shutter) = &shutters {
                    for u in [place.0 - 0.62, place.0 + 1.17] {
                        group.panel(
                            b,
                            side,
                            (u, u + 0.5),
                            (place.1, place.1 + 1.35),
                            0.05,
                            shutter,
                            object.with(Part::Window),
                        );
                    }
                }
                window(group, (b, side), place, (frame, &glass), object);
            }
        }
    }
    gable(group, b, (rise, along_x, 0.45), (&wall, &roof), object);
    if !along_x && rise > 2.6 {
        let glass = pane(random, light);
        window(group, (b, Side::Front), (w / 2.0 - 0.45, b.y.1 + 0.3, 0.9, 1.0), (frame, &glass), object);
    }
    if random.chance(0.75) {
        let (x, z) = (random.about(w * 0.35), if along_x { random.range(-0.6, 0.6) } else { random.about(d * 0.3) });
        let foot = b.y.1 + rise * 0.55;
        let stack = block((x - 0.35, x + 0.35), (foot, b.y.1 + rise + 0.9), (z - 0.35, z + 0.35));
        group.cuboid(stack, &Surface::brick(rgb(0x8A5A48)), object.with(Part::Chimney));
        let cap = block((x - 0.45, x + 0.45), (b.y.1 + rise + 0.8, b.y.1 + rise + 0.95), (z - 0.45, z + 0.45));
        group.cuboid(cap, &Surface::concrete(rgb(0x9A968E)), object.with(Part::Chimney));
    }
}

/// A barn with a gambrel roof, its gable to the front or the side.
pub(crate) fn barn(group: &mut Group, random: &mut Random, light: &Light) {
    let (w, d, h) = (random.range(9.0, 12.0), random.range(12.0, 16.0), random.range(3.6, 4.6));
    let color = rgb(random.pick(&[0x9A3A2E, 0x8A4A3A, 0x7A6A58, 0xD8D2C4, 0x6B5240, 0xA0705A]));
    let wall = Surface::boards(color, 0.28, true).seed(random.seed());
    let trim = Surface::boards(rgb(0xE6E0D2), 0.4, true);
    let roof = roofing(random, light);
    let b = centred(w, (0.0, h), d);
    let object = Object::Barn;
    group.cuboid(b, &wall, object.with(Part::Facade));
    let (knee, rise) = (w * 0.16, h + w * 0.20);
    let top = rise + w * 0.14;
    for side in [Side::Front, Side::Back] {
        let profile = [(0.0, h), (w, h), (w - knee, rise), (w / 2.0, top), (knee, rise)];
        group.shape(b, side, &profile, 0.0, &wall, object.with(Part::Facade));
    }
    let over = 0.4;
    let (z0, z1) = (b.z.0 - over, b.z.1 + over);
    for mirror in [-1.0, 1.0] {
        let x = |x: f32| x * mirror;
        let slope = |group: &mut Group, low: (f32, f32), high: (f32, f32)| {
            let corners = [
                vec3(x(low.0), low.1, z0),
                vec3(x(low.0), low.1, z1),
                vec3(x(high.0), high.1, z1),
                vec3(x(high.0), high.1, z0),
            ];
            let turned: Vec<Vec3> =
                if mirror > 0.0 { corners.to_vec() } else { corners.iter().rev().copied().collect() };
            group.face(&turned, &roof, object.with(Part::Roof));
        };
        slope(group, (w / 2.0 + 0.25, h - 0.3), (w / 2.0 - knee, rise));
        slope(group, (w / 2.0 - knee, rise), (0.0, top));
    }
    let (dw, dh) = (w * 0.36, h * 0.82);
    let u = w / 2.0 - dw / 2.0;
    group.panel(b, Side::Front, (u - 0.2, u + dw + 0.2), (0.0, dh + 0.2), 0.03, &trim, object.with(Part::Door));
    let gate = Surface::boards(color * 0.8, 0.25, true);
    group.panel(b, Side::Front, (u, u + dw), (0.0, dh), 0.05, &gate, object.with(Part::Door));
    for (from, to) in [((u, 0.0), (u + dw, dh)), ((u + dw, 0.0), (u, dh))] {
        let wide = 0.12;
        let corners = [(from.0 - wide, from.1), (from.0 + wide, from.1), (to.0 + wide, to.1), (to.0 - wide, to.1)];
        group.shape(b, Side::Front, &corners, 0.07, &trim, object.with(Part::Door));
    }
    let loft = pane(random, light);
    window(group, (b, Side::Front), (w / 2.0 - 0.7, rise - 1.1, 1.4, 1.3), (rgb(0xE6E0D2), &loft), object);
    for side in [Side::Left, Side::Right] {
        for bay in 0..4 {
            let glass = pane(random, light);
            let place = (b.length(side) * (bay as f32 + 0.5) / 4.0 - 0.5, 1.4, 1.0, 0.9);
            window(group, (b, side), place, (rgb(0xE6E0D2), &glass), object);
        }
    }
}
