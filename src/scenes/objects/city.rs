//! Buildings of towns: blocks of flats, shops, towers of glass.

use super::buildings::{WALLS, gable, pane, roofing, window};
use crate::scenes::group::{Group, SIDES, Side, block, centred};
use crate::scenes::labels::{Material, Object, Part};
use crate::scenes::light::Light;
use crate::scenes::math::{Vec3, rgb, vec3};
use crate::scenes::random::Random;
use crate::scenes::surface::{Pattern, Surface};

/// A wall of many windows, some of them lit at night.
fn curtain(
    random: &mut Random,
    light: &Light,
    (wall, glass): (Vec3, Vec3),
    size: (f32, f32),
    material: Material,
) -> Surface {
    let surface =
        Surface::new(wall, Pattern::Windows(size.0, size.1), Some(material)).second(glass).seed(random.seed());
    if light.is_dark() {
        return Surface { color: wall * 0.4, second: rgb(0xFFD08A), shine: 0.75, ..surface };
    }
    surface.gloss(if material == Material::Glass { 0.5 } else { 0.12 })
}

/// A tower of glass, stone or steel.
pub(crate) fn skyscraper(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Skyscraper;
    let tall = random.range(38.0, 100.0);
    let (w, d) = (random.range(13.0, 20.0), random.range(12.0, 18.0));
    let stone = rgb(random.pick(&[0xB8A890, 0xA89884, 0xC4BCAE]));
    let concrete = rgb(random.pick(&[0x8A6250, 0x9A8A7A, 0x5A5E66]));
    let surface = match random.whole(0, 3) {
        0 => curtain(random, light, (rgb(0x4A6A80), rgb(0x1E3442)), (1.6, 3.6), Material::Glass),
        1 => curtain(random, light, (stone, rgb(0x2A3640)), (2.6, 3.4), Material::Stone),
        2 => curtain(random, light, (rgb(0x6A7A84), rgb(0x2E4452)), (60.0, 3.4), Material::Glass),
        _ => curtain(random, light, (concrete, rgb(0x28323A)), (2.2, 3.2), Material::Concrete),
    };
    let tiers = random.whole(1, 3);
    let mut foot = 0.0;
    for tier in 0..tiers {
        let share = 1.0 - 0.22 * tier as f32;
        let top = if tier + 1 == tiers { tall } else { tall * (0.55 + 0.25 * tier as f32) };
        let b = centred(w * share, (foot, top), d * share);
        for side in SIDES {
            group.panel(b, side, (0.0, b.length(side)), b.y, 0.0, &surface, object.with(Part::Facade));
        }
        group.top(b, &Surface::concrete(rgb(0x6A6A6A)), object.with(Part::Roof));
        let rim = Surface::concrete(surface.color * 0.8);
        let edge = centred(w * share + 0.1, (top - 0.8, top + 0.4), d * share + 0.1);
        for side in SIDES {
            group.panel(edge, side, (0.0, edge.length(side)), edge.y, 0.0, &rim, object.with(Part::Roof));
        }
        foot = top;
    }
    let lobby = centred(w + 0.1, (0.0, 4.5), d + 0.1);
    group.cuboid(lobby, &Surface::stone(rgb(0x8A8680)), object.with(Part::Facade));
    let glass = pane(random, light);
    for side in [Side::Front, Side::Left, Side::Right] {
        let long = lobby.length(side);
        for bay in 0..5 {
            let u = long * bay as f32 / 5.0;
            let part = if bay == 2 { Part::Door } else { Part::Window };
            group.panel(lobby, side, (u + 0.4, u + long / 5.0 - 0.4), (0.2, 3.8), 0.03, &glass, object.with(part));
        }
    }
    if random.chance(0.35) {
        group.limb(
            vec3(0.0, tall, 0.0),
            vec3(0.0, tall * 1.18, 0.0),
            (0.35, 0.08),
            &Surface::metal(rgb(0xA8A8A8)),
            object.with(Part::Spire),
        );
    }
}

/// A town house of three to six storeys, a shop below.
pub(crate) fn town_house(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Building;
    let storeys = random.whole(3, 6);
    let (w, d, floor) = (random.range(9.5, 13.0), 11.0, 3.1);
    let b = centred(w, (0.0, floor * storeys as f32 + 0.8), d);
    let color = rgb(random.pick(&WALLS));
    let wall = if random.chance(0.3) {
        Surface::brick(rgb(random.pick(&[0x8A5244, 0xA0705A, 0x7A5A50])))
    } else {
        Surface::plaster(color)
    };
    let wall = wall.seed(random.seed());
    group.cuboid(b, &wall, object.with(Part::Facade));
    let frame = rgb(random.pick(&[0xF0ECE2, 0x4A4440, 0xD8D0C0]));
    let balconies = random.chance(0.4);
    for side in [Side::Front, Side::Left, Side::Right] {
        let long = b.length(side);
        let bays = random.whole(3, 4);
        for storey in 1..storeys {
            for bay in 0..bays {
                let u = long * (bay as f32 + 0.5) / bays as f32 - 0.6;
                let y = floor * storey as f32 + 0.9;
                window(group, (b, side), (u, y, 1.2, 1.6), (frame, &pane(random, light)), object);
                if balconies && side == Side::Front && bay % 2 == storey % 2 {
                    let x = b.x.0 + u;
                    let rail = block((x - 0.4, x + 1.6), (y - 0.5, y + 0.45), (b.z.0 - 0.9, b.z.0));
                    group.cuboid(rail, &Surface::metal(rgb(0x4A4C50)), object.with(Part::Balcony));
                }
            }
        }
    }
    shop(group, random, light, b, floor);
    if random.chance(0.5) {
        gable(group, b, (random.range(2.0, 3.4), true, 0.3), (&wall, &roofing(random, light)), object);
    } else {
        let rim = centred(w + 0.5, (b.y.1 - 0.5, b.y.1 + 0.3), d + 0.5);
        group.cuboid(rim, &Surface::plaster(wall.color * 0.8), object.with(Part::Roof));
    }
}

/// Windows of a shop, its door and awning.
fn shop(group: &mut Group, random: &mut Random, light: &Light, b: crate::scenes::group::Block, floor: f32) {
    let object = Object::Building;
    let w = b.length(Side::Front);
    let front = Surface::boards(rgb(random.pick(&[0x2F4A3A, 0x6B2E2A, 0x34465E, 0x3A3634, 0xC9B48A])), 1.2, true);
    group.panel(b, Side::Front, (0.2, w - 0.2), (0.0, floor + 0.3), 0.05, &front, object.with(Part::Facade));
    let glass = if light.is_dark() {
        Surface::glass(rgb(0xFFDCA0)).gloss(0.05).shine(0.9)
    } else {
        Surface::glass(rgb(0x34444C))
    };
    let door = random.whole(0, 2);
    for bay in 0..3 {
        let u = 0.6 + (w - 1.2) * bay as f32 / 3.0;
        let wide = (w - 1.2) / 3.0 - 0.4;
        if bay == door {
            let leaf = Surface::boards(front.color * 1.4, 0.4, true);
            group.panel(
                b,
                Side::Front,
                (u + wide * 0.2, u + wide * 0.8),
                (0.0, 2.4),
                0.08,
                &leaf,
                object.with(Part::Door),
            );
            group.panel(
                b,
                Side::Front,
                (u + wide * 0.28, u + wide * 0.72),
                (0.9, 2.2),
                0.1,
                &glass,
                object.with(Part::Door),
            );
        } else {
            group.panel(b, Side::Front, (u, u + wide), (0.6, 2.5), 0.08, &glass, object.with(Part::Window));
        }
    }
    if light.is_dark() {
        group.lamp(vec3(0.0, 2.0, b.z.0 - 2.0), vec3(1.6, 1.1, 0.6));
    }
    if random.chance(0.7) {
        let cloth = Surface::new(
            rgb(random.pick(&[0xB8342E, 0x2E6A4A, 0x2E5A9A, 0xD89A3A])),
            Pattern::Bands(0.45, true),
            Some(Material::Fabric),
        )
        .second(rgb(0xF0ECE2));
        let at = |u: f32, y: f32, out: f32| b.on(Side::Front, u, y, out);
        group.sheet(
            &[at(0.4, 2.6, 1.5), at(w - 0.4, 2.6, 1.5), at(w - 0.4, 3.3, 0.1), at(0.4, 3.3, 0.1)],
            &cloth,
            object.with(Part::Awning),
        );
        group.sheet(
            &[at(0.4, 2.35, 1.5), at(w - 0.4, 2.35, 1.5), at(w - 0.4, 2.6, 1.5), at(0.4, 2.6, 1.5)],
            &cloth,
            object.with(Part::Awning),
        );
    }
}

/// A long low hall: terminal, warehouse, station.
pub(crate) fn hall(group: &mut Group, random: &mut Random, light: &Light) {
    let object = Object::Building;
    let (w, d, h) = (random.range(30.0, 46.0), 14.0, random.range(6.0, 9.0));
    let b = centred(w, (0.0, h), d);
    let wall = match random.whole(0, 2) {
        0 => Surface::concrete(rgb(0xBDB8AE)),
        1 => Surface::brick(rgb(0x94604C)),
        _ => Surface::metal(rgb(random.pick(&[0x8A9AA4, 0xB8BCB8, 0x6A7A70]))),
    };
    group.cuboid(b, &wall, object.with(Part::Facade));
    let bays = (w / 3.0) as u32;
    for side in [Side::Front, Side::Left, Side::Right] {
        let long = b.length(side);
        let bays = if side == Side::Front { bays } else { 5 };
        for bay in 0..bays {
            let u = long * bay as f32 / bays as f32 + 0.35;
            let wide = long / bays as f32 - 0.7;
            let (part, y) =
                if bay % 4 == 2 { (Part::Door, (0.0, h * 0.5)) } else { (Part::Window, (h * 0.3, h * 0.78)) };
            group.panel(b, side, (u, u + wide), y, 0.04, &pane(random, light), object.with(part));
        }
    }
    let roof = centred(w + 1.6, (h, h + 0.7), d + 1.6);
    group.cuboid(roof, &Surface::metal(rgb(0x7A8084)), object.with(Part::Roof));
}
