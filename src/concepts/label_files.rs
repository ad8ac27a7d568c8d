//! Which files of a folder are the label maps of an image, and how their numbers are meant.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files;

/// A folder of label maps, and how its files are read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LabelFiles {
    /// The folder.
    pub folder: PathBuf,
    /// Whether a palette's entries are labels by their number.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub indices: bool,
    /// Numbers in maps that stand for no label.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<u16>,
    /// What is added to all numbers, of maps and of `labels.csv`, so that 0 can be a label.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: u16,
    /// What names of images end with, before their ending, and names of maps do not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image_suffix: String,
    /// What names of maps end with instead.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label_suffix: String,
}

fn is_zero(offset: &u16) -> bool {
    *offset == 0
}

impl From<PathBuf> for LabelFiles {
    /// Read as this program writes them.
    fn from(folder: PathBuf) -> Self {
        LabelFiles { folder, ..LabelFiles::default() }
    }
}

impl LabelFiles {
    /// What is typed for them.
    pub(crate) fn in_words(&self) -> String {
        let ignore: Vec<String> = self.ignore.iter().map(u16::to_string).collect();
        let options = [
            (self.indices, "palette", "index"),
            (!ignore.is_empty(), "ignore", &ignore.join(",")),
            (self.offset > 0, "label-offset", &self.offset.to_string()),
            (!self.image_suffix.is_empty(), "image-suffix", &self.image_suffix),
            (!self.label_suffix.is_empty(), "label-suffix", &self.label_suffix),
        ];
        let given = options.iter().filter(|(given, ..)| *given).map(|(_, name, value)| format!(" --{name} {value}"));
        format!("--labels {}{}", self.folder.display(), given.collect::<String>())
    }

    /// What the files of an image's maps begin with, relative to the folder.
    pub(super) fn stem(&self, name: &str) -> String {
        let stem = stem(name);
        let base = stem.strip_suffix(self.image_suffix.as_str()).unwrap_or(&stem);
        format!("{base}{}", self.label_suffix)
    }

    /// The files of an image's channels, in order; none if there are none.
    pub(super) fn of_image(&self, name: &str) -> Result<Vec<PathBuf>> {
        let stem = self.stem(name);
        let below = |ending: String| self.folder.join(stem.clone() + &ending);
        let channel = |channel: usize| below(format!(".{channel}.png"));
        let single = below(".png".to_owned());
        let numbered: Vec<PathBuf> = (0..).map(channel).take_while(|path| files::exists(path)).collect();
        let beyond = channel(numbered.len() + 1);
        if files::exists(&beyond) {
            let missing = channel(numbered.len());
            return Err(Error::input(format!("is not there, but {} is", beyond.display())).at(missing.display()));
        }
        match (numbered.is_empty(), files::exists(&single)) {
            (false, true) => Err(Error::input("there are numbered label maps beside it; which are meant is not clear")
                .at(single.display())),
            (true, true) => Ok(vec![single]),
            (_, false) => Ok(numbered),
        }
    }

    /// As [`LabelFiles::of_image`], but there must be some.
    pub(super) fn needed(&self, name: &str) -> Result<Vec<PathBuf>> {
        let files = self.of_image(name)?;
        if files.is_empty() {
            let stem = self.folder.join(self.stem(name));
            let message = format!("has no label map; {0}.png or {0}.0.png is needed", stem.display());
            return Err(Error::input(message).at(name));
        }
        Ok(files)
    }
}

/// What the files of an image's label maps begin with, relative to their folder. Names are relative, save those of a list that gives
/// whole paths; the maps are below the folder all the same.
pub(crate) fn stem(name: &str) -> String {
    Path::new(name).with_extension("").to_string_lossy().trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_names_only_what_is_unusual() {
        let plain = LabelFiles::from(PathBuf::from("maps"));
        assert_eq!(plain.in_words(), "--labels maps");
        let other = LabelFiles { indices: true, ignore: vec![255, 0], offset: 1, label_suffix: "_ids".into(), ..plain };
        assert_eq!(
            other.in_words(),
            "--labels maps --palette index --ignore 255,0 --label-offset 1 --label-suffix _ids"
        );
    }
}
