//! Weights that are part of the program: small networks trained on scenes, so that everything can be tried without a download.
//!
//! To ship a network, put its file into `weights/` and a line into the table. Everything else opens it by its path, as any other.

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result, nearest};

/// A shipped network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// What users type.
    pub name: &'static str,
    /// Its files: name and content.
    files: &'static [(&'static str, &'static [u8])],
}

macro_rules! file {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../weights/", $name)))
    };
}

/// All networks that are shipped.
pub const ALL: &[Shipped] = &[
    Shipped { name: CLASSIFIER, files: &[file!("demo-classifier.safetensors")] },
    Shipped { name: GENERATOR, files: &[file!("demo-generator.safetensors")] },
    Shipped {
        name: SEGMENTER,
        files: &[file!("demo-segmenter.safetensors"), file!("demo-segmenter-colors.safetensors")],
    },
];

/// Tells scenes apart.
pub const CLASSIFIER: &str = "demo-classifier";
/// Makes scenes.
pub const GENERATOR: &str = "demo-generator";
/// Labels scenes: objects, parts and materials, and colours in a second file.
pub const SEGMENTER: &str = "demo-segmenter";

/// Where shipped files seem to lie; no folder of this name can be made on Windows, and nobody makes one elsewhere.
const FOLDER: &str = "netdissect:";

impl Shipped {
    /// The paths of its files, for [`super::WeightFile::open`].
    pub fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|(name, _)| Path::new(FOLDER).join(name)).collect()
    }
}

/// The shipped network of a name, if there is one.
pub fn find(name: &str) -> Option<&'static Shipped> {
    ALL.iter().find(|shipped| shipped.name == name)
}

/// The paths of a shipped network's files.
///
/// # Errors
/// [`Kind::Usage`] if no network of this name is shipped.
pub fn paths(name: &str) -> Result<Vec<PathBuf>> {
    find(name).map(Shipped::paths).ok_or_else(|| {
        let known: Vec<_> = ALL.iter().map(|shipped| shipped.name).collect();
        let meant = nearest(name, known.iter().copied()).unwrap_or_default();
        Error::new(Kind::Usage, format!("no network `{name}` comes with this program; there are: {}", known.join(", ")))
            .hint(format!("did you mean `{meant}`? A network of your own is named by its file, with `--weights`"))
    })
}

/// The content of a shipped file, if the path is one's.
pub(super) fn bytes(path: &Path) -> Option<&'static [u8]> {
    let name = path.strip_prefix(FOLDER).ok()?;
    let mut files = ALL.iter().flat_map(|shipped| shipped.files);
    files.find(|(known, _)| Path::new(known) == name).map(|(_, bytes)| *bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::WeightFile;

    #[test]
    fn everything_shipped_opens_in_half_precision_with_a_card_and_is_small() {
        let mut total = 0;
        for path in ALL.iter().flat_map(Shipped::paths) {
            let file = WeightFile::open(&path).unwrap();
            assert!(file.names().count() > 0);
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let card = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("weights/{stem}.md"));
            let card = std::fs::read_to_string(&card).unwrap();
            assert!(card.contains(file.sha256()), "{}'s card gives another hash", path.display());
            let bytes = bytes(&path).unwrap().len();
            let values: usize = file.shapes().values().map(|dims| dims.iter().product::<usize>()).sum();
            assert!(bytes < values * 5 / 2, "{} is not in half precision", path.display());
            total += bytes;
        }
        assert!(total > 0 && total <= 24 << 20, "{total} bytes");
    }

    #[test]
    fn what_is_not_shipped_is_told_with_what_is() {
        let error = paths("demo-nothing").unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().contains(CLASSIFIER));
        assert!(paths("demo-clasifier").unwrap_err().advice().unwrap().contains(CLASSIFIER));
        assert_eq!(bytes(Path::new("weights/demo-classifier.safetensors")), None, "a plain path is a plain file");
    }
}
