//! What hangs on walls and ceilings, lamps, rugs. On walls, z = 0 is the wall and -z the room; y is the height over the floor.

use super::seating::CLOTHS;
use crate::scenes::group::{Group, Side, block};
use crate::scenes::labels::{Material, Object, Part};
use crate::scenes::light::{Hour, Light};
use crate::scenes::math::{Vec3, cosine, mix, rgb, sine, vec3};
use crate::scenes::random::Random;
use crate::scenes::surface::{Pattern, Surface};

/// A window with the world outside, mostly with curtains.
pub(crate) fn window(group: &mut Group, random: &mut Random, light: &Light) {
    let (w, h) = (random.range(1.0, 1.6), random.range(1.2, 1.45));
    let curtains = random.chance(0.7);
    pane(group, random, light, (w, 0.9, h));
    if curtains {
        let color = rgb(random.pick(&CLOTHS));
        let cloth = Surface::new(color, Pattern::Bands(0.05, true), Some(Material::Fabric)).second(color * 0.72);
        let b = block((-w / 2.0 - 0.35, w / 2.0 + 0.35), (0.0, 3.0), (-0.10, 0.0));
        let (foot, top) = (random.pick(&[0.05, 0.75]), 0.9 + h + 0.14);
        let full = w + 0.7;
        let wide = full * random.range(0.16, 0.3);
        group.shape(
            b,
            Side::Front,
            &[(0.0, foot), (wide * 0.8, foot), (wide, top), (0.0, top)],
            0.0,
            &cloth,
            Object::Curtain,
        );
        group.shape(
            b,
            Side::Front,
            &[(full - wide * 0.8, foot), (full, foot), (full, top), (full - wide, top)],
            0.0,
            &cloth,
            Object::Curtain,
        );
        group.limb(
            vec3(-w / 2.0 - 0.42, top, -0.12),
            vec3(w / 2.0 + 0.42, top, -0.12),
            (0.022, 0.022),
            &Surface::wood(rgb(0x4A3224)),
            Object::Curtain.with(Part::Pole),
        );
    }
}

/// A large window without curtains, for offices, schools and kitchens.
pub(crate) fn wide_window(group: &mut Group, random: &mut Random, light: &Light) {
    let w = random.range(1.5, 2.2);
    pane(group, random, light, (w, 1.05, 1.3));
}

/// A small window high up.
pub(crate) fn small_window(group: &mut Group, random: &mut Random, light: &Light) {
    let w = random.range(0.6, 0.9);
    pane(group, random, light, (w, 1.4, 0.8));
}

fn pane(group: &mut Group, random: &mut Random, light: &Light, (w, y, h): (f32, f32, f32)) {
    let tag = Object::Wall.with(Part::Window);
    let b = block((-w / 2.0, w / 2.0), (0.0, 3.0), (-0.04, 0.0));
    let frame = Surface::wood(rgb(random.pick(&[0xF0ECE4, 0xF0ECE4, 0x6B4A34, 0x3A3C40])));
    group.panel(b, Side::Front, (-0.07, w + 0.07), (y - 0.07, y + h + 0.07), 0.0, &frame, tag);
    let (sky, low) = match light.hour {
        Hour::Night => (rgb(0x0C1428), rgb(0x080A10)),
        Hour::Dusk | Hour::Golden => (mix(rgb(0xE8A878), rgb(0x8A8AB8), random.unit()), rgb(0x4A4438)),
        Hour::Day => {
            (mix(rgb(0xA8CCF0), rgb(0xE6EEF4), random.unit()), rgb(random.pick(&[0x6A8A4A, 0x8A8A84, 0x5A7A44])))
        }
    };
    let outside = |color: Vec3| {
        Surface::new(color * 0.25, Pattern::Patches(0.4), Some(Material::Glass))
            .second(color * 0.22)
            .shine(3.4)
            .gloss(0.02)
    };
    group.panel(b, Side::Front, (0.0, w), (y, y + h), 0.01, &outside(sky), tag);
    let hills: Vec<(f32, f32)> =
        (0..=6).rev().map(|step| (w * step as f32 / 6.0, y + h * random.range(0.14, 0.42))).collect();
    let corners: Vec<(f32, f32)> = [(0.0, y), (w, y)].into_iter().chain(hills).collect();
    group.shape(b, Side::Front, &corners, 0.012, &outside(low), tag);
    let columns = if w > 1.3 { 3 } else { 2 };
    for bar in 1..columns {
        let u = w * bar as f32 / columns as f32;
        group.panel(b, Side::Front, (u - 0.025, u + 0.025), (y, y + h), 0.02, &frame, tag);
    }
    if random.chance(0.5) {
        group.panel(b, Side::Front, (0.0, w), (y + h * 0.68, y + h * 0.68 + 0.045), 0.02, &frame, tag);
    }
    group.cuboid(block((-w / 2.0 - 0.1, w / 2.0 + 0.1), (y - 0.11, y - 0.06), (-0.16, 0.0)), &frame, tag);
    let strength = match light.hour {
        Hour::Day => 1.5,
        Hour::Golden => 1.1,
        Hour::Dusk => 0.5,
        Hour::Night => 0.04,
    };
    group.lamp(vec3(0.0, y + h * 0.6, -1.0), mix(sky, Vec3::grey(sky.luminance()), 0.5) * (strength * w));
}

/// A door of a room.
pub(crate) fn door(group: &mut Group, random: &mut Random, _: &Light) {
    let tag = Object::Wall.with(Part::Door);
    let b = block((-0.45, 0.45), (0.0, 2.1), (-0.03, 0.0));
    let wood = Surface::wood(rgb(random.pick(&[0xEDE8DE, 0x8A5A34, 0xB8875A, 0x6B4226, 0xD8D4CC])));
    let frame = Surface { color: wood.color * 0.85, ..wood };
    group.panel(b, Side::Front, (-0.09, 0.99), (0.0, 2.19), 0.0, &frame, tag);
    group.panel(b, Side::Front, (0.0, 0.9), (0.0, 2.1), 0.01, &wood, tag);
    for y in [(0.2, 0.9), (1.1, 1.9)] {
        group.panel(b, Side::Front, (0.16, 0.74), y, 0.015, &Surface { color: wood.color * 0.78, ..wood }, tag);
        group.panel(b, Side::Front, (0.19, 0.71), (y.0 + 0.03, y.1 - 0.03), 0.02, &wood, tag);
    }
    group.disc(b, Side::Front, (0.82, 1.0, 0.035), 0.04, &Surface::metal(rgb(0xC0A860)), tag);
}

/// A painting: a landscape, a still life or bands of colour.
pub(crate) fn painting(group: &mut Group, random: &mut Random, _: &Light) {
    let (w, h) = (random.range(0.45, 1.0), random.range(0.4, 0.75));
    let y = random.range(1.4, 1.55);
    let b = block((-w / 2.0, w / 2.0), (0.0, 3.0), (-0.03, 0.0));
    let frame = Surface::wood(rgb(random.pick(&[0x3A2A20, 0xB8933A, 0xE8E4DA, 0x6B4226])));
    group.panel(
        b,
        Side::Front,
        (-0.05, w + 0.05),
        (y - 0.05, y + h + 0.05),
        0.0,
        &frame,
        Object::Painting.with(Part::Frame),
    );
    let tint = |random: &mut Random| {
        mix(rgb(random.pick(&CLOTHS)), rgb(random.pick(&super::plants::PETALS)), random.unit() * 0.7)
    };
    let canvas = |color: Vec3, random: &mut Random| {
        Surface::new(color, Pattern::Patches(0.12), Some(Material::Paper)).second(color * 0.7).seed(random.seed())
    };
    let sky = canvas(tint(random), random);
    group.panel(b, Side::Front, (0.0, w), (y, y + h), 0.01, &sky, Object::Painting);
    for layer in 0..3 {
        let top = h * (0.65 - 0.2 * layer as f32);
        let ridge: Vec<(f32, f32)> =
            (0..=5).rev().map(|step| (w * step as f32 / 5.0, y + top + random.about(h * 0.12))).collect();
        let corners: Vec<(f32, f32)> = [(0.0, y), (w, y)].into_iter().chain(ridge).collect();
        let color = tint(random);
        group.shape(b, Side::Front, &corners, 0.012, &canvas(color, random), Object::Painting);
    }
}

/// A mirror.
pub(crate) fn mirror(group: &mut Group, random: &mut Random, _: &Light) {
    let (w, h) = (random.range(0.5, 0.8), random.range(0.7, 0.95));
    let b = block((-w / 2.0, w / 2.0), (0.0, 3.0), (-0.03, 0.0));
    let frame = Surface::wood(rgb(random.pick(&[0xE8E4DA, 0x6B4226, 0xB8933A, 0x3A3C40])));
    let y = 1.15;
    let glass =
        Surface::new(rgb(0xC4D0D4), Pattern::Patches(0.9), Some(Material::Glass)).second(rgb(0x98A8B0)).gloss(0.7);
    if random.chance(0.35) {
        group.disc(
            b,
            Side::Front,
            (w / 2.0, y + h / 2.0, h * 0.5 + 0.04),
            0.0,
            &frame,
            Object::Mirror.with(Part::Frame),
        );
        group.disc(b, Side::Front, (w / 2.0, y + h / 2.0, h * 0.5), 0.01, &glass, Object::Mirror);
        return;
    }
    group.panel(
        b,
        Side::Front,
        (-0.04, w + 0.04),
        (y - 0.04, y + h + 0.04),
        0.0,
        &frame,
        Object::Mirror.with(Part::Frame),
    );
    group.panel(b, Side::Front, (0.0, w), (y, y + h), 0.01, &glass, Object::Mirror);
    let shine = Surface { color: rgb(0xE8F0F2), second: rgb(0xD8E4E8), ..glass };
    group.shape(
        b,
        Side::Front,
        &[(w * 0.15, y + h * 0.4), (w * 0.3, y + h * 0.4), (w * 0.75, y + h * 0.95), (w * 0.6, y + h * 0.95)],
        0.012,
        &shine,
        Object::Mirror,
    );
}

/// A clock.
pub(crate) fn clock(group: &mut Group, random: &mut Random, _: &Light) {
    let b = block((-0.2, 0.2), (0.0, 3.0), (-0.04, 0.0));
    let rim = Surface::wood(rgb(random.pick(&[0x3A2A20, 0x2A2C30, 0xB8342E, 0xB8933A])));
    group.disc(b, Side::Front, (0.2, 2.1, 0.19), 0.0, &rim, Object::Clock.with(Part::Frame));
    group.disc(b, Side::Front, (0.2, 2.1, 0.16), 0.01, &Surface::of(rgb(0xF4F0E6), Material::Paper), Object::Clock);
    let hand = Surface::metal(rgb(0x1E1E20));
    for long in [0.08, 0.13] {
        let turn = random.unit();
        let (s, c) = (sine(turn), cosine(turn));
        let corners =
            [(0.2 - s * 0.012, 2.1 + c * 0.012), (0.2 + c * long, 2.1 + s * long), (0.2 + s * 0.012, 2.1 - c * 0.012)];
        group.shape(b, Side::Front, &[corners[2], corners[1], corners[0]], 0.02, &hand, Object::Clock);
    }
}

/// A rug round its middle.
pub(crate) fn rug(group: &mut Group, random: &mut Random, _: &Light) {
    group.casts(false);
    let (half, deep) = (random.range(0.9, 1.5), random.range(0.6, 1.0));
    let (first, second) = (rgb(random.pick(&CLOTHS)), rgb(random.pick(&CLOTHS)));
    let flat = |x: f32, z: f32, y: f32| [vec3(-x, y, -z), vec3(x, y, -z), vec3(x, y, z), vec3(-x, y, z)];
    if random.chance(0.3) {
        let ring = |radius: f32, y: f32| -> Vec<Vec3> {
            (0..20)
                .map(|step| vec3(radius * cosine(step as f32 / 20.0), y, radius * sine(step as f32 / 20.0)))
                .collect()
        };
        for (step, color) in [first, second, first, second].into_iter().enumerate() {
            group.face(
                &ring(deep * 1.15 * (1.0 - 0.22 * step as f32), 0.012 + 0.001 * step as f32),
                &Surface::fabric(color),
                Object::Rug,
            );
        }
        return;
    }
    let pattern = random.pick(&[Pattern::Bands(0.16, true), Pattern::Checks(0.2), Pattern::Patches(0.2)]);
    group.face(&flat(half, deep, 0.01), &Surface::fabric(second), Object::Rug);
    group.face(
        &flat(half - 0.1, deep - 0.1, 0.012),
        &Surface::new(first, pattern, Some(Material::Fabric)).second(mix(first, second, 0.55)),
        Object::Rug,
    );
}

/// Strength of a lamp: on in the dark, sometimes by day.
fn lit(random: &mut Random, light: &Light) -> bool {
    light.is_dark() || random.chance(0.3)
}

fn shade(random: &mut Random, on: bool) -> Surface {
    let color = rgb(random.pick(&[0xF4E6C4, 0xF0DCC0, 0xE8E4DA, 0xD8A878, 0xB8C8B0]));
    let cloth = Surface::new(color, Pattern::Plain(0.0), Some(Material::Fabric));
    if on { cloth.shine(0.85) } else { cloth }
}

/// A lamp on a table.
pub(crate) fn table_lamp(group: &mut Group, random: &mut Random, light: &Light) {
    let on = lit(random, light);
    let foot = Surface::ceramic(rgb(random.pick(&[0x3A6A8A, 0xE6E0D6, 0xB5683F, 0x3A3C40, 0xB8933A])));
    group.column(Vec3::ZERO, 0.03, (0.08, 0.07), &foot, Object::Lamp);
    group.ball(vec3(0.0, 0.12, 0.0), vec3(0.06, 0.1, 0.06), &foot, Object::Lamp);
    group.limb(vec3(0.0, 0.1, 0.0), vec3(0.0, 0.28, 0.0), (0.02, 0.012), &foot, Object::Lamp.with(Part::Pole));
    let wide = random.range(0.13, 0.17);
    group.column(vec3(0.0, 0.24, 0.0), 0.2, (wide, wide * 0.65), &shade(random, on), Object::Lamp.with(Part::Shade));
    if on {
        group.lamp(vec3(0.0, 0.42, -0.2), vec3(0.42, 0.30, 0.16));
        group.halo(vec3(0.0, 0.34, 0.0), 0.55, vec3(0.20, 0.14, 0.07));
    }
}

/// A lamp on the floor.
pub(crate) fn floor_lamp(group: &mut Group, random: &mut Random, light: &Light) {
    let on = lit(random, light);
    let steel = Surface::metal(rgb(random.pick(&[0x2A2A2C, 0xB8933A, 0x8A8E92])));
    let z = -0.25;
    group.column(vec3(0.0, 0.0, z), 0.03, (0.15, 0.14), &steel, Object::Lamp);
    group.limb(vec3(0.0, 0.0, z), vec3(0.0, 1.45, z), (0.018, 0.015), &steel, Object::Lamp.with(Part::Pole));
    group.column(vec3(0.0, 1.35, z), 0.3, (0.22, 0.15), &shade(random, on), Object::Lamp.with(Part::Shade));
    if on {
        group.lamp(vec3(0.0, 1.6, z - 0.1), vec3(0.8, 0.56, 0.30));
        group.halo(vec3(0.0, 1.5, z), 0.8, vec3(0.22, 0.15, 0.07));
    }
}

/// A lamp that hangs from the ceiling; y = 0 is the ceiling.
pub(crate) fn pendant(group: &mut Group, random: &mut Random, light: &Light) {
    let on = light.is_dark() || random.chance(0.5);
    let drop = random.range(0.5, 0.85);
    let cord = Surface::plastic(rgb(0x2A2A2C));
    group.limb(Vec3::ZERO, vec3(0.0, -drop, 0.0), (0.012, 0.012), &cord, Object::Lamp.with(Part::Pole));
    let wide = random.range(0.17, 0.28);
    if random.chance(0.4) {
        group.ball(
            vec3(0.0, -drop - wide * 0.6, 0.0),
            Vec3::grey(wide * 0.75),
            &shade(random, on),
            Object::Lamp.with(Part::Shade),
        );
    } else {
        group.column(
            vec3(0.0, -drop - 0.22, 0.0),
            0.24,
            (wide, wide * 0.3),
            &shade(random, on),
            Object::Lamp.with(Part::Shade),
        );
    }
    if on {
        group.lamp(vec3(0.0, -drop - 0.45, 0.0), vec3(1.7, 1.35, 0.85));
        group.halo(vec3(0.0, -drop - 0.15, 0.0), 0.9, vec3(0.22, 0.16, 0.08));
    }
}

/// A long lamp of an office or school, at the ceiling.
pub(crate) fn tube(group: &mut Group, random: &mut Random, light: &Light) {
    let on = light.is_dark() || random.chance(0.75);
    let glow = Surface::new(rgb(0xF0F4F4), Pattern::Plain(0.0), Some(Material::Plastic));
    let glow = if on { glow.shine(1.3) } else { glow };
    group.cuboid(block((-0.12, 0.12), (-0.10, -0.03), (-0.75, 0.75)), &glow, Object::Lamp);
    if on {
        group.lamp(vec3(0.0, -0.5, 0.0), vec3(0.75, 0.78, 0.78));
    }
}

/// A blackboard or whiteboard with writing.
pub(crate) fn blackboard(group: &mut Group, random: &mut Random, _: &Light) {
    let half = random.range(1.3, 1.75);
    let b = block((-half, half), (0.0, 3.0), (-0.04, 0.0));
    let wood = Surface::wood(rgb(0x8A6A44));
    let board = Surface::new(
        rgb(random.pick(&[0x2A4A3A, 0x24302E, 0x2E4A44, 0xF0F2F2])),
        Pattern::Patches(0.8),
        Some(Material::Stone),
    );
    let board = board.second(board.color * 1.2);
    group.panel(
        b,
        Side::Front,
        (-0.06, half * 2.0 + 0.06),
        (0.84, 2.16),
        0.0,
        &wood,
        Object::Blackboard.with(Part::Frame),
    );
    group.panel(b, Side::Front, (0.0, half * 2.0), (0.9, 2.1), 0.01, &board, Object::Blackboard);
    let chalk =
        Surface::new(if board.color.x > 0.5 { rgb(0x2A4A8A) } else { rgb(0xE0E4DC) }, Pattern::Plain(0.0), None);
    for line in 0..random.whole(3, 6) {
        let y = 1.95 - 0.17 * line as f32;
        let mut u = 0.15;
        let end = half * random.range(0.8, 1.8);
        while u < end {
            let word = random.range(0.06, 0.22);
            group.panel(b, Side::Front, (u, u + word), (y, y + 0.045), 0.012, &chalk, Object::Blackboard);
            u += word + 0.06;
        }
    }
    group.cuboid(block((-half, half), (0.82, 0.86), (-0.14, 0.0)), &wood, Object::Blackboard);
}

/// A fireplace with its mantel.
pub(crate) fn fireplace(group: &mut Group, random: &mut Random, light: &Light) {
    let stone = if random.chance(0.5) { Surface::brick(rgb(0x9A5A44)) } else { Surface::stone(rgb(0xC4BCAE)) };
    let object = Object::Fireplace;
    let b = block((-0.75, 0.75), (0.0, 1.15), (-0.3, 0.0));
    group.cuboid(b, &stone, object);
    group.panel(b, Side::Front, (0.3, 1.2), (0.06, 0.78), 0.004, &Surface::of(rgb(0x16120F), Material::Stone), object);
    if lit(random, light) {
        for flame in 0..5 {
            let u = 0.45 + 0.15 * flame as f32;
            let tall = random.range(0.22, 0.45);
            let fire = |color: u32| Surface::new(rgb(color), Pattern::Plain(0.0), None).shine(1.8);
            group.shape(
                b,
                Side::Front,
                &[
                    (u - 0.09, 0.1),
                    (u + 0.09, 0.1),
                    (u + 0.07, tall * 0.5),
                    (u + random.about(0.06), 0.1 + tall),
                    (u - 0.07, tall * 0.5),
                ],
                0.01,
                &fire(0xF08A2A),
                object.with(Part::Fire),
            );
            group.shape(
                b,
                Side::Front,
                &[(u - 0.05, 0.1), (u + 0.05, 0.1), (u, 0.1 + tall * 0.6)],
                0.012,
                &fire(0xFFDC6A),
                object.with(Part::Fire),
            );
        }
        group.lamp(vec3(0.0, 0.4, -0.7), vec3(0.6, 0.28, 0.08));
    }
    group.cuboid(block((-0.9, 0.9), (1.15, 1.22), (-0.38, 0.0)), &Surface::wood(rgb(0x6B4226)), object.with(Part::Top));
}
