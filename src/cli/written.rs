//! What is written where: paths of results, whose endings must fit what is in them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};

use crate::files;

/// A kind of result that a path is named for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// A picture.
    Png,
    /// Tensors.
    Safetensors,
    /// A folder.
    Folder,
}

/// Endings that say what a file is; whoever names a folder so means a file.
const FILE_ENDINGS: [&str; 16] = [
    "bin",
    "csv",
    "gif",
    "html",
    "jpeg",
    "jpg",
    "json",
    "npy",
    "npz",
    "onnx",
    "pdf",
    "png",
    "pth",
    "safetensors",
    "svg",
    "webp",
];

impl Written {
    /// Reads a path of such a result: one without an ending, or with one that fits.
    pub(super) fn path(self) -> impl TypedValueParser<Value = PathBuf> {
        PathBufValueParser::new().try_map(move |path| self.check(&path).map(|()| path))
    }

    fn check(self, path: &Path) -> Result<(), String> {
        let ending = path.extension().and_then(OsStr::to_str).map(str::to_lowercase);
        let (what, fitting) = match self {
            Written::Png => ("a PNG picture is written", "png"),
            Written::Safetensors => ("a safetensors file is written", "safetensors"),
            Written::Folder => {
                let named = ending.filter(|ending| FILE_ENDINGS.contains(&ending.as_str()) && !files::is_folder(path));
                return match named {
                    Some(ending) => {
                        Err(format!("a folder is written, and .{ending} names a file; such as `{}`", stem(path)))
                    }
                    None => Ok(()),
                };
            }
        };
        match ending {
            Some(ending) if ending != fitting => {
                Err(format!("{what}, and .{ending} names something else; such as `{}.{fitting}`", stem(path)))
            }
            _ => Ok(()),
        }
    }
}

/// The path without its ending, in words.
fn stem(path: &Path) -> String {
    path.with_extension("").display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_that_say_something_else_are_refused() {
        for (written, good, bad) in [
            (Written::Png, &["a.png", "b/A.PNG", "sheet"][..], &["a.jpg", "a.png.jpeg", "a.safetensors"][..]),
            (Written::Safetensors, &["a.safetensors", "x", "v1/x"], &["a.npz", "a.png", "a.pth"]),
            (
                Written::Folder,
                &["run", "run.2", "a.b/c", "photos.old", "src"],
                &["run.html", "out.PNG", "run.safetensors"],
            ),
        ] {
            for path in good {
                assert_eq!(written.check(Path::new(path)), Ok(()), "{path}");
            }
            for path in bad {
                assert!(written.check(Path::new(path)).unwrap_err().contains("such as `"), "{path}");
            }
        }
    }
}
