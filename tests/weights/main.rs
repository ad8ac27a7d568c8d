//! Weight files: import from every container and naming, what normal runs read, and hostile files.
//!
//! The files under `tests/golden/weights` were made by PyTorch and onnx; the script that made them lies beside them.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot go on fails the test")]

mod archives;
mod checkpoints;
mod command;
mod graph;
mod hostile;
mod import;
mod memory;
mod names;
mod onnx;
mod pickles;
mod support;
