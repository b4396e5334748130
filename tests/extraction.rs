//! How good the extraction is, measured on real pages. The figures are printed with `--nocapture`.
//!
//! The pages are shared data that is not part of the project: `BURROW_DATA` names their folder.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use burrow::ErrorKind;
use burrow::blocks::{BlockKind, Document, Format, Source, document};

/// The benchmark's F1 that Readability.js is known to reach.
const ARTICLE_F1_MIN: f64 = 0.94;

/// Share of words that documentation pages may lose.
const DOCUMENTATION_LOSS_MAX: f64 = 0.02;

/// Mean F1 against what Readability.js extracts. It is not the truth, but far from it something is
/// broken.
const READABILITY_F1_MIN: f64 = 0.85;

/// A folder of the shared data, or a note that the test is skipped.
fn data(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("BURROW_DATA")
        .map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
    let path = root.join(folder);
    if !path.is_dir() {
        println!(
            "skipped: {} is absent (BURROW_DATA names the folder of shared data)",
            path.display()
        );
        return None;
    }
    Some(path)
}

fn read_html(url: &str, content: &[u8]) -> burrow::Result<Document> {
    document(Source { url, title: None, format: Format::Html, content })
}

/// The text without the title that Burrow puts before it: the benchmark's texts have no headlines.
fn body(document: &Document) -> &str {
    let first = &document.blocks[0];
    let is_title =
        first.kind == BlockKind::Heading(1) && document.text[first.range.clone()] == document.title;
    if is_title { &document.text[first.range.end..] } else { &document.text }
}

/// Words as the benchmark's `\w+` finds them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn counts<T: std::hash::Hash + Eq>(items: impl Iterator<Item = T>) -> HashMap<T, usize> {
    let mut counts = HashMap::new();
    for item in items {
        *counts.entry(item).or_insert(0) += 1;
    }
    counts
}

/// 4-word shingles and how often each occurs; a shorter text is one shingle.
fn shingles(text: &str) -> HashMap<Vec<&str>, usize> {
    let words: Vec<&str> = words(text).collect();
    if words.is_empty() {
        return HashMap::new();
    }
    counts(words.windows(4.min(words.len())).map(<[&str]>::to_vec))
}

/// Precision and recall of one page, as the benchmark's `string_shingle_matching` and its scores:
/// none where the page has no such side.
fn scores(truth: &str, found: &str) -> (Option<f64>, Option<f64>) {
    let (truth, found) = (shingles(truth), shingles(found));
    let both: usize =
        truth.iter().map(|(shingle, &count)| count.min(*found.get(shingle).unwrap_or(&0))).sum();
    let share = |all: usize| (all > 0).then(|| both as f64 / all as f64);
    (share(found.values().sum()), share(truth.values().sum()))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn f1(precision: f64, recall: f64) -> f64 {
    if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) }
}

/// Precision, recall and F1 over pages: F1 of the means, as the benchmark has it.
fn overall(pages: &[(Option<f64>, Option<f64>)]) -> (f64, f64, f64) {
    let precision = mean(&pages.iter().filter_map(|page| page.0).collect::<Vec<_>>());
    let recall = mean(&pages.iter().filter_map(|page| page.1).collect::<Vec<_>>());
    (precision, recall, f1(precision, recall))
}

fn unzipped(path: &Path) -> Vec<u8> {
    let mut html = Vec::new();
    flate2::read::GzDecoder::new(fs::File::open(path).unwrap()).read_to_end(&mut html).unwrap();
    html
}

#[test]
fn article_bodies() {
    let Some(folder) = data("article-extraction-benchmark") else { return };
    let truth: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("ground-truth.json")).unwrap()).unwrap();
    let mut pages = Vec::new();
    for (id, page) in truth.as_object().unwrap() {
        let html = unzipped(&folder.join(format!("html/{id}.html.gz")));
        let truth = page["articleBody"].as_str().unwrap();
        let found = read_html(id, &html).unwrap();
        let score = scores(truth, body(&found));
        if std::env::var_os("VERBOSE").is_some() {
            let (p, r) = (score.0.unwrap_or(-1.0), score.1.unwrap_or(-1.0));
            println!("{p:.3} {r:.3} {id} {}", page["url"].as_str().unwrap_or(""));
        }
        pages.push(score);
    }
    let (precision, recall, f1) = overall(&pages);
    println!(
        "article-extraction-benchmark: {} pages, precision {precision:.4}, recall {recall:.4}, F1 {f1:.4}",
        pages.len()
    );
    assert!(f1 >= ARTICLE_F1_MIN, "F1 {f1:.4} is below {ARTICLE_F1_MIN}");
}

/// Elements that do not part words.
const INLINE: &str = "a, abbr, b, bdi, bdo, big, cite, code, del, dfn, em, font, i, ins, kbd, mark, nobr, \
    q, s, samp, small, span, strike, strong, sub, sup, tt, u, var, wbr, html, head, body";

/// All text of a fragment but what is hidden or navigation, read by other means than Burrow's.
fn all_text(html: &str) -> String {
    let page = dom_query::Document::from(html);
    page.select("script, style, noscript, template, nav, button, select, textarea, [hidden], [aria-hidden='true']").remove();
    page.select("[style*='display:none'], [style*='display: none']").remove();
    let parting: Vec<_> =
        page.select("*").nodes().iter().filter(|node| !node.is(INLINE)).copied().collect();
    for node in parting {
        node.insert_before(&page.tree.new_text(" "));
        node.insert_after(&page.tree.new_text(" "));
    }
    page.text().to_string()
}

fn html_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            html_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "html") {
            files.push(path);
        }
    }
}

#[test]
fn documentation_pages_keep_their_text() {
    let Some(folder) = data("mdn-archived-html") else { return };
    let mut files = Vec::new();
    html_files(&folder, &mut files);
    files.sort();
    let (mut words_all, mut words_lost, mut empty) = (0, 0, 0);
    for file in &files {
        let page = fs::read_to_string(file).unwrap();
        let fragment = page.splitn(3, "---\n").nth(2).unwrap();
        let text = all_text(fragment);
        let wanted = counts(words(&text));
        let found = match read_html(&file.to_string_lossy(), page.as_bytes()) {
            Ok(found) => found,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Empty, "{}", file.display());
                empty += 1;
                words_lost += wanted.values().sum::<usize>();
                words_all += wanted.values().sum::<usize>();
                continue;
            }
        };
        let title = page.lines().find_map(|line| line.strip_prefix("title: ")).unwrap();
        assert!(
            words(&found.title).eq(words(&title.replace("''", "'"))),
            "{title} / {}",
            found.title
        );
        let kept = counts(words(&found.text));
        let lost: usize = wanted
            .iter()
            .map(|(word, &count)| count.saturating_sub(*kept.get(word).unwrap_or(&0)))
            .sum();
        let all = wanted.values().sum::<usize>();
        if std::env::var_os("VERBOSE").is_some() && lost * 50 > all {
            println!("{lost} of {all} {}", file.display());
        }
        words_lost += lost;
        words_all += all;
    }
    let share = words_lost as f64 / words_all as f64;
    println!(
        "mdn-archived-html: {} pages ({empty} without text), {words_lost} of {words_all} words lost, {:.3} %",
        files.len(),
        share * 100.0
    );
    assert!(share <= DOCUMENTATION_LOSS_MAX, "{share}");
}

/// A page of which a part is missing at the end or at the start is read or refused, without a panic.
fn cut_off(source: &[u8]) {
    let third = source.len() / 3;
    for part in [&source[..third], &source[..2 * third], &source[third..]] {
        if let Err(error) = read_html("cut off", part) {
            assert!(matches!(error.kind(), ErrorKind::Empty | ErrorKind::Input), "{error}");
        }
    }
}

#[test]
fn messy_pages() {
    let Some(folder) = data("readability-pages") else { return };
    let mut names: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.is_dir());
    names.sort();
    let (mut scored, mut empty) = (Vec::new(), 0);
    for path in &names {
        let expected = fs::read_to_string(path.join("expected.html")).unwrap();
        let source = fs::read(path.join("source.html")).unwrap();
        cut_off(&source);
        match read_html(&path.to_string_lossy(), &source) {
            Ok(found) => {
                let (precision, recall) = scores(&all_text(&expected), body(&found));
                let score = f1(precision.unwrap_or(0.0), recall.unwrap_or(0.0));
                if std::env::var_os("VERBOSE").is_some() {
                    println!(
                        "{score:.3} {:.3} {:.3} {}",
                        precision.unwrap_or(-1.),
                        recall.unwrap_or(-1.),
                        path.display()
                    );
                }
                scored.push(score);
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Empty, "{}: {error}", path.display());
                empty += 1;
            }
        }
    }
    let mean = mean(&scored);
    println!(
        "readability-pages: {} pages ({empty} without text), mean F1 against Readability.js {mean:.4}",
        names.len()
    );
    assert!(mean >= READABILITY_F1_MIN, "{mean}");
}
