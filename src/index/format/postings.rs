//! A list of postings: the passages that have a word, and where in each.

use super::BLOCK_BYTES;
use super::bytes::{Reader, push_varint};
use crate::error::Result;

/// A word's occurrences in one passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// The passage, as the segment or the page counts.
    pub passage: u32,
    /// How often it is in the passage's text.
    pub body: u32,
    /// How often it is in the page's title and the passage's headings.
    pub fields: u32,
    /// All but the passage, as it is stored.
    pub tail: &'a [u8],
    /// The places.
    places: &'a [u8],
}

impl Row<'_> {
    /// The word's places, in order; none for a stem.
    pub fn places(&self) -> Vec<u32> {
        let (mut places, mut place, mut value, mut shift) = (Vec::new(), 0u32, 0u32, 0);
        // `read_row` has found them well formed.
        for byte in self.places {
            value |= u32::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                place = place.wrapping_add(value);
                places.push(place);
                (value, shift) = (0, 0);
            }
        }
        places
    }
}

/// Appends what follows a row's passage.
pub fn push_row(bytes: &mut Vec<u8>, body: u32, fields: u32, places: &[u32]) {
    push_varint(bytes, body << 1 | u32::from(fields > 0));
    if fields > 0 {
        push_varint(bytes, fields);
    }
    let mut before = 0;
    for &place in places {
        push_varint(bytes, place - before);
        before = place;
    }
}

/// Puts rows together to a list.
#[derive(Debug, Clone, Default)]
pub struct ListWriter {
    /// The rows so far.
    pub bytes: Vec<u8>,
    /// How many they are.
    pub count: u32,
    last: u32,
}

impl ListWriter {
    /// Appends a row of a passage after the last, with what [`push_row`] has made.
    pub fn push(&mut self, passage: u32, tail: &[u8]) {
        push_varint(&mut self.bytes, passage - self.last);
        self.bytes.extend(tail);
        self.count += 1;
        self.last = passage;
    }

    /// The list as it lies in a block: the count before the rows.
    pub fn append_to(&self, block: &mut Vec<u8>) {
        push_varint(block, self.count);
        block.extend(&self.bytes);
    }
}

/// Reads so many rows, whose passages are below `passages`.
pub(super) fn read_rows<'a>(
    reader: &mut Reader<'a>,
    count: u32,
    passages: u32,
    has_places: bool,
) -> Result<Vec<Row<'a>>> {
    // A row takes two bytes at least.
    let mut rows: Vec<Row<'a>> = Vec::with_capacity((count as usize).min(BLOCK_BYTES));
    for _ in 0..count {
        let step = reader.varint()?;
        let passage = match rows.last() {
            None => Some(step),
            Some(last) => last.passage.checked_add(step).filter(|_| step > 0),
        };
        let Some(passage) = passage.filter(|&passage| passage < passages) else {
            return Err(reader.corrupt("a passage in it is none of the segment's"));
        };
        rows.push(read_row(reader, passage, has_places)?);
    }
    Ok(rows)
}

fn read_row<'a>(reader: &mut Reader<'a>, passage: u32, has_places: bool) -> Result<Row<'a>> {
    let start = reader.position();
    let code = reader.varint()?;
    let (body, fields) = (code >> 1, if code & 1 == 1 { reader.varint()? } else { 0 });
    let places_start = reader.position();
    let count = if has_places { u64::from(body) + u64::from(fields) } else { 0 };
    let mut place = 0u32;
    for number in 0..count {
        let step = reader.varint()?;
        let next = place.checked_add(step).filter(|_| step > 0 || number == 0);
        let Some(next) = next else {
            return Err(reader.corrupt("a word's places are not in order"));
        };
        place = next;
    }
    if (body, fields) == (0, 0) || (code & 1 == 1 && fields == 0) {
        return Err(reader.corrupt("a word in it does not occur"));
    }
    let (tail, places) = (reader.since(start), reader.since(places_start));
    Ok(Row { passage, body, fields, tail, places })
}
