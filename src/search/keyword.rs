//! By words: BM25 over the passages.

use super::fuse::Side;
use super::{Ranked, SearchOptions};
use crate::error::Result;
use crate::index::lexical::{LexicalOptions, LexicalQuery};
use crate::index::{Index, PageSet};
use crate::store::Store;

/// Passages that are looked at first for each hit: a page often has the words several times.
const PASSAGES_A_HIT: usize = 8;

/// The best passages, one a page, at least `limit` of them where so many pages have the words.
///
/// Words that are found damaged are left out, and made again from the texts by and by.
pub(super) async fn ranked<S: Store>(
    index: &mut Index<S>,
    text: &str,
    keep: Option<&PageSet>,
    options: &SearchOptions,
) -> Result<Side> {
    let query = LexicalQuery::new(text, LexicalOptions { prefix: options.prefix, typos: true });
    if query.is_empty() {
        return Ok(Side::default());
    }
    let mut count = options.limit * PASSAGES_A_HIT;
    loop {
        index.refresh_words().await?;
        let found = index.state.lexicon.search(&index.store, &query, keep, count).await?;
        let scored = match found {
            Ok(scored) => scored,
            Err(damage) => {
                // Another tab may have merged them: then they are not damaged, only elsewhere.
                if !index.catch_up().await? {
                    index.state.leave_words_out(&damage);
                }
                continue;
            }
        };
        let is_all = scored.len() < count;
        let coverage = scored.first().map_or(1.0, |best| best.coverage);
        let ranked = scored.into_iter().map(|it| Ranked {
            page: it.page,
            passage: it.passage,
            score: it.score,
        });
        let side = Side::by_words(ranked.collect(), coverage);
        if is_all || side.pages.len() >= options.limit {
            return Ok(side);
        }
        count = count.saturating_mul(4);
    }
}
