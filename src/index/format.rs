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
//! told from a record that a newer Burrow has written. Every record of a page holds the page's
//! number: one that has come under another's key is not taken for it. Equal values give equal
//! bytes.

mod bytes;
mod frame;
mod page;
mod postings;
mod terms;

use bytes::{Reader, Writer};
pub use frame::{FRAME_HEADER_BYTES, FramePart, find_frame, frame, frame_length, frame_parts};
pub use page::{check_page, from_wire, page_from_bytes, page_to_bytes, to_wire};
pub use postings::{ListWriter, Row, push_row};
pub use terms::{
    BLOCK_BYTES, DictionaryEntry, PageList, PageTerms, PostingsBlock, SEGMENT_NUMBER_END,
    SegmentHead, SegmentPage, dictionary_from_bytes, dictionary_to_bytes, page_of_terms_key,
    page_terms_to_bytes, postings_to_bytes, segment_from_bytes, segment_key, segment_of_key,
    segment_to_bytes,
};

use crate::error::{Error, ErrorKind, Result};
use crate::fingerprint::Fingerprint;
use crate::quantize::Quantizer;

/// Counts up when records are written in another way.
pub const VERSION: u16 = 1;

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
    PageTerms = b'T' as isize,
    Segment = b'G' as isize,
    Dictionary = b'K' as isize,
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

/// How far an index has come. Every commit rewrites it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Commits so far.
    pub commits: u64,
    /// The number that the next page gets. A number is never given twice.
    pub next_page: u32,
}

/// The bytes of the head.
pub fn head_to_bytes(head: Head) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::Head);
    writer.u64(head.commits);
    writer.u32(head.next_page);
    writer.seal()
}

/// Reads the head.
///
/// # Errors
///
/// `Corrupt`, or `Fingerprint` where a newer version has written it. So with all readers here.
pub fn head_from_bytes(bytes: &[u8]) -> Result<Head> {
    let mut reader = Reader::open(Kind::Head, None, bytes)?;
    let head = Head { commits: reader.u64()?, next_page: reader.u32()? };
    reader.finish()?;
    Ok(head)
}

/// The bytes of the record that says what an index was made with.
pub fn meta_to_bytes(fingerprint: &Fingerprint) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::Meta);
    writer.string(&fingerprint.model)?;
    writer.count(fingerprint.dimension)?;
    writer.u8(match fingerprint.quantizer {
        Quantizer::Tanh => 0,
        Quantizer::MaxAbs => 1,
    });
    writer.string(&fingerprint.digest)?;
    writer.seal()
}

/// Reads what an index was made with.
pub fn meta_from_bytes(bytes: &[u8]) -> Result<Fingerprint> {
    let mut reader = Reader::open(Kind::Meta, None, bytes)?;
    let model = reader.string()?;
    let dimension = reader.dimension()?;
    let quantizer = match reader.u8()? {
        0 => Quantizer::Tanh,
        1 => Quantizer::MaxAbs,
        other => return Err(reader.corrupt(&format!("quantizer {other} is unknown"))),
    };
    let digest = reader.string()?;
    reader.finish()?;
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
}

/// The bytes of a page's directory record.
pub fn entry_to_bytes(page: u32, entry: &Entry) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::Entry);
    writer.u32(page);
    writer.string(&entry.url)?;
    writer.string(&entry.title)?;
    writer.raw(&entry.hash);
    writer.count(entry.passages)?;
    writer.seal()
}

/// Reads a page's directory record.
pub fn entry_from_bytes(page: u32, bytes: &[u8]) -> Result<Entry> {
    let mut reader = Reader::of_page(Kind::Entry, page, bytes)?;
    let (url, title) = (reader.string()?, reader.string()?);
    let entry = Entry { url, title, hash: reader.hash()?, passages: reader.u32()? as usize };
    reader.finish()?;
    Ok(entry)
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
