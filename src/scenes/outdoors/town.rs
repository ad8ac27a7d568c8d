//! Classes of towns and traffic.

use super::*;
use crate::scenes::class::{Class, Setting, item};
use crate::scenes::grounds;
use crate::scenes::objects::{
    animals, boats, buildings, city, landmarks, monuments, people, plants, rails, street, vehicles,
};

pub(crate) static TOWN: [Class; 10] = [
    outdoors!(
        "airport",
        apron,
        HOURS,
        MILD,
        [Airplane, Runway],
        [
            item(vehicles::airplane, Place::View { x: (-0.35, 0.35), z: (32.0, 46.0) }).turn(-0.42, 0.42).radius(13.0),
            item(vehicles::airplane, near(1.0, 60.0, 95.0)).count(0, 2).any_turn().radius(14.0).tall(),
            item(landmarks::control_tower, Place::View { x: (-0.9, 0.9), z: (75.0, 120.0) }).chance(0.6).radius(9.0),
            item(city::hall, Place::View { x: (-0.8, 0.8), z: (100.0, 130.0) })
                .chance(0.6)
                .turn(-0.03, 0.03)
                .radius(14.0),
            item(vehicles::truck, near(0.9, 22.0, 60.0))
                .chance(0.55)
                .count(1, 2)
                .any_turn()
                .scale(0.7, 0.85)
                .radius(5.0)
                .tall(),
            item(people::person, near(0.8, 14.0, 36.0)).chance(0.5).count(1, 3).any_turn(),
        ]
    ),
    outdoors!(
        "church",
        village_green,
        HOURS,
        ANY,
        [Church],
        [
            item(monuments::church, Place::View { x: (-0.25, 0.25), z: (34.0, 48.0) }).turn(-0.13, 0.13).radius(11.0),
            item(plants::broadleaf, near(1.1, 16.0, 60.0))
                .chance(0.9)
                .count(2, 7)
                .any_turn()
                .radius(2.6)
                .on(LAND)
                .tall(),
            item(plants::conifer, near(1.1, 18.0, 60.0)).chance(0.3).count(1, 4).radius(2.2).on(LAND).tall(),
            item(street::gravestone, near(0.9, 10.0, 24.0))
                .chance(0.45)
                .count(3, 10)
                .turn(-0.06, 0.06)
                .radius(0.8)
                .on(LAND),
            item(street::pickets, near(0.8, 9.0, 15.0))
                .chance(0.25)
                .count(1, 2)
                .turn(-0.03, 0.03)
                .radius(4.0)
                .on(LAND)
                .tall(),
            item(buildings::house, near(1.1, 48.0, 75.0))
                .chance(0.45)
                .count(1, 3)
                .turn(-0.15, 0.15)
                .radius(6.0)
                .on(LAND)
                .tall(),
            item(plants::bush, near(1.0, 9.0, 30.0)).count(1, 5).radius(1.0).on(LAND).tall(),
            item(street::bench, near(0.7, 9.0, 18.0)).chance(0.3).turn(-0.1, 0.1).radius(1.2),
            item(people::person, near(0.7, 10.0, 26.0)).chance(0.5).count(1, 4).any_turn().on(WALK),
            item(vehicles::car, near(0.9, 14.0, 24.0)).chance(0.15).any_turn().radius(2.5).tall(),
        ]
    ),
    outdoors!(
        "downtown",
        avenue,
        [4.0, 1.5, 1.5, 2.0],
        ANY,
        [Skyscraper, Road],
        [
            item(city::town_house, row(-16.5, 0.5, 8.0, 60.0, 12.5)).chance(0.6).turn(0.25, 0.25).radius(5.4),
            item(city::town_house, row(16.5, 0.5, 8.0, 60.0, 12.5)).chance(0.6).turn(-0.25, -0.25).radius(5.4),
            item(city::skyscraper, row(-19.0, 2.0, 14.0, 190.0, 19.0)).chance(0.8).turn(0.25, 0.25).radius(8.0),
            item(city::skyscraper, row(19.0, 2.0, 14.0, 190.0, 19.0)).chance(0.8).turn(-0.25, -0.25).radius(8.0),
            item(city::skyscraper, near(0.9, 210.0, 330.0)).count(2, 6).any_turn().radius(16.0),
            item(vehicles::bus, beside(1.6, 4.6, 18.0, 50.0)).chance(0.5).turn(0.24, 0.26).radius(5.5),
            item(vehicles::car, beside(1.4, 5.0, 10.0, 70.0)).count(1, 4).turn(0.24, 0.26).radius(3.2),
            item(vehicles::car, beside(-5.0, -1.4, 10.0, 70.0)).count(1, 5).turn(-0.26, -0.24).radius(3.2),
            item(street::traffic_light, beside(6.9, 7.3, 12.0, 17.0)).chance(0.7),
            item(street::traffic_light, beside(-7.3, -6.9, 12.0, 17.0)).chance(0.5),
            item(street::street_lamp, row(7.6, 0.1, 8.0, 70.0, 15.0)).chance(0.8).turn(0.5, 0.5),
            item(plants::broadleaf, row(-8.2, 0.3, 9.0, 60.0, 11.0)).chance(0.35).scale(0.6, 0.8).any_turn(),
            item(people::person, beside(7.4, 10.0, 8.0, 34.0)).count(1, 6).any_turn(),
            item(people::person, beside(-10.0, -7.4, 8.0, 34.0)).count(0, 5).any_turn(),
            item(street::bench, beside(8.4, 9.6, 9.0, 30.0)).chance(0.35).turn(-0.25, -0.25),
            item(street::flag, beside(-9.6, -8.6, 10.0, 40.0)).chance(0.2),
            item(street::sign, beside(7.0, 7.3, 20.0, 40.0)).chance(0.4),
        ]
    ),
    outdoors!(
        "harbor",
        harbor,
        HOURS,
        [4.0, 4.0, 2.0, 1.0, 0.3, 0.8],
        [Boat, Sea],
        [
            item(boats::sailboat, near(0.85, 12.0, 60.0)).chance(0.9).count(2, 6).any_turn().radius(4.0).on(WATER),
            item(boats::launch, near(0.85, 13.0, 55.0)).chance(0.9).count(1, 5).any_turn().radius(4.5).on(WATER),
            item(boats::dinghy, near(0.8, 8.0, 26.0)).chance(0.5).count(1, 3).any_turn().radius(2.2).on(WATER),
            item(boats::pier, near(0.8, 5.0, 8.0)).chance(0.5).turn(-0.06, 0.06).radius(1.5),
            item(city::town_house, near(1.1, 128.0, 160.0)).chance(0.7).count(5, 11).turn(-0.04, 0.04).radius(6.0),
            item(city::hall, near(1.0, 126.0, 150.0)).chance(0.5).count(1, 2).turn(-0.05, 0.05).radius(16.0),
            item(boats::crane, near(0.9, 124.0, 140.0)).chance(0.5).count(1, 3).turn(-0.1, 0.1).radius(7.0),
            item(animals::gull, Place::Air { x: (-0.9, 0.9), y: (4.0, 10.0), z: (12.0, 26.0) })
                .chance(0.5)
                .count(1, 4)
                .any_turn(),
            item(people::person, near(0.8, 4.6, 6.5)).chance(0.3).any_turn().on(&[Object::Pavement]),
            item(street::street_lamp, near(0.9, 4.4, 6.0)).chance(0.25).any_turn().on(&[Object::Pavement]),
            item(landmarks::lighthouse, near(0.8, 124.0, 136.0)).chance(0.25).radius(5.0),
            item(city::skyscraper, near(1.0, 170.0, 240.0)).chance(0.2).count(2, 5).any_turn().radius(10.0),
            item(street::flag, near(0.9, 4.4, 6.4)).chance(0.15),
        ]
    ),
    outdoors!(
        "highway",
        highway,
        HOURS,
        ANY,
        [Road, Car],
        [
            item(street::gantry, beside(0.0, 0.0, 40.0, 70.0)).chance(0.45).radius(0.3),
            item(vehicles::car, beside(4.0, 10.0, 14.0, 110.0)).count(2, 6).turn(0.245, 0.255).radius(3.4),
            item(vehicles::car, beside(-10.0, -4.0, 14.0, 110.0)).count(2, 6).turn(-0.255, -0.245).radius(3.4),
            item(vehicles::truck, beside(7.6, 10.4, 22.0, 90.0)).chance(0.8).count(1, 2).turn(0.248, 0.252).radius(6.5),
            item(vehicles::truck, beside(-10.4, -7.6, 22.0, 90.0))
                .chance(0.6)
                .count(1, 2)
                .turn(-0.252, -0.248)
                .radius(6.5),
            item(vehicles::bus, beside(-10.2, -7.8, 26.0, 90.0)).chance(0.2).turn(-0.252, -0.248).radius(6.5),
            item(street::guard_rail, beside(-0.1, 0.1, 3.0, 3.5)).chance(0.7).radius(0.1),
            item(street::sign, row(13.4, 0.2, 14.0, 80.0, 26.0)).chance(0.6),
            item(street::street_lamp, row(13.6, 0.2, 12.0, 110.0, 24.0)).chance(0.3).scale(1.3, 1.5).turn(0.5, 0.5),
            item(plants::broadleaf, row(19.0, 4.0, 12.0, 130.0, 9.0)).chance(0.5).any_turn().radius(2.4),
            item(plants::broadleaf, row(-19.0, 4.0, 12.0, 130.0, 9.0)).chance(0.5).any_turn().radius(2.4),
            item(plants::conifer, row(-24.0, 5.0, 20.0, 130.0, 8.0)).chance(0.3).radius(2.0),
            item(city::skyscraper, near(0.9, 260.0, 420.0)).chance(0.25).count(3, 8).any_turn().radius(14.0),
        ]
    ),
    outdoors!(
        "mosque",
        plaza,
        HOURS,
        [5.0, 3.5, 1.0, 0.5, 0.0, 0.4],
        [Mosque],
        [
            item(monuments::mosque, Place::View { x: (-0.15, 0.15), z: (34.0, 46.0) }).turn(-0.12, 0.12).radius(13.0),
            item(plants::palm, near(1.1, 14.0, 34.0)).chance(0.6).count(1, 6).radius(1.6).tall(),
            item(plants::slender, near(1.1, 18.0, 50.0)).chance(0.35).count(2, 5).scale(0.8, 1.0).radius(1.6).tall(),
            item(plants::bush, near(1.0, 10.0, 28.0)).chance(0.5).count(1, 5).radius(1.0).tall(),
            item(people::person, near(0.8, 10.0, 30.0)).count(1, 8).any_turn(),
            item(street::street_lamp, near(0.9, 12.0, 26.0)).chance(0.4).count(1, 2).any_turn(),
            item(street::bench, near(0.8, 9.0, 18.0)).chance(0.25).turn(-0.2, 0.2).radius(1.2),
            item(city::town_house, near(1.2, 62.0, 90.0)).chance(0.35).count(1, 4).turn(-0.1, 0.1).radius(7.0),
            item(street::flag, near(0.9, 14.0, 30.0)).chance(0.2),
            item(vehicles::car, near(0.9, 14.0, 28.0)).chance(0.2).count(1, 2).any_turn().radius(2.5),
        ]
    ),
    outdoors!(
        "park",
        park,
        HOURS,
        ANY,
        [Tree, Bench],
        [
            item(street::bench, beside(1.9, 2.6, 7.0, 16.0)).count(1, 2).turn(-0.3, -0.2).radius(1.0),
            item(street::bench, beside(-2.6, -1.9, 8.0, 24.0)).chance(0.7).turn(0.2, 0.3).radius(1.0),
            item(plants::broadleaf, near(1.1, 12.0, 70.0)).count(9, 18).any_turn().radius(2.4).on(LAND),
            item(plants::slender, near(1.1, 14.0, 60.0)).chance(0.4).count(2, 5).any_turn().radius(1.8).on(LAND),
            item(plants::flowers, near(0.9, 6.0, 18.0)).chance(0.6).count(2, 8).radius(0.8).on(LAND),
            item(plants::bush, near(1.0, 8.0, 34.0)).count(2, 7).radius(1.0).on(LAND),
            item(street::street_lamp, row(-2.0, 0.1, 7.0, 50.0, 13.0)).chance(0.6).turn(-0.1, 0.1).scale(0.8, 0.9),
            item(people::person, beside(-1.0, 1.0, 7.0, 32.0)).chance(0.8).count(1, 4).any_turn(),
            item(people::person, near(0.8, 9.0, 28.0)).chance(0.4).count(1, 3).any_turn().on(LAND),
            item(boats::dinghy, near(0.9, 15.0, 28.0)).chance(0.3).any_turn().radius(2.0).on(WATER),
            item(street::swing, near(0.8, 14.0, 24.0)).chance(0.12).turn(-0.15, 0.15).radius(2.2).on(LAND),
            item(street::slide, near(0.8, 12.0, 24.0)).chance(0.12).turn(-0.3, 0.3).radius(2.0).on(LAND),
            item(city::skyscraper, near(1.0, 200.0, 320.0)).chance(0.3).count(2, 7).any_turn().radius(12.0),
        ]
    ),
    outdoors!(
        "playground",
        playground,
        DAYS,
        MILD,
        [Swing, Slide],
        [
            item(street::swing, Place::View { x: (-0.6, 0.5), z: (9.0, 14.0) }).turn(-0.12, 0.12).radius(2.1),
            item(street::slide, Place::View { x: (-0.5, 0.6), z: (8.0, 14.0) }).turn(-0.2, 0.2).radius(1.9),
            item(street::slide, near(0.8, 13.0, 19.0)).chance(0.2).turn(0.3, 0.7).radius(1.9),
            item(people::person, near(0.8, 7.0, 18.0)).chance(0.85).count(1, 5).any_turn().scale(0.6, 0.8),
            item(people::person, near(0.8, 8.0, 20.0)).chance(0.5).count(1, 2).any_turn(),
            item(street::bench, near(0.9, 10.0, 20.0)).chance(0.5).count(1, 2).turn(-0.1, 0.1).radius(1.2),
            item(street::pickets, near(1.0, 21.0, 23.0)).chance(0.6).count(2, 4).turn(-0.02, 0.02).radius(3.0),
            item(plants::broadleaf, near(1.2, 24.0, 60.0)).count(5, 12).any_turn().radius(2.5),
            item(city::town_house, near(1.1, 60.0, 90.0)).chance(0.4).count(1, 4).turn(-0.06, 0.06).radius(7.0),
            item(buildings::house, near(1.1, 48.0, 80.0)).chance(0.5).count(1, 4).turn(-0.1, 0.1).radius(6.5),
            item(plants::bush, near(1.0, 20.0, 34.0)).count(1, 6).radius(1.0),
            item(street::street_lamp, near(0.9, 16.0, 26.0)).chance(0.25),
        ]
    ),
    outdoors!(
        "station",
        station,
        HOURS,
        ANY,
        [Train, Track],
        [
            item(rails::track, beside(0.0, 0.0, 0.0, 0.0)).radius(0.01),
            item(rails::track, beside(-4.6, -4.6, 0.0, 0.0)).radius(0.01),
            item(rails::platform, beside(1.9, 1.9, 1.0, 1.5)).radius(0.01),
            item(rails::shelter, row(1.9, 0.0, 8.0, 70.0, 9.3)).chance(0.75).radius(0.01),
            item(rails::train, beside(0.0, 0.0, 9.0, 26.0)).chance(0.8).radius(1.0),
            item(rails::train, beside(-4.6, -4.6, 7.0, 22.0)).chance(0.65).radius(1.0),
            item(rails::mast, row(-4.6, 0.0, 6.0, 110.0, 22.0)).chance(0.7).radius(0.1),
            item(people::person, beside(2.9, 4.0, 6.0, 30.0)).chance(0.85).count(1, 6).any_turn().lift(0.9),
            item(city::hall, beside(22.0, 28.0, 26.0, 44.0)).chance(0.4).turn(-0.25, -0.25).radius(10.0),
            item(buildings::house, beside(-30.0, -14.0, 20.0, 70.0)).chance(0.6).count(1, 4).turn(0.2, 0.3).radius(6.0),
            item(plants::broadleaf, beside(-26.0, -9.0, 14.0, 90.0)).count(3, 10).any_turn().radius(2.4),
            item(city::town_house, near(1.0, 120.0, 170.0)).chance(0.4).count(2, 6).turn(-0.1, 0.1).radius(8.0),
            item(street::bench, beside(4.6, 5.2, 7.0, 26.0)).chance(0.5).count(1, 2).turn(-0.25, -0.25).lift(0.9),
        ]
    ),
    outdoors!(
        "street",
        street,
        HOURS,
        ANY,
        [House, Road],
        [
            item(buildings::house, row(-11.5, 0.8, 11.0, 120.0, 12.5)).chance(0.92).turn(0.24, 0.26).radius(5.2),
            item(buildings::house, row(11.5, 0.8, 11.0, 120.0, 12.5)).chance(0.92).turn(-0.26, -0.24).radius(5.2),
            item(vehicles::car, row(2.3, 0.1, 9.0, 70.0, 9.0)).chance(0.45).turn(0.245, 0.255).radius(2.3),
            item(vehicles::car, row(-2.3, 0.1, 9.0, 70.0, 9.0)).chance(0.45).turn(-0.255, -0.245).radius(2.3),
            item(vehicles::car, beside(0.5, 1.0, 24.0, 60.0)).chance(0.3).turn(0.248, 0.252).radius(2.3),
            item(street::street_lamp, row(-3.8, 0.0, 8.0, 90.0, 18.0)).chance(0.8).turn(-0.02, 0.02),
            item(street::street_lamp, row(3.8, 0.0, 16.0, 90.0, 18.0)).chance(0.5).turn(0.5, 0.5),
            item(plants::broadleaf, row(-6.0, 0.4, 8.0, 110.0, 8.0)).chance(0.3).scale(0.6, 0.9).any_turn().radius(1.4),
            item(plants::broadleaf, row(6.0, 0.4, 8.0, 110.0, 8.0)).chance(0.3).scale(0.6, 0.9).any_turn().radius(1.4),
            item(plants::hedge, row(-5.7, 0.1, 9.0, 60.0, 7.0)).chance(0.3).turn(0.25, 0.25).radius(2.0),
            item(street::pickets, row(5.7, 0.1, 9.0, 60.0, 9.0)).chance(0.35).turn(-0.25, -0.25).radius(2.0),
            item(people::person, beside(3.7, 5.0, 8.0, 40.0)).chance(0.6).count(1, 3).any_turn(),
            item(people::person, beside(-5.0, -3.7, 8.0, 40.0)).chance(0.5).count(1, 2).any_turn(),
            item(street::sign, beside(3.5, 3.7, 9.0, 30.0)).chance(0.35),
            item(vehicles::bus, beside(-2.0, -1.2, 26.0, 60.0)).chance(0.15).turn(-0.252, -0.248).radius(5.5),
            item(street::traffic_light, beside(3.5, 3.8, 14.0, 30.0)).chance(0.15),
            item(monuments::church, near(0.5, 140.0, 180.0)).chance(0.2).radius(10.0),
        ]
    ),
];
