//! Sets of pictures on disk: `images/<class>/<number>.png`, `labels/<class>/<number>.<channel>.png`, `labels/labels.csv`, `scenes.json`.
//!
//! Picture `i` of a set is picture `i / classes` of class `i % classes`: a larger set holds the smaller one.

use std::fmt::Write as _;
use std::fs::DirEntry;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use image::{ColorType, ImageFormat};
use rayon::prelude::*;
use serde_json::json;

use super::{CHANNELS, Picture, VERSION, classes, concepts, render};
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::progress::{Progress, check_stop};

/// What a set was made from; its presence says that the folder is one.
pub(crate) const ABOUT: &str = "scenes.json";

/// Which pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Seed of the world.
    pub seed: u64,
    /// Pixels a side.
    pub side: u32,
    /// Pictures in all.
    pub count: u64,
    /// Indices into [`classes`], without repeats.
    pub classes: Vec<usize>,
}

/// What [`Set::write`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Pictures that were drawn.
    pub drawn: u64,
    /// Pictures that were there already.
    pub kept: u64,
    /// Bytes of what was drawn, label maps included.
    pub bytes: u64,
}

impl Set {
    /// Class and number of a picture.
    fn place(&self, index: u64) -> (usize, u64) {
        let classes = self.classes.len().max(1) as u64;
        (self.classes.get((index % classes) as usize).copied().unwrap_or(usize::MAX), index / classes)
    }

    /// Draws picture `index` of the set.
    ///
    /// # Errors
    /// [`Kind::Internal`] if the set names a class that is not there.
    pub fn picture(&self, index: u64) -> Result<Picture> {
        let (class, number) = self.place(index);
        render(self.seed, class, number, self.side)
            .ok_or_else(|| Error::internal(format!("class {class} of {}", classes().len())))
    }

    /// Pictures of each class, in the set's order.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        let names = classes();
        let (each, more) =
            (self.count / self.classes.len().max(1) as u64, self.count % self.classes.len().max(1) as u64);
        let count = |(place, &class): (usize, &usize)| {
            (names.get(class).copied().unwrap_or("-"), each + u64::from((place as u64) < more))
        };
        self.classes.iter().enumerate().map(count).collect()
    }

    /// Writes the set into a folder that is missing, empty, or holds some or all of it.
    ///
    /// Pictures that are there are left alone. Each file is written whole or not at all, a picture after its label maps.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the folder holds anything else; [`Kind::Output`] if a file cannot be written; [`Kind::Interrupted`] if the
    /// user stopped it, and the same call goes on from there.
    pub fn write(&self, folder: &Path, progress: &dyn Progress, stop: &AtomicBool) -> Result<Written> {
        self.check(folder)?;
        // Whose the folder is comes first: without it, all else in it would be a stranger's.
        files::make_folder(folder)?;
        files::write_atomic(&folder.join(ABOUT), format!("{:#}\n", self.about()).as_bytes())?;
        for (name, _) in self.counts() {
            files::make_folder(&folder.join("images").join(name))?;
            files::make_folder(&folder.join("labels").join(name))?;
        }
        files::write_atomic(&folder.join("labels").join("labels.csv"), labels_csv().as_bytes())?;
        progress.stage("drawing", self.count);
        let (drawn, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        (0..self.count).into_par_iter().try_for_each(|index| {
            check_stop(stop)?;
            let path = self.path(folder, index);
            if !files::exists(&path)
                || (0..CHANNELS).any(|channel| !files::exists(&self.map_path(folder, index, channel)))
            {
                bytes.fetch_add(self.write_one(folder, index, &path)?, Ordering::Relaxed);
                drawn.fetch_add(1, Ordering::Relaxed);
            }
            progress.advance(1);
            Ok(())
        })?;
        let (drawn, bytes) = (drawn.into_inner(), bytes.into_inner());
        Ok(Written { drawn, kept: self.count - drawn, bytes })
    }

    /// Where a picture goes.
    fn path(&self, folder: &Path, index: u64) -> PathBuf {
        let (class, number) = self.place(index);
        let class = classes().get(class).copied().unwrap_or("-");
        folder.join("images").join(class).join(format!("{number:05}.png"))
    }

    /// Where a label map of a picture goes.
    fn map_path(&self, folder: &Path, index: u64, channel: usize) -> PathBuf {
        let (class, number) = self.place(index);
        let class = classes().get(class).copied().unwrap_or("-");
        folder.join("labels").join(class).join(format!("{number:05}.{channel}.png"))
    }

    /// Draws and writes a picture; the bytes written.
    fn write_one(&self, folder: &Path, index: u64, path: &Path) -> Result<u64> {
        let picture = self.picture(index)?;
        let mut bytes = 0;
        for (channel, labels) in picture.labels.iter().enumerate() {
            // Grey values are label numbers as they are; all of ours fit a byte.
            let grey = labels.iter().map(|&label| u8::try_from(label)).collect::<Result<Vec<u8>, _>>();
            let grey = grey.map_err(|_| Error::internal("a label number is larger than a byte"))?;
            let map = png(&grey, self.side, ColorType::L8)?;
            files::write_atomic(&self.map_path(folder, index, channel), &map)?;
            bytes += map.len() as u64;
        }
        let png = png(&picture.rgb, self.side, ColorType::Rgb8)?;
        files::write_atomic(path, &png)?;
        Ok(bytes + png.len() as u64)
    }

    /// What goes into `scenes.json`.
    fn about(&self) -> serde_json::Value {
        let counts: serde_json::Map<_, _> =
            self.counts().into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
        json!({
            "kind": "scenes", "version": VERSION, "seed": self.seed, "size": self.side, "count": self.count,
            "channels": super::labels::CATEGORIES, "classes": counts,
        })
    }

    /// Refuses a folder that holds anything but a part of this set.
    fn check(&self, folder: &Path) -> Result<()> {
        let other = |found: &str| {
            let error = Error::new(Kind::Usage, found).at(folder.display());
            error.hint("choose another folder with `-o`, or remove this one")
        };
        let path = folder.join(ABOUT);
        if !files::exists(&path) {
            let stranger = |entry: DirEntry| entry.file_name().to_str().is_none_or(|name| !files::is_working(name));
            let occupied = files::list(folder).is_ok_and(|entries| entries.flatten().any(stranger));
            return if occupied { Err(other("holds something else than scenes")) } else { Ok(()) };
        }
        let text = files::read(&path)?;
        let mut found: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| Error::input(error.to_string()).at(path.display()))?;
        let mut own = self.about();
        let count = found["count"].as_u64().unwrap_or(0);
        // The rest is the same for all counts, but for how many there are of each class.
        let names = |about: &serde_json::Value| {
            about["classes"].as_object().map(|classes| classes.keys().cloned().collect::<Vec<String>>())
        };
        let same_classes = names(&found) == names(&own);
        for about in [&mut found, &mut own] {
            if let Some(about) = about.as_object_mut() {
                about.remove("count");
                about.remove("classes");
            }
        }
        if found != own || !same_classes {
            return Err(other("holds scenes of another seed, size, version or other classes"));
        }
        if count > self.count {
            return Err(other(&format!("holds a set of {count} pictures; needed one of at most {}", self.count)));
        }
        Ok(())
    }
}

/// `labels.csv`: number, name, category.
fn labels_csv() -> String {
    let mut text = "number,name,category\n".to_owned();
    for (number, (name, category)) in (1..).zip(concepts()) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{number},{name},{category}");
    }
    text
}

fn png(bytes: &[u8], side: u32, color: ColorType) -> Result<Vec<u8>> {
    let mut out = Cursor::new(Vec::new());
    image::write_buffer_with_format(&mut out, bytes, side, side, color, ImageFormat::Png)
        .map_err(|error| Error::internal(format!("a picture cannot be encoded: {error}")))?;
    Ok(out.into_inner())
}

/// Files of a set of `count` pictures.
pub fn files_of(count: u64) -> u64 {
    count * (1 + CHANNELS as u64) + 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    fn set(count: u64) -> Set {
        Set { seed: 3, side: 32, count, classes: vec![12, 22] }
    }

    fn write(set: &Set, folder: &Path) -> Result<Written> {
        set.write(folder, &Silent, &AtomicBool::new(false))
    }

    #[test]
    fn a_set_grows_keeps_what_is_there_and_draws_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let first = write(&set(3), folder.path()).unwrap();
        assert_eq!((first.drawn, first.kept), (3, 0));
        assert_eq!(set(3).counts(), [("church", 2), ("bedroom", 1)]);
        let second = write(&set(4), folder.path()).unwrap();
        assert_eq!((second.drawn, second.kept), (1, 3));
        let path = folder.path().join("images/bedroom/00001.png");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(write(&set(4), folder.path()).unwrap().drawn, 1);
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert_eq!(walk(folder.path()), files_of(4));
    }

    fn walk(folder: &Path) -> u64 {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { walk(&path) } else { 1 }).sum()
    }

    #[test]
    fn folders_that_hold_anything_else_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        write(&set(2), folder.path()).unwrap();
        let says = |set: &Set| write(set, folder.path()).unwrap_err().to_string();
        assert!(says(&Set { seed: 4, ..set(2) }).contains("another seed"));
        assert!(says(&Set { side: 64, ..set(2) }).contains("another seed"));
        assert!(says(&Set { classes: vec![12], ..set(2) }).contains("other classes"));
        assert!(says(&set(1)).contains("a set of 2 pictures"));
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join("letter.txt"), "dear").unwrap();
        let error = write(&set(2), other.path()).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().contains("something else"), "{error}");
    }

    #[test]
    fn stopping_leaves_whole_files_and_goes_on_later() {
        let folder = tempfile::tempdir().unwrap();
        let stopped = set(2).write(folder.path(), &Silent, &AtomicBool::new(true)).unwrap_err();
        assert_eq!(stopped.kind(), Kind::Interrupted);
        assert_eq!(write(&set(2), folder.path()).unwrap().drawn, 2);
    }
}
