//! Indexing a folder of pages, and searching what was indexed.

use std::path::Path;

use burrow::blocks::Source;
use burrow::fields::Facts;
use burrow::hits::{Hit, MarkKind};
use burrow::index::{Index, Outcome};
use burrow::pipeline::{self, PreparedPage};
use burrow::search::{Query, SearchOptions};
use burrow::store::FilesStore;
use burrow::{Error, ErrorKind, Result, encoder::Encoder};
use pollster::block_on;

use crate::folder::{self, unreadable};
use crate::{ModelArgs, model};

/// Adds every page of a folder. A page that cannot be read is named, and the others go on.
pub(crate) fn index(args: &ModelArgs, at: &Path, pages: &Path) -> Result<()> {
    let found = folder::pages(pages)?;
    let encoder = model::load(args)?;
    let mut index = open(at, &encoder)?;
    for (number, (path, format)) in found.iter().enumerate() {
        let content = std::fs::read(path).map_err(|cause| unreadable(path, cause))?;
        let url = path.to_string_lossy();
        let source = Source { url: &url, title: None, format: *format, content: &content };
        let outcome = match add(&mut index, &encoder, source) {
            Ok(outcome) => format!("{outcome:?}").to_lowercase(),
            Err(error) => format!("left out: {error}"),
        };
        println!("{}/{} {url}: {outcome}", number + 1, found.len());
    }
    // So that the next opening reads few records.
    while block_on(index.compact())? {}
    println!("{} pages, {} passages", index.page_count(), index.passage_count());
    Ok(())
}

fn add(index: &mut Index<FilesStore>, encoder: &Encoder, source: Source<'_>) -> Result<Outcome> {
    if index.find(source.url) == Some(pipeline::source_hash(source, &Facts::default())) {
        return Ok(Outcome::Unchanged);
    }
    let mut page = PreparedPage::new(encoder, source, Facts::default())?;
    for _ in 0..page.windows() {
        block_on(page.encode_next(encoder))?;
    }
    block_on(index.commit(page.finish(encoder)?))
}

/// Prints the hits of a query, the best first, marks in brackets.
pub(crate) fn search(
    args: &ModelArgs,
    at: &Path,
    query: &str,
    options: &SearchOptions,
) -> Result<()> {
    if !at.is_dir() {
        let message = format!("there is no index at {}: make one with burrow index", at.display());
        return Err(Error::new(ErrorKind::Input, message));
    }
    let encoder = model::load(args)?;
    let mut index = open(at, &encoder)?;
    let vector = block_on(pipeline::embed_query(&encoder, query))?;
    let hits = block_on(index.search(Query { text: query, vector: Some(&vector) }, options))?;
    if hits.is_empty() {
        println!("nothing found in {} pages", index.page_count());
    }
    for (rank, hit) in hits.iter().enumerate() {
        println!(
            "{}. {:.3} {} ({})\n   {}\n",
            rank + 1,
            hit.score,
            hit.title,
            hit.url,
            marked(hit)
        );
    }
    Ok(())
}

fn open(at: &Path, encoder: &Encoder) -> Result<Index<FilesStore>> {
    let mut index = block_on(Index::open(FilesStore::open(at)?))?;
    for problem in index.problems() {
        eprintln!("left out: {problem:?}");
    }
    block_on(index.bind(encoder.fingerprint()))?;
    Ok(index)
}

/// The excerpt on one line, its nearest sentence in brackets.
fn marked(hit: &Hit) -> String {
    let units: Vec<u16> = hit.excerpt.encode_utf16().collect();
    let slice = |from: usize, to: usize| String::from_utf16_lossy(&units[from..to]);
    let sentence = hit.marks.iter().find(|mark| mark.kind == MarkKind::Sentence);
    let text = match sentence {
        Some(mark) => format!(
            "{}[{}]{}",
            slice(0, mark.start),
            slice(mark.start, mark.end),
            slice(mark.end, units.len())
        ),
        None => hit.excerpt.clone(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
