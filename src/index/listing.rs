//! What the index's pages are, without a query: those that a filter means, counted and listed.

use super::facets::{self, Facet, FacetAsk};
use super::filter::{self, Filter};
use super::format::Entry;
use super::page_set::PageSet;
use super::{Index, PageInfo};
use crate::search::Sort;

impl<S> Index<S> {
    /// The pages that meet a filter's conditions.
    pub fn filter(&self, filter: &Filter) -> PageSet {
        filter::pages(&self.state.entries, filter)
    }

    /// Counts pages by what is asked for: those in `pages`, or all.
    pub fn facets(&self, pages: Option<&PageSet>, asked: &[FacetAsk]) -> Vec<Facet> {
        facets::facets(&self.state.entries, pages, asked)
    }

    /// At most `limit` of the pages that meet a filter's conditions, or of all, after the first
    /// `offset`. Without a query all are equally relevant, and come in the order in which they
    /// were added.
    pub fn pages_where(
        &self,
        filter: Option<&Filter>,
        sort: Sort,
        offset: usize,
        limit: usize,
    ) -> Vec<PageInfo> {
        let is_meant = |entry: &Entry| filter.is_none_or(|filter| filter.matches(entry));
        let entries = &self.state.entries;
        let meant = entries.iter().filter(|(_, entry)| is_meant(entry));
        let mut ranks: Vec<(u64, u32)> =
            meant.map(|(&page, entry)| (sort.rank(entry), page)).collect();
        ranks.sort_unstable();
        let shown = ranks.into_iter().skip(offset).take(limit);
        shown.filter_map(|(_, page)| entries.get(&page)).map(PageInfo::of).collect()
    }
}
