//! Hidden states and pooled vectors equal those of PyTorch, single and in a batch.

use burrow::encoder::{Encoder, Sequence};

use crate::reference::{Case, Reference, cosine, files, load, real_folder, tiny};
use crate::support;

/// The least cosine to the reference that is allowed on the CPU.
pub(crate) const COSINE_MIN: f64 = 0.99999;

#[test]
fn the_tiny_model_equals_pytorch() {
    check_all(&tiny(), &Reference::read("tiny-bert"));
}

#[test]
fn the_real_model_equals_pytorch() {
    let Some(folder) = real_folder() else { return };
    let encoder = load(files(&folder)).unwrap();
    check_all(&encoder, &Reference::read("all-MiniLM-L6-v2"));
    check_published(&encoder);
}

fn check_all(encoder: &Encoder, reference: &Reference) {
    assert_eq!(encoder.fingerprint().dimension, reference.dimension);
    check_ids(encoder, reference);
    let single = reference.cases.iter().flat_map(|case| encode(encoder, &[case])).collect();
    check("single", reference, single);
    let cases: Vec<&Case> = reference.cases.iter().collect();
    check("batched", reference, encode(encoder, &cases));
}

/// The tests' ids are what the tokenizer gives.
fn check_ids(encoder: &Encoder, reference: &Reference) {
    let tokenizer = encoder.tokenizer();
    for case in &reference.cases {
        let ids: Vec<u32> =
            tokenizer.tokens(&case.text).unwrap().iter().map(|token| token.id).collect();
        let ids = if case.special {
            [tokenizer.prefix(), &ids, tokenizer.suffix()].concat()
        } else {
            ids
        };
        assert_eq!(ids, case.ids, "{}: {:?}", case.language, case.text);
    }
}

/// Hidden states and the mean over all of them, for every case.
pub(crate) fn encode(encoder: &Encoder, cases: &[&Case]) -> Vec<(Vec<f32>, Vec<f32>)> {
    let ids: Vec<Vec<u32>> = cases.iter().map(|case| case.ids.clone()).collect();
    let states = pollster::block_on(encoder.hidden_states(&ids)).unwrap();
    let whole = |ids: Vec<u32>| Sequence { spans: vec![0..ids.len()], ids };
    let sequences: Vec<Sequence> = ids.into_iter().map(whole).collect();
    let vectors = pollster::block_on(encoder.embed(&sequences)).unwrap();
    states.into_iter().zip(vectors).collect()
}

fn check(how: &str, reference: &Reference, results: Vec<(Vec<f32>, Vec<f32>)>) {
    assert_eq!(results.len(), reference.cases.len());
    let mut worst: f64 = 1.0;
    for (case, (states, vector)) in reference.cases.iter().zip(&results) {
        assert_eq!(states.len(), case.ids.len() * reference.dimension);
        let mut compare = |what: &str, found: &[f32], row: usize| {
            let cosine = cosine(found, reference.row(row));
            let (language, tokens) = (&case.language, case.ids.len());
            assert!(cosine >= COSINE_MIN, "{how}, {language}, {tokens} tokens, {what}: {cosine}");
            worst = worst.min(cosine);
        };
        compare("vector", vector, case.vector);
        for &(at, row) in &case.states {
            let state = &states[at * reference.dimension..][..reference.dimension];
            compare(&format!("state {at}"), state, row);
        }
    }
    println!("{how}: {} cases, least cosine {worst:.9}", results.len());
}

/// What another engine published for the same model.
fn check_published(encoder: &Encoder) {
    let texts = ["What is Deep Learning?", "Deep Learning is...", "What is Deep Learning?"];
    let cases = texts.map(|text| Case {
        language: "en".to_owned(),
        text: text.to_owned(),
        special: true,
        ids: [101]
            .into_iter()
            .chain(encoder.tokenizer().tokens(text).unwrap().iter().map(|token| token.id))
            .chain([102])
            .collect(),
        vector: 0,
        states: Vec::new(),
        layers: Vec::new(),
    });
    let results = encode(encoder, &cases.iter().collect::<Vec<_>>());
    let Some(batch) = published("test_bert__bert_batch.json") else { return };
    for ((_, vector), expected) in results.iter().zip(&batch) {
        assert!(cosine(vector, expected) >= COSINE_MIN);
    }
    let Some(raw) = published("test_bert__bert_single_raw.json") else { return };
    assert_eq!(raw.len(), cases[0].ids.len());
    for (state, expected) in results[0].0.chunks_exact(384).zip(&raw) {
        assert!(cosine(state, expected) >= COSINE_MIN);
    }
}

fn published(name: &str) -> Option<Vec<Vec<f32>>> {
    let path = support::data(&format!("reference-embeddings/{name}"))?;
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}
