//! Beaches, mountains, woods and the like.

use super::*;

pub(crate) fn beach(random: &mut Random) -> View {
    let mut relief = Relief { seed: random.seed(), water: Some(-0.7), ..Relief::default() };
    let side = random.chance(0.55);
    if side {
        relief.lean = random.pick(&[-1.0, 1.0]) * random.range(0.055, 0.10);
    }
    relief.slope = (-random.range(0.05, 0.09), random.range(9.0, 20.0), 4.0);
    if random.chance(0.4) {
        relief.hills = (random.range(15.0, 45.0), 300.0);
        relief.hills_from = (450.0, 900.0);
    }
    let zones = vec![
        Zone::new(Region::Everywhere, sand(random), Object::Sand),
        Zone::new(Region::Above(2.5, 2.0), Surface::leaves(rgb(0x6B8F5A), 5.0), Object::Hill),
        Zone::new(Region::Water, sea_water(random), Object::Sea),
    ];
    let mut view = view(random, relief, zones, Curve::default());
    view.eye = random.range(1.8, 4.2);
    view.horizon = random.range(0.34, 0.52);
    view
}

pub(crate) fn coast(random: &mut Random) -> View {
    let relief = Relief {
        seed: random.seed(),
        lean: random.pick(&[-1.0, 1.0]) * random.range(0.09, 0.16),
        slope: (-random.range(0.03, 0.07), random.range(24.0, 40.0), 9.0),
        hills: (random.range(1.4, 3.2), 18.0),
        hills_from: (5.0, 40.0),
        water: Some(-random.range(0.9, 1.6)),
        ..Relief::default()
    };
    let rock = ground(random.pick(&[0x7A706A, 0x8A8478, 0x6A6864, 0x8F7A66]), 0x54504C, 1.4, Some(Material::Stone));
    let zones = vec![
        Zone::new(Region::Everywhere, grass(random), Object::Grass),
        Zone::new(Region::Patches(5.0, 0.30), rock, Object::Rock),
        Zone::new(Region::Steep(0.30), rock, Object::Rock),
        Zone::new(Region::Water, sea_water(random), Object::Sea),
    ];
    let mut view = view(random, relief, zones, Curve::default());
    view.eye = random.range(3.5, 7.0);
    view.horizon = random.range(0.48, 0.62);
    view
}

pub(crate) fn river(random: &mut Random) -> View {
    let line = winding(random, 4.0, 4.0);
    let mut relief = Relief {
        seed: random.seed(),
        bed: Some((line, random.range(10.0, 16.0), 3.2)),
        water: Some(-1.6),
        ..Relief::default()
    };
    let mut zones = vec![Zone::new(Region::Everywhere, grass(random), Object::Grass)];
    far_hills(random, &mut relief, &mut zones);
    zones.push(Zone::new(Region::Steep(0.25), ground(0x8A7A5A, 0x6B6248, 0.8, Some(Material::Soil)), Object::Earth));
    zones.push(Zone::new(Region::Water, still_water(random), Object::River));
    let mut view = view(random, relief, zones, line);
    view.eye = random.range(3.2, 5.5);
    view.horizon = random.range(0.42, 0.52);
    view
}

pub(crate) fn mountains(random: &mut Random) -> View {
    let lake = random.chance(0.6);
    let relief = Relief {
        seed: random.seed(),
        hills: (random.range(4.0, 14.0), random.range(60.0, 140.0)),
        hills_from: (30.0, 160.0),
        mountains: (random.range(800.0, 1400.0), random.range(900.0, 1500.0)),
        mountains_from: (260.0, random.range(1000.0, 1700.0)),
        hollow: lake.then(|| {
            [random.about(20.0), random.range(45.0, 80.0), random.range(40.0, 70.0), random.range(24.0, 40.0), 12.0]
        }),
        water: lake.then_some(-1.6),
        ..Relief::default()
    };
    let woods = Surface::leaves(rgb(random.pick(&[0x3E5E44, 0x4A6A44, 0x58704A, 0x7A7A4A])), 7.0);
    let rock =
        Surface::new(rgb(random.pick(&[0x8A8480, 0x9A8A7C, 0x7A7A80])), Pattern::Patches(60.0), Some(Material::Stone));
    let rock = rock.second(rock.color * 0.6);
    let white = ground(0xF2F5FA, 0xD8E2EE, 40.0, None);
    let zones = vec![
        Zone::new(Region::Everywhere, grass(random), Object::Grass),
        Zone::new(Region::Beyond(320.0), woods, Object::Mountain),
        Zone::new(Region::Above(random.range(90.0, 240.0), 60.0), rock, Object::Mountain),
        Zone::new(Region::Above(random.range(230.0, 480.0), 120.0), white, Object::Mountain.with(Part::SnowCap)),
        Zone::new(Region::Water, still_water(random), Object::Lake),
    ];
    let mut view = view(random, relief, zones, Curve::default());
    view.eye = random.range(2.5, 6.0);
    view.horizon = random.range(0.56, 0.7);
    view.focal = random.range(0.9, 1.2);
    view
}

pub(crate) fn slope(random: &mut Random) -> View {
    let relief = Relief {
        seed: random.seed(),
        slope: (random.range(0.12, 0.24), 6.0, random.range(14.0, 34.0)),
        lean: random.about(0.06),
        hills: (random.range(3.0, 7.0), random.range(30.0, 60.0)),
        hills_from: (12.0, 80.0),
        mountains: (random.range(500.0, 1000.0), random.range(800.0, 1300.0)),
        mountains_from: (300.0, 1500.0),
        ..Relief::default()
    };
    let rock = Surface::new(rgb(0x7A7876), Pattern::Patches(50.0), Some(Material::Stone)).second(rgb(0x4A4A4E));
    let zones = vec![
        Zone::new(Region::Everywhere, snow(), Object::Snow),
        Zone::new(Region::Beyond(450.0), ground(0xEEF1F6, 0xC4D2E2, 50.0, None), Object::Mountain.with(Part::SnowCap)),
        Zone::new(Region::Steep(0.85), rock, Object::Mountain),
    ];
    let mut view = view(random, relief, zones, Curve::default());
    view.horizon = random.range(0.55, 0.72);
    view.eye = random.range(1.8, 3.2);
    view
}

pub(crate) fn forest(random: &mut Random) -> View {
    let line = winding(random, 0.5, 2.6);
    let relief = Relief {
        seed: random.seed(),
        hills: (random.range(9.0, 16.0), 60.0),
        hills_from: (34.0, 110.0),
        ..Relief::default()
    };
    let floor = ground(
        random.pick(&[0x6B6A3E, 0x5E6E3C, 0x7A6A44, 0x8A6A3E]),
        random.pick(&[0x4A4A2C, 0x3E4E2C, 0x5A4630]),
        0.7,
        Some(Material::Soil),
    );
    let half = random.range(0.9, 1.5);
    let mut zones = vec![Zone::new(Region::Everywhere, floor, Object::Earth)];
    zones.push(Zone::new(Region::Patches(2.5, random.range(0.25, 0.6)), grass(random), Object::Grass));
    zones.push(Zone::new(Region::Band(line, -half, half), gravel(random), Object::Path));
    zones.push(Zone::new(Region::Beyond(70.0), Surface::leaves(rgb(0x4E6A3E), 2.5), Object::Hill));
    let mut view = view(random, relief, zones, line);
    view.turn = random.about(0.02);
    view.horizon = random.range(0.46, 0.58);
    view
}

pub(crate) fn pasture(random: &mut Random) -> View {
    let relief = Relief {
        seed: random.seed(),
        hills: (random.range(3.0, 9.0), random.range(50.0, 110.0)),
        hills_from: (16.0, 90.0),
        ..Relief::default()
    };
    let mut zones = vec![Zone::new(Region::Everywhere, grass(random), Object::Grass)];
    zones.push(Zone::new(Region::Patches(14.0, 0.3), grass(random), Object::Grass));
    zones.push(Zone::new(
        Region::Beyond(180.0),
        Surface::leaves(rgb(random.pick(&[0x5E7E4A, 0x6E8A52, 0x84885A])), 5.0),
        Object::Hill,
    ));
    let mut view = view(random, relief, zones, Curve::default());
    view.eye = random.range(1.7, 3.4);
    view
}

pub(crate) fn desert(random: &mut Random) -> View {
    let (first, second) = random.pick(&[
        (0xE0B888, 0xC89A68),
        (0xD89A68, 0xB8784C),
        (0xE8D0A0, 0xD0B080),
        (0xC88A60, 0xA86C48),
        (0xD8C8B0, 0xBCA88C),
    ]);
    let dunes = random.chance(0.55);
    let mut relief = Relief { seed: random.seed(), ..Relief::default() };
    let mut zones = vec![Zone::new(Region::Everywhere, ground(first, second, 1.2, None), Object::Sand)];
    if dunes {
        relief.dunes = (random.range(6.0, 13.0), random.range(30.0, 60.0));
    } else {
        relief.hills = (random.range(20.0, 70.0), random.range(120.0, 260.0));
        relief.hills_from = (120.0, 420.0);
        let rock = Surface::new(rgb(second) * 0.85, Pattern::Bands(5.0, false), Some(Material::Stone))
            .second(rgb(first) * 0.6);
        zones.push(Zone::new(Region::Steep(0.25), rock, Object::Rock));
        zones.push(Zone::new(
            Region::Patches(3.0, 0.2),
            ground(0x9A8A5A, 0x84744C, 0.6, Some(Material::Soil)),
            Object::Earth,
        ));
    }
    let mut view = view(random, relief, zones, Curve::default());
    view.eye = random.range(1.8, 4.0);
    view
}

pub(crate) fn castle_hill(random: &mut Random) -> View {
    let line = winding(random, 3.0, 5.0);
    let relief = Relief {
        seed: random.seed(),
        slope: (random.range(0.06, 0.18), 12.0, random.range(4.0, 9.0)),
        hills: (random.range(1.0, 3.0), 40.0),
        hills_from: (10.0, 60.0),
        mountains: if random.chance(0.35) { (random.range(200.0, 420.0), 900.0) } else { (0.0, 1.0) },
        mountains_from: (300.0, 1500.0),
        ..Relief::default()
    };
    let mut zones = vec![Zone::new(Region::Everywhere, grass(random), Object::Grass)];
    zones.push(Zone::new(Region::Beyond(220.0), Surface::leaves(rgb(0x5A7A4C), 8.0), Object::Hill));
    zones.push(Zone::new(Region::Band(line, -1.5, 1.5), gravel(random), Object::Path));
    if random.chance(0.5) {
        zones.push(Zone::new(
            Region::Patches(6.0, 0.2),
            ground(0x8A8478, 0x6A645C, 0.8, Some(Material::Stone)),
            Object::Rock,
        ));
    }
    let mut view = view(random, relief, zones, line);
    view.horizon = random.range(0.62, 0.76);
    view
}

pub(crate) fn park(random: &mut Random) -> View {
    let line = winding(random, 2.0, 3.0);
    let pond = random.chance(0.5);
    let mut relief = Relief { seed: random.seed(), ..Relief::default() };
    if pond {
        let side = random.pick(&[-1.0, 1.0]);
        relief.hollow = Some([
            side * random.range(9.0, 14.0),
            random.range(18.0, 28.0),
            random.range(8.0, 11.0),
            random.range(7.0, 11.0),
            2.5,
        ]);
        relief.water = Some(-0.6);
    }
    let mut zones = vec![Zone::new(Region::Everywhere, grass(random), Object::Grass)];
    zones.push(Zone::new(Region::Band(line, -1.3, 1.3), gravel(random), Object::Path));
    if pond {
        zones.push(Zone::new(Region::Water, still_water(random), Object::Lake));
    }
    view(random, relief, zones, line)
}
