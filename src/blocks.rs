//! What is on the page? HTML, Markdown or plain text → [`Document`].

use std::ops::Range;

use crate::error::Result;

/// The readable text of a page and the blocks it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The title as given, else as the page says it. May be empty.
    pub title: String,
    /// BCP 47 language, where the page says it.
    pub lang: Option<String>,
    /// The blocks' texts joined by one line break. Code keeps its own line breaks.
    pub text: String,
    /// In order; their ranges cover the text but for the line breaks between them.
    pub blocks: Vec<Block>,
}

/// A paragraph, heading, list item or the like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Where in the document's text, in bytes.
    pub range: Range<usize>,
    /// What it is.
    pub kind: BlockKind,
    /// The headings above it, outermost first. A heading's own text is not among its headings.
    pub headings: Vec<String>,
    /// The fragment that leads nearest to it: the `id` of the closest heading or element above.
    pub anchor: Option<String>,
}

/// What a block is on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// With its level, 1 to 6.
    Heading(u8),
    /// A paragraph or other running text.
    Paragraph,
    /// One item of a list.
    ListItem,
    /// Quoted text.
    Quote,
    /// Preformatted text; its line breaks are kept.
    Code,
    /// One row of a table, its cells joined by ` | `.
    TableRow,
}

/// In what form a page is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A whole HTML page or a fragment.
    Html,
    /// CommonMark with tables; a YAML front matter's `title` is used.
    Markdown,
    /// Plain text; blank lines part its paragraphs.
    Text,
}

/// A page as it comes in.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its address, against which nothing is fetched.
    pub url: &'a str,
    /// A title that outranks the page's own.
    pub title: Option<&'a str>,
    /// The form of the content.
    pub format: Format,
    /// The bytes; UTF-8, or for HTML what its `meta charset` says.
    pub content: &'a [u8],
}

/// Reads a page.
///
/// # Errors
///
/// `Empty` where no readable text is found, `Limit` where the content or its text is too long.
pub fn document(source: Source<'_>) -> Result<Document> {
    let _ = source;
    todo!()
}
