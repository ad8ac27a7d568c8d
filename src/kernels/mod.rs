//! One file a kernel: parameters, shape check, grid; and the table of them all.
