//! A folder in which one process works at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::owner::Owner;
use crate::error::{Error, Kind, Result};

/// Name of the file that is locked. It says whose the folder is, for people; the lock itself is the system's, which takes it from a
/// process that ends, however it ends.
const LOCK: &str = ".netdissect.lock";

/// Bytes of it that are read, at most.
const OWNER_LIMIT: u64 = 4096;

/// Whether a file of this name is a lock.
pub(super) fn is_lock(name: &str) -> bool {
    name == LOCK
}

/// A folder that other processes leave alone until this is dropped.
#[derive(Debug)]
pub(crate) struct FolderLock {
    path: PathBuf,
    _file: File,
}

impl FolderLock {
    /// Takes a folder that is there.
    ///
    /// # Errors
    /// [`Kind::Busy`], with the other process, if another has it; [`Kind::Output`] if nothing can be written there.
    pub(crate) fn take(folder: &Path) -> Result<FolderLock> {
        let path = folder.join(LOCK);
        let failed = |error: std::io::Error| Error::writing(&path, &error);
        loop {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
            let locked = file.try_lock();
            let owner = owner_in(&mut file);
            let taken = match locked {
                Ok(()) => false,
                Err(TryLockError::WouldBlock) => true,
                // Of file systems that have no locks, the process that is named decides.
                Err(TryLockError::Error(_)) => {
                    owner.as_ref().is_some_and(|owner| owner.may_live() && owner.pid != std::process::id())
                }
            };
            if taken {
                return Err(busy(folder, owner));
            }
            // Whoever had it may have removed the file since it was opened: then another one may be locked already.
            if is_at(&file, &path) {
                let text =
                    serde_json::to_string(&Owner::current()).map_err(|error| Error::internal(error.to_string()))?;
                file.rewind()
                    .and_then(|()| file.set_len(0))
                    .and_then(|()| file.write_all(text.as_bytes()))
                    .map_err(failed)?;
                return Ok(FolderLock { path, _file: file });
            }
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Removed while it is still locked, so that nobody else's is. What stays for want of permission is no lock.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn owner_in(file: &mut File) -> Option<Owner> {
    let mut text = Vec::new();
    file.take(OWNER_LIMIT).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn busy(folder: &Path, owner: Option<Owner>) -> Error {
    let whose = owner.map_or_else(|| "another process".to_owned(), |owner| owner.to_string());
    let error = Error::new(Kind::Busy, format!("is being worked in: {whose}")).at(folder.display());
    error.hint("wait until it is done, stop it, or choose another folder with `-o`; a folder is never taken from a command at work")
}

/// Whether an open file is the one at this path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |about: std::fs::Metadata| (about.dev(), about.ino());
    let own = file.metadata().map(place).ok();
    own.is_some() && own == std::fs::metadata(path).map(place).ok()
}

/// Whether an open file is the one at this path: none is removed there while it is open.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_taken_once_and_free_again_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        let error = FolderLock::take(folder.path()).unwrap_err();
        assert_eq!(error.kind(), Kind::Busy);
        assert!(error.to_string().contains(&format!("process {} on ", std::process::id())), "{error}");
        drop(first);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_lock_that_a_killed_process_left_is_none_whatever_it_says() {
        let folder = tempfile::tempdir().unwrap();
        for left in ["", "{", "\0\0", r#"{"pid":1,"host":"elsewhere","since":0}"#] {
            std::fs::write(folder.path().join(LOCK), left).unwrap();
            let lock = FolderLock::take(folder.path()).unwrap();
            let said: Owner = serde_json::from_slice(&std::fs::read(&lock.path).unwrap()).unwrap();
            assert_eq!(said.pid, std::process::id());
        }
    }

    #[test]
    fn of_many_at_once_one_has_the_folder_at_a_time() {
        use std::sync::atomic::{AtomicU32, Ordering};
        let folder = tempfile::tempdir().unwrap();
        let (inside, turns) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let Ok(lock) = FolderLock::take(folder.path()) else { continue };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        turns.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert!(turns.into_inner() > 0);
    }
}
