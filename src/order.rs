//! Puts lists in order by little code.
//!
//! The standard library's sort brings 6 to 9 KB of code to the search module for each kind of list.
//! Here it is one for all: of places, compared through a pointer. That takes two or three times as
//! long, so lists that grow with the index, and are sorted for every query or page, are no matter for it.

use std::cmp::Ordering;

/// Sorts by a comparison; what is equal stays as it came.
pub(crate) fn sort_by<T>(list: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    let mut places: Vec<u32> = (0..list.len() as u32).collect();
    sort_places(&mut places, &mut |a, b| compare(&list[a as usize], &list[b as usize]));
    // Round by round: what stands here makes room for what belongs here, and goes on to where that stood.
    for start in 0..list.len() {
        let mut at = start;
        loop {
            let from = places[at] as usize;
            places[at] = at as u32;
            if from == start {
                break;
            }
            list.swap(at, from);
            at = from;
        }
    }
}

/// Sorts; what is equal stays as it came.
pub(crate) fn sort<T: Ord>(list: &mut [T]) {
    sort_by(list, T::cmp);
}

/// The one sort.
#[inline(never)]
fn sort_places(places: &mut [u32], compare: &mut dyn FnMut(u32, u32) -> Ordering) {
    places.sort_by(|&a, &b| compare(a, b));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lists_are_sorted_as_by_the_standard_library(list in prop::collection::vec((0..20u8, any::<u8>()), 0..300)) {
            let (mut sorted, mut expected) = (list.clone(), list);
            super::sort_by(&mut sorted, |a, b| b.0.cmp(&a.0));
            expected.sort_by_key(|item| std::cmp::Reverse(item.0));
            prop_assert_eq!(&sorted, &expected);
            super::sort(&mut sorted);
            expected.sort();
            prop_assert_eq!(sorted, expected);
        }
    }
}
