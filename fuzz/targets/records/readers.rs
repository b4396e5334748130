//! Every reader of `index::format` on the same bytes; what one takes in can be written again.

use burrow::index::format::{self, PageTerms, PostingsBlock, Rows};

/// No reader panics.
pub(crate) fn all(bytes: &[u8]) {
    let page = bytes.get(16..20).map_or(0, number);
    let word = |at: usize| bytes.get(at..at + 4).map_or(0, number) as usize;
    of_an_index(bytes);
    of_a_page(page, bytes);
    of_words(page, word(20) as u32, bytes);
    for dimension in [8, 16, word(20), word(24)] {
        if dimension > 0 && dimension.is_multiple_of(8) {
            of_rows(page, dimension, word(20), bytes);
        }
    }
    let _ = format::find_frame(bytes);
    for part in format::frame_parts(bytes).unwrap_or_default() {
        if let format::FramePart::Put { bytes: range, .. } = part {
            assert!(bytes.get(range).is_some());
        }
    }
    if let Some(header) = bytes.first_chunk() {
        let _ = (format::frame_length(header), format::export_part(header));
    }
}

fn of_an_index(bytes: &[u8]) {
    if let Ok(meta) = format::meta_from_bytes(bytes) {
        let written = format::meta_to_bytes(&meta).expect("it fitted a record");
        assert_eq!(format::meta_from_bytes(&written).ok(), Some(meta));
    }
    if let Ok(head) = format::head_from_bytes(bytes) {
        let written = format::head_to_bytes(&head).expect("it fitted a record");
        assert_eq!(format::head_from_bytes(&written).ok(), Some(head.clone()));
        let next = head.after(head.next_page, &[format::Effect::Added(head.next_page)]);
        let _ = next.since(&head).map(Iterator::count);
    }
    let _ = format::seal_from_bytes(bytes);
    let _ = format::export_end_from_bytes(bytes);
    if let Ok(head) = format::export_head_from_bytes(bytes) {
        let written = format::export_head_to_bytes(&head).expect("it fitted a record");
        assert_eq!(format::export_head_from_bytes(&written).ok(), Some(head));
    }
}

fn of_a_page(page: u32, bytes: &[u8]) {
    if let Ok(encoded) = format::from_wire(bytes) {
        let written = format::to_wire(&encoded).expect("it fitted a record");
        assert_eq!(format::from_wire(&written).ok(), Some(encoded));
    }
    if let Ok(content) = format::page_from_bytes(page, bytes) {
        let written = format::page_to_bytes(page, &content).expect("it fitted a record");
        assert_eq!(format::page_from_bytes(page, &written).ok(), Some(content));
    }
    if let Ok(entries) = format::entries_from_bytes(page, bytes) {
        let borrowed: Vec<_> = entries.iter().map(|(page, entry)| (*page, entry)).collect();
        let written = format::entries_run_to_bytes(page, &borrowed).expect("it fitted a record");
        assert_eq!(format::entries_from_bytes(page, &written).ok(), Some(entries));
    }
}

/// Of one page, and the parts of a segment.
fn of_words(number: u32, block: u32, bytes: &[u8]) {
    if let Ok(terms) = PageTerms::from_bytes(number, bytes.to_vec()) {
        for (_, list) in terms.terms().unwrap_or_default() {
            for has_places in [false, true] {
                let _ = terms.rows(list, has_places);
            }
        }
    }
    if let Ok(head) = format::segment_from_bytes(number, bytes) {
        let written = format::segment_to_bytes(number, &head).expect("it fitted a record");
        assert_eq!(format::segment_from_bytes(number, &written).ok(), Some(head));
    }
    if let Ok(entries) = format::dictionary_from_bytes(number, block, bytes) {
        let written = format::dictionary_to_bytes(number, block, &entries);
        let written = written.expect("it fitted a record");
        assert_eq!(format::dictionary_from_bytes(number, block, &written).ok(), Some(entries));
    }
    if let Ok(block) = PostingsBlock::from_bytes(number, block, bytes.to_vec()) {
        for offset in [0, PostingsBlock::START, 30, u32::MAX] {
            for row in block.rows(offset, 100, true).unwrap_or_default() {
                assert!(row.passage < 100 && row.places().is_sorted());
            }
        }
    }
}

fn of_rows(page: u32, dimension: usize, block: usize, bytes: &[u8]) {
    for rows in [Rows::Bits, Rows::Sentences, Rows::Codes { block }] {
        if let Ok(content) = format::rows_from_bytes(page, rows, dimension, bytes) {
            assert!(content.len().is_multiple_of(rows.row_bytes(dimension)));
        }
    }
    if let Ok(run) = format::bits_from_bytes(page, dimension, bytes) {
        let rows: usize = run.pages.iter().map(|&(_, rows)| rows).sum();
        assert_eq!(run.bits.len(), rows * dimension / 8);
        let written = format::bits_run_to_bytes(page, dimension, &run).expect("it fitted a record");
        assert_eq!(format::bits_from_bytes(page, dimension, &written).ok(), Some(run));
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_le_bytes)
}
