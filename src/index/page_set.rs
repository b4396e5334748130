//! A set of pages, by their numbers: what a filter lets through, and what a scan passes over.

/// Bits in a word.
const WORD_BITS: usize = u64::BITS as usize;

/// So many numbers have their bits side by side. A damaged record may name any number: what that
/// costs is one list of these, not a bit for every number below.
const BLOCK_PAGES: usize = 1 << 16;

/// Pages, one bit a number. Numbers are given in order, so the bits lie close together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageSet {
    blocks: Vec<Vec<u64>>,
    count: usize,
}

impl PageSet {
    /// No page.
    pub fn new() -> Self {
        PageSet::default()
    }

    /// Takes a page in.
    pub fn insert(&mut self, page: u32) {
        let (block, word, bit) = place(page);
        if block >= self.blocks.len() {
            self.blocks.resize(block + 1, Vec::new());
        }
        let words = &mut self.blocks[block];
        if word >= words.len() {
            words.resize(word + 1, 0);
        }
        self.count += usize::from(words[word] & bit == 0);
        words[word] |= bit;
    }

    /// Whether a page is in it.
    pub fn contains(&self, page: u32) -> bool {
        let (block, word, bit) = place(page);
        self.blocks
            .get(block)
            .and_then(|words| words.get(word))
            .is_some_and(|found| found & bit != 0)
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

fn place(page: u32) -> (usize, usize, u64) {
    let page = page as usize;
    (page / BLOCK_PAGES, page % BLOCK_PAGES / WORD_BITS, 1 << (page % WORD_BITS))
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

    #[test]
    fn the_greatest_number_costs_little() {
        let set = PageSet::from_iter([u32::MAX, 65_535, 65_536]);
        let bytes: usize =
            set.blocks.iter().map(|block| size_of_val(block) + block.len() * 8).sum();
        assert!(bytes < 2 << 20, "{bytes} bytes");
        let found = [0, 65_534, 65_535, 65_536, u32::MAX - 1, u32::MAX];
        assert_eq!(found.map(|page| set.contains(page)), [false, false, true, true, false, true]);
        assert_eq!(set.len(), 3);
    }
}
