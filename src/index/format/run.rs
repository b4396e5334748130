//! Records that hold one thing of several pages: what is read on opening lies in few records.
//!
//! A run takes the place of the records of its pages, under the key of the first of them; it stays
//! there when that page is taken out. Its pages stand in the order of their numbers.

use super::bytes::{Reader, Writer, letter_of};
use super::{Entry, Kind, Rows, entry_from_bytes, read_entry, rows_from_bytes, write_entry};
use crate::error::Result;

/// The bits of one or more pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitsRun<'a> {
    /// Each page's number and how many rows it has.
    pub pages: Vec<(u32, usize)>,
    /// `[rows, dimension / 8]`, in the order of the pages.
    pub bits: &'a [u8],
}

/// The bytes of the bits of several pages, to lie under the key of page `first`.
///
/// # Errors
///
/// `Limit` where they are too long for a record.
pub fn bits_run_to_bytes(first: u32, dimension: usize, run: &BitsRun<'_>) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::BitsRun);
    writer.u32(first);
    writer.count(dimension)?;
    writer.count(run.pages.len())?;
    for &(page, rows) in &run.pages {
        writer.u32(page);
        writer.count(rows)?;
    }
    writer.bytes(run.bits)?;
    writer.seal()
}

/// Reads the bits under the key of page `first`: its own record or the run that begins with it.
pub fn bits_from_bytes(first: u32, dimension: usize, bytes: &[u8]) -> Result<BitsRun<'_>> {
    if letter_of(bytes) != Some(Kind::BitsRun.letter()) {
        let bits = rows_from_bytes(first, Rows::Bits, dimension, bytes)?;
        let rows = bits.len() / Rows::Bits.row_bytes(dimension);
        return Ok(BitsRun { pages: vec![(first, rows)], bits });
    }
    let mut reader = Reader::of_page(Kind::BitsRun, first, bytes)?;
    let found = reader.dimension()?;
    if found != dimension {
        return Err(reader.corrupt(&format!("its dimension is {found}, the index's {dimension}")));
    }
    let pages = reader.list(8, |reader| Ok((reader.u32()?, reader.u32()? as usize)))?;
    let bits = reader.bytes()?;
    check_order(&reader, first, pages.iter().map(|&(page, _)| page))?;
    // In u64, which the counts of as many pages as fit a record cannot overflow.
    let rows: u64 = pages.iter().map(|&(_, rows)| rows as u64).sum();
    if rows.checked_mul(Rows::Bits.row_bytes(dimension) as u64) != Some(bits.len() as u64) {
        return Err(reader.corrupt(&format!("{} bytes are not its {rows} rows", bits.len())));
    }
    reader.finish()?;
    Ok(BitsRun { pages, bits })
}

/// The bytes of the directory of several pages, to lie under the key of page `first`.
///
/// # Errors
///
/// `Limit` where they are too long for a record.
pub fn entries_run_to_bytes(first: u32, entries: &[(u32, &Entry)]) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::EntryRun);
    writer.u32(first);
    writer.count(entries.len())?;
    for (page, entry) in entries {
        writer.u32(*page);
        write_entry(&mut writer, entry)?;
    }
    writer.seal()
}

/// Reads the directory under the key of page `first`: its own record or the run that begins with
/// it.
pub fn entries_from_bytes(first: u32, bytes: &[u8]) -> Result<Vec<(u32, Entry)>> {
    if letter_of(bytes) != Some(Kind::EntryRun.letter()) {
        return Ok(vec![(first, entry_from_bytes(first, bytes)?)]);
    }
    let mut reader = Reader::of_page(Kind::EntryRun, first, bytes)?;
    // An entry takes at least its number, the lengths of two texts, a hash and a count.
    let entries = reader.list(48, |reader| Ok((reader.u32()?, read_entry(reader)?)))?;
    check_order(&reader, first, entries.iter().map(|&(page, _)| page))?;
    reader.finish()?;
    Ok(entries)
}

/// The pages follow one another, the first not before the one that gives the key.
fn check_order(reader: &Reader<'_>, first: u32, pages: impl Iterator<Item = u32>) -> Result<()> {
    let mut least = u64::from(first);
    for page in pages {
        if u64::from(page) < least {
            return Err(reader.corrupt(&format!("page {page} stands in the wrong place")));
        }
        least = u64::from(page) + 1;
    }
    Ok(())
}
