//! Writing files whole or not at all: a temporary file in the same folder, fsync, rename.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Writes `bytes` to `path`, replacing what was there; an interrupted or failed write leaves the old file as it was.
///
/// # Errors
/// [`crate::error::Kind::Output`] if the folder is missing or not writable, or the disk is full.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomic_with(path, |out| out.write_all(bytes))
}

/// Like [`write_atomic`], for content that is streamed: `fill` is given a buffered writer.
///
/// # Errors
/// [`crate::error::Kind::Output`] as for [`write_atomic`], or with the error that `fill` returned; nothing is left behind then.
pub fn write_atomic_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    replace(path, fill, true).map_err(|error| Error::writing(path, &error))
}

/// Like [`write_atomic`], but without waiting for the disk, for what can be made again: after a power cut the file may be there
/// with other content, so whoever reads it must check what it reads.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_atomic_unsynced(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, |out| out.write_all(bytes), false).map_err(|error| Error::writing(path, &error))
}

/// Makes `path` and the folders above it.
///
/// # Errors
/// [`crate::error::Kind::Output`] if a folder cannot be made.
pub fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| Error::writing(path, &error))
}

/// Whether a file of this name is one that [`write_atomic`] and its kin fill; one that stays was left by a process that was killed.
pub fn is_partial(name: &str) -> bool {
    name.starts_with(PARTIAL.0) && name.ends_with(PARTIAL.1)
}

/// Beginning and end of the names of temporary files.
const PARTIAL: (&str, &str) = (".netdissect-", ".partial");

fn replace(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>, sync: bool) -> io::Result<()> {
    let folder = folder_of(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(PARTIAL.0).suffix(PARTIAL.1);
    // Temporary files are private by default; results are meant to be shared, as far as the umask allows.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(&folder)?;
    let mut out = BufWriter::new(file.as_file_mut());
    fill(&mut out)?;
    out.flush()?;
    drop(out);
    if sync {
        file.as_file().sync_all()?;
    }
    file.persist(path).map_err(|failure| failure.error)?;
    if sync { sync_folder(&folder) } else { Ok(()) }
}

/// The folder that holds `path`; a bare name lives in the current one.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Makes the rename itself durable. Only Unix lets a folder be opened for that.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// The folder for what can be made again: `NETDISSECT_CACHE_DIR`, else the system's folder for caches.
pub fn cache_dir() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    match std::env::var_os("NETDISSECT_CACHE_DIR") {
        Some(dir) if !dir.is_empty() => Some(PathBuf::from(dir)),
        _ => etcetera::choose_base_strategy().ok().map(|strategy| strategy.cache_dir().join("netdissect")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_write_replaces_the_file_and_leaves_no_temporary() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn a_failed_write_keeps_the_old_file_and_leaves_no_temporary() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomic(&path, b"old").unwrap();
        let error = write_atomic_with(&path, |out| {
            out.write_all(b"half of the new")?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert_eq!(error.kind(), Kind::Output);
        assert!(error.advice().unwrap().contains("free some space"), "{:?}", error.advice());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no/such/a.json");
        let error = write_atomic(&path, b"x").unwrap_err();
        assert_eq!(error.kind(), Kind::Output);
        assert!(error.to_string().contains("a.json"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_written_file_is_not_private_to_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("plain");
        fs::write(&plain, b"x").unwrap();
        let atomic = folder.path().join("atomic");
        write_atomic(&atomic, b"x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&atomic), mode(&plain));
    }
}
