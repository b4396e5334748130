//! The record of a page, and a whole encoded page as it goes from one wasm module to the other.

use std::ops::Range;

use super::bytes::{Reader, Writer};
use super::facts::{read_facts, write_facts};
use super::{Kind, PASSAGES_MAX};
use crate::error::{Error, ErrorKind, Result};
use crate::fields::check_time;
use crate::page::{EncodedPage, Page, Passage};

/// The bytes of a page's record.
///
/// # Errors
///
/// `Limit` where a part is too long for a record.
pub fn page_to_bytes(page: u32, content: &Page) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::Page);
    writer.u32(page);
    write_page(&mut writer, content)?;
    writer.seal()
}

/// Reads a page's record; its ranges are checked against its text.
pub fn page_from_bytes(page: u32, bytes: &[u8]) -> Result<Page> {
    let mut reader = Reader::of_page(Kind::Page, page, bytes)?;
    let content = read_page(&mut reader)?;
    reader.finish()?;
    Ok(content)
}

/// A whole encoded page as bytes: what the encoder module hands to the search module.
///
/// # Errors
///
/// `Limit` where a part is too long for a record.
pub fn to_wire(encoded: &EncodedPage) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::Wire);
    write_page(&mut writer, &encoded.page)?;
    writer.count(encoded.dimension)?;
    writer.bytes(&encoded.bits)?;
    writer.count(encoded.int8.len())?;
    encoded.int8.iter().for_each(|code| writer.u8(code.cast_unsigned()));
    writer.bytes(&encoded.sentence_bits)?;
    writer.seal()
}

/// Reads an encoded page; as [`check_page`], and damage is an error.
///
/// # Errors
///
/// `Corrupt` or `Fingerprint`, as with every record.
pub fn from_wire(bytes: &[u8]) -> Result<EncodedPage> {
    let mut reader = Reader::open(Kind::Wire, None, bytes)?;
    let page = read_page(&mut reader)?;
    let dimension = reader.dimension()?;
    let bits = reader.bytes()?.to_vec();
    let int8 = reader.bytes()?.iter().map(|byte| byte.cast_signed()).collect();
    let sentence_bits = reader.bytes()?.to_vec();
    let encoded = EncodedPage { page, dimension, bits, int8, sentence_bits };
    check_page(&encoded).map_err(|error| reader.corrupt(&error.to_string()))?;
    reader.finish()?;
    Ok(encoded)
}

/// Whether a page is whole: an address, passages within its text, and a row for each.
///
/// # Errors
///
/// `Input`, saying what is wrong; `Limit` where it has too many passages.
pub fn check_page(encoded: &EncodedPage) -> Result<()> {
    let page = &encoded.page;
    let wrong = |what: String| Error::new(ErrorKind::Input, format!("page {:?}: {what}", page.url));
    if page.url.is_empty() {
        return Err(wrong("its address is empty".into()));
    }
    if page.passages.len() > PASSAGES_MAX {
        let message =
            format!("{} passages; a page has at most {PASSAGES_MAX}", page.passages.len());
        return Err(Error::new(ErrorKind::Limit, message));
    }
    if let Some(time_ms) = page.time_ms {
        check_time(&format!("page {:?}: its time", page.url), time_ms)?;
    }
    check_ranges(page).map_err(wrong)?;
    let (passages, dimension) = (page.passages.len(), encoded.dimension);
    let sentences: usize = page.passages.iter().map(|passage| passage.sentences.len()).sum();
    for (what, found, rows, row_bytes) in [
        ("bits", encoded.bits.len(), passages, dimension / 8),
        ("INT8", encoded.int8.len(), passages, dimension),
        ("sentence bits", encoded.sentence_bits.len(), sentences, dimension / 8),
    ] {
        if rows.checked_mul(row_bytes) != Some(found) {
            return Err(wrong(format!("{found} bytes of {what} for {rows} rows of {row_bytes}")));
        }
    }
    Ok(())
}

/// Every range lies in the text on character boundaries; sentences follow one another.
fn check_ranges(page: &Page) -> std::result::Result<(), String> {
    if page.passages.is_empty() {
        return Err("it has no passage".into());
    }
    for (number, passage) in page.passages.iter().enumerate() {
        // `get` is `None` for whatever cannot be sliced: out of the text, backward, in a character.
        let slices = |range: &Range<usize>| page.text.get(range.clone()).is_some();
        let in_order = passage.sentences.windows(2).all(|pair| pair[0].end <= pair[1].start);
        if !slices(&passage.range) || !passage.sentences.iter().all(slices) || !in_order {
            return Err(format!("passage {number} or a sentence of it is not a part of its text"));
        }
    }
    Ok(())
}

fn write_page(writer: &mut Writer, page: &Page) -> Result<()> {
    writer.string(&page.url)?;
    writer.string(&page.title)?;
    writer.option(page.lang.as_deref())?;
    writer.raw(&page.hash);
    write_facts(writer, &page.fields, page.time_ms)?;
    writer.string(&page.text)?;
    writer.count(page.passages.len())?;
    for passage in &page.passages {
        write_range(writer, &passage.range)?;
        writer.count(passage.headings.len())?;
        for heading in &passage.headings {
            writer.string(heading)?;
        }
        writer.option(passage.anchor.as_deref())?;
        writer.count(passage.sentences.len())?;
        for sentence in &passage.sentences {
            write_range(writer, sentence)?;
        }
    }
    Ok(())
}

fn read_page(reader: &mut Reader<'_>) -> Result<Page> {
    let (url, title) = (reader.string()?, reader.string()?);
    let lang = reader.option()?;
    let hash = reader.hash()?;
    let (fields, time_ms) = read_facts(reader)?;
    let text = reader.string()?;
    // A passage takes at least its range, two counts and the mark of its anchor.
    let passages = reader.list(17, read_passage)?;
    let page = Page { url, title, lang, hash, fields, time_ms, text, passages };
    check_ranges(&page).map_err(|what| reader.corrupt(&what))?;
    Ok(page)
}

fn read_passage(reader: &mut Reader<'_>) -> Result<Passage> {
    Ok(Passage {
        range: read_range(reader)?,
        headings: reader.list(4, Reader::string)?,
        anchor: reader.option()?,
        sentences: reader.list(8, read_range)?,
    })
}

fn write_range(writer: &mut Writer, range: &Range<usize>) -> Result<()> {
    writer.count(range.start)?;
    writer.count(range.end)
}

fn read_range(reader: &mut Reader<'_>) -> Result<Range<usize>> {
    Ok(reader.u32()? as usize..reader.u32()? as usize)
}
