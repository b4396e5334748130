//! What is on the page? HTML, Markdown or plain text → [`Document`].

mod assemble;
mod bytes;
mod clutter;
mod front_matter;
mod head;
mod html;
mod markdown;
mod nesting;
mod plain;
mod select;
mod tables;

use std::ops::Range;

use crate::error::{Error, ErrorKind, Result};
use assemble::Assembler;

/// Bytes of a page as it comes in. The largest single HTML pages of the web are about half of it;
/// a parsed page takes several times its bytes, and a worker's memory is shared with the model.
pub const CONTENT_BYTES_MAX: usize = 32 << 20;

/// Bytes of a page's readable text: about 700,000 English words, several long novels.
pub const TEXT_BYTES_MAX: usize = 4 << 20;

/// Blocks of a page. Each remembers the headings above it, so their number bounds memory.
pub const BLOCKS_MAX: usize = 100_000;

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
/// The title, where the text does not open with it, becomes its first heading: the passages of a
/// page are encoded together, and the title says what all of them are about.
///
/// # Errors
///
/// `Input` where the bytes are not text (an image, an archive), `Empty` where no readable text is
/// found, `Limit` where content, text or blocks pass [`CONTENT_BYTES_MAX`], [`TEXT_BYTES_MAX`] or
/// [`BLOCKS_MAX`].
///
/// # Examples
///
/// ```
/// use burrow::blocks::{BlockKind, Format, Source, document};
///
/// let page = document(Source {
///     url: "https://example.org/tea",
///     title: None,
///     format: Format::Html,
///     content: b"<title>Tea</title><h2 id=steep>Steeping</h2><p>Three minutes, <b>no more</b>.",
/// })?;
/// assert_eq!(page.text, "Tea\nSteeping\nThree minutes, no more.");
/// assert_eq!(page.blocks[2].kind, BlockKind::Paragraph);
/// assert_eq!(page.blocks[2].headings, ["Tea", "Steeping"]);
/// assert_eq!(page.blocks[2].anchor.as_deref(), Some("steep"));
/// # Ok::<(), burrow::Error>(())
/// ```
pub fn document(source: Source<'_>) -> Result<Document> {
    if source.content.len() > CONTENT_BYTES_MAX {
        return Err(Error::new(
            ErrorKind::Limit,
            format!(
                "The page {} has {} bytes; at most {CONTENT_BYTES_MAX} can be read. Split it, or give its text only.",
                source.url,
                source.content.len()
            ),
        ));
    }
    bytes::refuse_binary(source.url, source.content)?;
    let content = bytes::decode(source.content, source.format == Format::Html);
    let mut assembler = Assembler::new(source.url, source.title);
    match source.format {
        Format::Html => html::read(&content, &mut assembler)?,
        Format::Markdown => markdown::read(&content, &mut assembler)?,
        Format::Text => plain::read(&content, &mut assembler)?,
    }
    assembler.finish()
}
