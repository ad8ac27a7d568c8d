//! Results of experiments: for each a JSON file, a CSV file, plots, pictures, and a section of one page that needs no other file.
//!
//! An experiment is a file here that says what its JSON holds and what is told of it, an [`ExperimentReport`], and a row in
//! [`ALL`]; files and page are made of that. Several experiments may share a folder: the page is made again from their JSON files
//! and pictures, so that it never depends on which of them ran last.

pub mod ablate;
mod about;
pub mod detect;
pub mod insert;
pub mod page;
mod pieces;
pub mod remove;
mod result;
mod table;

pub use self::about::{About, Concept, PictureFile, PictureRow, RankedUnit, SCHEMA_VERSION};
pub use self::pieces::{Csv, Drawing, Plot};
pub use self::result::{ExperimentReport, file, open, section, write};
pub use self::table::{ALL, ExperimentEntry, check_folder, write_page};
