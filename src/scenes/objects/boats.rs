//! Boats, piers and quays.

use crate::scenes::group::{Group, Side, block};
use crate::scenes::labels::{Material, Object, Part};
use crate::scenes::light::Light;
use crate::scenes::math::{Vec3, rgb, vec3};
use crate::scenes::random::Random;
use crate::scenes::surface::{Pattern, Surface};

const HULLS: [u32; 7] = [0xE8E6E0, 0x2E4E7A, 0xB8342E, 0x2E6A5A, 0x6B4A34, 0xE0B84A, 0x34383C];

/// A hull along x, bow at +x: length, half width, freeboard.
fn hull(group: &mut Group, long: f32, wide: f32, high: f32, color: Vec3) {
    let surface = Surface::boards(color, 0.22, false).gloss(0.08);
    let tag = Object::Boat.with(Part::Hull);
    let (h, low) = (long / 2.0, -0.25);
    let rail = [
        vec3(-h, high, 0.0),
        vec3(-h * 0.92, high, -wide * 0.8),
        vec3(-h * 0.1, high * 0.92, -wide),
        vec3(h * 0.6, high * 1.05, -wide * 0.62),
        vec3(h, high * 1.35, 0.0),
        vec3(h * 0.6, high * 1.05, wide * 0.62),
        vec3(-h * 0.1, high * 0.92, wide),
        vec3(-h * 0.92, high, wide * 0.8),
    ];
    let keel = |p: Vec3| vec3(p.x * 0.86, low, p.z * 0.72);
    let deck = Surface::wood(rgb(0xA8845A));
    // Far side, deck, near side.
    group.face(&rail, &deck, Object::Boat);
    for (a, b) in rail.iter().zip(rail.iter().cycle().skip(1)) {
        group.face(&[keel(*a), keel(*b), *b, *a], &surface, tag);
    }
    let trim = Surface::wood(rgb(0xD8CDB8));
    for (a, b) in rail.iter().zip(rail.iter().cycle().skip(1)) {
        let up = vec3(0.0, 0.10, 0.0);
        group.face(&[*a, *b, *b + up, *a + up], &trim, tag);
    }
}

/// A boat with a mast and, mostly, sails set.
pub(crate) fn sailboat(group: &mut Group, random: &mut Random, _: &Light) {
    let object = Object::Boat;
    let long = random.range(6.0, 9.0);
    let tall = long * random.range(1.15, 1.4);
    hull(group, long, long * 0.16, 0.8, rgb(random.pick(&HULLS)));
    let cabin = block((-long * 0.2, long * 0.15), (0.75, 1.25), (-0.7, 0.7));
    group.cuboid(cabin, &Surface::plastic(rgb(0xECE9E2)), object.with(Part::Cabin));
    group.panel(
        cabin,
        Side::Front,
        (0.3, long * 0.3),
        (0.9, 1.1),
        0.03,
        &Surface::glass(rgb(0x222C34)),
        object.with(Part::Window),
    );
    let foot = vec3(long * 0.08, 0.8, 0.0);
    let mast = Surface::metal(rgb(0xC8C8C4));
    group.limb(foot, foot + vec3(0.0, tall, 0.0), (0.08, 0.05), &mast, object.with(Part::Mast));
    group.limb(
        foot + vec3(0.0, 0.9, 0.0),
        foot + vec3(-long * 0.42, 0.95, -0.4),
        (0.06, 0.05),
        &mast,
        object.with(Part::Mast),
    );
    if random.chance(0.72) {
        let cloth = Surface::new(
            rgb(random.pick(&[0xF4F0E6, 0xF4F0E6, 0xB8442E, 0xE3D3A8, 0x3A5A8A])),
            Pattern::Bands(1.1, false),
            Some(Material::Fabric),
        );
        let cloth = cloth.second(cloth.color * 0.92);
        let top = foot + vec3(0.0, tall, 0.0);
        group.sheet(
            &[
                foot + vec3(-0.1, 1.1, 0.0),
                top + vec3(-0.1, -0.2, 0.0),
                foot + vec3(-long * 0.2, tall * 0.45, -0.55),
                foot + vec3(-long * 0.42, 1.1, -0.4),
            ],
            &cloth,
            object.with(Part::Sail),
        );
        group.sheet(
            &[foot + vec3(0.12, 0.7, 0.0), vec3(long * 0.5, 1.1, 0.0), top + vec3(0.1, -tall * 0.12, 0.0)],
            &cloth,
            object.with(Part::Sail),
        );
    } else {
        let furled = Surface::fabric(rgb(0x3A5A8A));
        group.limb(
            foot + vec3(-0.2, 1.0, -0.05),
            foot + vec3(-long * 0.4, 1.05, -0.4),
            (0.16, 0.12),
            &furled,
            object.with(Part::Sail),
        );
        for x in [-0.48, 0.48] {
            group.limb(
                foot + vec3(0.0, tall, 0.0),
                vec3(long * x, 1.0, 0.0),
                (0.02, 0.02),
                &mast,
                object.with(Part::Mast),
            );
        }
    }
}

/// A fishing boat or a launch with a wheelhouse.
pub(crate) fn launch(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Boat;
    let long = random.range(6.5, 10.0);
    hull(group, long, long * 0.18, 1.1, rgb(random.pick(&HULLS)));
    let house = block((-long * 0.22, long * 0.14), (1.0, 2.9), (-0.9, 0.9));
    group.cuboid(
        house,
        &Surface::boards(rgb(random.pick(&[0xECE9E2, 0xE3D3B8, 0x8FB0C0])), 0.3, true),
        object.with(Part::Cabin),
    );
    let glass = super::buildings::pane(random, light);
    for side in [Side::Front, Side::Right, Side::Left, Side::Back] {
        let wide = house.length(side);
        group.panel(house, side, (0.2, wide / 2.0 - 0.08), (1.9, 2.6), 0.03, &glass, object.with(Part::Window));
        group.panel(house, side, (wide / 2.0 + 0.08, wide - 0.2), (1.9, 2.6), 0.03, &glass, object.with(Part::Window));
    }
    group.cuboid(
        block((-long * 0.26, long * 0.18), (2.9, 3.05), (-1.05, 1.05)),
        &Surface::plastic(rgb(random.pick(&HULLS))),
        object.with(Part::Roof),
    );
    let steel = Surface::metal(rgb(0xC8C8C4));
    let tall = random.range(4.5, 6.5);
    group.limb(
        vec3(-long * 0.1, 2.9, 0.0),
        vec3(-long * 0.1, tall, 0.0),
        (0.07, 0.05),
        &steel,
        object.with(Part::Mast),
    );
    group.limb(
        vec3(-long * 0.1, tall - 0.4, 0.0),
        vec3(-long * 0.45, 1.4, 0.0),
        (0.03, 0.03),
        &steel,
        object.with(Part::Mast),
    );
    group.limb(
        vec3(-long * 0.1, tall - 0.4, 0.0),
        vec3(long * 0.48, 1.6, 0.0),
        (0.03, 0.03),
        &steel,
        object.with(Part::Mast),
    );
}

/// A rowing boat.
pub(crate) fn dinghy(group: &mut Group, random: &mut Random, _: &Light) {
    hull(group, 3.6, 0.75, 0.5, rgb(random.pick(&HULLS)));
    let wood = Surface::wood(rgb(0x8A6A4A));
    for x in [-0.8, 0.2] {
        group.cuboid(block((x, x + 0.3), (0.42, 0.5), (-0.6, 0.6)), &wood, Object::Boat);
    }
}

/// A wooden pier that runs out along z.
pub(crate) fn pier(group: &mut Group, random: &mut Random, _: &Light) {
    let long = random.range(14.0, 24.0);
    let planks = Surface::boards(rgb(random.pick(&[0x8A7258, 0x7A6A5C, 0x9A8468])), 0.3, false);
    let post = Surface::bark(rgb(0x5A4A3C));
    for step in (0..8).rev() {
        let z = long * step as f32 / 7.0;
        for x in [-1.1, 1.1] {
            group.limb(vec3(x, -0.6, z), vec3(x, 1.3, z), (0.13, 0.13), &post, Object::Pier.with(Part::Column));
        }
    }
    group.cuboid(block((-1.2, 1.2), (0.55, 0.75), (0.0, long)), &planks, Object::Pier);
    for step in (0..8).rev() {
        let z = long * step as f32 / 7.0;
        for x in [-1.2, 1.2] {
            group.limb(vec3(x, 0.7, z), vec3(x, 1.35, z), (0.12, 0.12), &post, Object::Pier.with(Part::Column));
        }
    }
}

/// A crane of a port, striding over the quay.
pub(crate) fn crane(group: &mut Group, random: &mut Random, _: &Light) {
    let object = Object::Pier.with(Part::Mast);
    let steel = Surface::metal(rgb(random.pick(&[0xC2542E, 0x3A6A8A, 0xD8A82E, 0x5A6E62])));
    for x in [-4.0, 4.0] {
        for z in [3.0, -3.0] {
            group.limb(vec3(x, 0.0, z), vec3(x * 0.5, 13.0, z * 0.5), (0.35, 0.3), &steel, object);
        }
    }
    group.limb(vec3(-4.0, 5.0, -3.0), vec3(4.0, 5.0, -3.0), (0.22, 0.22), &steel, object);
    group.cuboid(block((-2.4, 2.4), (12.5, 15.5), (-2.0, 2.0)), &steel, object);
    group.limb(vec3(1.0, 15.0, 0.0), vec3(13.0, 24.0, -1.0), (0.35, 0.2), &steel, object);
    group.limb(vec3(-1.0, 15.0, 0.0), vec3(0.0, 22.0, 0.0), (0.25, 0.2), &steel, object);
    group.limb(vec3(0.0, 22.0, 0.0), vec3(13.0, 24.0, -1.0), (0.06, 0.06), &steel, object);
    group.limb(vec3(13.0, 24.0, -1.0), vec3(13.0, 9.0, -1.0), (0.05, 0.05), &steel, object);
}
