//! Builds a [`Document`] block by block: ranges, heading paths, anchors, limits.

use super::{BLOCKS_MAX, Block, BlockKind, Document, TEXT_BYTES_MAX};
use crate::error::{Error, ErrorKind, Result};

/// Characters of a heading that the blocks below it remember: every block has a copy.
const HEADING_CHARS_MAX: usize = 200;

/// Characters of a title. Longer ones are a page's mistake and would drown its passages.
const TITLE_CHARS_MAX: usize = 300;

/// Bytes of an `id` worth keeping as an anchor.
const ANCHOR_BYTES_MAX: usize = 256;

/// A document in the making.
pub(super) struct Assembler {
    url: String,
    title_given: String,
    title_found: String,
    lang: Option<String>,
    text: String,
    blocks: Vec<Block>,
    /// Level and text of the headings above, outermost first.
    headings: Vec<(u8, String)>,
    anchor: Option<String>,
}

impl Assembler {
    /// Nothing yet. A title that is given outranks one that is found.
    pub(super) fn new(url: &str, title: Option<&str>) -> Self {
        Assembler {
            url: url.to_string(),
            title_given: shorten(&collapse(title.unwrap_or_default()), TITLE_CHARS_MAX),
            title_found: String::new(),
            lang: None,
            text: String::new(),
            blocks: Vec::new(),
            headings: Vec::new(),
            anchor: None,
        }
    }

    /// A title that the page itself says; the first one counts. To be told before any block, so
    /// that the title can become the first heading.
    pub(super) fn found_title(&mut self, title: &str) {
        if self.title_found.is_empty() {
            self.title_found = shorten(&collapse(title), TITLE_CHARS_MAX);
        }
    }

    /// The title as it stands, given or found.
    fn title(&self) -> &str {
        if self.title_given.is_empty() { &self.title_found } else { &self.title_given }
    }

    /// The language that the page says, where it has the form of a BCP 47 tag.
    pub(super) fn found_lang(&mut self, lang: &str) {
        let lang = lang.trim();
        let parts_fit = lang.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        if self.lang.is_none() && lang.len() <= 35 && parts_fit {
            self.lang = Some(lang.to_string());
        }
    }

    /// A place that a fragment leads to; it holds for all that follows, up to the next.
    pub(super) fn anchor(&mut self, id: &str) {
        let fits = (1..=ANCHOR_BYTES_MAX).contains(&id.len()) && !id.contains(char::is_whitespace);
        if fits {
            self.anchor = Some(id.to_string());
        }
    }

    /// Adds a block. Its white space is collapsed, in code trimmed; without text it is left out.
    ///
    /// # Errors
    ///
    /// `Limit` where the document would grow too long.
    pub(super) fn push(&mut self, kind: BlockKind, raw: &str) -> Result<()> {
        let text = if kind == BlockKind::Code { trim_code(raw) } else { collapse(raw) };
        if text.is_empty() {
            return Ok(());
        }
        if self.blocks.is_empty() {
            self.open_with_title(kind, &text)?;
        }
        self.append(kind, &text)
    }

    /// Puts the title first, unless the first block is a heading that says it.
    fn open_with_title(&mut self, kind: BlockKind, first: &str) -> Result<()> {
        let title = self.title().to_string();
        let said = matches!(kind, BlockKind::Heading(_)) && says(first, &title);
        if title.is_empty() || said {
            return Ok(());
        }
        // The title is the page's, and leads to its top.
        let anchor = self.anchor.take();
        let appended = self.append(BlockKind::Heading(1), &title);
        self.anchor = anchor;
        appended
    }

    /// Adds a block with its final text.
    fn append(&mut self, kind: BlockKind, text: &str) -> Result<()> {
        if self.text.len() + text.len() >= TEXT_BYTES_MAX {
            return Err(self.limit("bytes of text", TEXT_BYTES_MAX));
        }
        if self.blocks.len() >= BLOCKS_MAX {
            return Err(self.limit("blocks", BLOCKS_MAX));
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        if let BlockKind::Heading(level) = kind {
            self.headings.retain(|(above, _)| *above < level);
        }
        let start = self.text.len();
        self.text.push_str(text);
        self.blocks.push(Block {
            range: start..self.text.len(),
            kind,
            headings: self.headings.iter().map(|(_, heading)| heading.clone()).collect(),
            anchor: self.anchor.clone(),
        });
        if let BlockKind::Heading(level) = kind {
            self.headings.push((level, shorten(text, HEADING_CHARS_MAX)));
        }
        Ok(())
    }

    fn limit(&self, unit: &str, limit: usize) -> Error {
        let message = format!(
            "The page {} has more than {limit} {unit}, the most that can be indexed as one page. Split it.",
            self.url
        );
        Error::new(ErrorKind::Limit, message)
    }

    /// The finished document.
    ///
    /// # Errors
    ///
    /// `Empty` where no block was added.
    pub(super) fn finish(self) -> Result<Document> {
        if self.blocks.is_empty() {
            let message =
                format!("The page {} has no readable text. There is nothing to index.", self.url);
            return Err(Error::new(ErrorKind::Empty, message));
        }
        let mut title = self.title().to_string();
        if title.is_empty() && matches!(self.blocks[0].kind, BlockKind::Heading(_)) {
            title = shorten(&self.text[self.blocks[0].range.clone()], TITLE_CHARS_MAX);
        }
        Ok(Document { title, lang: self.lang, text: self.text, blocks: self.blocks })
    }
}

/// Whether a heading says the title: the same words, or one with a site's name or the like around
/// the other.
fn says(heading: &str, title: &str) -> bool {
    let (heading, title) = (heading.to_lowercase(), title.to_lowercase());
    heading == title || heading.contains(&title) || (heading.len() > 3 && title.contains(&heading))
}

/// Runs of white space as one space, none at the ends; characters without shape left out.
pub(super) fn collapse(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    for character in raw.chars() {
        if character.is_whitespace() {
            if !text.is_empty() && !text.ends_with(' ') {
                text.push(' ');
            }
        } else if !is_shapeless(character) {
            text.push(character);
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// Characters that only mark where a line may break, or are no text at all. The joiners U+200C and
/// U+200D are not among them: Persian, Hindi and emoji need them.
fn is_shapeless(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}')
        || (character.is_control() && !character.is_whitespace())
}

/// Code without spaces at the ends of its lines and without blank lines at its ends.
fn trim_code(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    for line in raw.lines() {
        let visible =
            line.chars().filter(|&character| !is_shapeless(character) || character == '\t');
        text.extend(visible.map(|character| if character == '\u{a0}' { ' ' } else { character }));
        text.truncate(text.trim_end_matches([' ', '\t', '\r']).len());
        text.push('\n');
    }
    text.trim_end().trim_start_matches('\n').to_string()
}

/// At most so many characters, cut at a character.
fn shorten(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}
