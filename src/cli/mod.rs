//! One file a subcommand: words, a validated job, calls, output. No arithmetic.
pub mod weights;
