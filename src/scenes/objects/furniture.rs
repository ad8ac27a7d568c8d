//! Beds, tables, desks, cupboards. Their backs are at z = 0, their fronts towards -z, save for tables, which stand round their middle.

use super::seating::{CLOTHS, WOODS, chair_of, legs, upholstery};
use crate::scenes::group::{Block, Group, Side, block, centred};
use crate::scenes::labels::{Material, Object, Part};
use crate::scenes::light::Light;
use crate::scenes::math::{Vec3, cosine, mix, rgb, sine, vec3};
use crate::scenes::random::Random;
use crate::scenes::surface::{Pattern, Surface};

fn wood(random: &mut Random) -> Surface {
    Surface::wood(rgb(random.pick(&WOODS))).seed(random.seed())
}

/// A bed, single or double, its head at the wall.
pub(crate) fn bed(group: &mut Group, random: &mut Random, _: &Light) {
    let object = Object::Bed;
    let double = random.chance(0.7);
    let half = if double { random.range(0.75, 0.9) } else { random.range(0.46, 0.55) };
    let (frame, long, high) = (wood(random), 2.05, random.range(0.46, 0.58));
    let head = random.range(0.95, 1.3);
    let board = if random.chance(0.4) { upholstery(random) } else { frame };
    group.cuboid(block((-half - 0.04, half + 0.04), (0.0, head), (-0.08, 0.0)), &board, object.with(Part::Headboard));
    group.cuboid(block((-half, half), (0.14, high - 0.2), (-long, -0.08)), &frame, object);
    let sheet = Surface::fabric(rgb(random.pick(&[0xF0ECE4, 0xE8E4E8, 0xE0E6EA])));
    group.cuboid(block((-half + 0.02, half - 0.02), (high - 0.2, high), (-long + 0.02, -0.08)), &sheet, object);
    let color = rgb(random.pick(&CLOTHS));
    let blanket = match random.whole(0, 3) {
        0 => Surface::new(color, Pattern::Bands(0.16, true), Some(Material::Fabric)).second(mix(
            color,
            Vec3::grey(0.8),
            0.5,
        )),
        1 => Surface::new(color, Pattern::Checks(0.18), Some(Material::Fabric)).second(mix(
            color,
            rgb(random.pick(&CLOTHS)),
            0.5,
        )),
        _ => Surface::fabric(color),
    };
    let fold = -random.range(0.55, 0.85);
    let cover = block((-half - 0.03, half + 0.03), (high - 0.28, high + 0.045), (-long - 0.02, fold));
    group.cuboid(cover, &blanket, object.with(Part::Blanket));
    let turned = block((-half - 0.03, half + 0.03), (high - 0.02, high + 0.06), (fold - 0.22, fold));
    group.cuboid(turned, &sheet, object.with(Part::Blanket));
    let pillow = if random.chance(0.6) { sheet } else { Surface::fabric(mix(color, Vec3::grey(0.75), 0.5)) };
    let places: &[f32] = if double { &[-0.5, 0.5] } else { &[0.0] };
    for &x in places {
        group.ball(
            vec3(x * half, high + 0.11, -0.32),
            vec3(half * if double { 0.42 } else { 0.8 }, 0.13, 0.22),
            &pillow,
            object.with(Part::Pillow),
        );
    }
    if random.chance(0.35) {
        let extra = Surface::fabric(rgb(random.pick(&CLOTHS)));
        group.ball(vec3(0.0, high + 0.12, -0.52), vec3(0.2, 0.13, 0.1), &extra, object.with(Part::Pillow));
    }
    if random.chance(0.5) {
        group.cuboid(
            block((-half - 0.03, half + 0.03), (0.0, high + 0.12), (-long - 0.08, -long - 0.02)),
            &frame,
            object,
        );
    }
}

/// Fronts of drawers or doors on the front of a block, in rows and columns.
fn fronts(
    group: &mut Group,
    b: Block,
    (rows, columns): (u32, u32),
    surface: &Surface,
    tag: crate::scenes::labels::Tag,
) {
    let (w, h) = (b.length(Side::Front), b.y.1 - b.y.0);
    let knob = Surface::metal(rgb(0xB8B0A0));
    for row in 0..rows {
        for column in 0..columns {
            let (u, y) = (w * column as f32 / columns as f32, b.y.0 + h * row as f32 / rows as f32);
            let (du, dy) = (w / columns as f32, h / rows as f32);
            group.panel(b, Side::Front, (u + 0.015, u + du - 0.015), (y + 0.015, y + dy - 0.015), 0.012, surface, tag);
            let at = if rows > 1 {
                (u + du / 2.0, y + dy / 2.0)
            } else {
                (if column % 2 == 0 { u + du - 0.08 } else { u + 0.08 }, y + dy * 0.5)
            };
            group.disc(b, Side::Front, (at.0, at.1, 0.022), 0.02, &knob, tag);
        }
    }
}

/// A nightstand, mostly with a lamp.
pub(crate) fn nightstand(group: &mut Group, random: &mut Random, light: &Light) {
    let surface = wood(random);
    let b = block((-0.24, 0.24), (0.12, 0.55), (-0.42, 0.0));
    legs(&mut *group, (0.2, 0.18), 0.12, 0.02, &surface, Object::Nightstand);
    group.cuboid(b, &Surface { color: surface.color * 0.8, ..surface }, Object::Nightstand);
    fronts(group, b, (2, 1), &surface, Object::Nightstand.with(Part::Drawer));
    let top = block((-0.26, 0.26), (0.55, 0.585), (-0.44, 0.0));
    group.cuboid(top, &surface, Object::Nightstand.with(Part::Top));
    if random.chance(0.85) {
        let mut lamp = group.inner(vec3(0.0, 0.585, -0.2), 0.0, 1.0);
        super::fittings::table_lamp(&mut lamp, random, light);
        group.add(lamp);
    }
}

/// A wardrobe.
pub(crate) fn wardrobe(group: &mut Group, random: &mut Random, _: &Light) {
    let surface = wood(random);
    let w = random.range(1.0, 1.7);
    let b = block((-w / 2.0, w / 2.0), (0.06, random.range(1.95, 2.2)), (-0.6, 0.0));
    group.cuboid(b, &Surface { color: surface.color * 0.82, ..surface }, Object::Wardrobe);
    let doors = if w > 1.35 { 3 } else { 2 };
    fronts(group, b, (1, doors), &surface, Object::Wardrobe.with(Part::Door));
}

/// A chest of drawers, something on it.
pub(crate) fn dresser(group: &mut Group, random: &mut Random, light: &Light) {
    let surface = wood(random);
    let w = random.range(0.9, 1.4);
    let b = block((-w / 2.0, w / 2.0), (0.10, 0.82), (-0.46, 0.0));
    group.cuboid(b, &Surface { color: surface.color * 0.8, ..surface }, Object::Cabinet);
    fronts(group, b, (3, 2), &surface, Object::Cabinet.with(Part::Drawer));
    group.cuboid(
        block((-w / 2.0 - 0.02, w / 2.0 + 0.02), (0.82, 0.86), (-0.48, 0.0)),
        &surface,
        Object::Cabinet.with(Part::Top),
    );
    let mut on = group.inner(vec3(random.about(w * 0.3), 0.86, -0.24), 0.0, 1.0);
    if random.chance(0.5) {
        vase(&mut on, random, light)
    } else {
        super::fittings::table_lamp(&mut on, random, light)
    }
    group.add(on);
}

/// A vase with flowers, or a bowl.
pub(crate) fn vase(group: &mut Group, random: &mut Random, _: &Light) {
    let glaze = Surface::ceramic(rgb(random.pick(&[0x3A6A8A, 0xE6E0D6, 0xB5683F, 0x4A7A6A, 0x8A3A4A])));
    group.column(Vec3::ZERO, 0.08, (0.05, 0.08), &glaze, Object::Vase);
    group.ball(vec3(0.0, 0.10, 0.0), vec3(0.085, 0.09, 0.085), &glaze, Object::Vase);
    group.column(vec3(0.0, 0.14, 0.0), 0.1, (0.06, 0.045), &glaze, Object::Vase);
    let color = rgb(random.pick(&super::plants::PETALS));
    let leaf = Surface::leaves(rgb(0x4C7A34), 0.05);
    for flower in 0..9 {
        let turn = flower as f32 / 9.0;
        let to = vec3(0.14 * cosine(turn), random.range(0.34, 0.52), 0.10 * sine(turn));
        group.limb(vec3(0.0, 0.2, 0.0), to, (0.01, 0.01), &leaf, Object::Flower);
        group.ball(to, Vec3::grey(random.range(0.03, 0.05)), &Surface::of(color, Material::Foliage), Object::Flower);
    }
}

/// A bookcase full of books.
pub(crate) fn bookcase(group: &mut Group, random: &mut Random, light: &Light) {
    let surface = wood(&mut light.alike(3));
    let w = random.range(0.9, 1.3);
    let (shelves, tall) = (random.whole(4, 6), random.range(1.8, 2.25));
    let b = block((-w / 2.0, w / 2.0), (0.0, tall), (-0.32, 0.0));
    group.cuboid(b, &surface, Object::Bookcase);
    let pitch = (tall - 0.1) / shelves as f32;
    let inside = Surface::wood(surface.color * 0.30);
    for shelf in 0..shelves {
        let y = 0.08 + pitch * shelf as f32;
        group.panel(b, Side::Front, (0.05, w - 0.05), (y, y + pitch - 0.04), 0.002, &inside, Object::Bookcase);
        let mut u = 0.06;
        while u < w - 0.16 {
            let run = random.range(0.15, 0.5).min(w - 0.06 - u);
            let high = (pitch - 0.06) * random.range(0.6, 0.95);
            let books = Surface::new(rgb(random.pick(&CLOTHS)), Pattern::Books(0.045), Some(Material::Paper))
                .second(rgb(random.pick(&[0xB8342E, 0x34465E, 0xD8B83A, 0x3A6A4A, 0xE0D8C8])))
                .seed(random.seed());
            group.panel(b, Side::Front, (u, u + run), (y, y + high), 0.006, &books, Object::Book);
            u += run + if random.chance(0.25) { random.range(0.05, 0.25) } else { 0.0 };
        }
    }
}

/// A dining table laid for a meal, chairs round it.
pub(crate) fn dining_table(group: &mut Group, random: &mut Random, light: &Light) {
    let surface = wood(random);
    let seat_cloth = if random.chance(0.4) { upholstery(random) } else { surface };
    let slats = random.chance(0.5);
    let (half, deep) = (random.range(0.75, 1.0), random.range(0.42, 0.52));
    let mut chairs = Vec::new();
    let rows: &[f32] = if half > 0.85 { &[-0.5, 0.5] } else { &[-0.42, 0.42] };
    for &x in rows {
        for (z, turn) in [(deep + 0.22, 0.0), (-deep - 0.22, 0.5)] {
            chairs.push((vec3(x + random.about(0.06), 0.0, z + random.about(0.08)), turn));
        }
    }
    for (x, turn) in [(half + 0.24, -0.25), (-half - 0.24, 0.25)] {
        if random.chance(0.7) {
            chairs.push((vec3(x, 0.0, 0.0), turn));
        }
    }
    let mut things: Vec<Group> = chairs
        .into_iter()
        .map(|(at, turn)| {
            let mut chair = group.inner(at, turn + random.about(0.03), 1.0);
            chair_of(&mut chair, &surface, &seat_cloth, slats);
            chair
        })
        .collect();
    let mut table = group.inner(Vec3::ZERO, 0.0, 1.0);
    legs(&mut table, (half - 0.08, deep - 0.08), 0.72, 0.035, &surface, Object::Table);
    table.cuboid(centred(half * 2.0, (0.72, 0.765), deep * 2.0), &surface, Object::Table.with(Part::Top));
    if random.chance(0.4) {
        let color = rgb(random.pick(&CLOTHS));
        let cloth = Surface::new(color, Pattern::Checks(0.09), Some(Material::Fabric)).second(rgb(0xF0ECE4));
        let cover = centred(half * 2.0 + 0.04, (0.56, 0.775), deep * 2.0 + 0.04);
        table.cuboid(cover, &cloth, Object::Table.with(Part::Top));
    }
    let mut on = Vec::new();
    for &x in rows {
        for z in [deep * 0.6, -deep * 0.6] {
            let mut place = table.inner(vec3(x, 0.776, z), 0.0, 1.0);
            plate(&mut place, random);
            on.push(place);
        }
    }
    let mut middle = table.inner(vec3(random.about(0.15), 0.776, 0.0), 0.0, 1.0);
    if random.chance(0.55) {
        vase(&mut middle, random, light)
    } else {
        fruit(&mut middle, random)
    }
    on.push(middle);
    table.add_sorted(on);
    things.push(table);
    group.add_sorted(things);
}

fn plate(group: &mut Group, random: &mut Random) {
    group.casts(false);
    let ring = |radius: f32, y: f32| -> Vec<Vec3> {
        (0..14).map(|step| vec3(radius * cosine(step as f32 / 14.0), y, radius * sine(step as f32 / 14.0))).collect()
    };
    let china = Surface::ceramic(rgb(random.pick(&[0xF4F2EE, 0xE6ECF0, 0xF0E6D6])));
    group.face(&ring(0.13, 0.0), &china, Object::Plate);
    group.face(&ring(0.085, 0.002), &Surface { color: china.color * 0.88, ..china }, Object::Plate);
    if random.chance(0.6) {
        let glass = Surface::glass(rgb(0xC8D8DC)).gloss(0.4);
        group.column(vec3(0.2, 0.0, 0.05), 0.13, (0.03, 0.035), &glass, Object::Plate);
    }
}

fn fruit(group: &mut Group, random: &mut Random) {
    let bowl = Surface::ceramic(rgb(random.pick(&[0x3A6A8A, 0xE6E0D6, 0xB5683F])));
    for _ in 0..6 {
        let color = rgb(random.pick(&[0xC83A2E, 0xE0A83A, 0x8AB03A, 0xE07A2A]));
        group.ball(
            vec3(random.about(0.12), 0.11 + random.unit() * 0.05, random.about(0.08)),
            Vec3::grey(0.05),
            &Surface::of(color, Material::Foliage),
            Object::Bowl,
        );
    }
    group.column(Vec3::ZERO, 0.11, (0.08, 0.18), &bowl, Object::Bowl);
}

/// A low table with a book or a bowl.
pub(crate) fn coffee_table(group: &mut Group, random: &mut Random, _: &Light) {
    let surface = wood(random);
    let (half, deep) = (random.range(0.45, 0.6), random.range(0.25, 0.34));
    legs(group, (half - 0.05, deep - 0.05), 0.38, 0.025, &surface, Object::Table);
    group.cuboid(centred(half * 2.0, (0.38, 0.42), deep * 2.0), &surface, Object::Table.with(Part::Top));
    let mut on = group.inner(vec3(random.about(half * 0.6), 0.42, 0.0), random.about(0.1), 1.0);
    if random.chance(0.5) {
        let cover = Surface::of(rgb(random.pick(&CLOTHS)), Material::Paper);
        on.cuboid(centred(0.26, (0.0, 0.04), 0.2), &cover, Object::Book);
    } else {
        fruit(&mut on, random);
    }
    group.add(on);
}

/// A television on a low cabinet.
pub(crate) fn television(group: &mut Group, random: &mut Random, light: &Light) {
    let surface = wood(random);
    let b = block((-0.8, 0.8), (0.08, 0.48), (-0.42, 0.0));
    group.cuboid(b, &surface, Object::Cabinet);
    fronts(group, b, (1, 3), &Surface { color: surface.color * 1.15, ..surface }, Object::Cabinet.with(Part::Door));
    let (w, h) = (random.range(1.0, 1.35), random.range(0.58, 0.72));
    let set = block((-w / 2.0, w / 2.0), (0.58, 0.58 + h), (-0.26, -0.2));
    let black = Surface::plastic(rgb(0x141416));
    group.cuboid(block((-0.2, 0.2), (0.48, 0.58), (-0.28, -0.16)), &black, Object::Television);
    group.cuboid(set, &black, Object::Television);
    let on = random.chance(0.4) || light.is_dark();
    let color = rgb(random.pick(&[0x3A6AA8, 0x4A8A5A, 0x8A5AA0, 0xB87A4A]));
    let screen = if on {
        Surface::new(color, Pattern::Patches(0.5), Some(Material::Glass))
            .second(color * 0.3)
            .shine(0.9)
            .seed(random.seed())
    } else {
        Surface::glass(rgb(0x101418)).gloss(0.3)
    };
    group.panel(
        set,
        Side::Front,
        (0.03, w - 0.03),
        (0.61, 0.58 + h - 0.03),
        0.006,
        &screen,
        Object::Television.with(Part::Screen),
    );
}

/// A desk with a computer, paper, a chair before it.
pub(crate) fn desk(group: &mut Group, random: &mut Random, light: &Light) {
    let surface = wood(random);
    let half = random.range(0.65, 0.85);
    let pedestal = block((half - 0.42, half - 0.04), (0.05, 0.7), (-0.62, -0.06));
    for x in [-half + 0.04, half - 0.04] {
        group.cuboid(block((x - 0.03, x + 0.03), (0.0, 0.72), (-0.66, -0.04)), &surface, Object::Desk.with(Part::Leg));
    }
    group.cuboid(pedestal, &Surface { color: surface.color * 0.8, ..surface }, Object::Desk);
    fronts(group, pedestal, (3, 1), &surface, Object::Desk.with(Part::Drawer));
    group.cuboid(block((-half, half), (0.72, 0.76), (-0.72, 0.0)), &surface, Object::Desk.with(Part::Top));
    let mut computer = group.inner(vec3(random.range(-0.25, 0.1), 0.76, -0.3), random.about(0.04), 1.0);
    monitor(&mut computer, random);
    group.add(computer);
    let paper = Surface::of(rgb(0xF0EEE6), Material::Paper);
    let x = half * 0.6;
    group.face(
        &[
            vec3(x - 0.1, 0.765, -0.55),
            vec3(x + 0.1, 0.765, -0.55),
            vec3(x + 0.13, 0.765, -0.27),
            vec3(x - 0.07, 0.765, -0.27),
        ],
        &paper,
        Object::Book,
    );
    if random.chance(0.6) {
        let mut lamp = group.inner(vec3(-half + 0.18, 0.76, -0.2), 0.0, 1.0);
        super::fittings::table_lamp(&mut lamp, random, light);
        group.add(lamp);
    }
    let mut chair = group.inner(vec3(random.range(-0.3, 0.1), 0.0, -1.0), 0.5 + random.about(0.12), 1.0);
    super::seating::office_chair(&mut chair, random, light);
    group.add(chair);
}

/// A screen with its keyboard.
fn monitor(group: &mut Group, random: &mut Random) {
    let dark = Surface::plastic(rgb(random.pick(&[0x1E1E20, 0xC8C8C4, 0x3A3C40])));
    let (w, h) = (random.range(0.5, 0.64), 0.36);
    let b = block((-w / 2.0, w / 2.0), (0.12, 0.12 + h), (0.0, 0.04));
    group.cuboid(block((-0.12, 0.12), (0.0, 0.015), (-0.05, 0.12)), &dark, Object::Computer);
    group.limb(vec3(0.0, 0.0, 0.06), vec3(0.0, 0.2, 0.06), (0.02, 0.02), &dark, Object::Computer);
    group.cuboid(b, &dark, Object::Computer);
    let color = rgb(random.pick(&[0x3A6AA8, 0xDDE4EA, 0x2A4A5A, 0xE8E8E0]));
    let screen = Surface::new(color, Pattern::Bands(0.05, false), Some(Material::Glass))
        .second(mix(color, Vec3::grey(0.5), 0.3))
        .shine(0.7);
    group.panel(
        b,
        Side::Front,
        (0.02, w - 0.02),
        (0.14, 0.12 + h - 0.02),
        0.004,
        &screen,
        Object::Computer.with(Part::Screen),
    );
    let keys = Surface::plastic(rgb(0x2A2A2C));
    group.cuboid(block((-0.22, 0.22), (0.0, 0.02), (-0.36, -0.22)), &keys, Object::Computer.with(Part::Keyboard));
}

/// A pupil's desk with its chair, facing the front of a classroom (+z).
pub(crate) fn school_desk(group: &mut Group, random: &mut Random, light: &Light) {
    let mut alike = light.alike(2);
    let top = Surface::wood(rgb(alike.pick(&[0xC9A078, 0xE0DCD4, 0x8A5A34, 0xA8B8A8, 0xB8A48A, 0x6A7A84])));
    let steel = Surface::metal(rgb(alike.pick(&[0x4A5A6A, 0x2A2C30, 0xB8342E, 0x8A8E92])));
    let seat = Surface::wood(rgb(alike.pick(&[0xB8875A, 0x2E5A8A, 0xB8442E, 0x3A6A4A, 0xD8B04A, 0x54585C])));
    let mut table = group.inner(vec3(0.0, 0.0, 0.25), 0.0, 1.0);
    legs(&mut table, (0.52, 0.2), 0.7, 0.018, &steel, Object::Desk);
    table.cuboid(centred(1.15, (0.7, 0.735), 0.52), &top, Object::Desk.with(Part::Top));
    if random.chance(0.6) {
        let mut book = table.inner(vec3(random.about(0.3), 0.736, 0.0), random.about(0.1), 1.0);
        book.cuboid(
            centred(0.2, (0.0, 0.02), 0.27),
            &Surface::of(rgb(random.pick(&CLOTHS)), Material::Paper),
            Object::Book,
        );
        table.add(book);
    }
    let mut parts = vec![table];
    for x in [-0.28, 0.28] {
        let mut chair = group.inner(vec3(x, 0.0, -0.3 + random.about(0.08)), 0.5, 0.95);
        chair_of(&mut chair, &steel, &seat, false);
        parts.push(chair);
    }
    group.add_sorted(parts);
}

/// A long table for readers, with lamps.
pub(crate) fn reading_table(group: &mut Group, random: &mut Random, light: &Light) {
    let surface = Surface::wood(rgb(random.pick(&WOODS[..3])));
    let half = 0.95;
    let mut parts = Vec::new();
    for (x, z, turn) in [(-0.5, 0.62, 0.0), (0.5, 0.62, 0.0), (-0.5, -0.62, 0.5), (0.5, -0.62, 0.5)] {
        let mut chair = group.inner(vec3(x, 0.0, z), turn + random.about(0.04), 1.0);
        chair_of(&mut chair, &surface, &surface, true);
        parts.push(chair);
    }
    let mut table = group.inner(Vec3::ZERO, 0.0, 1.0);
    legs(&mut table, (half - 0.08, 0.34), 0.72, 0.04, &surface, Object::Table);
    table.cuboid(centred(half * 2.0, (0.72, 0.77), 0.84), &surface, Object::Table.with(Part::Top));
    for _ in 0..3 {
        let mut book = table.inner(vec3(random.about(0.7), 0.771, random.about(0.25)), random.unit(), 1.0);
        book.cuboid(
            centred(0.17, (0.0, 0.035), 0.24),
            &Surface::of(rgb(random.pick(&CLOTHS)), Material::Paper),
            Object::Book,
        );
        table.add(book);
    }
    for x in [-0.45, 0.45] {
        let mut lamp = table.inner(vec3(x, 0.771, 0.0), 0.0, 0.8);
        super::fittings::table_lamp(&mut lamp, random, light);
        table.add(lamp);
    }
    parts.push(table);
    group.add_sorted(parts);
}
