//! Chairs, sofas, pews. What stands at a wall has its back at z = 0 and its front towards -z.

use crate::scenes::group::{Group, block};
use crate::scenes::labels::{Material, Object, Part};
use crate::scenes::light::Light;
use crate::scenes::math::{Vec3, cosine, mix, rgb, sine, vec3};
use crate::scenes::random::Random;
use crate::scenes::surface::{Pattern, Surface};

pub(crate) const WOODS: [u32; 7] = [0x8A5A34, 0x6B4226, 0xB8875A, 0xC9A078, 0x4A3224, 0xA87048, 0xE3DCCB];
pub(crate) const CLOTHS: [u32; 12] = [
    0x6A7A8A, 0x8A4A3C, 0x4A6A5A, 0xB8A48A, 0x34465E, 0x9A8A9A, 0xC25A4A, 0x54585C, 0xD8C8A8, 0x7A9A8A, 0xA86A3A,
    0x5A4A6A,
];

/// Upholstery: plain, striped, checked or flecked cloth, or leather.
pub(crate) fn upholstery(random: &mut Random) -> Surface {
    let color = rgb(random.pick(&CLOTHS));
    let second = mix(color, rgb(random.pick(&CLOTHS)), 0.4);
    match random.whole(0, 5) {
        0 => Surface::new(color, Pattern::Bands(0.08, true), Some(Material::Fabric)).second(second),
        1 => Surface::of(rgb(random.pick(&[0x5A3422, 0x2A2422, 0x8A5030, 0xA88A6A])), Material::Leather).gloss(0.1),
        2 => Surface::new(color, Pattern::Checks(0.12), Some(Material::Fabric)).second(mix(color, second, 0.6)),
        _ => Surface::fabric(color),
    }
    .seed(random.seed())
}

/// Four legs under a plate of these half sizes.
pub(crate) fn legs(group: &mut Group, (x, z): (f32, f32), top: f32, thick: f32, surface: &Surface, object: Object) {
    let tag = object.with(Part::Leg);
    for (x, z) in [(-x, z), (x, z), (-x, -z), (x, -z)] {
        group.cuboid(block((x - thick, x + thick), (0.0, top), (z - thick, z + thick)), surface, tag);
    }
}

/// A chair round its own middle, its back at +z.
pub(crate) fn chair(group: &mut Group, random: &mut Random, _: &Light) {
    let wood = Surface::wood(rgb(random.pick(&WOODS)));
    let seat = if random.chance(0.4) { upholstery(random) } else { wood };
    let slats = random.chance(0.5);
    chair_of(group, &wood, &seat, slats);
}

pub(crate) fn chair_of(group: &mut Group, wood: &Surface, seat: &Surface, slats: bool) {
    let object = Object::Chair;
    let back = |group: &mut Group| {
        for x in [-0.19, 0.19] {
            group.cuboid(block((x - 0.022, x + 0.022), (0.45, 0.95), (0.17, 0.21)), wood, object.with(Part::Backrest));
        }
        if slats {
            for y in [0.58, 0.72, 0.86] {
                group.cuboid(block((-0.2, 0.2), (y, y + 0.08), (0.175, 0.2)), wood, object.with(Part::Backrest));
            }
        } else {
            group.cuboid(block((-0.2, 0.2), (0.60, 0.95), (0.175, 0.205)), seat, object.with(Part::Backrest));
        }
    };
    let behind = group.eye().z < 0.19;
    if behind {
        legs(group, (0.19, 0.19), 0.43, 0.022, wood, object);
        back(group);
    } else {
        legs(group, (0.19, 0.19), 0.43, 0.022, wood, object);
    }
    group.cuboid(block((-0.22, 0.22), (0.42, 0.47), (-0.22, 0.21)), seat, object.with(Part::Seat));
    if !behind {
        back(group);
    }
}

/// An office chair on a swivel.
pub(crate) fn office_chair(group: &mut Group, random: &mut Random, _: &Light) {
    let object = Object::Chair;
    let cloth = Surface::fabric(rgb(random.pick(&[0x2A2C30, 0x34465E, 0x5A5E62, 0x8A3A34, 0x4A5A4A])));
    let steel = Surface::metal(rgb(0x3A3C40));
    for leg in 0..5 {
        let turn = leg as f32 / 5.0 + 0.07;
        let foot = vec3(0.3 * cosine(turn), 0.05, 0.3 * sine(turn));
        group.limb(vec3(0.0, 0.14, 0.0), foot, (0.035, 0.025), &steel, object.with(Part::Leg));
        group.ball(foot, Vec3::grey(0.04), &steel, object.with(Part::Wheel));
    }
    group.limb(vec3(0.0, 0.1, 0.0), vec3(0.0, 0.45, 0.0), (0.035, 0.035), &steel, object.with(Part::Leg));
    let seat = block((-0.25, 0.25), (0.44, 0.54), (-0.25, 0.24));
    let back = block((-0.23, 0.23), (0.62, 1.12), (0.2, 0.28));
    if group.eye().z < 0.2 {
        group.cuboid(back, &cloth, object.with(Part::Backrest));
        group.cuboid(seat, &cloth, object.with(Part::Seat));
    } else {
        group.cuboid(seat, &cloth, object.with(Part::Seat));
        group.cuboid(back, &cloth, object.with(Part::Backrest));
    }
    for x in [-0.3, 0.3] {
        group.limb(vec3(x, 0.5, 0.1), vec3(x, 0.72, 0.1), (0.02, 0.02), &steel, object.with(Part::Armrest));
        group.cuboid(block((x - 0.03, x + 0.03), (0.71, 0.75), (-0.15, 0.15)), &steel, object.with(Part::Armrest));
    }
}

/// A sofa for two or three.
pub(crate) fn sofa(group: &mut Group, random: &mut Random, _: &Light) {
    let cloth = upholstery(random);
    let wide = random.range(1.7, 2.3);
    couch(group, random, Object::Sofa, wide, &cloth);
}

/// An armchair.
pub(crate) fn armchair(group: &mut Group, random: &mut Random, _: &Light) {
    let cloth = upholstery(random);
    couch(group, random, Object::Armchair, 0.95, &cloth);
}

fn couch(group: &mut Group, random: &mut Random, object: Object, w: f32, cloth: &Surface) {
    let (half, deep, arm) = (w / 2.0, 0.88, random.range(0.12, 0.2));
    let (seat, back) = (random.range(0.40, 0.46), random.range(0.78, 0.92));
    let dark = Surface { color: cloth.color * 0.8, second: cloth.second * 0.8, ..*cloth };
    legs_of_couch(group, half, deep);
    group.cuboid(block((-half, half), (0.12, back), (-0.2, 0.0)), cloth, object.with(Part::Backrest));
    let (left, right) = (
        block((-half, -half + arm), (0.12, 0.62), (-deep, -0.05)),
        block((half - arm, half), (0.12, 0.62), (-deep, -0.05)),
    );
    let base = block((-half + arm, half - arm), (0.12, seat - 0.1), (-deep + 0.03, -0.2));
    let eye = group.eye();
    let arms = if eye.x > 0.0 { [left, right] } else { [right, left] };
    group.cuboid(arms[0], cloth, object.with(Part::Armrest));
    group.cuboid(base, &dark, object);
    let seats = if w > 1.95 {
        3
    } else if w > 1.2 {
        2
    } else {
        1
    };
    let wide = (w - 2.0 * arm) / seats as f32;
    for place in 0..seats {
        let x = -half + arm + wide * place as f32;
        group.cuboid(
            block((x + 0.01, x + wide - 0.01), (seat - 0.1, seat + 0.04), (-deep, -0.2)),
            cloth,
            object.with(Part::Seat),
        );
        group.cuboid(
            block((x + 0.02, x + wide - 0.02), (seat + 0.04, back - 0.04), (-0.34, -0.2)),
            cloth,
            object.with(Part::Backrest),
        );
    }
    for _ in 0..random.whole(0, seats + 1) {
        let cushion = Surface::fabric(rgb(random.pick(&CLOTHS)));
        let x = random.about(half - arm - 0.1);
        group.board(vec3(x, seat + 0.05, -0.42), &cushion_outline(random), &cushion, object.with(Part::Pillow));
    }
    group.cuboid(arms[1], cloth, object.with(Part::Armrest));
}

fn legs_of_couch(group: &mut Group, half: f32, deep: f32) {
    let wood = Surface::wood(rgb(0x3A2A20));
    for (x, z) in [(-half + 0.08, -0.1), (half - 0.08, -0.1), (-half + 0.08, -deep + 0.1), (half - 0.08, -deep + 0.1)] {
        group.limb(vec3(x, 0.0, z), vec3(x, 0.14, z), (0.03, 0.04), &wood, Object::Sofa.with(Part::Leg));
    }
}

/// A cushion standing on an edge or a corner.
pub(crate) fn cushion_outline(random: &mut Random) -> Vec<(f32, f32)> {
    let (size, tilt) = (random.range(0.17, 0.22), random.about(0.1));
    let (s, c) = (sine(tilt), cosine(tilt));
    let corners =
        [(-1.0, -1.0), (0.0, -0.9), (1.0, -1.0), (0.9, 0.0), (1.0, 1.0), (0.0, 0.9), (-1.0, 1.0), (-0.9, 0.0)];
    corners.iter().map(|&(x, y)| ((x * c - y * s) * size, (x * s + y * c) * size + size)).collect()
}

/// A pew of a church along x, its back at +z.
pub(crate) fn pew(group: &mut Group, _: &mut Random, light: &Light) {
    let mut alike = light.alike(1);
    let wood = Surface::wood(rgb(alike.pick(&[0x6B4226, 0xB8875A, 0x4A3224, 0xD8D0C0, 0x8FA3A0, 0x8A5A34, 0xC9A078])));
    let end = Surface::wood(wood.color * 0.8);
    let object = Object::Pew;
    let w = 1.35;
    let back = block((-w, w), (0.4, 0.98), (0.2, 0.25));
    let seat = block((-w, w), (0.40, 0.46), (-0.2, 0.22));
    group.cuboid(seat, &wood, object.with(Part::Seat));
    group.cuboid(back, &wood, object.with(Part::Backrest));
    for x in [-w, w] {
        group.cuboid(block((x - 0.04, x + 0.04), (0.0, 1.02), (-0.22, 0.28)), &end, object);
    }
}
