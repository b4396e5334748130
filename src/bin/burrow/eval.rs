//! Retrieval quality on judged queries: f32, INT8, bits, and bits rescored in INT8; with and without
//! the bits' centre.

mod judged;
mod kept;

use std::path::Path;
use std::time::{Duration, Instant};

use burrow::Result;
use burrow::encoder::{Encoder, Sequence};
use burrow::fields::Fields;
use burrow::index::Index;
use burrow::index::hamming::{self, TopK};
use burrow::index::rescore::Rescorer;
use burrow::page::{EncodedPage, Page, Passage, content_hash};
use burrow::quantize;
use burrow::search::{Mode, Query, SearchOptions};
use burrow::store::MemoryStore;
use indicatif::{ProgressBar, ProgressStyle};

use judged::{DEPTH, Judged, Judgements, Line, ndcg_at};
pub(crate) use kept::{Kept, run as run_kept};

use crate::{ModelArgs, model};

/// Documents and queries are cut here, as in the reference figures this is compared with.
const TOKENS_MAX: usize = 256;

/// Candidates of the bits that are rescored, for each hit.
const OVERSAMPLINGS: [usize; 4] = [2, 4, 8, 16];

/// Texts in one call of the encoder.
const BATCH: usize = 16;

/// Encodes corpus and queries, ranks in each way, and prints a row for each.
pub(crate) fn run(args: &ModelArgs, data: &Path, lang: &str) -> Result<()> {
    let Judged { queries, judgements } = Judged::read(data)?;
    let corpus = judged::corpus(data)?;
    let encoder = model::load(args)?;
    let start = Instant::now();
    let documents =
        embed(&encoder, "documents", corpus.iter().map(|d| format!("{} {}", d.title, d.text)))?;
    let vectors = embed(&encoder, "queries", queries.iter().map(|query| query.text.clone()))?;
    report(
        &Set { encoder: &encoder, lang, corpus, queries, judgements, documents, vectors },
        start.elapsed(),
    )
}

/// All that the ways of ranking are measured on.
struct Set<'a> {
    encoder: &'a Encoder,
    /// BCP 47, of documents and queries.
    lang: &'a str,
    corpus: Vec<Line>,
    queries: Vec<Line>,
    judgements: Judgements,
    documents: Vec<Vec<f32>>,
    vectors: Vec<Vec<f32>>,
}

fn report(set: &Set<'_>, took: Duration) -> Result<()> {
    let quantizer = set.encoder.fingerprint().quantizer;
    let normalized: Vec<Vec<f32>> = set.documents.iter().map(|vector| normalize(vector)).collect();
    let int8: Vec<Vec<u8>> =
        set.documents.iter().map(|vector| int8_bytes(quantizer, vector)).collect();
    println!(
        "{} documents, {} queries, {:.0} s to encode",
        set.corpus.len(),
        set.queries.len(),
        took.as_secs_f64()
    );
    println!("{:28} {:>8} {:>10} {:>13}", "", "nDCG@10", "recall@10", "of exact INT8");
    let all = || 0..set.documents.len();
    let by_int8 = |query: &[f32]| {
        let rescorer = Rescorer::new(query);
        best(all(), |row| rescorer.cosine(&int8[row]))
    };
    let exact: Vec<Vec<usize>> = set.vectors.iter().map(|query| by_int8(query)).collect();
    set.print("f32", &exact, |query| best(all(), |row| dot(&normalized[row], query)));
    set.print("INT8", &exact, by_int8);
    let mut index = set.index()?;
    for (name, mode) in [
        ("index, meaning", Mode::Semantic),
        ("index, words", Mode::Keyword),
        ("index, both", Mode::Hybrid),
    ] {
        let options = SearchOptions { limit: DEPTH, mode, ..SearchOptions::default() };
        set.print_asked(name, &exact, |text, vector| {
            let query = Query { text, vector: Some(vector) };
            let hits = pollster::block_on(index.search(query, &options))?;
            // A document's address is its row.
            Ok(hits.iter().filter_map(|hit| hit.url.parse().ok()).collect())
        })?;
    }
    let zero = vec![0.0; set.documents.first().map_or(0, Vec::len)];
    for (name, centre) in [("bits", zero), ("centred bits", mean(&normalized))] {
        let bits = Bits::new(&normalized, centre);
        set.print(name, &exact, |query| bits.nearest(query, DEPTH));
        for oversampling in OVERSAMPLINGS {
            set.print(&format!("{name}, INT8 x{oversampling}"), &exact, |query| {
                let rescorer = Rescorer::new(query);
                let candidates = bits.nearest(query, DEPTH * oversampling);
                best(candidates.into_iter(), |row| rescorer.cosine(&int8[row]))
            });
        }
    }
    Ok(())
}

/// The documents' bits, taken about a centre.
struct Bits {
    words: Vec<u64>,
    centre: Vec<f32>,
}

impl Bits {
    fn new(documents: &[Vec<f32>], centre: Vec<f32>) -> Self {
        let mut bits = Bits { words: Vec::new(), centre };
        for vector in documents {
            let row = quantize::bits(&bits.about_centre(vector));
            hamming::push_words(&mut bits.words, &row);
        }
        bits
    }

    fn about_centre(&self, vector: &[f32]) -> Vec<f32> {
        vector.iter().zip(&self.centre).map(|(x, centre)| x - centre).collect()
    }

    fn nearest(&self, query: &[f32], count: usize) -> Vec<usize> {
        let mut row = Vec::new();
        hamming::push_words(&mut row, &quantize::bits(&self.about_centre(&normalize(query))));
        let mut top = TopK::new(count);
        hamming::scan(&self.words, &row, 0, &mut top);
        top.into_sorted().into_iter().map(|candidate| candidate.key as usize).collect()
    }
}

/// The mean of vectors of one length.
fn mean(vectors: &[Vec<f32>]) -> Vec<f32> {
    let mut sums = vec![0f64; vectors.first().map_or(0, Vec::len)];
    for vector in vectors {
        sums.iter_mut().zip(vector).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    sums.iter().map(|sum| (sum / vectors.len() as f64) as f32).collect()
}

impl Set<'_> {
    /// Ranks the documents for every query, and prints the means; the last is how many of the hits
    /// by exact INT8 are found.
    fn print(&self, name: &str, exact: &[Vec<usize>], rank: impl Fn(&[f32]) -> Vec<usize>) {
        // Nothing here can fail.
        drop(self.print_asked(name, exact, |_, vector| Ok(rank(vector))));
    }

    /// As [`Set::print`], by a query's text and vector.
    fn print_asked(
        &self,
        name: &str,
        exact: &[Vec<usize>],
        mut rank: impl FnMut(&str, &[f32]) -> Result<Vec<usize>>,
    ) -> Result<()> {
        let (mut ndcg, mut recall, mut kept) = (0.0, 0.0, 0.0);
        for ((query, vector), exact) in self.queries.iter().zip(&self.vectors).zip(exact) {
            let judged = &self.judgements[&query._id];
            let ranked = rank(&query.text, vector)?;
            let found = exact.iter().filter(|&row| ranked.contains(row)).count();
            kept += found as f64 / exact.len() as f64;
            let gains: Vec<f64> = ranked
                .into_iter()
                .map(|row| judged.get(&self.corpus[row]._id).copied().unwrap_or(0.0))
                .collect();
            ndcg += ndcg_at(&gains, judged);
            recall += gains.iter().filter(|&&gain| gain > 0.0).count() as f64 / judged.len() as f64;
        }
        let count = self.queries.len() as f64;
        println!("{name:28} {:>8.4} {:>10.4} {:>13.4}", ndcg / count, recall / count, kept / count);
        Ok(())
    }

    /// All documents in an index, each a page with one passage, its row as its address.
    fn index(&self) -> Result<Index<MemoryStore>> {
        let fingerprint = self.encoder.fingerprint();
        let mut index = pollster::block_on(Index::open(MemoryStore::new()))?;
        pollster::block_on(index.bind(fingerprint))?;
        for (row, (document, vector)) in self.corpus.iter().zip(&self.documents).enumerate() {
            let text = format!("{} {}", document.title, document.text);
            let page = self.page(row, text);
            let bits = quantize::bits(vector);
            let encoded = EncodedPage {
                page,
                dimension: fingerprint.dimension,
                sentence_bits: bits.clone(),
                bits,
                int8: quantize::int8(fingerprint.quantizer, vector),
            };
            pollster::block_on(index.commit(encoded))?;
        }
        while pollster::block_on(index.compact())? {}
        Ok(index)
    }

    fn page(&self, row: usize, text: String) -> Page {
        let passage = Passage {
            range: 0..text.len(),
            headings: Vec::new(),
            anchor: None,
            sentences: vec![0..text.len()],
        };
        Page {
            url: row.to_string(),
            title: String::new(),
            lang: Some(self.lang.to_owned()),
            hash: content_hash(&[text.as_bytes()]),
            fields: Fields::new(),
            time_ms: None,
            text,
            passages: vec![passage],
        }
    }
}

/// The rows of the best scores, the earlier row first among equals.
fn best(rows: impl Iterator<Item = usize>, score: impl Fn(usize) -> f64) -> Vec<usize> {
    let mut scored: Vec<(f64, usize)> = rows.map(|row| (score(row), row)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.into_iter().take(DEPTH).map(|(_, row)| row).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

fn normalize(vector: &[f32]) -> Vec<f32> {
    let norm = dot(vector, vector).sqrt() as f32;
    vector.iter().map(|x| x / norm).collect()
}

fn int8_bytes(quantizer: quantize::Quantizer, vector: &[f32]) -> Vec<u8> {
    quantize::int8(quantizer, vector).into_iter().map(i8::cast_unsigned).collect()
}

/// One vector a text, each text cut at [`TOKENS_MAX`] with its special tokens.
fn embed(
    encoder: &Encoder,
    what: &str,
    texts: impl Iterator<Item = String>,
) -> Result<Vec<Vec<f32>>> {
    let sequences = texts.map(|text| sequence(encoder, &text)).collect::<Result<Vec<_>>>()?;
    // Texts of like length are encoded together, so that little is spent on padding.
    let mut order: Vec<usize> = (0..sequences.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(sequences[index].ids.len()));
    let bar = progress(what, sequences.iter().map(|sequence| sequence.ids.len() as u64).sum());
    let mut vectors = vec![Vec::new(); sequences.len()];
    for indices in order.chunks(BATCH) {
        let batch: Vec<Sequence> = indices.iter().map(|&index| sequences[index].clone()).collect();
        for (&index, vector) in indices.iter().zip(pollster::block_on(encoder.embed(&batch))?) {
            vectors[index] = vector;
        }
        bar.inc(batch.iter().map(|sequence| sequence.ids.len() as u64).sum());
    }
    bar.finish_and_clear();
    Ok(vectors)
}

fn sequence(encoder: &Encoder, text: &str) -> Result<Sequence> {
    let tokenizer = encoder.tokenizer();
    let room = TOKENS_MAX - tokenizer.prefix().len() - tokenizer.suffix().len();
    let tokens = tokenizer.tokens(text)?;
    let ids = tokens.iter().take(room).map(|token| token.id);
    let ids: Vec<u32> = tokenizer
        .prefix()
        .iter()
        .copied()
        .chain(ids)
        .chain(tokenizer.suffix().iter().copied())
        .collect();
    Ok(Sequence { spans: vec![0..ids.len()], ids })
}

fn progress(what: &str, tokens: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{msg:10} {wide_bar} {percent}% {per_sec} tokens, {eta} left");
    let bar = ProgressBar::new(tokens).with_message(what.to_owned());
    // The template is a constant: where it were wrong, the plain bar would do.
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
