//! Patterns of paths such as `shots/*.png`, for shells that leave them as they are.

use std::path::{Component, Path, PathBuf};

use super::search::is_hidden;
use crate::error::Result;
use crate::files;

/// Whether a path reads as a pattern: it holds `*`, `?` or `[`.
pub(super) fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// What a pattern stands for, sorted: `*` any letters, `?` one, `[a-z]` one of these, `**` any folders. None of them stands for the dot
/// of hidden files, nor crosses a `/`.
///
/// # Errors
/// [`crate::error::Kind::Input`] if a folder on the way cannot be read.
pub(super) fn expand(pattern: &Path) -> Result<Vec<PathBuf>> {
    let mut reached = vec![PathBuf::new()];
    for part in pattern.components() {
        let mut next = Vec::new();
        for place in reached {
            match part {
                Component::Normal(name) if name == "**" => folders_below(place, &mut next)?,
                Component::Normal(name) if is_pattern(Path::new(name)) => {
                    matching(&place, &name.to_string_lossy(), &mut next)?;
                }
                _ => next.push(place.join(part)),
            }
        }
        reached = next;
    }
    reached.retain(|path| files::exists(path));
    reached.sort();
    reached.dedup();
    Ok(reached)
}

/// Names in a folder; an empty path is the current one.
fn names(folder: &Path) -> Result<Vec<String>> {
    let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if !files::is_folder(place) {
        return Ok(Vec::new());
    }
    files::list(place)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn matching(folder: &Path, pattern: &str, into: &mut Vec<PathBuf>) -> Result<()> {
    let letters: Vec<char> = pattern.chars().collect();
    let fits = |name: &String| {
        (pattern.starts_with('.') || !is_hidden(name)) && fits(&letters, &name.chars().collect::<Vec<_>>())
    };
    into.extend(names(folder)?.iter().filter(|name| fits(name)).map(|name| folder.join(name)));
    Ok(())
}

/// The folder and all below it. Links are not followed: they may lead in circles.
fn folders_below(folder: PathBuf, into: &mut Vec<PathBuf>) -> Result<()> {
    let mut open = vec![folder];
    while let Some(folder) = open.pop() {
        for name in names(&folder)?.iter().filter(|name| !is_hidden(name)) {
            let below = folder.join(name);
            if files::about_unfollowed(&below)?.is_dir() {
                open.push(below);
            }
        }
        into.push(folder);
    }
    Ok(())
}

/// Whether a name is of a pattern, letter by letter: of the last `*` it is remembered how much it stood for, so that the work is at
/// most the product of both lengths.
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut letter) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while letter < name.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, letter));
            at += 1;
        } else if let Some(length) = one(&pattern[at..], name[letter]) {
            at += length;
            letter += 1;
        } else if let Some((place, stood)) = star {
            (at, letter) = (place + 1, stood + 1);
            star = Some((place, stood + 1));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|&rest| rest == '*')
}

/// How much of the pattern stands for this letter; none if it stands for another.
fn one(pattern: &[char], letter: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => match pattern.iter().skip(2).position(|&end| end == ']') {
            Some(end) => is_among(&pattern[1..end + 2], letter).then_some(end + 3),
            None => (letter == '[').then_some(1),
        },
        &other => (other == letter).then_some(1),
    }
}

/// Whether a letter is one of a set such as `a-z_`, or of `!a-z`, all others.
fn is_among(set: &[char], letter: char) -> bool {
    let (negated, set) = match set {
        ['!' | '^', rest @ ..] if !rest.is_empty() => (true, rest),
        all => (false, all),
    };
    let mut at = 0;
    let mut among = false;
    while at < set.len() {
        let last = if at + 2 < set.len() && set[at + 1] == '-' { at + 2 } else { at };
        among |= (set[at]..=set[last]).contains(&letter);
        at = last + 1;
    }
    among != negated
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn letters_fit_as_shells_say() {
        for (pattern, name, want) in [
            ("*.png", "a.png", true),
            ("*.png", "a.jpg", false),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbXb", false),
            ("?.png", "ä.png", true),
            ("?.png", "ab.png", false),
            ("[a-c1].png", "b.png", true),
            ("[a-c1].png", "d.png", false),
            ("[!a-c].png", "d.png", true),
            ("[]].png", "].png", true),
            ("[a", "[a", true),
            ("**", "anything", true),
            ("", "", true),
            ("a", "", false),
        ] {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(fits(&letters(pattern), &letters(name)), want, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_stands_for_files_and_folders_in_order_and_for_nothing_hidden() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b/2.png", "b/1.png", "b/.3.png", "a/x/4.png", "a/5.jpg", "6.png", ".h/7.png"] {
            fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
            fs::write(dir.path().join(name), "").unwrap();
        }
        let expanded = |pattern: &str| -> Vec<String> {
            let found = expand(&dir.path().join(pattern)).unwrap();
            found.iter().map(|path| path.strip_prefix(dir.path()).unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(expanded("*/*.png"), ["b/1.png", "b/2.png"]);
        assert_eq!(expanded("**/*.png"), ["6.png", "a/x/4.png", "b/1.png", "b/2.png"]);
        assert_eq!(expanded("[ab]"), ["a", "b"]);
        assert_eq!(expanded("*/x"), ["a/x"]);
        assert_eq!(expanded(".h/*"), [".h/7.png"]);
        assert_eq!(expanded("none*"), [""; 0]);
    }
}
