//! The words of one page, in one record.

use super::bytes::{Reader, Writer, push_varint};
use super::postings::{Row, push_row, read_rows};
use super::terms::{SEGMENTS_KEY, read_lengths, read_term, write_lengths, write_term};
use super::{Kind, page_key, page_of_key};
use crate::error::Result;

/// Bytes that a term takes in a page's record besides its postings, about.
const TERM_BYTES: usize = 16;

/// Writes a page's words: of each term, in their order, the count of its rows and the rows.
pub struct PageTermsWriter<'a> {
    writer: Writer,
    term_before: &'a str,
    /// Where the rows of the last term begin.
    start: usize,
    passage_before: u32,
}

impl<'a> PageTermsWriter<'a> {
    /// Of a page with the number of the language of its stems, 0 for none, and how many words each
    /// passage has. About so many terms and bytes of rows follow.
    ///
    /// # Errors
    ///
    /// `Limit` where a part is too long for a record. So with all methods.
    pub fn new(
        page: u32,
        language: u8,
        lengths: &[u16],
        (terms, rows_bytes): (usize, usize),
    ) -> Result<Self> {
        let mut writer = Writer::new(Kind::PageTerms);
        writer.reserve(TERM_BYTES * terms + 2 * lengths.len() + rows_bytes);
        writer.u32(page);
        writer.u8(language);
        write_lengths(&mut writer, lengths)?;
        let start = writer.position();
        Ok(PageTermsWriter { writer, term_before: "", start, passage_before: 0 })
    }

    /// Begins a term of so many rows, after those before it.
    pub fn term(&mut self, term: &'a str, rows: u32) -> Result<()> {
        write_term(&mut self.writer, self.term_before, term)?;
        self.writer.varint(rows);
        // The length of the rows, which `end_term` fills in.
        self.writer.u32(0);
        (self.term_before, self.start, self.passage_before) = (term, self.writer.position(), 0);
        Ok(())
    }

    /// Writes a row of the term: a passage after the last, with what [`push_row`] takes.
    pub fn row(&mut self, passage: u32, (body, fields): (u32, u32), places: &[u32]) {
        let bytes = self.writer.rest();
        push_varint(bytes, passage - self.passage_before);
        push_row(bytes, body, fields, places);
        self.passage_before = passage;
    }

    /// Ends a term.
    pub fn end_term(&mut self) -> Result<()> {
        self.writer.fill_in_length(self.start)
    }

    /// The record.
    pub fn seal(self) -> Result<Vec<u8>> {
        self.writer.seal()
    }
}

/// The words of one page, found whole.
#[derive(Debug, Clone)]
pub struct PageTerms {
    record: Vec<u8>,
    start: usize,
    page: u32,
    /// How many words each passage has.
    pub lengths: Vec<u16>,
    /// The number of the language of its stems, 0 for none.
    pub language: u8,
}

impl PageTerms {
    /// Takes a page's record.
    pub fn from_bytes(page: u32, record: Vec<u8>) -> Result<Self> {
        let mut reader = Reader::of_page(Kind::PageTerms, page, &record)?;
        let language = reader.u8()?;
        let lengths = read_lengths(&mut reader)?;
        let start = reader.position();
        Ok(PageTerms { start, page, lengths, language, record })
    }

    /// Its terms in order, each with its rows' count and place.
    pub fn terms(&self) -> Result<Vec<(String, PageList)>> {
        let mut reader =
            Reader::resume(Kind::PageTerms, Some(self.page), &self.record, self.start)?;
        let mut terms: Vec<(String, PageList)> = Vec::new();
        while !reader.is_at_end() {
            let term = read_term(&mut reader, terms.last().map(|(term, _)| term.as_str()))?;
            let count = reader.varint()?;
            let length = reader.bytes()?.len();
            terms.push((term, PageList { count, offset: reader.position() - length }));
        }
        Ok(terms)
    }

    /// The rows of one of its terms.
    pub fn rows(&self, list: PageList, has_places: bool) -> Result<Vec<Row<'_>>> {
        let mut reader =
            Reader::resume(Kind::PageTerms, Some(self.page), &self.record, list.offset)?;
        read_rows(&mut reader, list.count, self.lengths.len() as u32, has_places)
    }
}

/// Where in a page's record a term's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageList {
    /// How many rows, one a passage.
    pub count: u32,
    offset: usize,
}

/// The page whose words lie under a key; `None` for one that is no page's.
pub fn page_of_terms_key(key: u64) -> Option<u32> {
    (key < SEGMENTS_KEY && key == page_key(page_of_key(key))).then(|| page_of_key(key))
}
