//! How much memory buffers may take when the user does not say.

use std::path::Path;

use crate::files;

/// Where nothing is known of the machine's memory.
const FALLBACK_BYTES: u64 = 4 << 30;

/// Half of the memory that is free for a software adapter; a modest fixed share for a GPU, whose memory no portable call tells.
///
/// Half, since a software adapter's buffers are this process's own memory: decoded pictures, mapped weights and what is read back lie
/// beside them, and a machine that starts to swap is slower than one that takes fewer images at once.
pub(super) fn default_budget(software: bool) -> u64 {
    if software { available_bytes().map_or(FALLBACK_BYTES, |bytes| bytes / 2) } else { FALLBACK_BYTES }
}

/// Free memory of the machine or of its control group, whichever is less. Only Linux tells.
fn available_bytes() -> Option<u64> {
    let text = files::read_to_string(Path::new("/proc/meminfo")).ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    let group =
        files::read_to_string(Path::new("/sys/fs/cgroup/memory.max")).ok().and_then(|text| text.trim().parse().ok());
    Some((kibibytes * 1024).min(group.unwrap_or(u64::MAX)))
}
