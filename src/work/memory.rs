//! How much memory work takes: foretold for a dry run, which has tried a batch of it.

use std::path::Path;

use serde::Serialize;

use crate::files;

/// Bytes between which the most memory lies that a process takes at one time: on a software adapter with its buffers, which are memory
/// of the process there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ProcessMemory {
    /// At least about so many.
    pub from: u64,
    /// At most about so many.
    pub to: u64,
}

/// What the whole work takes after a batch of it was tried in this process, where it keeps `more` bytes besides. None where the system
/// does not tell what was taken.
pub(crate) fn after_trial(more: u64) -> Option<ProcessMemory> {
    let tried = taken()? + more;
    // Batches overlap, and files are written at the end.
    Some(ProcessMemory { from: tried, to: tried + tried / 5 })
}

/// Most bytes that this process has taken at one time. Only Linux tells.
fn taken() -> Option<u64> {
    let text = files::read_to_string(Path::new("/proc/self/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}
