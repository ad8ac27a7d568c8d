//! Classes out of doors: what is where, how often.

use super::class::Place;
use super::labels::Object;

/// A class out of doors.
macro_rules! outdoors {
    ($name:literal, $view:ident, $hours:expr, $weathers:expr, [$($defining:ident),*], [$($item:expr,)*]) => {
        Class {
            name: $name,
            setting: Setting::Outdoors { view: grounds::$view, hours: $hours, weathers: $weathers },
            items: &[$($item,)*],
            defining: &[$(Object::$defining),*],
        }
    };
}

mod country;
mod town;

pub(super) use country::COUNTRY;
pub(super) use town::TOWN;

/// Weather by weight: clear, scattered, overcast, rain, snow, fog.
const ANY: [f32; 6] = [3.4, 4.4, 1.4, 0.8, 0.6, 0.5];
const MILD: [f32; 6] = [3.8, 4.2, 1.5, 0.7, 0.0, 0.4];
const DRY: [f32; 6] = [5.0, 3.0, 0.6, 0.0, 0.0, 0.2];
/// Hours by weight: day, golden, dusk, night.
const HOURS: [f32; 4] = [5.0, 2.0, 1.2, 1.0];
const DAYS: [f32; 4] = [5.0, 2.0, 1.2, 0.3];

const LAND: &[Object] = &[Object::Grass, Object::Snow, Object::Earth, Object::Hill, Object::Field];
const SHORE: &[Object] = &[Object::Sand, Object::Grass];
const WATER: &[Object] = &[Object::Sea, Object::Lake, Object::River];
const WALK: &[Object] = &[
    Object::Path,
    Object::Sidewalk,
    Object::Pavement,
    Object::Grass,
    Object::Sand,
    Object::Platform,
    Object::Snow,
    Object::Earth,
];

const fn near(x: f32, z0: f32, z1: f32) -> Place {
    Place::View { x: (-x, x), z: (z0, z1) }
}

const fn row(x: f32, jitter: f32, z0: f32, z1: f32, step: f32) -> Place {
    Place::Row { x, jitter, z: (z0, z1), step }
}

const fn beside(x0: f32, x1: f32, z0: f32, z1: f32) -> Place {
    Place::Line { x: (x0, x1), z: (z0, z1) }
}
