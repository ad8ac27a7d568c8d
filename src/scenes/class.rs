//! What a class of scenes is made of, as data.

use super::ground::{Curve, Ground};
use super::labels::Object;
use super::math::Vec3;
use super::objects::Make;
use super::random::Random;
use super::surface::Surface;

/// A class of scenes.
pub(crate) struct Class {
    /// Name of its folder.
    pub(crate) name: &'static str,
    pub(crate) setting: Setting,
    pub(crate) items: &'static [Item],
    /// Objects that make it what it is: each is in most pictures of the class.
    pub(crate) defining: &'static [Object],
}

/// Where a class is.
pub(crate) enum Setting {
    /// Out of doors; weights of the hours (day, golden, dusk, night) and of the weather (clear, scattered, overcast, rain, snow, fog).
    Outdoors { view: fn(&mut Random) -> View, hours: [f32; 4], weathers: [f32; 6] },
    /// In a room; weights of the hours.
    Indoors { room: fn(&mut Random) -> Room, hours: [f32; 4] },
}

/// A place out of doors and how it is looked at.
pub(crate) struct View {
    pub(crate) ground: Ground,
    /// Line that rows of items follow.
    pub(crate) line: Curve,
    /// Height of the camera over the ground, metres.
    pub(crate) eye: f32,
    /// Turn to the right, turns.
    pub(crate) turn: f32,
    /// Focal length and row of the horizon in sides of the picture.
    pub(crate) focal: f32,
    pub(crate) horizon: f32,
}

/// A room: from x = -half to half, from the floor to `height`, its back wall at z = `depth`.
pub(crate) struct Room {
    pub(crate) half: f32,
    pub(crate) height: f32,
    pub(crate) depth: f32,
    pub(crate) wall: Surface,
    /// Lower part of the walls, up to a height.
    pub(crate) dado: Option<(Surface, f32)>,
    pub(crate) floor: Surface,
    pub(crate) ceiling: Surface,
    /// Place of the camera.
    pub(crate) at: Vec3,
    pub(crate) turn: f32,
    pub(crate) focal: f32,
    pub(crate) horizon: f32,
}

/// A kind of thing in a class.
#[derive(Clone, Copy)]
pub(crate) struct Item {
    pub(crate) make: Make,
    pub(crate) place: Place,
    /// Probability that there is any (in rows: for each place).
    pub(crate) chance: f32,
    pub(crate) count: (u32, u32),
    /// How far it is turned, turns to the left.
    pub(crate) turn: (f32, f32),
    pub(crate) scale: (f32, f32),
    /// Half of what it takes up on the ground, metres.
    pub(crate) radius: f32,
    /// Ground it may stand on; any if empty.
    pub(crate) on: &'static [Object],
    /// Whether it would hide what stands behind it.
    pub(crate) tall: bool,
    /// How far over the ground it stands, metres.
    pub(crate) lift: f32,
}

/// Walls of a room, as seen from its middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wall {
    Back,
    Left,
    Right,
}

/// Where a thing of a kind goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    /// Share of half the visible width (-1 left to 1 right), metres away.
    View { x: (f32, f32), z: (f32, f32) },
    /// Metres to the right of the class's line and away.
    Line { x: (f32, f32), z: (f32, f32) },
    /// Every `step` metres beside the class's line.
    Row { x: f32, jitter: f32, z: (f32, f32), step: f32 },
    /// In the air: share of the visible width, metres up, metres away.
    Air { x: (f32, f32), y: (f32, f32), z: (f32, f32) },
    /// Against a wall: how much of it a thing takes, metres, and from which height to which.
    Wall { walls: &'static [Wall], width: f32, span: (f32, f32) },
    /// On the floor: shares of half the room's width and of its depth.
    Floor { x: (f32, f32), z: (f32, f32) },
    /// Like a floor, on the ceiling.
    Ceiling { x: (f32, f32), z: (f32, f32) },
    /// In rows and columns over the floor: shares as for a floor, metres between.
    Grid { x: (f32, f32), z: (f32, f32), step: (f32, f32) },
}

/// One of a kind, always there, upright, facing the camera.
pub(crate) const fn item(make: Make, place: Place) -> Item {
    Item {
        make,
        place,
        chance: 1.0,
        count: (1, 1),
        turn: (0.0, 0.0),
        scale: (1.0, 1.0),
        radius: 0.6,
        on: &[],
        tall: false,
        lift: 0.0,
    }
}

impl Item {
    pub(crate) const fn chance(self, chance: f32) -> Item {
        Item { chance, ..self }
    }

    pub(crate) const fn count(self, low: u32, high: u32) -> Item {
        Item { count: (low, high), ..self }
    }

    pub(crate) const fn turn(self, low: f32, high: f32) -> Item {
        Item { turn: (low, high), ..self }
    }

    /// Any direction.
    pub(crate) const fn any_turn(self) -> Item {
        self.turn(-0.5, 0.5)
    }

    pub(crate) const fn scale(self, low: f32, high: f32) -> Item {
        Item { scale: (low, high), ..self }
    }

    pub(crate) const fn radius(self, radius: f32) -> Item {
        Item { radius, ..self }
    }

    /// Keeps it out of the way of the first large thing of its scene.
    pub(crate) const fn tall(self) -> Item {
        Item { tall: true, ..self }
    }

    pub(crate) const fn lift(self, lift: f32) -> Item {
        Item { lift, ..self }
    }

    pub(crate) const fn on(self, on: &'static [Object]) -> Item {
        Item { on, ..self }
    }
}
