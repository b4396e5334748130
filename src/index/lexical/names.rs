//! Which number does a word have that was met before? Texts, each once, counted from 0.

/// A name that is looked for is among the first of its slots: at least half of them are free.
const SLOTS_MIN: usize = 1 << 12;

/// Different texts, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// One after the other.
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
    /// Half of a name's hash above its number, which is counted from 1 here: 0 is none. The other
    /// half leads to the first slot that may hold it. A power of two of them.
    slots: Vec<u64>,
}

impl Names {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    #[inline(always)]
    pub(super) fn get(&self, number: u32) -> &str {
        let end = |number: usize| self.ends.get(number).copied().unwrap_or(self.text.len());
        let number = number as usize;
        let start = if number == 0 { 0 } else { end(number - 1) };
        self.text.get(start..end(number)).unwrap_or("")
    }

    /// The number of a name, and whether it is new.
    pub(super) fn number_of(&mut self, name: &str) -> (u32, bool) {
        if self.ends.len() * 2 >= self.slots.len() {
            self.make_slots();
        }
        let hash = hash(name);
        let mut slot = self.first_slot(hash);
        loop {
            let held = self.slots[slot];
            if held == 0 {
                break;
            }
            let number = held as u32 - 1;
            if held >> 32 == hash & 0xffff_ffff && self.get(number) == name {
                return (number, false);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        // A page with 2^32 words does not fit the memory.
        let number = self.ends.len() as u32;
        self.slots[slot] = hash << 32 | u64::from(number + 1);
        self.text.push_str(name);
        self.ends.push(self.text.len());
        (number, true)
    }

    #[inline(always)]
    fn first_slot(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.slots.len() - 1)
    }

    fn make_slots(&mut self) {
        self.slots = vec![0; (self.slots.len() * 2).max(SLOTS_MIN)];
        for number in 0..self.ends.len() as u32 {
            let hash = hash(self.get(number));
            let mut slot = self.first_slot(hash);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (self.slots.len() - 1);
            }
            self.slots[slot] = hash << 32 | u64::from(number + 1);
        }
    }
}

/// Eight bytes at a time, each step mixed by a product, as many quick tables do.
#[inline(always)]
fn hash(name: &str) -> u64 {
    let (words, rest) = name.as_bytes().as_chunks::<8>();
    let rest = rest.iter().fold(name.len() as u64, |word, &byte| word << 8 | u64::from(byte));
    let hash = words.iter().fold(0, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let hash = mix(hash, rest);
    (hash ^ hash >> 32).wrapping_mul(FACTOR)
}

/// Odd, its bits as if by chance: 2⁶⁴ over the golden ratio.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// A hash with eight bytes more.
#[inline(always)]
pub(super) fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(23) ^ word).wrapping_mul(FACTOR)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::Names;

    proptest! {
        #[test]
        fn a_name_has_one_number(names in prop::collection::vec(".{0,20}", 0..200)) {
            let (mut names_by_number, mut twin) = (Names::default(), HashMap::new());
            for name in names.iter().chain(&names) {
                let next = twin.len() as u32;
                let number = *twin.entry(name).or_insert(next);
                prop_assert_eq!(names_by_number.number_of(name), (number, number == next && twin.len() > next as usize));
                prop_assert_eq!(names_by_number.get(number), name);
            }
            prop_assert_eq!(names_by_number.len(), twin.len());
        }
    }

    #[test]
    fn many_names_are_found_again() {
        let mut names = Names::default();
        let all: Vec<String> = (0..100_000).map(|number| format!("w{}", number * 7919)).collect();
        let first: Vec<u32> = all.iter().map(|name| names.number_of(name).0).collect();
        assert!(first.iter().copied().eq(0..100_000));
        assert!(
            all.iter().zip(&first).all(|(name, &number)| names.number_of(name) == (number, false))
        );
    }
}
