//! What the pictures of a folder were made from, noted in it, so that those of two makings are not mixed up.

use std::path::Path;

use serde_json::{Value, json};

use super::generator::Generator;
use super::network::report_model;
use super::run_folder;
use crate::dissect::edits::Change;
use crate::error::{Error, Kind, Result};
use crate::files::{self, lock::FolderLock};
use crate::report::{schema, write_json};

/// Its name in the folder.
const FILE: &str = "manifest.json";

/// What decides the pictures: the generator, its latents, and what is done to its units.
///
/// # Errors
/// As [`Generator::describe`].
pub(super) fn of(generator: &Generator, changes: &[Change]) -> Result<Value> {
    Ok(json!({
        "command": "generate",
        "tool": schema::Tool::current(),
        "model": report_model(&generator.model, &generator.file, "none"),
        "images": generator.describe()?,
        "edits": changes,
    }))
}

/// Takes the folder and notes what it is to hold, before any picture is there.
///
/// # Errors
/// [`Kind::Usage`] if it holds anything else; [`Kind::Input`] if that cannot be told; else as [`run_folder::take`].
pub(super) fn begin(folder: &Path, manifest: &Value) -> Result<FolderLock> {
    let taken = run_folder::take(folder, &[FILE])?;
    let path = folder.join(FILE);
    let refused = |message: String| {
        let error = Error::new(Kind::Usage, message).at(folder.display());
        Err(error.hint("choose a new or an empty folder with `-o`"))
    };
    if files::exists(&path) {
        let broken = |error: serde_json::Error| Error::input(format!("is no manifest: {error}")).at(path.display());
        // Both are read: reading rounds the last digit of some numbers.
        let read = |text: &str| serde_json::from_str::<Value>(text);
        let (found, own) = (read(&files::read_to_string(&path)?).map_err(broken)?, read(&manifest.to_string()));
        let differing =
            ["command", "model", "images", "edits"].map(|key| (key, own.as_ref().ok().map(|own| &own[key])));
        if let Some((key, _)) = differing.into_iter().find(|(key, own)| *own != Some(&found[*key])) {
            return refused(format!("holds other pictures: its manifest.json has other {key}"));
        }
    }
    write_json(&path, manifest)?;
    Ok(taken)
}
