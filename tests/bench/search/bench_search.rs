//! The bench module: invented pages and vectors, and the bare parts of a search, as WebAssembly.
//!
//! `make bench-search` runs it beside the search module, in the same worker. It is built with the
//! search module's flags and is no part of the package.

use burrow::fields::Fields;
use burrow::fingerprint::Fingerprint;
use burrow::index::format;
use burrow::index::hamming::{self, TopK};
use burrow::index::rescore::Rescorer;
use burrow::page::{EncodedPage, Page, Passage};
use burrow::quantize::{self, Quantizer};
use wasm_bindgen::prelude::*;

/// Vectors lie near a space of so many dimensions, as those of real texts do: without that, all
/// neighbours would be equally far and every approximate search would look bad.
const LATENT: usize = 64;

/// Pages are about one of so many things.
const CLUSTERS: u64 = 128;

/// Words of a passage: about 250 tokens of English would be somewhat more.
const PASSAGE_WORDS: usize = 120;

/// Words of a sentence.
const SENTENCE_WORDS: usize = 30;

/// Different words that texts are made of.
const VOCABULARY: u64 = 20_000;

/// What each stream of invented numbers is for.
#[derive(Clone, Copy)]
enum Stream {
    Mixing = 1,
    Cluster,
    Page,
    Passage,
    Noise,
    Query,
    Words,
    Sentence,
}

/// The `index`th number of a stream: splitmix64, well mixed from any seed.
fn number(stream: Stream, owner: u64, index: u64) -> u64 {
    let seed = (stream as u64) << 56 ^ owner.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Nearly normal, around 0, with a spread of about 1: the sum of four parts of a number.
fn bell(stream: Stream, owner: u64, index: u64) -> f32 {
    let z = number(stream, owner, index);
    let part = |at: u32| ((z >> (16 * at)) & 0xffff) as f32 / 65_536.0 - 0.5;
    (part(0) + part(1) + part(2) + part(3)) * 1.732
}

/// Invented pages, every one the same whenever it is asked for.
#[wasm_bindgen]
pub struct Corpus {
    dimension: usize,
    passages: u64,
    /// From the latent space to vectors: `[LATENT, dimension]`.
    mixing: Vec<f32>,
}

#[wasm_bindgen]
impl Corpus {
    /// Of pages with so many passages, with vectors of this dimension.
    #[wasm_bindgen(constructor)]
    pub fn new(dimension: usize, passages: u32) -> Corpus {
        let mixing = (0..LATENT * dimension).map(|at| bell(Stream::Mixing, 0, at as u64));
        Corpus { dimension, passages: u64::from(passages), mixing: mixing.collect() }
    }

    /// What `Index.bind` asks for.
    pub fn fingerprint(&self) -> Result<Vec<u8>, JsError> {
        let fingerprint = Fingerprint {
            model: "invented".into(),
            dimension: self.dimension,
            quantizer: Quantizer::MaxAbs,
            digest: "0".repeat(64),
        };
        Ok(format::meta_to_bytes(&fingerprint)?)
    }

    /// A page as `Index.commit` takes it. Its address is `page:<number>`.
    pub fn page(&self, page: u32) -> Result<Vec<u8>, JsError> {
        let content = self.content(page);
        let (mut bits, mut int8, mut sentence_bits) = (Vec::new(), Vec::new(), Vec::new());
        for (place, passage) in content.passages.iter().enumerate() {
            let number = u64::from(page) * self.passages + place as u64;
            let vector = self.mixed(number, |_| 0.0);
            let row = quantize::bits(&vector);
            for sentence in 0..passage.sentences.len() as u64 {
                sentence_bits.extend(sentence_row(&row, number * 16 + sentence));
            }
            bits.extend(row);
            int8.extend(quantize::int8(Quantizer::MaxAbs, &vector));
        }
        let dimension = self.dimension;
        let encoded = EncodedPage { page: content, dimension, bits, int8, sentence_bits };
        Ok(format::to_wire(&encoded)?)
    }

    /// The text of a page.
    pub fn text(&self, page: u32) -> String {
        self.content(page).text
    }

    /// The vectors of the first passages, `[count, dimension]`.
    pub fn vectors(&self, count: u32) -> Vec<f32> {
        (0..count).flat_map(|number| self.vector(number)).collect()
    }

    /// A passage's vector.
    pub fn vector(&self, passage: u32) -> Vec<f32> {
        self.mixed(passage.into(), |_| 0.0)
    }

    /// A question's vector: near a passage among the first `passages`, but none of them.
    pub fn query(&self, query: u32, passages: u32) -> Vec<f32> {
        let near = number(Stream::Query, 1, query.into()) % u64::from(passages);
        let shift = |at| bell(Stream::Query, 2 + u64::from(query), at) * 0.5;
        self.mixed(near, shift)
    }

    /// A thing, what the page says of it and what the passage adds, mixed; and some noise.
    fn mixed(&self, passage: u64, shift: impl Fn(u64) -> f32) -> Vec<f32> {
        let page = passage / self.passages;
        let cluster = number(Stream::Cluster, 0, page) % CLUSTERS;
        let mut vector: Vec<f32> =
            (0..self.dimension as u64).map(|at| noise(passage, at) * 0.5).collect();
        for (at, row) in (0..).zip(self.mixing.chunks_exact(self.dimension)) {
            let value = bell(Stream::Cluster, cluster + 1, at) * 0.6
                + bell(Stream::Page, page, at) * 0.6
                + bell(Stream::Passage, passage, at) * 0.5
                + shift(at);
            vector.iter_mut().zip(row).for_each(|(x, mixing)| *x += value * mixing);
        }
        vector
    }

    fn content(&self, page: u32) -> Page {
        let mut text = String::new();
        let mut passages = Vec::new();
        for place in 0..self.passages {
            let start = text.len();
            let sentences = write_passage(&mut text, u64::from(page) * self.passages + place);
            let range = start..text.len();
            passages.push(Passage {
                range,
                headings: vec!["Part".into()],
                anchor: None,
                sentences,
            });
            text.push('\n');
        }
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&page.to_le_bytes());
        Page {
            url: format!("page:{page}"),
            title: format!("Page {page}"),
            lang: Some("en".into()),
            hash,
            fields: Fields::new(),
            time_ms: None,
            text,
            passages,
        }
    }
}

/// A component's own part, which no other passage shares.
fn noise(passage: u64, at: u64) -> f32 {
    let part = number(Stream::Noise, passage, at / 4) >> (16 * (at % 4));
    ((part & 0xffff) as f32 / 65_536.0 - 0.5) * 3.46
}

/// Appends a passage, and gives the places of its sentences.
fn write_passage(text: &mut String, passage: u64) -> Vec<std::ops::Range<usize>> {
    let mut sentences = Vec::new();
    let mut start = text.len();
    for at in 0..PASSAGE_WORDS {
        // A few words are frequent and most are rare, as in every language.
        let share = (number(Stream::Words, passage, at as u64) >> 40) as f64 / (1u64 << 24) as f64;
        let word = (VOCABULARY as f64).powf(share) as u64;
        write_word(text, word);
        if (at + 1) % SENTENCE_WORDS == 0 {
            text.push('.');
            sentences.push(start..text.len());
            start = text.len() + 1;
        }
        text.push(' ');
    }
    text.pop();
    sentences
}

/// A word of two to four syllables for every number.
fn write_word(text: &mut String, word: u64) {
    const SYLLABLES: [&str; 16] = [
        "ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "wu",
        "zan",
    ];
    let mut rest = word + 16;
    while rest > 0 {
        text.push_str(SYLLABLES[(rest % 16) as usize]);
        rest /= 16;
    }
}

/// A sentence's bits: the passage's, one in eight of them another.
fn sentence_row(row: &[u8], sentence: u64) -> Vec<u8> {
    let mask = |at: usize| {
        let z = number(Stream::Sentence, sentence, at as u64);
        (z & (z >> 8) & (z >> 16)) as u8
    };
    row.iter().enumerate().map(|(at, byte)| byte ^ mask(at)).collect()
}

/// The bits of the first passages, one after the other in the module's memory.
#[wasm_bindgen]
pub struct Rows {
    row_words: usize,
    words: Vec<u64>,
}

#[wasm_bindgen]
impl Rows {
    /// Of so many passages.
    #[wasm_bindgen(constructor)]
    pub fn new(corpus: &Corpus, count: u32) -> Rows {
        let row_words = hamming::row_words(corpus.dimension);
        let mut words = Vec::with_capacity(row_words * count as usize);
        for number in 0..count {
            hamming::push_words(&mut words, &quantize::bits(&corpus.vector(number)));
        }
        Rows { row_words, words }
    }

    /// The library's scan over all rows: the numbers of the nearest passages. The only place here
    /// that calls it.
    pub fn nearest(&self, query: &[f32], count: usize) -> Vec<u32> {
        let mut row = Vec::with_capacity(self.row_words);
        hamming::push_words(&mut row, &quantize::bits(query));
        let mut top = TopK::new(count);
        hamming::scan(&self.words, &row, 0, &mut top);
        top.into_sorted().into_iter().map(|candidate| candidate.key as u32).collect()
    }

    /// Reads the same memory and adds it up, in as many lanes as hide the additions' latency: no
    /// scan of this memory can be faster.
    pub fn sum(&self) -> u64 {
        let mut sums = [0u64; 16];
        let (chunks, rest) = self.words.as_chunks::<16>();
        for chunk in chunks {
            sums.iter_mut().zip(chunk).for_each(|(sum, word)| *sum = sum.wrapping_add(*word));
        }
        sums.iter().chain(rest).fold(0, |sum, word| sum.wrapping_add(*word))
    }

    /// The rows' bytes, for those who keep them otherwise.
    pub fn bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }
}

/// A vector's bits, as the rows of [`Rows::bytes`].
#[wasm_bindgen]
pub fn bits(vector: &[f32]) -> Vec<u8> {
    quantize::bits(vector)
}

/// The INT8 codes of the first passages: what the exact order is computed from.
#[wasm_bindgen]
pub struct Codes {
    dimension: usize,
    codes: Vec<u8>,
}

#[wasm_bindgen]
impl Codes {
    /// Of so many passages.
    #[wasm_bindgen(constructor)]
    pub fn new(corpus: &Corpus, count: u32) -> Codes {
        let mut codes = Vec::with_capacity(corpus.dimension * count as usize);
        for number in 0..count {
            let row = quantize::int8(Quantizer::MaxAbs, &corpus.vector(number));
            codes.extend(row.iter().map(|code| code.cast_unsigned()));
        }
        Codes { dimension: corpus.dimension, codes }
    }

    /// The numbers of the passages in the exact order of their cosines.
    pub fn nearest(&self, query: &[f32], count: usize) -> Vec<u32> {
        let rescorer = Rescorer::new(query);
        best(self.codes.chunks_exact(self.dimension).map(|row| rescorer.cosine(row)), count)
    }
}

/// The numbers of the rows of `vectors`, `[rows, dimension]`, in the exact order of their cosines.
#[wasm_bindgen]
pub fn exact(vectors: &[f32], query: &[f32], count: usize) -> Vec<u32> {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    let cosine = |row: &[f32]| dot(row, query) / dot(row, row).sqrt();
    best(vectors.chunks_exact(query.len()).map(cosine), count)
}

fn best(scores: impl Iterator<Item = f64>, count: usize) -> Vec<u32> {
    let mut scored: Vec<(f64, u32)> = scores.zip(0..).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.into_iter().take(count).map(|(_, row)| row).collect()
}
