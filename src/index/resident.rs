//! What of an index is in memory: every page's bits, side by side, ready to be scanned.

use std::ops::Range;

use super::PageSet;
use super::hamming::{self, Candidate, Kernel, TopK};

/// Words of a segment, 4 MiB. Segments of one size let the index grow without moving what it has,
/// and bound the work of closing the gaps that removed pages leave.
const SEGMENT_WORDS: usize = 1 << 19;

/// The bits of all pages, in the order of the pages' numbers.
#[derive(Debug, Default)]
pub struct Resident {
    row_words: usize,
    /// None is empty.
    segments: Vec<Segment>,
}

#[derive(Debug, Default)]
struct Segment {
    /// `[rows, row_words]`.
    words: Vec<u64>,
    /// One after the other; together they cover the segment's rows.
    runs: Vec<Run>,
    rows: usize,
    /// Rows of removed pages.
    dead: usize,
}

/// The rows of one page in one segment, up to where the next run starts.
#[derive(Debug, Clone, Copy)]
struct Run {
    page: u32,
    /// The passage of the first row: a page may begin in the segment before.
    passage: u32,
    /// The first row, counted in the segment: a u32 holds more than a segment has.
    start: u32,
    live: bool,
}

/// The page and the passage that a candidate's key stands for.
pub fn place_of(key: u64) -> (u32, usize) {
    // The upper half of a u64 fits a u32, and so does the lower.
    ((key >> 32) as u32, (key & u64::from(u32::MAX)) as usize)
}

impl Resident {
    /// Without pages, for rows of this dimension.
    pub fn new(dimension: usize) -> Self {
        Resident { row_words: hamming::row_words(dimension), segments: Vec::new() }
    }

    /// Adds a page with a number above all others; a row is `row_bytes`, an eighth of the
    /// dimension.
    pub fn add(&mut self, page: u32, bits: &[u8], row_bytes: usize) {
        self.add_many(&[(page, bits.len() / row_bytes)], bits, row_bytes);
    }

    /// Adds pages, each with how many of the rows in `bits` are its own, one after the other. The
    /// numbers ascend, and are above all others; `bits` has the rows of all of them.
    pub fn add_many(&mut self, pages: &[(u32, usize)], bits: &[u8], row_bytes: usize) {
        let mut rows = bits.chunks_exact(row_bytes);
        for &(page, count) in pages {
            let mut done = 0;
            while done < count {
                let rows_max = self.segment_rows();
                let segment = self.segment_with_room(count - done);
                let now = (count - done).min(rows_max - segment.rows);
                segment.runs.push(Run {
                    page,
                    passage: done as u32,
                    start: segment.rows as u32,
                    live: true,
                });
                rows.by_ref()
                    .take(now)
                    .for_each(|row| hamming::push_words(&mut segment.words, row));
                segment.rows += now;
                done += now;
            }
        }
    }

    /// Forgets a page. Its rows are passed over, and dropped when half of their segment is such.
    pub fn remove(&mut self, page: u32) {
        let ends_before = |s: &Segment| s.runs.last().is_some_and(|run| run.page < page);
        let from = self.segments.partition_point(ends_before);
        for segment in &mut self.segments[from..] {
            if segment.runs.first().is_none_or(|run| run.page > page) {
                break;
            }
            segment.remove(page, self.row_words);
        }
        self.segments.retain(|segment| !segment.runs.is_empty());
    }

    /// The `count` rows nearest to the query's bits, of all pages or of those to `keep`; ties in
    /// the order of pages and passages. [`place_of`] reads the keys.
    pub fn nearest(
        &self,
        query_bits: &[u8],
        count: usize,
        keep: Option<&PageSet>,
    ) -> Vec<Candidate> {
        self.nearest_with(Kernel::best(), query_bits, count, keep)
    }

    /// As [`Resident::nearest`], with this kernel.
    pub fn nearest_with(
        &self,
        kernel: Kernel,
        query_bits: &[u8],
        count: usize,
        keep: Option<&PageSet>,
    ) -> Vec<Candidate> {
        let mut query = Vec::with_capacity(self.row_words);
        hamming::push_words(&mut query, query_bits);
        let mut top = TopK::new(count);
        // While scanning a key is a segment and a row, which are in the order of pages and passages.
        for (segment, number) in self.segments.iter().zip(0u64..) {
            segment.spans(keep, |rows| {
                let words = &segment.words[rows.start * query.len()..rows.end * query.len()];
                kernel.scan(words, &query, number << 32 | rows.start as u64, &mut top);
            });
        }
        let mut nearest = top.into_sorted();
        for candidate in &mut nearest {
            let (segment, row) = place_of(candidate.key);
            candidate.key = self.segments[segment as usize].key_of(row);
        }
        nearest
    }

    /// How many rows there are, of all pages.
    pub fn rows(&self) -> usize {
        self.segments.iter().map(|segment| segment.rows - segment.dead).sum()
    }

    /// How many bytes of memory are held.
    pub fn bytes(&self) -> usize {
        let of = |s: &Segment| s.words.capacity() * 8 + s.runs.capacity() * size_of::<Run>();
        self.segments.iter().map(of).sum()
    }

    /// How many rows make a segment full.
    fn segment_rows(&self) -> usize {
        (SEGMENT_WORDS / self.row_words.max(1)).max(1)
    }

    /// The last segment, or a new one where the last is full; with room for so many rows, or for
    /// as many as it may have.
    fn segment_with_room(&mut self, rows: usize) -> &mut Segment {
        let rows_max = self.segment_rows();
        let last = self.segments.pop_if(|last| last.rows < rows_max);
        // A small index grows by doubling, until its first segment is full.
        let rows_least = if self.segments.is_empty() { 0 } else { rows_max };
        let segment = self.segments.push_mut(last.unwrap_or_default());
        let wanted = (segment.rows + rows).max(rows_least).min(rows_max) * self.row_words;
        if segment.words.capacity() < wanted {
            let words = wanted.max(segment.words.len() * 2).min(rows_max * self.row_words);
            segment.words.reserve_exact(words - segment.words.len());
        }
        segment
    }
}

impl Segment {
    fn runs_with_rows(&self) -> impl Iterator<Item = (&Run, Range<usize>)> {
        let ends = self.runs.iter().skip(1).map(|next| next.start as usize).chain([self.rows]);
        self.runs.iter().zip(ends).map(|(run, end)| (run, run.start as usize..end))
    }

    /// Calls `scan` with the rows that are wanted, neighbours together.
    fn spans(&self, keep: Option<&PageSet>, mut scan: impl FnMut(Range<usize>)) {
        if keep.is_none() && self.dead == 0 {
            return scan(0..self.rows);
        }
        let mut span = 0..0;
        for (run, rows) in self.runs_with_rows() {
            if !run.live || keep.is_some_and(|keep| !keep.contains(run.page)) {
                continue;
            }
            if rows.start != span.end {
                scan(std::mem::replace(&mut span, rows.start..rows.start));
            }
            span.end = rows.end;
        }
        scan(span);
    }

    /// The key of a row of a live page.
    fn key_of(&self, row: usize) -> u64 {
        let after = self.runs.partition_point(|run| run.start as usize <= row);
        let run = &self.runs[after - 1];
        u64::from(run.page) << 32 | (u64::from(run.passage) + row as u64 - u64::from(run.start))
    }

    fn remove(&mut self, page: u32, row_words: usize) {
        let Ok(at) = self.runs.binary_search_by_key(&page, |run| run.page) else { return };
        if std::mem::replace(&mut self.runs[at].live, false) {
            let end = self.runs.get(at + 1).map_or(self.rows, |next| next.start as usize);
            self.dead += end - self.runs[at].start as usize;
        }
        if self.dead * 2 >= self.rows {
            self.close_gaps(row_words);
        }
    }

    /// Moves the live rows together, and gives back the memory of the others.
    fn close_gaps(&mut self, row_words: usize) {
        let mut end = 0;
        let mut runs = Vec::new();
        let moves: Vec<_> = self.runs_with_rows().map(|(run, rows)| (*run, rows)).collect();
        for (run, rows) in moves.into_iter().filter(|(run, _)| run.live) {
            self.words.copy_within(rows.start * row_words..rows.end * row_words, end * row_words);
            runs.push(Run { start: end as u32, ..run });
            end += rows.len();
        }
        self.words.truncate(end * row_words);
        self.words.shrink_to_fit();
        (self.runs, self.rows, self.dead) = (runs, end, 0);
    }
}
