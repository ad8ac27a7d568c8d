//! Lighthouses, windmills, control towers and bridges.

use super::buildings::pane;
use crate::scenes::group::{Block, Group, Side, block};
use crate::scenes::labels::{Material, Object, Part};
use crate::scenes::light::Light;
use crate::scenes::math::{Vec3, cosine, mix, rgb, sine, vec3};
use crate::scenes::random::Random;
use crate::scenes::surface::{Pattern, Surface};

/// A block somewhere: from its middle on the ground plan.
fn at(x: f32, z: f32, w: f32, y: (f32, f32), d: f32) -> Block {
    block((x - w / 2.0, x + w / 2.0), y, (z - d / 2.0, z + d / 2.0))
}

/// A lighthouse on its rock.
pub(crate) fn lighthouse(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Lighthouse;
    let tall = random.range(11.0, 16.0);
    let band = rgb(random.pick(&[0xB8342E, 0x2E3A4A, 0xB8342E, 0xE9E6E0]));
    let rock = Surface::of(rgb(0x6B655E), Material::Stone);
    let rock = Surface { pattern: Pattern::Patches(0.7), second: rock.color * 0.6, ..rock };
    for _ in 0..9 {
        let at = vec3(random.about(5.0), random.range(-0.3, 0.4), random.about(2.5));
        group.blob(at, vec3(random.range(1.2, 2.4), random.range(0.6, 1.2), 1.2), 0.25, None, &rock, Object::Rock);
    }
    let radius = |part: f32| 1.9 - 0.75 * part;
    let bands = random.whole(3, 6);
    for step in 0..bands {
        let (from, to) = (step as f32 / bands as f32, (step + 1) as f32 / bands as f32);
        let color = if step % 2 == 0 { rgb(0xEDE9E0) } else { band };
        group.column(
            vec3(0.0, tall * from, 0.0),
            tall * (to - from) + 0.02,
            (radius(from), radius(to)),
            &Surface::plaster(color),
            object.with(Part::Tower),
        );
    }
    let eye = group.eye();
    let toward = vec3(eye.x, 0.0, eye.z).unit();
    for level in [0.3, 0.55, 0.78] {
        let place = toward * radius(level) + vec3(0.0, tall * level, 0.0);
        group.board(
            place,
            &[(-0.22, 0.0), (0.22, 0.0), (0.22, 0.7), (-0.22, 0.7)],
            &pane(random, light),
            object.with(Part::Window),
        );
    }
    let door = Surface::boards(rgb(0x6B3A2A), 0.2, true);
    group.board(
        toward * 1.92 + vec3(0.0, 0.4, 0.0),
        &[(-0.5, 0.0), (0.5, 0.0), (0.5, 1.8), (0.0, 2.2), (-0.5, 1.8)],
        &door,
        object.with(Part::Door),
    );
    let dark = Surface::metal(rgb(0x3A3A3E));
    group.column(vec3(0.0, tall, 0.0), 0.35, (1.6, 1.6), &dark, object.with(Part::Balcony));
    let lamp = if light.is_dark() { Surface::glass(rgb(0xFFE6A0)).shine(2.2) } else { Surface::glass(rgb(0x6A7A80)) };
    group.column(vec3(0.0, tall + 0.35, 0.0), 1.5, (0.85, 0.85), &lamp, object.with(Part::Lantern));
    for x in [-0.8, -0.3, 0.3, 0.8] {
        group.limb(
            vec3(x, tall + 0.35, -0.3),
            vec3(x, tall + 1.85, -0.3),
            (0.04, 0.04),
            &dark,
            object.with(Part::Lantern),
        );
    }
    group.dome(vec3(0.0, tall + 1.85, 0.0), vec3(1.05, 0.9, 1.05), &Surface::metal(band), object.with(Part::Roof));
    if light.is_dark() {
        group.halo(vec3(0.0, tall + 1.0, -1.0), 5.0, vec3(0.9, 0.75, 0.4));
    }
}

/// A windmill with four sails.
pub(crate) fn windmill(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Windmill;
    let tall = random.range(8.0, 11.0);
    let body = match random.whole(0, 2) {
        0 => Surface::brick(rgb(0x8A5A48)),
        1 => Surface::plaster(rgb(0xE6E0D2)),
        _ => Surface::boards(rgb(0x6B5A4C), 0.3, true),
    };
    group.column(Vec3::ZERO, tall, (2.8, 1.7), &body, object.with(Part::Tower));
    let door = Surface::boards(rgb(0x3E4A3A), 0.2, true);
    group.board(
        vec3(0.0, 0.0, -2.85),
        &[(-0.6, 0.0), (0.6, 0.0), (0.6, 2.1), (-0.6, 2.1)],
        &door,
        object.with(Part::Door),
    );
    for level in [0.45, 0.7] {
        let z = -(2.8 - 1.1 * level) - 0.02;
        group.board(
            vec3(0.3, tall * level, z),
            &[(-0.35, 0.0), (0.35, 0.0), (0.35, 0.9), (-0.35, 0.9)],
            &pane(random, light),
            object.with(Part::Window),
        );
    }
    group.dome(vec3(0.0, tall, 0.0), vec3(1.95, 1.7, 1.95), &Surface::shingles(rgb(0x54463A)), object.with(Part::Roof));
    let hub = vec3(0.0, tall + 0.4, -2.3);
    let (long, turn) = (tall * 0.66, random.unit());
    let wood = Surface::wood(rgb(0x6B5240));
    let cloth = Surface::fabric(rgb(0xE3DCC8));
    for sail in 0..4 {
        let (s, c) = (sine(turn + sail as f32 / 4.0), cosine(turn + sail as f32 / 4.0));
        let place = |along: f32, across: f32| hub + vec3(c * along - s * across, s * along + c * across, 0.0);
        group.sheet(
            &[place(long * 0.18, 0.0), place(long, 0.0), place(long, 1.0), place(long * 0.18, 1.0)],
            &cloth,
            object.with(Part::Blade),
        );
        for across in [0.0, 0.5, 1.0] {
            group.limb(
                place(if across == 0.0 { 0.0 } else { long * 0.18 }, across),
                place(long, across),
                (0.09, 0.07),
                &wood,
                object.with(Part::Blade),
            );
        }
        for step in 1..7 {
            let along = long * (0.18 + 0.82 * step as f32 / 6.0);
            group.limb(place(along, 0.0), place(along, 1.0), (0.05, 0.05), &wood, object.with(Part::Blade));
        }
    }
    group.ball(hub, Vec3::grey(0.35), &wood, object.with(Part::Blade));
}

/// The tower of an airport.
pub(crate) fn control_tower(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::ControlTower;
    let tall = random.range(16.0, 24.0);
    let shaft = Surface::concrete(rgb(random.pick(&[0xC4C0B8, 0xD8D4CC, 0xA8A8A8])));
    group.column(Vec3::ZERO, tall, (1.9, 1.5), &shaft, object.with(Part::Tower));
    group.column(vec3(0.0, tall - 0.6, 0.0), 1.2, (1.6, 2.9), &shaft, object.with(Part::Tower));
    let glass = if light.is_dark() { Surface::glass(rgb(0xBFE0D0)).shine(0.7) } else { Surface::glass(rgb(0x2E4A54)) };
    group.column(vec3(0.0, tall + 0.6, 0.0), 1.9, (2.9, 3.4), &glass, object.with(Part::Window));
    group.column(vec3(0.0, tall + 2.5, 0.0), 0.5, (3.5, 3.3), &shaft, object.with(Part::Roof));
    group.limb(
        vec3(0.3, tall + 3.0, 0.0),
        vec3(0.3, tall + 6.0, 0.0),
        (0.09, 0.04),
        &Surface::metal(rgb(0xB8342E)),
        object.with(Part::Pole),
    );
    let b = at(6.0, 1.0, 14.0, (0.0, 5.0), 7.0);
    group.cuboid(b, &shaft, Object::Building.with(Part::Facade));
    for bay in 0..8 {
        let glass = pane(random, light);
        group.panel(
            b,
            Side::Front,
            (0.4 + 1.7 * bay as f32, 1.8 + 1.7 * bay as f32),
            (1.2, 3.8),
            0.04,
            &glass,
            Object::Building.with(Part::Window),
        );
    }
}

/// A bridge of stone arches or steel along x, over a river of this class of picture.
pub(crate) fn bridge(group: &mut Group, random: &mut Random, _: &Light) {
    let object = Object::Bridge;
    let stone = rgb(random.pick(&[0xA89C8A, 0x9A9088, 0x8A6A58, 0xB8AC98]));
    let wall = if random.chance(0.3) { Surface::brick(stone) } else { Surface::stone(stone) }.seed(random.seed());
    let bay = random.range(8.5, 12.0);
    let (deck, deep, pier) = (random.range(4.6, 6.2), 4.0, bay * 0.16);
    let arch = random.range(0.75, 1.0);
    let count = 9;
    for step in 0..count {
        let left = (step as f32 - count as f32 / 2.0) * bay;
        let b = block((left, left + bay), (-1.5, deck), (-deep / 2.0, deep / 2.0));
        let (u0, u1) = (pier / 2.0, bay - pier / 2.0);
        let (half, rise) = ((u1 - u0) / 2.0, (deck - 0.7) * arch);
        let curve = |part: f32| (bay / 2.0 - half * cosine(part * 0.5), -0.2 + rise * sine(part * 0.5));
        // The vault's underside, then what stands above the arch.
        for part in 0..8 {
            let (a, c) = (curve(part as f32 / 8.0), curve((part + 1) as f32 / 8.0));
            let dark = Surface::stone(stone * 0.45);
            group.face(
                &[
                    b.on(Side::Front, c.0, c.1, 0.0),
                    b.on(Side::Front, a.0, a.1, 0.0),
                    b.on(Side::Front, a.0, a.1, -deep),
                    b.on(Side::Front, c.0, c.1, -deep),
                ],
                &dark,
                object.with(Part::Arch),
            );
            group.shape(b, Side::Front, &[a, c, (c.0, deck), (a.0, deck)], 0.0, &wall, object.with(Part::Arch));
            let up = |p: (f32, f32)| (bay / 2.0 + (p.0 - bay / 2.0) * 1.08, p.1 + 0.32);
            group.shape(
                b,
                Side::Front,
                &[a, c, up(c), up(a)],
                0.04,
                &Surface::stone(stone * 1.15),
                object.with(Part::Arch),
            );
        }
        for u in [(0.0, u0), (u1, bay)] {
            group.panel(b, Side::Front, u, (-1.5, deck), 0.0, &wall, object.with(Part::Column));
        }
        let foot = block((left - pier * 0.7, left + pier * 0.7), (-1.5, 0.9), (-deep / 2.0 - 0.9, -deep / 2.0));
        group.cuboid(foot, &wall, object.with(Part::Column));
    }
    let long = count as f32 * bay / 2.0;
    let rail = block((-long, long), (deck, deck + 1.0), (-deep / 2.0 - 0.25, -deep / 2.0 + 0.1));
    group.cuboid(rail, &Surface::stone(mix(stone, Vec3::grey(0.5), 0.3)), object);
    let lip = block((-long, long), (deck - 0.35, deck), (-deep / 2.0 - 0.4, -deep / 2.0));
    group.cuboid(lip, &Surface::stone(stone * 0.7), object);
}
