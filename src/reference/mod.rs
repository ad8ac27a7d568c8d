//! The same graph and kernels as obvious loops on the CPU: for tests, `doctor` and the tuner.
