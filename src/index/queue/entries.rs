//! What waits, when its turn comes, and what became of it.

/// Which of the waiting pages goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Priority {
    /// What the reader looks at.
    Visible = 0,
    /// The usual.
    Normal = 1,
    /// What can wait for all others.
    Background = 2,
}

impl Priority {
    /// All of them, the first to be encoded first.
    pub const ALL: [Priority; 3] = [Priority::Visible, Priority::Normal, Priority::Background];

    /// The name that JavaScript sees.
    pub fn name(self) -> &'static str {
        match self {
            Priority::Visible => "visible",
            Priority::Normal => "normal",
            Priority::Background => "background",
        }
    }
}

/// A page that is to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPage {
    /// The address.
    pub url: String,
    /// A title that outranks the page's own.
    pub title: Option<String>,
    /// The form of the content, as a number that the caller understands.
    pub format: u8,
    /// The page as it came.
    pub content: Vec<u8>,
    /// What else is known of the page, as JSON that the caller understands.
    pub facts: Option<String>,
    /// [`crate::page::content_hash`] of all this, as [`crate::index::Index::find`] compares it.
    pub hash: [u8; 32],
    /// When its turn comes.
    pub priority: Priority,
}

/// A page whose turn has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingPage {
    /// Its number in the queue, for [`crate::index::Index::commit_queued`] and
    /// [`crate::index::Index::settle`].
    pub key: u64,
    /// What was enqueued.
    pub page: NewPage,
}

/// A page that left the queue without being indexed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FailedPage {
    /// Its address.
    pub url: String,
    /// What class of failure it was, as the caller names it.
    pub kind: String,
    /// Why, as a sentence.
    pub message: String,
}

/// What became of pages that were enqueued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Enqueued {
    /// Pages that wait now, also those that did so before with the same content.
    pub waiting: usize,
    /// Pages whose content is in the index already.
    pub unchanged: usize,
}

/// How much there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Queued {
    /// Pages that wait.
    pub waiting: usize,
    /// Bytes of their contents.
    pub bytes: u64,
    /// Pages that left the queue without being indexed, at most [`super::FAILURES_MAX`].
    pub failed: usize,
}
