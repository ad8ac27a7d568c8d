//! What units do: images without them, images with them where there was nothing, classes without them, and one unit read as a
//! detector. Formats nothing.
//!
//! Everything that is counted is an integer, so that neither the batch nor the order nor a stop on the way changes a result.

pub mod ablate;
pub mod control;
pub mod detect;
pub mod insert;
pub mod remove;
mod split;
pub mod statistics;
pub mod sweep;

pub use split::Split;
pub use sweep::Sweep;

#[cfg(test)]
mod tests;
