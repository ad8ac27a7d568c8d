//! Which class an image is of: as a list says, or as the folders are called that it lies in.

use std::collections::HashMap;

use super::images::{ImageItem, ImageSet};
use crate::error::{Error, Result};

/// How many folders are named that are called as no class.
const NAMED: usize = 10;

/// Classes of a network, by all that a folder of their images may be called.
///
/// The path of an image's folder is read from its end: the longest part of it that is called as a class decides, so that
/// `c/church/outdoor` is `church/outdoor` where there is such a class, and else `outdoor`. Letters count in any case, and `/`, `-`, `_`
/// and spaces are one; a letter that sorts a list (`/c/church/outdoor`) and the class's own number behind its name do not count. Of names
/// such as `n01440764 tench, Tinca tinca` the identifier and the first word are names of their own.
#[derive(Debug)]
pub struct ClassFolders<'a> {
    names: &'a [String],
    called: HashMap<String, Vec<usize>>,
}

impl<'a> ClassFolders<'a> {
    /// Classes in the order of the network's.
    pub fn new(names: &'a [String]) -> Self {
        let mut called: HashMap<String, Vec<usize>> = HashMap::new();
        for (class, name) in names.iter().enumerate() {
            for key in keys(class, name) {
                let classes = called.entry(key).or_default();
                if !classes.contains(&class) {
                    classes.push(class);
                }
            }
        }
        ClassFolders { names, called }
    }

    /// Class of an image; none if nothing says it.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming both where two classes are called alike.
    pub fn class_of(&self, item: &ImageItem) -> Result<Option<usize>> {
        let folder = item.name.rsplit_once('/').map_or("", |(folder, _)| folder);
        match item.label.as_deref() {
            Some(label) => match label.parse() {
                Ok(class) if class < self.names.len() => Ok(Some(class)),
                _ => self.called_as(label),
            },
            None => self.called_as(folder),
        }
        .map_err(|error| error.at(item.path.display()))
    }

    /// The class that the longest end of a path is called as.
    fn called_as(&self, path: &str) -> Result<Option<usize>> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let ends = (0..parts.len()).map(|first| plain(&parts[first..].join("/")));
        match ends.filter_map(|end| self.called.get(&end)).next().map(Vec::as_slice) {
            None => Ok(None),
            Some([class]) => Ok(Some(*class)),
            Some(classes) => {
                let named: Vec<String> =
                    classes.iter().take(2).map(|&class| format!("`{}` ({class})", self.names[class])).collect();
                Err(Error::input(format!("`{path}` may be class {}", named.join(" or ")))
                    .hint("call the folders so that one class fits, or name the classes by number in a list"))
            }
        }
    }

    /// Class of every image of a set, by name.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming the folders that are called as no class, or two classes that are called alike.
    pub fn of_all(&self, set: &ImageSet) -> Result<HashMap<String, usize>> {
        let mut classes = HashMap::new();
        let mut strangers: Vec<String> = Vec::new();
        for item in &set.items {
            match self.class_of(item)? {
                Some(class) => drop(classes.insert(item.name.clone(), class)),
                None => {
                    let folder = item.name.rsplit_once('/').map_or("no folder", |(folder, _)| folder);
                    let stranger = item.label.as_deref().unwrap_or(folder);
                    if !strangers.iter().any(|known| known == stranger) {
                        strangers.push(stranger.to_owned());
                    }
                }
            }
        }
        if strangers.is_empty() {
            return Ok(classes);
        }
        let named = strangers.iter().take(NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let more =
            if strangers.len() > NAMED { format!(" and {} more", strangers.len() - NAMED) } else { String::new() };
        let known: Vec<&str> = self.names.iter().take(5).map(String::as_str).collect();
        Err(Error::input(format!("images lie in {named}{more}: called as no class of the network"))
            .at(set.root.display())
            .hint(format!("classes are {} ...; `weights inspect` lists them", known.join(", "))))
    }
}

/// All that a class is called.
fn keys(class: usize, name: &str) -> Vec<String> {
    let unnumbered = name.trim().strip_suffix(&class.to_string()).filter(|name| name.ends_with([' ', '\t']));
    let name = unnumbered.unwrap_or(name).trim();
    let (identifier, described) = match name.split_once([' ', '\t']) {
        Some((first, rest)) if is_identifier(first) => (Some(first), rest),
        _ => (None, name),
    };
    let first = described.split(',').next().unwrap_or_default();
    let all = [Some(name), identifier, Some(described), Some(first)].into_iter().flatten();
    all.map(plain).filter(|key| !key.is_empty()).collect()
}

/// WordNet's: `n` and eight digits.
fn is_identifier(word: &str) -> bool {
    word.len() == 9 && word.starts_with('n') && word[1..].bytes().all(|byte| byte.is_ascii_digit())
}

/// A name as it is compared.
fn plain(name: &str) -> String {
    let lower = name.to_lowercase();
    let parts = lower.split(['/', '-', '_', ' ', '\t']).filter(|part| !part.is_empty());
    // `/c/church/outdoor`: the first letter of the name sorts long lists into folders.
    let sorted = name.starts_with('/') && lower.as_bytes().get(2) == Some(&b'/');
    parts.skip(usize::from(sorted)).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn item(name: &str, label: Option<&str>) -> ImageItem {
        ImageItem { path: PathBuf::from(name), name: name.to_owned(), label: label.map(str::to_owned) }
    }

    fn class(names: &[&str], image: &str) -> Option<usize> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        ClassFolders::new(&names).class_of(&item(image, None)).unwrap()
    }

    #[test]
    fn the_longest_end_of_the_path_that_is_a_class_decides_however_it_is_written() {
        for written in [
            "church/outdoor",
            "church-outdoor",
            "church_outdoor",
            "/c/church/outdoor",
            "Church outdoor",
            "/c/church/outdoor 1",
        ] {
            let names = ["outdoor", written, "church"];
            assert_eq!(class(&names, "train/c/church/outdoor/1.png"), Some(1), "{written}");
            assert_eq!(class(&names, "church_outdoor/1.png"), Some(1), "{written}");
            assert_eq!(class(&names, "c/mosque/outdoor/1.png"), Some(0), "{written}");
            assert_eq!(class(&names, "church/1.png"), Some(2), "{written}");
        }
        assert_eq!(
            class(&["building/outdoor"], "apartment_building/outdoor/1.png"),
            None,
            "parts of a name are no name"
        );
        assert_eq!(class(&["a"], "1.png"), None);
        assert_eq!(
            class(&["room 5", "x"], "room 5/1.png"),
            Some(0),
            "a number that is not the class's belongs to the name"
        );
    }

    #[test]
    fn identifiers_and_first_words_are_names_too() {
        let names = ["n01440764 tench, Tinca tinca", "n01443537 goldfish"];
        for (folder, want) in [("n01440764", 0), ("tench", 0), ("goldfish", 1), ("n01443537 goldfish", 1)] {
            assert_eq!(class(&names, &format!("val/{folder}/1.png")), Some(want), "{folder}");
        }
    }

    #[test]
    fn two_classes_that_are_called_alike_are_an_error_only_where_it_matters() {
        let names = ["crane", "crane", "tench"].map(str::to_owned);
        let folders = ClassFolders::new(&names);
        assert_eq!(folders.class_of(&item("tench/1.png", None)).unwrap(), Some(2));
        let error = folders.class_of(&item("crane/1.png", None)).unwrap_err().to_string();
        assert!(error.contains("`crane` may be class `crane` (0) or `crane` (1)"), "{error}");
        assert_eq!(folders.class_of(&item("crane/1.png", Some("1"))).unwrap(), Some(1), "a list knows better");
        assert_eq!(folders.class_of(&item("x/1.png", Some("tench"))).unwrap(), Some(2));
    }

    #[test]
    fn folders_that_are_no_class_are_named_together() {
        let names = ["a", "b"].map(str::to_owned);
        let files = ["a/1.png", "c/1.png", "c/2.png", "d/1.png", "3.png"].map(str::to_owned);
        let set = ImageSet::from_names(&PathBuf::from("root"), files, super::super::images::Order::Sorted).unwrap();
        let error = ClassFolders::new(&names).of_all(&set).unwrap_err();
        assert!(
            error.to_string().starts_with("root: images lie in `c`, `d`, `no folder`: called as no class"),
            "{error}"
        );
    }
}
