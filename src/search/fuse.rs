//! Two rankings become one: by how near each page comes to the best that meaning and words can say.
//!
//! Reciprocal ranks, which most engines add up, know only places: the words' first page counts as
//! much where it has one common word of the question as where it alone has them all. Here cosines
//! are stretched between the best and the 160th, which are worth 1 and 0, whatever range a model
//! gives them; BM25 is measured against the best passage, and that one is worth the share of the
//! query's words that it has, rare ones counting most. The mean of both is what is known as a convex
//! combination (Bruch, Gai and Ingber, 2023).
//!
//! nDCG@10 with all-MiniLM-L6-v2, and of 24 questions in other words than the pages' how many found
//! the right page first and among the first three (`burrow eval --index`):
//!
//! | | meaning | words | reciprocal ranks, 60 | this, 1 : 1 |
//! |---|---|---|---|---|
//! | XQuAD/en | 0.942 | 0.971 | 0.969 | 0.982 |
//! | Cranfield | 0.390 | 0.385 | 0.428 | 0.433 |
//! | 24 questions | 23, 24 | 14, 19 | 20, 22 | 23, 24 |
//!
//! Reciprocal ranks with 5, 10 or 20 in place of 60 find 20 or 21 of the 24 first; with words at half
//! the weight, 21, and XQuAD/en is down to 0.964. Without the share of the query's words, this finds
//! 19 first. Weights from 0.9 : 1.1 to 1.1 : 0.9 cost at most 0.003; words counting less lose
//! Cranfield (0.423 at 1.2 : 0.8), meaning counting less the questions (22 first at 0.8 : 1.2). A sum
//! for each passage in place of each page was no better (0.982, 0.432, 22 first).

use crate::index::PageSet;
use crate::order::sort_by;
use crate::sorted::SortedMap;

/// The passage by meaning whose cosine is worth nothing, in the order of cosines. A place and not
/// the last one, so that the order of the best does not depend on how many hits are asked for. Nearer
/// ones make small differences in meaning count too much: at 10, Cranfield is down to 0.406.
pub(super) const FLOOR_PLACE: usize = 160;

/// A page's best passage, as one way of looking or all of them together see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ranked {
    /// Its number.
    pub(crate) page: u32,
    /// Which passage of it.
    pub(crate) passage: usize,
    /// What the order goes by.
    pub(crate) score: f64,
}

/// The order in which scores go down; equals in the order of pages and passages.
pub(crate) fn order(a: &Ranked, b: &Ranked) -> std::cmp::Ordering {
    b.score.total_cmp(&a.score).then(a.page.cmp(&b.page)).then(a.passage.cmp(&b.passage))
}

/// The best passage of each page, the best first; ties in the order of pages and passages.
pub(crate) fn best_by_page(mut ranked: Vec<Ranked>) -> Vec<Ranked> {
    ranked.sort_by(order);
    let mut pages = PageSet::new();
    ranked.retain(|it| pages.insert(it.page));
    ranked
}

/// The pages that one way of looking finds, each once, and what its scores are worth.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// The best first.
    pub(crate) pages: Vec<Ranked>,
    /// The score that is worth nothing.
    zero: f64,
    /// The score that is worth as much as can be.
    one: f64,
}

impl Side {
    /// By the cosines of passages, each passage once: the best is worth 1, and the one in place
    /// [`FLOOR_PLACE`] nothing.
    pub(crate) fn by_meaning(mut passages: Vec<Ranked>) -> Self {
        passages.sort_by(order);
        let one = passages.first().map_or(0.0, |best| best.score);
        let zero = passages.iter().take(FLOOR_PLACE).next_back().map_or(0.0, |floor| floor.score);
        Side { pages: best_by_page(passages), zero, one }
    }

    /// By the BM25 of passages: the best is worth its `coverage`, the share of the query's words
    /// that it has.
    pub(crate) fn by_words(passages: Vec<Ranked>, coverage: f64) -> Self {
        let pages = best_by_page(passages);
        let one = pages.first().map_or(0.0, |best| best.score / coverage);
        Side { pages, zero: 0.0, one }
    }

    /// What a score is worth; less than nothing beyond the floor.
    fn worth(&self, score: f64) -> f64 {
        let range = self.one - self.zero;
        if range > 0.0 { (score - self.zero) / range } else { 1.0 }
    }
}

/// One order from several: a page's score is the weighted mean of what it is worth on each side,
/// from 0 to 1. Its passage is that of the side that gives it most, of the first such side.
pub(crate) fn fuse(sides: &[(f64, &Side)]) -> Vec<Ranked> {
    let weights: f64 = sides.iter().map(|(weight, _)| weight).sum();
    let mut pages: SortedMap<u32, Fused> = SortedMap::new();
    for &(weight, side) in sides {
        for it in &side.pages {
            let share = weight / weights * side.worth(it.score);
            let new = Fused { page: Ranked { score: 0.0, ..*it }, most: share, below: 0.0 };
            let fused = pages.or_insert(it.page, new);
            fused.page.score += share.max(0.0);
            fused.below += share.min(0.0);
            if share > fused.most {
                (fused.most, fused.page.passage) = (share, it.passage);
            }
        }
    }
    let mut fused: Vec<Fused> = pages.into_entries().map(|(_, it)| it).collect();
    sort_by(&mut fused, |a, b| {
        let by_score = b.page.score.total_cmp(&a.page.score);
        by_score.then(b.below.total_cmp(&a.below)).then(order(&a.page, &b.page))
    });
    fused.into_iter().map(|it| it.page).collect()
}

struct Fused {
    page: Ranked,
    /// What the side of its passage gives it.
    most: f64,
    /// How far beyond the floor it is: it costs nothing, but puts those in order that are worth
    /// nothing.
    below: f64,
}

#[cfg(test)]
mod tests {
    use super::{FLOOR_PLACE, Ranked, Side, best_by_page, fuse};

    fn at(page: u32, passage: usize, score: f64) -> Ranked {
        Ranked { page, passage, score }
    }

    fn order_of(fused: &[Ranked]) -> Vec<(u32, usize)> {
        fused.iter().map(|it| (it.page, it.passage)).collect()
    }

    #[test]
    fn nearness_counts_and_not_only_the_place() {
        // The first two are as good as equal in meaning, and only one of them has the words.
        let meaning = Side::by_meaning(vec![at(1, 0, 0.62), at(2, 4, 0.61), at(3, 0, 0.2)]);
        let words = Side::by_words(vec![at(3, 1, 6.0), at(2, 7, 5.0)], 1.0);
        let fused = fuse(&[(1.0, &meaning), (1.0, &words)]);
        assert_eq!(order_of(&fused), [(2, 4), (1, 0), (3, 1)]);
        let expected = 0.5 * (0.41 / 0.42) + 0.5 * (5.0 / 6.0);
        assert!((fused[0].score - expected).abs() < 1e-12);
        assert_eq!(fused[1].score, 0.5);
    }

    #[test]
    fn the_only_page_with_all_the_words_comes_first_wherever_meaning_puts_it() {
        let meaning = (0..300).map(|page| at(page, 0, 0.9 - f64::from(page) * 0.001)).collect();
        for page in [0, 1, 9, 50] {
            let meaning = Side::by_meaning(Vec::clone(&meaning));
            let words = Side::by_words(vec![at(page, 3, 0.7)], 1.0);
            assert_eq!(fuse(&[(1.0, &meaning), (1.0, &words)])[0].page, page);
        }
        // Beyond the passages that count in meaning, and where meaning has not found it at all.
        for page in [299, 1000] {
            let words = Side::by_words(vec![at(page, 3, 0.7)], 1.0);
            let fused = fuse(&[(1.0, &Side::by_meaning(Vec::clone(&meaning))), (1.0, &words)]);
            assert!(order_of(&fused[..2]).contains(&(page, 3)));
            assert_eq!(fused[0].score, fused[1].score);
        }
    }

    #[test]
    fn few_of_the_words_count_little() {
        let meaning = Side::by_meaning(vec![at(1, 0, 0.6), at(2, 0, 0.4), at(3, 0, 0.1)]);
        let first = |coverage| {
            let words = Side::by_words(vec![at(2, 0, 9.0)], coverage);
            fuse(&[(1.0, &meaning), (1.0, &words)])[0].page
        };
        assert_eq!((first(0.3), first(0.5)), (1, 2));
    }

    #[test]
    fn the_order_does_not_depend_on_how_many_are_looked_at() {
        let passages: Vec<Ranked> =
            (0..400).map(|page| at(page, 0, 0.9 - f64::from(page) * 0.002)).collect();
        let words = || Side::by_words(vec![at(350, 0, 3.0), at(20, 0, 2.9), at(390, 0, 1.0)], 0.8);
        let ask = |count: usize| {
            let fused =
                fuse(&[(1.0, &Side::by_meaning(passages[..count].to_vec())), (1.0, &words())]);
            order_of(&fused)[..10].to_vec()
        };
        assert_eq!(ask(FLOOR_PLACE), ask(2 * FLOOR_PLACE));
        // All of a long list stay in the order of their meaning.
        let all = fuse(&[(1.0, &Side::by_meaning(passages)), (0.0, &words())]);
        assert!(all.is_sorted_by(|a, b| a.page < b.page));
    }

    #[test]
    fn weights_decide_and_one_side_alone_keeps_its_order() {
        let meaning = Side::by_meaning(vec![at(1, 0, 0.5), at(2, 0, 0.4)]);
        let words = Side::by_words(vec![at(2, 5, 4.0), at(1, 5, 1.0)], 1.0);
        let first = |weights: [f64; 2]| {
            let fused = fuse(&[(weights[0], &meaning), (weights[1], &words)]);
            (fused[0].page, fused[0].passage)
        };
        assert_eq!((first([2.0, 1.0]), first([1.0, 2.0])), ((1, 0), (2, 5)));
        let alone = fuse(&[(0.3, &meaning), (1.0, &Side::default())]);
        assert_eq!(order_of(&alone), [(1, 0), (2, 0)]);
        assert_eq!(fuse(&[(1.0, &Side::by_meaning(vec![at(7, 0, -0.1)]))])[0].score, 1.0);
        assert_eq!(fuse(&[(1.0, &Side::default()), (1.0, &Side::default())]), []);
    }

    #[test]
    fn a_page_has_one_place() {
        let best = best_by_page(vec![at(1, 0, 0.2), at(2, 3, 0.4), at(1, 1, 0.4), at(2, 1, 0.4)]);
        assert_eq!(best, [at(1, 1, 0.4), at(2, 1, 0.4)]);
    }
}
