//! Judged queries, and how good a ranking is by them.

use std::collections::HashMap;
use std::path::Path;

use burrow::{Error, ErrorKind, Result};

use crate::folder::unreadable;

/// How many hits count.
pub(super) const DEPTH: usize = 10;

/// A document or a query.
#[derive(serde::Deserialize)]
pub(super) struct Line {
    pub(super) _id: String,
    #[serde(default)]
    pub(super) title: String,
    pub(super) text: String,
}

/// How relevant each document is to each query, by their ids.
pub(super) type Judgements = HashMap<String, HashMap<String, f64>>;

/// Queries and what is known of their answers.
pub(super) struct Judged {
    /// Those that have a judgement.
    pub(super) queries: Vec<Line>,
    pub(super) judgements: Judgements,
}

impl Judged {
    /// Reads `queries.jsonl` and `qrels.tsv` of a folder.
    pub(super) fn read(data: &Path) -> Result<Self> {
        let judgements = judgements(&data.join("qrels.tsv"))?;
        let mut queries = lines(&data.join("queries.jsonl"))?;
        queries.retain(|query| judgements.contains_key(&query._id));
        if queries.is_empty() {
            let message = format!("{} has no judged query", data.display());
            return Err(Error::new(ErrorKind::Empty, message));
        }
        Ok(Judged { queries, judgements })
    }
}

/// The file with the documents.
pub(super) const CORPUS: &str = "corpus.jsonl";

/// Reads the documents of a folder.
pub(super) fn corpus(data: &Path) -> Result<Vec<Line>> {
    let corpus = lines(&data.join(CORPUS))?;
    if corpus.is_empty() {
        let message = format!("{} has no document", data.display());
        return Err(Error::new(ErrorKind::Empty, message));
    }
    Ok(corpus)
}

/// As trec_eval: linear gain, the ideal over all that is judged relevant.
pub(super) fn ndcg_at(gains: &[f64], judged: &HashMap<String, f64>) -> f64 {
    let discounted = |gains: &[f64]| -> f64 {
        gains
            .iter()
            .take(DEPTH)
            .enumerate()
            .map(|(rank, gain)| gain / (rank as f64 + 2.0).log2())
            .sum()
    };
    let mut ideal: Vec<f64> = judged.values().copied().collect();
    ideal.sort_by(|a, b| b.total_cmp(a));
    discounted(gains) / discounted(&ideal)
}

fn lines(path: &Path) -> Result<Vec<Line>> {
    let text = std::fs::read_to_string(path).map_err(|cause| unreadable(path, cause))?;
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|cause| {
            let message = format!("{} line {}: not {{_id, text}}", path.display(), number + 1);
            Error::new(ErrorKind::Input, message).with_source(cause)
        })
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(parse).collect()
}

/// The positive judgements; the first line is a header.
fn judgements(path: &Path) -> Result<Judgements> {
    let text = std::fs::read_to_string(path).map_err(|cause| unreadable(path, cause))?;
    let mut judgements: Judgements = HashMap::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let score = fields.get(2).and_then(|score| score.trim().parse::<f64>().ok());
        let (&[query, document, ..], Some(score)) = (&fields[..], score) else {
            let message =
                format!("{} line {}: not query, document, score", path.display(), number + 1);
            return Err(Error::new(ErrorKind::Input, message));
        };
        if score > 0.0 {
            judgements.entry(query.to_owned()).or_default().insert(document.to_owned(), score);
        }
    }
    Ok(judgements)
}
