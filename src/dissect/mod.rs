//! Dissection arithmetic: thresholds, counts, labels. Formats nothing.

mod checkpoint;
pub mod edits;
pub mod labels;
pub mod pictures;
pub mod quantile;
pub mod ranking;
pub mod run;
pub(crate) mod sealed;
mod stage;
pub mod tally;
pub mod topk;
