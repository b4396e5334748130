//! The file of an exported index: its beginning, its pages as they go between modules, its end.
//!
//! All are records, one after the other, so that each tells its own length. Equal content gives an
//! equal file, whatever the index has been through: pages stand in the order of their addresses'
//! bytes, and nothing of how they were stored is in it.

use super::bytes::{HEADER_BYTES, Reader, Writer, record_length};
use super::{Kind, read_fingerprint, write_fingerprint};
use crate::error::Result;
use crate::fingerprint::Fingerprint;

/// So many bytes tell what a part is and how long.
pub const EXPORT_HEADER_BYTES: usize = HEADER_BYTES;

/// A part of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportPart {
    /// The first: what the index was made with.
    Head,
    /// A page and its codes.
    Page,
    /// The last: what was before it.
    End,
}

/// What the file begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportHead {
    /// What the index was made with.
    pub fingerprint: Fingerprint,
    /// How many pages follow.
    pub pages: usize,
}

/// What the file ends with: by it a file that was cut off or put together is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportEnd {
    /// How many pages there were.
    pub pages: usize,
    /// SHA-256 of all bytes before this part.
    pub sha256: [u8; 32],
}

/// What part begins with these bytes, and how long it is, header included; `None` if none does.
pub fn export_part(header: &[u8; EXPORT_HEADER_BYTES]) -> Option<(ExportPart, u64)> {
    let kinds = [
        (Kind::ExportHead, ExportPart::Head),
        (Kind::Wire, ExportPart::Page),
        (Kind::ExportEnd, ExportPart::End),
    ];
    kinds.into_iter().find_map(|(kind, part)| Some((part, record_length(kind, header)?)))
}

/// The bytes of the file's beginning.
///
/// # Errors
///
/// `Limit` where it is too long for a record.
pub fn export_head_to_bytes(head: &ExportHead) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::ExportHead);
    write_fingerprint(&mut writer, &head.fingerprint)?;
    writer.count(head.pages)?;
    writer.seal()
}

/// Reads the file's beginning.
///
/// # Errors
///
/// `Corrupt`, or `Fingerprint` where a newer version has written it.
pub fn export_head_from_bytes(bytes: &[u8]) -> Result<ExportHead> {
    let mut reader = Reader::open(Kind::ExportHead, None, bytes)?;
    let fingerprint = read_fingerprint(&mut reader)?;
    let pages = reader.u32()? as usize;
    reader.finish()?;
    Ok(ExportHead { fingerprint, pages })
}

/// The bytes of the file's end.
///
/// # Errors
///
/// `Limit` where there are too many pages to count.
pub fn export_end_to_bytes(end: &ExportEnd) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::ExportEnd);
    writer.count(end.pages)?;
    writer.raw(&end.sha256);
    writer.seal()
}

/// Reads the file's end.
///
/// # Errors
///
/// As [`export_head_from_bytes`].
pub fn export_end_from_bytes(bytes: &[u8]) -> Result<ExportEnd> {
    let mut reader = Reader::open(Kind::ExportEnd, None, bytes)?;
    let end = ExportEnd { pages: reader.u32()? as usize, sha256: reader.hash()? };
    reader.finish()?;
    Ok(end)
}
