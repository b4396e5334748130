//! Find it: query → Hamming candidates → INT8 order → the best passage of each of the best pages.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, ErrorKind, Result};
use crate::hits::{Found, Hit, QueryWords, hit};
use crate::index::format::{self, Rows, block_key, page_key};
use crate::index::hamming::Candidate;
use crate::index::rescore::Rescorer;
use crate::index::{Index, place_of};
use crate::page::Page;
use crate::quantize;
use crate::store::{Space, Store};

/// The most hits that can be asked for: a hit costs reading its page's text.
pub const LIMIT_MAX: usize = 1000;

/// The most candidates for each hit: beyond this, rescoring reads most of the index.
pub const OVERSAMPLING_MAX: usize = 100;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// The words, to be marked where they occur.
    pub text: &'a str,
    /// The vector that the encoder gave the words, `[dimension]`.
    pub vector: &'a [f32],
}

/// How to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchOptions {
    /// At most this many hits, 1..=[`LIMIT_MAX`]. Default 10.
    pub limit: usize,
    /// Candidates for each hit asked for, 1..=[`OVERSAMPLING_MAX`]. Default 4.
    pub oversampling: usize,
    /// Whether candidates are ordered by the cosine of their INT8 codes; else by their bits alone,
    /// which reads less and finds less well. Default true.
    pub rescore: bool,
}

impl Default for SearchOptions {
    fn default() -> Self {
        SearchOptions { limit: 10, oversampling: 4, rescore: true }
    }
}

/// A page that cannot be read, and why.
struct Broken {
    page: u32,
    message: String,
}

/// What comes of looking: the value, or the pages that must be left out before looking again.
type Attempt<T> = std::result::Result<T, Vec<Broken>>;

/// A passage and how near it is.
#[derive(Clone, Copy)]
struct Scored {
    key: u64,
    score: f64,
}

/// See [`Index::search`].
pub(crate) async fn search<S: Store>(
    index: &mut Index<S>,
    query: Query<'_>,
    options: SearchOptions,
) -> Result<Vec<Hit>> {
    check_options(options)?;
    check_vector(query.vector, index.bound()?.dimension)?;
    let bits = quantize::bits(query.vector);
    loop {
        let broken = match attempt(index, query, &bits, options).await? {
            Ok(hits) => return Ok(hits),
            Err(broken) => broken,
        };
        // Another tab may have removed the pages: then they are not damaged, only gone.
        if !index.catch_up().await? {
            for Broken { page, message } in broken {
                index.state.leave_out(page, message);
            }
        }
    }
}

async fn attempt<S: Store>(
    index: &Index<S>,
    query: Query<'_>,
    bits: &[u8],
    options: SearchOptions,
) -> Result<Attempt<Vec<Hit>>> {
    let candidates = candidates(index, bits, options);
    let scored = if options.rescore {
        match rescored(index, query.vector, &candidates).await? {
            Ok(scored) => scored,
            Err(broken) => return Ok(Err(broken)),
        }
    } else {
        let score = |distance| 1.0 - 2.0 * f64::from(distance) / query.vector.len() as f64;
        candidates.iter().map(|it| Scored { key: it.key, score: score(it.distance) }).collect()
    };
    let best = best_by_page(scored, options.limit);
    hits(index, query.text, bits, &best).await
}

/// The nearest rows: `limit · oversampling` of them and, where those are of fewer than `limit`
/// pages, the nearest rows of further pages.
fn candidates<S: Store>(index: &Index<S>, bits: &[u8], options: SearchOptions) -> Vec<Candidate> {
    let wanted = options.limit * options.oversampling;
    let pages_wanted = options.limit.min(index.page_count());
    let mut count = wanted;
    loop {
        let mut nearest = index.state.resident.nearest(bits, count, None);
        let mut pages = BTreeSet::new();
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

/// The candidates with their cosines; only the blocks with their rows are read.
async fn rescored<S: Store>(
    index: &Index<S>,
    vector: &[f32],
    candidates: &[Candidate],
) -> Result<Attempt<Vec<Scored>>> {
    let place = |candidate: &Candidate| {
        let (page, passage) = place_of(candidate.key);
        (page, block_key(page, passage))
    };
    let blocks: BTreeSet<(u64, u32)> =
        candidates.iter().map(place).map(|(page, (key, _))| (key, page)).collect();
    let keys: Vec<_> = blocks.iter().map(|&(key, _)| (Space::Codes, key)).collect();
    let records = index.store.read(&keys).await?;
    let dimension = vector.len();
    let (mut rows, mut broken) = (BTreeMap::new(), Vec::new());
    for (&(key, page), record) in blocks.iter().zip(&records) {
        let block = (key - page_key(page)) as usize;
        let read = |bytes| format::rows_from_bytes(page, Rows::Codes { block }, dimension, bytes);
        match present(record.as_deref(), "INT8 record").and_then(read) {
            Ok(bytes) => drop(rows.insert(key, bytes)),
            Err(error) => broken.push(broken_page(page, error)?),
        }
    }
    let rescorer = Rescorer::new(vector);
    let mut scored = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let (page, (key, row)) = place(candidate);
        let Some(bytes) = rows.get(&key) else { continue };
        match bytes.get(row * dimension..(row + 1) * dimension) {
            Some(codes) => {
                scored.push(Scored { key: candidate.key, score: rescorer.cosine(codes) })
            }
            None => broken.push(Broken { page, message: "its INT8 rows are too few".into() }),
        }
    }
    Ok(if broken.is_empty() { Ok(scored) } else { Err(broken) })
}

/// The best passage of each page, the best first; ties in the order of pages and passages.
fn best_by_page(mut scored: Vec<Scored>, limit: usize) -> Vec<Scored> {
    scored.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.key.cmp(&b.key)));
    let mut pages = BTreeSet::new();
    scored.retain(|it| pages.insert(place_of(it.key).0));
    scored.truncate(limit);
    scored
}

/// Reads the pages of the best passages and makes hits of them.
async fn hits<S: Store>(
    index: &Index<S>,
    text: &str,
    bits: &[u8],
    best: &[Scored],
) -> Result<Attempt<Vec<Hit>>> {
    let keys: Vec<_> = best
        .iter()
        .map(|it| page_key(place_of(it.key).0))
        .flat_map(|key| [(Space::Pages, key), (Space::Sentences, key)])
        .collect();
    let records = index.store.read(&keys).await?;
    let words = QueryWords::new(text);
    let (mut hits, mut broken) = (Vec::with_capacity(best.len()), Vec::new());
    for (it, records) in best.iter().zip(records.as_chunks::<2>().0) {
        let (number, passage) = place_of(it.key);
        match page_and_sentences(index, number, bits.len() * 8, records) {
            Ok((page, sentence_bits)) => {
                let found = Found { page: &page, passage, score: it.score, sentence_bits };
                hits.push(hit(found, bits, &words));
            }
            Err(error) => broken.push(broken_page(number, error)?),
        }
    }
    Ok(if broken.is_empty() { Ok(hits) } else { Err(broken) })
}

/// A page's text and its sentences' bits, as they belong to each other and to the directory.
fn page_and_sentences<'a, S>(
    index: &Index<S>,
    number: u32,
    dimension: usize,
    [page, sentences]: &'a [Option<Vec<u8>>; 2],
) -> Result<(Page, &'a [u8])> {
    let page = format::page_from_bytes(number, present(page.as_deref(), "page record")?)?;
    let sentences = present(sentences.as_deref(), "sentence bits record")?;
    let bits = format::rows_from_bytes(number, Rows::Sentences, dimension, sentences)?;
    let count: usize = page.passages.iter().map(|passage| passage.sentences.len()).sum();
    let is_entry = index.state.entries.get(&number).is_some_and(|entry| {
        entry.url == page.url && entry.hash == page.hash && entry.passages == page.passages.len()
    });
    if !is_entry || bits.len() != count * Rows::Sentences.row_bytes(dimension) {
        let message = "its records do not belong together; add the page again";
        return Err(Error::new(ErrorKind::Corrupt, message));
    }
    Ok((page, bits))
}

fn present<'a>(record: Option<&'a [u8]>, name: &str) -> Result<&'a [u8]> {
    record.ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, format!("its {name} is missing; add the page again"))
    })
}

/// Damage is a page's own matter; every other error ends the search.
fn broken_page(page: u32, error: Error) -> Result<Broken> {
    match error.kind() {
        ErrorKind::Corrupt => Ok(Broken { page, message: error.to_string() }),
        _ => Err(error),
    }
}

fn check_options(options: SearchOptions) -> Result<()> {
    for (name, value, max) in [
        ("limit", options.limit, LIMIT_MAX),
        ("oversampling", options.oversampling, OVERSAMPLING_MAX),
    ] {
        if !(1..=max).contains(&value) {
            let message = format!("{name} is {value}: it must be from 1 to {max}");
            return Err(Error::new(ErrorKind::Input, message));
        }
    }
    Ok(())
}

fn check_vector(vector: &[f32], dimension: usize) -> Result<()> {
    let what = if vector.len() != dimension {
        format!("has {} components, the index {dimension}", vector.len())
    } else if vector.iter().any(|x| !x.is_finite()) {
        "has components that are not finite".to_owned()
    } else if vector.iter().all(|&x| x == 0.0) {
        "is zero, and nothing is nearer to it than anything else".to_owned()
    } else {
        return Ok(());
    };
    let message = format!("the query's vector {what}: encode the query with the index's model");
    Err(Error::new(ErrorKind::Input, message))
}
