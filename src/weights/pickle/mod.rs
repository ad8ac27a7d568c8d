//! A restricted reader of Python pickles: data only, nothing callable.
//!
//! A pickle is a program for a small stack machine, and the full machine may call any function. This one knows the
//! opcodes that `torch.save` writes and a fixed list of names that stand for plain data; anything else is an error
//! naming what was met. Values live in an arena and refer to each other by index, so neither depth nor cycles can
//! exhaust our own stack, and every opcode is paid for from a fixed budget.

mod build;
mod machine;
mod value;

pub(super) use machine::run;
pub(super) use value::{Heap, Id, StorageInfo, TensorInfo, Value};
