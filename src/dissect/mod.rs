//! Dissection arithmetic: thresholds, counts, labels. Formats nothing.

mod checkpoint;
pub mod edits;
pub mod labels;
pub mod quantile;
pub mod ranking;
pub mod run;
mod stage;
pub mod tally;
pub mod topk;
