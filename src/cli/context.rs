//! What every subcommand is given: the machine, where to write, and in which form.

use std::io::Write;
use std::sync::atomic::AtomicBool;

use clap::Args;
use serde::Serialize;

use super::output::writing;
use super::terminal::printable;
use super::words::parse_size;
use crate::data::budget::MAX_PIXELS;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::work::Host;

/// Options that every subcommand takes.
#[derive(Debug, Clone, Args)]
pub(super) struct GlobalArgs {
    /// Adapter to use: `auto`, `cpu`, an index or a part of a name from `netdissect devices`.
    #[arg(long, global = true, env = "NETDISSECT_DEVICE", default_value = "auto", value_name = "DEVICE")]
    pub(super) device: String,

    /// Memory that buffers on the adapter may take, such as `4GiB` [default: half of what is free, or 4GiB on a GPU].
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_size)]
    pub(super) memory: Option<u64>,

    /// Pixels of images that are decoded at one time, over all threads; an image of more is skipped.
    #[arg(long, global = true, value_name = "N", default_value_t = MAX_PIXELS, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_pixels: u64,

    /// Write results as JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,

    /// Say nothing but results and errors.
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,

    /// Show no progress.
    #[arg(long, global = true)]
    pub(super) no_progress: bool,

    /// Colour in messages: when to use it.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(super) color: clap::ColorChoice,

    /// Print help, with `-h` in short.
    #[arg(short, long, global = true, action = clap::ArgAction::Help)]
    help: Option<bool>,

    /// Print the version.
    #[arg(short = 'V', long, global = true, action = clap::ArgAction::Version)]
    version: Option<bool>,
}

impl GlobalArgs {
    /// The machine that the words mean.
    pub(super) fn host<'a>(&self, progress: &'a dyn Progress, stop: &'a AtomicBool) -> Host<'a> {
        let device = match self.device.parse() {
            Ok(choice) => choice,
            Err(never) => match never {},
        };
        Host { device, memory: self.memory, progress, stop }
    }
}

/// What a subcommand works with.
pub(super) struct Context<'a> {
    /// The machine.
    pub(super) host: &'a Host<'a>,
    /// Whether results are wanted as JSON.
    pub(super) json: bool,
    /// Where results go.
    pub(super) out: &'a mut dyn Write,
}

impl Context<'_> {
    /// Writes a line of results, as a terminal may have it.
    ///
    /// # Errors
    /// [`crate::error::Kind::Output`] if nobody can take it.
    pub(super) fn line(&mut self, text: &str) -> Result<()> {
        writeln!(self.out, "{}", printable(text)).map_err(|error| writing(&error))
    }

    /// Writes what came of work: as JSON if that is wanted, else in words, a line each.
    ///
    /// # Errors
    /// As [`Context::line`].
    pub(super) fn tell(&mut self, outcome: &impl Serialize, words: impl FnOnce() -> Vec<String>) -> Result<()> {
        // Results come after all that is told of the work, and into no bar.
        self.host.progress.end();
        if self.json {
            let value = serde_json::to_value(outcome).map_err(|error| Error::internal(error.to_string()))?;
            return writeln!(self.out, "{value:#}").map_err(|error| writing(&error));
        }
        words().iter().try_for_each(|line| self.line(line))
    }
}
