//! What lies in the store and belongs to nothing? A look at everything, some records at a time.

use super::Index;
use super::format::{QueueKey, page_of_key};
use super::page_set::PageSet;
use crate::error::Result;
use crate::order;
use crate::store::{Space, Store};

/// Where records lie that the directory, or a note, must know, and how many are read at once: texts
/// and pages that wait may be long.
const SPACES: [(Space, usize); 4] =
    [(Space::Pages, 8), (Space::Sentences, 32), (Space::Codes, 32), (Space::Queue, 4)];

/// What was found so far, and where the look goes on.
#[derive(Debug, Default)]
pub(super) struct LeftOver {
    /// The place in [`SPACES`], and the key there.
    at: usize,
    from: u64,
    /// Numbers that had a note when the look came to what waits, in order.
    noted: Vec<u64>,
    /// Numbers of pages that have records of their own and that the directory does not know.
    pub(super) pages: PageSet,
    /// Numbers of contents that wait without a note, so that their turn never comes.
    pub(super) waiting: Vec<u64>,
}

impl<S: Store> Index<S> {
    /// Looks at some more records; `false` at the end.
    pub(super) async fn look_for_left_over(&mut self, found: &mut LeftOver) -> Result<bool> {
        let Some(&(space, count)) = SPACES.get(found.at) else { return Ok(false) };
        let records = self.store.scan(space, found.from, count).await?;
        let keys: Vec<u64> = records.into_iter().map(|(key, _)| key).collect();
        let is_over = keys.is_empty() || (space == Space::Queue && content(keys[0]).is_none());
        if is_over {
            (found.at, found.from) = (found.at + 1, 0);
            found.noted = self.state.queue.numbers().collect();
            order::sort(&mut found.noted);
            return Ok(true);
        }
        let is_unknown = |key: &&u64| !self.is_known(space, **key, &found.noted);
        let unknown: Vec<u64> = keys.iter().filter(is_unknown).copied().collect();
        // Another tab may have written them a moment ago.
        if !unknown.is_empty() && self.catch_up().await? {
            self.refresh_queue().await?;
            return Ok(true);
        }
        found.from = keys[keys.len() - 1] + 1;
        if space == Space::Queue {
            found.waiting.extend(unknown.into_iter().filter_map(content));
        } else {
            found.pages.extend(unknown.into_iter().map(page_of_key));
        }
        Ok(true)
    }

    /// All of it.
    pub(super) async fn left_over(&mut self) -> Result<LeftOver> {
        let mut found = LeftOver::default();
        while self.look_for_left_over(&mut found).await? {}
        Ok(found)
    }

    fn is_known(&self, space: Space, key: u64, noted: &[u64]) -> bool {
        if space == Space::Queue {
            let waits =
                |number| noted.binary_search(&number).is_ok() || self.state.queue.has(number);
            return content(key).is_none_or(waits);
        }
        let page = page_of_key(key);
        self.state.entries.contains_key(&page) || self.state.broken.contains_key(&page)
    }
}

/// The number of a waiting page whose content lies under a key.
fn content(key: u64) -> Option<u64> {
    match QueueKey::of(key) {
        QueueKey::Content(number) => Some(number),
        QueueKey::Note(_) | QueueKey::Failure(_) => None,
    }
}
