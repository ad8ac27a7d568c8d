//! A world with known truth: pictures of outdoor and indoor places, with exact label maps of objects, parts, materials and colours.
//!
//! A picture is made from the seed, its class and its number alone; the same on every machine. [`render`] makes one, [`set`]
//! writes many as folders that the dissector reads. Inside: `class` says what a class is made of (`outdoors` and `indoors` are
//! the tables), `objects` build things as pieces in metres, `compose` places them, `stage` draws pieces on a `canvas`.

mod camera;
mod canvas;
mod class;
mod compose;
mod finish;
mod ground;
mod grounds;
mod group;
mod indoors;
mod labels;
mod light;
mod math;
mod noise;
mod objects;
mod outdoors;
mod outline;
mod random;
pub mod set;
mod sky;
mod stage;
mod surface;

use class::Class;
use random::Random;

use crate::concepts::colors::color_of;

/// Version of the world: changes whenever a pixel of any picture does.
pub const VERSION: u32 = 1;

/// Label channels: object, part, material, colour.
pub const CHANNELS: usize = 4;

fn table() -> impl Iterator<Item = &'static Class> {
    outdoors::COUNTRY.iter().chain(&outdoors::TOWN).chain(&indoors::INDOORS)
}

/// Names of the classes, in the order of their indices.
pub fn classes() -> Vec<&'static str> {
    table().map(|class| class.name).collect()
}

/// Objects that most pictures of a class show, by name.
pub fn defining(class: usize) -> Vec<&'static str> {
    let objects = table().nth(class).map_or(&[][..], |class| class.defining);
    objects.iter().map(|&object| labels::Object::NAMES[object as usize]).collect()
}

/// Every concept with its category; label numbers count from 1 on.
pub fn concepts() -> Vec<(&'static str, &'static str)> {
    labels::concepts().collect()
}

/// A picture with its label maps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels a side.
    pub side: u32,
    /// 8-bit RGB, row by row, `3 side^2`.
    pub rgb: Vec<u8>,
    /// Label numbers `[channels, side, side]`: object, part, material, colour; 0 = none.
    pub labels: [Vec<u16>; CHANNELS],
}

/// The picture `number` of a class (an index into [`classes`]); `None` if there is no such class.
///
/// The colour of a pixel is named by the same rule as everywhere, from the pixel itself.
pub fn render(seed: u64, class: usize, number: u64, side: u32) -> Option<Picture> {
    let class = table().nth(class)?;
    let name = class.name.bytes().fold(0u64, |hash, byte| hash.wrapping_mul(257).wrapping_add(byte.into()));
    let composed = compose::compose(class, &mut Random::new(seed, &[name, number]), side as usize);
    let colors = composed
        .rgb
        .chunks_exact(3)
        .map(|pixel| labels::color_number(color_of([pixel[0].into(), pixel[1].into(), pixel[2].into()])));
    let channel = |index: usize| composed.tags.iter().map(|tag| tag.numbers()[index]).collect();
    let labels = [channel(0), channel(1), channel(2), colors.collect()];
    Some(Picture { side, rgb: composed.rgb, labels })
}
