//! What scenes are made of, a file a family.

pub(crate) mod animals;
pub(crate) mod boats;
pub(crate) mod buildings;
pub(crate) mod city;
pub(crate) mod fittings;
pub(crate) mod furniture;
pub(crate) mod kitchen;
pub(crate) mod landmarks;
pub(crate) mod monuments;
pub(crate) mod people;
pub(crate) mod plants;
pub(crate) mod rails;
pub(crate) mod seating;
pub(crate) mod street;
pub(crate) mod vehicles;

use super::group::Group;
use super::light::Light;
use super::random::Random;

/// Builds a thing of a kind at its own origin, its front towards -z.
pub(crate) type Make = fn(&mut Group, &mut Random, &Light);
