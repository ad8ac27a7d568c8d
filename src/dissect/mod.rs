//! Dissection arithmetic: thresholds, counts, labels. Formats nothing.

pub mod labels;
pub mod quantile;
mod stage;
pub mod tally;
pub mod topk;
