//! A set of pages, by their numbers: what a filter lets through, and what a scan passes over.

/// Bits in a word.
const WORD_BITS: usize = u64::BITS as usize;

/// So many numbers have their bits side by side. A damaged record may name any number: what that
/// costs is one list of these, not a bit for every number below.
const BLOCK_PAGES: usize = 1 << 16;

/// Pages, one bit a number. Numbers are given in order, so the bits lie close together.
#[derive(Debug, Clone, Default)]
pub struct PageSet {
    blocks: Vec<Vec<u64>>,
    count: usize,
}

impl PageSet {
    /// No page.
    pub fn new() -> Self {
        PageSet::default()
    }

    /// Takes a page in, and says whether it is new.
    pub fn insert(&mut self, page: u32) -> bool {
        let (block, word, bit) = place(page);
        if block >= self.blocks.len() {
            self.blocks.resize(block + 1, Vec::new());
        }
        let words = &mut self.blocks[block];
        if word >= words.len() {
            words.resize(word + 1, 0);
        }
        let is_new = words[word] & bit == 0;
        self.count += usize::from(is_new);
        words[word] |= bit;
        is_new
    }

    /// Takes a page out, and says whether it was in it.
    pub fn remove(&mut self, page: u32) -> bool {
        let (block, word, bit) = place(page);
        let word = self.blocks.get_mut(block).and_then(|words| words.get_mut(word));
        let Some(word) = word.filter(|word| **word & bit != 0) else { return false };
        *word &= !bit;
        self.count -= 1;
        true
    }

    /// Whether a page is in it.
    pub fn contains(&self, page: u32) -> bool {
        let (block, word, bit) = place(page);
        self.blocks
            .get(block)
            .and_then(|words| words.get(word))
            .is_some_and(|found| found & bit != 0)
    }

    /// The pages in it, in their order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.from(0)
    }

    /// Those from a number on, in their order.
    pub fn from(&self, first: u32) -> impl Iterator<Item = u32> {
        let mut next = Some(first);
        std::iter::from_fn(move || {
            let found = self.next_from(next?);
            next = found.and_then(|page| page.checked_add(1));
            found
        })
    }

    /// The first page from a number on.
    fn next_from(&self, first: u32) -> Option<u32> {
        let (mut block, mut word, bit) = place(first);
        // Of the first word only this bit and those above it.
        let mut mask = !(bit - 1);
        while let Some(words) = self.blocks.get(block) {
            while let Some(bits) = words.get(word) {
                let bits = bits & mask;
                if bits != 0 {
                    let page = block * BLOCK_PAGES + word * WORD_BITS;
                    return Some(page as u32 + bits.trailing_zeros());
                }
                (word, mask) = (word + 1, u64::MAX);
            }
            (block, word, mask) = (block + 1, 0, u64::MAX);
        }
        None
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

impl PartialEq for PageSet {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && self.iter().eq(other.iter())
    }
}

impl Eq for PageSet {}

impl FromIterator<u32> for PageSet {
    fn from_iter<I: IntoIterator<Item = u32>>(pages: I) -> Self {
        let mut set = PageSet::new();
        set.extend(pages);
        set
    }
}

impl Extend<u32> for PageSet {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, pages: I) {
        for page in pages {
            self.insert(page);
        }
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
    fn gives_what_is_in_it_in_order() {
        let mut set = PageSet::from_iter([u32::MAX, 63, 64, 70_000, 0]);
        assert!(set.iter().eq([0, 63, 64, 70_000, u32::MAX]));
        assert!(set.remove(64) && !set.remove(64) && !set.remove(1 << 30));
        assert!(set.from(1).eq([63, 70_000, u32::MAX]) && set.from(63).count() == 3);
        assert_eq!((set.len(), set.insert(0), set.insert(64)), (4, false, true));
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
