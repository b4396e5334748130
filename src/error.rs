//! One error type for the whole crate: what happened, with which values, and what to do.

use std::error::Error as StdError;
use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with a [`kind`](Error::kind) to branch on and a message to show.
// One pointer: whatever can fail hands it on, and results that are larger are moved word by word,
// which made the search module larger.
#[derive(Debug)]
pub struct Error(Box<Told>);

#[derive(Debug)]
struct Told {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The classes of failure that a caller can act on differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The page, query or option given cannot be used as it is: correct it.
    Input,
    /// The page holds no readable text: nothing to index.
    Empty,
    /// A documented limit was passed: give less.
    Limit,
    /// A model file is missing, cut off, altered or of an unknown family: fetch it again.
    Model,
    /// The index was made by another model or version: open it with that one, or rebuild.
    Fingerprint,
    /// The index is encrypted and cannot be opened with what was given: give its key.
    Locked,
    /// Stored bytes are not what was written: rebuild the page or the index.
    Corrupt,
    /// The storage refused or failed: the message says which call.
    Storage,
    /// The storage is full: free some space, nothing committed was lost.
    StorageFull,
    /// The device failed or gave values that are not finite: use another device.
    Device,
}

impl ErrorKind {
    /// The name that JavaScript sees as `error.kind`.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Input => "input",
            ErrorKind::Empty => "empty",
            ErrorKind::Limit => "limit",
            ErrorKind::Model => "model",
            ErrorKind::Fingerprint => "fingerprint",
            ErrorKind::Locked => "locked",
            ErrorKind::Corrupt => "corrupt",
            ErrorKind::Storage => "storage",
            ErrorKind::StorageFull => "storage-full",
            ErrorKind::Device => "device",
        }
    }
}

impl Error {
    /// An error of a kind, with a message that says what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error::of(kind, message.into())
    }

    #[cold]
    #[inline(never)]
    fn of(kind: ErrorKind, message: String) -> Self {
        Error(Box::new(Told { kind, message, source: None }))
    }

    /// The same error, with what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What class of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.source {
            Some(source) => write!(f, " ({source})"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
