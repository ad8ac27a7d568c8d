//! Pictures of experiments: drawn from the device, written beside the results.

use std::path::Path;

use image::RgbImage;

use crate::data::pixels::rgb_of_signed;
use crate::error::{Error, Result};
use crate::files;
use crate::report::experiments::PictureFile;
use crate::report::sheet;
use crate::roles::Split;
use crate::session::Edit;

/// The image that an edit makes of the latent that was begun.
///
/// # Errors
/// What the device reports.
pub(super) fn drawn(split: &mut Split<'_>, edit: Option<&Edit>) -> Result<RgbImage> {
    split.images(&[0], edit)?;
    let image = split.read(1)?;
    let drawn = RgbImage::from_raw(image.shape.w, image.shape.h, rgb_of_signed(&image.data));
    drawn.ok_or_else(|| Error::internal("an image of another size"))
}

/// Writes a picture as a PNG file; `file` is its path relative to the folder, with `/`.
///
/// # Errors
/// [`crate::error::Kind::Output`] if it cannot be written.
pub(super) fn save(folder: &Path, file: String, caption: String, image: &RgbImage) -> Result<PictureFile> {
    let path = folder.join(&file);
    path.parent().map_or(Ok(()), files::make_folder)?;
    files::write_atomic(&path, &sheet::png(image.as_raw(), image.width(), image.height())?)?;
    Ok(PictureFile { file, caption })
}
