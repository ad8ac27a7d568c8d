//! The work behind the commands, without their words: plain jobs that a program, a page or a test can ask for.
//!
//! A job is a struct of plain data: what to work on, how, and where results go. It is done with a [`Host`], which lends the device and
//! listens; what comes back is plain data too. `cli/` turns words into jobs and outcomes into words.

pub mod activations;
pub mod bench;
pub mod cache;
pub mod classify;
pub mod concepts;
pub mod demo;
pub mod dissect;
pub mod doctor;
pub mod experiments;
mod finished;
pub mod generate;
pub mod generator;
pub mod host;
pub mod import;
mod manifest;
pub mod memory;
pub mod network;
pub(crate) mod run_folder;
pub mod scenes;
pub mod segment;
mod strips;
pub mod subject;
pub(crate) mod timing;

pub use self::host::Host;

use crate::error::{Error, Kind, Result};

/// Refuses what makes no sense in a job: the command line does it before, other callers may not.
///
/// # Errors
/// [`Kind::Usage`] naming the field, if it is not what is `needed`.
fn check(field: &str, holds: bool, needed: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::new(Kind::Usage, format!("needs {needed}")).at(field)) }
}
