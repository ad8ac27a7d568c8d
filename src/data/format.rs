//! Formats of pictures, told from how their content begins, and what else there is.

use std::io::Read;
use std::path::Path;

use image::ImageFormat;

use crate::error::{Error, Result};
use crate::files;

/// What is read, for messages.
pub(crate) const READ: &str = "JPEG, PNG, WebP, GIF, BMP or PNM";

/// Bytes that tell a format.
const HEAD: u64 = 64;

/// Formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Photographs.
    Jpeg,
    /// Drawings, screenshots, label maps.
    Png,
    /// Either, from the web.
    WebP,
    /// Of several pictures the first.
    Gif,
    /// Windows bitmaps.
    Bmp,
    /// Portable bitmaps, grey maps and pixel maps.
    Pnm,
}

impl Format {
    const ALL: [Format; 6] = [Format::Jpeg, Format::Png, Format::WebP, Format::Gif, Format::Bmp, Format::Pnm];

    /// Endings of file names, in lower case.
    const fn endings(self) -> &'static [&'static str] {
        match self {
            Format::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
            Format::Png => &["png"],
            Format::WebP => &["webp"],
            Format::Gif => &["gif"],
            Format::Bmp => &["bmp"],
            Format::Pnm => &["ppm", "pgm", "pbm", "pnm"],
        }
    }

    /// The format that a file's name promises, in any case of its letters.
    pub(super) fn of_ending(path: &Path) -> Option<Format> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        Format::ALL.into_iter().find(|format| format.endings().contains(&ending.as_str()))
    }

    /// The format whose signature stands at the beginning, where it is long enough not to stand there by chance.
    pub(super) fn signed(head: &[u8]) -> Option<Format> {
        match head {
            [0xff, 0xd8, 0xff, ..] => Some(Format::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Format::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Format::WebP),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
            _ => None,
        }
    }

    /// The format of a file's content.
    ///
    /// # Errors
    /// [`crate::error::Kind::Input`], naming what else it is, as far as that is known.
    pub(super) fn of(content: &[u8]) -> Result<Format> {
        if let Some(format) = Format::signed(content) {
            return Ok(format);
        }
        match content {
            [] => Err(Error::input(format!("file is empty; needs a {READ} image"))),
            [b'B', b'M', _, _, _, _, _, _, _, _, ..] => Ok(Format::Bmp),
            [b'P', b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n' | b'#', ..] => Ok(Format::Pnm),
            _ => Err(match foreign(content) {
                Some(other) => Error::input(format!("content is {other}, not a {READ} image")),
                None => Error::input(format!("content is not a {READ} image")),
            }),
        }
    }

    /// What the decoder calls it.
    pub(super) const fn decoder(self) -> ImageFormat {
        match self {
            Format::Jpeg => ImageFormat::Jpeg,
            Format::Png => ImageFormat::Png,
            Format::WebP => ImageFormat::WebP,
            Format::Gif => ImageFormat::Gif,
            Format::Bmp => ImageFormat::Bmp,
            Format::Pnm => ImageFormat::Pnm,
        }
    }
}

/// The first bytes of a plain file.
///
/// # Errors
/// [`crate::error::Kind::Input`] if it cannot be read.
pub(super) fn head(path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    files::open(path)?.take(HEAD).read_to_end(&mut head).map_err(|error| Error::reading(path, &error))?;
    Ok(head)
}

/// What people take for pictures, or find in their place.
fn foreign(content: &[u8]) -> Option<&'static str> {
    let begins = |signature: &[u8]| content.starts_with(signature);
    let text = content.trim_ascii_start();
    Some(match content.get(4..12) {
        Some(b"ftypheic" | b"ftypheix" | b"ftyphevc" | b"ftypmif1" | b"ftypheim" | b"ftypmsf1") => "HEIC",
        Some(b"ftypavif" | b"ftypavis") => "AVIF",
        Some(b"ftypcrx ") => "a camera's raw data",
        Some([b'f', b't', b'y', b'p', ..]) => "a film",
        _ if begins(b"II*\0") || begins(b"MM\0*") => "TIFF or a camera's raw data",
        _ if begins(b"8BPS") => "a Photoshop document",
        _ if begins(b"%PDF") => "PDF",
        _ if begins(b"\xff\x0a") || begins(b"\0\0\0\x0cJXL ") => "JPEG XL",
        _ if begins(b"\0\0\0\x0cjP  ") || begins(b"\xff\x4f\xff\x51") => "JPEG 2000",
        _ if begins(b"\0\0\x01\0") => "an icon",
        _ if begins(b"\0\x05\x16\x07") => "a resource fork of macOS",
        _ if begins(b"v/1\x01") => "OpenEXR",
        _ if begins(b"\x1a\x45\xdf\xa3") => "a film",
        _ if begins(b"PK\x03\x04") || begins(b"\x1f\x8b") => "an archive",
        _ if begins(b"\x93NUMPY") => "a numpy array",
        _ if begins(b"version https://git-lfs") => "a pointer of Git LFS (fetch the file with `git lfs pull`)",
        _ if text.starts_with(b"<svg") => "SVG",
        _ if text.starts_with(b"<") => "a web page or XML",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_what_is_not_read_is_named() {
        for (content, format) in [
            (&b"\xff\xd8\xff\xe0"[..], Format::Jpeg),
            (b"\x89PNG\r\n\x1a\n", Format::Png),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Format::WebP),
            (b"GIF89a\x01\0", Format::Gif),
            (b"BM\x10\0\0\0\0\0\0\0", Format::Bmp),
            (b"P6\n3 4\n255\n", Format::Pnm),
        ] {
            assert_eq!(Format::of(content).unwrap(), format);
        }
        for (content, says) in [
            (&b""[..], "file is empty; needs"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "content is HEIC, not a"),
            (b"\0\0\0\x18ftypisom\0\0\0\0", "content is a film"),
            (b"MM\0*\0\0\0\x08", "content is TIFF"),
            (b"\0\x05\x16\x07\0\x02", "content is a resource fork of macOS"),
            (b"version https://git-lfs.github.com/spec/v1\n", "content is a pointer of Git LFS"),
            (b"\n<!DOCTYPE html>", "content is a web page"),
            (b"hello", "content is not a JPEG, PNG"),
            (b"P8\n", "content is not a"),
        ] {
            let error = Format::of(content).unwrap_err().to_string();
            assert!(error.starts_with(says), "{error}");
        }
    }

    #[test]
    fn endings_count_in_any_case() {
        assert_eq!(Format::of_ending(Path::new("a.JPEG")), Some(Format::Jpeg));
        assert_eq!(Format::of_ending(Path::new("a.pgm")), Some(Format::Pnm));
        assert_eq!(Format::of_ending(Path::new("a.heic")), None);
        assert_eq!(Format::of_ending(Path::new("png")), None);
    }
}
