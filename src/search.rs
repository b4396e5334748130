//! Find it: query → Hamming candidates → INT8 order, and the words' order → the best passage of each
//! of the best pages.

mod fuse;
mod keyword;
mod options;
mod semantic;
mod sort;

use crate::error::{Error, ErrorKind, Result};
use crate::hits::{Found, Hit, QueryWords, hit};
use crate::index::format::{self, Rows, page_key};
use crate::index::{Index, PageSet};
use crate::order;
use crate::page::Page;
use crate::quantize;
use crate::store::{Space, Store};
pub(crate) use fuse::Ranked;
use fuse::{Side, fuse};
pub use options::{LIMIT_MAX, Mode, OVERSAMPLING_MAX, SearchOptions, Weights};
pub use sort::Sort;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// The words.
    pub text: &'a str,
    /// The vector that the encoder gave the words, `[dimension]`. Without one, only the words
    /// count.
    pub vector: Option<&'a [f32]>,
}

/// A page that cannot be read, and why.
struct Broken {
    page: u32,
    message: String,
}

/// What comes of looking: the value, or the pages that must be left out before looking again.
type Attempt<T> = std::result::Result<T, Vec<Broken>>;

/// See [`Index::search`].
pub(crate) async fn search<S: Store>(
    index: &mut Index<S>,
    query: Query<'_>,
    options: &SearchOptions,
) -> Result<Vec<Hit>> {
    options.check()?;
    if let Some(vector) = query.vector {
        check_vector(vector, index.bound()?.dimension)?;
    }
    loop {
        index.store.begin_reading();
        let found = attempt(index, query, options).await;
        index.store.end_reading();
        let broken = match found? {
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
    index: &mut Index<S>,
    query: Query<'_>,
    options: &SearchOptions,
) -> Result<Attempt<Vec<Hit>>> {
    let keep: Option<PageSet> = options.filter.as_ref().map(|filter| index.filter(filter));
    let vector = query.vector.filter(|_| options.mode != Mode::Keyword);
    let meaning = match vector {
        Some(vector) => match semantic::ranked(index, vector, keep.as_ref(), options).await? {
            Ok(passages) => Side::by_meaning(passages),
            Err(broken) => return Ok(Err(broken)),
        },
        None => Side::default(),
    };
    let words = match options.mode {
        Mode::Semantic => Side::default(),
        Mode::Keyword | Mode::Hybrid => {
            keyword::ranked(index, query.text, keep.as_ref(), options).await?
        }
    };
    let mut best = match options.mode {
        Mode::Semantic => meaning.pages.clone(),
        Mode::Keyword => words.pages.clone(),
        Mode::Hybrid if vector.is_none() => words.pages.clone(),
        Mode::Hybrid => {
            fuse(&[(options.weights.semantic, &meaning), (options.weights.keyword, &words)])
        }
    };
    let entries = &index.state.entries;
    order::sort_by(&mut best, |a, b| match (entries.get(&a.page), entries.get(&b.page)) {
        (Some(a), Some(b)) => options.sort.compare(a, b),
        _ => std::cmp::Ordering::Equal,
    });
    best.truncate(options.limit);
    let scores = Scores { meaning: &meaning.pages, words: &words.pages };
    hits(index, query.text, vector, &best, &scores).await
}

/// What each way of looking says of each page.
struct Scores<'a> {
    meaning: &'a [Ranked],
    words: &'a [Ranked],
}

fn score_of(ranked: &[Ranked], page: u32) -> Option<f64> {
    ranked.iter().find(|it| it.page == page).map(|it| it.score)
}

/// Reads the pages of the best passages and makes hits of them.
async fn hits<S: Store>(
    index: &Index<S>,
    text: &str,
    vector: Option<&[f32]>,
    best: &[Ranked],
    scores: &Scores<'_>,
) -> Result<Attempt<Vec<Hit>>> {
    let keys: Vec<_> = best
        .iter()
        .map(|it| page_key(it.page))
        .flat_map(|key| [(Space::Pages, key), (Space::Sentences, key)])
        .collect();
    let words = QueryWords::new(text);
    let bits = vector.map(quantize::bits);
    let (mut hits, mut broken) = (Vec::with_capacity(best.len()), Vec::new());
    let mut records = [None, None];
    let mut take = |at: usize, record| {
        records[at % 2] = record;
        let Some(it) = best.get(at / 2).filter(|_| at % 2 == 1) else { return Ok(()) };
        match page_and_sentences(index, it.page, &records) {
            Ok((page, sentence_bits)) => {
                let found = Found {
                    page: &page,
                    passage: it.passage,
                    score: it.score,
                    cosine: score_of(scores.meaning, it.page),
                    bm25: score_of(scores.words, it.page),
                    sentence_bits,
                };
                hits.push(hit(found, bits.as_deref(), &words));
            }
            Err(error) => broken.push(broken_page(it.page, error)?),
        }
        Ok(())
    };
    index.store.read_each(&keys, &mut take).await?;
    Ok(if broken.is_empty() { Ok(hits) } else { Err(broken) })
}

/// A page's text and its sentences' bits, as they belong to each other and to the directory.
pub(crate) fn page_and_sentences<'a, S>(
    index: &Index<S>,
    number: u32,
    [page, sentences]: &'a [Option<Vec<u8>>; 2],
) -> Result<(Page, &'a [u8])> {
    let dimension = index.state.dimension();
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

pub(crate) fn present<'a>(record: Option<&'a [u8]>, name: &str) -> Result<&'a [u8]> {
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
