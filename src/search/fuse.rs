//! Two rankings become one: reciprocal rank fusion.

use std::collections::BTreeMap;

/// Flattens the top of each ranking, so that no single first place decides. The value of the paper
/// that introduced the method (Cormack, Clarke and Büttcher, 2009), and of most engines.
const RANK_SHIFT: f64 = 60.0;

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
    let mut pages = std::collections::BTreeSet::new();
    ranked.retain(|it| pages.insert(it.page));
    ranked
}

/// One ranking of several, each with its weight and at most one place for a page.
///
/// A page's score is the sum of `weight / (60 + rank)` over the rankings that have it, divided by
/// the most that can be had: 1 for the page that is first in all. Its passage is that of the
/// ranking that puts it highest, of the first such ranking.
pub(crate) fn fuse(rankings: &[(f64, &[Ranked])]) -> Vec<Ranked> {
    let most: f64 = rankings.iter().map(|(weight, _)| weight / (RANK_SHIFT + 1.0)).sum();
    let mut pages: BTreeMap<u32, (usize, Ranked)> = BTreeMap::new();
    for (weight, ranking) in rankings {
        for (rank, it) in ranking.iter().enumerate() {
            let share = weight / (RANK_SHIFT + 1.0 + rank as f64) / most;
            let (best, fused) =
                pages.entry(it.page).or_insert((rank, Ranked { score: 0.0, ..*it }));
            fused.score += share;
            if rank < *best {
                (*best, fused.passage) = (rank, it.passage);
            }
        }
    }
    let mut fused: Vec<Ranked> = pages.into_values().map(|(_, it)| it).collect();
    fused.sort_by(order);
    fused
}

#[cfg(test)]
mod tests {
    use super::{Ranked, best_by_page, fuse};

    fn ranking(places: &[(u32, usize)]) -> Vec<Ranked> {
        places.iter().map(|&(page, passage)| Ranked { page, passage, score: 0.5 }).collect()
    }

    #[test]
    fn a_page_that_both_know_goes_before_those_that_one_does() {
        let (meaning, words) = (ranking(&[(1, 0), (2, 4), (3, 0)]), ranking(&[(9, 1), (2, 7)]));
        let fused = fuse(&[(1.0, &meaning), (1.0, &words)]);
        let order: Vec<(u32, usize)> = fused.iter().map(|it| (it.page, it.passage)).collect();
        assert_eq!(order, [(2, 4), (1, 0), (9, 1), (3, 0)]);
        let expected = (1.0 / 62.0 + 1.0 / 62.0) / (2.0 / 61.0);
        assert!((fused[0].score - expected).abs() < 1e-12);
    }

    #[test]
    fn weights_decide_and_a_single_ranking_keeps_its_order() {
        let (meaning, words) = (ranking(&[(1, 0), (2, 0)]), ranking(&[(2, 5), (1, 5)]));
        let first = |weights: [f64; 2]| {
            let fused = fuse(&[(weights[0], &meaning), (weights[1], &words)]);
            (fused[0].page, fused[0].passage)
        };
        assert_eq!((first([2.0, 1.0]), first([1.0, 2.0])), ((1, 0), (2, 5)));
        let alone = fuse(&[(0.3, &meaning)]);
        assert_eq!((alone[0].page, alone[0].score), (1, 1.0));
        assert_eq!(alone[1].page, 2);
    }

    #[test]
    fn a_page_has_one_place() {
        let at = |page, passage, score| Ranked { page, passage, score };
        let best = best_by_page(vec![at(1, 0, 0.2), at(2, 3, 0.4), at(1, 1, 0.4), at(2, 1, 0.4)]);
        assert_eq!(best, [at(1, 1, 0.4), at(2, 1, 0.4)]);
    }
}
