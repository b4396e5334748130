//! Writes and reads the parts of a record, and its header.

use super::{DIMENSION_MAX, Kind, VERSION, VERSION_OLDEST, too_long};
use crate::checksum::Hasher;
use crate::error::{Error, ErrorKind, Result};

const MAGIC: [u8; 3] = *b"BRW";

/// Length of the header of every record.
pub(super) const HEADER_BYTES: usize = 16;

/// What the checksum covers of the header; the checksum itself follows.
const CHECKED_BYTES: usize = 12;

/// Collects a record's payload.
pub(super) struct Writer {
    record: Vec<u8>,
}

impl Writer {
    pub(super) fn new(kind: Kind) -> Self {
        let mut record = Vec::with_capacity(HEADER_BYTES);
        record.extend(MAGIC);
        record.push(kind.letter());
        record.extend(VERSION.to_le_bytes());
        record.resize(HEADER_BYTES, 0);
        Writer { record }
    }

    /// About so many bytes follow.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.record.reserve(bytes);
    }

    /// Where in the record writing has come to.
    pub(super) fn position(&self) -> usize {
        self.record.len()
    }

    /// Where those write who know their own bytes.
    pub(super) fn rest(&mut self) -> &mut Vec<u8> {
        &mut self.record
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.record.push(value);
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.record.extend(value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.record.extend(value.to_le_bytes());
    }

    /// Seven bits a byte, the lowest first; the highest bit says that more follow.
    pub(super) fn varint(&mut self, value: u32) {
        push_varint(&mut self.record, value);
    }

    pub(super) fn count(&mut self, value: usize) -> Result<()> {
        self.u32(u32::try_from(value).map_err(|_| too_long("a count", value))?);
        Ok(())
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.record.extend_from_slice(bytes);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.count(bytes.len())?;
        self.raw(bytes);
        Ok(())
    }

    /// As [`Writer::bytes`], of bytes that have been written from a place on: their count stands
    /// before it, as yet 0.
    pub(super) fn fill_in_length(&mut self, start: usize) -> Result<()> {
        let length = self.record.len() - start;
        let count = u32::try_from(length).map_err(|_| too_long("a list", length))?;
        self.record[start - 4..start].copy_from_slice(&count.to_le_bytes());
        Ok(())
    }

    pub(super) fn string(&mut self, text: &str) -> Result<()> {
        self.bytes(text.as_bytes())
    }

    /// 0 for none, else 1 and the string.
    pub(super) fn option(&mut self, text: Option<&str>) -> Result<()> {
        self.u8(u8::from(text.is_some()));
        text.map_or(Ok(()), |text| self.string(text))
    }

    /// Fills in the header.
    pub(super) fn seal(mut self) -> Result<Vec<u8>> {
        let length = self.record.len() - HEADER_BYTES;
        let length = u32::try_from(length).map_err(|_| too_long("a payload", length))?;
        self.record[8..CHECKED_BYTES].copy_from_slice(&length.to_le_bytes());
        let check = header_check(&self.record);
        self.record[6..8].copy_from_slice(&check.to_le_bytes());
        let checksum = checksum(&self.record);
        self.record[CHECKED_BYTES..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
        Ok(self.record)
    }
}

/// See [`Writer::varint`].
#[inline(always)]
pub(super) fn push_varint(bytes: &mut Vec<u8>, value: u32) {
    // Most are of one byte.
    if value < 0x80 {
        bytes.push(value as u8);
    } else {
        push_long_varint(bytes, value);
    }
}

#[inline(never)]
fn push_long_varint(bytes: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn checksum(record: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&record[..CHECKED_BYTES]);
    hasher.update(&record[HEADER_BYTES..]);
    hasher.finalize()
}

/// The lower half of the CRC-32 of the kind and length.
fn header_check(header: &[u8]) -> u16 {
    let mut hasher = Hasher::new();
    hasher.update(&header[..6]);
    hasher.update(&header[8..CHECKED_BYTES]);
    (hasher.finalize() & 0xffff) as u16
}

/// The length of a record, header included, if these bytes are the header of one of this kind.
pub(super) fn record_length(kind: Kind, header: &[u8; HEADER_BYTES]) -> Option<u64> {
    let [b0, b1, b2, letter, _, _, c0, c1, l0, l1, l2, l3, ..] = *header;
    let begins = [b0, b1, b2] == MAGIC
        && letter == kind.letter()
        && u16::from_le_bytes([c0, c1]) == header_check(header);
    let length = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
    begins.then_some(HEADER_BYTES as u64 + length)
}

/// The letter of the kind that a record says it is of.
pub(super) fn letter_of(record: &[u8]) -> Option<u8> {
    record.strip_prefix(&MAGIC)?.first().copied()
}

/// Reads a record's payload, no byte of it trusted.
pub(super) struct Reader<'a> {
    kind: Kind,
    page: Option<u32>,
    version: u16,
    record: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Checks the header; reading begins at the payload.
    pub(super) fn open(kind: Kind, page: Option<u32>, record: &'a [u8]) -> Result<Self> {
        let mut reader = Reader { kind, page, version: VERSION, record, at: HEADER_BYTES };
        let Some(header) = record.first_chunk::<HEADER_BYTES>() else {
            let found = record.len();
            return Err(reader.corrupt(&format!("{found} bytes are less than its header")));
        };
        let Some(length) = record_length(kind, header) else {
            return Err(reader.corrupt("its header is not that of such a record"));
        };
        if length != record.len() as u64 {
            let found = record.len();
            return Err(reader.corrupt(&format!("it has {found} bytes instead of {length}")));
        }
        let [.., c0, c1, c2, c3] = *header;
        let (stored, found) = (u32::from_le_bytes([c0, c1, c2, c3]), checksum(record));
        if stored != found {
            let message = format!("its checksum is {found:08x} instead of {stored:08x}");
            return Err(reader.corrupt(&message));
        }
        reader.version = u16::from_le_bytes([header[4], header[5]]);
        reader.check_version()?;
        Ok(reader)
    }

    /// As [`Reader::open`], for a record whose payload begins with its page's number.
    pub(super) fn of_page(kind: Kind, page: u32, record: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::open(kind, Some(page), record)?;
        let found = reader.u32()?;
        if found != page {
            return Err(reader.corrupt(&format!("it belongs to page {found}")));
        }
        Ok(reader)
    }

    fn check_version(&self) -> Result<()> {
        let version = self.version;
        if (VERSION_OLDEST..=VERSION).contains(&version) {
            return Ok(());
        }
        let message = format!(
            "the {} has version {version} of the format, and this Burrow reads up to version \
             {VERSION}: \
             use the Burrow that wrote it, or clear the index and add its pages again",
            self.name()
        );
        Err(Error::new(ErrorKind::Fingerprint, message))
    }

    fn name(&self) -> String {
        match self.page {
            Some(page) => format!("{} of page {page}", self.kind.name()),
            None => self.kind.name().to_owned(),
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn corrupt(&self, what: &str) -> Error {
        let advice = match self.kind {
            Kind::Meta | Kind::Head => "clear the index and add its pages again",
            Kind::Frame => "the pages it held must be added again",
            Kind::ExportHead | Kind::ExportEnd => "export the index again",
            Kind::Seal => "without it no key opens the index: delete it and add its pages again",
            Kind::PageTerms | Kind::Segment | Kind::Dictionary | Kind::Postings => {
                "the words are read again from the pages' texts"
            }
            _ => "add the page again",
        };
        Error::new(ErrorKind::Corrupt, format!("the {} is damaged: {what}; {advice}", self.name()))
    }

    /// The version of the format in which the record was written: parts that are newer are not there.
    pub(super) fn version(&self) -> u16 {
        self.version
    }

    /// Reads a record that [`Reader::open`] has found whole, from a place in it.
    pub(super) fn resume(
        kind: Kind,
        page: Option<u32>,
        record: &'a [u8],
        at: usize,
    ) -> Result<Self> {
        let reader = Reader { kind, page, version: VERSION, record, at: at.min(record.len()) };
        if at < HEADER_BYTES || at > record.len() {
            return Err(reader.corrupt(&format!("{at} is no place in it")));
        }
        Ok(reader)
    }

    /// The smallest form alone is read, so that equal bytes are equal values.
    pub(super) fn varint(&mut self) -> Result<u32> {
        // Most are of one byte.
        match self.record.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u32::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u32> {
        let (mut value, mut shift) = (0, 0);
        while shift < 35 {
            let byte = self.u8()?;
            let bits = u32::from(byte & 0x7f);
            let is_last = byte & 0x80 == 0;
            let is_lost = bits << shift >> shift != bits || (is_last && byte == 0 && shift > 0);
            if is_lost {
                break;
            }
            value |= bits << shift;
            if is_last {
                return Ok(value);
            }
            shift += 7;
        }
        Err(self.corrupt("a number in it is not well formed"))
    }

    /// Where in the record reading has come to.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// What has been read since a place.
    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        &self.record[start.min(self.at)..self.at]
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.record.len()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        match self.rest().get(..count) {
            Some(bytes) => {
                self.at += count;
                Ok(bytes)
            }
            None => Err(self.too_short(count)),
        }
    }

    /// What is not read yet.
    #[inline(always)]
    fn rest(&self) -> &'a [u8] {
        self.record.get(self.at..).unwrap_or_default()
    }

    #[cold]
    #[inline(never)]
    fn too_short(&self, count: usize) -> Error {
        let left = self.rest().len();
        self.corrupt(&format!("{count} bytes are announced and {left} left"))
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.rest().first_chunk() {
            Some(array) => {
                self.at += N;
                Ok(*array)
            }
            None => Err(self.too_short(N)),
        }
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(super) fn hash(&mut self) -> Result<[u8; 32]> {
        self.array()
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8]> {
        let count = self.u32()? as usize;
        self.take(count)
    }

    pub(super) fn string(&mut self) -> Result<String> {
        let bytes = self.bytes()?;
        match str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(cause) => Err(self.corrupt("a text in it is not UTF-8").with_source(cause)),
        }
    }

    pub(super) fn option(&mut self) -> Result<Option<String>> {
        match self.u8()? {
            0 => Ok(None),
            1 => Ok(Some(self.string()?)),
            other => Err(self.corrupt(&format!("{other} stands where 0 or 1 must"))),
        }
    }

    pub(super) fn dimension(&mut self) -> Result<usize> {
        let dimension = self.u32()? as usize;
        if dimension == 0 || dimension > DIMENSION_MAX || !dimension.is_multiple_of(8) {
            return Err(self.corrupt(&format!("{dimension} is not a dimension")));
        }
        Ok(dimension)
    }

    /// Reads a count and so many items. An item takes at least `item_bytes`: a count for which too
    /// few bytes are left is refused before memory is set aside for it.
    pub(super) fn list<T>(
        &mut self,
        item_bytes: usize,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let count = self.u32()? as usize;
        let left = self.rest().len();
        if count > left / item_bytes {
            return Err(self.corrupt(&format!("{count} items are announced in {left} bytes")));
        }
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Nothing may be left over.
    pub(super) fn finish(self) -> Result<()> {
        if self.is_at_end() {
            return Ok(());
        }
        Err(self.corrupt(&format!("{} bytes are left over", self.record.len() - self.at)))
    }
}
