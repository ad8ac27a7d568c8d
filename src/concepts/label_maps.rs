//! Label maps from a folder: `labels.csv`, and for each image one PNG file a label channel.
//!
//! `labels.csv` has the header `number,name,category`. For an image `a/b.jpg` the folder holds `a/b.png`, or `a/b.0.png`,
//! `a/b.1.png` ... A pixel's label is red + 256 green; in a file of grey values it is the value itself. 0 is no label.
//!
//! A map of the photograph's own shape goes through the same turn, squash and crop as the photograph; of the shape that the network sees,
//! or of the grid, it is taken as it is. See `cover` for the rule to the pixel. Where photographs are not known, a map covers what
//! the network sees, at any size.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::cover::{Cover, Shot, turned_note};
use super::label_files::LabelFiles;
use super::label_image::{LabelImage, MapHeader};
use super::numbering::{Numbering, append_channel};
use super::table::LabelTable;
use super::{ConceptInput, ConceptSource, LabelMaps, Photographs, Vocabulary, one_by_one};
use crate::data::decode;
use crate::data::fingerprint::fingerprint;
use crate::data::framing::Geometry;
use crate::data::images::ImageItem;
use crate::error::{Error, Result};
use crate::files;
use crate::hash::hexadecimal;

/// Where label numbers are listed.
pub(crate) const LABELS: &str = "labels.csv";
const HEADER_HINT: &str = "the header is `number,name,category`";

/// How many missing maps are named.
const NAMED: usize = 10;

/// A folder of label maps, opened.
#[derive(Debug)]
pub struct LabelFolder {
    files: LabelFiles,
    numbering: Numbering,
    table_sha256: String,
    /// What the maps of known photographs show, in the order of their channels.
    covers: HashMap<String, Vec<Cover>>,
}

impl LabelFolder {
    /// Reads `labels.csv`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming the line if it is not a table of number, name and category, or a number comes twice.
    pub fn open(files: impl Into<LabelFiles>) -> Result<LabelFolder> {
        let files = files.into();
        let path = files.folder.join(LABELS);
        let table = LabelTable::open(&path).map_err(|error| {
            error.hint("a folder of label maps holds `labels.csv` with the header `number,name,category`")
        })?;
        let numbering = numbering(table, files.offset)?;
        let table_sha256 = hexadecimal(files::sha256(&path)?);
        Ok(LabelFolder { files, numbering, table_sha256, covers: HashMap::new() })
    }

    /// Looks for the maps of all photographs and at their headers, so that nothing is missing in the middle of the work; returns what the
    /// user should know.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`] naming the maps that are missing, or one that is of another shape than photograph and network.
    pub fn look(&mut self, photographs: &Photographs) -> Result<Option<String>> {
        let looked: Vec<_> = photographs.set.items.par_iter().map(|item| self.covers_of(item, photographs)).collect();
        let (mut missing, mut found, mut turned) = (Vec::new(), HashMap::new(), Vec::new());
        for (item, covers) in photographs.set.items.iter().zip(looked) {
            match covers? {
                Looked::Missing => missing.push(item.name.as_str()),
                Looked::Found(covers, is_ambiguous) => {
                    turned.extend(is_ambiguous.then_some(item.name.as_str()));
                    found.insert(item.name.clone(), covers);
                }
                Looked::Unreadable => {}
            }
        }
        self.covers = found;
        let Some(first) = missing.first() else { return Ok(turned_note(&turned)) };
        let (stem, count) = (self.files.stem(first), photographs.set.len());
        let more = if missing.len() > NAMED { format!(" and {} more", missing.len() - NAMED) } else { String::new() };
        let named = missing.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let message = format!(
            "{} of {count} images have no label map: {named}{more}; of {first} it would be {stem}.png or {stem}.0.png",
            missing.len()
        );
        Err(Error::input(message).at(self.files.folder.display()).hint(
            "where maps end otherwise than images, say how: `--image-suffix _leftImg8bit --label-suffix _gtFine_labelTrainIds`",
        ))
    }

    fn covers_of(&self, item: &ImageItem, photographs: &Photographs) -> Result<Looked> {
        let Ok(shape) = decode::shape(&item.path, photographs.exif) else { return Ok(Looked::Unreadable) };
        let mut shot = Shot { stored: shape.stored, turn: shape.turn, geometry: photographs.geometry };
        if photographs.seen_whole.contains(&shot.upright()) {
            shot.geometry = Geometry::AsIs;
        }
        // `segment` takes images whole that already are of a network's size, whatever the rest.
        let is_whole = photographs.taken_whole.contains(&shot.upright());
        let cover = |path: &PathBuf| {
            let size = MapHeader::read(path, self.files.indices)?.size;
            let fitting = match photographs.maps_are_seen {
                true if is_whole => Some(Cover::Photograph { geometry: shot.geometry, turn: Cover::Seen.turn() }),
                true => Some(Cover::Seen),
                false => shot.cover(size).or_else(|| (photographs.grid == Some(size)).then_some(Cover::Seen)),
            };
            fitting.ok_or_else(|| {
                let ((h, w), (rows, columns), (own_h, own_w)) = (size, shot.seen(), shot.upright());
                Error::input(format!(
                    "is {h}x{w}; needs {own_h}x{own_w}, the shape of the photograph, or {rows}x{columns}, what the network sees of it"
                ))
                .at(path.display())
            })
        };
        match self.files.of_image(&item.name)? {
            files if files.is_empty() => Ok(Looked::Missing),
            files => {
                let covers: Vec<Cover> = files.iter().map(cover).collect::<Result<_>>()?;
                let turned = covers.iter().any(|cover| cover.turn() != Cover::Seen.turn());
                Ok(Looked::Found(covers, turned && shot.is_ambiguous()))
            }
        }
    }
}

/// What became of looking for the maps of a photograph.
enum Looked {
    /// And whether they are turned with the photograph although they might be upright already.
    Found(Vec<Cover>, bool),
    Missing,
    /// The photograph will be skipped.
    Unreadable,
}

/// The numbering of `labels.csv`, all numbers raised by `offset`.
fn numbering(mut table: LabelTable, offset: u16) -> Result<Numbering> {
    let column = |name| table.column(name).map_err(|error| error.hint(HEADER_HINT));
    let (number, name, category) = (column("number")?, column("name")?, column("category")?);
    let mut numbering = Numbering::new();
    table
        .each(|row| {
            let (own, name) = (row.label(number)?, row.text(name));
            let label = own.checked_add(offset);
            let label = label.ok_or_else(|| row.error(format!("number {own} + {offset}; labels are at most 65535")))?;
            if label == 0 && name != "-" {
                let error = row.error(format!("number is 0, which means no label; found `{name}`"));
                return Err(error.hint("leave the row out if it is none, or pass `--label-offset 1`, which raises all numbers, of maps too"));
            }
            numbering.add(row, label, name, row.text(category))
        })
        .map_err(|error| error.hint(HEADER_HINT))?;
    if numbering.is_empty() {
        return Err(Error::input("lists no label").at(table.path().display()).hint(HEADER_HINT));
    }
    Ok(numbering)
}

impl ConceptSource for LabelFolder {
    fn vocabulary(&self) -> &Vocabulary {
        &self.numbering.vocabulary
    }

    fn describe(&self) -> serde_json::Value {
        let LabelFiles { folder, indices, ignore, offset, image_suffix, label_suffix } = &self.files;
        let mut told =
            serde_json::json!({ "kind": "label maps", "folder": folder, "labels_csv_sha256": self.table_sha256 });
        if self.files != LabelFiles::from(folder.clone()) {
            told["read"] = serde_json::json!({
                "palette_indices": indices, "ignore": ignore, "label_offset": offset, "image_suffix": image_suffix,
                "label_suffix": label_suffix,
            });
        }
        told
    }

    fn fingerprint(&self, names: &[&str]) -> Option<String> {
        let files: Vec<PathBuf> = names.iter().flat_map(|name| self.files.of_image(name).unwrap_or_default()).collect();
        // Known by their places in the folder, which may be moved.
        let below =
            |path: &PathBuf| path.strip_prefix(&self.files.folder).unwrap_or(path).to_string_lossy().into_owned();
        let named: Vec<(String, &Path)> = files.iter().map(|path| (below(path), path.as_path())).collect();
        Some(fingerprint(named.iter().map(|(name, path)| (name.as_str(), *path))))
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
        for path in &self.files.needed(name)? {
            let map = LabelImage::read(path, self.files.indices, Cover::Seen.turn())?;
            if maps.channels == 0 {
                (maps.h, maps.w) = (map.h, map.w);
            } else if (maps.h, maps.w) != (map.h, map.w) {
                let message = format!("is {}x{}; the first channel is {}x{}", map.h, map.w, maps.h, maps.w);
                return Err(Error::input(message).at(path.display()));
            }
            self.append(&mut maps, (path, &map), |row, column| map.at(row, column))?;
        }
        Ok(maps)
    }

    /// Label maps of one image.
    fn label_maps_of(&self, image: &ConceptInput<'_>, grid: (u32, u32)) -> Result<LabelMaps> {
        let files = self.files.needed(image.name)?;
        let known = self.covers.get(image.name);
        let mut maps = LabelMaps { channels: 0, h: grid.0, w: grid.1, labels: Vec::new() };
        for (channel, path) in files.iter().enumerate() {
            let cover = known.and_then(|covers| covers.get(channel)).copied().unwrap_or(Cover::Seen);
            let map = LabelImage::read(path, self.files.indices, cover.turn())?;
            self.append(&mut maps, (path, &map), |row, column| {
                map.at(cover.pixel(row, grid.0, map.h), cover.pixel(column, grid.1, map.w))
            })?;
        }
        Ok(maps)
    }

    /// Appends a channel, from the number that the file at `path` holds for a cell.
    fn append(
        &self,
        maps: &mut LabelMaps,
        (path, map): (&Path, &LabelImage),
        number_at: impl Fn(u32, u32) -> u16,
    ) -> Result<()> {
        let LabelFiles { ignore, offset, .. } = &self.files;
        let label_of = |number: u16| match number {
            number if ignore.contains(&number) => Ok(0),
            number => number
                .checked_add(*offset)
                .ok_or_else(|| Error::input(format!("number {number} + {offset}; labels are at most 65535"))),
        };
        append_channel(maps, &self.numbering, LABELS, number_at, label_of)
            .map_err(|error| error.at(path.display()).hint(map.hint()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concepts::Pixels;
    use crate::data::decode::Exif;
    use crate::data::images::{ImageSet, Order};

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
        LabelFolder::open(folder.path().to_owned())?.label_maps_of(&input, grid)
    }

    #[test]
    fn labels_are_red_and_256_green_and_channels_follow_their_numbers() {
        let first = map([[1, 0, 0], [44, 1, 0], [0, 0, 0], [1, 0, 0]]);
        let second = map([[0, 0, 0], [1, 0, 0], [0, 0, 0], [44, 1, 0]]);
        let folder = folder(&[("a/b.0.png", first), ("a/b.1.png", second)]);
        let found = maps(&folder, (2, 2)).unwrap();
        assert_eq!((found.channels, found.labels), (2, vec![1, 300, 0, 1, 0, 1, 0, 300]));
        assert_eq!(maps(&folder, (1, 4)).unwrap().labels[..4], [0, 0, 1, 1]);
        assert_eq!(LabelFolder::open(folder.path().to_owned()).unwrap().vocabulary().names[300], "tree, old");
    }

    #[test]
    fn maps_are_known_again_by_what_they_hold_wherever_the_folder_lies() {
        let print = |label: u8| {
            let folder = folder(&[("a/b.png", map([[label, 0, 0]; 4]))]);
            LabelFolder::open(folder.path().to_owned()).unwrap().fingerprint(&["a/b.jpg"])
        };
        assert_eq!(print(1), print(1));
        assert_ne!(print(1), print(0));
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
        let advice = |folder: &tempfile::TempDir| maps(folder, (2, 2)).unwrap_err().advice().unwrap().to_owned();
        assert!(advice(&folder(&[("a/b.png", map([[128, 0, 0]; 4]))])).contains("gives each class a colour"));
        let grey = image::GrayImage::from_raw(2, 1, vec![1, 255]).unwrap();
        assert!(advice(&folder(&[("a/b.png", grey.into())])).contains("`--ignore 255`"));
        let broken = folder(&[("a/b.png", plain())]);
        let path = broken.path().join("a/b.png");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert!(maps(&broken, (2, 2)).unwrap_err().to_string().contains("b.png"));
    }

    /// Photographs of 4x6 in a folder of their own, seen squashed to 4 and cut to 2; the first is stored on its side.
    fn photographs(turn: u8) -> (tempfile::TempDir, Photographs) {
        let dir = tempfile::tempdir().unwrap();
        // The smallest EXIF: a big-endian list of one entry, orientation, a short.
        let exif = [b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", &[turn][..], &[0; 6]].concat();
        for (name, exif) in [("turned.png", Some(exif)), ("b.png", None)] {
            let mut info = png::Info::with_size(6, 4);
            info.exif_metadata = exif.map(Into::into);
            let file = std::fs::File::create(dir.path().join(name)).unwrap();
            let mut writer = png::Encoder::with_info(file, info).unwrap().write_header().unwrap();
            writer.write_image_data(&[0; 24]).unwrap();
        }
        let set = ImageSet::open(&[dir.path().to_owned()], Order::Sorted).unwrap();
        let known = Photographs {
            folder: dir.path().to_owned(),
            set,
            geometry: Geometry::ResizeCrop { resize: 4, crop: 2 },
            exif: Exif::Apply,
            grid: Some((1, 1)),
            maps_are_seen: false,
            taken_whole: Vec::new(),
            seen_whole: Vec::new(),
        };
        (dir, known)
    }

    fn grey(w: u32, h: u32) -> image::DynamicImage {
        image::GrayImage::from_fn(w, h, |x, y| image::Luma([(x + 10 * y) as u8])).into()
    }

    /// Labels on a grid of 2x2 with maps of these names, read as told.
    fn looked(maps: &[(&str, image::DynamicImage)], name: &str, files: LabelFiles) -> Result<Vec<u16>> {
        let (_photographs, known) = photographs(6);
        let folder = folder(maps);
        let rows: String = (1..100).map(|number| format!("{number},n,c\n")).collect();
        std::fs::write(folder.path().join(LABELS), format!("number,name,category\n{rows}")).unwrap();
        let mut opened = LabelFolder::open(LabelFiles { folder: folder.path().to_owned(), ..files })?;
        opened.look(&known)?;
        let input = ConceptInput { name, pixels: Pixels::Rgb(&[]), h: 2, w: 2 };
        Ok(opened.label_maps_of(&input, (2, 2))?.labels)
    }

    #[test]
    fn a_map_of_the_photograph_goes_through_the_same_turn_squash_and_crop() {
        let maps = |size: (u32, u32)| [("b.png", grey(6, 4)), ("turned.png", grey(size.0, size.1))];
        let found = |size, name| looked(&maps(size), name, LabelFiles::default()).unwrap();
        // The middle of 4 squashed columns is columns 2 and 3 of 6, counted at the centres 1.5/4 and 2.5/4.
        assert_eq!(found((6, 4), "b.png"), [12, 13, 22, 23]);
        // On its side: upright row y and column x are stored column y and row 3 - x.
        assert_eq!(found((6, 4), "turned.png"), [22, 12, 23, 13]);
        assert_eq!(found((4, 6), "turned.png"), [21, 22, 31, 32], "it is upright already");
        assert_eq!(found((2, 2), "turned.png"), [0, 1, 10, 11], "it is what the network sees");
        assert_eq!(found((1, 1), "turned.png"), [0; 4], "it is of the grid");
        let error = looked(&maps((3, 3)), "b.png", LabelFiles::default()).unwrap_err().to_string();
        let says = "turned.png: is 3x3; needs 6x4, the shape of the photograph, or 2x2, what the network sees of it";
        assert!(error.ends_with(says), "{error}");
    }

    #[test]
    fn maps_that_may_be_upright_already_are_told() {
        let (_photographs, known) = photographs(3);
        let told = |map| {
            let folder = folder(&[("b.png", grey(6, 4)), ("turned.png", map)]);
            LabelFolder::open(folder.path().to_owned()).unwrap().look(&known).unwrap()
        };
        assert!(told(grey(6, 4)).unwrap().starts_with("label maps of 1 of the photographs (the first: turned.png)"));
        assert_eq!(told(grey(1, 1)), None, "it is of the grid");
    }

    #[test]
    fn all_missing_maps_are_named_before_the_work_and_suffixes_pair_names() {
        let error = looked(&[], "b.png", LabelFiles::default()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("2 of 2 images have no label map: b.png, turned.png; of b.png it would be b.png")
        );
        assert!(error.advice().unwrap().contains("--label-suffix"));
        let maps = [("b_ids.png", grey(6, 4)), ("turn_ids.png", grey(6, 4))];
        let files = LabelFiles { image_suffix: "ed".into(), label_suffix: "_ids".into(), ..LabelFiles::default() };
        assert_eq!(looked(&maps, "b.png", files.clone()).unwrap(), [12, 13, 22, 23]);
        assert_eq!(looked(&maps, "turned.png", files).unwrap(), [22, 12, 23, 13]);
    }

    #[test]
    fn numbers_are_ignored_and_raised_as_told() {
        let maps = [("b.png", grey(6, 4)), ("turned.png", grey(6, 4))];
        let files = LabelFiles { ignore: vec![13, 22], offset: 5, ..LabelFiles::default() };
        assert_eq!(looked(&maps, "b.png", files).unwrap(), [17, 0, 0, 28]);
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(LABELS), "number,name,category\n0,road,stuff\n1,sky,stuff\n").unwrap();
        let error = LabelFolder::open(dir.path().to_owned()).unwrap_err();
        assert!(error.to_string().ends_with("line 2: number is 0, which means no label; found `road`"), "{error}");
        assert!(error.advice().unwrap().contains("--label-offset 1"));
        let raised = LabelFiles { folder: dir.path().to_owned(), offset: 1, ..LabelFiles::default() };
        assert_eq!(LabelFolder::open(raised).unwrap().vocabulary().names, ["-", "road", "sky"]);
    }

    /// 65535 + 1 is not 65535, though that is listed.
    #[test]
    fn a_number_that_the_offset_raises_too_far_is_an_error() {
        let deep = image::ImageBuffer::<image::Luma<u16>, _>::from_raw(2, 1, vec![65534, 65535]).unwrap();
        let folder = folder(&[("a/b.png", deep.into())]);
        std::fs::write(folder.path().join(LABELS), "number,name,category\n65534,last,stuff\n").unwrap();
        let files = LabelFiles { folder: folder.path().to_owned(), offset: 1, ..LabelFiles::default() };
        let input = ConceptInput { name: "a/b.jpg", pixels: Pixels::Rgb(&[]), h: 1, w: 2 };
        let error = LabelFolder::open(files).unwrap().label_maps_of(&input, (1, 2)).unwrap_err().to_string();
        assert!(error.ends_with("b.png: number 65535 + 1; labels are at most 65535"), "{error}");
    }

    #[test]
    fn channels_of_different_sizes_are_not_a_whole() {
        let whole = |second| {
            LabelFolder::open(folder(&[("a.0.png", map([[1, 0, 0]; 4])), ("a.1.png", second)]).path().to_owned())?
                .whole("a.jpg")
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

    fn parse(table: &[u8]) -> Result<Numbering> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(LABELS), table).unwrap();
        numbering(LabelTable::open(&folder.path().join(LABELS))?, 0)
    }

    #[test]
    fn a_table_cut_at_any_length_never_panics() {
        for length in 0..TABLE.len() {
            let _ = parse(&TABLE.as_bytes()[..length]);
        }
        assert!(parse(&TABLE.as_bytes()[..TABLE.len() - 10]).is_err());
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
