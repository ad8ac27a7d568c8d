//! Streets, farms, harbours and the like.

use super::*;

fn asphalt(random: &mut Random) -> Surface {
    let (first, second) = random.pick(&[(0x6A6A6C, 0x585A5C), (0x7C7A78, 0x6A6866), (0x56585C, 0x484A4E)]);
    ground(first, second, 0.35, Some(Material::Asphalt)).seed(random.seed())
}

fn paving(random: &mut Random) -> Surface {
    let color = rgb(random.pick(&[0xB0A89C, 0xA09C98, 0xC4B49C, 0x9A8A80]));
    Surface::tiles(color, random.pick(&[0.5, 0.8, 1.2])).gloss(0.0)
}

/// A road of a half width along a line with a broken line in its middle and whole ones at its edges.
fn road(zones: &mut Vec<Zone>, line: Curve, half: f32, surface: Surface, lanes: &[f32]) {
    zones.push(Zone::new(Region::Band(line, -half, half), surface, Object::Road));
    let paint = Surface { color: rgb(0xE4E2DA), second: surface.color, pattern: Pattern::Bands(2.4, false), ..surface };
    for &x in lanes {
        zones.push(Zone::new(Region::Band(line, x - 0.08, x + 0.08), paint, Object::Road.with(Part::Marking)));
    }
    let solid = Surface { pattern: Pattern::Plain(0.1), ..paint };
    for x in [-half + 0.3, half - 0.4] {
        zones.push(Zone::new(Region::Band(line, x, x + 0.14), solid, Object::Road.with(Part::Marking)));
    }
}

pub(crate) fn harbor(random: &mut Random) -> View {
    let quay = random.range(3.5, 7.0);
    let relief = Relief { seed: random.seed(), slope: (-0.9, quay, 3.0), water: Some(-0.9), ..Relief::default() };
    let far = random.range(75.0, 120.0);
    let mut zones = vec![
        Zone::new(Region::Everywhere, paving(random), Object::Pavement),
        Zone::new(Region::Water, sea_water(random), Object::Sea),
        Zone::new(Region::Beyond(far), Surface::concrete(rgb(0xA8A298)), Object::Pavement),
    ];
    if random.chance(0.35) {
        zones.pop();
    }
    let mut view = view(random, relief, zones, Curve::default());
    view.eye = random.range(2.6, 4.5);
    view.horizon = random.range(0.40, 0.52);
    view
}

/// Rows of what grows in a field, along a line.
fn furrows(random: &mut Random) -> Surface {
    let (first, second) = random.pick(&[
        (0x7A9A44, 0x6B5238),
        (0xC8B058, 0xA88A40),
        (0x8A6A4A, 0x6E5238),
        (0x94A850, 0x5E7A34),
        (0xD8C060, 0xB89A48),
    ]);
    Surface::new(rgb(first), Pattern::Bands(0.35, true), Some(Material::Soil)).second(rgb(second))
}

pub(crate) fn farm(random: &mut Random) -> View {
    let line = Curve::straight(random.range(-5.0, 5.0), random.about(0.2));
    let mut relief = Relief { seed: random.seed(), ..Relief::default() };
    let mut zones = vec![Zone::new(Region::Everywhere, grass(random), Object::Grass)];
    far_hills(random, &mut relief, &mut zones);
    let field = Zone::new(Region::Band(line, 3.0, 60.0), furrows(random), Object::Field);
    let other = Zone::new(Region::Band(line, -60.0, -3.0), furrows(random), Object::Field);
    zones.push(field);
    if random.chance(0.4) {
        zones.push(other);
    }
    zones.push(Zone::new(Region::Plot((-60.0, 60.0), (random.range(17.0, 20.0), 55.0)), grass(random), Object::Grass));
    zones.push(Zone::new(Region::Band(line, -1.6, 1.6), gravel(random), Object::Path));
    let mut view = view(random, relief, zones, line);
    view.eye = random.range(1.8, 3.6);
    view
}

pub(crate) fn tulips(random: &mut Random) -> View {
    let line = Curve::straight(random.about(2.0), random.about(0.12));
    let mut relief = Relief { seed: random.seed(), ..Relief::default() };
    let mut zones = vec![Zone::new(Region::Everywhere, grass(random), Object::Grass)];
    if random.chance(0.5) {
        far_hills(random, &mut relief, &mut zones);
    }
    if random.chance(0.6) {
        let wide = random.range(1.2, 2.4);
        for bed in -9..9 {
            let color = rgb(random.pick(&crate::scenes::objects::plants::PETALS));
            let rows = Surface::new(color, Pattern::Leaves(0.16), Some(Material::Foliage)).second(mix(
                color * 0.5,
                rgb(0x3E5E2E),
                0.5,
            ));
            let from = bed as f32 * wide * 1.2;
            zones.push(Zone::new(Region::Band(line, from, from + wide), rows.seed(random.seed()), Object::Flower));
        }
        zones.push(Zone::new(
            Region::Plot((-90.0, 90.0), (random.range(22.0, 30.0), 400.0)),
            grass(random),
            Object::Grass,
        ));
    } else {
        zones.push(Zone::new(Region::Band(line, 2.0, 70.0), furrows(random), Object::Field));
        zones.push(Zone::new(
            Region::Plot((-90.0, 90.0), (random.range(22.0, 30.0), 400.0)),
            grass(random),
            Object::Grass,
        ));
        zones.push(Zone::new(Region::Band(line, -1.4, 1.4), gravel(random), Object::Path));
    }
    view(random, relief, zones, line)
}

/// A street along z: road, kerbs, pavements, gardens.
pub(crate) fn street(random: &mut Random) -> View {
    let line = Curve {
        swing: random.about(2.0),
        length: random.range(90.0, 160.0),
        phase: random.unit(),
        ..Curve::straight(random.range(-2.4, 2.4), 0.0)
    };
    let mut relief = Relief { seed: random.seed(), ..Relief::default() };
    let mut zones = vec![Zone::new(Region::Everywhere, grass(random), Object::Grass)];
    far_hills(random, &mut relief, &mut zones);
    zones.push(Zone::new(Region::Band(line, -5.2, 5.2), paving(random), Object::Sidewalk));
    zones.push(Zone::new(Region::Band(line, -3.4, 3.4), Surface::concrete(rgb(0xB8B4AC)), Object::Sidewalk));
    road(&mut zones, line, 3.2, asphalt(random), &[0.0]);
    let mut view = view(random, relief, zones, line);
    view.turn = random.about(0.08);
    view.focal = random.range(0.72, 0.95);
    view.horizon = random.range(0.46, 0.6);
    view
}

pub(crate) fn avenue(random: &mut Random) -> View {
    let line = Curve::straight(random.range(-3.0, 3.0), 0.0);
    let relief = Relief { seed: random.seed(), ..Relief::default() };
    let mut zones = vec![Zone::new(Region::Everywhere, paving(random), Object::Sidewalk)];
    zones.push(Zone::new(Region::Band(line, -6.9, 6.9), Surface::concrete(rgb(0xB0ACA4)), Object::Sidewalk));
    road(&mut zones, line, 6.6, asphalt(random), &[-3.2, 0.0, 3.2]);
    let stripes = Surface {
        color: rgb(0xE8E6DE),
        second: zones[2].surface.color,
        pattern: Pattern::Bands(0.5, true),
        ..zones[2].surface
    };
    let at = random.range(9.0, 16.0);
    zones.push(Zone::new(
        Region::Plot((line.start - 6.0, line.start + 6.0), (at, at + 3.0)),
        stripes,
        Object::Road.with(Part::Marking),
    ));
    let mut view = view(random, relief, zones, line);
    view.turn = random.about(0.04);
    view.eye = random.range(1.6, 3.0);
    view.horizon = random.range(0.56, 0.74);
    view.focal = random.range(0.75, 0.95);
    view
}

pub(crate) fn highway(random: &mut Random) -> View {
    let line = Curve {
        swing: random.about(5.0),
        length: random.range(160.0, 260.0),
        phase: random.unit(),
        ..Curve::straight(random.range(-6.0, 1.0), 0.0)
    };
    let mut relief = Relief { seed: random.seed(), ..Relief::default() };
    let mut zones = vec![Zone::new(Region::Everywhere, grass(random), Object::Grass)];
    far_hills(random, &mut relief, &mut zones);
    let surface = asphalt(random);
    let right = Curve { start: line.start + 6.6, ..line };
    let left = Curve { start: line.start - 6.6, ..line };
    road(&mut zones, left, 5.6, surface, &[-1.8, 1.8]);
    road(&mut zones, right, 5.6, surface, &[-1.8, 1.8]);
    let mut view = view(random, relief, zones, line);
    view.eye = random.range(2.2, 6.0);
    view.turn = random.about(0.03);
    view
}

pub(crate) fn village_green(random: &mut Random) -> View {
    let line = winding(random, 2.0, 1.4);
    let mut relief = Relief { seed: random.seed(), ..Relief::default() };
    let mut zones = vec![Zone::new(Region::Everywhere, grass(random), Object::Grass)];
    far_hills(random, &mut relief, &mut zones);
    zones.push(Zone::new(Region::Band(line, -1.4, 1.4), gravel(random), Object::Path));
    if random.chance(0.25) {
        zones.push(Zone::new(
            Region::Plot((-60.0, 60.0), (-10.0, random.range(9.0, 14.0))),
            paving(random),
            Object::Pavement,
        ));
    }
    let mut view = view(random, relief, zones, line);
    view.horizon = random.range(0.68, 0.80);
    view.focal = random.range(0.9, 1.1);
    view
}

pub(crate) fn plaza(random: &mut Random) -> View {
    let relief = Relief { seed: random.seed(), ..Relief::default() };
    let mut zones = vec![Zone::new(Region::Everywhere, paving(random), Object::Pavement)];
    if random.chance(0.4) {
        zones.push(Zone::new(Region::Patches(9.0, 0.32), grass(random), Object::Grass));
    } else if random.chance(0.4) {
        zones[0] = Zone::new(Region::Everywhere, sand(random), Object::Sand);
    }
    let mut view = view(random, relief, zones, Curve::default());
    view.horizon = random.range(0.62, 0.76);
    view.focal = random.range(0.85, 1.1);
    view
}

pub(crate) fn apron(random: &mut Random) -> View {
    let mut relief = Relief { seed: random.seed(), ..Relief::default() };
    let line = Curve::straight(random.about(6.0), random.about(0.3));
    let surface = Surface::concrete(rgb(random.pick(&[0x9A9A98, 0x8A8C8E, 0xA8A49C])));
    let mut zones = vec![Zone::new(Region::Everywhere, surface, Object::Runway)];
    let far = random.range(75.0, 110.0);
    zones.push(Zone::new(Region::Beyond(far), grass(random), Object::Grass));
    far_hills(random, &mut relief, &mut zones);
    zones.push(Zone::new(Region::Plot((-300.0, 300.0), (far + 16.0, far + 34.0)), asphalt(random), Object::Runway));
    let yellow = Surface { color: rgb(0xD8B83A), pattern: Pattern::Plain(0.05), ..surface };
    zones.push(Zone::new(Region::Band(line, -0.2, 0.2), yellow, Object::Runway.with(Part::Marking)));
    let mut view = view(random, relief, zones, line);
    view.eye = random.range(2.0, 5.0);
    view
}

pub(crate) fn station(random: &mut Random) -> View {
    let mut relief = Relief { seed: random.seed(), ..Relief::default() };
    let line = Curve::straight(random.range(-1.6, 0.6), 0.0);
    let mut zones = vec![Zone::new(Region::Everywhere, gravel(random), Object::Earth)];
    zones.push(Zone::new(Region::Band(line, -80.0, -6.8), grass(random), Object::Grass));
    far_hills(random, &mut relief, &mut zones);
    let mut view = view(random, relief, zones, line);
    view.eye = random.range(2.0, 3.4);
    view.turn = random.range(-0.04, 0.07);
    view
}

pub(crate) fn playground(random: &mut Random) -> View {
    let relief = Relief { seed: random.seed(), ..Relief::default() };
    let mut zones = vec![Zone::new(Region::Everywhere, grass(random), Object::Grass)];
    let floor = match random.whole(0, 2) {
        0 => Zone::new(Region::Plot((-9.0, 9.0), (5.0, 20.0)), sand(random), Object::Sand),
        1 => Zone::new(Region::Plot((-9.0, 9.0), (5.0, 20.0)), gravel(random), Object::Earth),
        _ => {
            let rubber = ground(
                random.pick(&[0xA85A44, 0x4A7A8A, 0x5A8A5A]),
                random.pick(&[0x94503C, 0x3E6A7A]),
                3.0,
                Some(Material::Rubber),
            );
            Zone::new(Region::Plot((-9.0, 9.0), (5.0, 20.0)), rubber, Object::Pavement)
        }
    };
    zones.push(floor);
    let mut view = view(random, relief, zones, Curve::default());
    view.horizon = random.range(0.42, 0.54);
    view.eye = random.range(1.6, 2.6);
    view
}
