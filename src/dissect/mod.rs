//! Dissection arithmetic: thresholds, counts, labels. Formats nothing.
//!
//! A [`Dissection`] runs passes over its images. Each pass for the levels resolves a digit of every unit's [`quantile`], and the
//! first gathers the [`topk`]; the last counts the [`tally`]. What a pass finds is a state that parts of the images add up to; the
//! device's share of it lies in buffers until it is settled. [`labels`] follow from the tally, and the [`ranking`] of a finished
//! run says which units to [edit](edits).

mod counting;
mod dissection;
pub mod edits;
mod flight;
pub mod forecast;
mod held;
pub mod labels;
mod layers;
mod levels;
pub mod not_finite;
pub mod pictures;
pub mod quantile;
pub mod ranking;
mod run;
mod stage;
pub mod tally;
pub mod topk;

pub use dissection::{Dissection, LabelListener, Settings};
pub use run::{LayerOutcome, Outcome};

#[cfg(test)]
mod tests;
