//! From an encoded page to the changes that commit it, and those that remove it.

use super::format::{self, BLOCK_ROWS, BitsRun, Entry, Rows, page_key};
use crate::error::Result;
use crate::page::EncodedPage;
use crate::store::{Change, HEAD_KEY, KEY_END, Space};

/// Rows of a run: 512 KiB of bits at 1,024 components, so that opening reads few records and
/// rewriting one is soon done.
pub(crate) const RUN_ROWS_MAX: usize = 4096;

/// The spaces that hold records of single pages and of runs.
const SHARED_SPACES: [Space; 2] = [Space::Directory, Space::Bits];

/// The spaces that hold records of single pages alone.
const OWN_SPACES: [Space; 4] = [Space::Codes, Space::Sentences, Space::Pages, Space::Terms];

/// All spaces of pages: a page's records lie between its key and that of the next.
pub(crate) const PAGE_SPACES: [Space; 7] = [
    Space::Gone,
    Space::Directory,
    Space::Bits,
    Space::Codes,
    Space::Sentences,
    Space::Pages,
    Space::Terms,
];

/// What stays resident of a page besides its bits.
pub(crate) fn entry_of(encoded: &EncodedPage) -> Entry {
    Entry {
        url: encoded.page.url.clone(),
        title: encoded.page.title.clone(),
        hash: encoded.page.hash,
        passages: encoded.page.passages.len(),
        lang: encoded.page.lang.clone(),
        fields: encoded.page.fields.clone(),
        time_ms: encoded.page.time_ms,
    }
}

/// Writes all records of a page that [`format::check_page`] has found whole.
pub(crate) fn page_changes(page: u32, encoded: &EncodedPage) -> Result<Vec<Change>> {
    let mut changes = own_changes(page, encoded)?;
    changes.extend(shared_changes(&[(page, encoded)])?);
    Ok(changes)
}

/// Writes the records that a page shares with no other.
pub(crate) fn own_changes(page: u32, encoded: &EncodedPage) -> Result<Vec<Change>> {
    let dimension = encoded.dimension;
    let rows = |rows, bytes: &[u8]| format::rows_to_bytes(page, rows, dimension, bytes);
    let key = page_key(page);
    let put = |space, key, bytes| Change::Put { space, key, bytes };
    let mut changes = vec![
        put(Space::Pages, key, format::page_to_bytes(page, &encoded.page)?),
        put(Space::Sentences, key, rows(Rows::Sentences, &encoded.sentence_bits)?),
    ];
    for (block, codes) in encoded.int8.chunks(BLOCK_ROWS * dimension).enumerate() {
        let bytes: Vec<u8> = codes.iter().map(|code| code.cast_unsigned()).collect();
        let bytes = rows(Rows::Codes { block }, &bytes)?;
        changes.push(put(Space::Codes, key + block as u64, bytes));
    }
    Ok(changes)
}

/// Writes the bits and the directory of pages that lie in one run; a page alone has records of its
/// own.
pub(crate) fn shared_changes(pages: &[(u32, &EncodedPage)]) -> Result<Vec<Change>> {
    let put = |space, key, bytes| Change::Put { space, key, bytes };
    match pages {
        [] => Ok(Vec::new()),
        &[(page, encoded)] => {
            let bits = format::rows_to_bytes(page, Rows::Bits, encoded.dimension, &encoded.bits)?;
            let bits = put(Space::Bits, page_key(page), bits);
            Ok(vec![bits, entry_change(page, &entry_of(encoded))?])
        }
        &[(first, encoded), ..] => {
            let rows = pages.iter().map(|&(page, it)| (page, it.page.passages.len())).collect();
            let bits = pages.iter().map(|(_, it)| it.bits.as_slice()).collect::<Vec<_>>().concat();
            let run = BitsRun { pages: rows, bits: &bits };
            let bits = format::bits_run_to_bytes(first, encoded.dimension, &run)?;
            let entries: Vec<Entry> = pages.iter().map(|(_, it)| entry_of(it)).collect();
            let numbers = pages.iter().map(|&(page, _)| page);
            let entries: Vec<(u32, &Entry)> = numbers.zip(&entries).collect();
            let entries = format::entries_run_to_bytes(first, &entries)?;
            let key = page_key(first);
            Ok(vec![put(Space::Bits, key, bits), put(Space::Directory, key, entries)])
        }
    }
}

/// Pages that come together, parted into those whose bits and directory lie in one run.
pub(crate) fn runs_of<'a, 'b>(
    pages: &'b [(u32, &'a EncodedPage)],
) -> Vec<&'b [(u32, &'a EncodedPage)]> {
    let (mut runs, mut start, mut rows) = (Vec::new(), 0, 0);
    for (at, (_, encoded)) in pages.iter().enumerate() {
        let more = encoded.page.passages.len();
        if rows + more > RUN_ROWS_MAX && at > start {
            runs.push(&pages[start..at]);
            (start, rows) = (at, 0);
        }
        rows += more;
    }
    runs.extend((start < pages.len()).then(|| &pages[start..]));
    runs
}

/// Writes the directory record of a page that shares it with no other.
pub(crate) fn entry_change(page: u32, entry: &Entry) -> Result<Change> {
    let bytes = format::entry_to_bytes(page, entry)?;
    Ok(Change::Put { space: Space::Directory, key: page_key(page), bytes })
}

/// Removes the records that a page shares with no other.
pub(crate) fn removal_of_own(page: u32) -> impl Iterator<Item = Change> {
    removal_in(&OWN_SPACES, page)
}

/// Removes the directory and bits records under a page's key.
pub(crate) fn removal_of_shared(page: u32) -> impl Iterator<Item = Change> {
    removal_in(&SHARED_SPACES, page)
}

/// Notes that a page is no longer there, though a run still holds its rows.
pub(crate) fn gone(page: u32) -> Change {
    Change::Put { space: Space::Gone, key: page_key(page), bytes: Vec::new() }
}

/// Forgets that a page is gone: its rows are, too.
pub(crate) fn no_longer_gone(page: u32) -> Change {
    Change::Delete { space: Space::Gone, keys: keys_of(page) }
}

fn removal_in(spaces: &'static [Space], page: u32) -> impl Iterator<Item = Change> {
    spaces.iter().map(move |&space| Change::Delete { space, keys: keys_of(page) })
}

fn keys_of(page: u32) -> std::ops::Range<u64> {
    page_key(page)..page_key(page) + (page_key(1) - page_key(0))
}

/// Removes everything but the head, whose numbers must never be given again.
pub(crate) fn removal_of_all() -> Vec<Change> {
    let queue = Change::Delete { space: Space::Queue, keys: 0..KEY_END };
    removal_of_all_pages().into_iter().chain([queue]).collect()
}

/// Removes everything but the head and what waits to be encoded.
pub(crate) fn removal_of_all_pages() -> Vec<Change> {
    let delete = |space, keys| Change::Delete { space, keys };
    let pages = PAGE_SPACES.into_iter().map(|space| delete(space, 0..KEY_END));
    let meta = [delete(Space::Meta, 0..HEAD_KEY), delete(Space::Meta, HEAD_KEY + 1..KEY_END)];
    pages.chain(meta).collect()
}

/// Writes the head.
pub(crate) fn head_change(bytes: Vec<u8>) -> Change {
    Change::Put { space: Space::Meta, key: HEAD_KEY, bytes }
}
