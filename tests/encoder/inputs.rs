//! What an encoder is given: batches, spans, limits, and ids that no tokenizer of the model gives.

use burrow::encoder::{DeviceKind, Encoder, Sequence};
use burrow::{Error, ErrorKind};

use crate::reference::{Reference, difference, files, load, real_folder, tiny};

fn states(encoder: &Encoder, batch: &[Vec<u32>]) -> Vec<Vec<f32>> {
    pollster::block_on(encoder.hidden_states(batch)).unwrap()
}

fn refused(encoder: &Encoder, ids: Vec<u32>, spans: Vec<std::ops::Range<usize>>) -> Error {
    pollster::block_on(encoder.embed(&[Sequence { ids, spans }])).unwrap_err()
}

#[test]
fn company_and_padding_change_nothing() {
    check_company(&tiny(), &Reference::read("tiny-bert"));
    let Some(folder) = real_folder() else { return };
    check_company(&load(files(&folder)).unwrap(), &Reference::read("all-MiniLM-L6-v2"));
}

/// Short cases alone, together, and beside one a little longer each give the same states.
fn check_company(encoder: &Encoder, reference: &Reference) {
    let cases = reference.cases.iter().filter(|case| case.ids.len() <= 32);
    let batch: Vec<Vec<u32>> = cases.map(|case| case.ids.clone()).collect();
    assert!(batch.len() >= 20);
    let together = states(encoder, &batch);
    let mut worst: f32 = 0.0;
    for (ids, together) in batch.iter().zip(&together) {
        let alone = states(encoder, std::slice::from_ref(ids)).remove(0);
        let longer: Vec<u32> = ids.iter().copied().chain([7; 5]).collect();
        let beside = states(encoder, &[ids.clone(), longer]).remove(0);
        worst = worst.max(difference(&alone, together)).max(difference(&alone, &beside));
    }
    println!("{}: worst difference {worst:e}", encoder.fingerprint().model);
    assert!(worst <= 1e-5, "{worst}");
}

#[test]
fn a_vector_is_the_mean_of_its_span() {
    let encoder = tiny();
    let ids: Vec<u32> = (5..45).collect();
    let spans = vec![0..40, 0..1, 3..17, 10..20, 39..40];
    let states = states(&encoder, std::slice::from_ref(&ids)).remove(0);
    let other = Sequence { ids: vec![2, 9, 3], spans: vec![1..2] };
    let batch = [other, Sequence { ids, spans: spans.clone() }];
    let vectors = pollster::block_on(encoder.embed(&batch)).unwrap();
    assert_eq!(vectors[0].len(), 32);
    for (span, vector) in spans.iter().zip(vectors[1].chunks_exact(32)) {
        let rows = states[span.start * 32..span.end * 32].chunks_exact(32);
        let mut mean = vec![0.0; 32];
        rows.for_each(|row| mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += value));
        mean.iter_mut().for_each(|value| *value /= span.len() as f32);
        assert!(difference(&mean, vector) <= 1e-5, "{span:?}");
    }
}

#[test]
fn nothing_to_encode_is_nothing() {
    let encoder = tiny();
    assert!(states(&encoder, &[]).is_empty());
    let sequence = Sequence { ids: vec![2, 3], spans: Vec::new() };
    assert_eq!(pollster::block_on(encoder.embed(&[sequence])).unwrap(), [Vec::<f32>::new()]);
}

#[test]
fn limits_are_those_of_the_model() {
    let encoder = tiny();
    let limits = encoder.limits();
    assert_eq!((limits.window_tokens_max, limits.chunk_tokens_max), (254, 254));
    assert_eq!(states(&encoder, &[vec![7; 256]])[0].len(), 256 * 32);
    let error = refused(&encoder, vec![7; 257], vec![0..257]);
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("257") && error.to_string().contains("256"), "{error}");
    assert_eq!(encoder.device().0, DeviceKind::Cpu);
}

#[test]
fn impossible_sequences_are_refused() {
    let encoder = tiny();
    assert_eq!(refused(&encoder, Vec::new(), Vec::new()).kind(), ErrorKind::Input);
    assert_eq!(refused(&encoder, vec![2, 3], vec![1..1]).kind(), ErrorKind::Input);
    assert_eq!(refused(&encoder, vec![2, 3], vec![1..3]).kind(), ErrorKind::Input);
    assert_eq!(
        refused(&encoder, vec![2, 3], vec![usize::MAX - 1..usize::MAX]).kind(),
        ErrorKind::Input
    );
    assert_eq!(refused(&encoder, vec![2, u32::MAX], vec![0..1]).kind(), ErrorKind::Model);
}
