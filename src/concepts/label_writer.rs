//! Writes a folder of label maps, in the format that [`super::label_maps`] reads.

use std::collections::HashSet;
use std::io::Cursor;
use std::path::{Component, Path, PathBuf};

use image::{ColorType, ImageFormat};

pub(crate) use super::label_files::stem;
pub(crate) use super::label_maps::LABELS;
use super::{LabelMaps, Vocabulary};
use crate::error::{Error, Kind, Result};
use crate::files;

/// Writes `labels.csv`.
///
/// # Errors
/// [`Kind::Output`] if it cannot be written.
pub(crate) fn write_table(folder: &Path, vocabulary: &Vocabulary) -> Result<()> {
    files::make_folder(folder)?;
    files::write_atomic_with(&folder.join(LABELS), |out| {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(["number", "name", "category"])?;
        for (number, (name, category)) in vocabulary.names.iter().zip(&vocabulary.categories).enumerate().skip(1) {
            writer.write_record([&number.to_string(), name, category])?;
        }
        writer.flush()
    })
}

/// Writes the label maps of the image `name`, one PNG file a channel: label = red + 256 green.
///
/// # Errors
/// [`Kind::Output`] if a file cannot be written; [`Kind::Input`] if the name leads out of the folder.
pub(crate) fn write_maps(folder: &Path, name: &str, maps: &LabelMaps) -> Result<()> {
    for (channel, labels) in maps.labels.chunks_exact(maps.cells().max(1)).enumerate() {
        let ending = if maps.channels == 1 { ".png".to_owned() } else { format!(".{channel}.png") };
        let path = beside(folder, name, &ending)?;
        path.parent().map_or(Ok(()), files::make_folder)?;
        let rgb: Vec<u8> = labels.iter().flat_map(|label| [(label & 255) as u8, (label >> 8) as u8, 0]).collect();
        let mut png = Cursor::new(Vec::new());
        image::write_buffer_with_format(&mut png, &rgb, maps.w, maps.h, ColorType::Rgb8, ImageFormat::Png)
            .map_err(|error| Error::internal(error.to_string()).at(path.display()))?;
        files::write_atomic(&path, png.get_ref())?;
    }
    Ok(())
}

/// The file in `folder` that stands for the image `name`, with this ending in place of its own.
///
/// # Errors
/// [`Kind::Input`] if the name leads out of the folder.
pub(crate) fn beside(folder: &Path, name: &str, ending: &str) -> Result<PathBuf> {
    let stem = stem(name);
    if stem.is_empty() || !Path::new(&stem).components().all(|part| matches!(part, Component::Normal(_))) {
        let error = Error::input("the name leads out of the folder of label maps").at(name);
        return Err(
            error.hint("name the folder that holds all images, or list them by paths below the list's own folder")
        );
    }
    Ok(folder.join(stem + ending))
}

/// Checks, before there are any, that no label map would lie outside the folder and that no two images would share a file: `a.jpg` and
/// `a.png` would, and so would `a.jpg` and `a.0.jpg`.
///
/// # Errors
/// [`Kind::Input`] naming the image, or both.
pub(crate) fn check_names<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Result<()> {
    let mut stems = HashSet::new();
    for name in names.clone() {
        beside(Path::new(""), name, "")?;
        if !stems.insert(stem(name)) {
            let other = names.clone().find(|other| *other != name && stem(other) == stem(name)).unwrap_or(name);
            return Err(shared(other, name));
        }
    }
    for name in names.clone() {
        let own = stem(name);
        let Some((base, ending)) = own.rsplit_once('.') else { continue };
        let ours = ["overlay", "picture"].contains(&ending) || ending.bytes().all(|byte| byte.is_ascii_digit());
        if ours && stems.contains(base) {
            let other = names.clone().find(|other| stem(other) == base).unwrap_or(name);
            return Err(shared(other, name));
        }
    }
    Ok(())
}

fn shared(one: &str, other: &str) -> Error {
    Error::new(Kind::Input, format!("{one} and {other} would have label maps of the same name"))
        .hint("rename one of them")
}

#[cfg(test)]
mod tests {
    use super::super::label_maps::LabelFolder;
    use super::super::{ConceptInput, ConceptSource, Pixels};
    use super::*;

    fn vocabulary() -> Vocabulary {
        let words = |word: fn(usize) -> String| (0..400).map(word).collect();
        Vocabulary { names: words(|n| format!("name, \"{n}\"")), categories: words(|n| format!("category {}", n % 3)) }
    }

    #[test]
    fn what_is_written_is_read_back_at_its_own_size_and_by_the_dissector() {
        let folder = tempfile::tempdir().unwrap();
        write_table(folder.path(), &vocabulary()).unwrap();
        for (name, channels) in [("a.jpg", 1), ("b/c.d.png", 3), ("/absolute/e.webp", 2)] {
            let labels = (0..channels * 15).map(|at| (at * 37 % 400) as u16).collect();
            let maps = LabelMaps { channels, h: 3, w: 5, labels };
            write_maps(folder.path(), name, &maps).unwrap();
            let read = LabelFolder::open(folder.path().to_owned()).unwrap();
            assert_eq!(read.vocabulary().names[1..], vocabulary().names[1..]);
            assert_eq!(read.whole(name).unwrap(), maps, "{name}");
            let input = ConceptInput { name, pixels: Pixels::Rgb(&[]), h: 12, w: 20 };
            assert_eq!(read.label_maps(&[input], (3, 5)).unwrap(), [maps], "{name}");
        }
        assert!(folder.path().join("absolute/e.0.png").exists());
    }

    #[test]
    fn nothing_is_written_outside_the_folder() {
        let maps = LabelMaps { channels: 1, h: 1, w: 1, labels: vec![1] };
        let folder = tempfile::tempdir().unwrap();
        for name in ["../a.jpg", "b/../../a.jpg", ""] {
            assert_eq!(write_maps(folder.path(), name, &maps).unwrap_err().kind(), Kind::Input, "{name:?}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn images_that_would_share_a_file_are_named() {
        let check = |names: &[&str]| check_names(names.iter().copied()).map_err(|error| error.to_string());
        assert_eq!(check(&["a.jpg", "b/a.jpg", "a.b.jpg", "3.png", "a3.png"]), Ok(()));
        let says = |one, other| Err(format!("{one} and {other} would have label maps of the same name"));
        assert_eq!(check(&["a.jpg", "c.jpg", "a.png"]), says("a.jpg", "a.png"));
        assert!(check(&["a.jpg", "../b.jpg"]).unwrap_err().starts_with("../b.jpg: the name leads out"));
        assert_eq!(check(&["a.0.jpg", "a.jpg"]), says("a.jpg", "a.0.jpg"));
        assert_eq!(check(&["x/a.jpg", "x/a.overlay.jpg"]), says("x/a.jpg", "x/a.overlay.jpg"));
    }
}
