//! Puts the header of a record right, so that reading goes on to what lies behind it.

use burrow::index::format::{FramePart, frame_parts};

const HEADER_BYTES: usize = 16;

/// The records of an input: each reaches to where the next begins.
pub(crate) fn records(input: &[u8]) -> Vec<Vec<u8>> {
    parts(input, b"BRW").into_iter().map(sealed).collect()
}

/// The frames of a log, one after the other; the records in them are put right, too.
pub(crate) fn frames(input: &[u8]) -> Vec<u8> {
    let frame = |part: &[u8]| {
        let mut frame = sealed(part);
        for part in frame_parts(&frame).unwrap_or_default() {
            if let FramePart::Put { bytes, .. } = part
                && bytes.len() >= HEADER_BYTES
            {
                let record = sealed(&frame[bytes.clone()]);
                frame[bytes].copy_from_slice(&record);
            }
        }
        sealed(&frame)
    };
    parts(input, b"BRWL").into_iter().flat_map(frame).collect()
}

fn parts<'a>(input: &'a [u8], magic: &[u8]) -> Vec<&'a [u8]> {
    let starts: Vec<usize> =
        (0..input.len()).filter(|&at| input[at..].starts_with(magic)).collect();
    let ends = starts.iter().copied().skip(1).chain([input.len()]);
    starts.iter().zip(ends).map(|(&start, end)| &input[start..end]).collect()
}

/// The same record with its length and both checksums as they must be (`index/format.rs`).
pub(crate) fn sealed(part: &[u8]) -> Vec<u8> {
    let mut record = part.to_vec();
    record.resize(part.len().max(HEADER_BYTES), 0);
    let length = (record.len() - HEADER_BYTES) as u32;
    record[8..12].copy_from_slice(&length.to_le_bytes());
    let check = crc32fast::hash(&[&record[..6], &record[8..12]].concat()) as u16;
    record[6..8].copy_from_slice(&check.to_le_bytes());
    let checksum = crc32fast::hash(&[&record[..12], &record[HEADER_BYTES..]].concat());
    record[12..16].copy_from_slice(&checksum.to_le_bytes());
    record
}
