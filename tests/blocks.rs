//! From pages to blocks: golden pages, bad input, and the laws that every document keeps.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burrow::blocks::{
    BLOCKS_MAX, BlockKind, CONTENT_BYTES_MAX, Document, Format, Source, TEXT_BYTES_MAX, document,
};
use burrow::{ErrorKind, Result};
use proptest::prelude::*;

fn read(format: Format, content: &[u8]) -> Result<Document> {
    document(Source { url: "https://example.org/page", title: None, format, content })
}

fn html(content: &str) -> Document {
    read(Format::Html, content.as_bytes()).unwrap()
}

fn kind_of_error(format: Format, content: &[u8]) -> ErrorKind {
    read(format, content).unwrap_err().kind()
}

/// The laws of [`Document`]: ranges stand on characters, in order, and cover the text but for one
/// line break between blocks; headings are the texts of heading blocks above.
fn check_laws(page: &Document) {
    let mut at = 0;
    for (number, block) in page.blocks.iter().enumerate() {
        if number > 0 {
            assert_eq!(&page.text[at..at + 1], "\n");
            at += 1;
        }
        assert_eq!(block.range.start, at);
        let text = &page.text[block.range.clone()];
        assert!(!text.trim().is_empty());
        assert!(block.kind == BlockKind::Code || !text.contains('\n'), "{text:?}");
        assert!(block.headings.len() < 6 || !matches!(block.kind, BlockKind::Heading(_)));
        at = block.range.end;
    }
    assert_eq!(at, page.text.len());
    assert!(!page.blocks.is_empty());
}

/// A document as the golden files have it.
fn show(page: &Document) -> String {
    let lang = page.lang.as_deref().unwrap_or("-");
    let mut shown = format!("title: {}\nlang: {lang}\n", page.title);
    for block in &page.blocks {
        let anchor = block.anchor.as_deref().map_or(String::new(), |anchor| format!(" #{anchor}"));
        let text = &page.text[block.range.clone()];
        write!(shown, "\n{:?}{anchor} [{}]\n", block.kind, block.headings.join(" > ")).unwrap();
        for line in text.lines() {
            writeln!(shown, "    {line}").unwrap();
        }
    }
    shown
}

fn golden_pages() -> Vec<(PathBuf, Format)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pages");
    let mut pages: Vec<(PathBuf, Format)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.to_string_lossy().ends_with(".expected.txt"))
        .filter_map(|path| match path.extension()?.to_str()? {
            "html" => Some((path, Format::Html)),
            "md" => Some((path, Format::Markdown)),
            "txt" => Some((path, Format::Text)),
            _ => None,
        })
        .collect();
    pages.sort_by(|left, right| left.0.cmp(&right.0));
    pages
}

/// `UPDATE=1` rewrites what is expected.
#[test]
fn golden() {
    let pages = golden_pages();
    assert!(pages.len() >= 9);
    for (path, format) in pages {
        let content = fs::read(&path).unwrap();
        let page = read(format, &content).unwrap();
        check_laws(&page);
        assert_eq!(page, read(format, &content).unwrap(), "same bytes, same blocks");
        let expected = path.with_extension("expected.txt");
        let found = show(&page);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &found).unwrap();
        }
        let wanted = fs::read_to_string(&expected).expect("UPDATE=1 makes it");
        assert_eq!(found, wanted, "{}", path.display());
    }
}

#[test]
fn a_given_title_outranks_the_page() {
    let source =
        Source { url: "u", title: Some("Given  title"), format: Format::Text, content: b"Text." };
    let page = document(source).unwrap();
    assert_eq!((page.title.as_str(), page.text.as_str()), ("Given title", "Given title\nText."));
    assert_eq!(page.blocks[1].headings, ["Given title"]);
}

#[test]
fn a_page_without_text_is_empty() {
    let nothing = [
        "",
        " \n\t ",
        "<html><head><title>Only a title</title></head><body></body></html>",
        "<script>var text = 'not read';</script><style>p {}</style>",
        "<p hidden>hidden</p><template><p>later</p></template><img alt='a picture'>",
        "---\ntitle: Only front matter\n---\n",
        "\u{200b}\u{ad}&nbsp;",
    ];
    for page in nothing {
        assert_eq!(kind_of_error(Format::Html, page.as_bytes()), ErrorKind::Empty, "{page:?}");
    }
    assert_eq!(kind_of_error(Format::Markdown, b"<!-- nothing -->\n\n---\n"), ErrorKind::Empty);
    assert_eq!(kind_of_error(Format::Text, b"\n \n"), ErrorKind::Empty);
}

#[test]
fn what_is_no_page_is_refused() {
    let mut zip = b"PK\x03\x04\x14\0\0\0\x08\0".to_vec();
    zip.extend((0..5_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8));
    for content in
        [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &zip, &[0; 4096], b"%PDF-1.7\n", &zip[100..]]
    {
        for format in [Format::Html, Format::Markdown, Format::Text] {
            let error = read(format, content).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Input, "{error}");
            assert!(error.to_string().contains("https://example.org/page"), "{error}");
        }
    }
}

#[test]
fn broken_utf8_is_read_with_replacements() {
    let page = read(Format::Html, b"<p>na\xC3\xAFve \xC3( text \xFF end</p>").unwrap();
    assert_eq!(page.text, "na\u{ef}ve \u{fffd}( text \u{fffd} end");
}

#[test]
fn legacy_encodings_are_read() {
    let text = "\u{65e5}\u{672c}\u{8a9e}\u{306e}\u{30da}\u{30fc}\u{30b8}";
    let (bytes, ..) = encoding_rs::SHIFT_JIS.encode(text);
    let page = [b"<meta charset=shift_jis><p>", &bytes[..]].concat();
    assert_eq!(read(Format::Html, &page).unwrap().text, text);
    assert_eq!(read(Format::Html, b"<p>caf\xE9").unwrap().text, "caf\u{e9}");
}

/// Runs on a stack as small as a wasm module's.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(1 << 20).spawn(work).unwrap().join().unwrap();
}

#[test]
fn deep_nesting_neither_overflows_nor_hangs() {
    for (open, close) in [
        ("<div>", "</div>"),
        ("<div><p>", ""),
        ("<b>", ""),
        ("<font size=1><p>", "</p>"),
        ("<a href=x><del>", "</del></a>"),
        ("<ul><li>", "</li></ul>"),
        ("<table><tr><td>", ""),
        ("<span class=a>", "</span>"),
        ("<blockquote><ins>", ""),
        ("<svg><g>", ""),
        ("<svg><style>", ""),
        ("<object><button>", ""),
        ("<template>", ""),
        ("<select><option>", ""),
        ("<math><mi>", ""),
        ("<p><b a=1><i b=2><u c=3>", ""),
    ] {
        on_a_small_stack(move || {
            let began = Instant::now();
            let body = format!("{}deep text{}", open.repeat(100_000), close.repeat(100_000));
            for page in [format!("<html><body>{body}</body></html>"), body] {
                if let Ok(page) = read(Format::Html, page.as_bytes()) {
                    check_laws(&page);
                    assert!(page.text.contains("deep text"), "{open}");
                }
            }
            println!("100,000 {open}: {:?}", began.elapsed());
            assert!(began.elapsed() < Duration::from_secs(60), "{open} took {:?}", began.elapsed());
        });
    }
    let divs = format!("<html><body>{}deep</body></html>", "<div>".repeat(100_000));
    assert_eq!(html(&divs).text, "deep");
}

#[test]
fn deep_markdown_neither_overflows_nor_hangs() {
    for open in ["> ", "- ", "*a ", "[", "![", "<div>\n\n", "`", "(", "1. "] {
        on_a_small_stack(move || {
            let began = Instant::now();
            let page = format!("{}deep", open.repeat(50_000));
            if let Ok(page) = read(Format::Markdown, page.as_bytes()) {
                check_laws(&page);
            }
            println!("50,000 {open:?}: {:?}", began.elapsed());
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "{open:?} took {:?}",
                began.elapsed()
            );
        });
    }
}

/// A page of so many paragraphs, each with markup.
fn long_page(paragraphs: usize, markup: &str) -> String {
    let mut page = String::from("<html><head><title>Long</title></head><body><main>");
    for number in 0..paragraphs {
        let _ = write!(
            page,
            "<h2 id=s{number}>Section {number}</h2><div {markup}><p>Paragraph {number} says, among other things, \
             that <a href='/{number}'>pages</a> can be long, and <b>very</b> long.</p></div>"
        );
    }
    page + "</main></body></html>"
}

#[test]
fn ten_megabytes_are_read_in_bounded_time() {
    let markup = format!("data-x='{}'", "y".repeat(320));
    let page = long_page(22_000, &markup);
    assert!(page.len() > 10_000_000, "{}", page.len());
    let began = Instant::now();
    let read = html(&page);
    println!("{} bytes, {} blocks: {:?}", page.len(), read.blocks.len(), began.elapsed());
    check_laws(&read);
    assert_eq!(read.blocks.len(), 44_001);
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn limits_are_errors() {
    let long_text = "word ".repeat(TEXT_BYTES_MAX / 5 + 10);
    for format in [Format::Html, Format::Markdown, Format::Text] {
        assert_eq!(kind_of_error(format, long_text.as_bytes()), ErrorKind::Limit);
    }
    let many_blocks = "x\n\n".repeat(BLOCKS_MAX + 1);
    assert_eq!(kind_of_error(Format::Text, many_blocks.as_bytes()), ErrorKind::Limit);
    let long_content = vec![b' '; CONTENT_BYTES_MAX + 1];
    assert_eq!(kind_of_error(Format::Text, &long_content), ErrorKind::Limit);
    let many_elements = "<i></i>".repeat(1_000_001);
    assert_eq!(kind_of_error(Format::Html, many_elements.as_bytes()), ErrorKind::Limit);
}

#[test]
fn one_endless_word_is_a_page() {
    for word in ["a".repeat(3 << 20), "\u{5b57}".repeat(1 << 20)] {
        let page = html(&format!("<html><body><p>{word}</p></body></html>"));
        check_laws(&page);
        assert_eq!(page.text, word);
    }
}

/// Pieces from which pages are made that hit the corners of the reader.
const PIECES: &[&str] = &[
    "<p>",
    "</p>",
    "<div class=\"sidebar\" id=x>",
    "</div>",
    "<h1 id=a>",
    "</h1>",
    "<h3>",
    "<ul>",
    "<li>",
    "</ul>",
    "<table>",
    "<tr>",
    "<td>",
    "</table>",
    "<pre>",
    "</pre>",
    "<br>",
    "<b>",
    "</b>",
    "<a href=\"#x\">",
    "</a>",
    "<a href=\"javascript:x\">",
    "<!--",
    "-->",
    "<script>",
    "</script>",
    "<title>",
    "</title>",
    "<html>",
    "<body>",
    "<article>",
    "</article>",
    "<nav>",
    "</nav>",
    "<svg>",
    "</svg>",
    "<template>",
    "<noscript><img src=x.jpg></noscript>",
    "<img>",
    "<div hidden>",
    "<span style='display:none'>",
    "<blockquote>",
    "<dl><dt>",
    "<dd>",
    "&nbsp;",
    "&#0;",
    "&amp;",
    "<font>",
    "<section>",
    "<form>",
    "<select>",
    "<option>",
    "<math>",
    "<div id=readability-page-1>",
    "A sentence, with commas, of some length, so that it counts as content in a page. ",
    "word ",
    "\u{5b57}",
    "\n\n",
    "# ",
    "- ",
    "| a | b |\n|---|---|\n",
    "```\n",
    "> ",
    "---\n",
    "title: x\n",
    "[a]: b\n",
    "*",
    "_",
    "`",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(content in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        for format in [Format::Html, Format::Markdown, Format::Text] {
            if let Ok(page) = read(format, &content) {
                check_laws(&page);
            }
        }
    }

    #[test]
    fn any_markup(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..120)) {
        let content = pieces.concat();
        for format in [Format::Html, Format::Markdown, Format::Text] {
            if let Ok(page) = read(format, content.as_bytes()) {
                check_laws(&page);
                prop_assert_eq!(&page, &read(format, content.as_bytes()).unwrap());
            }
        }
    }
}
