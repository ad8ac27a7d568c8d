//! Standard output: the one place that writes results, as lines or as JSON.

use std::io::{self, Write};

use crate::error::{Error, Kind};

/// A writer that remembers whether its reader has gone.
///
/// Whoever reads may stop when they have seen enough, as `head` does: that is their choice and no failure of ours. Writing fails then as
/// it does otherwise, so that work whose results nobody awaits ends at once; only the program's exit code is that of success.
pub(super) struct Output<W> {
    to: W,
    closed: bool,
}

impl<W: Write> Output<W> {
    pub(super) fn new(to: W) -> Output<W> {
        Output { to, closed: false }
    }

    /// Whether the reader has gone.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    fn heard<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        self.closed |= done.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        done
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.to.write(bytes);
        self.heard(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.to.flush();
        self.heard(done)
    }
}

/// An error of standard output.
pub(super) fn writing(error: &io::Error) -> Error {
    Error::new(Kind::Output, error.to_string()).at("standard output")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_has_gone_is_remembered_and_a_full_disk_is_not_one() {
        let mut out = Output::new(Gone);
        assert!(out.write_all(b"line").is_err() && out.is_closed());
        let mut full = [0; 2];
        let mut out = Output::new(&mut full[..]);
        assert!(out.write_all(b"line").is_err() && !out.is_closed());
    }
}
