//! Which images, and in which order: class-per-folder trees, flat folders, list files, single files.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use rand_mt::Mt;
use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};
use crate::files;
use crate::hash::hexadecimal;

/// File name endings that count as images, in any case.
pub const EXTENSIONS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// A list of images is text; a gigabyte of "list" is a mistake.
const LIST_LIMIT_BYTES: u64 = 256 << 20;

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
    /// Path relative to the image folder (or as the list gives it), with `/`.
    pub name: String,
    /// Class: rank of the name of the file's own folder among all such names. `None` for files in no folder below the root.
    pub class: Option<usize>,
}

/// Images in the order of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSet {
    /// What was opened: a folder, a list or one image.
    pub root: PathBuf,
    /// The images; the position is the image's index everywhere.
    pub items: Vec<ImageItem>,
    /// Names of the classes, sorted; empty for a flat folder.
    pub class_names: Vec<String>,
}

impl ImageSet {
    /// Lists the images of `path`: a folder (searched to any depth), a list file (`.txt`, one path a line, relative to
    /// the list's own folder) or a single image.
    ///
    /// Where a file `<folder>.txt` stands beside a folder it replaces the search: one path a line, relative to the
    /// folder's parent (paper code, parallel folders). Links to folders are not followed. The files are not opened.
    ///
    /// # Errors
    /// [`Kind::Input`] if `path` cannot be read or there is no image in it.
    pub fn open(path: &Path, order: Order) -> Result<Self> {
        let kind = files::about(path)?;
        if kind.is_dir() {
            let list = list_beside(path);
            let found = match &list {
                Some(list) => read_list(list, path.file_name().and_then(|name| name.to_str()))?,
                None => walk(path)?,
            };
            if found.is_empty() {
                let place = list.as_deref().unwrap_or(path);
                return Err(Error::input("holds no image; needs .jpg, .jpeg, .png or .webp files").at(place.display()));
            }
            return Ok(ImageSet::ordered(path, found, order));
        }
        if extension(path).as_deref() == Some("txt") {
            let found = read_list(path, None)?;
            if found.is_empty() {
                return Err(Error::input("lists no image; needs one path a line").at(path.display()));
            }
            return Ok(ImageSet::ordered(path, found, order));
        }
        if !is_image(path) {
            return Err(Error::input("is neither a folder nor a .txt list nor a .jpg, .jpeg, .png or .webp image")
                .at(path.display()));
        }
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(ImageSet::ordered(path, vec![(name, path.to_path_buf())], order))
    }

    /// A set from names relative to `root`, taken in the order given and then shuffled if `order` says so.
    ///
    /// # Errors
    /// [`Kind::Input`] if there is no name.
    pub fn from_names(root: &Path, names: impl IntoIterator<Item = String>, order: Order) -> Result<Self> {
        let found: Vec<_> = names.into_iter().map(|name| (name.clone(), root.join(&name))).collect();
        if found.is_empty() {
            return Err(Error::input("no image is listed").at(root.display()));
        }
        Ok(ImageSet::ordered(root, found, order))
    }

    fn ordered(root: &Path, mut found: Vec<(String, PathBuf)>, order: Order) -> Self {
        if order == Order::Shuffled {
            shuffle_as_python(&mut found);
        }
        let names: BTreeSet<String> =
            found.iter().filter_map(|(name, _)| class_name(name)).map(str::to_owned).collect();
        let class_names: Vec<String> = names.into_iter().collect();
        let items = found
            .into_iter()
            .map(|(name, path)| {
                let class =
                    class_name(&name).and_then(|class| class_names.binary_search_by(|n| n.as_str().cmp(class)).ok());
                ImageItem { path, name, class }
            })
            .collect();
        ImageSet { root: root.to_path_buf(), items, class_names }
    }

    /// Keeps the first `count` images. Classes keep their numbers.
    #[must_use]
    pub fn limit(mut self, count: usize) -> Self {
        self.items.truncate(count);
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

    /// SHA-256 over names and file sizes in order, as hexadecimal digits: tells whether a resumed run sees the same set.
    ///
    /// Contents are not read. A file that is missing counts with a size of its own, so it changes the fingerprint.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for item in &self.items {
            let size = files::about(&item.path).map_or(u64::MAX, |file| file.len());
            hash.update((item.name.len() as u64).to_le_bytes());
            hash.update(item.name.as_bytes());
            hash.update(size.to_le_bytes());
        }
        hexadecimal(hash.finalize())
    }
}

/// Whether the file name ends as an image's does.
pub fn is_image(path: &Path) -> bool {
    extension(path).is_some_and(|ending| EXTENSIONS.contains(&ending.as_str()))
}

fn extension(path: &Path) -> Option<String> {
    path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase)
}

/// Name of the folder that holds the file, if its name has one.
fn class_name(name: &str) -> Option<&str> {
    let (folder, _) = name.rsplit_once('/')?;
    folder.rsplit('/').next().filter(|class| !class.is_empty())
}

/// `<folder>.txt` beside a folder, if it is there.
fn list_beside(folder: &Path) -> Option<PathBuf> {
    let mut name = folder.file_name()?.to_os_string();
    name.push(".txt");
    let list = folder.with_file_name(name);
    files::is_file(&list).then_some(list)
}

/// Every image below `root` as (name, path), by folder and then by file name. Python compares whole folder paths as
/// strings, so `a-b` comes before `a/c`.
fn walk(root: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found: Vec<(String, String, PathBuf)> = Vec::new();
    let mut folders = vec![(String::new(), root.to_path_buf())];
    while let Some((relative, folder)) = folders.pop() {
        let failed = |error: std::io::Error| Error::reading(&folder, &error);
        for entry in files::list(&folder)? {
            let entry = entry?;
            let file_name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            // The type of the entry itself: a link to a folder is not a folder here, so there are no endless circles.
            if entry.file_type().map_err(failed)?.is_dir() {
                folders.push((join(&relative, &file_name), path));
            } else if is_image(&path) && !files::is_folder(&path) {
                found.push((relative.clone(), file_name, path));
            }
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(folder, file, path)| (join(&folder, &file), path)).collect())
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The lines of a list as (name, path), sorted by path. `below` is the folder whose name is cut off the names.
fn read_list(list: &Path, below: Option<&str>) -> Result<Vec<(String, PathBuf)>> {
    let size = files::about(list)?.len();
    if size > LIST_LIMIT_BYTES {
        let message = format!("is {size} bytes; a list of images is at most {LIST_LIMIT_BYTES} bytes");
        return Err(Error::input(message).at(list.display()));
    }
    let bytes = files::read(list)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count() + 1;
        Error::new(Kind::Input, format!("line {line} is not UTF-8 text; needs one path a line")).at(list.display())
    })?;
    let folder = list.parent().unwrap_or(Path::new(""));
    let mut found: Vec<(String, PathBuf)> = text
        .trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let given = slashed(line);
            let inside = below.and_then(|root| given.strip_prefix(root)?.strip_prefix('/'));
            (inside.unwrap_or(&given).to_owned(), folder.join(line))
        })
        .collect();
    found.sort_by(|a, b| a.1.as_os_str().cmp(b.1.as_os_str()));
    Ok(found)
}

/// The path with `/` between its parts and without `.` parts, whatever the system writes.
fn slashed(line: &str) -> String {
    let path = Path::new(line);
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
    fn a_tree_is_listed_by_folder_path_and_then_by_file_name_with_classes_from_folders() {
        let dir = tempfile::tempdir().unwrap();
        touch(
            dir.path(),
            &["b/2.JPG", "b/10.png", "a/c/x.webp", "a/z.jpeg", "a-b/y.jpg", "top.jpg", "a/notes.txt", "B/q.jpg"],
        );
        let set = ImageSet::open(dir.path(), Order::Sorted).unwrap();
        assert_eq!(names(&set), ["top.jpg", "B/q.jpg", "a/z.jpeg", "a-b/y.jpg", "a/c/x.webp", "b/10.png", "b/2.JPG"]);
        assert_eq!(set.class_names, ["B", "a", "a-b", "b", "c"]);
        let classes: Vec<_> = set.items.iter().map(|item| item.class).collect();
        assert_eq!(classes, [None, Some(0), Some(1), Some(2), Some(4), Some(3), Some(3)]);
        assert!(set.items.iter().all(|item| item.path.is_file()));
    }

    #[test]
    fn the_shuffled_order_is_the_sorted_one_shuffled_and_limit_keeps_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<String> = (0..10).map(|i| format!("{i}.jpg")).collect();
        touch(dir.path(), &files.iter().map(String::as_str).collect::<Vec<_>>());
        let set = ImageSet::open(dir.path(), Order::Shuffled).unwrap();
        assert_eq!(names(&set)[..4], ["6.jpg", "8.jpg", "9.jpg", "7.jpg"]);
        assert_eq!(names(&set.clone().limit(2)), ["6.jpg", "8.jpg"]);
        assert_eq!(set.clone().limit(99), set);
    }

    #[test]
    fn a_list_beside_the_folder_replaces_the_search_and_names_stay_relative_to_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), &["val/a/1.jpg", "val/b/2.jpg", "val/b/3.jpg"]);
        fs::write(dir.path().join("val.txt"), "val/b/3.jpg\r\n\nval/a/1.jpg\n").unwrap();
        let set = ImageSet::open(&dir.path().join("val"), Order::Sorted).unwrap();
        assert_eq!(names(&set), ["a/1.jpg", "b/3.jpg"]);
        assert_eq!(set.class_names, ["a", "b"]);
        assert!(set.items.iter().all(|item| item.path.is_file()));
    }

    #[test]
    fn a_list_file_is_relative_to_its_own_folder() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), &["p/x/1.jpg", "lists/own.png"]);
        let list = dir.path().join("lists/some.txt");
        fs::write(&list, "./own.png\n../p/x/1.jpg\n").unwrap();
        let set = ImageSet::open(&list, Order::Sorted).unwrap();
        assert_eq!(names(&set), ["../p/x/1.jpg", "own.png"]);
        assert_eq!(set.items.iter().map(|item| item.class).collect::<Vec<_>>(), [Some(0), None]);
        assert!(set.items.iter().all(|item| item.path.is_file()));
    }

    #[test]
    fn a_single_image_is_a_set_of_one() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), &["cat.PNG"]);
        let set = ImageSet::open(&dir.path().join("cat.PNG"), Order::Sorted).unwrap();
        assert_eq!(names(&set), ["cat.PNG"]);
    }

    #[test]
    fn what_holds_no_image_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), &["notes.md", "empty.txt", "bad.txt"]);
        fs::write(dir.path().join("empty.txt"), "\n \n").unwrap();
        fs::write(dir.path().join("bad.txt"), b"a.jpg\n\xff\xfe.jpg\n").unwrap();
        for (path, says) in [
            ("", "holds no image"),
            ("notes.md", "is neither"),
            ("empty.txt", "lists no image"),
            ("bad.txt", "line 2 is not UTF-8"),
            ("nowhere", "no such file"),
        ] {
            let error = ImageSet::open(&dir.path().join(path), Order::Sorted).unwrap_err();
            assert_eq!(error.kind(), Kind::Input);
            assert!(error.to_string().contains(says) && error.to_string().contains(path), "{error}");
        }
    }

    #[test]
    fn the_fingerprint_changes_with_a_name_a_size_and_the_order() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), &["a.jpg", "b.jpg"]);
        let open = |order| ImageSet::open(dir.path(), order).unwrap().fingerprint();
        let first = open(Order::Sorted);
        assert_eq!((first.len(), first.clone()), (64, open(Order::Sorted)));
        assert_ne!(first, open(Order::Shuffled));
        fs::write(dir.path().join("a.jpg"), b"longer than before").unwrap();
        let grown = open(Order::Sorted);
        assert_ne!(first, grown);
        fs::rename(dir.path().join("a.jpg"), dir.path().join("aa.jpg")).unwrap();
        assert_ne!(grown, open(Order::Sorted));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_folder_is_not_followed_so_circles_end() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), &["a/1.jpg"]);
        std::os::unix::fs::symlink(dir.path(), dir.path().join("a/loop")).unwrap();
        assert_eq!(names(&ImageSet::open(dir.path(), Order::Sorted).unwrap()), ["a/1.jpg"]);
    }
}
