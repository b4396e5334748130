//! Which pages share records: where the bits and the directory of a page lie.

use super::page_set::PageSet;
use crate::sorted::SortedMap;

/// The runs of an index, and the pages in them that were replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Runs {
    /// The first page of each run, and its last. Runs do not overlap.
    lasts: SortedMap<u32, u32>,
    /// Pages that a run still holds rows of, but that are no longer there.
    gone: PageSet,
}

impl Runs {
    /// A run of pages now lies in the store; those that lay within it do not any more.
    pub(crate) fn insert(&mut self, first: u32, last: u32) {
        self.remove_within(first, last);
        if first != last {
            self.lasts.insert(first, last);
        }
    }

    /// No run begins in this range any more.
    pub(crate) fn remove_within(&mut self, first: u32, last: u32) {
        // On opening each is behind all others.
        if self.lasts.from(&first).next().is_none_or(|(&run, _)| run > last) {
            return;
        }
        self.lasts.retain(|run, _| !(first..=last).contains(run));
    }

    /// The first page of every run.
    pub(crate) fn firsts(&self) -> impl Iterator<Item = u32> {
        self.lasts.keys().copied()
    }

    /// The greatest number in a run or of a page that is gone.
    pub(crate) fn greatest(&self) -> Option<u32> {
        self.lasts.values().copied().chain(self.gone.iter()).max()
    }

    /// The first and last page of the run that a page lies in, if it lies in one.
    pub(crate) fn of(&self, page: u32) -> Option<(u32, u32)> {
        let (&first, &last) = self.lasts.last_up_to(&page)?;
        (page <= last).then_some((first, last))
    }

    /// The first page of the record that holds a page's bits and directory.
    pub(crate) fn home(&self, page: u32) -> u32 {
        self.of(page).map_or(page, |(first, _)| first)
    }

    /// A page of a run that is no longer there, though its rows are.
    pub(crate) fn set_gone(&mut self, page: u32) {
        self.gone.insert(page);
    }

    /// Whether a page's rows are to be passed over.
    pub(crate) fn is_gone(&self, page: u32) -> bool {
        self.gone.contains(page)
    }

    /// The pages of a range of numbers that are gone and whose rows still lie there.
    pub(crate) fn gone_within(&self, first: u32, last: u32) -> Vec<u32> {
        self.gone.from(first).take_while(|&page| page <= last).collect()
    }

    /// The rows of these pages are gone too.
    pub(crate) fn forget_gone(&mut self, pages: &[u32]) {
        for &page in pages {
            self.gone.remove(page);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Runs;

    #[test]
    fn a_page_is_found_in_its_run() {
        let mut runs = Runs::default();
        runs.insert(3, 9);
        runs.insert(12, 12);
        let homes: Vec<u32> = [2, 3, 7, 9, 10, 12].map(|page| runs.home(page)).into();
        assert_eq!(homes, [2, 3, 3, 3, 10, 12]);
        runs.insert(1, 20);
        assert_eq!((runs.of(9), runs.home(20)), (Some((1, 20)), 1));
        runs.set_gone(4);
        runs.set_gone(30);
        assert_eq!((runs.gone_within(1, 20), runs.is_gone(30)), (vec![4], true));
        runs.forget_gone(&[4]);
        assert!(!runs.is_gone(4));
    }
}
