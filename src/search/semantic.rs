//! By meaning: the nearest rows by their bits, then in the order of their INT8 codes.

use super::fuse::FLOOR_PLACE;
use super::{Attempt, Broken, Mode, Ranked, SearchOptions, broken_page, present};
use crate::error::Result;
use crate::index::format::{self, BLOCK_ROWS, Rows, block_key, page_key};
use crate::index::hamming::Candidate;
use crate::index::rescore::Rescorer;
use crate::index::{Index, PageSet, place_of};
use crate::quantize;
use crate::sorted::SortedMap;
use crate::store::{Space, Store};

/// INT8 blocks that an exact search reads at a time: 4 MiB at 1,024 components.
const EXACT_BLOCKS: usize = 64;

/// Passages with their scores, in no order, at least one of each of `limit` pages where there are
/// so many.
pub(super) async fn ranked<S: Store>(
    index: &mut Index<S>,
    vector: &[f32],
    keep: Option<&PageSet>,
    options: &SearchOptions,
) -> Result<Attempt<Vec<Ranked>>> {
    if options.exact {
        return exact(index, vector, keep).await;
    }
    let candidates = candidates(index, &quantize::bits(vector), keep, options);
    if options.rescore {
        return rescored(index, vector, &candidates).await;
    }
    let score = |distance| 1.0 - 2.0 * f64::from(distance) / vector.len() as f64;
    Ok(Ok(candidates.iter().map(|it| at(it.key, score(it.distance))).collect()))
}

fn at(key: u64, score: f64) -> Ranked {
    let (page, passage) = place_of(key);
    Ranked { page, passage, score }
}

/// The nearest rows: `limit · oversampling` of them, in a hybrid search at least so many that the
/// floor of meaning is among them, and, where those are of fewer than `limit` pages, the nearest
/// rows of further pages.
fn candidates<S: Store>(
    index: &Index<S>,
    bits: &[u8],
    keep: Option<&PageSet>,
    options: &SearchOptions,
) -> Vec<Candidate> {
    let least = if options.mode == Mode::Hybrid { FLOOR_PLACE } else { 0 };
    let wanted = least.max(options.limit * options.oversampling);
    let pages = keep.map_or(index.page_count(), PageSet::len);
    let pages_wanted = options.limit.min(pages);
    let mut count = wanted;
    loop {
        let mut nearest = index.state.resident.nearest(bits, count, keep);
        let mut pages = PageSet::new();
        let is_all = nearest.len() < count;
        let mut place = 0;
        nearest.retain(|candidate| {
            let is_new = pages.len() < pages_wanted && pages.insert(place_of(candidate.key).0);
            place += 1;
            place <= wanted || is_new
        });
        if is_all || pages.len() >= pages_wanted {
            return nearest;
        }
        count = count.saturating_mul(4);
    }
}

/// Rows of a block, each with its candidate's key.
type RowsOfBlock = Vec<(usize, u64)>;

/// The candidates with their cosines; only the blocks with their rows are read, and of these only
/// those that no query before has left in memory.
async fn rescored<S: Store>(
    index: &mut Index<S>,
    vector: &[f32],
    candidates: &[Candidate],
) -> Result<Attempt<Vec<Ranked>>> {
    let mut by_block: SortedMap<(u64, u32), RowsOfBlock> = SortedMap::new();
    for candidate in candidates {
        let (page, passage) = place_of(candidate.key);
        let (block, row) = block_key(page, passage);
        by_block.or_insert((block, page), Vec::new()).push((row, candidate.key));
    }
    let mut scoring = Scoring::new(vector, candidates.len());
    by_block.retain(|&(block, page), rows| match index.cache.get(block) {
        Some(codes) => {
            scoring.take(page, codes, rows);
            false
        }
        None => true,
    });
    let keys: Vec<_> = by_block.keys().map(|&(block, _)| (Space::Codes, block)).collect();
    let mut blocks = by_block.iter();
    let cache = &mut index.cache;
    let mut take = |_, record: Option<Vec<u8>>| {
        let Some((&(key, page), rows)) = blocks.next() else { return Ok(()) };
        if let Some(codes) = scoring.take_record(page, key, record.as_deref(), rows)? {
            cache.insert(key, codes.to_vec());
        }
        Ok(())
    };
    index.store.read_each(&keys, &mut take).await?;
    Ok(scoring.finish())
}

/// Every passage with its cosine.
async fn exact<S: Store>(
    index: &Index<S>,
    vector: &[f32],
    keep: Option<&PageSet>,
) -> Result<Attempt<Vec<Ranked>>> {
    let pages = index.state.entries.iter();
    let blocks = pages.filter(|(page, _)| keep.is_none_or(|keep| keep.contains(**page))).flat_map(
        |(&page, entry)| {
            (0..entry.passages).step_by(BLOCK_ROWS).map(move |first| {
                let rows = first..entry.passages.min(first + BLOCK_ROWS);
                let key = |passage| u64::from(page) << 32 | passage as u64;
                let rows: RowsOfBlock =
                    rows.map(|passage| (passage - first, key(passage))).collect();
                (page, block_key(page, first).0, rows)
            })
        },
    );
    let blocks: Vec<(u32, u64, RowsOfBlock)> = blocks.collect();
    let mut scoring = Scoring::new(vector, index.passage_count());
    for some in blocks.chunks(EXACT_BLOCKS) {
        let keys: Vec<_> = some.iter().map(|&(_, key, _)| (Space::Codes, key)).collect();
        let mut take = |at: usize, record: Option<Vec<u8>>| {
            let (page, key, rows) = &some[at];
            scoring.take_record(*page, *key, record.as_deref(), rows).map(drop)
        };
        index.store.read_each(&keys, &mut take).await?;
    }
    Ok(scoring.finish())
}

/// Rows become scores, damage becomes pages to be left out.
struct Scoring {
    rescorer: Rescorer,
    dimension: usize,
    scored: Vec<Ranked>,
    broken: Vec<Broken>,
}

impl Scoring {
    fn new(vector: &[f32], count: usize) -> Self {
        let (rescorer, dimension) = (Rescorer::new(vector), vector.len());
        Scoring { rescorer, dimension, scored: Vec::with_capacity(count), broken: Vec::new() }
    }

    /// Takes rows from the codes of a block.
    fn take(&mut self, page: u32, codes: &[u8], rows: &RowsOfBlock) {
        for &(row, key) in rows {
            match codes.get(row * self.dimension..(row + 1) * self.dimension) {
                Some(row) => self.scored.push(at(key, self.rescorer.cosine(row))),
                None => {
                    let message = "its INT8 rows are too few".into();
                    self.broken.push(Broken { page, message });
                    return;
                }
            }
        }
    }

    /// Takes rows from the record under a key, and gives its codes if it is whole.
    fn take_record<'a>(
        &mut self,
        page: u32,
        key: u64,
        record: Option<&'a [u8]>,
        rows: &RowsOfBlock,
    ) -> Result<Option<&'a [u8]>> {
        let block = (key - page_key(page)) as usize;
        let dimension = self.dimension;
        let read = |bytes| format::rows_from_bytes(page, Rows::Codes { block }, dimension, bytes);
        match present(record, "INT8 record").and_then(read) {
            Ok(codes) => {
                self.take(page, codes, rows);
                Ok(Some(codes))
            }
            Err(error) => {
                self.broken.push(broken_page(page, error)?);
                Ok(None)
            }
        }
    }

    fn finish(self) -> Attempt<Vec<Ranked>> {
        if self.broken.is_empty() { Ok(self.scored) } else { Err(self.broken) }
    }
}
