//! Churches, mosques and castles.

use super::buildings::{arched, gable, pane, pyramid, roofing};
use crate::scenes::group::{Block, Group, SIDES, Side, block, centred};
use crate::scenes::labels::{Material, Object, Part};
use crate::scenes::light::Light;
use crate::scenes::math::{Vec3, rgb, vec3};
use crate::scenes::random::Random;
use crate::scenes::surface::Surface;

/// A block somewhere: from its middle on the ground plan.
fn at(x: f32, z: f32, w: f32, y: (f32, f32), d: f32) -> Block {
    block((x - w / 2.0, x + w / 2.0), y, (z - d / 2.0, z + d / 2.0))
}

/// A church: nave, tower with a spire or an onion, cross, round-headed or pointed windows and door.
pub(crate) fn church(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Church;
    let wall = match random.whole(0, 3) {
        0 => Surface::stone(rgb(random.pick(&[0xA8A296, 0xB8AC94, 0x8F8A84]))),
        1 => Surface::brick(rgb(random.pick(&[0x9A5A44, 0xA8704E]))),
        2 => Surface::boards(rgb(0xE9E6E0), 0.22, false).second(rgb(0xB8B4AC)),
        _ => Surface::plaster(rgb(random.pick(&[0xEDE8DC, 0xE3D3A8, 0xDDB7A6, 0xD9D4C4]))),
    }
    .seed(random.seed());
    let roof = roofing(random, light);
    let (w, d, h) = (random.range(8.0, 10.5), random.range(14.0, 20.0), random.range(6.0, 8.0));
    let rise = w * random.range(0.45, 0.7);
    let point = random.range(1.0, 1.9);
    let side_tower = random.chance(0.35);
    let tw = w * random.range(0.34, 0.46);
    let th = h + rise * random.range(0.9, 1.5) + 1.5;
    let glass = pane(random, light);

    let mut nave = group.inner(vec3(0.0, 0.0, 0.0), 0.0, 1.0);
    let b = centred(w, (0.0, h), d);
    nave.cuboid(b, &wall, object.with(Part::Facade));
    for side in [Side::Left, Side::Right] {
        for bay in 0..5 {
            let u = b.length(side) * (bay as f32 + 0.5) / 5.0 - 0.55;
            nave.shape(
                b,
                side,
                &arched(u - 0.15, h * 0.26, 1.4, h * 0.55, point),
                0.03,
                &Surface::plaster(wall.color * 1.1),
                object.with(Part::Window),
            );
            nave.shape(b, side, &arched(u, h * 0.28, 1.1, h * 0.51, point), 0.05, &glass, object.with(Part::Window));
        }
    }
    gable(&mut nave, b, (rise, false, 0.35), (&wall, &roof), object);
    if side_tower {
        portal(&mut nave, b, w / 2.0, (2.2, 3.6), point, random, object);
        nave.disc(
            b,
            Side::Front,
            (w / 2.0, h + rise * 0.22, w * 0.11),
            0.04,
            &Surface::plaster(wall.color * 1.15),
            object.with(Part::Window),
        );
        nave.disc(b, Side::Front, (w / 2.0, h + rise * 0.22, w * 0.085), 0.06, &glass, object.with(Part::Window));
        cross(&mut nave, vec3(0.0, h + rise, b.z.0 - 0.2), 1.1, object);
    }

    let place = if side_tower {
        vec3(w / 2.0 + tw * 0.3, 0.0, -d / 2.0 + tw * 0.55)
    } else {
        vec3(0.0, 0.0, -d / 2.0 - tw * 0.15)
    };
    let mut tower = group.inner(place, 0.0, 1.0);
    let t = centred(tw, (0.0, th), tw);
    tower.cuboid(t, &wall, object.with(Part::Tower));
    let band = Surface::plaster(wall.color * 0.8);
    tower.cuboid(at(0.0, 0.0, tw + 0.3, (th * 0.66, th * 0.66 + 0.3), tw + 0.3), &band, object.with(Part::Tower));
    for side in SIDES {
        let dark = Surface::boards(rgb(0x3A3634), 0.18, false);
        tower.shape(
            t,
            side,
            &arched(tw / 2.0 - tw * 0.16, th * 0.73, tw * 0.32, th * 0.16, point),
            0.04,
            &dark,
            object.with(Part::Window),
        );
        tower.shape(
            t,
            side,
            &arched(tw / 2.0 - tw * 0.09, th * 0.42, tw * 0.18, th * 0.13, point),
            0.04,
            &glass,
            object.with(Part::Window),
        );
        let clock = (tw / 2.0, th * 0.93, tw * 0.13);
        tower.disc(t, side, clock, 0.04, &Surface::plaster(rgb(0xF0EBDD)), object.with(Part::Tower));
    }
    if !side_tower {
        portal(&mut tower, t, tw / 2.0, (tw * 0.5, 3.2), point, random, object);
    }
    spire(&mut tower, random, t, &roof, object);
    group.add_sorted(vec![nave, tower]);
}

/// The top of a tower: a pyramid, or an onion; a cross on it.
fn spire(group: &mut Group, random: &mut Random, t: Block, roof: &Surface, object: Object) {
    let (w, top) = (t.x.1 - t.x.0, t.y.1);
    if random.chance(0.25) {
        let onion = Surface::metal(rgb(random.pick(&[0x5E8A78, 0x8A9A54, 0x7A4034, 0xB8933A])));
        group.column(vec3(0.0, top, 0.0), 0.5, (w * 0.5, w * 0.42), &onion, object.with(Part::Spire));
        group.ball(
            vec3(0.0, top + w * 0.52, 0.0),
            vec3(w * 0.52, w * 0.48, w * 0.52),
            &onion,
            object.with(Part::Spire),
        );
        group.column(vec3(0.0, top + w * 0.9, 0.0), w * 0.75, (w * 0.24, 0.03), &onion, object.with(Part::Spire));
        cross(group, vec3(0.0, top + w * 1.6, 0.0), 1.3, object);
    } else {
        let rise = w * random.range(1.1, 2.6);
        pyramid(group, t, (rise, 0.2), roof, object.with(Part::Spire));
        cross(group, vec3(0.0, top + rise - 0.1, 0.0), 1.3, object);
    }
}

fn cross(group: &mut Group, foot: Vec3, size: f32, object: Object) {
    let metal = Surface::metal(rgb(0xB8993A));
    group.limb(foot, foot + vec3(0.0, size, 0.0), (0.07, 0.07), &metal, object.with(Part::Cross));
    let arm = foot + vec3(0.0, size * 0.66, 0.0);
    group.limb(
        arm - vec3(size * 0.3, 0.0, 0.0),
        arm + vec3(size * 0.3, 0.0, 0.0),
        (0.07, 0.07),
        &metal,
        object.with(Part::Cross),
    );
}

/// A large door under an arch, with steps before it.
fn portal(
    group: &mut Group,
    b: Block,
    middle: f32,
    (w, h): (f32, f32),
    point: f32,
    random: &mut Random,
    object: Object,
) {
    let stone = Surface::stone(rgb(0xA09A8E));
    for step in 0..3 {
        let out = 1.2 - 0.4 * step as f32;
        let x = b.x.0 + middle;
        let stair =
            block((x - w / 2.0 - out, x + w / 2.0 + out), (0.0, 0.16 * (step + 1) as f32), (b.z.0 - out, b.z.0));
        group.cuboid(stair, &stone, object.with(Part::Stairs));
    }
    let wood = Surface::boards(rgb(random.pick(&[0x6B3A2A, 0x54402F, 0x3E4A3A, 0x7A2E2A])), 0.25, true);
    group.shape(
        b,
        Side::Front,
        &arched(middle - w / 2.0 - 0.3, 0.4, w + 0.6, h + 0.35, point),
        0.04,
        &Surface::stone(rgb(0xB8B0A0)),
        object.with(Part::Facade),
    );
    group.shape(b, Side::Front, &arched(middle - w / 2.0, 0.45, w, h, point), 0.06, &wood, object.with(Part::Door));
}

/// A mosque: a hall under domes, minarets.
pub(crate) fn mosque(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Mosque;
    let stone = rgb(random.pick(&[0xE0D6C0, 0xC9B08A, 0xE9E4DA, 0xB8A48A, 0xD2BFA0]));
    let wall = Surface::stone(stone).second(stone * 0.8).seed(random.seed());
    let cap = match random.whole(0, 3) {
        0 => Surface::metal(rgb(0xC9A23A)),
        1 => Surface::tiles(rgb(0x4A8A9A), 0.4),
        2 => Surface::metal(rgb(0x7A8A90)),
        _ => Surface::tiles(rgb(0x5A9A7A), 0.4),
    };
    let (w, d, h) = (random.range(14.0, 18.0), random.range(12.0, 15.0), random.range(5.5, 7.5));
    let tall = h * random.range(2.4, 3.4);
    let mut parts = Vec::new();
    let corners: &[(f32, f32)] = match random.whole(0, 2) {
        0 => &[(-1.0, -1.0), (1.0, -1.0)],
        1 => &[(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)],
        _ => &[(1.0, -0.4)],
    };
    for &(x, z) in corners {
        let mut tower = group.inner(vec3(x * (w / 2.0 + 1.2), 0.0, z * d / 2.0), 0.0, 1.0);
        minaret(&mut tower, tall, &wall, &cap);
        parts.push(tower);
    }
    let mut hall = group.inner(Vec3::ZERO, 0.0, 1.0);
    let b = centred(w, (0.0, h), d);
    hall.cuboid(b, &wall, object.with(Part::Facade));
    let rim = Surface::plaster(stone * 1.08);
    hall.cuboid(centred(w + 0.5, (h - 0.1, h + 0.4), d + 0.5), &rim, object.with(Part::Facade));
    for side in SIDES {
        let bays = 5;
        for bay in 0..bays {
            let (long, glass) = (b.length(side), pane(random, light));
            let u = long * (bay as f32 + 0.5) / bays as f32;
            let front = side == Side::Front;
            if front && bay == bays / 2 {
                hall.shape(b, side, &arched(u - 1.9, 0.0, 3.8, h * 0.92, 1.5), 0.04, &rim, object.with(Part::Facade));
                hall.shape(
                    b,
                    side,
                    &arched(u - 1.4, 0.0, 2.8, h * 0.80, 1.5),
                    0.06,
                    &Surface::tiles(rgb(0x3A6A7A), 0.3),
                    object.with(Part::Arch),
                );
                let door = Surface::boards(rgb(0x5A3A2A), 0.25, true);
                hall.shape(b, side, &arched(u - 0.9, 0.0, 1.8, h * 0.52, 1.4), 0.08, &door, object.with(Part::Door));
            } else {
                hall.shape(
                    b,
                    side,
                    &arched(u - 0.8, h * 0.22, 1.6, h * 0.5, 1.5),
                    0.04,
                    &rim,
                    object.with(Part::Window),
                );
                hall.shape(
                    b,
                    side,
                    &arched(u - 0.55, h * 0.26, 1.1, h * 0.42, 1.5),
                    0.06,
                    &glass,
                    object.with(Part::Window),
                );
            }
        }
    }
    let big = w * random.range(0.24, 0.31);
    for (x, z) in [(0.34, 0.3), (-0.34, 0.3), (0.36, -0.3), (-0.36, -0.3)] {
        let foot = vec3(w * x, h + 0.4, d * z);
        hall.column(foot, 0.5, (w * 0.085, w * 0.085), &wall, object.with(Part::Dome));
        hall.dome(foot + vec3(0.0, 0.5, 0.0), Vec3::grey(w * 0.09), &cap, object.with(Part::Dome));
    }
    hall.column(vec3(0.0, h + 0.4, 0.0), 1.4, (big * 0.98, big * 0.98), &wall, object.with(Part::Dome));
    hall.dome(vec3(0.0, h + 1.8, 0.0), vec3(big, big * random.range(0.85, 1.15), big), &cap, object.with(Part::Dome));
    hall.column(
        vec3(0.0, h + 1.7 + big, 0.0),
        1.6,
        (0.12, 0.03),
        &Surface::metal(rgb(0xC9A23A)),
        object.with(Part::Spire),
    );
    parts.push(hall);
    group.add_sorted(parts);
}

fn minaret(group: &mut Group, tall: f32, wall: &Surface, cap: &Surface) {
    let tag = Object::Mosque.with(Part::Tower);
    group.cuboid(centred(2.2, (0.0, tall * 0.18), 2.2), wall, tag);
    group.column(vec3(0.0, tall * 0.18, 0.0), tall * 0.82, (0.85, 0.7), wall, tag);
    for level in [0.55, 0.84] {
        group.column(vec3(0.0, tall * level - 0.5, 0.0), 0.5, (0.75, 1.25), wall, Object::Mosque.with(Part::Balcony));
        group.column(vec3(0.0, tall * level, 0.0), 0.6, (1.25, 1.25), wall, Object::Mosque.with(Part::Balcony));
    }
    group.column(vec3(0.0, tall, 0.0), tall * 0.16, (0.8, 0.02), cap, Object::Mosque.with(Part::Spire));
}

/// A castle: walls between round or square towers, a gate, a keep.
pub(crate) fn castle(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Castle;
    let color = rgb(random.pick(&[0xA8A090, 0x9A9288, 0xB8A88C, 0x8A867E, 0xC0B49A]));
    let wall = Surface::stone(color).seed(random.seed());
    let cones = random.chance(0.55).then(|| roofing(random, light));
    let (w, d, h) = (random.range(20.0, 28.0), random.range(14.0, 18.0), random.range(5.5, 8.0));
    let mut parts = Vec::new();
    for (x, z) in [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)] {
        let mut tower = group.inner(vec3(x * w / 2.0, 0.0, z * d / 2.0), 0.0, 1.0);
        round_tower(&mut tower, random.range(1.9, 2.6), h * random.range(1.35, 1.9), (&wall, cones.as_ref()), random);
        parts.push(tower);
    }
    let mut keep = group.inner(vec3(random.about(w * 0.2), 0.0, d * random.range(0.0, 0.3)), 0.0, 1.0);
    let tall = h * random.range(1.9, 2.6);
    let k = centred(w * random.range(0.22, 0.32), (0.0, tall), w * 0.24);
    crenellated(&mut keep, k, &wall);
    for side in SIDES {
        for level in [0.55, 0.78] {
            for part in [0.3, 0.7] {
                let glass = pane(random, light);
                keep.shape(
                    k,
                    side,
                    &arched(k.length(side) * part - 0.35, tall * level, 0.7, 1.6, 1.4),
                    0.05,
                    &glass,
                    object.with(Part::Window),
                );
            }
        }
    }
    if let Some(roof) = &cones {
        pyramid(&mut keep, k, (tall * 0.35, 0.2), roof, object.with(Part::Roof));
    }
    let flag = Surface::fabric(rgb(random.pick(&[0xB8342E, 0x2E5A9A, 0xE0B83A, 0xF0ECE0])));
    let top = vec3(0.0, tall + if cones.is_some() { tall * 0.35 } else { 0.0 }, 0.0);
    keep.limb(
        top,
        top + vec3(0.0, 3.0, 0.0),
        (0.07, 0.05),
        &Surface::metal(rgb(0x8A8A8A)),
        Object::Flag.with(Part::Pole),
    );
    keep.sheet(
        &[top + vec3(0.0, 1.8, 0.0), top + vec3(2.0, 1.6, -0.3), top + vec3(2.0, 2.8, -0.3), top + vec3(0.0, 3.0, 0.0)],
        &flag,
        Object::Flag,
    );
    parts.push(keep);
    for (side, x, z) in [(0, 0.0, -1.0), (1, 0.0, 1.0), (2, -1.0, 0.0), (3, 1.0, 0.0)] {
        let mut curtain = group.inner(vec3(x * w / 2.0, 0.0, z * d / 2.0), 0.0, 1.0);
        let c = if side < 2 { centred(w, (0.0, h), 1.2) } else { centred(1.2, (0.0, h), d) };
        crenellated(&mut curtain, c, &wall);
        if side == 0 {
            let dark = Surface::boards(rgb(0x3A2A20), 0.3, true);
            curtain.shape(
                c,
                Side::Front,
                &arched(w / 2.0 - 2.0, 0.0, 4.0, h * 0.78, 1.2),
                0.05,
                &Surface::stone(color * 0.75),
                object.with(Part::Gate),
            );
            curtain.shape(
                c,
                Side::Front,
                &arched(w / 2.0 - 1.6, 0.0, 3.2, h * 0.68, 1.2),
                0.08,
                &dark,
                object.with(Part::Gate),
            );
        }
        parts.push(curtain);
    }
    group.add_sorted(parts);
}

/// A block with teeth along its top.
fn crenellated(group: &mut Group, b: Block, wall: &Surface) {
    let object = Object::Castle;
    let tooth = 0.9;
    group.cuboid(b, wall, object.with(Part::Facade));
    for side in [Side::Back, Side::Left, Side::Right, Side::Front] {
        let long = b.length(side);
        let count = (long / (2.0 * tooth)) as u32;
        for step in 0..=count {
            let u = ((2 * step) as f32 * tooth).min(long - tooth);
            group.panel(
                b,
                side,
                (u.max(0.0), u + tooth),
                (b.y.1, b.y.1 + tooth),
                0.12,
                wall,
                object.with(Part::Battlement),
            );
        }
        group.panel(
            b,
            side,
            (0.0, long),
            (b.y.1 - 0.35, b.y.1),
            0.12,
            &Surface::stone(wall.color * 0.85),
            object.with(Part::Facade),
        );
    }
}

fn round_tower(
    group: &mut Group,
    radius: f32,
    tall: f32,
    (wall, cone): (&Surface, Option<&Surface>),
    random: &mut Random,
) {
    let object = Object::Castle;
    group.column(Vec3::ZERO, tall, (radius * 1.06, radius), wall, object.with(Part::Tower));
    group.column(vec3(0.0, tall - 0.4, 0.0), 1.1, (radius * 1.18, radius * 1.18), wall, object.with(Part::Tower));
    let eye = group.eye();
    let away = vec3(eye.x, 0.0, eye.z).unit();
    let right = vec3(-away.z, 0.0, away.x);
    for step in 0..5 {
        let x = (step as f32 - 2.0) * radius * 0.54;
        let foot = right * x + vec3(0.0, tall + 0.65, 0.0);
        group.board(
            foot + away * radius,
            &[
                (-0.28 * radius * 0.55, 0.0),
                (0.28 * radius * 0.55, 0.0),
                (0.28 * radius * 0.55, 0.7),
                (-0.28 * radius * 0.55, 0.7),
            ],
            wall,
            object.with(Part::Battlement),
        );
    }
    let slit = Surface::of(rgb(0x241E1A), Material::Stone);
    for level in [0.45, 0.72] {
        let at = away * (radius * 1.05) + right * random.about(radius * 0.5) + vec3(0.0, tall * level, 0.0);
        group.board(
            at,
            &[(-0.18, 0.0), (0.18, 0.0), (0.18, 1.0), (0.0, 1.25), (-0.18, 1.0)],
            &slit,
            object.with(Part::Window),
        );
    }
    if let Some(cone) = cone {
        group.column(vec3(0.0, tall + 0.6, 0.0), radius * 2.2, (radius * 1.28, 0.02), cone, object.with(Part::Roof));
    }
}
