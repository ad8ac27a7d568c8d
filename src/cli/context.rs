//! What every subcommand is given: the machine, where to write, and in which form.

use std::io::Write;
use std::sync::atomic::AtomicBool;

use clap::Args;

use crate::error::{Error, Kind, Result};
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
    /// Writes a line of results.
    ///
    /// # Errors
    /// [`Kind::Output`] if nobody can take it.
    pub(super) fn line(&mut self, text: &str) -> Result<()> {
        writeln!(self.out, "{text}").map_err(|error| writing(&error))
    }

    /// Writes results as JSON.
    ///
    /// # Errors
    /// As [`Context::line`].
    pub(super) fn json(&mut self, value: &serde_json::Value) -> Result<()> {
        self.line(&format!("{value:#}"))
    }
}

/// An error of standard output. A closed pipe is the reader's choice, not ours to complain about.
pub(super) fn writing(error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        // Nobody listens any more: what `head` does to every program.
        std::process::exit(0);
    }
    Error::new(Kind::Output, error.to_string()).at("standard output")
}

/// Bytes of a size such as `512MiB`, `4GiB`, `1.5g` or a plain number.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim();
    let unit = text[digits.len()..].trim().to_ascii_lowercase();
    let shift = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(format!("`{text}` is not a size; such as 512MiB or 4GiB")),
    };
    let number: f64 = digits.parse().map_err(|_| format!("`{text}` is not a size; such as 512MiB or 4GiB"))?;
    let bytes = number * (1u64 << shift) as f64;
    if bytes >= 1.0 && bytes < 2f64.powi(63) { Ok(bytes as u64) } else { Err(format!("`{text}` is out of range")) }
}

/// Bytes in words.
pub(super) fn size_in_words(bytes: u64) -> String {
    match bytes {
        0..0x400 => format!("{bytes} B"),
        0x400..0x10_0000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        0x10_0000..0x4000_0000 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}

/// Seconds in words.
pub(super) fn time_in_words(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..90 => format!("{seconds:.1} s"),
        90..5400 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_binary_units_and_nonsense_is_refused() {
        assert_eq!(parse_size("4GiB"), Ok(4 << 30));
        assert_eq!(parse_size("1.5g"), Ok(3 << 29));
        assert_eq!(parse_size("512 MB"), Ok(512 << 20));
        assert_eq!(parse_size("100"), Ok(100));
        for text in ["", "GiB", "-1GiB", "4XiB", "0", "NaN", "1e30G"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
