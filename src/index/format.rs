//! The bytes of every record: the only file, with its `format` folder, that knows byte offsets.
//!
//! A record is a header and a payload, all numbers little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 0..3 | `BRW` |
//! | 3 | the kind of record, a letter |
//! | 4..6 | version of the format, [`VERSION`] |
//! | 6..8 | the lower half of the CRC-32 of bytes 0..6 and 8..12 |
//! | 8..12 | length of the payload |
//! | 12..16 | CRC-32 of bytes 0..12 and the payload |
//! | 16.. | the payload |
//!
//! The header's own check tells a record that was not written to its end from one whose length is
//! damaged. The checksums' places and extents stay the same in later versions, so that damage is
//! told from a record that a newer Burrow has written. Records of older versions are read: version 1
//! has no language, fields and time in the directory, and no fields and time in pages. Every record of a page holds the page's
//! number: one that has come under another's key is not taken for it. Equal values give equal
//! bytes.

mod bytes;
mod export;
mod facts;
mod frame;
mod head;
mod page;
mod page_terms;
mod postings;
mod queue;
mod run;
mod seal;
mod terms;

use bytes::{Reader, Writer};
pub use export::{
    EXPORT_HEADER_BYTES, ExportEnd, ExportHead, ExportPart, export_end_from_bytes,
    export_end_to_bytes, export_head_from_bytes, export_head_to_bytes, export_part,
};
use facts::{has_facts, read_facts, write_facts};
pub use frame::{FRAME_HEADER_BYTES, FramePart, find_frame, frame, frame_length, frame_parts};
pub use head::{EFFECTS_MAX, Effect, Head, head_from_bytes, head_to_bytes};
pub use page::{check_page, from_wire, page_from_bytes, page_to_bytes, to_wire};
pub use page_terms::{PageList, PageTerms, PageTermsWriter, page_of_terms_key};
pub use postings::{ListWriter, Row, push_row};
pub(crate) use queue::{
    NOTES_KEY, NUMBER_END, QueueKey, failure_from_bytes, failure_to_bytes, note_from_bytes,
    note_to_bytes, waiting_from_bytes, waiting_to_bytes,
};
pub use run::{
    BitsRun, bits_from_bytes, bits_run_to_bytes, entries_from_bytes, entries_run_to_bytes,
};
pub use seal::{seal_from_bytes, seal_to_bytes};
pub use terms::{
    BLOCK_BYTES, DictionaryEntry, PostingsBlock, SEGMENT_NUMBER_END, SegmentHead, SegmentPage,
    dictionary_from_bytes, dictionary_to_bytes, postings_to_bytes, segment_from_bytes, segment_key,
    segment_of_key, segment_to_bytes,
};

use crate::error::{Error, ErrorKind, Result};
use crate::fields::Fields;
use crate::fingerprint::Fingerprint;
use crate::quantize::Quantizer;

/// Counts up when records are written in another way.
pub const VERSION: u16 = 2;

/// Records from this version on are read; those of newer versions than [`VERSION`] are not.
pub const VERSION_OLDEST: u16 = 1;

/// A page's INT8 rows lie in blocks of this many, so that a candidate's row costs one block.
pub const BLOCK_ROWS: usize = 64;

/// Bits of a record's key that count a page's blocks: so many blocks a page can have.
const BLOCK_KEY_BITS: u32 = 16;

/// The widest vector. The scan adds up bits in 16-bit lanes, and its norm fits 32 bits.
pub const DIMENSION_MAX: usize = 65_536;

/// Passages in a page: as many as its keys can count.
pub const PASSAGES_MAX: usize = BLOCK_ROWS << BLOCK_KEY_BITS;

/// The kinds of record, with the letter each bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Meta = b'M' as isize,
    Head = b'H' as isize,
    Entry = b'D' as isize,
    Bits = b'B' as isize,
    Codes = b'C' as isize,
    Sentences = b'S' as isize,
    Page = b'P' as isize,
    Wire = b'W' as isize,
    Frame = b'L' as isize,
    BitsRun = b'R' as isize,
    EntryRun = b'E' as isize,
    ExportHead = b'X' as isize,
    ExportEnd = b'Z' as isize,
    Seal = b'K' as isize,
    Note = b'N' as isize,
    Waiting = b'Q' as isize,
    Failure = b'F' as isize,
    PageTerms = b'T' as isize,
    Segment = b'G' as isize,
    Dictionary = b'Y' as isize,
    Postings = b'O' as isize,
}

impl Kind {
    fn letter(self) -> u8 {
        self as u8
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Meta => "meta record",
            Kind::Head => "head record",
            Kind::Entry => "directory record",
            Kind::Bits => "bits record",
            Kind::Codes => "INT8 record",
            Kind::Sentences => "sentence bits record",
            Kind::Page => "page record",
            Kind::Wire => "encoded page",
            Kind::Frame => "commit",
            Kind::BitsRun => "run of bits",
            Kind::EntryRun => "run of the directory",
            Kind::ExportHead => "beginning of the exported index",
            Kind::ExportEnd => "end of the exported index",
            Kind::Seal => "record that tells the key",
            Kind::Note => "note of a waiting page",
            Kind::Waiting => "waiting page",
            Kind::Failure => "failure record",
            Kind::PageTerms => "words record",
            Kind::Segment => "words segment's head",
            Kind::Dictionary => "words segment's dictionary block",
            Kind::Postings => "words segment's postings block",
        }
    }
}

/// The key of a page's records, and of its first block of INT8 rows.
pub fn page_key(page: u32) -> u64 {
    u64::from(page) << BLOCK_KEY_BITS
}

/// The key of the block that holds a passage's INT8 row, and the row's place in it.
pub fn block_key(page: u32, passage: usize) -> (u64, usize) {
    (page_key(page) + (passage / BLOCK_ROWS) as u64, passage % BLOCK_ROWS)
}

/// The page whose record lies under a key.
pub fn page_of_key(key: u64) -> u32 {
    // Keys are below 2^48, since a page's number has 32 bits; a greater one is no page's.
    u32::try_from(key >> BLOCK_KEY_BITS).unwrap_or(u32::MAX)
}

/// The bytes of the record that says what an index was made with.
pub fn meta_to_bytes(fingerprint: &Fingerprint) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::Meta);
    write_fingerprint(&mut writer, fingerprint)?;
    writer.seal()
}

fn write_fingerprint(writer: &mut Writer, fingerprint: &Fingerprint) -> Result<()> {
    writer.string(&fingerprint.model)?;
    writer.count(fingerprint.dimension)?;
    writer.u8(match fingerprint.quantizer {
        Quantizer::Tanh => 0,
        Quantizer::MaxAbs => 1,
    });
    writer.string(&fingerprint.digest)
}

/// Reads what an index was made with.
pub fn meta_from_bytes(bytes: &[u8]) -> Result<Fingerprint> {
    let mut reader = Reader::open(Kind::Meta, None, bytes)?;
    let fingerprint = read_fingerprint(&mut reader)?;
    reader.finish()?;
    Ok(fingerprint)
}

fn read_fingerprint(reader: &mut Reader<'_>) -> Result<Fingerprint> {
    let model = reader.string()?;
    let dimension = reader.dimension()?;
    let quantizer = match reader.u8()? {
        0 => Quantizer::Tanh,
        1 => Quantizer::MaxAbs,
        other => return Err(reader.corrupt(&format!("quantizer {other} is unknown"))),
    };
    let digest = reader.string()?;
    Ok(Fingerprint { model, dimension, quantizer, digest })
}

/// What is resident of a page besides its bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its address.
    pub url: String,
    /// Its title.
    pub title: String,
    /// The hash of what was added.
    pub hash: [u8; 32],
    /// How many passages it has.
    pub passages: usize,
    /// BCP 47 language of the page, where the page says it. A record of version 1 does not know it.
    pub lang: Option<String>,
    /// What the caller says of the page.
    pub fields: Fields,
    /// When the page was read or written, as the caller says: milliseconds since 1970, UTC.
    pub time_ms: Option<i64>,
}

/// The bytes of a page's directory record.
pub fn entry_to_bytes(page: u32, entry: &Entry) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::Entry);
    writer.u32(page);
    write_entry(&mut writer, entry)?;
    writer.seal()
}

fn write_entry(writer: &mut Writer, entry: &Entry) -> Result<()> {
    writer.string(&entry.url)?;
    writer.string(&entry.title)?;
    writer.raw(&entry.hash);
    writer.count(entry.passages)?;
    writer.option(entry.lang.as_deref())?;
    write_facts(writer, &entry.fields, entry.time_ms)
}

/// Reads a page's directory record.
pub fn entry_from_bytes(page: u32, bytes: &[u8]) -> Result<Entry> {
    let mut reader = Reader::of_page(Kind::Entry, page, bytes)?;
    let entry = read_entry(&mut reader)?;
    reader.finish()?;
    Ok(entry)
}

fn read_entry(reader: &mut Reader<'_>) -> Result<Entry> {
    let (url, title) = (reader.string()?, reader.string()?);
    let (hash, passages) = (reader.hash()?, reader.u32()? as usize);
    let lang = if has_facts(reader) { reader.option()? } else { None };
    let (fields, time_ms) = read_facts(reader)?;
    Ok(Entry { url, title, hash, passages, lang, fields, time_ms })
}

/// Which rows a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// One bit a component, a row for every passage.
    Bits,
    /// One bit a component, a row for every sentence of every passage.
    Sentences,
    /// One byte a component, a row for every passage of the block with this number.
    Codes {
        /// Counted from 0.
        block: usize,
    },
}

impl Rows {
    fn kind(self) -> Kind {
        match self {
            Rows::Bits => Kind::Bits,
            Rows::Sentences => Kind::Sentences,
            Rows::Codes { .. } => Kind::Codes,
        }
    }

    fn block(self) -> usize {
        match self {
            Rows::Codes { block } => block,
            Rows::Bits | Rows::Sentences => 0,
        }
    }

    /// Bytes of one row of this dimension.
    pub fn row_bytes(self, dimension: usize) -> usize {
        match self {
            Rows::Codes { .. } => dimension,
            Rows::Bits | Rows::Sentences => dimension / 8,
        }
    }
}

/// The bytes of a block of rows, `[rows, row_bytes]`.
pub fn rows_to_bytes(page: u32, rows: Rows, dimension: usize, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut writer = Writer::new(rows.kind());
    writer.u32(page);
    writer.count(rows.block())?;
    writer.count(dimension)?;
    writer.bytes(bytes)?;
    writer.seal()
}

/// Reads a block of rows: their bytes, a whole number of rows of this dimension.
pub fn rows_from_bytes(page: u32, rows: Rows, dimension: usize, bytes: &[u8]) -> Result<&[u8]> {
    let mut reader = Reader::of_page(rows.kind(), page, bytes)?;
    let (block, found) = (reader.u32()? as usize, reader.dimension()?);
    if block != rows.block() {
        return Err(reader.corrupt(&format!("it is block {block}, not {}", rows.block())));
    }
    if found != dimension {
        return Err(reader.corrupt(&format!("its dimension is {found}, the index's {dimension}")));
    }
    let content = reader.bytes()?;
    if !content.len().is_multiple_of(rows.row_bytes(dimension)) {
        return Err(reader.corrupt(&format!("{} bytes are not whole rows", content.len())));
    }
    reader.finish()?;
    Ok(content)
}

fn too_long(what: &str, length: usize) -> Error {
    let message = format!("{what} of {length} does not fit a record, which counts to 2^32 - 1");
    Error::new(ErrorKind::Limit, message)
}
