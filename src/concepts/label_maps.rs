//! Label maps from a folder: `labels.csv`, and for each image one PNG file a label channel.
//!
//! `labels.csv` has the header `number,name,category`. For an image `a/b.jpg` the folder holds `a/b.png`, or `a/b.0.png`,
//! `a/b.1.png` ... A pixel's label is red + 256 green; in a file of grey values it is the value itself. 0 is no label. A map
//! covers what the network sees of the image, at any size: it is taken as it is where it has the grid's size, else the nearest
//! pixel of each cell's centre.

use std::path::{Path, PathBuf};

use image::DynamicImage;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{ConceptInput, ConceptSource, LabelMaps, Vocabulary, nearest};
use crate::data::decode::{self, Exif};
use crate::error::{Error, Result};

/// A folder of label maps.
#[derive(Debug)]
pub struct LabelFolder {
    folder: PathBuf,
    vocabulary: Vocabulary,
    known: Vec<bool>,
    table_sha256: String,
}

#[derive(Deserialize)]
struct Row {
    number: u16,
    name: String,
    category: String,
}

impl LabelFolder {
    /// Reads `labels.csv`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming the line if it is not a table of number, name and category, or a number comes twice.
    pub fn open(folder: &Path) -> Result<LabelFolder> {
        let path = folder.join("labels.csv");
        let bytes = std::fs::read(&path).map_err(|error| {
            Error::reading(&path, &error)
                .hint("a folder of label maps holds `labels.csv` with the header `number,name,category`")
        })?;
        let (vocabulary, known) = parse(&bytes).map_err(|error| error.at(path.display()))?;
        let table_sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(LabelFolder { folder: folder.to_owned(), vocabulary, known, table_sha256 })
    }

    /// The files of an image's channels, in order.
    fn files(&self, name: &str) -> Result<Vec<PathBuf>> {
        let stem = Path::new(name).with_extension("");
        let file = |end: String| self.folder.join(format!("{}.{end}", stem.display()));
        let numbered: Vec<PathBuf> =
            (0..).map(|channel| file(format!("{channel}.png"))).take_while(|path| path.exists()).collect();
        let single = file("png".to_owned());
        match (numbered.is_empty(), single.exists()) {
            (false, false) => Ok(numbered),
            (true, true) => Ok(vec![single]),
            (false, true) => Err(Error::input("there are numbered label maps beside it; which are meant is not clear")
                .at(single.display())),
            (true, false) => Err(Error::input(format!(
                "has no label map; {} or {} is needed",
                single.display(),
                file("0.png".to_owned()).display()
            ))
            .at(name)),
        }
    }

    fn channel(&self, path: &Path, grid: (u32, u32)) -> Result<Vec<u16>> {
        let bytes = decode::read_bounded(path)?;
        let map = decode::decode_stored(&bytes, Exif::Ignore)?.pixels;
        let cells = (0..grid.0).flat_map(|row| (0..grid.1).map(move |column| (row, column)));
        cells
            .map(|(row, column)| {
                let (y, x) = (nearest(row, map.height(), grid.0), nearest(column, map.width(), grid.1));
                let label = label_at(&map, x, y)?;
                if self.known.get(usize::from(label)) != Some(&true) {
                    return Err(Error::input(format!("label {label} at pixel ({x}, {y}) is not in `labels.csv`")));
                }
                Ok(label)
            })
            .collect()
    }
}

/// The label of a pixel: red + 256 green, or the value itself where there is only grey.
fn label_at(map: &DynamicImage, x: u32, y: u32) -> Result<u16> {
    let colour = |[red, green]: [u8; 2]| u16::from(red) + 256 * u16::from(green);
    match map {
        DynamicImage::ImageLuma8(map) => Ok(map.get_pixel(x, y).0[0].into()),
        DynamicImage::ImageLuma16(map) => Ok(map.get_pixel(x, y).0[0]),
        DynamicImage::ImageRgb8(map) => Ok(colour([map.get_pixel(x, y).0[0], map.get_pixel(x, y).0[1]])),
        DynamicImage::ImageRgba8(map) => Ok(colour([map.get_pixel(x, y).0[0], map.get_pixel(x, y).0[1]])),
        other => Err(Error::input(format!("pixels are {:?}; a label map is 8-bit RGB or grey", other.color()))),
    }
}

fn parse(bytes: &[u8]) -> Result<(Vocabulary, Vec<bool>)> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let mut vocabulary = Vocabulary { names: vec!["-".to_owned()], categories: vec!["-".to_owned()] };
    let mut known = vec![true];
    for row in reader.deserialize::<Row>() {
        let row = row.map_err(|error| Error::input(error.to_string()).hint("the header is `number,name,category`"))?;
        let number = usize::from(row.number);
        if number == 0 {
            // Allowed, for tables that list it: it is never a concept.
            continue;
        }
        if known.len() <= number {
            known.resize(number + 1, false);
            vocabulary.names.resize(number + 1, "-".to_owned());
            vocabulary.categories.resize(number + 1, "-".to_owned());
        }
        if known[number] {
            return Err(Error::input(format!("number {number} comes twice")));
        }
        known[number] = true;
        vocabulary.names[number] = row.name;
        vocabulary.categories[number] = row.category;
    }
    if known.len() == 1 {
        return Err(Error::input("it lists no label").hint("the header is `number,name,category`"));
    }
    Ok((vocabulary, known))
}

impl ConceptSource for LabelFolder {
    fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn describe(&self) -> serde_json::Value {
        serde_json::json!({ "kind": "label maps", "folder": self.folder, "labels_csv_sha256": self.table_sha256 })
    }

    fn label_maps(&self, image: &ConceptInput<'_>, grid: (u32, u32)) -> Result<LabelMaps> {
        let files = self.files(image.name)?;
        let mut labels = Vec::with_capacity(files.len() * (grid.0 * grid.1) as usize);
        for path in &files {
            labels.extend(self.channel(path, grid).map_err(|error| error.at(path.display()))?);
        }
        Ok(LabelMaps { channels: files.len() as u32, h: grid.0, w: grid.1, labels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let input = ConceptInput { name: "a/b.jpg", rgb: &[], h: 2, w: 2 };
        LabelFolder::open(folder.path())?.label_maps(&input, grid)
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
            assert!(parse(table.as_bytes()).is_err(), "{table:?}");
        }
        assert!(parse(b"number,name,category\n1,\xff\xfe,b\n").is_err());
    }
}
