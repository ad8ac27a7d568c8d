//! Cows, sheep and birds.

use crate::scenes::group::Group;
use crate::scenes::labels::{Material, Object, Part};
use crate::scenes::light::Light;
use crate::scenes::math::{Vec3, rgb, vec3};
use crate::scenes::random::Random;
use crate::scenes::surface::{Pattern, Surface};

/// A cow, grazing or looking up; its head at +x.
pub(crate) fn cow(group: &mut Group, random: &mut Random, _: &Light) {
    let object = Object::Cow;
    let (first, second) = random.pick(&[
        (0xE8E4DC, 0x2A2624),
        (0x8A5230, 0x8A5230),
        (0xE8E0D4, 0x8A4A2E),
        (0x2E2A28, 0x2E2A28),
        (0xB08A5E, 0xC09A6E),
    ]);
    let coat =
        Surface::new(rgb(first), Pattern::Patches(0.7), Some(Material::Fur)).second(rgb(second)).seed(random.seed());
    let grazing = random.chance(0.55);
    for (x, z) in [(-0.62, 0.22), (0.62, 0.22), (-0.66, -0.22), (0.66, -0.22)] {
        group.limb(
            vec3(x, 0.72, z),
            vec3(x + random.about(0.08), 0.04, z),
            (0.12, 0.07),
            &coat,
            object.with(Part::Leg),
        );
    }
    group.limb(vec3(-0.7, 1.02, 0.0), vec3(0.66, 1.04, 0.0), (0.36, 0.36), &coat, object.with(Part::Torso));
    group.limb(vec3(-1.04, 1.2, 0.0), vec3(-1.12, 0.55, 0.0), (0.04, 0.05), &coat, object.with(Part::Tail));
    let head = if grazing { vec3(1.42, 0.42, -0.1) } else { vec3(1.35, 1.42, -0.1) };
    group.limb(vec3(0.85, 1.15, 0.0), head, (0.22, 0.15), &coat, object.with(Part::Head));
    let muzzle = head + if grazing { vec3(0.10, -0.24, -0.02) } else { vec3(0.28, -0.10, -0.02) };
    group.limb(head, muzzle, (0.17, 0.12), &coat, object.with(Part::Head));
    group.ball(muzzle, Vec3::grey(0.11), &Surface::of(rgb(0xC89A8A), Material::Skin), object.with(Part::Head));
    for side in [-0.18, 0.18] {
        let ear = head + vec3(-0.06, 0.12, side);
        group.ball(ear, vec3(0.10, 0.06, 0.06), &coat, object.with(Part::Head));
    }
}

/// A sheep; its head at +x.
pub(crate) fn sheep(group: &mut Group, random: &mut Random, _: &Light) {
    let object = Object::Sheep;
    let wool = Surface::new(
        rgb(random.pick(&[0xE6DFD0, 0xDDD4C2, 0xE6DFD0, 0x6A5A50])),
        Pattern::Leaves(0.10),
        Some(Material::Fur),
    );
    let wool = wool.second(wool.color * 0.72).seed(random.seed());
    let face = Surface::of(rgb(random.pick(&[0x2E2824, 0xD8C8B4])), Material::Fur);
    for (x, z) in [(-0.26, 0.1), (0.26, 0.1), (-0.28, -0.1), (0.28, -0.1)] {
        group.limb(vec3(x, 0.4, z), vec3(x, 0.03, z), (0.05, 0.04), &face, object.with(Part::Leg));
    }
    let middle = vec3(0.0, 0.55, 0.0);
    for _ in 0..9 {
        let at = middle + vec3(random.about(0.38), random.about(0.14), random.about(0.16));
        group.blob(at, Vec3::grey(0.22), 0.12, Some(middle), &wool, object.with(Part::Torso));
    }
    let head = vec3(0.52, if random.chance(0.5) { 0.34 } else { 0.74 }, -0.05);
    group.limb(vec3(0.36, 0.62, 0.0), head, (0.13, 0.10), &face, object.with(Part::Head));
    group.ball(vec3(0.38, 0.76, 0.0), Vec3::grey(0.13), &wool, object.with(Part::Head));
}

/// A gull in the air.
pub(crate) fn gull(group: &mut Group, random: &mut Random, _: &Light) {
    group.casts(false);
    let object = Object::Bird;
    let white = Surface::of(rgb(0xE8E8E6), Material::Fur);
    let grey = Surface::of(rgb(0x8A9094), Material::Fur);
    let up = random.range(-0.1, 0.35);
    for side in [-1.0, 1.0] {
        let bend = vec3(side * 0.4, up * 0.8 + 0.06, 0.0);
        let tip = vec3(side * 0.85, up * 0.5, 0.12);
        group.limb(Vec3::ZERO, bend, (0.09, 0.07), &grey, object.with(Part::Wing));
        group.limb(bend, tip, (0.07, 0.01), &grey, object.with(Part::Wing));
    }
    group.limb(vec3(-0.2, 0.0, 0.1), vec3(0.22, 0.02, -0.1), (0.06, 0.09), &white, object);
}
