//! Kitchens and bathrooms. Backs are at z = 0, fronts towards -z.

use super::seating::{CLOTHS, WOODS};
use crate::scenes::group::{Group, Side, block};
use crate::scenes::labels::{Material, Object, Part};
use crate::scenes::light::Light;
use crate::scenes::math::{Vec3, cosine, rgb, sine, vec3};
use crate::scenes::random::Random;
use crate::scenes::surface::Surface;

const FRONTS: [u32; 8] = [0xF0ECE4, 0x8FA3A0, 0x4A6A6A, 0xB8875A, 0xD8D4C8, 0x8A5A34, 0x34465E, 0xC9C4A0];

/// A run of kitchen furniture, 3.0 m: cupboards, an oven with its stovetop, a sink, a shelf of cupboards above.
pub(crate) fn counter(group: &mut Group, random: &mut Random, light: &Light) {
    let front = if random.chance(0.4) {
        Surface::wood(rgb(random.pick(&WOODS)))
    } else {
        Surface::plastic(rgb(random.pick(&FRONTS))).gloss(0.05)
    };
    let top = match random.whole(0, 2) {
        0 => Surface::wood(rgb(0xB8875A)),
        1 => Surface::of(rgb(random.pick(&[0x4A4A4C, 0xC8C4BC, 0x6A6460])), Material::Stone).gloss(0.12),
        _ => Surface::tiles(rgb(0xE6E0D6), 0.12),
    };
    let half = 1.5;
    let splash = Surface::tiles(
        rgb(random.pick(&[0xEDE9E0, 0x8FB0B8, 0xC8D0C0, 0xD8B89A, 0xE8D8A8])),
        random.pick(&[0.1, 0.15]),
    );
    let wall = block((-half, half), (0.0, 3.0), (-0.01, 0.0));
    group.panel(wall, Side::Front, (0.0, 3.0), (0.9, 1.45), 0.0, &splash, Object::Wall);
    let b = block((-half, half), (0.1, 0.87), (-0.6, 0.0));
    group.cuboid(block((-half, half), (0.0, 0.1), (-0.54, 0.0)), &Surface::plastic(rgb(0x2A2A2C)), Object::Cabinet);
    group.cuboid(b, &front, Object::Cabinet);
    let order = random.whole(0, 2) as usize;
    let oven_at = [2, 0, 1][order];
    let sink_at = [0, 2, 4][order];
    let knob = Surface::metal(rgb(0x9A9A98));
    let pane = Surface { color: front.color * 1.12, ..front };
    for unit in 0..5 {
        let u = 0.6 * unit as f32;
        if unit == oven_at {
            continue;
        }
        let rows: &[(f32, f32)] =
            if unit % 2 == 0 { &[(0.12, 0.66), (0.68, 0.85)] } else { &[(0.12, 0.36), (0.38, 0.62), (0.64, 0.85)] };
        for &y in rows {
            let part = if y.1 - y.0 > 0.4 { Part::Door } else { Part::Drawer };
            group.panel(b, Side::Front, (u + 0.012, u + 0.588), y, 0.012, &pane, Object::Cabinet.with(part));
            group.panel(
                b,
                Side::Front,
                (u + 0.2, u + 0.4),
                (y.1 - 0.06, y.1 - 0.04),
                0.03,
                &knob,
                Object::Cabinet.with(part),
            );
        }
    }
    let plate = block((-half - 0.01, half + 0.01), (0.87, 0.91), (-0.63, 0.0));
    group.cuboid(plate, &top, Object::Cabinet.with(Part::Worktop));
    let x = |unit: usize| -half + 0.3 + 0.6 * unit as f32;
    let mut hob = group.inner(vec3(x(oven_at), 0.0, 0.0), 0.0, 1.0);
    oven_in(&mut hob, random, light);
    group.add(hob);
    basin(group, x(sink_at), random);
    clutter(group, random, &[x(oven_at), x(sink_at)]);
    shelf(group, random, &front, &pane, x(oven_at));
}

/// An oven set into a counter, its stovetop above, sometimes a pot on it.
fn oven_in(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Oven;
    let steel = Surface::metal(rgb(random.pick(&[0xB8BCC0, 0x2A2C30, 0xE8E8E4])));
    let b = block((-0.3, 0.3), (0.1, 0.87), (-0.61, -0.1));
    group.panel(b, Side::Front, (0.0, 0.6), b.y, 0.015, &steel, object);
    let inside = if light.is_dark() && random.chance(0.4) {
        Surface::glass(rgb(0xE0903A)).shine(0.8)
    } else {
        Surface::glass(rgb(0x16181A)).gloss(0.35)
    };
    group.panel(b, Side::Front, (0.07, 0.53), (0.2, 0.58), 0.02, &inside, object.with(Part::Door));
    group.panel(
        b,
        Side::Front,
        (0.07, 0.53),
        (0.62, 0.65),
        0.05,
        &Surface::metal(rgb(0xD8DADC)),
        object.with(Part::Door),
    );
    for knob in 0..4 {
        group.disc(
            b,
            Side::Front,
            (0.12 + 0.12 * knob as f32, 0.77, 0.03),
            0.04,
            &Surface::metal(rgb(0x3A3C40)),
            object,
        );
    }
    let glass = Surface::glass(rgb(0x1A1A1C)).gloss(0.3);
    group.face(
        &[vec3(-0.28, 0.915, -0.58), vec3(0.28, 0.915, -0.58), vec3(0.28, 0.915, -0.08), vec3(-0.28, 0.915, -0.08)],
        &glass,
        object.with(Part::Stovetop),
    );
    for (x, z) in [(-0.14, -0.2), (0.14, -0.2), (-0.14, -0.45), (0.14, -0.45)] {
        let ring: Vec<Vec3> = (0..12)
            .map(|step| vec3(x + 0.09 * cosine(step as f32 / 12.0), 0.918, z + 0.09 * sine(step as f32 / 12.0)))
            .collect();
        group.face(&ring, &Surface::metal(rgb(0x4A4A4E)), object.with(Part::Stovetop));
    }
    if random.chance(0.75) {
        let mut on = group.inner(vec3(random.pick(&[-0.14, 0.14]), 0.92, -0.3), 0.0, 1.0);
        pot(&mut on, random);
        group.add(on);
    }
}

fn pot(group: &mut Group, random: &mut Random) {
    let metal = Surface::metal(rgb(random.pick(&[0xB8BCC0, 0xB8342E, 0x2A4A6A, 0xD8903A, 0x3A3C40])));
    let (wide, high) = (random.range(0.09, 0.13), random.range(0.1, 0.17));
    group.column(Vec3::ZERO, high, (wide, wide), &metal, Object::Pot);
    for side in [-1.0, 1.0] {
        group.limb(
            vec3(side * wide, high * 0.8, 0.0),
            vec3(side * (wide + 0.05), high * 0.85, 0.0),
            (0.014, 0.014),
            &Surface::plastic(rgb(0x1E1E20)),
            Object::Pot,
        );
    }
    group.dome(vec3(0.0, high, 0.0), vec3(wide * 1.03, 0.035, wide), &metal, Object::Pot);
    group.ball(vec3(0.0, high + 0.045, 0.0), Vec3::grey(0.018), &Surface::plastic(rgb(0x1E1E20)), Object::Pot);
}

/// A sink let into a worktop.
fn basin(group: &mut Group, x: f32, random: &mut Random) {
    let steel = Surface::metal(rgb(0xC0C4C8)).gloss(0.3);
    let flat = |w: f32, z: (f32, f32), y: f32| {
        [vec3(x - w, y, z.0), vec3(x + w, y, z.0), vec3(x + w, y, z.1), vec3(x - w, y, z.1)]
    };
    group.face(&flat(0.26, (-0.52, -0.12), 0.914), &steel, Object::Sink);
    group.face(&flat(0.22, (-0.48, -0.18), 0.916), &Surface::metal(rgb(0x6A6E72)), Object::Sink);
    tap(group, vec3(x, 0.91, -0.12), random);
}

fn tap(group: &mut Group, foot: Vec3, random: &mut Random) {
    let steel = Surface::metal(rgb(random.pick(&[0xC8CCD0, 0xC0A860]))).gloss(0.35);
    let tag = Object::Sink.with(Part::Tap);
    let top = foot + vec3(0.0, 0.22, 0.0);
    group.limb(foot, top, (0.02, 0.018), &steel, tag);
    group.limb(top, top + vec3(0.0, 0.02, -0.14), (0.018, 0.016), &steel, tag);
    group.limb(top + vec3(0.0, 0.02, -0.14), top + vec3(0.0, -0.04, -0.15), (0.016, 0.016), &steel, tag);
}

/// Bowls, pots and jars on a worktop, away from some places.
fn clutter(group: &mut Group, random: &mut Random, away: &[f32]) {
    for step in 0..6 {
        let x = -1.25 + 0.5 * step as f32 + random.about(0.1);
        if away.iter().any(|other| (other - x).abs() < 0.34) || random.chance(0.35) {
            continue;
        }
        let glaze = Surface::ceramic(rgb(random.pick(&CLOTHS)));
        let z = random.range(-0.3, -0.14);
        match random.whole(0, 2) {
            0 => group.column(vec3(x, 0.91, z), random.range(0.14, 0.24), (0.06, 0.06), &glaze, Object::Pot),
            1 => group.column(vec3(x, 0.91, z), 0.1, (0.06, 0.14), &glaze, Object::Bowl),
            _ => {
                let glass = Surface::glass(rgb(random.pick(&[0x3A6A3A, 0x6A4A2A, 0xC8D8DC]))).gloss(0.3);
                group.column(vec3(x, 0.91, z), 0.18, (0.04, 0.04), &glass, Object::Vase);
                group.column(vec3(x, 1.09, z), 0.1, (0.02, 0.015), &glass, Object::Vase);
            }
        }
    }
}

/// Cupboards above a counter, a hood above the stove.
fn shelf(group: &mut Group, random: &mut Random, front: &Surface, pane: &Surface, stove: f32) {
    let window = random.chance(0.4);
    for unit in 0..5 {
        let x = -1.5 + 0.6 * unit as f32;
        if (x + 0.3 - stove).abs() < 0.1 {
            let steel = Surface::metal(rgb(0xB0B4B8)).gloss(0.3);
            group.prism(
                &[(x, 1.55), (x + 0.6, 1.55), (x + 0.42, 1.8), (x + 0.18, 1.8)],
                (-0.45, 0.0),
                &steel,
                Object::Oven,
            );
            group.cuboid(block((x + 0.18, x + 0.42), (1.8, 2.6), (-0.3, 0.0)), &steel, Object::Oven);
            continue;
        }
        if window && (unit == 3 || unit == 4) && stove < 0.2 {
            continue;
        }
        let b = block((x, x + 0.6), (1.45, 2.15), (-0.34, 0.0));
        group.cuboid(b, front, Object::Cabinet);
        group.panel(b, Side::Front, (0.012, 0.588), (1.465, 2.135), 0.012, pane, Object::Cabinet.with(Part::Door));
        group.panel(
            b,
            Side::Front,
            (0.5, 0.53),
            (1.5, 1.66),
            0.03,
            &Surface::metal(rgb(0x9A9A98)),
            Object::Cabinet.with(Part::Door),
        );
    }
}

/// A refrigerator.
pub(crate) fn refrigerator(group: &mut Group, random: &mut Random, _: &Light) {
    let object = Object::Refrigerator;
    let steel = Surface::metal(rgb(random.pick(&[0xE8EAEA, 0xB4B8BC, 0xE8EAEA, 0x9A3A34, 0x8FB0A8]))).gloss(0.10);
    let b = block((-0.32, 0.32), (0.04, random.range(1.7, 1.95)), (-0.65, 0.0));
    group.cuboid(b, &steel, object);
    let cut = random.pick(&[0.62, 1.25]);
    for y in [(0.06, cut), (cut + 0.02, b.y.1 - 0.02)] {
        group.panel(
            b,
            Side::Front,
            (0.01, 0.63),
            y,
            0.015,
            &Surface { color: steel.color * 1.08, ..steel },
            object.with(Part::Door),
        );
        let middle = (y.0 + y.1) / 2.0;
        group.panel(
            b,
            Side::Front,
            (0.05, 0.08),
            (middle - 0.18, middle + 0.18),
            0.05,
            &Surface::metal(rgb(0x8A8E92)),
            object.with(Part::Door),
        );
    }
}

/// A bathtub along a wall, round its middle.
pub(crate) fn bathtub(group: &mut Group, random: &mut Random, _: &Light) {
    let object = Object::Bathtub;
    let white = Surface::ceramic(rgb(random.pick(&[0xF4F4F2, 0xF4F4F2, 0xE8DCC8, 0xB8D0D0])));
    let (half, deep, high) = (0.85, 0.75, 0.58);
    let b = block((-half, half), (0.0, high), (-deep, 0.0));
    let apron = if random.chance(0.4) {
        Surface::tiles(rgb(random.pick(&[0x8FB0B8, 0xD8D0C0, 0x6A8A94])), 0.15)
    } else {
        white
    };
    group.cuboid(b, &apron, object);
    let ring = |grow: f32, y: f32| -> Vec<Vec3> {
        (0..22)
            .map(|step| {
                let turn = step as f32 / 22.0;
                let (c, s) = (cosine(turn), sine(turn));
                // A rounded rectangle.
                let square = |v: f32| v * (1.6 - 0.6 * v.abs());
                vec3(square(c) * half * grow, y, -deep / 2.0 + square(s) * deep / 2.0 * grow)
            })
            .collect()
    };
    let lip = [vec3(-half, high, -deep), vec3(half, high, -deep), vec3(half, high, 0.0), vec3(-half, high, 0.0)];
    group.face(&lip, &white, object);
    group.face(&ring(0.86, high + 0.002), &Surface { color: white.color * 0.72, ..white }, object);
    let water = Surface::of(rgb(0x8FC0CC), Material::Water).gloss(0.35);
    group.face(
        &ring(0.74, high + 0.003),
        &if random.chance(0.5) { water } else { Surface { color: white.color * 0.86, ..white } },
        object,
    );
    let steel = Surface::metal(rgb(0xC8CCD0)).gloss(0.35);
    let end = vec3(half - 0.14, high, -deep / 2.0);
    group.limb(end, end + vec3(0.0, 0.14, 0.0), (0.02, 0.02), &steel, object.with(Part::Tap));
    group.limb(end + vec3(0.0, 0.14, 0.0), end + vec3(-0.13, 0.12, 0.0), (0.02, 0.018), &steel, object.with(Part::Tap));
    if random.chance(0.45) {
        let color = rgb(random.pick(&CLOTHS));
        let cloth = Surface::new(color, crate::scenes::surface::Pattern::Bands(0.06, true), Some(Material::Fabric))
            .second(color * 0.8);
        let c = block((-half, half), (0.3, 2.0), (-deep - 0.03, -deep));
        group.panel(c, Side::Front, (0.0, 0.5), c.y, 0.0, &cloth, Object::Curtain);
        group.limb(
            vec3(-half - 0.2, 2.0, -deep),
            vec3(half + 0.2, 2.0, -deep),
            (0.015, 0.015),
            &steel,
            Object::Curtain.with(Part::Pole),
        );
    }
}

/// A toilet.
pub(crate) fn toilet(group: &mut Group, _: &mut Random, _: &Light) {
    let object = Object::Toilet;
    let white = Surface::ceramic(rgb(0xF2F2F0));
    group.cuboid(block((-0.21, 0.21), (0.38, 0.82), (-0.2, 0.0)), &white, object);
    group.cuboid(block((-0.23, 0.23), (0.82, 0.86), (-0.22, 0.0)), &white, object);
    group.column(vec3(0.0, 0.0, -0.36), 0.32, (0.13, 0.17), &white, object);
    group.column(vec3(0.0, 0.2, -0.42), 0.2, (0.12, 0.2), &white, object);
    let ring = |w: f32, d: f32, y: f32| -> Vec<Vec3> {
        (0..16).map(|step| vec3(w * cosine(step as f32 / 16.0), y, -0.42 + d * sine(step as f32 / 16.0))).collect()
    };
    group.face(&ring(0.21, 0.26, 0.41), &white, object.with(Part::Seat));
    group.face(&ring(0.14, 0.18, 0.412), &Surface::ceramic(rgb(0x8A9498)), object);
}

/// A washbasin on its pedestal or cabinet, a mirror above.
pub(crate) fn washbasin(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Sink;
    let white = Surface::ceramic(rgb(0xF2F2F0));
    if random.chance(0.5) {
        group.column(vec3(0.0, 0.0, -0.22), 0.8, (0.11, 0.08), &white, object.with(Part::Leg));
    } else {
        let wood = Surface::wood(rgb(random.pick(&WOODS)));
        let b = block((-0.33, 0.33), (0.15, 0.75), (-0.44, 0.0));
        group.cuboid(b, &wood, Object::Cabinet);
        for u in [0.01, 0.34] {
            group.panel(
                b,
                Side::Front,
                (u, u + 0.31),
                (0.17, 0.73),
                0.01,
                &Surface { color: wood.color * 1.15, ..wood },
                Object::Cabinet.with(Part::Door),
            );
        }
    }
    group.cuboid(block((-0.32, 0.32), (0.74, 0.86), (-0.48, 0.0)), &white, object);
    let ring: Vec<Vec3> = (0..16)
        .map(|step| vec3(0.24 * cosine(step as f32 / 16.0), 0.862, -0.27 + 0.16 * sine(step as f32 / 16.0)))
        .collect();
    group.face(&ring, &Surface::ceramic(rgb(0xA8B0B4)), object);
    tap(group, vec3(0.0, 0.86, -0.08), random);
    super::fittings::mirror(group, random, light);
}

/// Towels on a rail.
pub(crate) fn towels(group: &mut Group, random: &mut Random, _: &Light) {
    let steel = Surface::metal(rgb(0xC8CCD0));
    group.limb(vec3(-0.4, 1.25, -0.08), vec3(0.4, 1.25, -0.08), (0.014, 0.014), &steel, Object::Towel.with(Part::Pole));
    let b = block((-0.4, 0.4), (0.0, 2.0), (-0.1, 0.0));
    for u in [0.06, 0.43] {
        let cloth = Surface::fabric(rgb(random.pick(&CLOTHS)));
        group.panel(b, Side::Front, (u, u + 0.31), (random.range(0.6, 0.8), 1.26), 0.0, &cloth, Object::Towel);
    }
}

/// The altar of a church with candles and a cross.
pub(crate) fn altar(group: &mut Group, random: &mut Random, _: &Light) {
    let object = Object::Altar;
    let stone = Surface::stone(rgb(0xC8C0B0));
    group.cuboid(block((-2.6, 2.6), (0.0, 0.18), (-2.0, 0.0)), &stone, object.with(Part::Stairs));
    group.cuboid(block((-2.0, 2.0), (0.18, 0.34), (-1.6, 0.0)), &stone, object.with(Part::Stairs));
    let b = block((-0.95, 0.95), (0.34, 1.3), (-1.1, -0.4));
    group.cuboid(b, &stone, object);
    group.cuboid(
        block((-1.0, 1.0), (1.1, 1.34), (-1.13, -0.37)),
        &Surface::fabric(rgb(random.pick(&[0xF0ECE4, 0xB8342E, 0x6A3A7A, 0x3A6A4A]))),
        object,
    );
    let gold = Surface::metal(rgb(0xC9A23A));
    group.limb(vec3(0.0, 1.34, -0.6), vec3(0.0, 2.2, -0.6), (0.035, 0.035), &gold, object.with(Part::Cross));
    group.limb(vec3(-0.22, 1.95, -0.6), vec3(0.22, 1.95, -0.6), (0.035, 0.035), &gold, object.with(Part::Cross));
    for x in [-0.75, -0.5, 0.5, 0.75] {
        group.limb(
            vec3(x, 1.34, -0.7),
            vec3(x, 1.7, -0.7),
            (0.03, 0.03),
            &Surface::of(rgb(0xF4EEDC), Material::Paper),
            object,
        );
        let fire = Surface::new(rgb(0xFFDC8A), crate::scenes::surface::Pattern::Plain(0.0), None).shine(2.0);
        group.ball(vec3(x, 1.75, -0.7), vec3(0.025, 0.05, 0.025), &fire, object.with(Part::Fire));
        group.halo(vec3(x, 1.75, -0.7), 0.3, vec3(0.5, 0.35, 0.12));
    }
    group.lamp(vec3(0.0, 2.0, -1.6), vec3(1.2, 0.85, 0.4));
}
