//! The scan: every kernel, every filter and every tie as the naive twin has it.

#[path = "oracle/mod.rs"]
mod oracle;

use std::collections::BTreeMap;

use burrow::index::PageSet;
use burrow::index::hamming::{self, Candidate, Kernel, TopK};
use burrow::index::resident::{Resident, place_of};
use oracle::scan::{self, Compared, Random};
use proptest::prelude::*;

fn assert_same(compared: &Compared) {
    assert_eq!(compared.wrong, [""; 0], "of {}", compared.times);
}

#[test]
fn every_kernel_counts_what_the_naive_twin_counts() {
    let kernels = Kernel::available();
    assert_eq!(kernels.last().map(|kernel| kernel.name()), Some("portable"));
    assert_eq!(Kernel::best().name(), kernels[0].name());
    assert_same(&scan::distances(&kernels));
}

#[test]
fn a_scan_of_nothing_finds_nothing() {
    assert_eq!(hamming::nearest(&[], &[1], 3), []);
    assert_eq!(hamming::nearest(&[1, 2], &[], 3), []);
    assert_eq!(hamming::nearest(&[1, 2], &[1], 0), []);
    assert_eq!(hamming::distance(&[], &[]), 0);
    assert_eq!(TopK::new(3).into_sorted(), []);
}

#[test]
fn the_nearest_are_the_naive_twins_whatever_the_order_of_the_rows() {
    assert_same(&scan::nearest(&Kernel::available()));
}

/// Rows by page.
type Pages = BTreeMap<u32, Vec<Vec<u8>>>;

/// All rows, the nearest first.
fn naive(pages: &Pages, query: &[u8]) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (&page, rows) in pages {
        for (row, passage) in rows.iter().zip(0u64..) {
            let key = u64::from(page) << 32 | passage;
            all.push(Candidate { distance: oracle::distance(row, query), key });
        }
    }
    all.sort();
    all
}

fn check(resident: &Resident, pages: &Pages, query: &[u8], count: usize, random: &PageSet) {
    let expected = naive(pages, query);
    assert_eq!(resident.rows(), expected.len());
    let (none, all) = (PageSet::new(), PageSet::from_iter(pages.keys().copied()));
    let every_second = PageSet::from_iter(pages.keys().copied().step_by(2));
    for keep in [None, Some(&none), Some(&all), Some(&every_second), Some(random)] {
        let kept = |it: &&Candidate| keep.is_none_or(|keep| keep.contains(place_of(it.key).0));
        let expected: Vec<_> = expected.iter().filter(kept).take(count).copied().collect();
        assert_eq!(resident.nearest(query, count, keep), expected, "{keep:?}");
    }
    for kernel in Kernel::available() {
        let found = resident.nearest_with(kernel, query, count, None);
        assert_eq!(found, expected[..count.min(expected.len())], "{}", kernel.name());
    }
}

proptest! {
    #[test]
    fn filtered_scans_equal_the_naive_twin(
        row_bytes in prop_oneof![1usize..=20, Just(48), Just(64), Just(128), Just(129)],
        sizes in prop::collection::vec(0usize..9, 0..40),
        alike in any::<bool>(),
        together in any::<bool>(),
        removed in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        kept in prop::collection::vec(0u32..120, 0..40),
        count in 0usize..60,
        seed in any::<u64>(),
    ) {
        let mut random = Random(seed);
        let mut pages = BTreeMap::new();
        let mut resident = Resident::new(row_bytes * 8);
        for (page, &size) in (3u32..).step_by(2).zip(&sizes) {
            let mut row = || match alike {
                true => vec![random.bytes(1)[0] & 1; row_bytes],
                false => random.bytes(row_bytes),
            };
            let rows: Vec<_> = (0..size).map(|_| row()).collect();
            if !together {
                resident.add(page, &rows.concat(), row_bytes);
            }
            pages.insert(page, rows);
        }
        if together {
            let runs: Vec<_> = pages.iter().map(|(&page, rows)| (page, rows.len())).collect();
            let bits: Vec<u8> = pages.values().flatten().flatten().copied().collect();
            resident.add_many(&runs, &bits, row_bytes);
        }
        let (query, kept) = (random.bytes(row_bytes), PageSet::from_iter(kept));
        check(&resident, &pages, &query, count, &kept);
        for page in removed {
            // Some are not there, or no longer.
            let page = page.index(sizes.len() * 2 + 5) as u32;
            resident.remove(page);
            pages.remove(&page);
            check(&resident, &pages, &query, count, &kept);
        }
        let last = vec![random.bytes(row_bytes)];
        resident.add(1000, &last.concat(), row_bytes);
        pages.insert(1000, last);
        check(&resident, &pages, &query, count, &kept);
    }
}

#[test]
fn pages_that_begin_in_one_segment_and_end_in_the_next() {
    // 512 rows of the greatest dimension fill a segment.
    let (row_bytes, mut random) = (8192, Random(9));
    let mut resident = Resident::new(row_bytes * 8);
    let mut pages = BTreeMap::new();
    for (page, size) in [(0, 300), (1, 500), (5, 1), (6, 700), (9, 36), (10, 2)] {
        let rows: Vec<_> = (0..size)
            .map(|_| random.bytes(4).into_iter().cycle().take(row_bytes).collect::<Vec<u8>>())
            .collect();
        resident.add(page, &rows.concat(), row_bytes);
        pages.insert(page, rows);
    }
    let query = random.bytes(row_bytes);
    let kept = PageSet::from_iter([1, 6]);
    check(&resident, &pages, &query, 100, &kept);
    for page in [6, 10, 0, 9, 1, 5] {
        resident.remove(page);
        pages.remove(&page);
        check(&resident, &pages, &query, 2000, &kept);
    }
    assert_eq!(resident.bytes(), 0, "no page is left and memory is held");
}

#[test]
fn memory_is_that_of_the_rows() {
    let (row_bytes, rows, page_rows) = (128, 200_000, 10);
    let bits = Random(1).bytes(row_bytes * page_rows);
    let mut resident = Resident::new(row_bytes * 8);
    let segment = 4 << 20;
    for page in 0..rows / page_rows {
        resident.add(page as u32, &bits, row_bytes);
        let needed = (page + 1) * page_rows * row_bytes;
        // Runs are 16 bytes a page, twice that while they grow; the last segment has room to spare.
        let spare = needed.min(segment) + (page + 1) * 32 + (1 << 10);
        assert!(resident.bytes() <= needed + spare, "{page}: {}", resident.bytes());
    }
    let full = resident.bytes();
    (0..rows / page_rows).filter(|page| page % 4 > 0).for_each(|page| resident.remove(page as u32));
    assert!(resident.bytes() < full / 2, "{} of {full}", resident.bytes());
    assert_eq!(resident.rows(), rows / 4);
    assert!(place_of(resident.nearest(&bits[..row_bytes], 1, None)[0].key).0.is_multiple_of(4));
}

#[test]
fn cosines_are_the_same_on_every_target() {
    assert_same(&scan::cosines());
}
