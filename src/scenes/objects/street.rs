//! What stands along streets and in parks, fields and on beaches.

use super::people::CLOTHES;
use crate::scenes::group::{Group, Side, block, centred};
use crate::scenes::labels::{Material, Object, Part};
use crate::scenes::light::{Hour, Light};
use crate::scenes::math::{Vec3, cosine, rgb, sine, vec3};
use crate::scenes::random::Random;
use crate::scenes::surface::{Pattern, Surface};

/// A street lamp, its arm towards +x.
pub(crate) fn street_lamp(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::StreetLamp;
    let steel = Surface::metal(rgb(random.pick(&[0x4A4E52, 0x3A4A44, 0x8A8E92])));
    let lit = light.is_dark();
    let bulb = if lit { Surface::glass(rgb(0xFFE0A0)).shine(2.4) } else { Surface::glass(rgb(0xD8D8CC)).gloss(0.2) };
    let at = if random.chance(0.5) {
        group.limb(Vec3::ZERO, vec3(0.0, 5.6, 0.0), (0.10, 0.07), &steel, object.with(Part::Pole));
        group.limb(vec3(0.0, 5.6, 0.0), vec3(1.5, 6.0, 0.0), (0.07, 0.05), &steel, object.with(Part::Pole));
        group.limb(vec3(1.1, 5.95, 0.0), vec3(1.8, 5.98, 0.0), (0.13, 0.13), &bulb, object.with(Part::Lantern));
        vec3(1.5, 5.8, 0.0)
    } else {
        group.limb(Vec3::ZERO, vec3(0.0, 3.4, 0.0), (0.10, 0.06), &steel, object.with(Part::Pole));
        group.column(vec3(0.0, 3.4, 0.0), 0.55, (0.16, 0.24), &bulb, object.with(Part::Lantern));
        group.column(vec3(0.0, 3.95, 0.0), 0.25, (0.28, 0.03), &steel, object.with(Part::Lantern));
        vec3(0.0, 3.7, 0.0)
    };
    if lit {
        group.lamp(at, vec3(5.5, 3.9, 1.9));
        group.halo(at, 2.4, vec3(0.75, 0.5, 0.2));
    }
}

/// A traffic light.
pub(crate) fn traffic_light(group: &mut Group, random: &mut Random, _: &Light) {
    let object = Object::TrafficLight;
    let steel = Surface::metal(rgb(0x3A3E40));
    group.limb(Vec3::ZERO, vec3(0.0, 3.0, 0.0), (0.09, 0.08), &steel, object.with(Part::Pole));
    let b = block((-0.26, 0.26), (2.6, 4.1), (-0.2, 0.2));
    group.cuboid(b, &Surface::plastic(rgb(0x1E2222)), object);
    let on = random.whole(0, 2);
    for (index, color) in [0xFF3A2A, 0xFFB82A, 0x3AE070].into_iter().enumerate() {
        let lens = if index as u32 == on {
            Surface::glass(rgb(color)).gloss(0.0).shine(1.6)
        } else {
            Surface::glass(rgb(color) * 0.12).gloss(0.1)
        };
        for side in [Side::Front, Side::Back] {
            group.disc(b, side, (0.26, 3.82 - 0.47 * index as f32, 0.19), 0.03, &lens, object.with(Part::Lantern));
        }
    }
}

/// A road sign.
pub(crate) fn sign(group: &mut Group, random: &mut Random, _: &Light) {
    let object = Object::Sign;
    let steel = Surface::metal(rgb(0x9A9EA0));
    group.limb(Vec3::ZERO, vec3(0.0, 2.9, 0.0), (0.05, 0.05), &steel, object.with(Part::Pole));
    let b = block((-0.5, 0.5), (2.0, 3.0), (-0.06, -0.04));
    let white = Surface::plastic(rgb(0xF0EEE8));
    match random.whole(0, 3) {
        0 => {
            group.disc(b, Side::Front, (0.5, 2.6, 0.46), 0.0, &Surface::plastic(rgb(0xC02A24)), object);
            group.disc(b, Side::Front, (0.5, 2.6, 0.32), 0.02, &white, object);
        }
        1 => {
            let triangle =
                |size: f32| [(0.5 - size, 2.6 - size * 0.6), (0.5 + size, 2.6 - size * 0.6), (0.5, 2.6 + size)];
            group.shape(b, Side::Front, &triangle(0.52), 0.0, &Surface::plastic(rgb(0xC02A24)), object);
            group.shape(b, Side::Front, &triangle(0.34), 0.02, &white, object);
        }
        2 => group.panel(b, Side::Front, (0.05, 0.95), (2.2, 3.0), 0.0, &Surface::plastic(rgb(0x2A5AA8)), object),
        _ => {
            let corner = |step: i32| {
                (0.5 + 0.46 * cosine((step as f32 + 0.5) / 8.0), 2.6 + 0.46 * sine((step as f32 + 0.5) / 8.0))
            };
            let corners: Vec<(f32, f32)> = (0..8).map(corner).collect();
            group.shape(b, Side::Front, &corners, 0.0, &Surface::plastic(rgb(0xC02A24)), object);
            group.panel(b, Side::Front, (0.25, 0.75), (2.53, 2.67), 0.02, &white, object);
        }
    }
}

/// A gantry with signs over a motorway, across the road.
pub(crate) fn gantry(group: &mut Group, random: &mut Random, _: &Light) {
    let steel = Surface::metal(rgb(0x8A9094));
    let half = 13.0;
    for x in [-half, half] {
        group.limb(vec3(x, 0.0, 0.0), vec3(x, 7.4, 0.0), (0.28, 0.22), &steel, Object::Sign.with(Part::Pole));
    }
    group.cuboid(block((-half, half), (6.9, 7.4), (-0.25, 0.25)), &steel, Object::Sign.with(Part::Pole));
    let color = rgb(random.pick(&[0x2A5AA8, 0x2A7A4A]));
    for x in [-9.0, -1.5, 3.5] {
        let b = block((x, x + random.range(4.2, 5.4)), (5.6, 8.6), (-0.45, -0.4));
        group.panel(
            b,
            Side::Front,
            (0.0, b.length(Side::Front)),
            b.y,
            0.0,
            &Surface::plastic(rgb(0xE8E8E4)),
            Object::Sign,
        );
        group.panel(
            b,
            Side::Front,
            (0.15, b.length(Side::Front) - 0.15),
            (5.75, 8.45),
            0.02,
            &Surface::plastic(color),
            Object::Sign,
        );
        for row in 0..3 {
            let y = 7.8 - 0.75 * row as f32;
            let text = Surface::plastic(rgb(0xE8E8E4));
            group.panel(b, Side::Front, (0.5, random.range(2.0, 3.6)), (y, y + 0.28), 0.04, &text, Object::Sign);
        }
    }
}

/// A guard rail along z, 150 m.
pub(crate) fn guard_rail(group: &mut Group, _: &mut Random, _: &Light) {
    let steel = Surface::metal(rgb(0xA8ACAE)).gloss(0.3);
    for post in (0..30).rev() {
        let z = 5.0 * post as f32;
        group.limb(vec3(0.0, 0.0, z), vec3(0.0, 0.7, z), (0.06, 0.06), &steel, Object::Fence.with(Part::Pole));
    }
    group.cuboid(block((-0.05, 0.05), (0.5, 0.8), (-4.0, 150.0)), &steel, Object::Fence);
}

/// A bench.
pub(crate) fn bench(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Bench;
    let wood = Surface::boards(rgb(random.pick(&[0x8A5A34, 0x6B4A34, 0x4A6A4A, 0xA87A4A])), 0.09, false);
    let iron = Surface::metal(rgb(0x3A3C3E));
    for x in [-0.8, 0.8] {
        group.limb(vec3(x, 0.0, 0.2), vec3(x, 0.85, 0.28), (0.04, 0.04), &iron, object.with(Part::Leg));
        group.limb(vec3(x, 0.0, -0.22), vec3(x, 0.45, -0.2), (0.04, 0.04), &iron, object.with(Part::Leg));
    }
    group.cuboid(block((-0.95, 0.95), (0.5, 0.95), (0.24, 0.3)), &wood, object.with(Part::Backrest));
    group.cuboid(block((-0.95, 0.95), (0.4, 0.47), (-0.26, 0.2)), &wood, object.with(Part::Seat));
    if random.chance(0.3) {
        let mut someone = group.inner(vec3(random.about(0.6), 0.0, 0.02), 0.0, 1.0);
        super::people::sitting(&mut someone, random, light);
        group.add(someone);
    }
}

/// A fence of posts and rails along x, 16 m.
pub(crate) fn fence(group: &mut Group, random: &mut Random, _: &Light) {
    let object = Object::Fence;
    let pale = random.chance(0.5);
    let wood = Surface::bark(rgb(if pale { 0xDDD6C8 } else { 0x7A6450 }));
    for post in 0..9 {
        let x = 2.0 * post as f32 - 8.0;
        group.limb(vec3(x, 0.0, 0.0), vec3(x, 1.25, 0.0), (0.09, 0.08), &wood, object.with(Part::Pole));
    }
    for y in [0.45, 0.85, 1.15] {
        group.cuboid(block((-8.0, 8.0), (y - 0.06, y + 0.06), (-0.12, -0.06)), &wood, object);
    }
}

/// A picket fence along x, 8 m, with a hedge's height.
pub(crate) fn pickets(group: &mut Group, random: &mut Random, _: &Light) {
    let wood = Surface::boards(rgb(random.pick(&[0xEDE9E0, 0xD8D0C0, 0x8A7258])), 2.0, true);
    let b = centred(8.0, (0.0, 1.0), 0.1);
    for y in [0.3, 0.75] {
        group.panel(b, Side::Front, (0.0, 8.0), (y, y + 0.1), 0.0, &wood, Object::Fence);
    }
    for post in 0..32 {
        let u = 0.25 * post as f32 + 0.03;
        group.shape(
            b,
            Side::Front,
            &[(u, 0.05), (u + 0.14, 0.05), (u + 0.14, 0.95), (u + 0.07, 1.08), (u, 0.95)],
            0.03,
            &wood,
            Object::Fence,
        );
    }
}

/// A parasol.
pub(crate) fn parasol(group: &mut Group, random: &mut Random, _: &Light) {
    let object = Object::Parasol;
    let (a, b) = (rgb(random.pick(&CLOTHES)), rgb(random.pick(&[0xF4EFE4, 0xF4EFE4, 0xE0B83A])));
    let tall = random.range(2.1, 2.5);
    let pole = Surface::wood(rgb(0xE0D8C8));
    group.limb(Vec3::ZERO, vec3(0.0, tall, 0.0), (0.035, 0.035), &pole, object.with(Part::Pole));
    let top = vec3(0.0, tall + 0.15, 0.0);
    let rim = |step: i32| vec3(1.35 * cosine(step as f32 / 12.0), tall - 0.45, 1.35 * sine(step as f32 / 12.0));
    let mut gores: Vec<i32> = (0..12).collect();
    // Those behind first.
    gores.sort_by(|p, q| sine((*q as f32 + 0.5) / 12.0).total_cmp(&sine((*p as f32 + 0.5) / 12.0)));
    for step in gores {
        let surface = Surface::fabric(if step % 2 == 0 { a } else { b });
        group.sheet(&[rim(step), rim(step + 1), top], &surface, object);
    }
}

/// A towel, and sometimes somebody's bag, on the sand.
pub(crate) fn towel(group: &mut Group, random: &mut Random, _: &Light) {
    group.casts(false);
    let cloth =
        Surface::new(rgb(random.pick(&CLOTHES)), Pattern::Bands(0.18, random.chance(0.5)), Some(Material::Fabric))
            .second(rgb(random.pick(&CLOTHES)));
    group.face(
        &[vec3(-0.5, 0.03, -0.95), vec3(0.5, 0.03, -0.95), vec3(0.5, 0.03, 0.95), vec3(-0.5, 0.03, 0.95)],
        &cloth,
        Object::Towel,
    );
}

/// A deck chair or lounger with its back to +z.
pub(crate) fn lounger(group: &mut Group, random: &mut Random, _: &Light) {
    let cloth = Surface::new(rgb(random.pick(&CLOTHES)), Pattern::Bands(0.1, true), Some(Material::Fabric))
        .second(rgb(0xF0EAE0));
    let wood = Surface::wood(rgb(0xB08A5A));
    for x in [-0.32, 0.32] {
        group.limb(vec3(x, 0.0, -0.6), vec3(x, 0.95, 0.75), (0.035, 0.035), &wood, Object::Chair.with(Part::Leg));
        group.limb(vec3(x, 0.0, 0.6), vec3(x, 0.42, -0.5), (0.035, 0.035), &wood, Object::Chair.with(Part::Leg));
    }
    group.sheet(
        &[vec3(-0.3, 0.36, -0.5), vec3(0.3, 0.36, -0.5), vec3(0.3, 0.28, 0.05), vec3(-0.3, 0.28, 0.05)],
        &cloth,
        Object::Chair.with(Part::Seat),
    );
    group.sheet(
        &[vec3(-0.3, 0.28, 0.05), vec3(0.3, 0.28, 0.05), vec3(0.3, 0.95, 0.75), vec3(-0.3, 0.95, 0.75)],
        &cloth,
        Object::Chair.with(Part::Backrest),
    );
}

/// A gravestone.
pub(crate) fn gravestone(group: &mut Group, random: &mut Random, _: &Light) {
    let stone = Surface::of(rgb(random.pick(&[0x8A8A88, 0xA8A49C, 0x5A5C5E, 0xC4C0B8])), Material::Stone);
    let (w, h) = (random.range(0.5, 0.8), random.range(0.7, 1.2));
    let profile: Vec<(f32, f32)> = super::buildings::arched(-w / 2.0, 0.0, w, h, 1.0);
    group.prism(&profile, (-0.1, 0.1), &stone, Object::Gravestone);
}

/// A bale of hay.
pub(crate) fn hay_bale(group: &mut Group, random: &mut Random, _: &Light) {
    let straw = Surface::new(rgb(0xC8A85A), Pattern::Leaves(0.12), Some(Material::Straw))
        .second(rgb(0x9A7A3A))
        .seed(random.seed());
    group.limb(vec3(-0.55, 0.75, 0.0), vec3(0.55, 0.75, 0.0), (0.75, 0.75), &straw, Object::HayBale);
}

/// Rocks.
pub(crate) fn rocks(group: &mut Group, random: &mut Random, light: &Light) {
    let color = rgb(random.pick(&[0x8A8478, 0x7A706A, 0x9A8A74, 0x6A6864]));
    let stone =
        Surface::new(color, Pattern::Patches(0.5), Some(Material::Stone)).second(color * 0.62).seed(random.seed());
    for _ in 0..random.whole(2, 4) {
        let size = random.range(0.25, 0.8);
        let at = vec3(random.about(1.0), size * 0.35, random.about(0.6));
        group.blob(at, vec3(size, size * random.range(0.5, 0.8), size), 0.16, None, &stone, Object::Rock);
        if light.weather == crate::scenes::light::Weather::Snow {
            group.dome(
                at + vec3(0.0, size * 0.15, 0.0),
                vec3(size * 0.9, size * 0.45, size * 0.9),
                &Surface::new(Vec3::grey(0.8), Pattern::Plain(0.0), None),
                Object::Snow,
            );
        }
    }
}

/// A swing for children.
pub(crate) fn swing(group: &mut Group, random: &mut Random, _: &Light) {
    let steel = Surface::metal(rgb(random.pick(&[0xB8342E, 0x2E5A9A, 0x3A7A4A, 0xD8A82E])));
    for x in [-1.7, 1.7] {
        for z in [0.9, -0.9] {
            group.limb(vec3(x, 0.0, z), vec3(x * 0.9, 2.3, 0.0), (0.06, 0.06), &steel, Object::Swing.with(Part::Pole));
        }
    }
    group.limb(vec3(-1.55, 2.3, 0.0), vec3(1.55, 2.3, 0.0), (0.07, 0.07), &steel, Object::Swing.with(Part::Pole));
    let chain = Surface::metal(rgb(0x8A8A8A));
    for x in [-0.8, 0.8] {
        let out = random.about(0.6);
        for dx in [-0.22, 0.22] {
            group.limb(vec3(x + dx, 2.3, 0.0), vec3(x + dx, 0.55, out), (0.02, 0.02), &chain, Object::Swing);
        }
        group.cuboid(
            block((x - 0.26, x + 0.26), (0.5, 0.57), (out - 0.12, out + 0.12)),
            &Surface::of(rgb(0x2A2A2C), Material::Rubber),
            Object::Swing.with(Part::Seat),
        );
    }
}

/// A slide for children.
pub(crate) fn slide(group: &mut Group, random: &mut Random, _: &Light) {
    let color = Surface::plastic(rgb(random.pick(&[0xD8A82E, 0xB8342E, 0x2E7AB0, 0x3AA05A])));
    let steel = Surface::metal(rgb(0x8A9094));
    for z in [-0.35, 0.35] {
        group.limb(vec3(-1.2, 0.0, z), vec3(-0.9, 2.5, z), (0.05, 0.05), &steel, Object::Slide.with(Part::Pole));
    }
    for step in 0..6 {
        let y = 0.3 + 0.3 * step as f32;
        group.limb(
            vec3(-1.16 + 0.03 * step as f32, y, -0.35),
            vec3(-1.16 + 0.03 * step as f32, y, 0.35),
            (0.04, 0.04),
            &steel,
            Object::Slide.with(Part::Stairs),
        );
    }
    let ramp = [vec3(-0.9, 1.8, -0.32), vec3(1.7, 0.25, -0.32), vec3(1.7, 0.25, 0.32), vec3(-0.9, 1.8, 0.32)];
    group.sheet(&ramp, &color, Object::Slide);
    for z in [0.32, -0.32] {
        let rail = [vec3(-0.9, 1.75, z), vec3(1.7, 0.2, z), vec3(1.7, 0.48, z), vec3(-0.9, 2.05, z)];
        group.sheet(&rail, &color, Object::Slide);
    }
}

/// A mast with a flag.
pub(crate) fn flag(group: &mut Group, random: &mut Random, light: &Light) {
    let tall = random.range(5.5, 8.0);
    group.limb(
        Vec3::ZERO,
        vec3(0.0, tall, 0.0),
        (0.07, 0.04),
        &Surface::metal(rgb(0xD8D8D4)),
        Object::Flag.with(Part::Pole),
    );
    let hang = if light.hour == Hour::Night { 0.5 } else { 0.15 };
    let (wide, high) = (2.0, 1.3);
    let cloth = Surface::new(rgb(random.pick(&CLOTHES)), Pattern::Bands(0.43, false), Some(Material::Fabric))
        .second(rgb(random.pick(&CLOTHES)));
    for step in 0..4 {
        let at = |step: i32| {
            let part = step as f32 / 4.0;
            vec3(wide * part, tall - 0.1 - hang * part, 0.2 * sine(part * 1.3))
        };
        let (a, b) = (at(step), at(step + 1));
        let down = vec3(0.0, -high, 0.0);
        group.sheet(&[a + down, b + down, b, a], &cloth, Object::Flag);
    }
}
