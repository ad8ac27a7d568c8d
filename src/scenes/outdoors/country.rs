//! Classes of the country.

use super::*;
use crate::scenes::class::{Class, Setting, item};
use crate::scenes::grounds;
use crate::scenes::objects::{animals, boats, buildings, landmarks, monuments, people, plants, street, vehicles};

pub(crate) static COUNTRY: [Class; 11] = [
    outdoors!(
        "beach",
        beach,
        DAYS,
        [5.0, 4.0, 1.5, 0.3, 0.0, 0.2],
        [Sea, Sand],
        [
            item(street::parasol, near(0.85, 7.0, 22.0)).chance(0.8).count(1, 4).radius(1.8).on(SHORE),
            item(street::lounger, near(0.8, 6.0, 18.0)).chance(0.6).count(1, 3).turn(-0.5, 0.5).radius(0.9).on(SHORE),
            item(street::towel, near(0.8, 5.0, 16.0)).chance(0.7).count(1, 4).any_turn().radius(0.8).on(SHORE),
            item(people::person, near(0.9, 7.0, 34.0)).chance(0.9).count(1, 6).any_turn().on(SHORE),
            item(plants::palm, near(1.0, 9.0, 34.0)).chance(0.5).count(1, 4).radius(1.5).on(SHORE),
            item(boats::sailboat, near(0.9, 60.0, 200.0)).chance(0.6).count(1, 3).any_turn().radius(6.0).on(WATER),
            item(boats::dinghy, near(0.7, 14.0, 26.0)).chance(0.2).any_turn().radius(2.0),
            item(animals::gull, Place::Air { x: (-0.9, 0.9), y: (4.0, 9.0), z: (12.0, 24.0) })
                .chance(0.35)
                .count(1, 4)
                .any_turn(),
            item(street::rocks, near(1.0, 8.0, 30.0)).chance(0.25).count(1, 3).radius(1.2),
            item(landmarks::lighthouse, near(0.9, 60.0, 90.0)).chance(0.12).radius(5.0).on(SHORE),
            item(boats::pier, near(0.6, 14.0, 20.0)).chance(0.12).turn(-0.08, 0.08).radius(1.5),
        ]
    ),
    outdoors!(
        "bridge",
        river,
        HOURS,
        ANY,
        [Bridge, River],
        [
            item(landmarks::bridge, beside(-4.0, 4.0, 34.0, 46.0)).turn(-0.03, 0.03).radius(4.0),
            item(plants::broadleaf, near(1.0, 16.0, 90.0)).count(5, 12).any_turn().radius(2.4).on(LAND),
            item(plants::slender, near(1.0, 16.0, 80.0)).chance(0.4).count(2, 5).any_turn().radius(2.0).on(LAND),
            item(buildings::house, near(1.0, 48.0, 90.0)).chance(0.6).count(1, 4).turn(-0.1, 0.1).radius(6.0).on(LAND),
            item(monuments::church, near(0.8, 70.0, 100.0)).chance(0.2).turn(-0.1, 0.1).radius(9.0).on(LAND),
            item(boats::launch, beside(-5.0, 5.0, 16.0, 30.0)).chance(0.35).any_turn().radius(5.0).on(WATER),
            item(boats::dinghy, beside(-7.0, 7.0, 9.0, 24.0)).chance(0.4).count(1, 2).any_turn().radius(2.2).on(WATER),
            item(plants::bush, near(1.0, 7.0, 30.0)).count(2, 6).radius(1.0).on(LAND),
            item(people::person, near(0.9, 9.0, 24.0)).chance(0.3).count(1, 2).any_turn().on(LAND),
            item(monuments::castle, near(0.7, 100.0, 130.0)).chance(0.12).turn(-0.1, 0.1).radius(19.0).on(LAND),
        ]
    ),
    outdoors!(
        "castle",
        castle_hill,
        HOURS,
        ANY,
        [Castle],
        [
            item(monuments::castle, Place::View { x: (-0.25, 0.25), z: (48.0, 66.0) }).turn(-0.12, 0.12).radius(19.0),
            item(plants::broadleaf, near(1.0, 14.0, 48.0))
                .chance(0.8)
                .count(2, 8)
                .any_turn()
                .radius(2.4)
                .on(LAND)
                .tall(),
            item(plants::conifer, near(1.0, 14.0, 50.0)).chance(0.4).count(2, 6).radius(2.0).on(LAND).tall(),
            item(plants::bush, near(1.0, 8.0, 34.0)).count(1, 6).radius(1.0).on(LAND).tall(),
            item(street::rocks, near(1.0, 8.0, 30.0)).chance(0.4).count(1, 4).radius(1.3).on(LAND),
            item(people::person, beside(-1.2, 1.2, 10.0, 34.0)).chance(0.5).count(1, 3).any_turn(),
            item(animals::sheep, near(0.9, 10.0, 30.0)).chance(0.15).count(2, 5).any_turn().on(LAND),
        ]
    ),
    outdoors!(
        "coast",
        coast,
        HOURS,
        [4.0, 4.0, 2.0, 1.0, 0.0, 0.6],
        [Lighthouse, Sea],
        [
            item(landmarks::lighthouse, Place::View { x: (-0.65, 0.65), z: (28.0, 46.0) })
                .radius(5.0)
                .on(&[Object::Grass, Object::Rock]),
            item(buildings::house, near(0.8, 34.0, 56.0))
                .chance(0.4)
                .turn(-0.15, 0.15)
                .scale(0.8, 1.0)
                .radius(5.0)
                .on(&[Object::Grass, Object::Rock])
                .tall(),
            item(street::rocks, near(1.0, 8.0, 40.0)).count(4, 12).radius(1.5),
            item(plants::bush, near(1.0, 8.0, 30.0)).chance(0.5).count(1, 5).radius(1.0).on(LAND).tall(),
            item(boats::sailboat, near(0.9, 70.0, 220.0)).chance(0.6).count(1, 3).any_turn().radius(7.0).on(WATER),
            item(animals::gull, Place::Air { x: (-0.9, 0.9), y: (5.0, 12.0), z: (14.0, 28.0) })
                .chance(0.6)
                .count(1, 5)
                .any_turn(),
            item(people::person, near(0.8, 10.0, 24.0)).chance(0.3).count(1, 2).any_turn().on(LAND),
            item(street::fence, near(0.8, 9.0, 16.0)).chance(0.25).turn(-0.1, 0.1).radius(5.0).on(LAND).tall(),
        ]
    ),
    outdoors!(
        "desert",
        desert,
        [6.0, 2.5, 1.2, 0.5],
        DRY,
        [Sand],
        [
            item(plants::cactus, near(0.95, 7.0, 50.0)).chance(0.85).count(3, 10).any_turn().radius(1.4),
            item(street::rocks, near(1.0, 7.0, 50.0)).chance(0.85).count(3, 9).scale(0.8, 2.2).radius(1.6),
            item(plants::bush, near(1.0, 8.0, 40.0)).chance(0.4).count(1, 6).scale(0.5, 0.9).radius(1.0),
            item(plants::palm, near(0.9, 24.0, 50.0)).chance(0.12).count(2, 5).radius(1.5),
            item(people::person, near(0.6, 14.0, 34.0)).chance(0.2).count(1, 3).any_turn(),
            item(vehicles::car, near(0.7, 18.0, 34.0)).chance(0.1).any_turn().radius(2.5),
            item(monuments::mosque, near(0.7, 90.0, 140.0)).chance(0.08).turn(-0.1, 0.1).radius(13.0),
        ]
    ),
    outdoors!(
        "farm",
        farm,
        DAYS,
        ANY,
        [Barn],
        [
            item(buildings::barn, Place::View { x: (-0.4, 0.4), z: (26.0, 40.0) }).turn(-0.16, 0.16).radius(9.0),
            item(buildings::house, near(1.0, 36.0, 60.0)).chance(0.5).turn(-0.2, 0.2).radius(6.5).tall(),
            item(vehicles::tractor, near(0.7, 11.0, 24.0)).chance(0.5).any_turn().radius(2.4).tall(),
            item(street::hay_bale, near(0.9, 9.0, 26.0)).chance(0.55).count(1, 6).any_turn().radius(1.3),
            item(plants::broadleaf, near(1.1, 24.0, 80.0)).count(2, 7).any_turn().radius(2.6).tall(),
            item(street::fence, near(0.8, 10.0, 18.0)).chance(0.4).turn(-0.05, 0.05).radius(5.0).tall(),
            item(animals::cow, near(0.9, 10.0, 24.0)).chance(0.3).count(1, 3).any_turn().radius(1.5),
            item(people::person, near(0.7, 10.0, 22.0)).chance(0.35).any_turn(),
            item(plants::bush, near(1.0, 12.0, 40.0)).chance(0.5).count(1, 4).radius(1.0).tall(),
            item(landmarks::windmill, near(1.0, 70.0, 130.0)).chance(0.10).turn(-0.1, 0.1).radius(5.0).tall(),
            item(monuments::church, near(0.9, 90.0, 130.0)).chance(0.12).turn(-0.12, 0.12).radius(10.0).tall(),
        ]
    ),
    outdoors!(
        "forest",
        forest,
        [5.0, 2.0, 0.8, 0.5],
        [3.0, 3.0, 2.0, 1.0, 0.8, 1.4],
        [Tree],
        [
            item(plants::tall_trunk, row(-3.4, 1.0, 5.0, 60.0, 3.4)).chance(0.9).any_turn().radius(0.8),
            item(plants::tall_trunk, row(3.4, 1.0, 5.0, 60.0, 3.4)).chance(0.9).any_turn().radius(0.8),
            item(plants::tall_trunk, near(1.1, 12.0, 60.0)).count(14, 26).any_turn().radius(0.9).on(&[
                Object::Earth,
                Object::Grass,
                Object::Snow
            ]),
            item(plants::conifer, near(1.2, 18.0, 66.0)).chance(0.5).count(4, 12).radius(1.6).on(&[
                Object::Earth,
                Object::Grass,
                Object::Snow
            ]),
            item(plants::broadleaf, near(1.3, 45.0, 110.0)).count(12, 18).any_turn().scale(1.0, 1.5).radius(2.2),
            item(plants::bush, near(1.1, 6.0, 34.0)).count(5, 14).scale(0.5, 1.0).radius(0.8).on(&[
                Object::Earth,
                Object::Grass,
                Object::Snow
            ]),
            item(street::rocks, near(0.9, 6.0, 24.0)).chance(0.3).count(1, 3).scale(0.6, 1.0).radius(1.0),
            item(people::person, beside(-0.8, 0.8, 8.0, 26.0)).chance(0.25).count(1, 2).any_turn(),
        ]
    ),
    outdoors!(
        "mountain",
        mountains,
        DAYS,
        [4.0, 4.5, 1.2, 0.4, 0.3, 0.3],
        [Mountain],
        [
            item(plants::conifer, near(1.2, 16.0, 70.0)).chance(0.75).count(2, 8).radius(2.2).on(LAND),
            item(plants::conifer, near(1.1, 80.0, 240.0)).count(8, 22).radius(3.0).on(LAND),
            item(street::rocks, near(1.0, 7.0, 34.0)).chance(0.7).count(2, 7).scale(0.8, 1.6).radius(1.4),
            item(plants::flowers, near(0.9, 6.0, 14.0)).chance(0.35).count(2, 6).radius(0.7).on(LAND),
            item(buildings::house, near(0.8, 40.0, 80.0)).chance(0.2).turn(-0.15, 0.15).radius(6.0).on(LAND),
            item(people::person, near(0.7, 10.0, 24.0)).chance(0.25).count(1, 2).any_turn().on(LAND),
            item(animals::cow, near(0.9, 14.0, 34.0)).chance(0.12).count(1, 3).any_turn().radius(1.6).on(LAND),
            item(monuments::church, near(0.7, 60.0, 110.0)).chance(0.10).turn(-0.12, 0.12).radius(11.0).on(LAND),
            item(boats::dinghy, near(0.7, 24.0, 60.0)).chance(0.3).any_turn().radius(2.2).on(WATER),
            item(buildings::barn, near(0.8, 50.0, 90.0)).chance(0.10).turn(-0.15, 0.15).radius(9.0).on(LAND),
        ]
    ),
    outdoors!(
        "pasture",
        pasture,
        HOURS,
        ANY,
        [Grass],
        [
            item(animals::cow, near(0.85, 9.0, 34.0)).chance(0.6).count(2, 7).any_turn().radius(1.6).on(LAND),
            item(animals::sheep, near(0.85, 8.0, 30.0)).chance(0.6).count(3, 10).any_turn().radius(0.8).on(LAND),
            item(street::fence, near(0.7, 8.0, 20.0)).chance(0.6).count(1, 3).turn(-0.06, 0.06).radius(3.0).on(LAND),
            item(plants::broadleaf, near(1.1, 22.0, 120.0)).count(3, 12).any_turn().radius(2.8).on(LAND),
            item(plants::bush, near(1.0, 14.0, 60.0)).count(1, 6).radius(1.1).on(LAND),
            item(plants::flowers, near(0.9, 6.0, 14.0)).chance(0.4).count(2, 6).radius(0.8).on(LAND),
            item(buildings::house, near(0.9, 70.0, 120.0)).chance(0.3).turn(-0.2, 0.2).radius(7.0).on(LAND),
            item(people::person, near(0.7, 12.0, 26.0)).chance(0.12).any_turn().on(LAND),
            item(landmarks::windmill, near(0.9, 70.0, 130.0)).chance(0.12).turn(-0.1, 0.1).radius(5.0).on(LAND),
            item(buildings::barn, near(0.9, 60.0, 110.0)).chance(0.18).turn(-0.15, 0.15).radius(9.0).on(LAND),
            item(vehicles::tractor, near(0.8, 14.0, 40.0)).chance(0.12).any_turn().radius(2.4).on(LAND),
            item(street::hay_bale, near(0.9, 12.0, 50.0)).chance(0.2).count(2, 6).any_turn().radius(1.3).on(LAND),
        ]
    ),
    outdoors!(
        "ski_slope",
        slope,
        [6.0, 2.0, 0.8, 0.3],
        [4.0, 3.0, 1.0, 0.0, 1.2, 0.2],
        [Snow, Person],
        [
            item(people::skier, near(0.75, 8.0, 36.0)).count(2, 6).turn(-0.12, 0.12).radius(1.0),
            item(plants::conifer, near(1.1, 14.0, 110.0)).count(6, 22).radius(2.2).on(&[Object::Snow]),
            item(street::pickets, near(0.8, 12.0, 30.0)).chance(0.2).turn(-0.1, 0.1).radius(4.0),
            item(buildings::house, near(0.8, 40.0, 80.0)).chance(0.3).turn(-0.15, 0.15).radius(6.5).on(&[Object::Snow]),
            item(street::flag, near(0.8, 12.0, 30.0)).chance(0.3).count(1, 3).scale(0.5, 0.7),
            item(street::rocks, near(1.0, 10.0, 34.0)).chance(0.3).count(1, 3).radius(1.3),
        ]
    ),
    outdoors!(
        "windmill",
        tulips,
        DAYS,
        MILD,
        [Windmill],
        [
            item(landmarks::windmill, Place::View { x: (-0.45, 0.45), z: (24.0, 38.0) }).turn(-0.1, 0.1).radius(4.5),
            item(landmarks::windmill, near(1.0, 60.0, 130.0))
                .chance(0.5)
                .count(1, 3)
                .turn(-0.1, 0.1)
                .radius(5.0)
                .tall(),
            item(buildings::house, near(1.0, 30.0, 60.0)).chance(0.5).turn(-0.2, 0.2).radius(6.0).tall(),
            item(plants::slender, near(1.1, 34.0, 100.0)).chance(0.6).count(3, 9).any_turn().radius(2.0).tall(),
            item(plants::broadleaf, near(1.1, 34.0, 100.0)).chance(0.6).count(2, 6).any_turn().radius(2.4).tall(),
            item(people::person, near(0.7, 10.0, 22.0)).chance(0.4).count(1, 3).any_turn(),
            item(animals::cow, near(0.9, 26.0, 44.0)).chance(0.2).count(1, 4).any_turn().radius(1.6).on(LAND),
            item(street::fence, near(0.8, 24.0, 30.0)).chance(0.3).turn(-0.04, 0.04).radius(4.0).on(LAND).tall(),
        ]
    ),
];
