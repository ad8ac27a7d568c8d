//! The pictures below a folder, and what lies there besides.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::format::{self, Format};
use crate::error::{Error, Result};
use crate::files;

/// Folders that systems keep beside people's files. Like all that begins with a dot they hold copies, previews and what was thrown
/// away.
const SYSTEM_FOLDERS: [&str; 6] =
    ["__MACOSX", "@eaDir", "@Recycle", "#recycle", "$RECYCLE.BIN", "System Volume Information"];

/// How many kinds of files are named in words; the rest is summed up.
const NAMED: usize = 6;

/// What was found where pictures were looked for, and is not used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Pictures that are hidden or lie in hidden folders, such as previews and resource forks.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hidden: u64,
    /// Pictures that were named more than once: each counts once.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub doubled: u64,
    /// Files that are no pictures of a format that is read, by their ending.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, u64>,
    /// Lists beside a folder that are called like it. A folder is all that it holds, so they are not used unless they are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<PathBuf>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl LeftOut {
    /// Whether all was used.
    pub fn is_empty(&self) -> bool {
        *self == LeftOut::default()
    }

    /// Adds what was left out elsewhere.
    pub fn merge(&mut self, other: LeftOut) {
        self.hidden += other.hidden;
        self.doubled += other.doubled;
        self.lists.extend(other.lists);
        for (ending, count) in other.others {
            *self.others.entry(ending).or_default() += count;
        }
    }

    /// Counts a file that is no picture.
    pub(super) fn count(&mut self, name: &str) {
        let ending = Path::new(name).extension().map_or_else(
            || "without ending".to_owned(),
            |ending| format!(".{}", ending.to_string_lossy().to_ascii_lowercase()),
        );
        *self.others.entry(ending).or_default() += 1;
    }
}

/// `12 .heic, 3 .tif, 4 hidden pictures`; empty where nothing was left out.
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kinds: Vec<(&String, u64)> = self.others.iter().map(|(ending, &count)| (ending, count)).collect();
        kinds.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        let mut said: Vec<String> =
            kinds.iter().take(NAMED).map(|(ending, count)| format!("{count} {ending}")).collect();
        let rest = kinds.iter().skip(NAMED).map(|(_, count)| count).sum::<u64>();
        if rest > 0 {
            said.push(format!("{rest} of {} other kinds", kinds.len() - NAMED));
        }
        for (count, one, more) in [
            (self.hidden, "hidden picture", "hidden pictures"),
            (self.doubled, "picture named again", "pictures named again"),
        ] {
            if count > 0 {
                said.push(format!("{count} {}", if count == 1 { one } else { more }));
            }
        }
        said.extend(self.lists.iter().map(|list| format!("the list {}", list.display())));
        f.write_str(&said.join(", "))
    }
}

/// A picture that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Path relative to what was searched, with `/`.
    pub(super) name: String,
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its class, where a list gives one.
    pub(super) label: Option<String>,
}

/// Every picture below `root`, by folder and then by file name. Python compares whole folder paths as strings, so `a-b` comes before
/// `a/c`. Links to folders are not followed.
pub(super) fn walk(root: &Path, left_out: &mut LeftOut) -> Result<Vec<Found>> {
    let mut found: Vec<(String, String, PathBuf)> = Vec::new();
    let mut folders = vec![(String::new(), root.to_path_buf(), false)];
    while let Some((relative, folder, hidden)) = folders.pop() {
        let failed = |error: std::io::Error| Error::reading(&folder, &error);
        for entry in files::list(&folder)? {
            let entry = entry?;
            let file_name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            let hidden = hidden || is_hidden(&file_name);
            // The type of the entry itself: a link to a folder is not a folder here, so there are no endless circles.
            if entry.file_type().map_err(failed)?.is_dir() {
                folders.push((join(&relative, &file_name), path, hidden));
            } else if hidden {
                left_out.hidden += u64::from(Format::of_ending(&path).is_some());
            } else if is_picture(&path) {
                found.push((relative.clone(), file_name, path));
            } else if !is_of_system(&file_name) {
                left_out.count(&file_name);
            }
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(folder, file, path)| Found { name: join(&folder, &file), path, label: None }).collect())
}

/// Whether people see neither the file nor what the folder holds.
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || SYSTEM_FOLDERS.contains(&name)
}

/// What systems write into every folder.
fn is_of_system(name: &str) -> bool {
    ["thumbs.db", "desktop.ini"].contains(&name.to_ascii_lowercase().as_str())
}

/// Whether a file is a picture: by its ending, or, where that says nothing, by how its content begins.
pub(super) fn is_picture(path: &Path) -> bool {
    match Format::of_ending(path) {
        Some(_) => !files::is_folder(path),
        None => format::head(path).is_ok_and(|head| Format::signed(&head).is_some()),
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name.as_bytes()).unwrap();
        }
        dir
    }

    fn found(dir: &tempfile::TempDir) -> (Vec<String>, LeftOut) {
        let mut left_out = LeftOut::default();
        let found = walk(dir.path(), &mut left_out).unwrap();
        (found.into_iter().map(|found| found.name).collect(), left_out)
    }

    #[test]
    fn a_tree_is_listed_by_folder_path_and_then_by_file_name() {
        let names =
            ["b/2.JPG", "b/10.png", "a/c/x.webp", "a/z.jpeg", "a-b/y.bmp", "top.gif", "B/q.jpg", "b/p.ppm", "b/g.pgm"];
        let (found, left_out) = found(&folder(&names));
        let want =
            ["top.gif", "B/q.jpg", "a/z.jpeg", "a-b/y.bmp", "a/c/x.webp", "b/10.png", "b/2.JPG", "b/g.pgm", "b/p.ppm"];
        assert_eq!((found, left_out), (want.map(str::to_owned).to_vec(), LeftOut::default()));
    }

    #[test]
    fn what_is_hidden_is_counted_and_what_systems_leave_behind_is_not() {
        let dir = folder(&[
            "a/1.png",
            "a/._1.png",
            "a/.cache/deep/2.png",
            "a/@eaDir/1.png/THUMB.jpg",
            "__MACOSX/a/._1.png",
            "a/Thumbs.db",
            ".DS_Store",
            "a/.notes.txt",
        ]);
        let (found, left_out) = found(&dir);
        assert_eq!(found, ["a/1.png"]);
        assert_eq!(left_out, LeftOut { hidden: 4, ..LeftOut::default() });
        assert_eq!(left_out.to_string(), "4 hidden pictures");
    }

    #[test]
    fn a_hidden_folder_that_is_named_is_searched() {
        let dir = folder(&[".own/1.png"]);
        assert_eq!(walk(&dir.path().join(".own"), &mut LeftOut::default()).unwrap().len(), 1);
    }

    #[test]
    fn other_kinds_are_counted_by_their_ending_the_most_frequent_first() {
        let dir = folder(&["1.heic", "2.HEIC", "3.tif", "4.mp4", "README", "a.png"]);
        let (_, left_out) = found(&dir);
        assert_eq!(left_out.to_string(), "2 .heic, 1 .mp4, 1 .tif, 1 without ending");
        let many = LeftOut { others: (0..9).map(|kind| (format!(".{kind}"), 1)).collect(), ..LeftOut::default() };
        assert!(many.to_string().ends_with("1 .5, 3 of 3 other kinds"), "{many}");
    }

    #[test]
    fn content_tells_a_picture_where_the_ending_says_nothing() {
        let dir = folder(&["a", "b.jpg_large", "c.txt"]);
        fs::write(dir.path().join("a"), b"\xff\xd8\xff\xe0 and more").unwrap();
        fs::write(dir.path().join("b.jpg_large"), b"\x89PNG\r\n\x1a\n and more").unwrap();
        assert_eq!(found(&dir).0, ["a", "b.jpg_large"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_folder_is_not_followed_so_circles_end() {
        let dir = folder(&["a/1.jpg"]);
        std::os::unix::fs::symlink(dir.path(), dir.path().join("a/loop")).unwrap();
        assert_eq!(found(&dir).0, ["a/1.jpg"]);
    }
}
