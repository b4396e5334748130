//! How fast the nearest rows are found, against reading the same memory once: one table.
//!
//! `cargo bench --no-default-features --bench hamming [-- --write FOLDER]`; with a folder, the bits
//! and the answers are written there too, for `hamming_peers.py`.

use std::path::Path;
use std::time::Instant;

use burrow::index::PageSet;
use burrow::index::hamming::{self, Candidate, Kernel};
use burrow::index::rescore::Rescorer;
use burrow::index::resident::{Resident, place_of};

const DIMENSION: usize = 1024;
const ROW_BYTES: usize = DIMENSION / 8;
const ROW_WORDS: usize = DIMENSION / 64;
const SIZES: [usize; 2] = [100_000, 1_000_000];
const PAGE_ROWS: usize = 5;
const COUNTS: [usize; 2] = [40, 4000];

/// All measurements of a size take turns for so long, so that what else the machine does meets
/// them alike. The least time of each counts: the others can only add to it.
const SECONDS: f64 = 20.0;

/// In a turn, so that what fits the caches is there.
const RUNS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = arguments.iter().position(|one| one == "--write").map(|at| &arguments[at + 1]);
    println!("| rows | what | ms | GB/s | of a plain read | times the naive loop |");
    println!("|---|---|---|---|---|---|");
    for rows in SIZES {
        let bits = random(rows * ROW_BYTES, 1);
        let query = random(ROW_BYTES, 2);
        let data = Data { words: words(&bits), query_words: words(&query), query };
        let table = table(&data, &resident(&bits));
        if let Some(folder) = folder {
            write(Path::new(folder), &bits, &data, table);
        }
    }
    rescoring();
}

struct Data {
    /// `[rows, ROW_WORDS]`.
    words: Vec<u64>,
    query: Vec<u8>,
    query_words: Vec<u64>,
}

/// The same on every run (xorshift).
fn random(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..bytes / 8).flat_map(|_| next().to_le_bytes()).collect()
}

fn words(bits: &[u8]) -> Vec<u64> {
    let mut words = Vec::with_capacity(bits.len() / 8);
    bits.chunks(ROW_BYTES).for_each(|row| hamming::push_words(&mut words, row));
    words
}

fn resident(bits: &[u8]) -> Resident {
    let mut resident = Resident::new(DIMENSION);
    let rows = bits.len() / ROW_BYTES;
    let pages: Vec<_> = (0..(rows / PAGE_ROWS) as u32).map(|page| (page, PAGE_ROWS)).collect();
    resident.add_many(&pages, bits, ROW_BYTES);
    assert_eq!(resident.rows(), rows);
    resident
}

/// What is measured, and the milliseconds of its fastest run.
struct Measurement<'a> {
    what: String,
    run: Box<dyn FnMut() + 'a>,
    least: f64,
}

fn measurement<'a, T>(what: String, mut run: impl FnMut() -> T + 'a) -> Measurement<'a> {
    let run = Box::new(move || drop(std::hint::black_box(run())));
    Measurement { what, run, least: f64::INFINITY }
}

/// In turns, at least three.
fn measure(measurements: &mut [Measurement<'_>], seconds: f64) {
    let began = Instant::now();
    let mut turns = 0;
    while turns < 3 || began.elapsed().as_secs_f64() < seconds {
        for it in &mut *measurements {
            for _ in 0..RUNS {
                let start = Instant::now();
                (it.run)();
                it.least = it.least.min(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        turns += 1;
    }
}

/// Prints all measurements of one size; gives back ours in milliseconds, for each of [`COUNTS`].
fn table(data: &Data, resident: &Resident) -> Vec<f64> {
    let rows = data.words.len() / ROW_WORDS;
    let filters = filters((rows / PAGE_ROWS) as u32);
    let mut all = vec![
        measurement("plain SIMD read".into(), || read(&data.words)),
        measurement("naive loop, all sorted".into(), || naive(data, COUNTS[0], |_| true)),
    ];
    let expected = naive(data, COUNTS[1], |_| true);
    for kernel in Kernel::available() {
        let name = kernel.name();
        all.push(measurement(format!("{name}: distances alone"), move || distances(kernel, data)));
        for count in COUNTS {
            let nearest = move || resident.nearest_with(kernel, &data.query, count, None);
            assert_eq!(by_number(nearest()), expected[..count], "{name}");
            all.push(measurement(format!("{name}: top {count}"), nearest));
        }
    }
    for (what, keep) in &filters {
        let nearest = || resident.nearest(&data.query, COUNTS[0], Some(keep));
        let expected = naive(data, COUNTS[0], |row| keep.contains((row / PAGE_ROWS) as u32));
        assert_eq!(by_number(nearest()), expected, "{what}");
        let what = format!("{}: top {}, {what}", Kernel::best().name(), COUNTS[0]);
        all.push(measurement(what, nearest));
    }
    measure(&mut all, SECONDS);
    for Measurement { what, least, .. } in &all {
        let speed = (rows * ROW_BYTES) as f64 / least / 1e6;
        let (share, times) = (100.0 * all[0].least / least, all[1].least / least);
        println!("| {rows} | {what} | {least:.3} | {speed:.1} | {share:.0} % | {times:.1} |");
    }
    // The best kernel is the first, and its distances alone come before.
    all[3..3 + COUNTS.len()].iter().map(|it| it.least).collect()
}

/// Filters that let half of the pages through.
fn filters(pages: u32) -> [(&'static str, PageSet); 2] {
    [
        ("every second page", PageSet::from_iter((0..pages).step_by(2))),
        ("half, together", PageSet::from_iter(0..pages / 2)),
    ]
}

/// Keys of pages and passages as numbers of rows.
fn by_number(found: Vec<Candidate>) -> Vec<Candidate> {
    let number = |key| {
        let (page, passage) = place_of(key);
        (page as usize * PAGE_ROWS + passage) as u64
    };
    found.into_iter().map(|it| Candidate { key: number(it.key), ..it }).collect()
}

/// Every row's distance, word by word; all sorted.
fn naive(data: &Data, count: usize, is_wanted: impl Fn(usize) -> bool) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (number, row) in data.words.chunks_exact(ROW_WORDS).enumerate() {
        if is_wanted(number) {
            let pairs = row.iter().zip(&data.query_words);
            let distance = pairs.map(|(a, b)| (a ^ b).count_ones()).sum();
            all.push(Candidate { distance, key: number as u64 });
        }
    }
    all.sort_unstable();
    all.truncate(count);
    all
}

/// A kernel without the choice of the nearest.
fn distances(kernel: Kernel, data: &Data) {
    let mut out = [0; 512];
    for block in data.words.chunks(out.len() * ROW_WORDS) {
        kernel.distances(block, &data.query_words, &mut out);
        std::hint::black_box(&mut out);
    }
}

/// All that is done with the memory is to add it up, with the widest instructions there are.
fn read(words: &[u64]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { sum_avx512(words) };
    } else if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { sum_avx2(words) };
    }
    sum(words)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn sum_avx512(words: &[u64]) -> u64 {
    sum(words)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn sum_avx2(words: &[u64]) -> u64 {
    sum(words)
}

#[inline(always)]
fn sum(words: &[u64]) -> u64 {
    let mut sums = [0u64; 64];
    for words in words.as_chunks::<64>().0 {
        sums.iter_mut().zip(words).for_each(|(sum, word)| *sum = sum.wrapping_add(*word));
    }
    sums.iter().fold(0, |a, b| a.wrapping_add(*b))
}

/// The cosines of the candidates.
fn rescoring() {
    let rows = random(4000 * DIMENSION, 3);
    let query: Vec<f32> =
        random(DIMENSION, 4).iter().map(|&byte| f32::from(byte) / 100.0 - 1.28).collect();
    let rescorer = Rescorer::new(&query);
    let all = || rows.chunks_exact(DIMENSION).map(|row| rescorer.cosine(row)).sum::<f64>();
    let mut cosines = [measurement(format!("4000 cosines of {DIMENSION} components"), all)];
    measure(&mut cosines, 1.0);
    println!("\n{}: {:.3} ms", cosines[0].what, cosines[0].least);
}

/// See `hamming_peers.py`.
fn write(folder: &Path, bits: &[u8], data: &Data, milliseconds: Vec<f64>) {
    let rows = bits.len() / ROW_BYTES;
    let distances: Vec<u32> =
        naive(data, COUNTS[1], |_| true).iter().map(|candidate| candidate.distance).collect();
    let answers = serde_json::json!({
        "rows": rows, "dimension": DIMENSION, "kernel": Kernel::best().name(), "counts": COUNTS,
        "milliseconds": milliseconds, "distances": distances,
    });
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(format!("{rows}.rows")), bits).unwrap();
    std::fs::write(folder.join(format!("{rows}.query")), &data.query).unwrap();
    std::fs::write(folder.join(format!("{rows}.json")), answers.to_string()).unwrap();
}
