//! The records of pages that wait to be encoded, and of those that could not be.
//!
//! A page that waits has two records: a small note, which is read on opening, and its content,
//! which is read when its turn comes. So the keys of [`crate::store::Space::Queue`] lie in three
//! ranges, contents first: reading from the first note on meets no content.

use super::Kind;
use super::bytes::{Reader, Writer};
use crate::error::Result;
use crate::index::queue::{FailedPage, NewPage, Note, Priority};

/// Numbers of waiting pages are below this.
pub(crate) const NUMBER_END: u64 = 1 << 50;

/// The key of the first note. Notes and failures are all that lies from here on.
pub(crate) const NOTES_KEY: u64 = 1 << 50;

/// The key of the first failure.
const FAILURES_KEY: u64 = 1 << 51;

/// What lies under a key of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueKey {
    /// The content of the waiting page with this number.
    Content(u64),
    /// Its note.
    Note(u64),
    /// Why it will not be indexed.
    Failure(u64),
}

impl QueueKey {
    /// The key in the store.
    pub(crate) fn key(self) -> u64 {
        match self {
            QueueKey::Content(number) => number,
            QueueKey::Note(number) => NOTES_KEY + number,
            QueueKey::Failure(number) => FAILURES_KEY + number,
        }
    }

    /// What lies under a key.
    pub(crate) fn of(key: u64) -> QueueKey {
        match key {
            0..NOTES_KEY => QueueKey::Content(key),
            NOTES_KEY..FAILURES_KEY => QueueKey::Note(key - NOTES_KEY),
            _ => QueueKey::Failure(key - FAILURES_KEY),
        }
    }
}

/// The bytes of a waiting page's note.
pub(crate) fn note_to_bytes(number: u64, note: &Note) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::Note);
    writer.u64(number);
    writer.u8(note.priority as u8);
    writer.raw(&note.hash);
    writer.u64(note.bytes);
    writer.string(&note.url)?;
    writer.seal()
}

/// Reads a waiting page's note.
pub(crate) fn note_from_bytes(number: u64, bytes: &[u8]) -> Result<Note> {
    let mut reader = numbered(Kind::Note, number, bytes)?;
    let priority = priority(&mut reader)?;
    let (hash, bytes, url) = (reader.hash()?, reader.u64()?, reader.string()?);
    reader.finish()?;
    Ok(Note { url, hash, priority, bytes })
}

/// The bytes of a waiting page's content.
pub(crate) fn waiting_to_bytes(number: u64, page: &NewPage) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::Waiting);
    writer.u64(number);
    writer.raw(&page.hash);
    writer.string(&page.url)?;
    writer.option(page.title.as_deref())?;
    writer.option(page.facts.as_deref())?;
    writer.u8(page.format);
    writer.bytes(&page.content)?;
    writer.seal()
}

/// Reads a waiting page's content. Its priority, which may have changed since, is in the note.
pub(crate) fn waiting_from_bytes(number: u64, priority: Priority, bytes: &[u8]) -> Result<NewPage> {
    let mut reader = numbered(Kind::Waiting, number, bytes)?;
    let (hash, url) = (reader.hash()?, reader.string()?);
    let (title, facts) = (reader.option()?, reader.option()?);
    let (format, content) = (reader.u8()?, reader.bytes()?.to_vec());
    reader.finish()?;
    Ok(NewPage { url, title, format, content, facts, hash, priority })
}

/// The bytes of the record that says why a page will not be indexed.
pub(crate) fn failure_to_bytes(number: u64, failed: &FailedPage) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::Failure);
    writer.u64(number);
    writer.string(&failed.url)?;
    writer.string(&failed.kind)?;
    writer.string(&failed.message)?;
    writer.seal()
}

/// Reads why a page will not be indexed.
pub(crate) fn failure_from_bytes(number: u64, bytes: &[u8]) -> Result<FailedPage> {
    let mut reader = numbered(Kind::Failure, number, bytes)?;
    let (url, kind, message) = (reader.string()?, reader.string()?, reader.string()?);
    reader.finish()?;
    Ok(FailedPage { url, kind, message })
}

/// Opens a record whose payload begins with its number in the queue.
fn numbered(kind: Kind, number: u64, bytes: &[u8]) -> Result<Reader<'_>> {
    let mut reader = Reader::open(kind, None, bytes)?;
    let found = reader.u64()?;
    if found != number {
        return Err(reader.corrupt(&format!("it has number {found} in the queue, not {number}")));
    }
    Ok(reader)
}

fn priority(reader: &mut Reader<'_>) -> Result<Priority> {
    let found = reader.u8()?;
    Priority::ALL
        .into_iter()
        .find(|priority| *priority as u8 == found)
        .ok_or_else(|| reader.corrupt(&format!("priority {found} is unknown")))
}
