//! Trains, tracks and platforms. They run along z, away from the camera.

use crate::scenes::group::{Group, Side, block};
use crate::scenes::labels::{Material, Object, Part};
use crate::scenes::light::Light;
use crate::scenes::math::{rgb, vec3};
use crate::scenes::random::Random;
use crate::scenes::surface::{Pattern, Surface};

/// A railway track of 200 m.
pub(crate) fn track(group: &mut Group, _: &mut Random, _: &Light) {
    group.casts(false);
    let bed = Surface::of(rgb(0x7A7068), Material::Stone);
    let bed = Surface { pattern: Pattern::Patches(0.18), second: bed.color * 0.55, ..bed };
    let level =
        |x: (f32, f32), y: f32| [vec3(x.0, y, -6.0), vec3(x.1, y, -6.0), vec3(x.1, y, 200.0), vec3(x.0, y, 200.0)];
    group.face(&level((-1.8, 1.8), 0.02), &bed, Object::Track);
    let sleeper = Surface::new(rgb(0x6B5A4A), Pattern::Bands(0.3, false), Some(Material::Wood)).second(bed.color * 0.8);
    group.face(&level((-1.25, 1.25), 0.05), &sleeper, Object::Track);
    let steel = Surface::metal(rgb(0x9A9C9E)).gloss(0.45);
    for x in [-0.72, 0.72] {
        group.cuboid(block((x - 0.05, x + 0.05), (0.05, 0.2), (-6.0, 200.0)), &steel, Object::Track);
    }
}

/// A platform to the right of a track, with its edge marked.
pub(crate) fn platform(group: &mut Group, random: &mut Random, _: &Light) {
    group.casts(false);
    let paving = Surface::tiles(rgb(random.pick(&[0xA8A29A, 0x9A9890, 0xB8AC9C])), 0.8);
    let b = block((0.0, 4.2), (0.0, 0.9), (-6.0, 120.0));
    group.cuboid(b, &paving, Object::Platform);
    let edge = Surface::of(rgb(0xD8C24A), Material::Concrete);
    let strip =
        |x: (f32, f32)| [vec3(x.0, 0.92, -6.0), vec3(x.1, 0.92, -6.0), vec3(x.1, 0.92, 120.0), vec3(x.0, 0.92, 120.0)];
    group.face(&strip((0.25, 0.4)), &edge, Object::Platform.with(Part::Marking));
}

/// A bay of a platform's roof with its post, 9 m long, to the right of the track.
pub(crate) fn shelter(group: &mut Group, _: &mut Random, light: &Light) {
    let steel = Surface::metal(rgb(0x4A5A54));
    let roof = block((0.6, 4.6), (4.2, 4.45), (-4.5, 4.5));
    group.cuboid(roof, &Surface::metal(rgb(0x7A7E80)), Object::Platform.with(Part::Roof));
    group.limb(vec3(2.9, 0.9, 0.0), vec3(2.9, 4.2, 0.0), (0.12, 0.12), &steel, Object::Platform.with(Part::Column));
    if light.is_dark() {
        let lamp = vec3(1.9, 4.0, 0.0);
        group.ball(
            lamp,
            vec3(0.4, 0.12, 0.4),
            &Surface::glass(rgb(0xFFF0C8)).shine(2.0),
            Object::StreetLamp.with(Part::Lantern),
        );
        group.lamp(lamp, vec3(3.0, 2.5, 1.6));
        group.halo(lamp, 1.2, vec3(0.5, 0.4, 0.2));
    }
}

/// A train of several carriages, its face towards the camera.
pub(crate) fn train(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Train;
    let color = rgb(random.pick(&[0xB8342E, 0x2E5A8A, 0x3A6A4A, 0xD8DAD8, 0xD8902E, 0x5A2E3A, 0x8A929A]));
    let body = Surface::metal(color).gloss(0.14);
    let stripe = Surface::metal(rgb(random.pick(&[0xE8E4D8, 0xD8B83A, 0x2A2C30])));
    let glass = if light.is_dark() {
        Surface::glass(rgb(0xF4E2B0)).gloss(0.1).shine(0.7)
    } else {
        Surface::glass(rgb(0x222C34))
    };
    let dark = Surface::metal(rgb(0x2A2A2C));
    for carriage in (0..5).rev() {
        let z = carriage as f32 * 17.2;
        let b = block((-1.45, 1.45), (1.0, 3.7), (z, z + 16.6));
        group.cuboid(block((-1.2, 1.2), (0.25, 1.0), (z + 0.4, z + 16.2)), &dark, object.with(Part::Wheel));
        group.cuboid(b, &body, object.with(Part::Body));
        let roof = [(-1.45, 3.7), (1.45, 3.7), (1.05, 4.1), (-1.05, 4.1)];
        group.prism(&roof, b.z, &Surface::metal(rgb(0x7A7E82)), object.with(Part::Roof));
        for side in [Side::Left, Side::Right] {
            group.panel(b, side, (0.0, 16.6), (1.55, 1.75), 0.01, &stripe, object.with(Part::Body));
            for pane in 0..8 {
                let u = 0.6 + 1.95 * pane as f32;
                let (part, y, wide) =
                    if pane % 4 == 1 { (Part::Door, (1.05, 3.3), 1.1) } else { (Part::Window, (2.1, 3.2), 1.5) };
                group.panel(b, side, (u, u + wide), y, 0.03, &glass, object.with(part));
            }
        }
    }
    let b = block((-1.45, 1.45), (1.0, 3.7), (0.0, 16.0));
    let front = Side::Front;
    group.panel(b, front, (0.0, 2.9), (1.0, 1.9), 0.02, &stripe, object.with(Part::Body));
    group.shape(
        b,
        front,
        &[(0.25, 2.2), (2.65, 2.2), (2.45, 3.45), (0.45, 3.45)],
        0.04,
        &glass,
        object.with(Part::Windshield),
    );
    let lamp = if light.is_dark() { Surface::glass(rgb(0xFFF4D8)).shine(2.4) } else { Surface::glass(rgb(0xF0EEE0)) };
    for u in [0.4, 2.5] {
        group.disc(b, front, (u, 1.5, 0.17), 0.05, &lamp, object.with(Part::Headlight));
        if light.is_dark() {
            group.halo(vec3(u - 1.45, 1.5, -0.2), 1.8, vec3(0.8, 0.7, 0.5));
        }
    }
    group.panel(
        block((-1.2, 1.2), (0.25, 1.0), (-0.1, 1.0)),
        front,
        (0.0, 2.4),
        (0.3, 1.0),
        0.0,
        &dark,
        object.with(Part::Body),
    );
}

/// A mast with wires over the track.
pub(crate) fn mast(group: &mut Group, _: &mut Random, _: &Light) {
    let steel = Surface::metal(rgb(0x5A6064));
    group.limb(vec3(-2.6, 0.0, 0.0), vec3(-2.6, 6.6, 0.0), (0.11, 0.09), &steel, Object::Track.with(Part::Mast));
    group.limb(vec3(-2.6, 6.2, 0.0), vec3(0.3, 6.0, 0.0), (0.06, 0.05), &steel, Object::Track.with(Part::Mast));
    group.limb(vec3(-2.6, 5.2, 0.0), vec3(-0.6, 6.05, 0.0), (0.04, 0.04), &steel, Object::Track.with(Part::Mast));
}
