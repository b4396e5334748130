//! Which pages a merge takes, and how their passages are counted afterwards.

use super::super::format::{Row, SegmentPage};
use super::super::page_set::PageSet;
use super::{Lexicon, Place};

/// Which pages come together, and how their passages are counted then.
pub(super) struct Plan {
    pub(super) pages: Vec<SegmentPage>,
    pub(super) lengths: Vec<u16>,
    /// Of each input, the pages that stay: their first passage there, how many, and the first here.
    pub(super) firsts: Vec<Vec<(u32, u32, u32)>>,
}

impl Plan {
    pub(super) fn new(lexicon: &Lexicon, group: &[Place], removed: &PageSet) -> Self {
        let mut staying = Vec::new();
        for (input, place) in group.iter().enumerate() {
            let Some(source) = lexicon.sources.get(place) else { continue };
            let live = source.live().filter(|page| !removed.contains(page.page));
            staying.extend(live.map(|page| (page.page, input, page, source)));
        }
        staying.sort_by_key(|&(page, input, ..)| (page, input));
        let mut plan =
            Plan { pages: Vec::new(), lengths: Vec::new(), firsts: vec![Vec::new(); group.len()] };
        for (number, input, page, source) in staying {
            let first = plan.lengths.len() as u32;
            plan.firsts[input].push((page.first, page.passages, first));
            plan.lengths.extend(source.lengths_of(page));
            let (passages, language) = (page.passages, page.language);
            plan.pages.push(SegmentPage { page: number, passages, language });
        }
        plan
    }
}

/// The rows of one term, as they are counted in the new segment.
#[derive(Default)]
pub(super) struct Rows {
    rows: Vec<(u32, std::ops::Range<usize>)>,
    tails: Vec<u8>,
}

impl Rows {
    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.tails.clear();
    }

    /// Takes a row whose page stays.
    pub(super) fn push(&mut self, map: &[(u32, u32, u32)], row: &Row<'_>) {
        let after = map.partition_point(|&(first, ..)| first <= row.passage);
        let pages = map[..after].iter().rev();
        let page = pages.clone().find(|(_, passages, _)| *passages > 0);
        if let Some(&(first, passages, new)) = page
            && row.passage - first < passages
        {
            let start = self.tails.len();
            self.tails.extend(row.tail);
            self.rows.push((new + (row.passage - first), start..self.tails.len()));
        }
    }

    pub(super) fn sorted(&mut self) -> impl Iterator<Item = (u32, &[u8])> {
        self.rows.sort_by_key(|(passage, _)| *passage);
        self.rows.dedup_by_key(|(passage, _)| *passage);
        self.rows.iter().map(|(passage, tail)| (*passage, &self.tails[tail.clone()]))
    }
}
