//! Lists of pictures: a path a line, or a path and its class.

use std::path::{Component, Path};

use super::search::Found;
use crate::error::{Error, Result};
use crate::files;

/// Lines that are read: more than any published set of pictures has. Each is looked for at several places.
const LINES_MAX: usize = 4_000_000;

/// The pictures of a list, sorted by path; those that are not there as well, so that whoever reads them can name them.
///
/// Paths are relative to the list's own folder, also where they begin with `/` and nothing lies there. A line that is the path of a file
/// is that path, spaces and all; else its last word is the class.
///
/// # Errors
/// [`crate::error::Kind::Input`] if the list cannot be read, is no text, lists nothing, or nothing that it lists is there.
pub(super) fn read(list: &Path) -> Result<Vec<Found>> {
    let text = files::read_to_string(list).map_err(|error| error.hint("a list is text: one path a line"))?;
    let folder = list.parent().unwrap_or(Path::new(""));
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|line| !line.is_empty());
    let count = lines.clone().take(LINES_MAX + 1).count();
    if count > LINES_MAX {
        let message = format!("lists more than {LINES_MAX} images; at most so many are read");
        return Err(Error::input(message).at(list.display()).hint("list a part of them"));
    }
    let entries: Vec<(bool, Found)> = lines.map(|line| entry(folder, line)).collect();
    let Some((_, first)) = entries.first() else {
        return Err(Error::input("lists no image; needs one path a line").at(list.display()));
    };
    if !entries.iter().any(|(is_there, _)| *is_there) {
        let message = format!("none of {} listed files is there; the first is `{}`", entries.len(), first.name);
        return Err(Error::input(message).at(list.display()).hint(whereabouts(folder, &first.name)));
    }
    let mut found: Vec<Found> = entries.into_iter().map(|(_, found)| found).collect();
    found.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    Ok(found)
}

/// What a line means, and whether that file is there.
fn entry(folder: &Path, line: &str) -> (bool, Found) {
    let words =
        line.rsplit_once([' ', '\t', ',']).map(|(path, label)| (path.trim_end_matches([' ', '\t', ',']), label));
    for (path, label) in [Some((line, None)), words.map(|(path, label)| (path, Some(label)))].into_iter().flatten() {
        let forward = path.replace('\\', "/");
        let relative = path.trim_start_matches('/');
        for written in [path, relative, &forward] {
            let place = folder.join(written);
            if files::is_file(&place) {
                return (true, Found { name: slashed(written), path: place, label: label.map(str::to_owned) });
            }
        }
    }
    // Nothing is there: a number at the end is more likely a class than a part of the name.
    let (path, label) = match words {
        Some((path, label)) if label.bytes().all(|byte| byte.is_ascii_digit()) => (path, Some(label.to_owned())),
        _ => (line, None),
    };
    (false, Found { name: slashed(path), path: folder.join(path), label })
}

/// Where the files of a list may be instead.
fn whereabouts(folder: &Path, first: &str) -> String {
    let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let below = files::list(place).into_iter().flatten().flatten().map(|entry| entry.path());
    let holding = below.filter(|path| files::is_file(&path.join(first.trim_start_matches('/')))).min();
    match holding {
        Some(holding) => format!(
            "paths are relative to the list's own folder; `{first}` lies in {}: put the list there",
            holding.display()
        ),
        None => "paths are relative to the list's own folder: put the list into the folder of the images".to_owned(),
    }
}

/// The path with `/` between its parts and without `.` parts, whatever the system writes.
pub(super) fn slashed(path: impl AsRef<Path>) -> String {
    let path: &Path = path.as_ref();
    let parts: Vec<_> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            Component::ParentDir => Some("..".to_owned()),
            Component::Prefix(prefix) => Some(prefix.as_os_str().to_string_lossy().into_owned()),
            Component::RootDir | Component::CurDir => None,
        })
        .collect();
    let joined = parts.join("/");
    if path.has_root() { format!("/{joined}") } else { joined }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder(files: &[&str], list: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name.as_bytes()).unwrap();
        }
        fs::write(dir.path().join("list.txt"), list).unwrap();
        dir
    }

    fn read_in(dir: &tempfile::TempDir) -> Result<Vec<(String, Option<String>)>> {
        let found = read(&dir.path().join("list.txt"))?;
        Ok(found.into_iter().map(|found| (found.name, found.label)).collect())
    }

    fn row(name: &str, label: &str) -> (String, Option<String>) {
        (name.to_owned(), (!label.is_empty()).then(|| label.to_owned()))
    }

    #[test]
    fn paths_are_relative_to_the_list_and_come_sorted() {
        let dir = folder(&["own.png", "lower/1.jpg"], "\u{feff}./own.png\r\n\r\nlower/1.jpg\n");
        assert_eq!(read_in(&dir).unwrap(), [row("own.png", ""), row("lower/1.jpg", "")]);
        let paths = read(&dir.path().join("list.txt")).unwrap();
        assert!(paths.iter().all(|found| found.path.is_file()));
    }

    #[test]
    fn a_class_follows_the_path_and_a_file_with_spaces_is_one_path() {
        let files = ["a.jpg", "b c.jpg", "b c.jpg 3", "d/e.jpg"];
        let dir = folder(&files, "a.jpg 7\nb c.jpg  12\nb c.jpg 3\n/d/e.jpg\tairfield\nmissing.jpg 5\nlost one.jpg\n");
        let want = [
            row("a.jpg", "7"),
            row("b c.jpg", "12"),
            row("b c.jpg 3", ""),
            row("d/e.jpg", "airfield"),
            row("lost one.jpg", ""),
            row("missing.jpg", "5"),
        ];
        assert_eq!(read_in(&dir).unwrap(), want);
        let dir = folder(&["a/b.jpg"], "a\\b.jpg,4\n");
        assert_eq!(read_in(&dir).unwrap(), [row("a/b.jpg", "4")]);
    }

    #[test]
    fn a_list_without_any_file_is_an_error_that_says_where_they_lie() {
        let error = read_in(&folder(&["val/1.jpg"], "1.jpg 7\n2.jpg 8\n")).unwrap_err();
        assert!(error.to_string().ends_with("none of 2 listed files is there; the first is `1.jpg`"), "{error}");
        assert!(error.advice().unwrap().ends_with("val: put the list there"), "{error:?}");
        let error = read_in(&folder(&[], "\n \n")).unwrap_err().to_string();
        assert!(error.ends_with("list.txt: lists no image; needs one path a line"), "{error}");
        let dir = folder(&[], "");
        fs::write(dir.path().join("list.txt"), b"a.jpg\n\xff\xfe.jpg\n").unwrap();
        assert!(read_in(&dir).unwrap_err().to_string().ends_with("line 2 is not UTF-8 text"));
        fs::write(dir.path().join("list.txt"), "a\n".repeat(LINES_MAX + 1)).unwrap();
        assert!(
            read_in(&dir)
                .unwrap_err()
                .to_string()
                .ends_with("lists more than 4000000 images; at most so many are read")
        );
    }
}
