//! Places out of doors: their relief, what lies where, and how they are looked at.

mod built;
mod nature;

pub(crate) use built::*;
pub(crate) use nature::*;

use super::class::View;
use super::ground::{Curve, Ground, Region, Relief, Zone};
use super::labels::{Material, Object, Part};
use super::math::{Vec3, mix, rgb};
use super::random::Random;
use super::surface::{Pattern, Surface};

pub(super) fn ground(color: u32, second: u32, size: f32, material: Option<Material>) -> Surface {
    Surface::new(rgb(color), Pattern::Patches(size), material).second(rgb(second))
}

pub(super) fn grass(random: &mut Random) -> Surface {
    let (first, second) = random.pick(&[
        (0x7A9A4A, 0x557A34),
        (0x8AA452, 0x6B8A3C),
        (0x6B8F45, 0x47703A),
        (0xA8A05A, 0x84884A),
        (0x94A858, 0x5E8438),
        (0xB8A868, 0x8F8A50),
    ]);
    ground(first, second, 0.9, Some(Material::Foliage)).seed(random.seed())
}

pub(super) fn sand(random: &mut Random) -> Surface {
    let (first, second) =
        random.pick(&[(0xE3CFA4, 0xCDB284), (0xEADFC4, 0xD8C8A4), (0xD8BC8A, 0xC0A06C), (0xC8B8A0, 0xB0A088)]);
    ground(first, second, 0.5, None).seed(random.seed())
}

pub(super) fn snow() -> Surface {
    ground(0xEEF1F6, 0xDDE4EE, 2.5, None)
}

pub(super) fn gravel(random: &mut Random) -> Surface {
    let (first, second) =
        random.pick(&[(0xC4B498, 0xA8977C), (0xA89A88, 0x8C8074), (0x9A7A5A, 0x7E6248), (0xB8A890, 0x9C8C76)]);
    ground(first, second, 0.25, Some(Material::Soil)).seed(random.seed())
}

pub(super) fn sea_water(random: &mut Random) -> Surface {
    let (deep, shallow) =
        random.pick(&[(0x1E4A6A, 0x5FA0A0), (0x1C5470, 0x7AC0B4), (0x2A4A58, 0x6A8A84), (0x164A72, 0x4E9AB0)]);
    Surface::new(rgb(deep), Pattern::Plain(0.0), Some(Material::Water)).second(rgb(shallow))
}

pub(super) fn still_water(random: &mut Random) -> Surface {
    let (deep, shallow) = random.pick(&[(0x24443E, 0x4A6248), (0x1E3E4C, 0x4E6A62), (0x3A4634, 0x66684A)]);
    Surface::new(rgb(deep), Pattern::Plain(0.0), Some(Material::Water)).second(rgb(shallow))
}

/// Hills far away, blue or green, for most places.
pub(super) fn far_hills(random: &mut Random, relief: &mut Relief, zones: &mut Vec<Zone>) {
    if random.chance(0.25) {
        return;
    }
    relief.hills = (random.range(15.0, 55.0), random.range(160.0, 420.0));
    relief.hills_from = (110.0, random.range(260.0, 500.0));
    let color = rgb(random.pick(&[0x5A7A48, 0x6B7F4A, 0x4E6E50, 0x8A8A5A]));
    let woods = Surface::leaves(color, 6.0).seed(random.seed());
    zones.push(Zone::new(Region::Beyond(150.0), woods, Object::Hill));
}

/// A view with everything as it mostly is: from `eye` metres, a little to one side.
pub(super) fn view(random: &mut Random, relief: Relief, zones: Vec<Zone>, line: Curve) -> View {
    View {
        ground: Ground { relief, zones },
        line,
        eye: random.range(1.5, 2.3),
        turn: random.about(0.035),
        focal: random.range(0.85, 1.15),
        horizon: random.range(0.42, 0.56),
    }
}

/// A line that starts within `spread` metres of the camera and swings by up to `swing`.
pub(super) fn winding(random: &mut Random, spread: f32, swing: f32) -> Curve {
    Curve {
        start: random.about(spread),
        slope: random.about(0.05),
        swing: random.about(swing),
        length: random.range(40.0, 90.0),
        phase: random.unit(),
    }
}

/// White for what is under snow.
pub(crate) fn snowed(zones: &mut [Zone]) {
    for zone in zones {
        let covers = matches!(
            zone.tag.object(),
            Some(
                Object::Grass
                    | Object::Earth
                    | Object::Field
                    | Object::Path
                    | Object::Hill
                    | Object::Rock
                    | Object::Sand
            )
        );
        if covers {
            zone.surface = Surface {
                color: mix(zone.surface.color, Vec3::grey(0.84), 0.86),
                second: mix(zone.surface.second, Vec3::grey(0.72), 0.82),
                ..zone.surface
            };
            if zone.tag.object() != Some(Object::Path) {
                zone.tag = Object::Snow.into();
            }
        }
    }
}
