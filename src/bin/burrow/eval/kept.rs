//! Retrieval quality of a kept index: by meaning, by words, and by both at several weights.

use std::path::Path;

use burrow::Result;
use burrow::blocks::{Format, Source};
use burrow::encoder::Encoder;
use burrow::fields::Facts;
use burrow::index::Index;
use burrow::pipeline::{self, PreparedPage};
use burrow::search::{Mode, Query, SearchOptions, Weights};
use burrow::store::FilesStore;
use pollster::block_on;

use super::judged::{self, CORPUS, DEPTH, Judged, Line, ndcg_at};
use super::progress;
use crate::{ModelArgs, model, pages};

/// What is measured, and where the index is kept.
pub(crate) struct Kept<'a> {
    pub(crate) data: &'a Path,
    /// BCP 47, of documents and queries.
    pub(crate) lang: &'a str,
    /// Its folder.
    pub(crate) index: &'a Path,
    /// For each row of both.
    pub(crate) weights: &'a [Weights],
}

/// Adds what the index lacks of the corpus, if there is one, asks every query, and prints a row for
/// each way. Pages are made as everywhere else: title and text, cut into passages.
pub(crate) fn run(args: &ModelArgs, kept: &Kept<'_>) -> Result<()> {
    let judged = Judged::read(kept.data)?;
    let encoder = model::load(args)?;
    let mut index = pages::open(kept.index, &encoder)?;
    if kept.data.join(CORPUS).exists() {
        fill(&mut index, &encoder, kept)?;
    }
    let bar = progress("queries", judged.queries.len() as u64);
    let vectors = judged.queries.iter().map(|query| {
        bar.inc(1);
        block_on(pipeline::embed_query(&encoder, &query.text))
    });
    let vectors = vectors.collect::<Result<Vec<_>>>()?;
    bar.finish_and_clear();
    let (pages, passages) = (index.page_count(), index.passage_count());
    println!("{pages} pages, {passages} passages, {} queries", judged.queries.len());
    println!("{:28} {:>8} {:>10} {:>8} {:>8}", "", "nDCG@10", "recall@10", "first", "in three");
    let mut asking = Asking { index, judged, vectors };
    asking.print("meaning", Mode::Semantic, SearchOptions::default().weights)?;
    asking.print("words", Mode::Keyword, SearchOptions::default().weights)?;
    for weights in kept.weights {
        let name = format!("both, {} : {}", weights.semantic, weights.keyword);
        asking.print(&name, Mode::Hybrid, *weights)?;
    }
    Ok(())
}

fn fill(index: &mut Index<FilesStore>, encoder: &Encoder, kept: &Kept<'_>) -> Result<()> {
    let corpus = judged::corpus(kept.data)?;
    let bar = progress("documents", corpus.len() as u64);
    for document in &corpus {
        // A document without any text cannot be found, as in every other engine.
        if index.find(&document._id).is_none()
            && let Some(page) = prepared(encoder, document)?
        {
            let mut page = page.finish(encoder)?;
            page.page.lang = Some(kept.lang.to_owned());
            block_on(index.commit(page))?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    while block_on(index.compact())? {}
    Ok(())
}

fn prepared(encoder: &Encoder, document: &Line) -> Result<Option<PreparedPage>> {
    let Line { _id: url, title, text } = document;
    if text.trim().is_empty() {
        return Ok(None);
    }
    let source = Source { url, title: Some(title), format: Format::Text, content: text.as_bytes() };
    let mut page = PreparedPage::new(encoder, source, Facts::default())?;
    for _ in 0..page.windows() {
        block_on(page.encode_next(encoder))?;
    }
    Ok(Some(page))
}

/// An index, and what it is asked.
struct Asking {
    index: Index<FilesStore>,
    judged: Judged,
    /// One a query.
    vectors: Vec<Vec<f32>>,
}

impl Asking {
    /// Asks every query, and prints the means, and at how many the first hit is relevant, or one of
    /// the first three.
    fn print(&mut self, name: &str, mode: Mode, weights: Weights) -> Result<()> {
        let options = SearchOptions { limit: DEPTH, mode, weights, ..SearchOptions::default() };
        let (mut ndcg, mut recall, mut first, mut in_three) = (0.0, 0.0, 0, 0);
        for (query, vector) in self.judged.queries.iter().zip(&self.vectors) {
            let judged = &self.judged.judgements[&query._id];
            let asked = Query { text: &query.text, vector: Some(vector) };
            let hits = block_on(self.index.search(asked, &options))?;
            let gains: Vec<f64> =
                hits.iter().map(|hit| judged.get(&hit.url).copied().unwrap_or(0.0)).collect();
            let is_good = |gain: &f64| *gain > 0.0;
            ndcg += ndcg_at(&gains, judged);
            recall +=
                gains.iter().filter(|gain| is_good(gain)).count() as f64 / judged.len() as f64;
            first += usize::from(gains.first().is_some_and(is_good));
            in_three += usize::from(gains.iter().take(3).any(is_good));
        }
        let count = self.judged.queries.len() as f64;
        let (ndcg, recall) = (ndcg / count, recall / count);
        println!("{name:28} {ndcg:>8.4} {recall:>10.4} {first:>8} {in_three:>8}");
        Ok(())
    }
}
