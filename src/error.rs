//! The one error of the crate: what went wrong, where, and what to do about it.

use std::fmt;

/// What an error means to the caller; each kind has its own exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The command line makes no sense.
    Usage,
    /// A file, image, label map or weight is not what it should be.
    Input,
    /// No adapter that can do the work.
    NoDevice,
    /// The device vanished or did not answer.
    DeviceLost,
    /// The work does not fit, even after shrinking the batch.
    OutOfMemory,
    /// Another command works in the same folder.
    Busy,
    /// A kernel disagreed with its reference.
    SelfTest,
    /// A result could not be written: folder not writable, disk full.
    Output,
    /// The user stopped the run; what was done is kept.
    Interrupted,
    /// A mistake of ours.
    Internal,
}

impl Kind {
    /// Every kind, by rising exit code.
    pub const ALL: [Kind; 10] = [
        Kind::Usage,
        Kind::Input,
        Kind::NoDevice,
        Kind::DeviceLost,
        Kind::OutOfMemory,
        Kind::Busy,
        Kind::SelfTest,
        Kind::Output,
        Kind::Internal,
        Kind::Interrupted,
    ];

    /// What it means, in words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Kind::Usage => "the command line makes no sense, or the folder holds other results",
            Kind::Input => "a file, image, label map or weight is not what it should be",
            Kind::NoDevice => "no adapter that can do the work",
            Kind::DeviceLost => "the device was lost or did not answer",
            Kind::OutOfMemory => "out of memory, even after shrinking the batch",
            Kind::Busy => "another command works in the same folder",
            Kind::SelfTest => "a kernel disagreed with its reference",
            Kind::Output => "a result could not be written",
            Kind::Internal => "a mistake of this program",
            Kind::Interrupted => "stopped by the user; what was done is kept",
        }
    }

    /// Exit code of the process, stable across versions.
    pub const fn exit_code(self) -> u8 {
        match self {
            Kind::Usage => 2,
            Kind::Input => 3,
            Kind::NoDevice => 4,
            Kind::DeviceLost => 5,
            Kind::OutOfMemory => 6,
            Kind::Busy => 7,
            Kind::SelfTest => 8,
            Kind::Output => 9,
            Kind::Internal => 70,
            Kind::Interrupted => 130,
        }
    }
}

/// An error with its place and a hint.
///
/// `Display` prints `place: message`; the hint is printed on a line of its own by the command line.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    message: String,
    place: Vec<String>,
    hint: Option<String>,
}

/// Result with the crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A new error. `message` says what was found and what was needed: lower case, no full stop.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner { kind, message: message.into(), place: Vec::new(), hint: None }))
    }

    /// Shorthand for [`Kind::Input`].
    pub fn input(message: impl Into<String>) -> Self {
        Error::new(Kind::Input, message)
    }

    /// Shorthand for [`Kind::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Error::new(Kind::Internal, message)
    }

    /// Puts the error into its place: a file, a layer, a key. The outermost place is added last and printed first.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.0.place.push(place.to_string());
        self
    }

    /// Adds advice. The first hint stays: it was given by who knew most.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// What the error means to the caller.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Where it is, from the outside in.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.0.place.iter().rev().map(String::as_str)
    }

    /// What was found and what was needed, without its place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The advice, if there is one.
    pub fn advice(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// An error of the file system while reading `path`.
    pub fn reading(path: &std::path::Path, error: &std::io::Error) -> Self {
        Error::new(Kind::Input, describe_io(error)).at(path.display())
    }

    /// An error of the file system while writing `path`.
    pub fn writing(path: &std::path::Path, error: &std::io::Error) -> Self {
        let out = Error::new(Kind::Output, describe_io(error)).at(path.display());
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                out.hint("free some space and run the same command again")
            }
            std::io::ErrorKind::FileTooLarge => {
                out.hint("files may not grow so large here: ask for the limit with `ulimit -f`, or choose another folder with `-o`")
            }
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                out.hint("choose a folder you may write to with `-o`")
            }
            std::io::ErrorKind::NotFound => out.hint("make the folder that it is to lie in first"),
            _ => out,
        }
    }
}

/// The known name that looks most like another.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |known: &str| strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase());
    known.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
}

/// The cause in plain words, without the operating system's number.
fn describe_io(error: &std::io::Error) -> String {
    let text = error.to_string();
    let plain = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = plain.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().collect::<String>() + chars.as_str())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in self.places() {
            write!(f, "{place}: ")?;
        }
        f.write_str(self.message())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_print_from_the_outside_in_and_the_first_hint_stays() {
        let error = Error::input("tensor is [2]").at("fc6.weight").at("a.pth").hint("first").hint("second");
        assert_eq!(error.to_string(), "a.pth: fc6.weight: tensor is [2]");
        assert_eq!(error.advice(), Some("first"));
    }
}
