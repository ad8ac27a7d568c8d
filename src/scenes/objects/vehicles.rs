//! Cars, buses, trucks, tractors, airplanes. Length runs along x; the front is at +x.

use crate::scenes::group::{Block, Group, Side, block, centred};
use crate::scenes::labels::{Object, Part};
use crate::scenes::light::Light;
use crate::scenes::math::{Vec3, rgb, vec3};
use crate::scenes::random::Random;
use crate::scenes::surface::{Pattern, Surface};

pub(crate) const PAINTS: [u32; 12] = [
    0xB02E2A, 0x2E4E8A, 0xE6E6E4, 0x2A2C30, 0x8A9096, 0xD8A82E, 0x3A6A4A, 0x5A6E82, 0xC25A2E, 0xB8BCC0, 0x6A2E3A,
    0x8FB0C0,
];

/// Paint of a vehicle.
fn paint(color: Vec3) -> Surface {
    Surface::metal(color).gloss(0.24)
}

fn dark_glass() -> Surface {
    Surface::glass(rgb(0x1E2830)).gloss(0.5)
}

/// Wheels on the sides of a block: places along x and their radius.
pub(crate) fn wheels(group: &mut Group, b: Block, places: &[f32], radius: f32, object: Object) {
    let rubber = Surface::of(rgb(0x1C1C1E), crate::scenes::labels::Material::Rubber);
    let hub = Surface::metal(rgb(0xA8ACB0));
    let tag = object.with(Part::Wheel);
    for &x in places {
        for (side, u) in [(Side::Front, x - b.x.0), (Side::Back, b.x.1 - x)] {
            group.disc(b, side, (u, radius, radius), 0.03, &rubber, tag);
            group.disc(b, side, (u, radius, radius * 0.55), 0.05, &hub, tag);
            group.disc(b, side, (u, radius, radius * 0.2), 0.06, &rubber, tag);
        }
        // Seen from the ends: the treads under the body.
        for z in [(b.z.0, b.z.0 + 0.22), (b.z.1 - 0.22, b.z.1)] {
            let tread = block((x - radius * 0.8, x + radius * 0.8), (0.0, radius), z);
            for end in [Side::Left, Side::Right] {
                group.panel(tread, end, (0.0, tread.length(end)), tread.y, 0.0, &rubber, tag);
            }
        }
    }
}

/// Lamps at both ends of a block, lit in the dark.
fn lights(group: &mut Group, b: Block, y: f32, light: &Light, object: Object) {
    let lit = light.is_dark();
    let white = if lit { Surface::glass(rgb(0xFFF4D8)).shine(2.0) } else { Surface::glass(rgb(0xE8E8E0)) };
    let red = if lit { Surface::glass(rgb(0xD8201A)).shine(1.2) } else { Surface::glass(rgb(0x9A1E1A)).gloss(0.2) };
    for (side, surface) in [(Side::Right, &white), (Side::Left, &red)] {
        let long = b.length(side);
        for u in [0.1, long - 0.45] {
            group.panel(b, side, (u, u + 0.35), (y, y + 0.2), 0.03, surface, object.with(Part::Headlight));
        }
    }
    let eye = group.eye();
    if lit && eye.x > b.x.1 {
        for z in [b.z.0 + 0.28, b.z.1 - 0.28] {
            group.halo(vec3(b.x.1 + 0.1, y + 0.1, z), 1.3, vec3(0.9, 0.8, 0.55));
        }
    }
}

/// A car: saloon, estate or small van.
pub(crate) fn car(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Car;
    let color = paint(rgb(random.pick(&PAINTS)));
    let long = random.range(3.9, 4.7);
    let (half, wide) = (long / 2.0, random.range(1.7, 1.85) / 2.0);
    let kind = random.whole(0, 2);
    let roof = [1.42, 1.5, 1.72][kind as usize];
    let waist = 0.86;
    let z = (-wide, wide);
    // The shade below, then the body, the cabin, wheels, lamps.
    let under = block((-half + 0.2, half - 0.2), (0.16, 0.42), (-wide + 0.1, wide - 0.1));
    group.cuboid(under, &Surface::of(rgb(0x141416), crate::scenes::labels::Material::Plastic), object.with(Part::Body));
    let body = [
        (-half, 0.32),
        (half, 0.32),
        (half, 0.62),
        (half - 0.12, 0.74),
        (half * 0.5, waist),
        (-half + 0.1, waist + 0.03),
        (-half, 0.75),
    ];
    group.prism(&body, z, &color, object.with(Part::Body));
    let (front, back) = (half * [0.44, 0.44, 0.62][kind as usize], -half * [0.72, 0.95, 0.97][kind as usize]);
    let (top_front, top_back) = (half * [0.02, 0.05, 0.30][kind as usize], -half * [0.42, 0.84, 0.90][kind as usize]);
    let inset = 0.16;
    let cabin = |x: f32, y: f32, side: f32| vec3(x, y, side * (wide - if y > waist { inset } else { 0.02 }));
    let glass = dark_glass();
    let quad = |group: &mut Group, corners: [Vec3; 4], surface: &Surface, part| {
        group.face(&corners, surface, object.with(part))
    };
    for side in [1.0, -1.0] {
        let mut corners = [
            cabin(back, waist, side),
            cabin(front, waist, side),
            cabin(top_front, roof, side),
            cabin(top_back, roof, side),
        ];
        if side > 0.0 {
            corners.reverse();
        }
        quad(group, corners, &color, Part::Body);
        let pull = |c: Vec3, x: f32, y: f32| vec3(c.x + x, c.y + y, c.z + side * 0.02);
        let post = (front + back) * 0.5 - 0.1;
        for (from, to, tf, tt) in [
            (back + 0.18, post - 0.05, top_back + 0.10, post - 0.05),
            (post + 0.05, front - 0.14, post + 0.05, top_front - 0.06),
        ] {
            let mut panes = [
                pull(cabin(from, waist, side), 0.0, 0.05),
                pull(cabin(to, waist, side), 0.0, 0.05),
                pull(cabin(tt, roof, side), 0.0, -0.09),
                pull(cabin(tf, roof, side), 0.0, -0.09),
            ];
            if side > 0.0 {
                panes.reverse();
            }
            quad(group, panes, &glass, Part::Window);
        }
    }
    let n = |x: f32, y: f32, s: f32| cabin(x, y, s);
    quad(
        group,
        [n(front, waist, -1.0), n(front, waist, 1.0), n(top_front, roof, 1.0), n(top_front, roof, -1.0)],
        &glass,
        Part::Windshield,
    );
    quad(
        group,
        [n(back, waist, 1.0), n(back, waist, -1.0), n(top_back, roof, -1.0), n(top_back, roof, 1.0)],
        &glass,
        Part::Window,
    );
    quad(
        group,
        [n(top_back, roof, -1.0), n(top_front, roof, -1.0), n(top_front, roof, 1.0), n(top_back, roof, 1.0)],
        &color,
        Part::Body,
    );
    let b = block((-half, half), (0.3, 0.8), z);
    lights(group, b, 0.56, light, object);
    let plate = Surface::plastic(rgb(0xE8E6D8));
    let bumper = Surface::plastic(rgb(0x2A2A2E));
    for end in [Side::Left, Side::Right] {
        group.panel(b, end, (0.05, wide * 2.0 - 0.05), (0.32, 0.46), 0.02, &bumper, object.with(Part::Body));
        group.panel(b, end, (wide - 0.25, wide + 0.25), (0.42, 0.54), 0.04, &plate, object.with(Part::Body));
    }
    wheels(group, b, &[-half * 0.62, half * 0.62], 0.34, object);
}

/// A bus.
pub(crate) fn bus(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Bus;
    let color = paint(rgb(random.pick(&[0xB02E2A, 0xD8A82E, 0x2E6A4A, 0x2E5A9A, 0xE6E6E4, 0xC25A2E])));
    let long = random.range(10.5, 12.0);
    let b = block((-long / 2.0, long / 2.0), (0.35, 3.1), (-1.25, 1.25));
    group.cuboid(b, &color, object.with(Part::Body));
    let glass = if light.is_dark() { Surface::glass(rgb(0xF4E6B8)).gloss(0.1).shine(0.6) } else { dark_glass() };
    let stripe = paint(rgb(0xE8E4D8));
    for side in [Side::Front, Side::Back] {
        group.panel(b, side, (0.0, long), (1.15, 1.32), 0.01, &stripe, object.with(Part::Body));
        let count = 7;
        for pane in 0..count {
            let u = 0.35 + (long - 0.7) * pane as f32 / count as f32;
            let wide = (long - 0.7) / count as f32 - 0.14;
            let door = side == Side::Front && (pane == 1 || pane == 4);
            let (part, y) = if door { (Part::Door, (0.45, 2.6)) } else { (Part::Window, (1.5, 2.6)) };
            group.panel(b, side, (u, u + wide), y, 0.03, &glass, object.with(part));
        }
    }
    group.panel(b, Side::Right, (0.15, 2.35), (1.3, 2.65), 0.03, &glass, object.with(Part::Windshield));
    group.panel(b, Side::Left, (0.35, 2.15), (1.6, 2.6), 0.03, &glass, object.with(Part::Window));
    let board = Surface::plastic(rgb(0x1E1E1E));
    group.panel(b, Side::Right, (0.4, 2.1), (2.72, 3.0), 0.03, &board, object.with(Part::Body));
    lights(group, b, 0.75, light, object);
    wheels(group, block(b.x, (0.0, 1.0), b.z), &[-long * 0.3, long * 0.32], 0.5, object);
}

/// A truck with a box or a tank.
pub(crate) fn truck(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Truck;
    let cab = paint(rgb(random.pick(&PAINTS)));
    let long = random.range(8.5, 12.0);
    let half = long / 2.0;
    let load = block((-half, half - 2.3), (1.0, random.range(3.3, 3.9)), (-1.25, 1.25));
    let head = block((half - 2.1, half), (0.5, 2.9), (-1.2, 1.2));
    let frame = block((-half + 0.2, half - 1.0), (0.55, 1.0), (-0.9, 0.9));
    let dark = Surface::metal(rgb(0x2A2A2E));
    let mut parts = Vec::new();
    let mut back = group.inner(vec3(-1.2, 0.0, 0.0), 0.0, 1.0);
    let move_by = |b: Block| block((b.x.0 + 1.2, b.x.1 + 1.2), b.y, b.z);
    back.cuboid(move_by(frame), &dark, object.with(Part::Body));
    if random.chance(0.25) {
        let tank = Surface::metal(rgb(0xC8CCD0)).gloss(0.4);
        back.limb(
            vec3(-half + 2.3, 2.1, 0.0),
            vec3(half - 2.4, 2.1, 0.0),
            (1.15, 1.15),
            &tank,
            object.with(Part::Body),
        );
    } else {
        let box_color = rgb(random.pick(&[0xE0DED8, 0xB8342E, 0x3A6A8A, 0x7A8A5A, 0xD8B04A]));
        let planks = Surface::new(box_color, Pattern::Bands(0.7, true), Some(crate::scenes::labels::Material::Metal))
            .second(box_color * 0.88);
        back.cuboid(move_by(load), &planks, object.with(Part::Body));
    }
    parts.push(back);
    let mut front = group.inner(vec3(half - 1.0, 0.0, 0.0), 0.0, 1.0);
    let h = block((head.x.0 - half + 1.0, head.x.1 - half + 1.0), head.y, head.z);
    front.cuboid(h, &cab, object.with(Part::Cabin));
    let glass = dark_glass();
    for side in [Side::Front, Side::Back] {
        front.panel(h, side, (0.5, 1.7), (1.6, 2.5), 0.03, &glass, object.with(Part::Window));
        front.panel(
            h,
            side,
            (0.4, 1.8),
            (0.7, 1.45),
            0.02,
            &Surface { color: cab.color * 0.85, ..cab },
            object.with(Part::Door),
        );
    }
    front.panel(h, Side::Right, (0.15, 2.25), (1.55, 2.6), 0.03, &glass, object.with(Part::Windshield));
    front.panel(h, Side::Right, (0.3, 2.1), (0.7, 1.4), 0.03, &dark, object.with(Part::Body));
    lights(&mut front, h, 0.8, light, object);
    parts.push(front);
    group.add_sorted(parts);
    let b = block((-half, half), (0.0, 1.0), (-1.25, 1.25));
    wheels(group, b, &[-half + 1.2, -half + 2.4, half - 1.2], 0.52, object);
}

/// A tractor.
pub(crate) fn tractor(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Tractor;
    let color = paint(rgb(random.pick(&[0xB8342E, 0x3A7A3A, 0x2E5A9A, 0xD8902E])));
    let hood = block((0.0, 1.7), (0.7, 1.45), (-0.45, 0.45));
    let cab = block((-1.3, 0.1), (0.8, 2.6), (-0.75, 0.75));
    group.cuboid(cab, &dark_glass(), object.with(Part::Cabin));
    for side in [Side::Front, Side::Back, Side::Right, Side::Left] {
        let long = cab.length(side);
        group.panel(cab, side, (0.0, long), (0.8, 1.3), 0.02, &color, object.with(Part::Body));
        for u in [0.0, long - 0.1] {
            group.panel(cab, side, (u, u + 0.1), (1.3, 2.5), 0.02, &color, object.with(Part::Cabin));
        }
    }
    group.cuboid(block((-1.4, 0.2), (2.5, 2.65), (-0.85, 0.85)), &color, object.with(Part::Roof));
    group.cuboid(hood, &color, object.with(Part::Body));
    lights(group, hood, 1.1, light, object);
    group.limb(vec3(1.2, 1.4, -0.2), vec3(1.2, 2.3, -0.2), (0.05, 0.05), &Surface::metal(rgb(0x2A2A2E)), object);
    let rubber = Surface::of(rgb(0x1C1C1E), crate::scenes::labels::Material::Rubber);
    let rim = Surface::metal(rgb(0xD8B83A));
    for (x, radius, reach) in [(-0.7, 0.95, 0.95), (1.35, 0.5, 0.75)] {
        let b = block((x - 1.0, x + 1.0), (0.0, 2.0), (-reach, reach));
        for side in [Side::Front, Side::Back] {
            group.disc(b, side, (1.0, radius, radius), 0.0, &rubber, object.with(Part::Wheel));
            group.disc(b, side, (1.0, radius, radius * 0.5), 0.03, &rim, object.with(Part::Wheel));
        }
        for z in [(-reach, -reach + 0.45), (reach - 0.45, reach)] {
            let tread = block((x - radius * 0.8, x + radius * 0.8), (0.0, radius * 1.8), z);
            for end in [Side::Left, Side::Right] {
                group.panel(tread, end, (0.0, 0.45), tread.y, 0.0, &rubber, object.with(Part::Wheel));
            }
        }
    }
}

/// An airliner on the ground, its nose at +x.
pub(crate) fn airplane(group: &mut Group, random: &mut Random, _: &Light) {
    let object = Object::Airplane;
    let white = Surface::metal(rgb(0xE4E6E8)).gloss(0.15);
    let livery =
        Surface::metal(rgb(random.pick(&[0xB02E2A, 0x2E4E8A, 0x2E7A6A, 0xD8902E, 0x5A3A7A, 0xE4E6E8]))).gloss(0.12);
    let (long, radius, y) = (random.range(26.0, 34.0), 1.9, 3.6);
    let half = long / 2.0;
    let grey = Surface::metal(rgb(0xB4BAC0)).gloss(0.15);
    let wing = |group: &mut Group, side: f32| {
        let root = 1.2 * side;
        let tip = long * 0.46 * side;
        let corners =
            [vec3(2.8, y - 0.9, root), vec3(-3.0, y - 0.9, root), vec3(-5.4, y + 0.6, tip), vec3(-3.8, y + 0.7, tip)];
        group.sheet(&corners, &grey, object.with(Part::Wing));
        group.face(
            &[vec3(-3.8, y + 0.7, tip), vec3(-5.4, y + 0.7, tip), vec3(-5.6, y + 1.9, tip * 1.02)],
            &livery,
            object.with(Part::Wing),
        );
        let at = long * 0.16 * side;
        group.limb(vec3(0.8, y - 1.9, at), vec3(-1.9, y - 1.75, at), (0.95, 0.7), &grey, object.with(Part::Engine));
        let mouth = Surface::metal(rgb(0x2A2C30));
        group.ball(vec3(0.95, y - 1.9, at), vec3(0.6, 0.72, 0.72), &mouth, object.with(Part::Engine));
    };
    let near = if group.eye().z < 0.0 { -1.0 } else { 1.0 };
    wing(group, -near);
    let tail = vec3(-half, y + 0.9, 0.0);
    let plane = |group: &mut Group, side: f32| {
        let corners = [
            vec3(-half + 3.0, y + 0.5, 0.4 * side),
            vec3(-half + 0.4, y + 0.6, 0.4 * side),
            vec3(-half - 0.9, y + 1.1, 5.0 * side),
            vec3(-half + 0.3, y + 1.1, 5.0 * side),
        ];
        group.sheet(&corners, &grey, object.with(Part::Tail));
    };
    plane(group, -near);
    group.limb(
        vec3(half - 2.2, y, 0.0),
        vec3(-half + 7.0, y, 0.0),
        (radius, radius),
        &white,
        object.with(Part::Fuselage),
    );
    group.limb(vec3(-half + 7.2, y, 0.0), tail, (radius, 0.45), &white, object.with(Part::Fuselage));
    group.ball(
        vec3(half - 2.0, y - 0.1, 0.0),
        vec3(radius * 1.35, radius * 0.98, radius),
        &white,
        object.with(Part::Fuselage),
    );
    let fin = [
        vec3(-half + 5.4, y + 1.5, 0.0),
        vec3(-half + 0.2, y + 1.0, 0.0),
        vec3(-half - 1.4, y + 6.6, 0.0),
        vec3(-half + 0.6, y + 6.6, 0.0),
    ];
    group.sheet(&fin, &livery, object.with(Part::Tail));
    plane(group, near);
    let b = centred(long, (0.0, y + radius), 0.0);
    let row = block(b.x, b.y, (-radius - 0.02, radius + 0.02));
    let dark = dark_glass();
    for side in [Side::Front, Side::Back] {
        group.panel(row, side, (6.5, long - 3.5), (y - 0.55, y - 0.15), -0.1, &livery, object.with(Part::Fuselage));
        for window in 0..(long * 0.8) as u32 {
            let u = if side == Side::Front { 6.5 } else { 3.0 } + window as f32 * 0.85;
            if u < long - 3.5 {
                group.panel(row, side, (u, u + 0.4), (y + 0.25, y + 0.75), -0.08, &dark, object.with(Part::Window));
            }
        }
    }
    group.board(
        vec3(half - 0.95, y + 0.75, near * 0.9),
        &[(-0.9, 0.0), (0.6, 0.0), (0.3, 0.5), (-0.8, 0.5)],
        &dark,
        object.with(Part::Windshield),
    );
    wing(group, near);
    for (x, z) in [(half - 4.0, 0.0), (-1.5, near * 2.2), (-1.5, -near * 2.2)] {
        group.limb(vec3(x, y - 1.6, z), vec3(x, 0.5, z), (0.16, 0.14), &grey, object);
        let rubber = Surface::of(rgb(0x1C1C1E), crate::scenes::labels::Material::Rubber);
        group.ball(vec3(x, 0.5, z), vec3(0.5, 0.5, 0.3), &rubber, object.with(Part::Wheel));
    }
}
