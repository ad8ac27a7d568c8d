//! A reader of Python pickles that makes data and nothing else.
//!
//! A pickle is a program for a small stack machine, and the full machine may call any function. This one knows all opcodes of
//! protocols 0 to 5 and a fixed list of names that stand for plain data. Whatever else a file names stays a name, what it would
//! have called becomes an object of which only the class and the data are known, and so what training loops save beside their
//! weights is passed over instead of run. Values live in an arena and refer to each other by index, so neither depth nor cycles
//! can exhaust our own stack, and all that they take is paid for from a fixed budget; text stays in the file.

mod build;
mod machine;
mod value;

pub(super) use machine::{Unpickled, run};
pub(super) use value::{Heap, Id, StorageInfo, TensorInfo, Value};
