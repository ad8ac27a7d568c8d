//! Which images, and in which order: class-per-folder trees, flat folders, list files, single files, patterns, and any of them together.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rand_mt::Mt;

use super::fingerprint::fingerprint;
use super::format::READ;
use super::list::{self, slashed};
use super::pattern;
use super::search::{Found, LeftOut, is_picture, walk};
use crate::error::{Error, Result};
use crate::files;

/// Order in which images are processed; an image's index is its place in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By folder, then by file name, both in byte order: what `sorted(os.walk(root))` gives in Python.
    #[default]
    Sorted,
    /// The sorted list after one `random.Random(1).shuffle`, as the reference orders its data sets.
    Shuffled,
}

impl Order {
    /// The word for this order on the command line and in provenance.
    pub const fn name(self) -> &'static str {
        match self {
            Order::Sorted => "sorted",
            Order::Shuffled => "shuffled",
        }
    }
}

/// One image of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageItem {
    /// Where the file is.
    pub path: PathBuf,
    /// Path relative to the folder that holds all that was named (or as the list gives it), with `/`.
    pub name: String,
    /// Its class, a number or a name, where a list gives one.
    pub label: Option<String>,
}

/// Images in the order of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSet {
    /// What was opened: a folder, a list or one image; of several, the folder that holds them all.
    pub root: PathBuf,
    /// The images; the position is the image's index everywhere.
    pub items: Vec<ImageItem>,
    /// What was found beside them and is not used.
    pub left_out: LeftOut,
    fingerprint: OnceLock<String>,
}

impl ImageSet {
    /// Lists the images of `paths`: folders (searched to any depth), list files (`.txt`, one path a line, relative to the list's own
    /// folder), single images, and patterns of all these (`shots/*.png`) where nothing is called like that.
    ///
    /// Names are relative to the folder that holds all that is named: of one folder, the folder itself. An image that is named twice
    /// counts once. Links to folders are not followed, hidden files and folders are left out. The files are not decoded.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if a path cannot be read or there is no image in it.
    pub fn open(paths: &[PathBuf], order: Order) -> Result<Self> {
        let mut left_out = LeftOut::default();
        let mut named = Vec::new();
        for path in paths {
            if files::exists(path) || !pattern::is_pattern(path) {
                named.push(path.clone());
                continue;
            }
            let expanded = pattern::expand(path)?;
            // A pattern finds what it finds: what is no picture is left out, as in a folder.
            let (usable, others) = expanded.into_iter().partition(|path| files::is_folder(path) || is_picture(path));
            Vec::into_iter(others).for_each(|other: PathBuf| left_out.count(&other.to_string_lossy()));
            let usable: Vec<PathBuf> = usable;
            if usable.is_empty() {
                let error = Error::input(format!("fits no {READ} image{}", besides(&left_out)));
                return Err(error.at(path.display()));
            }
            named.extend(usable);
        }
        let root = common_root(&named);
        let mut found = Vec::new();
        for path in &named {
            found.extend(images_of(path, (named.len() > 1).then_some(root.as_path()), &mut left_out)?);
        }
        let mut seen = HashSet::new();
        found.retain(|image| {
            seen.insert(image.path.clone()) || {
                left_out.doubled += 1;
                false
            }
        });
        if found.is_empty() {
            let message = format!("holds no image; needs {READ} files{}", besides(&left_out));
            return Err(Error::input(message).at(root.display()));
        }
        Ok(ImageSet::ordered(&root, found, left_out, order))
    }

    /// A set from names relative to `root`, taken in the order given and then shuffled if `order` says so.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] if there is no name.
    pub fn from_names(root: &Path, names: impl IntoIterator<Item = String>, order: Order) -> Result<Self> {
        let found: Vec<_> = names.into_iter().map(|name| Found { path: root.join(&name), name, label: None }).collect();
        if found.is_empty() {
            return Err(Error::input("no image is listed").at(root.display()));
        }
        Ok(ImageSet::ordered(root, found, LeftOut::default(), order))
    }

    fn ordered(root: &Path, mut found: Vec<Found>, left_out: LeftOut, order: Order) -> Self {
        if order == Order::Shuffled {
            shuffle_as_python(&mut found);
        }
        let item = |Found { name, path, label }| ImageItem { path, name, label };
        let items = found.into_iter().map(item).collect();
        ImageSet { root: root.to_path_buf(), items, left_out, fingerprint: OnceLock::new() }
    }

    /// Keeps the first `count` images.
    #[must_use]
    pub fn limit(mut self, count: usize) -> Self {
        self.items.truncate(count);
        self.fingerprint = OnceLock::new();
        self
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Tells whether a resumed run sees the same images: a hash over all of them. Files are read for it the first time.
    pub fn fingerprint(&self) -> String {
        // A class is as much a part of an image as its name.
        let named = |item: &ImageItem| match &item.label {
            Some(label) => format!("{}\n{label}", item.name),
            None => item.name.clone(),
        };
        self.fingerprint
            .get_or_init(|| {
                let names: Vec<String> = self.items.iter().map(named).collect();
                fingerprint(names.iter().zip(&self.items).map(|(name, item)| (name.as_str(), item.path.as_path())))
            })
            .clone()
    }
}

/// What was found in the place of images, for messages.
fn besides(left_out: &LeftOut) -> String {
    if left_out.is_empty() { String::new() } else { format!("; found {left_out}") }
}

/// The folder that holds all that is named; of one, itself.
fn common_root(named: &[PathBuf]) -> PathBuf {
    let [first, rest @ ..] = named else { return PathBuf::new() };
    if rest.is_empty() {
        return first.clone();
    }
    // Files have their folder in common with themselves; of paths written in two ways, only what stands on the disk is comparable.
    let as_written = named.iter().all(|path| path.is_absolute()) || named.iter().all(|path| path.is_relative());
    let whole = |path: &PathBuf| if as_written { path.clone() } else { absolute(path) };
    let folder = |path: &PathBuf| match files::is_folder(path) {
        true => whole(path),
        false => whole(path).parent().map(Path::to_path_buf).unwrap_or_default(),
    };
    rest.iter().map(folder).fold(folder(first), |common, path| {
        let both = common.components().zip(path.components());
        both.take_while(|(a, b)| a == b).map(|(part, _)| part).collect()
    })
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The images of one path; `root` is what their names are relative to, where that is not the path itself.
fn images_of(path: &Path, root: Option<&Path>, left_out: &mut LeftOut) -> Result<Vec<Found>> {
    let relative = |path: &Path| {
        let root = root?;
        let below = path.strip_prefix(root).map(slashed);
        below.or_else(|_| absolute(path).strip_prefix(root).map(slashed)).ok()
    };
    if files::about(path)?.is_dir() {
        let mut found = walk(path, left_out)?;
        left_out.lists.extend(list_beside(path));
        if let Some(prefix) = relative(path).filter(|prefix| !prefix.is_empty()) {
            found.iter_mut().for_each(|image| image.name = format!("{prefix}/{}", image.name));
        }
        return Ok(found);
    }
    if is_picture(path) {
        let own = || path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let name = relative(path).unwrap_or_else(own);
        return Ok(vec![Found { name, path: path.to_path_buf(), label: None }]);
    }
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("txt")) {
        let mut found = list::read(path)?;
        if let Some(prefix) = path.parent().and_then(relative).filter(|prefix| !prefix.is_empty()) {
            found.iter_mut().for_each(|image| image.name = format!("{prefix}/{}", image.name));
        }
        return Ok(found);
    }
    files::open(path)?;
    let error = Error::input(format!("is neither a folder nor a .txt list nor a {READ} image")).at(path.display());
    Err(match path.extension().and_then(|ending| ending.to_str()) {
        Some("csv" | "tsv" | "lst" | "list") => error
            .hint("a list is a file `.txt` of one path a line, or a path, a space and the number or name of its class"),
        _ => error,
    })
}

/// `<folder>.txt` beside a folder, if it is there.
fn list_beside(folder: &Path) -> Option<PathBuf> {
    let mut name = folder.file_name()?.to_os_string();
    name.push(".txt");
    let list = folder.with_file_name(name);
    files::is_file(&list).then_some(list)
}

/// `random.Random(1).shuffle(list)` of Python 3: MT19937 seeded by the array `[1]`, swaps from the end, each index by rejection.
pub fn shuffle_as_python<T>(list: &mut [T]) {
    let mut random = Mt::new_with_key([1]);
    for last in (1..list.len()).rev() {
        let bits = usize::BITS - (last + 1).leading_zeros();
        let other = loop {
            let draw = below_power_of_two(&mut random, bits);
            if draw <= last as u64 {
                break draw;
            }
        };
        // `other` is at most `last`, which is an index.
        list.swap(last, other as usize);
    }
}

/// Python's `getrandbits` for up to 64 bits: the high bits of one draw, or a low word followed by the high bits of the next.
fn below_power_of_two(random: &mut Mt, bits: u32) -> u64 {
    if bits <= 32 {
        return u64::from(random.next_u32() >> (32 - bits));
    }
    let low = u64::from(random.next_u32());
    low | u64::from(random.next_u32() >> (64 - bits)) << 32
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::error::Kind;

    fn touch(root: &Path, names: &[&str]) {
        for name in names {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name.as_bytes()).unwrap();
        }
    }

    fn names(set: &ImageSet) -> Vec<&str> {
        set.items.iter().map(|item| item.name.as_str()).collect()
    }

    fn open(path: &Path, order: Order) -> Result<ImageSet> {
        ImageSet::open(&[path.to_owned()], order)
    }

    #[test]
    fn shuffling_ten_and_36500_items_gives_the_order_of_python() {
        let mut ten: Vec<u32> = (0..10).collect();
        shuffle_as_python(&mut ten);
        assert_eq!(ten, [6, 8, 9, 7, 5, 3, 0, 4, 1, 2]);
        let mut places: Vec<u32> = (0..36_500).collect();
        shuffle_as_python(&mut places);
        assert_eq!(places[..10], [28830, 19157, 3119, 26520, 25852, 13191, 13021, 23336, 3646, 5438]);
        assert_eq!((places[200], places[755]), (15775, 30687));
    }

    #[test]
    fn the_shuffled_order_is_the_sorted_one_shuffled_and_limit_keeps_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<String> = (0..10).map(|i| format!("{i}.jpg")).collect();
        touch(dir.path(), &files.iter().map(String::as_str).collect::<Vec<_>>());
        let set = open(dir.path(), Order::Shuffled).unwrap();
        assert_eq!(names(&set)[..4], ["6.jpg", "8.jpg", "9.jpg", "7.jpg"]);
        assert_eq!(names(&set.clone().limit(2)), ["6.jpg", "8.jpg"]);
        assert_eq!(set.clone().limit(99), set);
        set.fingerprint();
        assert_ne!(set.clone().limit(2).fingerprint(), set.fingerprint());
    }

    #[test]
    fn a_list_beside_the_folder_does_not_replace_it_and_is_named() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), &["val/a/1.jpg", "val/b/2.jpg", "val/b/3.jpg", "val/val.txt"]);
        fs::write(dir.path().join("val.txt"), "val/b/3.jpg 7\n").unwrap();
        let set = open(&dir.path().join("val"), Order::Sorted).unwrap();
        assert_eq!(names(&set), ["a/1.jpg", "b/2.jpg", "b/3.jpg"]);
        let list = dir.path().join("val.txt");
        assert_eq!(set.left_out.to_string(), format!("1 .txt, the list {}", list.display()));
        let listed = open(&list, Order::Sorted).unwrap();
        assert_eq!((names(&listed), listed.items[0].label.as_deref()), (vec!["val/b/3.jpg"], Some("7")));
    }

    #[test]
    fn a_single_image_is_a_set_of_one() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), &["cat.PNG"]);
        let set = open(&dir.path().join("cat.PNG"), Order::Sorted).unwrap();
        assert_eq!(names(&set), ["cat.PNG"]);
    }

    #[test]
    fn several_paths_are_one_set_whose_names_begin_where_they_part() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), &["p/a/1.jpg", "p/a/2.jpg", "p/b/1.jpg", "p/c.png", "p/b/notes.md"]);
        fs::write(dir.path().join("p/b/some.txt"), "1.jpg\n").unwrap();
        let opened = |named: &[&str]| {
            ImageSet::open(&named.iter().map(|name| dir.path().join(name)).collect::<Vec<_>>(), Order::Sorted)
        };
        let set = opened(&["p/c.png", "p/a", "p/b/1.jpg"]).unwrap();
        assert_eq!(names(&set), ["c.png", "a/1.jpg", "a/2.jpg", "b/1.jpg"]);
        assert_eq!(names(&opened(&["p/a/2.jpg", "p/a/1.jpg"]).unwrap()), ["2.jpg", "1.jpg"]);
        let doubled = opened(&["p/a", "p/a/1.jpg", "p/b/some.txt"]).unwrap();
        assert_eq!(names(&doubled), ["a/1.jpg", "a/2.jpg", "b/1.jpg"]);
        assert_eq!(doubled.left_out.to_string(), "1 picture named again");
        let fit = opened(&["p/*/*"]).unwrap();
        assert_eq!(names(&fit), ["a/1.jpg", "a/2.jpg", "b/1.jpg"]);
        assert_eq!(fit.left_out.to_string(), "1 .md, 1 .txt");
        let error = opened(&["p/*.webp"]).unwrap_err().to_string();
        assert!(error.contains("p/*.webp: fits no JPEG"), "{error}");
        touch(dir.path(), &["p/[1].jpg"]);
        assert_eq!(names(&opened(&["p/[1].jpg"]).unwrap()), ["[1].jpg"], "what is called like that is meant");
    }

    #[test]
    fn what_holds_no_image_is_an_error_that_names_it_and_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        touch(
            dir.path(),
            &["none/notes.md", "none/a.heic", "none/b.heic", "none/.hidden.jpg", "empty.txt", "list.csv"],
        );
        fs::write(dir.path().join("empty.txt"), "\n \n").unwrap();
        for (path, says) in [
            (
                "none",
                "none: holds no image; needs JPEG, PNG, WebP, GIF, BMP or PNM files; found 2 .heic, 1 .md, 1 hidden",
            ),
            ("none/notes.md", "is neither"),
            ("empty.txt", "lists no image"),
            ("list.csv", "list.csv: is neither"),
            ("nowhere", "no such file"),
        ] {
            let error = open(&dir.path().join(path), Order::Sorted).unwrap_err();
            assert_eq!(error.kind(), Kind::Input);
            assert!(error.to_string().contains(says) && error.to_string().contains(path), "{error}");
        }
    }

    #[test]
    fn the_fingerprint_changes_with_a_name_a_content_of_equal_size_and_the_order() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), &["a.jpg", "b.jpg"]);
        let open = |order| open(dir.path(), order).unwrap().fingerprint();
        let first = open(Order::Sorted);
        assert_eq!((first.len(), first.clone()), (64, open(Order::Sorted)));
        assert_ne!(first, open(Order::Shuffled));
        fs::write(dir.path().join("a.jpg"), b"A.jpg").unwrap();
        let other = open(Order::Sorted);
        assert_ne!(first, other);
        fs::rename(dir.path().join("a.jpg"), dir.path().join("aa.jpg")).unwrap();
        assert_ne!(other, open(Order::Sorted));
    }
}
