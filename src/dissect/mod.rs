//! Dissection arithmetic: thresholds, counts, labels. Formats nothing.

mod counting;
pub mod edits;
mod flight;
pub mod forecast;
mod held;
pub mod labels;
mod layers;
mod levels;
pub mod pictures;
pub mod quantile;
pub mod ranking;
pub mod run;
mod stage;
pub mod tally;
pub mod topk;

#[cfg(test)]
mod tests;
