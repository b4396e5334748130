//! Indexing a folder of pages, and searching what was indexed.

use std::path::Path;
use std::time::{Duration, Instant};

use burrow::blocks::Source;
use burrow::fields::Facts;
use burrow::hits::{Hit, MarkKind};
use burrow::index::{Index, is_batch};
use burrow::page::EncodedPage;
use burrow::pipeline::{self, PreparedPage};
use burrow::search::{Query, SearchOptions};
use burrow::store::FilesStore;
use burrow::{Error, ErrorKind, Result, encoder::Encoder};
use pollster::block_on;

use crate::folder::{self, unreadable};
use crate::{ModelArgs, model};

/// Encoded pages wait at most so long for others to be committed with: no more is lost where the
/// program is ended.
const WAIT: Duration = Duration::from_secs(2);

/// Adds every page of a folder. A page that cannot be read is named, and the others go on.
pub(crate) fn index(args: &ModelArgs, at: &Path, pages: &Path) -> Result<()> {
    let found = folder::pages(pages)?;
    let encoder = model::load(args)?;
    let mut index = open(at, &encoder)?;
    let mut batch = Batch::new();
    for (number, (path, format)) in found.iter().enumerate() {
        let content = std::fs::read(path).map_err(|cause| unreadable(path, cause))?;
        let url = path.to_string_lossy();
        let source = Source { url: &url, title: None, format: *format, content: &content };
        let name = format!("{}/{} {url}", number + 1, found.len());
        match encoded(&index, &encoder, source) {
            Ok(Some(page)) => batch.add(name, page),
            Ok(None) => println!("{name}: unchanged"),
            Err(error) => println!("{name}: left out: {error}"),
        }
        if batch.is_due() {
            batch.commit(&mut index)?;
        }
    }
    batch.commit(&mut index)?;
    // So that the next opening reads few records.
    while block_on(index.compact())? {}
    println!("{} pages, {} passages", index.page_count(), index.passage_count());
    Ok(())
}

/// Pages that are committed together.
struct Batch {
    names: Vec<String>,
    pages: Vec<EncodedPage>,
    begun: Instant,
}

impl Batch {
    fn new() -> Self {
        Batch { names: Vec::new(), pages: Vec::new(), begun: Instant::now() }
    }

    fn add(&mut self, name: String, page: EncodedPage) {
        self.names.push(name);
        self.pages.push(page);
    }

    fn is_due(&self) -> bool {
        is_batch(&self.pages) || self.begun.elapsed() > WAIT
    }

    /// Commits the pages and says what became of each.
    fn commit(&mut self, index: &mut Index<FilesStore>) -> Result<()> {
        let batch = std::mem::replace(self, Batch::new());
        let outcomes = block_on(index.commit_all(&batch.pages))?;
        for (name, outcome) in batch.names.iter().zip(outcomes) {
            println!("{name}: {}", outcome.name());
        }
        Ok(())
    }
}

/// The page with its codes; `None` where it is in the index as it is.
fn encoded(
    index: &Index<FilesStore>,
    encoder: &Encoder,
    source: Source<'_>,
) -> Result<Option<EncodedPage>> {
    if index.find(source.url) == Some(pipeline::source_hash(source, &Facts::default())) {
        return Ok(None);
    }
    let mut page = PreparedPage::new(encoder, source, Facts::default())?;
    for _ in 0..page.windows() {
        block_on(page.encode_next(encoder))?;
    }
    page.finish(encoder).map(Some)
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

pub(crate) fn open(at: &Path, encoder: &Encoder) -> Result<Index<FilesStore>> {
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
