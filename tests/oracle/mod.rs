//! Naive twins of the fast paths: so plain that they can be seen to be right.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses its own part"
)]

pub mod scan;

use burrow::index::hamming::Candidate;
use burrow::page::EncodedPage;

/// One bit at a time.
pub fn bits(vector: &[f32]) -> Vec<u8> {
    let mut bytes = vec![0; vector.len().div_ceil(8)];
    for (index, &x) in vector.iter().enumerate() {
        if x >= 0.0 {
            bytes[index / 8] += 1 << (7 - index % 8);
        }
    }
    bytes
}

/// `127 · tanh(x)`, rounded half to even by cases, `tanh` by its definition.
pub fn tanh_code(x: f32) -> i8 {
    let x = f64::from(x);
    let tanh = if x.abs() > 20.0 {
        x.signum()
    } else {
        // expm1 keeps the digits that e^x - e^-x loses near zero.
        let (up, down) = (x.exp_m1(), (-x).exp_m1());
        (up - down) / (up + down + 2.0)
    };
    half_to_even(127.0 * tanh)
}

/// `127 · x / largest`, rounded half to even by cases.
pub fn max_abs_code(x: f32, largest: f32) -> i8 {
    if largest == 0.0 { 0 } else { half_to_even(f64::from(x) * 127.0 / f64::from(largest)) }
}

fn half_to_even(value: f64) -> i8 {
    let below = value.floor();
    let rest = value - below;
    let is_odd = below.rem_euclid(2.0) == 1.0;
    let rounded = if rest > 0.5 || (rest == 0.5 && is_odd) { below + 1.0 } else { below };
    rounded.clamp(-128.0, 127.0) as i8
}

/// Bits that differ, one at a time.
pub fn distance(a: &[u8], b: &[u8]) -> u32 {
    let bit = |bytes: &[u8], index: usize| bytes[index / 8] >> (7 - index % 8) & 1;
    (0..a.len() * 8).filter(|&index| bit(a, index) != bit(b, index)).count() as u32
}

/// All rows sorted, the first `count` taken. A row's key is its place.
pub fn nearest(rows: &[Vec<u8>], query: &[u8], count: usize) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = rows
        .iter()
        .enumerate()
        .map(|(key, row)| Candidate { distance: distance(row, query), key: key as u64 })
        .collect();
    all.sort_by_key(|candidate| (candidate.distance, candidate.key));
    all.truncate(count);
    all
}

/// Cosine, one component after the other.
pub fn cosine(query: &[f32], row: &[i8]) -> f64 {
    let (mut dot, mut query_square, mut row_square) = (0.0, 0.0, 0.0);
    for (&x, &code) in query.iter().zip(row) {
        let (x, code) = (f64::from(x), f64::from(code));
        dot += x * code;
        query_square += x * x;
        row_square += code * code;
    }
    if row_square == 0.0 { 0.0 } else { dot / (query_square.sqrt() * row_square.sqrt()) }
}

/// What a search must find: `(url, passage, cosine)` by the definition of its options.
pub fn search(
    pages: &[EncodedPage],
    query: &[f32],
    limit: usize,
    oversampling: usize,
) -> Vec<(String, usize, f64)> {
    let mut rows = Vec::new();
    for (number, page) in pages.iter().enumerate() {
        for (passage, bits) in page.bits.chunks(page.dimension / 8).enumerate() {
            rows.push((distance(bits, &self::bits(query)), number, passage));
        }
    }
    rows.sort();
    let mut seen = std::collections::BTreeSet::new();
    let wanted = limit.min(pages.len());
    let mut candidates = Vec::new();
    for (place, &(_, number, passage)) in rows.iter().enumerate() {
        let is_new = seen.len() < wanted && seen.insert(number);
        if place < limit * oversampling || is_new {
            candidates.push((number, passage));
        }
    }
    let mut best: Vec<(String, usize, f64)> = Vec::new();
    let score = |(number, passage): (usize, usize)| {
        let page = &pages[number];
        let codes = &page.int8[passage * page.dimension..(passage + 1) * page.dimension];
        (page.page.url.clone(), passage, cosine(query, codes))
    };
    candidates.sort();
    for it in candidates.into_iter().map(score) {
        match best.iter_mut().find(|other| other.0 == it.0) {
            Some(other) if other.2 >= it.2 => {}
            Some(other) => *other = it,
            None => best.push(it),
        }
    }
    best.sort_by(|a, b| b.2.total_cmp(&a.2));
    best.truncate(limit);
    best
}
