//! Qwen3 in several shapes, bidirectional and causal, equals PyTorch layer by layer; pplx-embed's
//! rules for chunks hold.

use burrow::encoder::{DeviceKind, Encoder, Recipe, Sequence};
use burrow::{pipeline, quantize};
use serde::Deserialize;

use crate::reference::{Case, Reference, data, difference, load, load_on, qwen3_files};

/// All shapes: grouped heads, as many key heads as heads, odd sizes, context, causal.
const SHAPES: [&str; 5] = ["gqa", "mha", "odd", "context", "causal"];

/// Relative error that is allowed on the CPU, and on WebGPU.
const CPU: f32 = 1e-4;
const WEB_GPU: f32 = 1e-3;

#[test]
fn every_shape_equals_pytorch_on_the_cpu() {
    for shape in SHAPES {
        let encoder = load(qwen3_files(shape)).unwrap();
        check(&encoder, shape, CPU, usize::MAX);
    }
}

#[cfg(feature = "gpu")]
#[test]
fn every_shape_equals_pytorch_on_web_gpu() {
    if let Err(error) = pollster::block_on(burrow::encoder::adapter()) {
        println!("skipped: no adapter: {error}");
        return;
    }
    for shape in SHAPES {
        let encoder = load_on(qwen3_files(shape), DeviceKind::WebGpu).unwrap();
        check(&encoder, shape, WEB_GPU, usize::MAX);
    }
}

/// The error of one row, relative to the row's greatest value.
fn relative(found: &[f32], expected: &[f32]) -> f32 {
    let greatest = expected.iter().fold(0f32, |greatest, value| greatest.max(value.abs()));
    difference(found, expected) / greatest
}

fn check(encoder: &Encoder, shape: &str, allowed: f32, cases: usize) {
    let reference = Reference::read(&format!("tiny-qwen3-{shape}"));
    let cases: Vec<&Case> = reference.cases.iter().take(cases).collect();
    let worst_layer =
        cases.iter().map(|case| check_layers(encoder, &reference, case)).fold(0.0, f32::max);
    let single: Vec<Vec<Vec<f32>>> =
        cases.iter().map(|case| encode(encoder, &[case])).map(|mut all| all.remove(0)).collect();
    let worst_state = worst(&reference, &cases, &single);
    let together = encode(encoder, &cases);
    let worst_together = worst(&reference, &cases, &together);
    let company = single.iter().flatten().zip(together.iter().flatten());
    let company = company.map(|(single, together)| relative(together, single)).fold(0.0, f32::max);
    println!(
        "{shape} on {:?}: {} cases; worst relative error: layers {worst_layer:.1e}, single \
         {worst_state:.1e}, together {worst_together:.1e}; together against single {company:.1e}",
        encoder.device(),
        cases.len()
    );
    assert!(worst_layer <= allowed && worst_state <= allowed && worst_together <= allowed);
    assert!(company <= 1e-5, "padding and company change {company:e}");
}

fn check_layers(encoder: &Encoder, reference: &Reference, case: &Case) -> f32 {
    if case.layers.is_empty() {
        return 0.0;
    }
    let layers = pollster::block_on(encoder.trace(&case.ids)).unwrap().unwrap();
    assert_eq!(layers.len(), case.layers.len());
    let errors = layers.iter().zip(&case.layers).flat_map(|(found, expected)| {
        expected.iter().map(|&(at, row)| {
            let found = &found[at * reference.dimension..][..reference.dimension];
            relative(found, reference.row(row))
        })
    });
    errors.fold(0.0, f32::max)
}

/// For every case its hidden states and its vector.
fn encode(encoder: &Encoder, cases: &[&Case]) -> Vec<Vec<Vec<f32>>> {
    let ids: Vec<Vec<u32>> = cases.iter().map(|case| case.ids.clone()).collect();
    let states = pollster::block_on(encoder.hidden_states(&ids)).unwrap();
    let sequences: Vec<Sequence> = ids.iter().map(|ids| encoder.whole(ids)).collect();
    let vectors = pollster::block_on(encoder.embed(&sequences)).unwrap();
    states.into_iter().zip(vectors).map(|(states, vector)| vec![states, vector]).collect()
}

fn worst(reference: &Reference, cases: &[&Case], results: &[Vec<Vec<f32>>]) -> f32 {
    let dimension = reference.dimension;
    let mut worst: f32 = 0.0;
    for (case, result) in cases.iter().zip(results) {
        worst = worst.max(relative(&result[1], reference.row(case.vector)));
        for &(at, row) in &case.states {
            let state = &result[0][at * dimension..][..dimension];
            worst = worst.max(relative(state, reference.row(row)));
        }
    }
    worst
}

#[test]
fn ids_are_those_of_the_tokenizer() {
    for shape in SHAPES {
        let encoder = load(qwen3_files(shape)).unwrap();
        let tokenizer = encoder.tokenizer();
        for case in &Reference::read(&format!("tiny-qwen3-{shape}")).cases {
            let tokens = tokenizer.tokens(&case.text).unwrap();
            let mut ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
            if case.special {
                ids = [tokenizer.prefix(), &ids, tokenizer.suffix()].concat();
            }
            assert_eq!(ids, case.ids, "{shape}: {:?}", case.text);
        }
    }
}

#[derive(Deserialize)]
struct Contexts {
    documents: Vec<Document>,
    windows: Windows,
}

#[derive(Deserialize)]
struct Document {
    chunks: Vec<String>,
    vectors: Vec<usize>,
    int8: Vec<Vec<i8>>,
    bits: Vec<String>,
}

#[derive(Deserialize)]
struct Windows {
    chunks: Vec<String>,
    windows: Vec<OneWindow>,
}

#[derive(Deserialize)]
struct OneWindow {
    vectors: Vec<usize>,
}

fn contexts() -> Contexts {
    let json = std::fs::read(data().join("reference/tiny-qwen3-context.json")).unwrap();
    serde_json::from_slice(&json).unwrap()
}

fn embed(encoder: &Encoder, chunks: &[String]) -> Vec<Vec<f32>> {
    let texts: Vec<&str> = chunks.iter().map(String::as_str).collect();
    pollster::block_on(pipeline::embed_chunks(encoder, &texts)).unwrap()
}

#[test]
fn chunks_between_separators_equal_pytorch() {
    let encoder = load(qwen3_files("context")).unwrap();
    assert!(matches!(encoder.recipe(), Recipe::Separated { .. }));
    let reference = Reference::read("tiny-qwen3-context");
    for document in contexts().documents {
        let vectors = embed(&encoder, &document.chunks);
        assert_eq!(vectors.len(), document.chunks.len());
        for (at, vector) in vectors.iter().enumerate() {
            let expected = reference.row(document.vectors[at]);
            assert!(difference(vector, expected) <= CPU, "{:?}", document.chunks[at]);
            let int8 = quantize::int8(encoder.fingerprint().quantizer, vector);
            let apart = int8.iter().zip(&document.int8[at]).map(|(a, b)| a.abs_diff(*b)).max();
            // A value that lies on the edge between two codes may fall to either side.
            assert!(apart <= Some(1));
            let bits: String =
                quantize::bits(vector).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(bits, document.bits[at]);
        }
    }
}

#[test]
fn a_long_document_equals_pytorch_window_by_window() {
    let encoder = load(qwen3_files("context")).unwrap();
    let reference = Reference::read("tiny-qwen3-context");
    let Contexts { windows, .. } = contexts();
    let vectors = embed(&encoder, &windows.chunks);
    let rows: Vec<usize> =
        windows.windows.iter().flat_map(|window| window.vectors.clone()).collect();
    assert_eq!(vectors.len(), rows.len());
    for (vector, row) in vectors.iter().zip(rows) {
        assert!(difference(vector, reference.row(row)) <= CPU);
    }
}

#[test]
fn a_separator_written_out_in_a_text_separates_nothing() {
    let encoder = load(qwen3_files("context")).unwrap();
    let chunks = ["before <|endoftext|> after".to_owned(), "next".to_owned()];
    let vectors = embed(&encoder, &chunks);
    assert_eq!(vectors.len(), 2);
    let tokens = encoder.tokenizer().tokens(&chunks[0]).unwrap();
    let Recipe::Separated { separator } = encoder.recipe() else { panic!("no separator") };
    assert!(tokens.iter().all(|token| token.id != *separator));
    // The other chunk sees another neighbour, and only that.
    let without = embed(&encoder, &["before  after".to_owned(), "next".to_owned()]);
    assert!(difference(&vectors[1], &without[1]) > 1e-4);
}

#[test]
fn a_query_is_a_document_of_one_chunk() {
    let encoder = load(qwen3_files("context")).unwrap();
    let query = "How do plants eat light?";
    let vector = pollster::block_on(pipeline::embed_query(&encoder, query)).unwrap();
    assert_eq!(vector, embed(&encoder, &[query.to_owned()])[0]);
}

#[test]
fn a_causal_model_reads_an_instruction_and_ends_every_text() {
    let encoder = load(qwen3_files("causal")).unwrap();
    let Recipe::LastToken { end } = *encoder.recipe() else { panic!("it pools the last token") };
    let text = "Instruct: Given a web search query, retrieve relevant passages that answer the \
                query\nQuery:river";
    let tokens = encoder.tokenizer().tokens(text).unwrap();
    let ids: Vec<u32> = tokens.iter().map(|token| token.id).chain([end]).collect();
    let last = Sequence { spans: vec![ids.len() - 1..ids.len()], ids };
    let expected = pollster::block_on(encoder.embed(&[last])).unwrap().concat();
    let vector = pollster::block_on(pipeline::embed_query(&encoder, "river")).unwrap();
    assert_eq!(vector, expected);
    // A document's chunks are each on their own.
    let one = embed(&encoder, &["river".to_owned()]);
    let two = embed(&encoder, &["river".to_owned(), "a ship".to_owned()]);
    assert!(difference(&one[0], &two[0]) <= 1e-5);
}
