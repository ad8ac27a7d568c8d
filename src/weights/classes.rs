//! Lists of class names, in the forms in which they are published.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::tensor::quote;
use crate::error::{Error, Result};

/// Class names, in the order of the network's last layer, and what was made of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassList {
    /// One for each class, no two alike.
    pub names: Vec<String>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Bytes of a list that are read: the 21,841 names of the largest ImageNet take one million.
pub(crate) const LIST_BYTES_MAX: u64 = 4 << 20;

/// A name, and the number of its class if the list gives it.
struct Entry {
    number: Option<usize>,
    name: String,
}

/// Reads a list of class names.
///
/// Understood are lines of names; lines as Places has them (`/a/airfield 0`), as ImageNet has them (`n01440764 tench, Tinca tinca`),
/// with a number before or behind (`0 tench`, `tench 0`, `0: tench`, `0,tench`); JSON lists, and JSON or Python dictionaries of
/// number to name, of number to `[wnid, name]`, or of name to number. Numbers put the names into order and must be 0, 1, 2 ...
/// Of several names with commas between them the first is taken. Names that occur more than once get the number of their class:
/// `crane 134`, `crane 517`.
///
/// # Errors
/// [`crate::error::Kind::Input`] if a line is empty, numbers have gaps or are there twice, the text is a damaged JSON or Python
/// dictionary, or the names are not `needed`.
pub fn class_list(text: &str, needed: Option<usize>) -> Result<ClassList> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_end();
    let mut notes = Vec::new();
    let entries = match text.trim_start().as_bytes().first() {
        None => return Err(Error::input("the list is empty; needed class names, one a line")),
        Some(b'{' | b'[') => structured(text)?,
        Some(_) => lines(text)?,
    };
    let mut names = in_order(entries)?;
    if let Some(needed) = needed.filter(|&needed| needed != names.len()) {
        return Err(Error::input(format!("{} class names; the network has {needed} classes", names.len()))
            .hint("the list must be that of the data set the network was trained on, one name for each class"));
    }
    if shorten(&mut names) {
        notes.push("of several names of a class the first is taken".to_owned());
    }
    let doubled = number_doubles(&mut names);
    if !doubled.is_empty() {
        let shown: Vec<String> = doubled.iter().take(4).map(|name| quote(name)).collect();
        let more = if doubled.len() > shown.len() { ", ..." } else { "" };
        notes.push(format!(
            "{} class names occur more than once and got their number: {}{more}",
            doubled.len(),
            shown.join(", ")
        ));
    }
    Ok(ClassList { names, notes })
}

/// Puts numbered names into the order of their numbers.
fn in_order(entries: Vec<Entry>) -> Result<Vec<String>> {
    let count = entries.len();
    let numbered = entries.iter().filter(|entry| entry.number.is_some()).count();
    if numbered < count {
        return Ok(entries.into_iter().map(|entry| entry.name).collect());
    }
    let mut names: Vec<Option<String>> = vec![None; count];
    for Entry { number, name } in entries {
        let number = number.unwrap_or_default();
        match names.get_mut(number) {
            Some(place @ None) => *place = Some(name),
            Some(Some(other)) => {
                let message = format!("class {number} is both {} and {}; needed one name", quote(other), quote(&name));
                return Err(Error::input(message));
            }
            None => {
                let message = format!(
                    "class {number} is {} among {count} names; needed the numbers 0 to {}",
                    quote(&name),
                    count - 1
                );
                return Err(Error::input(message).hint("classes are counted from 0, without gaps"));
            }
        }
    }
    Ok(names.into_iter().flatten().collect())
}

/// Cuts each name at its first comma, if most of a list's names have several words for one class.
fn shorten(names: &mut [String]) -> bool {
    let mut shortened = false;
    for name in names {
        if let Some((first, _)) = name.split_once(", ") {
            *name = first.trim().to_owned();
            shortened = true;
        }
    }
    shortened
}

/// Adds the number of the class to names that occur more than once; returns the names so made.
fn number_doubles(names: &mut [String]) -> Vec<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for name in names.iter() {
        *counts.entry(name.clone()).or_default() += 1;
    }
    let mut taken: HashSet<String> = names.iter().cloned().collect();
    let mut doubled = Vec::new();
    for (number, name) in names.iter_mut().enumerate().filter(|(_, name)| counts[name.as_str()] > 1) {
        let mut numbered = format!("{name} {number}");
        // Another class may be called so already.
        while !taken.insert(numbered.clone()) {
            numbered.push('\'');
        }
        doubled.push(numbered.clone());
        *name = numbered;
    }
    doubled
}

/// Names one a line.
fn lines(text: &str) -> Result<Vec<Entry>> {
    entries(&text.lines().map(str::trim).collect::<Vec<_>>())
}

/// Names with what lists put around them taken off, where every one has it.
fn entries(lines: &[&str]) -> Result<Vec<Entry>> {
    if let Some(empty) = lines.iter().position(|line| line.is_empty()) {
        return Err(Error::input(format!("line {} is empty; needed a class name", empty + 1)));
    }
    let (numbers, mut names) = numbered(lines);
    if let Some(plain) = all(&names, after_wordnet_id) {
        names = plain;
    }
    if let Some(plain) = all(&names, after_initial) {
        names = plain;
    }
    let mut numbers = numbers.map(Vec::into_iter);
    let mut next = || numbers.as_mut().and_then(Iterator::next);
    Ok(names.into_iter().map(|name| Entry { number: next(), name: name.to_owned() }).collect())
}

/// What `part` makes of every line, if it makes something of all.
fn all<'a, L: ?Sized, T>(lines: &[&'a L], part: impl Fn(&'a L) -> Option<T>) -> Option<Vec<T>> {
    lines.iter().map(|line| part(line)).collect()
}

/// The numbers that stand before or behind every line, if they are those of classes: each below the number of lines, no two alike.
/// Names may end with numbers of their own, as in `boeing 747`.
fn numbered<'a>(lines: &[&'a str]) -> (Option<Vec<usize>>, Vec<&'a str>) {
    let count = lines.len();
    let counts = |numbers: &[usize]| {
        let distinct: HashSet<usize> = numbers.iter().copied().collect();
        distinct.len() == count && numbers.iter().all(|&number| number < count)
    };
    let found = [all(lines, number_behind), all(lines, number_before)];
    let mut found = found.into_iter().flatten().filter(|_| count > 1);
    let of_classes = found.find_map(|pairs| {
        let (numbers, names): (Vec<usize>, Vec<&str>) = pairs.into_iter().unzip();
        counts(&numbers).then_some((numbers, names))
    });
    match of_classes {
        Some((numbers, names)) => (Some(numbers), names),
        None => (None, lines.to_vec()),
    }
}

/// `airfield 0`, `airfield,0`, `airfield<tab>0`.
fn number_behind(line: &str) -> Option<(usize, &str)> {
    let (name, number) = line.rsplit_once([' ', '\t', ',', ';'])?;
    let name = name.trim_end_matches([' ', '\t', ',', ';', ':']);
    Some((number.parse().ok()?, name)).filter(|(_, name)| !name.is_empty())
}

/// `0 airfield`, `0: airfield`, `0,airfield`.
fn number_before(line: &str) -> Option<(usize, &str)> {
    let (number, name) = line.split_once([' ', '\t', ',', ';', ':'])?;
    let name = name.trim_start_matches([' ', '\t', ',', ';', ':']);
    Some((number.parse().ok()?, name)).filter(|(_, name)| !name.is_empty())
}

/// `n01440764 tench` without the number of WordNet.
fn after_wordnet_id(line: &str) -> Option<&str> {
    let (id, name) = line.split_once([' ', '\t', ','])?;
    let digits = id.strip_prefix('n')?;
    let is_id = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    Some(name.trim_start_matches([' ', '\t', ','])).filter(|name| is_id && !name.is_empty())
}

/// `/a/airfield` without its initial.
fn after_initial(line: &str) -> Option<&str> {
    let (initial, name) = line.strip_prefix('/')?.split_once('/')?;
    (initial.len() == 1 && !name.is_empty()).then_some(name)
}

/// A list or dictionary of JSON or Python.
fn structured(text: &str) -> Result<Vec<Entry>> {
    let value = super::literal::parse(text).map_err(|error| error.at("reading it as JSON or a Python dictionary"))?;
    let refused =
        |what: &str| Error::input(format!("{what}; needed names, [wnid, name] pairs, or a number for each name"));
    match value {
        Value::Array(items) => match all(&items.iter().collect::<Vec<_>>(), Value::as_str) {
            Some(names) => entries(&names.into_iter().map(str::trim).collect::<Vec<_>>()),
            None => items
                .iter()
                .map(|item| {
                    name_of(item).map(|name| Entry { number: None, name }).ok_or_else(|| refused("an item is no name"))
                })
                .collect(),
        },
        Value::Object(pairs) => pairs
            .iter()
            .map(|(key, value)| {
                let by_number = key.trim().parse().ok().zip(name_of(value));
                let by_name = || {
                    value.as_u64().and_then(|number| usize::try_from(number).ok()).map(|number| (number, key.clone()))
                };
                let (number, name) =
                    by_number.or_else(by_name).ok_or_else(|| refused(&format!("{} is no class", quote(key))))?;
                Ok(Entry { number: Some(number), name })
            })
            .collect(),
        _ => Err(refused("neither a list nor a dictionary")),
    }
}

/// A name, or that of a pair of WordNet's number and a name.
fn name_of(value: &Value) -> Option<String> {
    let name = match value {
        Value::String(name) => name.trim(),
        Value::Array(pair) => match pair.as_slice() {
            [Value::String(_), Value::String(name)] => name.trim(),
            _ => return None,
        },
        _ => return None,
    };
    let name = after_wordnet_id(name).or_else(|| after_initial(name)).unwrap_or(name);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        class_list(text, None).unwrap().names
    }

    fn refused(text: &str) -> String {
        class_list(text, None).unwrap_err().to_string()
    }

    #[test]
    fn plain_lines_are_names_whatever_ends_them() {
        assert_eq!(names("a b\nc\n\n"), ["a b", "c"]);
        assert_eq!(names("\u{feff}a\r\nb\r\n"), ["a", "b"]);
        assert_eq!(names("boeing 747\nairbus 320"), ["boeing 747", "airbus 320"], "no numbers of classes");
        assert_eq!(names("only 0"), ["only 0"], "a single line tells nothing");
        assert!(refused("a\n\nb").contains("line 2 is empty"));
        assert!(refused(" \n").contains("the list is empty"));
    }

    #[test]
    fn numbers_put_names_into_order_and_initials_are_taken_off() {
        assert_eq!(names("/b/bar 1\n/a/airfield 0\n/c/church/outdoor 2"), ["airfield", "bar", "church/outdoor"]);
        for text in ["0 a\n1 b c", "0: a\n1: b c", "0,a\n1,b c", "b c,1\na,0", "1\tb c\n0\ta"] {
            assert_eq!(names(text), ["a", "b c"], "{text}");
        }
        assert_eq!(names("a 1\nb 2"), ["a 1", "b 2"], "counted from one: they are not numbers of classes");
    }

    #[test]
    fn numbers_of_wordnet_and_further_names_are_taken_off() {
        let list = class_list("n01440764 tench, Tinca tinca\nn01443537 goldfish", None).unwrap();
        assert_eq!(list.names, ["tench", "goldfish"]);
        assert_eq!(list.notes, ["of several names of a class the first is taken"]);
        assert_eq!(names("night\nn01 day"), ["night", "n01 day"], "only where every line has one");
    }

    #[test]
    fn names_that_occur_twice_get_their_number() {
        let list = class_list("crane\nbow\ncrane\ncrane 2", None).unwrap();
        assert_eq!(list.names, ["crane 0", "bow", "crane 2'", "crane 2"]);
        assert!(list.notes[0].starts_with("2 class names occur more than once and got their number: `crane 0`"));
        assert_eq!(names("maillot\nmaillot, tank suit"), ["maillot 0", "maillot 1"]);
    }

    #[test]
    fn lists_and_dictionaries_of_json_and_python_are_read() {
        assert_eq!(names(r#"["a", "b"]"#), ["a", "b"]);
        assert_eq!(names(r#"["/b/bar 1", "/a/airfield 0"]"#), ["airfield", "bar"]);
        assert_eq!(names(r#"{"1": ["n02", "b"], "0": ["n01", "a"]}"#), ["a", "b"]);
        assert_eq!(names(r#"{"b": 1, "a": 0}"#), ["a", "b"]);
        assert_eq!(names("{0: 'tench, Tinca tinca',\n 1: \"jack-o'-lantern\",\n}"), ["tench", "jack-o'-lantern"]);
        assert!(refused("{0: 'a', 2: 'b'}").contains("class 2 is `b` among 2 names; needed the numbers 0 to 1"));
        assert!(refused("{0: 'a', 0: 'b'}").contains('0'));
        assert!(refused(r#"{"a": true}"#).contains("`a` is no class"));
        assert!(refused("{0: 'a").contains("JSON or a Python dictionary"));
    }

    #[test]
    fn another_number_than_the_network_has_is_told_with_both() {
        let error = class_list("a\nb", Some(3)).unwrap_err();
        assert_eq!(error.to_string(), "2 class names; the network has 3 classes");
    }
}
