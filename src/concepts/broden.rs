//! Broden, the broadly and densely labelled data set of Network Dissection (Bau et al., CVPR 2017).
//!
//! A folder holds `index.csv` (an image a row, a category a column), `label.csv`, `category.csv`, `c_<category>.csv` and
//! `images/`. A category's cell lists, separated by `;`, label maps (PNG paths below `images/`) and whole-image labels
//! (numbers); each becomes a label channel. Label numbers are Broden's own. A label belongs to the category in which it
//! covers most.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

use image::metadata::Orientation;

use super::cover::Cover;
use super::label_image::LabelImage;
use super::numbering::{Numbering, append_channel};
use super::table::{LabelRow, LabelTable};
use super::{ConceptInput, ConceptSource, LabelMaps, Photographs, Vocabulary, one_by_one};
use crate::data::fingerprint::fingerprint;
use crate::data::framing::Geometry;
use crate::data::images::{ImageSet, Order};
use crate::error::{Error, Result};
use crate::files;
use crate::hash::hexadecimal;

/// Columns of `index.csv` before the categories.
const LEADING_COLUMNS: [&str; 6] = ["image", "split", "ih", "iw", "sh", "sw"];
/// Where label numbers are listed.
const LABELS: &str = "label.csv";
/// Most label channels of an image. Broden has about ten; more is a broken or hostile table.
const MOST_CHANNELS: usize = 256;

/// A Broden folder as a source of label maps.
#[derive(Debug)]
pub struct Broden {
    folder: PathBuf,
    numbering: Numbering,
    images: HashMap<String, Vec<Channel>>,
    geometry: Geometry,
    index_sha256: String,
}

/// One label channel of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Channel {
    /// The same label everywhere.
    Whole(u16),
    /// A label map below `images/`.
    Map(String),
}

impl Broden {
    /// Reads the tables of `folder`. Label maps show whole photographs; `geometry` says which part of them the network sees.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming file and line if a table is missing or broken.
    pub fn open(folder: &Path, geometry: Geometry) -> Result<Broden> {
        if !is_broden(folder) {
            let error = Error::input("is not Broden; needs a folder with `index.csv` and `images/` in it");
            return Err(error.at(folder.display()));
        }
        let numbering = read_numbering(folder)?;
        let path = folder.join("index.csv");
        let mut images = HashMap::new();
        each_image(&path, |name, row, categories| {
            match images.insert(name.to_owned(), channels(row, categories, &numbering)?) {
                Some(_) => Err(row.error(format!("image {name} comes twice"))),
                None => Ok(()),
            }
        })?;
        let index_sha256 = hexadecimal(files::sha256(&path)?);
        Ok(Broden { folder: folder.to_owned(), numbering, images, geometry, index_sha256 })
    }
}

impl ConceptSource for Broden {
    fn vocabulary(&self) -> &Vocabulary {
        &self.numbering.vocabulary
    }

    fn describe(&self) -> serde_json::Value {
        serde_json::json!({
            "kind": "broden",
            "folder": self.folder,
            "index_csv_sha256": self.index_sha256,
            "geometry": self.geometry.describe(),
        })
    }

    fn fingerprint(&self, names: &[&str]) -> Option<String> {
        let channels = names.iter().filter_map(|name| self.channels_of(name)).flatten();
        let maps: Vec<(&str, PathBuf)> = channels
            .filter_map(|channel| match channel {
                Channel::Map(file) => Some((file.as_str(), self.map_path(file))),
                Channel::Whole(_) => None,
            })
            .collect();
        Some(fingerprint(maps.iter().map(|(name, path)| (*name, path.as_path()))))
    }

    fn label_maps(&self, images: &[ConceptInput<'_>], grid: (u32, u32)) -> Result<Vec<LabelMaps>> {
        one_by_one(images, |image| self.label_maps_of(image, grid))
    }
}

impl Broden {
    /// What an image is labelled with, if it is one of the index.
    fn channels_of(&self, name: &str) -> Option<&Vec<Channel>> {
        self.images.get(name.strip_prefix("images/").unwrap_or(name))
    }

    /// Looks for the maps of all photographs, so that nothing is missing in the middle of the work.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming the maps that are not there.
    pub fn look(&self, photographs: &Photographs) -> Result<()> {
        let channels = photographs.set.items.iter().filter_map(|item| self.channels_of(&item.name)).flatten();
        let maps = channels.filter_map(|channel| match channel {
            Channel::Map(file) => Some(self.map_path(file)),
            Channel::Whole(_) => None,
        });
        let missing: Vec<String> =
            maps.filter(|path| !files::is_file(path)).map(|path| path.display().to_string()).collect();
        let Some(first) = missing.first() else { return Ok(()) };
        Err(Error::input(format!("no such file; {} label maps of index.csv are not there", missing.len())).at(first))
    }

    fn map_path(&self, file: &str) -> PathBuf {
        self.folder.join("images").join(file)
    }

    /// Label maps of one image.
    fn label_maps_of(&self, image: &ConceptInput<'_>, grid: (u32, u32)) -> Result<LabelMaps> {
        let Some(channels) = self.channels_of(image.name) else {
            return Err(Error::input("is not an image of index.csv")
                .at(image.name)
                .hint("dissect the images of the Broden folder itself, with their names below `images/`"));
        };
        let mut maps = LabelMaps { channels: 0, h: grid.0, w: grid.1, labels: Vec::new() };
        for channel in channels {
            match channel {
                Channel::Whole(label) => append_channel(&mut maps, &self.numbering, LABELS, |_, _| *label, Ok)?,
                Channel::Map(file) => {
                    let path = self.map_path(file);
                    // Label maps of Broden show whole photographs, at any size.
                    let cover = Cover::Photograph { geometry: self.geometry, turn: Orientation::NoTransforms };
                    let map = LabelImage::read(&path, false, cover.turn())?;
                    let number_at =
                        |row, column| map.at(cover.pixel(row, grid.0, map.h), cover.pixel(column, grid.1, map.w));
                    append_channel(&mut maps, &self.numbering, LABELS, number_at, Ok)
                        .map_err(|error| error.at(path.display()))?;
                }
            }
        }
        Ok(maps)
    }
}

/// Whether `folder` looks like Broden: an `index.csv` and an `images/`.
pub fn is_broden(folder: &Path) -> bool {
    files::is_file(&folder.join("index.csv")) && files::is_folder(&folder.join("images"))
}

/// The images of a Broden folder, in the order of `index.csv` (then shuffled if `order` says so). Label maps lie among the
/// images, so searching the folder would find too much.
///
/// # Errors
/// [`crate::error::Kind::Input`] naming file and line if `index.csv` is missing or broken.
pub fn image_set(folder: &Path, order: Order) -> Result<ImageSet> {
    let mut names = Vec::new();
    each_image(&folder.join("index.csv"), |name, _, _| {
        names.push(name.to_owned());
        Ok(())
    })?;
    ImageSet::from_names(&folder.join("images"), names, order)
}

/// Gives name, row and category columns of every image of `index.csv` to `take`.
fn each_image(path: &Path, mut take: impl FnMut(&str, LabelRow<'_>, &[usize]) -> Result<()>) -> Result<()> {
    let mut index = LabelTable::open(path)?;
    let image = index.column("image")?;
    let leading = |column: &String| LEADING_COLUMNS.contains(&column.as_str());
    let header = index.header().iter().enumerate();
    let categories: Vec<usize> = header.filter(|(_, column)| !leading(column)).map(|(place, _)| place).collect();
    index.each(|row| {
        let name = row.text(image);
        stays_inside(row, name)?;
        take(name, row, &categories)
    })
}

/// Refuses names that lead out of the images folder: a data set is a download.
fn stays_inside(row: LabelRow<'_>, name: &str) -> Result<()> {
    let inside = !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if inside { Ok(()) } else { Err(row.error(format!("path `{name}` is not below images/"))) }
}

fn channels(row: LabelRow<'_>, categories: &[usize], numbering: &Numbering) -> Result<Vec<Channel>> {
    let mut channels = Vec::new();
    for item in categories.iter().flat_map(|&category| row.text(category).split(';')) {
        let item = item.trim();
        if item.is_empty() {
            continue;
        }
        if channels.len() == MOST_CHANNELS {
            return Err(row.error(format!("lists more than {MOST_CHANNELS} label maps and labels for one image")));
        }
        if item.bytes().all(|byte| byte.is_ascii_digit()) {
            let label: u16 =
                item.parse().map_err(|_| row.error(format!("label {item}; label numbers are at most 65535")))?;
            if !numbering.has(label) {
                return Err(row.error(format!("label {label} is not in label.csv")));
            }
            channels.push(Channel::Whole(label));
        } else {
            stays_inside(row, item)?;
            channels.push(Channel::Map(item.to_owned()));
        }
    }
    Ok(channels)
}

/// Names and primary categories.
fn read_numbering(folder: &Path) -> Result<Numbering> {
    let primary = primary_categories(folder)?;
    let mut table = LabelTable::open(&folder.join(LABELS))?;
    let (number, name, category) = (table.column("number")?, table.column("name")?, table.column("category")?);
    let mut numbering = Numbering::new();
    table.each(|row| {
        let label = row.label(number)?;
        let listed = || row.text(category).split(['(', ';']).next().unwrap_or_default();
        let category = primary.get(&label).map_or_else(listed, |(category, _)| category);
        numbering.add(row, label, &shown_name(row.text(name), category), category)
    })?;
    Ok(numbering)
}

/// The category in which each label covers most; of equals the later in `category.csv`.
fn primary_categories(folder: &Path) -> Result<BTreeMap<u16, (String, f64)>> {
    let mut table = LabelTable::open(&folder.join("category.csv"))?;
    let name = table.column("name")?;
    let mut primary: BTreeMap<u16, (String, f64)> = BTreeMap::new();
    table.each(|row| {
        let category = row.text(name);
        stays_inside(row, category)?;
        let mut codes = LabelTable::open(&folder.join(format!("c_{category}.csv")))?;
        let (number, coverage) = (codes.column("number")?, codes.column("coverage")?);
        codes.each(|code| {
            let covers = code.number(coverage)?;
            let best = primary.entry(code.label(number)?).or_insert_with(|| (category.to_owned(), covers));
            if covers >= best.1 {
                *best = (category.to_owned(), covers);
            }
            Ok(())
        })
    })?;
    Ok(primary)
}

/// Name as people read it: without the suffix that keeps colours and scenes apart from objects, `_` as a space.
fn shown_name(name: &str, category: &str) -> String {
    let suffix = match category {
        "color" => "-c",
        "scene" => "-s",
        _ => "",
    };
    name.strip_suffix(suffix).unwrap_or(name).replace('_', " ")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::{Rgb, RgbImage};

    use super::*;
    use crate::concepts::Pixels;
    use crate::error::Kind;

    const INDEX: &str = "\
image,split,ih,iw,sh,sw,color,object,part,material,scene,texture
ade/b.jpg,train,8,8,4,4,ade/b_color.png,ade/b_object.png,ade/b_part_1.png;ade/b_part_2.png,,5,
dtd/a.jpg,val,8,8,4,4,,,,,,6;7
ade/plain.jpg,val,8,8,4,4,,,,,,
";
    const TABLES: [(&str, &str); 9] = [
        ("index.csv", INDEX),
        (
            "category.csv",
            "name,first,last,count,frequency\ncolor,0,0,1,1\nobject,0,0,1,1\npart,0,0,1,1\nmaterial,0,0,1,1\nscene,0,0,1,1\n",
        ),
        (
            "label.csv",
            "number,name,category,frequency,coverage,syns\n1,red-c,color(9),9,1.5,\n2,street_lamp,part(3);object(3),6,2,lamp;light\n\
             5,art_gallery-s,scene(4),4,4,\n6,dotted,texture(2),2,2,\n7,x-c,object(1),1,1,\n300,wood,material(2),2,2,\n",
        ),
        ("c_color.csv", "code,number,name,frequency,coverage\n1,1,red-c,9,1.5\n"),
        (
            "c_object.csv",
            "code,number,name,frequency,coverage\n1,2,street_lamp,3,0.5\n2,7,x-c,1,1\n3,300,wood,1,0.25\n",
        ),
        ("c_part.csv", "code,number,name,frequency,coverage\n1,2,street_lamp,3,0.7\n"),
        ("c_material.csv", "code,number,name,frequency,coverage\n1,300,wood,2,0.25\n"),
        ("c_scene.csv", "code,number,name,frequency,coverage\n1,5,art_gallery-s,4,4\n"),
        ("README.txt", "not a table"),
    ];

    /// A Broden of three images; object maps hold 300 in the right half, parts 2 everywhere and 7 nowhere but one corner.
    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in TABLES {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let images = dir.path().join("images/ade");
        fs::create_dir_all(&images).unwrap();
        let map = |name: &str, label: fn(u32, u32) -> u16| {
            let pixel = |x, y| label(x, y).to_le_bytes();
            let map = RgbImage::from_fn(4, 4, |x, y| Rgb([pixel(x, y)[0], pixel(x, y)[1], 0]));
            map.save(images.join(name)).unwrap();
        };
        map("b_color.png", |x, _| u16::from(x == 3));
        map("b_object.png", |x, _| if x > 1 { 300 } else { 0 });
        map("b_part_1.png", |_, _| 2);
        map("b_part_2.png", |x, y| if (x, y) == (0, 0) { 7 } else { 0 });
        dir
    }

    fn maps(source: &Broden, name: &str, grid: (u32, u32)) -> Result<LabelMaps> {
        source.label_maps_of(&ConceptInput { name, pixels: Pixels::Rgb(&[]), h: 8, w: 8 }, grid)
    }

    #[test]
    fn pixel_maps_and_whole_image_labels_become_channels_in_the_order_of_the_columns() {
        let dir = folder();
        let source = Broden::open(dir.path(), Geometry::AsIs).unwrap();
        let found = maps(&source, "ade/b.jpg", (2, 4)).unwrap();
        assert_eq!((found.channels, found.h, found.w), (5, 2, 4));
        let rows: Vec<&[u16]> = found.labels.chunks(4).collect();
        assert_eq!(rows[0], [0, 0, 0, 1]);
        assert_eq!(rows[2], [0, 0, 300, 300]);
        assert_eq!(rows[4], [2; 4]);
        assert_eq!(rows[6], [0; 4], "the cell's centre is row 1, not the corner");
        assert_eq!(rows[8], [5; 4]);
        let whole = maps(&source, "images/dtd/a.jpg", (1, 2)).unwrap();
        assert_eq!(whole.labels, [6, 6, 7, 7]);
        assert_eq!(maps(&source, "ade/plain.jpg", (3, 3)).unwrap().channels, 0);
    }

    #[test]
    fn a_squash_and_crop_is_applied_to_the_label_maps_too() {
        let dir = folder();
        // Of a photograph squashed to 8 the middle 4 are seen: label map columns 1 and 2 of 4.
        let geometry = Geometry::ResizeCrop { resize: 8, crop: 4 };
        let source = Broden::open(dir.path(), geometry).unwrap();
        assert_eq!(maps(&source, "ade/b.jpg", (1, 4)).unwrap().labels[..8], [0, 0, 0, 0, 0, 0, 300, 300]);
    }

    #[test]
    fn names_lose_their_suffix_and_a_label_belongs_where_it_covers_most() {
        let dir = folder();
        let source = Broden::open(dir.path(), Geometry::AsIs).unwrap();
        let of = |label: usize| {
            let vocabulary = source.vocabulary();
            (vocabulary.names[label].as_str(), vocabulary.categories[label].as_str())
        };
        assert_eq!(source.vocabulary().len(), 301);
        assert_eq!(of(1), ("red", "color"));
        assert_eq!(of(2), ("street lamp", "part"));
        assert_eq!(of(5), ("art gallery", "scene"));
        assert_eq!(of(6), ("dotted", "texture"), "without a table of its own the first category listed counts");
        assert_eq!(of(7), ("x-c", "object"), "the suffix of a colour means nothing elsewhere");
        assert_eq!(of(300), ("wood", "material"), "of equals the later");
        assert_eq!(of(4), ("-", "-"));
    }

    #[test]
    fn the_images_are_those_of_the_index_in_its_order() {
        let dir = folder();
        assert!(is_broden(dir.path()) && !is_broden(&dir.path().join("images")));
        let error = Broden::open(&dir.path().join("images"), Geometry::AsIs).unwrap_err().to_string();
        assert!(
            error.ends_with("images: is not Broden; needs a folder with `index.csv` and `images/` in it"),
            "{error}"
        );
        let set = image_set(dir.path(), Order::Sorted).unwrap();
        let names: Vec<_> = set.items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(names, ["ade/b.jpg", "dtd/a.jpg", "ade/plain.jpg"]);
        assert!(set.items[0].path.ends_with("images/ade/b.jpg"));
    }

    /// What opening says after `from` has become `to` in a table.
    fn broken(table: &str, from: &str, to: &str) -> String {
        let dir = folder();
        let path = dir.path().join(table);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let error = Broden::open(dir.path(), Geometry::AsIs).unwrap_err();
        assert_eq!(error.kind(), Kind::Input);
        error.to_string()
    }

    #[test]
    fn a_broken_table_is_an_error_that_names_file_and_line() {
        for (table, from, to, says) in [
            ("index.csv", "image,", "picture,", "index.csv: columns are"),
            ("index.csv", "6;7", "6;8", "index.csv: line 3: label 8 is not in label.csv"),
            ("index.csv", "6;7", "6;70000", "index.csv: line 3: label 70000; label numbers are at most 65535"),
            ("index.csv", "6;7", "/etc/passwd", "line 3: path `/etc/passwd` is not below images/"),
            ("index.csv", "dtd/a.jpg", "../a.jpg", "line 3: path `../a.jpg` is not below images/"),
            ("index.csv", "dtd/a.jpg", "ade/b.jpg", "line 3: image ade/b.jpg comes twice"),
            ("index.csv", "dtd/a.jpg,val", "dtd/a.jpg", "line 3: has 11 cells; the header has 12"),
            ("label.csv", "number", "nummer", "label.csv: columns are"),
            ("label.csv", "6,dotted", "5,dotted", "number 5 comes twice"),
            ("label.csv", "6,dotted", "-6,dotted", "number is `-6`"),
            ("category.csv", "part", "../part", "category.csv: line 4: path `../part`"),
            ("category.csv", "part", "parts", "c_parts.csv: no such file"),
            ("c_part.csv", "0.7", "inf", "c_part.csv: line 2: coverage is `inf`"),
        ] {
            let error = broken(table, from, to);
            assert!(error.contains(says), "{error}");
        }
        let long = vec!["6"; MOST_CHANNELS + 1].join(";");
        assert!(broken("index.csv", "6;7", &long).contains("lists more than 256"));
    }

    #[test]
    fn a_table_cut_at_any_length_never_panics() {
        for (table, text) in TABLES {
            let dir = folder();
            for length in 0..text.len() {
                fs::write(dir.path().join(table), &text[..length]).unwrap();
                let _ = Broden::open(dir.path(), Geometry::AsIs);
            }
        }
    }

    #[test]
    fn a_label_map_that_is_missing_broken_or_holds_an_unlisted_label_is_named() {
        let dir = folder();
        let source = Broden::open(dir.path(), Geometry::AsIs).unwrap();
        let says = || maps(&source, "ade/b.jpg", (4, 4)).unwrap_err().to_string();
        let path = dir.path().join("images/ade/b_part_2.png");
        RgbImage::from_pixel(2, 2, Rgb([4, 0, 0])).save(&path).unwrap();
        assert!(
            says().contains("b_part_2.png: label 4 at cell (0, 0) of the 4x4 grid is not in label.csv"),
            "{}",
            says()
        );
        fs::write(&path, b"\x89PNG\r\n\x1a\n").unwrap();
        assert!(says().contains("b_part_2.png: "), "{}", says());
        fs::remove_file(&path).unwrap();
        assert!(says().contains("b_part_2.png: no such file"), "{}", says());
        let error = maps(&source, "other.jpg", (4, 4)).unwrap_err().to_string();
        assert!(error.starts_with("other.jpg: is not an image of index.csv"), "{error}");
    }
}
