//! Classes in rooms: their walls and floors, what stands where, how often.

use super::class::{Class, Item, Place, Room, Setting, Wall, item};
use super::labels::{Material, Object};
use super::math::{mix, rgb, vec3};
use super::objects::{fittings, furniture, kitchen, people, plants, seating};
use super::random::Random;
use super::surface::{Pattern, Surface};

const HOURS: [f32; 4] = [4.0, 1.5, 1.2, 1.6];
const ANY: &[Wall] = &[Wall::Back, Wall::Back, Wall::Left, Wall::Right];
const MOSTLY_BACK: &[Wall] = &[Wall::Back, Wall::Back, Wall::Back, Wall::Left, Wall::Right];
const SIDES: &[Wall] = &[Wall::Left, Wall::Right];
const BACK: &[Wall] = &[Wall::Back];

const PAINTS: [u32; 14] = [
    0xE8E2D4, 0xD8CDB8, 0xC4D0C8, 0xB8C8D4, 0xE3CFC0, 0xD4B89A, 0xA8B8A0, 0xEDE9E0, 0xC9A8A0, 0x8FA0AC, 0xE8D8A8,
    0x9A8A7A, 0xB8A0B8, 0x7A8F84,
];

fn paint(random: &mut Random) -> Surface {
    let color = rgb(random.pick(&PAINTS));
    let plain = Surface::plaster(color).seed(random.seed());
    match random.whole(0, 5) {
        0 => {
            Surface { pattern: Pattern::Bands(0.12, true), second: mix(color, rgb(random.pick(&PAINTS)), 0.4), ..plain }
        }
        1 => Surface { pattern: Pattern::Checks(0.16), second: color * 0.93, ..plain },
        _ => plain,
    }
}

fn boards(random: &mut Random) -> Surface {
    let color = rgb(random.pick(&[0xA87848, 0x8A5A34, 0xC9A070, 0x6B4630, 0xB89068, 0xD8BC98, 0x8A7A68]));
    Surface::boards(color, random.range(0.10, 0.18), true).gloss(0.07).seed(random.seed())
}

fn tiles(random: &mut Random) -> Surface {
    let color = rgb(random.pick(&[0xE0DCD4, 0xB8B4AC, 0x8A8C90, 0xC8A88A, 0x9AB0B4, 0x6A6460]));
    if random.chance(0.3) {
        return Surface::new(color, Pattern::Checks(0.3), Some(Material::Tile))
            .second(mix(color, rgb(0x3A3A3C), 0.7))
            .gloss(0.12);
    }
    Surface::tiles(color, random.pick(&[0.2, 0.3, 0.4]))
}

fn carpet(random: &mut Random) -> Surface {
    let color = rgb(random.pick(&[0x8A8478, 0x6A7480, 0x8A5A50, 0x5E6E62, 0xA89880, 0x4E5866, 0xB8A8A0]));
    Surface::new(color, Pattern::Patches(0.06), Some(Material::Fabric)).second(color * 0.85)
}

/// A room of about this width, height and depth, seen from its open end.
fn room(random: &mut Random, (w, h, d): (f32, f32, f32), floor: Surface) -> Room {
    let half = w * random.range(0.9, 1.15) / 2.0;
    let depth = d * random.range(0.9, 1.12);
    let side = random.about(half * 0.55);
    Room {
        half,
        height: h * random.range(0.96, 1.08),
        depth,
        wall: paint(random),
        dado: None,
        floor,
        ceiling: Surface::plaster(rgb(random.pick(&[0xEFEDE8, 0xE6E2DA, 0xF2F2F0]))),
        at: vec3(side, random.range(1.25, 1.65), random.range(-1.0, -0.5)),
        turn: -side / half * random.range(0.02, 0.07) + random.about(0.03),
        focal: random.range(0.78, 0.98),
        horizon: random.range(0.36, 0.46),
    }
}

fn living(random: &mut Random) -> Room {
    let floor = if random.chance(0.7) { boards(random) } else { carpet(random) };
    room(random, (4.1, 2.5, 3.9), floor)
}

fn small(random: &mut Random) -> Room {
    let floor = if random.chance(0.6) { boards(random) } else { carpet(random) };
    room(random, (3.7, 2.45, 3.9), floor)
}

fn kitchen_room(random: &mut Random) -> Room {
    let floor = if random.chance(0.65) { tiles(random) } else { boards(random) };
    room(random, (4.2, 2.5, 3.7), floor)
}

fn bathroom(random: &mut Random) -> Room {
    let floor = tiles(random);
    let mut room = room(random, (3.3, 2.45, 3.3), floor);
    let tile = Surface::tiles(
        rgb(random.pick(&[0xE8E8E4, 0xA8C4CC, 0xC8D4C0, 0xE0CDB8, 0xB8A8B8, 0x8FA8A4, 0xD8D0C8])),
        random.pick(&[0.15, 0.2]),
    );
    room.dado = Some((tile, random.pick(&[1.3, 1.6, 2.1])));
    room
}

fn office(random: &mut Random) -> Room {
    let floor = if random.chance(0.7) { carpet(random) } else { boards(random) };
    room(random, (3.8, 2.5, 3.6), floor)
}

fn classroom(random: &mut Random) -> Room {
    let floor = if random.chance(0.5) { tiles(random) } else { boards(random) };
    let mut room = room(random, (6.6, 2.9, 7.0), floor);
    room.focal = random.range(0.72, 0.85);
    room.at.y = random.range(1.5, 1.9);
    if random.chance(0.4) {
        room.dado = Some((Surface::boards(rgb(random.pick(&[0xB8875A, 0x8FA3A0, 0xC9B48A])), 0.15, true), 0.95));
    }
    room
}

fn library(random: &mut Random) -> Room {
    let floor = if random.chance(0.5) { boards(random) } else { carpet(random) };
    let mut room = room(random, (5.6, 2.9, 5.6), floor);
    room.at.y = random.range(1.5, 1.8);
    room
}

fn nave(random: &mut Random) -> Room {
    let floor = match random.whole(0, 2) {
        0 => tiles(random),
        1 => boards(random),
        _ => Surface::stone(rgb(0xB0A898)),
    };
    let mut room = room(random, (7.4, 5.4, 11.0), floor);
    room.wall = if random.chance(0.5) {
        Surface::stone(rgb(random.pick(&[0xC8BEAA, 0xB0A898, 0xD8CDB4])))
    } else {
        Surface::plaster(rgb(random.pick(&[0xEDE8DC, 0xE3D8C0, 0xD8D0D0])))
    };
    room.ceiling = if random.chance(0.5) {
        Surface::boards(rgb(random.pick(&[0x6B4A34, 0x8A6A4A])), 0.3, false)
    } else {
        room.wall
    };
    room.horizon = random.range(0.50, 0.6);
    room.at = vec3(random.about(0.5), random.range(1.5, 1.9), 0.0);
    room.turn = random.about(0.02);
    room
}

/// Against a wall, on the floor, up to a height.
const fn at_wall(make: super::objects::Make, walls: &'static [Wall], width: f32, high: f32) -> Item {
    item(make, Place::Wall { walls, width, span: (0.0, high) })
}

/// On a wall between two heights.
const fn on_wall(make: super::objects::Make, walls: &'static [Wall], width: f32, low: f32, high: f32) -> Item {
    item(make, Place::Wall { walls, width, span: (low, high) })
}

const fn on_floor(make: super::objects::Make, x: f32, z0: f32, z1: f32) -> Item {
    item(make, Place::Floor { x: (-x, x), z: (z0, z1) })
}

const fn on_ceiling(make: super::objects::Make, x: f32, z0: f32, z1: f32) -> Item {
    item(make, Place::Ceiling { x: (-x, x), z: (z0, z1) })
}

macro_rules! indoors {
    ($name:literal, $room:ident, [$($defining:ident),*], [$($item:expr,)*]) => {
        Class {
            name: $name,
            setting: Setting::Indoors { room: $room, hours: HOURS },
            items: &[$($item,)*],
            defining: &[$(Object::$defining),*],
        }
    };
}

pub(super) static INDOORS: [Class; 9] = [
    indoors!(
        "bathroom",
        bathroom,
        [Sink, Toilet],
        [
            at_wall(kitchen::washbasin, ANY, 0.8, 2.2).radius(0.35),
            at_wall(kitchen::toilet, ANY, 0.65, 1.0).radius(0.4),
            at_wall(kitchen::bathtub, ANY, 1.72, 0.9).radius(0.5).chance(0.85),
            on_wall(fittings::small_window, ANY, 1.0, 1.3, 2.3).chance(0.5),
            on_wall(kitchen::towels, ANY, 0.9, 0.5, 1.4).chance(0.7),
            at_wall(fittings::door, SIDES, 1.1, 2.2).chance(0.2).radius(0.1),
            on_floor(fittings::rug, 0.3, 0.5, 0.7).chance(0.5).scale(0.45, 0.6).radius(0.0),
            on_floor(plants::potted, 0.8, 0.7, 0.9).chance(0.2).scale(0.6, 0.8).radius(0.3),
            on_ceiling(fittings::pendant, 0.2, 0.5, 0.7).chance(0.6).scale(0.6, 0.8),
        ]
    ),
    indoors!(
        "bedroom",
        small,
        [Bed],
        [
            at_wall(furniture::bed, MOSTLY_BACK, 2.0, 1.2).radius(1.1),
            at_wall(furniture::nightstand, ANY, 0.6, 1.2).radius(0.3).count(1, 2),
            at_wall(furniture::wardrobe, ANY, 1.7, 2.4).chance(0.55).radius(0.6),
            at_wall(furniture::dresser, ANY, 1.4, 1.6).chance(0.4).radius(0.5),
            on_wall(fittings::window, ANY, 2.3, 1.25, 2.5).chance(0.75),
            on_wall(fittings::painting, ANY, 1.1, 1.3, 2.3).chance(0.7).count(1, 2),
            on_wall(fittings::mirror, ANY, 0.9, 1.1, 2.2).chance(0.2),
            at_wall(fittings::door, SIDES, 1.1, 2.2).chance(0.25).radius(0.1),
            on_floor(fittings::rug, 0.4, 0.4, 0.7).chance(0.6).any_turn().scale(0.8, 1.0).radius(0.0),
            on_floor(plants::potted, 0.85, 0.6, 0.9).chance(0.25).radius(0.3),
            at_wall(seating::armchair, ANY, 1.1, 1.0).chance(0.2).radius(0.5),
            on_ceiling(fittings::pendant, 0.3, 0.4, 0.7).chance(0.5),
            at_wall(furniture::desk, ANY, 1.8, 1.3).chance(0.15).radius(0.9),
            at_wall(furniture::television, ANY, 1.7, 1.4).chance(0.12).radius(0.5),
        ]
    ),
    indoors!(
        "chapel",
        nave,
        [Pew, Altar],
        [
            item(kitchen::altar, Place::Floor { x: (0.0, 0.0), z: (0.985, 0.985) }).radius(2.0),
            item(seating::pew, Place::Grid { x: (-0.54, -0.5), z: (0.20, 0.68), step: (9.0, 1.05) }).turn(0.5, 0.5),
            item(seating::pew, Place::Grid { x: (0.54, 0.58), z: (0.20, 0.68), step: (9.0, 1.05) }).turn(0.5, 0.5),
            on_wall(stained_glass, SIDES, 1.3, 1.2, 4.4).count(3, 5),
            on_wall(stained_glass, BACK, 1.4, 2.4, 4.4).count(1, 3),
            on_wall(fittings::painting, SIDES, 1.1, 1.3, 2.3).chance(0.3).count(1, 2),
            item(people::person, Place::Floor { x: (-0.12, 0.12), z: (0.35, 0.85) })
                .chance(0.35)
                .any_turn()
                .radius(0.3),
            on_ceiling(fittings::pendant, 0.05, 0.3, 0.6).chance(0.5).count(1, 2).scale(1.4, 2.0),
        ]
    ),
    indoors!(
        "classroom",
        classroom,
        [Desk, Blackboard],
        [
            on_wall(fittings::blackboard, BACK, 3.6, 0.8, 2.3),
            item(furniture::school_desk, Place::Grid { x: (-0.68, 0.7), z: (0.22, 0.72), step: (1.65, 1.5) })
                .chance(0.88)
                .turn(-0.01, 0.01),
            at_wall(furniture::bookcase, ANY, 1.3, 2.3).chance(0.35).radius(0.4),
            on_wall(fittings::wide_window, SIDES, 2.3, 1.0, 2.5).count(1, 3),
            on_wall(fittings::clock, BACK, 0.5, 1.9, 2.4).chance(0.5),
            on_wall(fittings::painting, ANY, 1.1, 1.3, 2.3).chance(0.5).count(1, 2),
            at_wall(fittings::door, BACK, 1.1, 2.2).chance(0.35).radius(0.1),
            item(people::person, Place::Floor { x: (-0.7, 0.7), z: (0.84, 0.92) })
                .chance(0.45)
                .turn(-0.1, 0.1)
                .radius(0.3),
            on_ceiling(fittings::tube, 0.4, 0.3, 0.8).count(2, 3).turn(0.25, 0.25),
            on_floor(plants::potted, 0.9, 0.9, 0.95).chance(0.2).radius(0.3),
        ]
    ),
    indoors!(
        "dining_room",
        living,
        [Table, Chair],
        [
            on_floor(furniture::dining_table, 0.2, 0.5, 0.66).turn(-0.12, 0.12).radius(1.3),
            at_wall(furniture::dresser, ANY, 1.4, 1.6).chance(0.6).radius(0.4),
            at_wall(fittings::fireplace, BACK, 1.9, 1.4).chance(0.15).radius(0.4),
            on_wall(fittings::window, ANY, 2.3, 1.25, 2.5).chance(0.75).count(1, 2),
            on_wall(fittings::painting, ANY, 1.1, 1.3, 2.3).chance(0.7).count(1, 2),
            on_wall(fittings::clock, ANY, 0.5, 1.8, 2.4).chance(0.25),
            on_wall(fittings::mirror, ANY, 0.9, 1.1, 2.2).chance(0.15),
            at_wall(fittings::door, SIDES, 1.1, 2.2).chance(0.3).radius(0.1),
            on_floor(plants::potted, 0.88, 0.75, 0.92).chance(0.4).radius(0.3),
            on_ceiling(fittings::pendant, 0.1, 0.52, 0.62).chance(0.8),
            on_floor(fittings::rug, 0.1, 0.52, 0.62).chance(0.4).scale(1.2, 1.4).radius(0.0),
        ]
    ),
    indoors!(
        "kitchen",
        kitchen_room,
        [Cabinet, Oven],
        [
            at_wall(kitchen::counter, BACK, 3.0, 2.2).radius(0.4),
            at_wall(kitchen::counter, SIDES, 3.0, 2.2).chance(0.12).radius(0.4),
            at_wall(kitchen::refrigerator, ANY, 0.7, 2.0).chance(0.85).radius(0.4),
            on_wall(fittings::wide_window, ANY, 2.3, 1.0, 2.5).chance(0.5),
            on_floor(table_for_two, 0.5, 0.4, 0.6).chance(0.35).any_turn().radius(0.8),
            on_wall(fittings::clock, ANY, 0.5, 1.8, 2.4).chance(0.3),
            at_wall(fittings::door, SIDES, 1.1, 2.2).chance(0.3).radius(0.1),
            on_ceiling(fittings::pendant, 0.3, 0.5, 0.7).chance(0.6),
            item(people::person, Place::Floor { x: (-0.6, 0.6), z: (0.68, 0.74) })
                .chance(0.15)
                .turn(0.3, 0.7)
                .radius(0.3),
            on_floor(fittings::rug, 0.3, 0.5, 0.65).chance(0.2).scale(0.6, 0.7).radius(0.0),
            on_floor(plants::potted, 0.85, 0.5, 0.7).chance(0.15).radius(0.3),
        ]
    ),
    indoors!(
        "library",
        library,
        [Bookcase, Book],
        [
            at_wall(furniture::bookcase, BACK, 1.32, 2.3).count(4, 5).radius(0.1).scale(1.1, 1.15),
            at_wall(furniture::bookcase, SIDES, 1.32, 2.3).count(4, 8).radius(0.1).scale(1.1, 1.15),
            on_floor(furniture::reading_table, 0.35, 0.38, 0.72).count(1, 2).turn(-0.05, 0.05).radius(1.2),
            on_wall(fittings::window, ANY, 2.3, 1.25, 2.5).chance(0.5),
            on_wall(fittings::painting, ANY, 1.1, 1.3, 2.3).chance(0.3),
            on_floor(people::person, 0.6, 0.5, 0.85).chance(0.3).any_turn().radius(0.4),
            at_wall(seating::armchair, ANY, 1.1, 1.0).chance(0.3).radius(0.5),
            on_floor(plants::potted, 0.9, 0.8, 0.95).chance(0.25).radius(0.3),
            on_ceiling(fittings::pendant, 0.4, 0.4, 0.8).count(1, 2).chance(0.7),
            on_floor(fittings::rug, 0.2, 0.5, 0.6).chance(0.3).scale(1.2, 1.5).radius(0.0),
            at_wall(furniture::desk, ANY, 1.8, 1.3).chance(0.12).radius(0.9),
        ]
    ),
    indoors!(
        "living_room",
        living,
        [Sofa],
        [
            at_wall(seating::sofa, MOSTLY_BACK, 2.4, 1.0).radius(0.7),
            at_wall(seating::armchair, ANY, 1.1, 1.0).chance(0.5).count(1, 2).radius(0.5),
            at_wall(furniture::television, ANY, 1.7, 1.4).chance(0.55).radius(0.5),
            at_wall(fittings::fireplace, BACK, 1.9, 1.4).chance(0.2).radius(0.4),
            at_wall(furniture::bookcase, ANY, 1.3, 2.3).chance(0.4).radius(0.4),
            at_wall(fittings::floor_lamp, ANY, 0.6, 1.9).chance(0.6).radius(0.3),
            on_wall(fittings::window, ANY, 2.3, 1.25, 2.5).chance(0.8).count(1, 2),
            on_wall(fittings::painting, ANY, 1.1, 1.3, 2.3).chance(0.8).count(1, 3),
            on_floor(furniture::coffee_table, 0.2, 0.5, 0.65).chance(0.75).turn(-0.05, 0.05).radius(0.6),
            on_floor(fittings::rug, 0.15, 0.5, 0.65).chance(0.7).radius(0.0),
            on_floor(plants::potted, 0.88, 0.65, 0.92).chance(0.5).radius(0.3),
            on_ceiling(fittings::pendant, 0.2, 0.45, 0.6).chance(0.4),
            at_wall(fittings::door, SIDES, 1.1, 2.2).chance(0.15).radius(0.1),
            at_wall(furniture::desk, ANY, 1.8, 1.3).chance(0.08).radius(0.9),
        ]
    ),
    indoors!(
        "office",
        office,
        [Desk, Computer],
        [
            at_wall(furniture::desk, MOSTLY_BACK, 1.8, 1.3).count(1, 2).radius(0.9),
            at_wall(furniture::bookcase, ANY, 1.3, 2.3).chance(0.6).radius(0.4),
            at_wall(furniture::dresser, ANY, 1.4, 1.6).chance(0.25).radius(0.5),
            on_wall(fittings::wide_window, ANY, 2.3, 1.0, 2.5).chance(0.75),
            on_wall(fittings::painting, ANY, 1.1, 1.3, 2.3).chance(0.5),
            on_wall(fittings::clock, ANY, 0.5, 1.8, 2.4).chance(0.35),
            on_floor(plants::potted, 0.88, 0.6, 0.92).chance(0.5).radius(0.3),
            at_wall(fittings::door, SIDES, 1.1, 2.2).chance(0.25).radius(0.1),
            on_ceiling(fittings::tube, 0.3, 0.35, 0.75).count(1, 2).chance(0.7),
            on_floor(people::person, 0.5, 0.55, 0.8).chance(0.15).any_turn().radius(0.4),
            on_floor(fittings::rug, 0.2, 0.5, 0.65).chance(0.2).radius(0.0),
            at_wall(seating::sofa, ANY, 2.4, 1.0).chance(0.15).radius(0.7),
            on_wall(fittings::blackboard, ANY, 3.6, 0.8, 2.3).chance(0.12),
        ]
    ),
];

/// A small table with two chairs.
fn table_for_two(group: &mut super::group::Group, random: &mut Random, light: &super::light::Light) {
    let mut parts = Vec::new();
    for (z, turn) in [(0.55, 0.0), (-0.55, 0.5)] {
        let mut chair = group.inner(vec3(random.about(0.08), 0.0, z), turn, 1.0);
        seating::chair(&mut chair, &mut random.clone(), light);
        parts.push(chair);
    }
    let mut table = group.inner(vec3(0.0, 0.0, 0.0), 0.0, 1.0);
    let wood = Surface::wood(rgb(random.pick(&seating::WOODS)));
    seating::legs(&mut table, (0.32, 0.32), 0.7, 0.025, &wood, Object::Table);
    table.cuboid(super::group::centred(0.76, (0.7, 0.74), 0.76), &wood, Object::Table.with(super::labels::Part::Top));
    let mut on = table.inner(vec3(0.0, 0.74, 0.0), 0.0, 0.8);
    furniture::vase(&mut on, random, light);
    table.add(on);
    parts.push(table);
    group.add_sorted(parts);
}

/// A pointed window of coloured panes.
fn stained_glass(group: &mut super::group::Group, random: &mut Random, light: &super::light::Light) {
    use super::group::{Side, block};
    use super::labels::Part;
    use super::light::Hour;
    use super::objects::buildings::arched;
    let b = block((-0.5, 0.5), (0.0, 5.0), (-0.05, 0.0));
    let tag = Object::Wall.with(Part::Window);
    let (y, h) = (2.2, random.range(1.7, 2.1));
    group.shape(b, Side::Front, &arched(-0.1, y - 0.1, 1.2, h + 0.2, 1.6), 0.0, &Surface::stone(rgb(0x9A9080)), tag);
    let bright = if light.hour == Hour::Night { 0.25 } else { 1.5 };
    let glass = |color: u32| {
        Surface::new(rgb(color), Pattern::Patches(0.12), Some(Material::Glass)).second(rgb(color) * 0.6).shine(bright)
    };
    let colors = [0x3A6AC8, 0xC83A3A, 0xE0B83A, 0x3AA06A, 0x8A4AC0, 0xE8E0C8];
    group.shape(b, Side::Front, &arched(0.0, y, 1.0, h, 1.6), 0.01, &glass(random.pick(&colors)), tag);
    for row in 0..5 {
        for column in 0..3 {
            let (u, v) = (0.07 + 0.3 * column as f32, y + 0.08 + h * 0.145 * row as f32);
            group.panel(b, Side::Front, (u, u + 0.26), (v, v + h * 0.12), 0.02, &glass(random.pick(&colors)), tag);
        }
    }
    group.disc(b, Side::Front, (0.5, y + h * 0.83, 0.17), 0.02, &glass(random.pick(&colors)), tag);
    if light.hour != Hour::Night {
        group.lamp(vec3(0.0, y + h * 0.5, -0.8), vec3(0.9, 0.85, 0.8));
    }
}
