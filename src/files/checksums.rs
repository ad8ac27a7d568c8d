//! The files of finished work with the SHA-256 of each, in a list beside its result: `report.sha256` beside `report.json`. It is
//! written last, in the form that `sha256sum --check` reads, and says that the work is done; whoever reads a result checks it.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;

use super::{TEXT_LIMIT, exists, is_working, list, read, read_bounded, remove_if_there, sha256, write_atomic};
use crate::error::{Error, Result};
use crate::hash;

/// The list of a folder of results.
#[derive(Debug)]
pub(crate) struct Checksums {
    folder: PathBuf,
    list: PathBuf,
    /// By path below the folder, with `/`. None where there is no list: the work is unfinished, or of a version that kept none.
    sums: Option<BTreeMap<String, String>>,
}

/// What became of a file that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    /// It is gone, or cannot be read.
    Missing,
    /// It holds other bytes.
    Changed,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Damage::Missing => "is missing",
            Damage::Changed => "is not as it was written",
        })
    }
}

impl Checksums {
    /// The list beside a result.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`], with its path, if it cannot be read or is none.
    pub(crate) fn beside(result: &Path) -> Result<Checksums> {
        let mut known = Checksums::place(result);
        if exists(&known.list) {
            let text = String::from_utf8(read_bounded(&known.list, TEXT_LIMIT)?).unwrap_or_default();
            known.sums = Some(parse(&text).map_err(|error| error.at(known.list.display()).hint(REPAIR))?);
        }
        Ok(known)
    }

    /// Whether there is a list.
    pub(crate) fn is_there(&self) -> bool {
        self.sums.is_some()
    }

    /// The bytes of a file, by its path below the folder; without a list, as they are.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`], with its path, if it cannot be read, is not listed, or is not as it was written.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.folder.join(name);
        let bytes = read(&path)?;
        let Some(sums) = &self.sums else { return Ok(bytes) };
        match sums.get(name) {
            Some(sum) if *sum == hash::sha256(&bytes) => Ok(bytes),
            Some(_) => Err(self.damaged_error(name, Damage::Changed)),
            None => {
                Err(Error::input(format!("is not listed in {}", self.list.display())).at(path.display()).hint(REPAIR))
            }
        }
    }

    /// Checks those files whose path below the folder is `wanted`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`], with its path, for the first that is missing or not as it was written.
    pub(crate) fn check(&self, wanted: impl Fn(&str) -> bool + Sync) -> Result<()> {
        match self.damaged(wanted).into_iter().next() {
            Some((name, damage)) => Err(self.damaged_error(&name, damage)),
            None => Ok(()),
        }
    }

    /// Files that are `wanted` and missing or not as they were written, in order. All of them are read.
    pub(crate) fn damaged(&self, wanted: impl Fn(&str) -> bool + Sync) -> Vec<(String, Damage)> {
        let sums: Vec<(&String, &String)> = self.sums.iter().flatten().collect();
        let damage = |(name, sum): &(&String, &String)| {
            let damage = match sha256(&self.folder.join(name)) {
                Err(_) => Damage::Missing,
                Ok(found) if hash::hexadecimal(found) != **sum => Damage::Changed,
                Ok(_) => return None,
            };
            Some(((*name).clone(), damage))
        };
        sums.par_iter().filter(|(name, _)| wanted(name)).filter_map(damage).collect()
    }

    fn damaged_error(&self, name: &str, damage: Damage) -> Error {
        Error::input(format!("{damage} ({})", self.list.display())).at(self.folder.join(name).display()).hint(REPAIR)
    }

    /// Lists what lies in the folder of a result under names that `owns` takes for its own, at the top or in folders there.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if a file cannot be read; [`crate::error::Kind::Output`] if the list cannot be written.
    pub(crate) fn write(result: &Path, owns: impl Fn(&str) -> bool) -> Result<()> {
        let found = Checksums::place(result);
        let mut names = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(below) = folders.pop() {
            for entry in list(&found.folder.join(&below))? {
                let entry = entry?;
                let path = entry.path();
                // Names that are no text are none of ours.
                let Ok(name) = entry.file_name().into_string() else { continue };
                if is_working(&name) || path == found.list || below.is_empty() && !owns(&name) {
                    continue;
                }
                let name = if below.is_empty() { name } else { format!("{below}/{name}") };
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(name),
                    Ok(kind) if kind.is_file() => names.push(name),
                    _ => {}
                }
            }
        }
        names.sort();
        let sum = |name: &String| Ok(line(name, &hash::hexadecimal(sha256(&found.folder.join(name))?)));
        let lines: Vec<String> = names.par_iter().map(sum).collect::<Result<_>>()?;
        write_atomic(&found.list, lines.concat().as_bytes())
    }

    /// Where the list stands that is beside a result, unread.
    fn place(result: &Path) -> Checksums {
        let (folder, list) = (result.parent().unwrap_or(Path::new("")).to_owned(), result.with_extension("sha256"));
        Checksums { folder, list, sums: None }
    }

    /// Removes the list beside a result: the work is not done any more.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if it may not be removed.
    pub(crate) fn remove_list(result: &Path) -> Result<()> {
        remove_if_there(&Checksums::place(result).list)
    }

    /// Removes the list beside a result and every file that it names.
    ///
    /// # Errors
    /// As [`Checksums::beside`]; [`crate::error::Kind::Output`] if one may not be removed.
    pub(crate) fn remove_all(result: &Path) -> Result<()> {
        // A list that is damaged names nothing that may be removed.
        let sums = Checksums::beside(result).ok().and_then(|known| known.sums).unwrap_or_default();
        Checksums::remove_list(result)?;
        let folder = result.parent().unwrap_or(Path::new(""));
        sums.keys().try_for_each(|name| remove_if_there(&folder.join(name)))
    }
}

const REPAIR: &str = "run the command that wrote the folder again: it makes what is missing or damaged again";

/// A line of a list. As `sha256sum` does, a name with a backslash or a line break is written in one line, which then begins with one.
fn line(name: &str, sum: &str) -> String {
    match name.contains(['\\', '\n', '\r']) {
        false => format!("{sum}  {name}\n"),
        true => format!("\\{sum}  {}\n", name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")),
    }
}

/// Reads a list.
fn parse(text: &str) -> Result<BTreeMap<String, String>> {
    let strange =
        |number: usize| Error::input(format!("line {} is not a SHA-256 and a path below the folder", number + 1));
    if !text.ends_with('\n') {
        return Err(Error::input("is not whole"));
    }
    let entry = |(number, line): (usize, &str)| {
        let (escaped, line) = line.strip_prefix('\\').map_or((false, line), |line| (true, line));
        let (sum, name) = line.split_once("  ").ok_or_else(|| strange(number))?;
        let name = if escaped { unescape(name).ok_or_else(|| strange(number))? } else { name.to_owned() };
        let inside = Path::new(&name).components().all(|part| matches!(part, Component::Normal(_)));
        let is_sum = sum.len() == 64 && sum.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_sum && inside && !name.is_empty() { Ok((name, sum.to_owned())) } else { Err(strange(number)) }
    };
    let entries = text.lines().enumerate().map(entry).collect::<Result<Vec<_>>>()?;
    let (count, sums) = (entries.len(), entries.into_iter().collect::<BTreeMap<_, _>>());
    if sums.len() == count { Ok(sums) } else { Err(Error::input("names a file twice")) }
}

fn unescape(name: &str) -> Option<String> {
    let (mut plain, mut letters) = (String::new(), name.chars());
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            letter => letter,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of results whose list is written, with a file that is not theirs.
    fn results() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("layer/strips")).unwrap();
        for name in [
            "report.json",
            "layer/tally",
            "layer/strips/0.jpg",
            "layer/a\\b\nc",
            "notes.txt",
            "layer/.netdissect-1-x.partial",
        ] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        Checksums::write(&folder.path().join("report.json"), |name| name != "notes.txt").unwrap();
        folder
    }

    fn known(folder: &tempfile::TempDir) -> Result<Checksums> {
        Checksums::beside(&folder.path().join("report.json"))
    }

    #[test]
    fn every_file_of_ours_is_listed_and_read_as_it_was_written() {
        let folder = results();
        let known = known(&folder).unwrap();
        let names: Vec<&String> = known.sums.as_ref().unwrap().keys().collect();
        assert_eq!(names, ["layer/a\\b\nc", "layer/strips/0.jpg", "layer/tally", "report.json"]);
        assert_eq!(known.damaged(|_| true), []);
        assert_eq!(known.read("layer/tally").unwrap(), b"layer/tally");
        assert!(known.read("notes.txt").unwrap_err().to_string().contains("is not listed"));
    }

    #[test]
    fn a_changed_and_a_missing_file_are_named() {
        let folder = results();
        std::fs::write(folder.path().join("layer/tally"), "layer/talli").unwrap();
        std::fs::remove_file(folder.path().join("report.json")).unwrap();
        let known = known(&folder).unwrap();
        let damaged = [("layer/tally".to_owned(), Damage::Changed), ("report.json".to_owned(), Damage::Missing)];
        assert_eq!(known.damaged(|_| true), damaged);
        assert_eq!(known.damaged(|name| name.ends_with("json")), damaged[1..]);
        let error = known.read("layer/tally").unwrap_err();
        assert!(error.to_string().contains("tally: is not as it was written"), "{error}");
        assert!(error.advice().is_some());
    }

    #[test]
    fn a_list_with_a_flipped_bit_vouches_for_nothing_wrong() {
        let folder = results();
        let path = folder.path().join("report.sha256");
        let whole = std::fs::read(&path).unwrap();
        for place in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            let noticed = match known(&folder) {
                Err(_) => true,
                Ok(known) => ["report.json", "layer/tally", "layer/strips/0.jpg", "layer/a\\b\nc"]
                    .iter()
                    .any(|name| known.read(name).is_err()),
            };
            assert!(noticed, "byte {place}");
        }
        for (text, word) in [("", "not whole"), ("ab  x\n", "line 1"), ("\0", "not whole")] {
            std::fs::write(&path, text).unwrap();
            assert!(known(&folder).unwrap_err().to_string().contains(word), "{text:?}");
        }
    }

    #[test]
    fn a_list_leads_nowhere_else() {
        let sum = "0".repeat(64);
        for name in ["../a", "/etc/passwd", "a/../../b", "", "./"] {
            assert!(parse(&format!("{sum}  {name}\n")).is_err(), "{name:?}");
        }
        assert!(parse(&format!("{sum}  a\n{sum}  a\n")).is_err());
    }

    #[test]
    fn removing_takes_what_is_listed_and_nothing_else() {
        let folder = results();
        Checksums::remove_all(&folder.path().join("report.json")).unwrap();
        assert!(folder.path().join("notes.txt").exists());
        assert!(!folder.path().join("report.json").exists() && !folder.path().join("layer/tally").exists());
        assert!(!known(&folder).unwrap().is_there());
        Checksums::remove_all(&folder.path().join("report.json")).unwrap();
    }
}
