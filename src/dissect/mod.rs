//! Dissection arithmetic: thresholds, counts, labels. Formats nothing.

pub mod tally;
pub mod topk;
