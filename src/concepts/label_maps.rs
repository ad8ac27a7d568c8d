//! Label maps from a folder: `labels.csv`, and for each image one PNG file a label channel.
//!
//! `labels.csv` has the header `number,name,category`. For an image `a/b.jpg` the folder holds `a/b.png`, or `a/b.0.png`,
//! `a/b.1.png` ... A pixel's label is red + 256 green; in a file of grey values it is the value itself. 0 is no label. A map
//! covers what the network sees of the image, at any size: it is taken as it is where it has the grid's size, else the nearest
//! pixel of each cell's centre.

use std::path::{Path, PathBuf};

use super::label_image::LabelImage;
use super::numbering::{Numbering, append_channel};
use super::table::LabelTable;
use super::{ConceptInput, ConceptSource, LabelMaps, Vocabulary, nearest, one_by_one};
use crate::data::decode::DECODED_LIMIT_BYTES;
use crate::data::fingerprint::fingerprint;
use crate::error::{Error, Result};
use crate::files;
use crate::hash::sha256;

/// Where label numbers are listed.
pub(crate) const LABELS: &str = "labels.csv";
const HEADER_HINT: &str = "the header is `number,name,category`";

/// A folder of label maps.
#[derive(Debug)]
pub struct LabelFolder {
    folder: PathBuf,
    numbering: Numbering,
    table_sha256: String,
}

impl LabelFolder {
    /// Reads `labels.csv`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming the line if it is not a table of number, name and category, or a number comes twice.
    pub fn open(folder: &Path) -> Result<LabelFolder> {
        let path = folder.join(LABELS);
        let bytes = files::read_bounded(&path, DECODED_LIMIT_BYTES).map_err(|error| {
            error.hint("a folder of label maps holds `labels.csv` with the header `number,name,category`")
        })?;
        let numbering = parse(&path, &bytes)?;
        let table_sha256 = sha256(&bytes);
        Ok(LabelFolder { folder: folder.to_owned(), numbering, table_sha256 })
    }

    /// The files of an image's channels, in order.
    fn files(&self, name: &str) -> Result<Vec<PathBuf>> {
        let stem = stem(name);
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
            (false, false) => Ok(numbered),
            (true, true) => Ok(vec![single]),
            (false, true) => Err(Error::input("there are numbered label maps beside it; which are meant is not clear")
                .at(single.display())),
            (true, false) => Err(Error::input(format!(
                "has no label map; {} or {} is needed",
                single.display(),
                channel(0).display()
            ))
            .at(name)),
        }
    }
}

/// What the files of an image's label maps begin with, relative to their folder. Names are relative, save those of a list that gives
/// whole paths; the maps are below the folder all the same.
pub(crate) fn stem(name: &str) -> String {
    Path::new(name).with_extension("").to_string_lossy().trim_start_matches('/').to_owned()
}

/// The numbering of `labels.csv`; `path` is for messages.
fn parse(path: &Path, bytes: &[u8]) -> Result<Numbering> {
    let table = LabelTable::parse(path, bytes).map_err(|error| error.hint(HEADER_HINT))?;
    let column = |name| table.column(name).map_err(|error| error.hint(HEADER_HINT));
    let (number, name, category) = (column("number")?, column("name")?, column("category")?);
    let mut numbering = Numbering::new();
    for row in table.rows() {
        numbering.add(row, row.label(number)?, row.text(name), row.text(category))?;
    }
    if numbering.is_empty() {
        return Err(Error::input("lists no label").at(path.display()).hint(HEADER_HINT));
    }
    Ok(numbering)
}

impl ConceptSource for LabelFolder {
    fn vocabulary(&self) -> &Vocabulary {
        &self.numbering.vocabulary
    }

    fn describe(&self) -> serde_json::Value {
        serde_json::json!({ "kind": "label maps", "folder": self.folder, "labels_csv_sha256": self.table_sha256 })
    }

    fn fingerprint(&self, names: &[&str]) -> Option<String> {
        let files: Vec<PathBuf> = names.iter().flat_map(|name| self.files(name).unwrap_or_default()).collect();
        Some(fingerprint(files.iter().map(|path| (path.to_str().unwrap_or_default(), path.as_path()))))
    }

    fn label_maps(&self, images: &[ConceptInput<'_>], grid: (u32, u32)) -> Result<Vec<LabelMaps>> {
        one_by_one(images, |image| self.label_maps_of(image, grid))
    }
}

impl LabelFolder {
    /// Label maps of the image `name` at the size at which they are kept.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming the file if a label map is missing, cannot be read, holds a label that is not listed, or
    /// is of another size than the first.
    pub fn whole(&self, name: &str) -> Result<LabelMaps> {
        let mut maps = LabelMaps { channels: 0, h: 0, w: 0, labels: Vec::new() };
        for path in &self.files(name)? {
            let map = LabelImage::read(path)?;
            if maps.channels == 0 {
                (maps.h, maps.w) = (map.h, map.w);
            } else if (maps.h, maps.w) != (map.h, map.w) {
                let message = format!("is {}x{}; the first channel is {}x{}", map.h, map.w, maps.h, maps.w);
                return Err(Error::input(message).at(path.display()));
            }
            append_channel(&mut maps, &self.numbering, LABELS, |row, column| map.at(row, column))
                .map_err(|error| error.at(path.display()))?;
        }
        Ok(maps)
    }

    /// Label maps of one image.
    fn label_maps_of(&self, image: &ConceptInput<'_>, grid: (u32, u32)) -> Result<LabelMaps> {
        let files = self.files(image.name)?;
        let mut maps = LabelMaps { channels: 0, h: grid.0, w: grid.1, labels: Vec::new() };
        for path in &files {
            let map = LabelImage::read(path)?;
            append_channel(&mut maps, &self.numbering, LABELS, |row, column| {
                map.at(nearest(row, map.h, grid.0), nearest(column, map.w, grid.1))
            })
            .map_err(|error| error.at(path.display()))?;
        }
        Ok(maps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concepts::Pixels;

    const TABLE: &str = "number,name,category\n1,sky,object\n300,\"tree, old\",object\n";

    fn folder(files: &[(&str, image::DynamicImage)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("labels.csv"), TABLE).unwrap();
        for (name, image) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            image.save(path).unwrap();
        }
        folder
    }

    fn map(pixels: [[u8; 3]; 4]) -> image::DynamicImage {
        image::RgbImage::from_raw(2, 2, pixels.concat()).unwrap().into()
    }

    fn maps(folder: &tempfile::TempDir, grid: (u32, u32)) -> Result<LabelMaps> {
        let input = ConceptInput { name: "a/b.jpg", pixels: Pixels::Rgb(&[]), h: 2, w: 2 };
        LabelFolder::open(folder.path())?.label_maps_of(&input, grid)
    }

    #[test]
    fn labels_are_red_and_256_green_and_channels_follow_their_numbers() {
        let first = map([[1, 0, 9], [44, 1, 0], [0, 0, 0], [1, 0, 0]]);
        let second = map([[0, 0, 0], [1, 0, 0], [0, 0, 0], [44, 1, 0]]);
        let folder = folder(&[("a/b.0.png", first), ("a/b.1.png", second)]);
        let found = maps(&folder, (2, 2)).unwrap();
        assert_eq!((found.channels, found.labels), (2, vec![1, 300, 0, 1, 0, 1, 0, 300]));
        assert_eq!(maps(&folder, (1, 4)).unwrap().labels[..4], [0, 0, 1, 1]);
        assert_eq!(LabelFolder::open(folder.path()).unwrap().vocabulary().names[300], "tree, old");
    }

    #[test]
    fn grey_maps_hold_the_label_itself() {
        let grey = image::GrayImage::from_raw(2, 1, vec![1, 0]).unwrap();
        assert_eq!(maps(&folder(&[("a/b.png", grey.into())]), (1, 2)).unwrap().labels, [1, 0]);
        let wide = image::ImageBuffer::<image::Luma<u16>, _>::from_raw(2, 1, vec![300, 1]).unwrap();
        assert_eq!(maps(&folder(&[("a/b.png", wide.into())]), (1, 2)).unwrap().labels, [300, 1]);
    }

    #[test]
    fn missing_doubled_unknown_and_broken_maps_are_errors_that_name_the_file() {
        let error = maps(&folder(&[]), (2, 2)).unwrap_err().to_string();
        assert!(error.starts_with("a/b.jpg: has no label map"), "{error}");
        let plain = || map([[1, 0, 0]; 4]);
        assert!(maps(&folder(&[("a/b.png", plain()), ("a/b.0.png", plain())]), (2, 2)).is_err());
        let error = maps(&folder(&[("a/b.png", map([[2, 0, 0]; 4]))]), (2, 2)).unwrap_err().to_string();
        assert!(error.contains("b.png: label 2"), "{error}");
        let broken = folder(&[("a/b.png", plain())]);
        let path = broken.path().join("a/b.png");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert!(maps(&broken, (2, 2)).unwrap_err().to_string().contains("b.png"));
    }

    #[test]
    fn channels_of_different_sizes_are_not_a_whole() {
        let whole = |second| {
            LabelFolder::open(folder(&[("a.0.png", map([[1, 0, 0]; 4])), ("a.1.png", second)]).path())?.whole("a.jpg")
        };
        assert_eq!(whole(map([[1, 0, 0]; 4])).unwrap().labels, [1; 8]);
        let error = whole(image::RgbImage::new(2, 3).into()).unwrap_err().to_string();
        assert!(error.ends_with("a.1.png: is 3x2; the first channel is 2x2"), "{error}");
    }

    #[test]
    fn a_gap_in_the_channels_is_an_error_that_names_the_missing_file() {
        let plain = || map([[1, 0, 0]; 4]);
        let error = maps(&folder(&[("a/b.0.png", plain()), ("a/b.2.png", plain())]), (2, 2)).unwrap_err().to_string();
        assert!(error.contains("b.1.png: is not there") && error.contains("b.2.png"), "{error}");
    }

    #[test]
    fn a_map_of_the_grid_s_size_is_taken_as_it_is_and_others_by_their_nearest_pixel() {
        let side = 7;
        let pixels = image::RgbImage::from_fn(side, side, |x, y| image::Rgb([((x * 5 + y * 3) % 2) as u8, 0, 0]));
        let found = |grid| maps(&folder(&[("a/b.png", pixels.clone().into())]), grid).unwrap().labels;
        let want = |h: u32, w: u32| -> Vec<u16> {
            let centre =
                |at: u32, cells: u32| ((f64::from(at) + 0.5) * f64::from(side) / f64::from(cells)).floor() as u32;
            let cells = (0..h).flat_map(|y| (0..w).map(move |x| (y, x)));
            cells.map(|(y, x)| pixels.get_pixel(centre(x, w), centre(y, h)).0[0].into()).collect()
        };
        for (h, w) in [(7, 7), (3, 5), (14, 20), (1, 1)] {
            assert_eq!(found((h, w)), want(h, w), "{h}x{w}");
        }
    }

    #[test]
    fn a_table_cut_at_any_length_never_panics() {
        for length in 0..TABLE.len() {
            let _ = parse(Path::new(LABELS), &TABLE.as_bytes()[..length]);
        }
        assert!(parse(Path::new(LABELS), &TABLE.as_bytes()[..TABLE.len() - 10]).is_err());
    }

    #[test]
    fn broken_tables_are_errors() {
        for table in [
            "",
            "number,name\n1,a\n",
            "number,name,category\n",
            "number,name,category\n1,a,b\n1,c,d\n",
            "number,name,category\n70000,a,b\n",
            "number,name,category\nx,a,b\n",
            "number,name,category\n1,a,b\n\u{fffd}\n",
        ] {
            assert!(parse(Path::new(LABELS), table.as_bytes()).is_err(), "{table:?}");
        }
        assert!(parse(Path::new(LABELS), b"number,name,category\n1,\xff\xfe,b\n").is_err());
    }
}
