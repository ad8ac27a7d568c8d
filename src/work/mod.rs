//! The work behind every command, without its words: plain jobs that a program, a page or a test can ask for.
//!
//! A job is a struct of plain data: what to work on, how, and where results go. It is done with a [`Host`], which lends the device and
//! listens; what comes back is plain data too. `cli/` turns words into jobs and outcomes into words.

pub mod concepts;
pub mod experiments;
pub mod generator;
pub mod host;
pub mod network;
pub mod run_folder;
pub mod strips;
pub mod subject;
pub mod timing;

pub use self::host::Host;
