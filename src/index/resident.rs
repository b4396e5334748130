//! What of an index is in memory: every page's bits, side by side, ready to be scanned.

use super::hamming::{self, Candidate, TopK};

/// A segment's rows. Segments of one size let the index grow without moving what it has, and
/// bound the work of closing the gaps that removed pages leave.
const SEGMENT_ROWS: usize = 4096;

/// The bits of all pages, in the order of the pages' numbers.
#[derive(Debug, Default)]
pub(crate) struct Resident {
    row_words: usize,
    segments: Vec<Segment>,
}

#[derive(Debug)]
struct Segment {
    /// `[rows, row_words]`.
    words: Vec<u64>,
    /// One after the other; together they cover the segment's rows.
    runs: Vec<Run>,
}

/// The rows of one page.
#[derive(Debug, Clone, Copy)]
struct Run {
    page: u32,
    rows: usize,
    live: bool,
}

/// The page and the passage that a candidate's key stands for.
pub(crate) fn place_of(key: u64) -> (u32, usize) {
    // The upper half of a u64 fits a u32, and so does the lower.
    ((key >> 32) as u32, (key & u64::from(u32::MAX)) as usize)
}

impl Resident {
    /// Without pages, for rows of this dimension.
    pub(crate) fn new(dimension: usize) -> Self {
        Resident { row_words: hamming::row_words(dimension), segments: Vec::new() }
    }

    /// Adds a page with a number above all others; `rows` of `row_bytes` each.
    pub(crate) fn add(&mut self, page: u32, bits: &[u8], row_bytes: usize) {
        let rows = bits.len() / row_bytes;
        let segment = self.segment_for(rows);
        for row in bits.chunks_exact(row_bytes) {
            hamming::push_words(&mut segment.words, row);
        }
        segment.runs.push(Run { page, rows, live: true });
    }

    /// The last segment if so many rows fit, else a new one.
    fn segment_for(&mut self, rows: usize) -> &mut Segment {
        let needed = rows * self.row_words;
        let last = self.segments.pop_if(|last| last.words.len() + needed <= last.words.capacity());
        let segment = last.unwrap_or_else(|| Segment {
            words: Vec::with_capacity(needed.max(SEGMENT_ROWS * self.row_words)),
            runs: Vec::new(),
        });
        self.segments.push_mut(segment)
    }

    /// Forgets a page. Its rows are passed over, and dropped when half of their segment is such.
    pub(crate) fn remove(&mut self, page: u32) {
        let after =
            self.segments.partition_point(|s| s.runs.first().is_some_and(|r| r.page <= page));
        let Some(segment) = after.checked_sub(1).and_then(|at| self.segments.get_mut(at)) else {
            return;
        };
        if let Ok(at) = segment.runs.binary_search_by_key(&page, |run| run.page) {
            segment.runs[at].live = false;
        }
        if segment.is_half_dead() {
            segment.close_gaps(self.row_words);
        }
        self.segments.retain(|segment| !segment.runs.is_empty());
    }

    /// The `count` rows nearest to the query's bits; ties in the order of pages and passages.
    pub(crate) fn nearest(
        &self,
        query_bits: &[u8],
        count: usize,
        keep: Option<&super::PageSet>,
    ) -> Vec<Candidate> {
        let mut query = Vec::with_capacity(self.row_words);
        hamming::push_words(&mut query, query_bits);
        let mut top = TopK::new(count);
        for segment in &self.segments {
            let wanted = |run: &Run| run.live && keep.is_none_or(|keep| keep.contains(run.page));
            for (run, start) in segment.runs_with_starts().filter(|(run, _)| wanted(run)) {
                let rows = start * self.row_words..(start + run.rows) * self.row_words;
                hamming::scan(&segment.words[rows], &query, u64::from(run.page) << 32, &mut top);
            }
        }
        top.into_sorted()
    }
}

impl Segment {
    fn runs_with_starts(&self) -> impl Iterator<Item = (&Run, usize)> {
        self.runs.iter().scan(0, |next, run| {
            let start = *next;
            *next += run.rows;
            Some((run, start))
        })
    }

    fn is_half_dead(&self) -> bool {
        let rows: usize = self.runs.iter().map(|run| run.rows).sum();
        let dead: usize = self.runs.iter().filter(|run| !run.live).map(|run| run.rows).sum();
        dead * 2 >= rows
    }

    /// Moves the live rows together.
    fn close_gaps(&mut self, row_words: usize) {
        let mut end = 0;
        let moves: Vec<_> = self.runs_with_starts().map(|(run, start)| (*run, start)).collect();
        for (run, start) in moves.iter().filter(|(run, _)| run.live) {
            let words = start * row_words..(start + run.rows) * row_words;
            self.words.copy_within(words, end);
            end += run.rows * row_words;
        }
        self.words.truncate(end);
        self.runs.retain(|run| run.live);
    }
}
