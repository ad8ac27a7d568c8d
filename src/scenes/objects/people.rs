//! People: standing, walking, sitting, skiing.

use crate::scenes::group::Group;
use crate::scenes::labels::{Material, Object, Part};
use crate::scenes::light::Light;
use crate::scenes::math::{Vec3, rgb, vec3};
use crate::scenes::random::Random;
use crate::scenes::surface::Surface;

const SKINS: [u32; 6] = [0xE8B898, 0xC98F6B, 0x8A5A3C, 0xF0C8AC, 0x6B4430, 0xB87A54];
const HAIRS: [u32; 6] = [0x2A201A, 0x5A3A22, 0xB8904A, 0x14100E, 0x8A8480, 0x7A4A2A];
pub(crate) const CLOTHES: [u32; 12] = [
    0xB8342E, 0x2E5A9A, 0x3A7A4A, 0xE0B83A, 0x34383C, 0xE8E4DC, 0x7A4A8A, 0xD87A34, 0x4A6A7A, 0xC85A7A, 0x6A5A48,
    0x8AA8B8,
];

/// How someone holds themselves: where knees and feet are.
#[derive(Clone, Copy, PartialEq)]
enum Pose {
    Upright,
    Sitting,
    Skiing,
}

/// Someone standing or walking.
pub(crate) fn person(group: &mut Group, random: &mut Random, _: &Light) {
    body(group, random, Pose::Upright);
}

/// Someone sitting on a seat of a bench's height.
pub(crate) fn sitting(group: &mut Group, random: &mut Random, _: &Light) {
    body(group, random, Pose::Sitting);
}

/// A skier going down towards the camera.
pub(crate) fn skier(group: &mut Group, random: &mut Random, _: &Light) {
    let color = Surface::plastic(rgb(random.pick(&CLOTHES)));
    for x in [-0.16, 0.16] {
        group.cuboid(crate::scenes::group::block((x - 0.07, x + 0.07), (0.0, 0.06), (-1.0, 0.7)), &color, Object::Skis);
    }
    body(group, random, Pose::Skiing);
    let pole = Surface::metal(rgb(0x3A3A3E));
    for x in [-0.5, 0.5] {
        group.limb(vec3(x, 0.95, -0.2), vec3(x * 1.2, 0.05, 0.35), (0.025, 0.02), &pole, Object::Skis.with(Part::Pole));
    }
}

fn body(group: &mut Group, random: &mut Random, pose: Pose) {
    let object = Object::Person;
    let tall = random.range(0.92, 1.05);
    let mut inner = group.inner(Vec3::ZERO, 0.0, tall);
    let g = &mut inner;
    let skin = Surface::of(rgb(random.pick(&SKINS)), Material::Skin);
    let hair = Surface::of(rgb(random.pick(&HAIRS)), Material::Fur);
    let shirt = Surface::fabric(rgb(random.pick(&CLOTHES)));
    let bare = pose == Pose::Upright && random.chance(0.25);
    let trousers = Surface::fabric(rgb(random.pick(&[0x2E3A4E, 0x34383C, 0x6A5A48, 0x4A4E54, 0x8A8478])));
    let legs = if bare { skin } else { trousers };
    let skirt = pose == Pose::Upright && random.chance(0.3);
    let stride = if pose == Pose::Upright { random.about(0.22) } else { 0.0 };
    let hip = match pose {
        Pose::Sitting => 0.52,
        Pose::Skiing => 0.78,
        Pose::Upright => 0.88,
    };
    for side in [-1.0, 1.0] {
        let x = side * 0.10;
        let (knee, foot) = match pose {
            Pose::Sitting => (vec3(x, 0.5, -0.42), vec3(x, 0.05, -0.46)),
            Pose::Skiing => (vec3(x * 1.4, 0.46, -0.22), vec3(x * 1.6, 0.08, 0.0)),
            Pose::Upright => (
                vec3(x, 0.46, -0.04 - stride * side * 0.4),
                vec3(x * 1.1 + stride * side * 0.4, 0.05, -(stride * side)),
            ),
        };
        g.limb(vec3(x, hip, 0.0), knee, (0.095, 0.075), &legs, object.with(Part::Leg));
        g.limb(knee, foot, (0.075, 0.055), &legs, object.with(Part::Leg));
        let shoe = Surface::of(rgb(0x2A2622), Material::Leather);
        g.ball(foot + vec3(0.0, 0.0, -0.07), vec3(0.07, 0.06, 0.12), &shoe, object.with(Part::Leg));
    }
    let lean = if pose == Pose::Skiing { -0.16 } else { 0.0 };
    let chest = vec3(0.0, hip + 0.50, lean);
    for side in [-1.0, 1.0] {
        let shoulder = chest + vec3(side * 0.20, -0.02, 0.0);
        let (elbow, hand) = match pose {
            Pose::Skiing => (shoulder + vec3(side * 0.18, -0.22, -0.10), vec3(side * 0.5, 0.95, -0.2)),
            Pose::Sitting => (shoulder + vec3(side * 0.06, -0.26, 0.02), shoulder + vec3(side * 0.02, -0.42, -0.28)),
            Pose::Upright => (
                shoulder + vec3(side * 0.08, -0.28, stride * side),
                shoulder + vec3(side * 0.10, -0.54, stride * side * 1.2 - 0.06),
            ),
        };
        g.limb(shoulder, elbow, (0.062, 0.052), &shirt, object.with(Part::Arm));
        g.limb(elbow, hand, (0.05, 0.04), if bare { &skin } else { &shirt }, object.with(Part::Arm));
        g.ball(hand, Vec3::grey(0.05), &skin, object.with(Part::Arm));
    }
    g.limb(vec3(0.0, hip + 0.02, 0.0), chest, (0.15, 0.175), &shirt, object.with(Part::Torso));
    if skirt {
        g.column(vec3(0.0, hip - 0.42, 0.0), 0.5, (0.27, 0.15), &shirt, object.with(Part::Torso));
    }
    let neck = chest + vec3(0.0, 0.12, 0.0);
    g.limb(neck, neck + vec3(0.0, 0.12, 0.0), (0.06, 0.06), &skin, object.with(Part::Head));
    let head = chest + vec3(0.0, 0.34, lean * 0.4);
    g.ball(head + vec3(0.0, 0.03, 0.05), vec3(0.135, 0.15, 0.135), &hair, object.with(Part::Head));
    g.ball(head + vec3(0.0, -0.01, -0.03), vec3(0.11, 0.14, 0.12), &skin, object.with(Part::Head));
    let cap = if pose == Pose::Skiing { Surface::fabric(rgb(random.pick(&CLOTHES))) } else { hair };
    g.dome(head + vec3(0.0, 0.035, -0.02), vec3(0.135, 0.135, 0.135), &cap, object.with(Part::Head));
    group.add(inner);
}
