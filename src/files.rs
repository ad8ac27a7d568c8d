//! The one door to the disk. Whatever the crate reads, lists, writes or removes goes through here, so that every error names its
//! path and every result is written whole or not at all (a temporary file in the same folder, fsync, rename).
//!
//! `clippy.toml` holds it: the calls that this file wraps are refused everywhere else.

#![allow(clippy::disallowed_methods, reason = "this is the door that the others have to take")]

pub(crate) mod checksums;
pub(crate) mod lock;
mod owner;

use std::collections::BTreeSet;
use std::fs::{self, DirEntry, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use memmap2::Mmap;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// A text of more bytes than this was not written for this program.
pub(crate) const TEXT_LIMIT: u64 = 256 << 20;

/// The whole file.
///
/// # Errors
/// [`crate::error::Kind::Input`], with the path, if it cannot be read or is no plain file; so do all functions here that read.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    read_bounded(path, u64::MAX)
}

/// The whole file as text: tables, lists, descriptions. Of a file beyond [`TEXT_LIMIT`] nothing is read.
///
/// # Errors
/// As [`read`], or if it is too large or not UTF-8.
pub(crate) fn read_to_string(path: &Path) -> Result<String> {
    read_text_bounded(path, TEXT_LIMIT)
}

/// As [`read_to_string`], of a file of at most `limit` bytes.
///
/// # Errors
/// As [`read_to_string`].
pub(crate) fn read_text_bounded(path: &Path, limit: u64) -> Result<String> {
    let text = String::from_utf8(read_bounded(path, limit)?).map_err(|error| {
        let known = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..known].iter().filter(|&&byte| byte == b'\n').count() + 1;
        Error::input(format!("line {line} is not UTF-8 text")).at(path.display())
    })?;
    Ok(text)
}

/// Reads a plain file of at most `limit` bytes; a device or a growing file cannot fill the memory.
///
/// # Errors
/// As [`read`], or if it is too large.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = open_bounded(path, limit)?;
    // One more than may be: a file that grew since is not taken for whole.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| Error::reading(path, &error))?;
    if bytes.len() as u64 > limit {
        return Err(Error::input(format!("grew beyond the {limit} bytes that are read")).at(path.display()));
    }
    Ok(bytes)
}

/// Opens a plain file of at most `limit` bytes for reading.
///
/// # Errors
/// As [`open`], or if it is too large.
pub(crate) fn open_bounded(path: &Path, limit: u64) -> Result<File> {
    let file = open(path)?;
    let size = file.metadata().map_err(|error| Error::reading(path, &error))?.len();
    if size > limit {
        return Err(Error::input(format!("is {size} bytes; at most {limit} are read")).at(path.display()));
    }
    Ok(file)
}

/// Opens a plain file for reading. What is none is refused before it is opened: a pipe would wait for somebody to write, and a device
/// may never end.
///
/// # Errors
/// As [`read`].
pub(crate) fn open(path: &Path) -> Result<File> {
    let found = about(path)?.file_type();
    if !found.is_file() {
        return Err(Error::input(format!("is {}; needs a plain file", in_words(found))).at(path.display()));
    }
    File::open(path).map_err(|error| Error::reading(path, &error))
}

/// What lies there if it is no plain file.
#[cfg(unix)]
fn in_words(found: fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match found {
        _ if found.is_dir() => "a folder",
        _ if found.is_fifo() => "a pipe",
        _ if found.is_socket() => "a socket",
        _ => "a device",
    }
}

/// What lies there if it is no plain file.
#[cfg(not(unix))]
fn in_words(found: fs::FileType) -> &'static str {
    if found.is_dir() { "a folder" } else { "a device" }
}

/// SHA-256 of a plain file's content, read piece by piece.
///
/// # Errors
/// As [`read`].
pub(crate) fn sha256(path: &Path) -> Result<[u8; 32]> {
    let failed = |error: io::Error| Error::reading(path, &error);
    let (mut file, mut piece, mut hash) = (open(path)?, vec![0; 1 << 16], Sha256::new());
    loop {
        match file.read(&mut piece).map_err(failed)? {
            0 => return Ok(hash.finalize().into()),
            length => hash.update(&piece[..length]),
        }
    }
}

/// Maps a file into memory, read-only and private. Another process that truncates it meanwhile can end this one with SIGBUS, so
/// whoever holds the map must say that to its own callers.
///
/// # Errors
/// As [`read`].
#[expect(unsafe_code, reason = "weights need not fit the memory")]
pub(crate) fn map(path: &Path) -> Result<Mmap> {
    // SAFETY: nothing of ours writes to a file in place. What other processes may do is said above.
    unsafe { Mmap::map(&open(path)?) }.map_err(|error| Error::reading(path, &error))
}

/// What lies at `path`, its size and its times; of a link, what it leads to.
///
/// # Errors
/// As [`read`].
pub(crate) fn about(path: &Path) -> Result<Metadata> {
    fs::metadata(path).map_err(|error| Error::reading(path, &error))
}

/// Like [`about`], but of a link itself: for whoever removes things and must not be led elsewhere.
///
/// # Errors
/// As [`read`].
pub(crate) fn about_unfollowed(path: &Path) -> Result<Metadata> {
    fs::symlink_metadata(path).map_err(|error| Error::reading(path, &error))
}

/// Whether anything is there, as far as one may look.
pub(crate) fn exists(path: &Path) -> bool {
    path.exists()
}

/// Whether a plain file, or a link to one, is there.
pub(crate) fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Whether a folder, or a link to one, is there.
pub(crate) fn is_folder(path: &Path) -> bool {
    path.is_dir()
}

/// What lies in a folder, in no order.
///
/// # Errors
/// As [`read`]; each entry may be an error of its own.
pub(crate) fn list(folder: &Path) -> Result<impl Iterator<Item = Result<DirEntry>>> {
    let failed = move |error: io::Error| Error::reading(folder, &error);
    Ok(fs::read_dir(folder).map_err(failed)?.map(move |entry| entry.map_err(failed)))
}

/// The path without links or dots; what it names must be there.
///
/// # Errors
/// As [`read`].
pub(crate) fn resolve(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|error| Error::reading(path, &error))
}

/// Removes a file.
///
/// # Errors
/// [`crate::error::Kind::Output`] if it is not there or may not be removed.
pub(crate) fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(|error| Error::writing(path, &error))
}

/// Removes a file if it is there.
///
/// # Errors
/// [`crate::error::Kind::Output`] if it may not be removed.
pub(crate) fn remove_if_there(path: &Path) -> Result<()> {
    if exists(path) { remove(path) } else { Ok(()) }
}

/// Removes a folder that is empty.
///
/// # Errors
/// [`crate::error::Kind::Output`] if it is not empty, not there or may not be removed.
pub(crate) fn remove_empty_folder(path: &Path) -> Result<()> {
    fs::remove_dir(path).map_err(|error| Error::writing(path, &error))
}

/// Notes that a file was used at this time, by the time of its last change.
///
/// # Errors
/// [`crate::error::Kind::Output`] if it may not be written.
pub(crate) fn set_modified(path: &Path, time: SystemTime) -> Result<()> {
    let file = OpenOptions::new().append(true).open(path);
    file.and_then(|file| file.set_modified(time)).map_err(|error| Error::writing(path, &error))
}

/// Bytes gathered on disk because they need not fit the memory: a file without a name, which is gone with the value.
#[derive(Debug)]
pub(crate) struct Scratch {
    file: File,
    /// The result that they are for, which errors name.
    result: PathBuf,
}

impl Scratch {
    /// An empty one in the folder of `result`, where there must be room for the result anyway.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if the folder is missing or not writable.
    pub(crate) fn beside(result: &Path) -> Result<Scratch> {
        let file = tempfile::tempfile_in(folder_of(result)).map_err(|error| Error::writing(result, &error))?;
        Ok(Scratch { file, result: result.to_owned() })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if the disk is full.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| Error::writing(&self.result, &error))
    }

    /// All that was appended. It begins at a page, so its bytes lie as numbers must.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if the system cannot map the file.
    #[expect(unsafe_code, reason = "results need not fit the memory")]
    pub(crate) fn map(&self) -> Result<Mmap> {
        // SAFETY: the file has no name; nobody else can change it while it is mapped.
        unsafe { Mmap::map(&self.file) }.map_err(|error| Error::reading(&self.result, &error))
    }
}

/// Writes `bytes` to `path`, replacing what was there; an interrupted or failed write leaves the old file as it was.
///
/// # Errors
/// [`crate::error::Kind::Output`] if the folder is missing or not writable, or the disk is full.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomic_with(path, |out| out.write_all(bytes))
}

/// Like [`write_atomic`], for content that is streamed: `fill` is given a buffered writer.
///
/// # Errors
/// [`crate::error::Kind::Output`] as for [`write_atomic`], or with the error that `fill` returned; nothing is left behind then.
pub(crate) fn write_atomic_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    replace(path, fill, true).map_err(|error| Error::writing(path, &error))
}

/// Like [`write_atomic`], but without waiting for the disk, for what can be made again: after a power cut the file may be there
/// with other content, so whoever reads it must check what it reads.
///
/// # Errors
/// As [`write_atomic`].
pub(crate) fn write_atomic_unsynced(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, |out| out.write_all(bytes), false).map_err(|error| Error::writing(path, &error))
}

/// Makes `path` and the folders above it.
///
/// # Errors
/// [`crate::error::Kind::Output`] if a folder cannot be made.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| Error::writing(path, &error))
}

/// Whether a file of this name is one that [`write_atomic`] and its kin fill; one that stays was left by a process that was killed.
pub(crate) fn is_partial(name: &str) -> bool {
    name.starts_with(PARTIAL.0) && name.ends_with(PARTIAL.1)
}

/// Whether a file of this name only says that work is under way, or was: it is no result.
pub(crate) fn is_working(name: &str) -> bool {
    is_partial(name) || lock::is_lock(name)
}

/// Beginning and end of the names of temporary files; between them stand the process that fills one, a dash and some letters.
const PARTIAL: (&str, &str) = (".netdissect-", ".partial");

/// The process that fills a temporary file of this name.
fn filler(name: &str) -> Option<u32> {
    name.strip_prefix(PARTIAL.0).filter(|_| is_partial(name))?.split_once('-')?.0.parse().ok()
}

/// Removes what processes that ended have left half-written in a folder, the first time that this one writes there.
fn remove_orphans(folder: &Path) {
    static LOOKED_AT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    if !LOOKED_AT.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned()) {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let orphaned = entry.file_name().to_str().and_then(filler).is_some_and(|pid| !owner::is_alive(pid));
        if orphaned && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            // What may not be removed does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn replace(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>, sync: bool) -> io::Result<()> {
    let folder = folder_of(path);
    remove_orphans(&folder);
    let (mut builder, prefix) = (tempfile::Builder::new(), format!("{}{}-", PARTIAL.0, std::process::id()));
    builder.prefix(&prefix).suffix(PARTIAL.1);
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
pub(crate) fn cache_dir() -> Option<PathBuf> {
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

    /// None of them may be waited for: a pipe has no writer here.
    #[cfg(unix)]
    #[test]
    fn what_is_no_plain_file_is_refused_and_named_before_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let made = std::process::Command::new("mkfifo").arg(place("pipe")).status().unwrap();
        assert!(made.success());
        let _socket = std::os::unix::net::UnixListener::bind(place("socket")).unwrap();
        for (path, found) in [
            (place("pipe"), "a pipe"),
            (place("socket"), "a socket"),
            (folder.path().to_owned(), "a folder"),
            (PathBuf::from("/dev/zero"), "a device"),
        ] {
            let says = format!("{}: is {found}; needs a plain file", path.display());
            assert_eq!(read(&path).unwrap_err().to_string(), says);
            assert_eq!(read_to_string(&path).unwrap_err().to_string(), says);
            assert_eq!(sha256(&path).unwrap_err().to_string(), says);
        }
    }

    /// Files of `/proc` say that they are empty, as one does that grows later.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_grew_beyond_the_limit_is_not_cut() {
        let error = read_bounded(Path::new("/proc/self/status"), 10).unwrap_err().to_string();
        assert_eq!(error, "/proc/self/status: grew beyond the 10 bytes that are read");
    }

    #[test]
    fn texts_have_a_limit_and_name_the_line_that_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        File::create(&path).unwrap().set_len(TEXT_LIMIT + 1).unwrap();
        assert!(read_to_string(&path).unwrap_err().to_string().contains("at most 268435456 are read"));
        fs::write(&path, b"a\nb\xff\n").unwrap();
        assert!(read_to_string(&path).unwrap_err().to_string().ends_with("text: line 2 is not UTF-8 text"));
        fs::write(&path, b"abc").unwrap();
        assert_eq!(sha256(&path).unwrap()[..4], [0xba, 0x78, 0x16, 0xbf]);
    }

    #[cfg(unix)]
    #[test]
    fn what_a_killed_process_left_half_written_goes_with_the_next_write_and_that_of_others_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let names = [ended.id(), std::process::id()].map(|pid| format!(".netdissect-{pid}-abc.partial"));
        for name in names.iter().map(String::as_str).chain([".netdissect-abc.partial", ".netdissect-x-1.partial"]) {
            fs::write(folder.path().join(name), "half").unwrap();
        }
        write_atomic(&folder.path().join("a.json"), b"one").unwrap();
        let left = self::names(folder.path());
        assert_eq!(left.len(), 4, "{left:?}");
        assert!(!left.contains(&names[0]) && left.contains(&names[1]));
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
