//! What a page says of itself: its title and language.

use dom_query::Document;
use dom_smoothie::Readability;

use super::assemble::{Assembler, collapse};

/// What sites put between a page's title and their own.
const TITLE_SEPARATORS: [char; 9] =
    ['|', '-', '\u{2013}', '\u{2014}', '\u{b7}', '\u{bb}', '\u{ab}', '>', '/'];

/// Headings of the first level among which the page's headline is looked for.
const HEADLINES_MAX: usize = 5;

/// Takes title and language from a page's head.
pub(super) fn read(document: Document, assembler: &mut Assembler) -> Document {
    if let Some(lang) = document.select_single("html[lang]").attr("lang") {
        assembler.found_lang(&lang);
    }
    // Without a base address this cannot fail, but the document is moved in and out.
    let Ok(page) = Readability::with_document(document, None, None) else {
        return Document::default();
    };
    let title = collapse(&page.get_article_metadata(None).title);
    let headline = page.doc.select("h1").iter().map(|heading| collapse(&heading.text()));
    let headline = headline.take(HEADLINES_MAX).find(|heading| is_part(heading, &title));
    assembler.found_title(&headline.unwrap_or(title));
    page.doc
}

/// Whether a headline is the title but for a site's name or the like: `Tea` in `Tea | Shop`.
fn is_part(headline: &str, title: &str) -> bool {
    let Some(at) = title.find(headline).filter(|_| !headline.is_empty()) else { return false };
    let (before, after) = (title[..at].trim_end(), title[at + headline.len()..].trim_start());
    (before.is_empty() || before.ends_with(TITLE_SEPARATORS))
        && (after.is_empty() || after.starts_with(TITLE_SEPARATORS))
}
