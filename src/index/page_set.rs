//! A set of pages, by their numbers: what a filter lets through, and what a scan passes over.

/// Bits in a word.
const WORD_BITS: usize = u64::BITS as usize;

/// Pages, one bit a number. Numbers are given in order, so the bits lie close together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageSet {
    words: Vec<u64>,
    count: usize,
}

impl PageSet {
    /// No page.
    pub fn new() -> Self {
        PageSet::default()
    }

    /// Takes a page in.
    pub fn insert(&mut self, page: u32) {
        let (word, bit) = place(page);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.count += usize::from(self.words[word] & bit == 0);
        self.words[word] |= bit;
    }

    /// Whether a page is in it.
    pub fn contains(&self, page: u32) -> bool {
        let (word, bit) = place(page);
        self.words.get(word).is_some_and(|found| found & bit != 0)
    }

    /// How many pages are in it.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether no page is in it.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl FromIterator<u32> for PageSet {
    fn from_iter<I: IntoIterator<Item = u32>>(pages: I) -> Self {
        let mut set = PageSet::new();
        pages.into_iter().for_each(|page| set.insert(page));
        set
    }
}

fn place(page: u32) -> (usize, u64) {
    let page = page as usize;
    (page / WORD_BITS, 1 << (page % WORD_BITS))
}

#[cfg(test)]
mod tests {
    use super::PageSet;

    #[test]
    fn holds_what_was_put_in_once() {
        let set = PageSet::from_iter([3, 64, 3, 1000]);
        let found: Vec<u32> = (0..2000).filter(|&page| set.contains(page)).collect();
        assert_eq!((found, set.len()), (vec![3, 64, 1000], 3));
        assert!(!set.contains(u32::MAX) && PageSet::new().is_empty());
    }
}
