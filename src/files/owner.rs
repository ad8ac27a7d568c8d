//! Processes as owners of files: those of one that ended are nobody's.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Whether a process of this machine runs. Where that cannot be told, it is taken to.
#[cfg_attr(unix, expect(unsafe_code, reason = "the standard library cannot ask for a process"))]
pub(super) fn is_alive(pid: u32) -> bool {
    #[cfg(unix)]
    {
        let Ok(pid) = libc::pid_t::try_from(pid) else { return false };
        // SAFETY: signal 0 is never delivered; only whether it could be is asked.
        let found = unsafe { libc::kill(pid, 0) };
        // Those of other users may not be signalled, but are there.
        pid > 0 && (found == 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM))
    }
    #[cfg(not(unix))]
    {
        let _ = pid;
        true
    }
}

/// A process that has taken something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    /// Its number.
    pub(super) pid: u32,
    /// Its machine.
    pub(super) host: String,
    /// When it took it, in seconds of Unix time.
    pub(super) since: u64,
}

impl Owner {
    /// This process, now.
    pub(super) fn current() -> Owner {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        Owner { pid: std::process::id(), host: host(), since }
    }

    /// Whether it may still run: of another machine, nobody can tell.
    pub(super) fn may_live(&self) -> bool {
        self.host != host() || is_alive(self.pid)
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = Owner::current().since.saturating_sub(self.since);
        let host: String = self.host.chars().filter(|letter| !letter.is_control()).take(64).collect();
        write!(
            f,
            "process {} on {host}, for {}",
            self.pid,
            match seconds {
                0..120 => format!("{seconds} s"),
                120..7200 => format!("{} min", seconds / 60),
                _ => format!("{} h", seconds / 3600),
            }
        )
    }
}

/// Name of this machine, as far as it is known.
fn host() -> String {
    let of_kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let named = of_kernel.or_else(|| std::env::var("HOSTNAME").ok()).or_else(|| std::env::var("COMPUTERNAME").ok());
    named
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "this machine".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_one_that_ended_does_not() {
        assert!(is_alive(std::process::id()));
        assert!(Owner::current().may_live());
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .arg("--list")
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert_eq!(is_alive(pid), cfg!(not(unix)));
        let ended = Owner { pid, ..Owner::current() };
        assert_eq!(ended.may_live(), cfg!(not(unix)));
        assert!(Owner { host: "elsewhere".to_owned(), ..ended }.may_live());
    }
}
