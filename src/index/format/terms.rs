//! The words of pages: one record for each new page, and segments of many.
//!
//! A page's words lie under its own key, below 2^48. Those of a segment lie from 2^52 on, in 2^20
//! keys each: its head first, then the blocks of its dictionary, then those of its postings.
//!
//! A list of postings is rows in the order of passages: how many passages on from the row before,
//! twice the occurrences in the text (plus one where the word is in the title or the headings, and
//! then how often), then the word's places, each as the distance from the one before. A stem has no
//! places. Numbers are varints.

use super::Kind;
use super::bytes::{HEADER_BYTES, Reader, Writer};
use super::postings::{Row, read_rows};
use crate::error::Result;

/// About how long a block of a segment is. A word of few passages is never parted; a row never is.
pub const BLOCK_BYTES: usize = 32 * 1024;

/// Segments are numbered below this.
pub const SEGMENT_NUMBER_END: u32 = 1 << 31;

/// Where the keys of segments begin.
pub(super) const SEGMENTS_KEY: u64 = 1 << 52;

/// Bits of a key that count a segment's blocks.
const SEGMENT_KEY_BITS: u32 = 20;

/// The key of a segment's head. Its blocks follow.
pub fn segment_key(segment: u32) -> u64 {
    SEGMENTS_KEY + (u64::from(segment) << SEGMENT_KEY_BITS)
}

/// The segment, and the place in it, that a key stands for; `None` for one that is no segment's.
pub fn segment_of_key(key: u64) -> Option<(u32, u64)> {
    let inner = key.checked_sub(SEGMENTS_KEY)?;
    let segment = u32::try_from(inner >> SEGMENT_KEY_BITS).ok()?;
    let place = inner & ((1 << SEGMENT_KEY_BITS) - 1);
    (segment < SEGMENT_NUMBER_END).then_some((segment, place))
}

/// A page that a segment has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentPage {
    /// Its number.
    pub page: u32,
    /// How many passages it has.
    pub passages: u32,
    /// The number of the language of its stems, 0 for none.
    pub language: u8,
}

/// What of a segment is in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentHead {
    /// In the order of their numbers. Their passages are counted through.
    pub pages: Vec<SegmentPage>,
    /// How many words each passage has, at most 65,535.
    pub lengths: Vec<u16>,
    /// The first term of every block of the dictionary.
    pub first_terms: Vec<String>,
    /// How many blocks of postings there are.
    pub postings_blocks: u32,
}

/// The bytes of a segment's head.
///
/// # Errors
///
/// `Limit` where a part is too long for a record. So with all writers here.
pub fn segment_to_bytes(segment: u32, head: &SegmentHead) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::Segment);
    writer.u32(segment);
    writer.count(head.pages.len())?;
    for page in &head.pages {
        writer.u32(page.page);
        writer.u32(page.passages);
        writer.u8(page.language);
    }
    write_lengths(&mut writer, &head.lengths)?;
    writer.count(head.first_terms.len())?;
    for term in &head.first_terms {
        writer.string(term)?;
    }
    writer.u32(head.postings_blocks);
    writer.seal()
}

/// Reads a segment's head.
///
/// # Errors
///
/// `Corrupt`, or `Fingerprint` where a newer version has written it. So with all readers here.
pub fn segment_from_bytes(segment: u32, bytes: &[u8]) -> Result<SegmentHead> {
    let mut reader = open(Kind::Segment, segment, None, bytes)?;
    let pages = reader.list(9, |reader| {
        Ok(SegmentPage { page: reader.u32()?, passages: reader.u32()?, language: reader.u8()? })
    })?;
    let lengths = read_lengths(&mut reader)?;
    let first_terms = reader.list(4, Reader::string)?;
    let postings_blocks = reader.u32()?;
    let passages: u64 = pages.iter().map(|page| u64::from(page.passages)).sum();
    let is_sorted = pages.is_sorted_by(|a, b| a.page < b.page);
    let is_alphabetic = first_terms.is_sorted_by(|a, b| a < b);
    let blocks = first_terms.len() as u64 + u64::from(postings_blocks);
    if passages != lengths.len() as u64 || !is_sorted || !is_alphabetic {
        return Err(reader.corrupt("its pages, lengths or terms do not go together"));
    }
    if blocks >= 1 << SEGMENT_KEY_BITS {
        return Err(reader.corrupt(&format!("{blocks} blocks are more than it can have")));
    }
    reader.finish()?;
    Ok(SegmentHead { pages, lengths, first_terms, postings_blocks })
}

pub(super) fn write_lengths(writer: &mut Writer, lengths: &[u16]) -> Result<()> {
    writer.count(lengths.len())?;
    lengths.iter().for_each(|length| writer.raw(&length.to_le_bytes()));
    Ok(())
}

pub(super) fn read_lengths(reader: &mut Reader<'_>) -> Result<Vec<u16>> {
    reader.list(2, |reader| Ok(u16::from_le_bytes([reader.u8()?, reader.u8()?])))
}

/// Opens a record of a segment, or one of its blocks.
fn open<'a>(kind: Kind, segment: u32, block: Option<u32>, bytes: &'a [u8]) -> Result<Reader<'a>> {
    let mut reader = Reader::open(kind, None, bytes)?;
    let found = (reader.u32()?, block.map(|_| reader.u32()).transpose()?);
    if found != (segment, block) {
        return Err(reader.corrupt(&format!("it is that of segment {}", found.0)));
    }
    Ok(reader)
}

/// A term of a segment, and where its postings are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DictionaryEntry {
    /// The term.
    pub term: String,
    /// In how many passages it is.
    pub passages: u32,
    /// The block, counted from the first of postings, in which its list begins.
    pub block: u32,
    /// Where in that block's record.
    pub offset: u32,
    /// How many further blocks its list goes on in, from the start of each.
    pub more_blocks: u32,
}

/// The bytes of a block of a dictionary: terms in their order, each without what it shares with
/// the one before.
pub fn dictionary_to_bytes(
    segment: u32,
    block: u32,
    entries: &[DictionaryEntry],
) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::Dictionary);
    writer.u32(segment);
    writer.u32(block);
    let mut before = "";
    for entry in entries {
        write_term(&mut writer, before, &entry.term)?;
        for number in [entry.passages, entry.block, entry.offset, entry.more_blocks] {
            writer.varint(number);
        }
        before = &entry.term;
    }
    writer.seal()
}

/// Reads a block of a dictionary.
pub fn dictionary_from_bytes(
    segment: u32,
    block: u32,
    bytes: &[u8],
) -> Result<Vec<DictionaryEntry>> {
    let mut reader = open(Kind::Dictionary, segment, Some(block), bytes)?;
    let mut entries: Vec<DictionaryEntry> = Vec::new();
    while !reader.is_at_end() {
        let term = read_term(&mut reader, entries.last().map(|entry| entry.term.as_str()))?;
        entries.push(DictionaryEntry {
            term,
            passages: reader.varint()?,
            block: reader.varint()?,
            offset: reader.varint()?,
            more_blocks: reader.varint()?,
        });
    }
    Ok(entries)
}

pub(super) fn write_term(writer: &mut Writer, before: &str, term: &str) -> Result<()> {
    let pairs = before.bytes().zip(term.bytes());
    let shared = pairs.take_while(|(a, b)| a == b).count().min(usize::from(u8::MAX));
    let rest = &term.as_bytes()[shared..];
    writer.u8(shared as u8);
    writer.varint(u32::try_from(rest.len()).map_err(|_| super::too_long("a term", rest.len()))?);
    writer.raw(rest);
    Ok(())
}

/// Reads a term, which must come after the one before.
pub(super) fn read_term(reader: &mut Reader<'_>, before: Option<&str>) -> Result<String> {
    let shared = usize::from(reader.u8()?);
    let rest = reader.varint()? as usize;
    let rest = reader.take(rest)?;
    let Some(start) = before.unwrap_or("").as_bytes().get(..shared) else {
        return Err(reader.corrupt("a term shares more with the one before than that has"));
    };
    let mut term = Vec::with_capacity(shared + rest.len());
    term.extend_from_slice(start);
    term.extend_from_slice(rest);
    let Ok(term) = String::from_utf8(term) else {
        return Err(reader.corrupt("a term in it is not UTF-8"));
    };
    if before.is_some_and(|before| before >= term.as_str()) {
        return Err(reader.corrupt("its terms are not in order"));
    }
    Ok(term)
}

/// A block of a segment's postings, found whole.
#[derive(Debug, Clone)]
pub struct PostingsBlock {
    record: Vec<u8>,
}

/// The bytes of a block of postings. Offsets into the record count from its start: the first list
/// is at [`PostingsBlock::START`].
pub fn postings_to_bytes(segment: u32, block: u32, lists: &[u8]) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::Postings);
    writer.u32(segment);
    writer.u32(block);
    writer.raw(lists);
    writer.seal()
}

impl PostingsBlock {
    /// Where the first list begins.
    pub const START: u32 = HEADER_BYTES as u32 + 8;

    /// Takes a block's record.
    pub fn from_bytes(segment: u32, block: u32, record: Vec<u8>) -> Result<Self> {
        open(Kind::Postings, segment, Some(block), &record)?;
        Ok(PostingsBlock { record })
    }

    /// The rows of the list, or the part of one, that begins at an offset.
    pub fn rows(&self, offset: u32, passages: u32, has_places: bool) -> Result<Vec<Row<'_>>> {
        let mut reader = Reader::resume(Kind::Postings, None, &self.record, offset as usize)?;
        let count = reader.varint()?;
        read_rows(&mut reader, count, passages, has_places)
    }
}
