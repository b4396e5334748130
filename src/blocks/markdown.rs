//! Markdown → blocks.

use std::collections::HashMap;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::assemble::{Assembler, collapse};
use super::{BlockKind, front_matter, html};
use crate::error::Result;

/// Reads CommonMark with tables, task lists, footnotes, strikethrough and `{#id}` after headings.
///
/// # Errors
///
/// `Limit` where the page is too long.
pub(super) fn read(content: &str, assembler: &mut Assembler) -> Result<()> {
    let (title, content) = front_matter::split(content);
    assembler.found_title(&title.unwrap_or_default());
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES;
    let mut reader = Reader {
        assembler,
        text: String::new(),
        cells: Vec::new(),
        html: String::new(),
        kinds: vec![BlockKind::Paragraph],
        images: 0,
        heading_id: None,
        slugs: HashMap::new(),
    };
    for event in Parser::new_ext(content, options) {
        reader.take(event)?;
    }
    reader.flush()
}

/// Reads a Markdown page in its order.
struct Reader<'a> {
    assembler: &'a mut Assembler,
    /// The text of the block that is being read.
    text: String,
    /// The cells of the row that is being read.
    cells: Vec<String>,
    /// HTML that stands between blocks.
    html: String,
    /// What the block is and what it stands in, innermost last.
    kinds: Vec<BlockKind>,
    /// Images that are open: what describes them is not shown.
    images: usize,
    /// The id that the heading gives itself.
    heading_id: Option<String>,
    /// How often each slug was given out.
    slugs: HashMap<String, usize>,
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>) -> Result<()> {
        match event {
            Event::Start(tag) => self.start(tag)?,
            Event::End(tag) => self.end(tag)?,
            Event::Text(text) | Event::Code(text) if self.images == 0 => self.text.push_str(&text),
            Event::SoftBreak | Event::HardBreak => self.text.push(' '),
            Event::Html(html) => self.html.push_str(&html),
            Event::InlineHtml(tag) if tag.starts_with("<br") => self.text.push(' '),
            Event::Rule => self.flush()?,
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, tag: Tag<'_>) -> Result<()> {
        if let Tag::Image { .. } = tag {
            self.images += 1;
        }
        if let Tag::Heading { id, .. } = &tag {
            self.heading_id = id.as_ref().map(|id| id.to_string());
        }
        if is_block(&tag.to_end()) {
            self.flush()?;
        }
        self.kinds.extend(kind_of(&tag));
        Ok(())
    }

    fn end(&mut self, tag: TagEnd) -> Result<()> {
        match tag {
            TagEnd::Image => self.images = self.images.saturating_sub(1),
            TagEnd::TableCell => self.cells.push(collapse(&std::mem::take(&mut self.text))),
            TagEnd::Heading(_) => self.anchor_heading(),
            TagEnd::HtmlBlock => {
                html::read_embedded(&std::mem::take(&mut self.html), self.assembler)?
            }
            _ => {}
        }
        if is_block(&tag) {
            self.flush()?;
        }
        if has_kind(&tag) && self.kinds.len() > 1 {
            self.kinds.pop();
        }
        Ok(())
    }

    /// A heading is led to by its own id, or by the slug that GitHub and most tools make of it.
    fn anchor_heading(&mut self) {
        let id = self.heading_id.take().unwrap_or_else(|| {
            let slug = slug(&collapse(&self.text));
            let times = self.slugs.entry(slug.clone()).or_insert(0);
            *times += 1;
            if *times == 1 { slug } else { format!("{slug}-{}", *times - 1) }
        });
        self.assembler.anchor(&id);
    }

    /// Ends the block that is being read.
    fn flush(&mut self) -> Result<()> {
        let kind = self.kinds.last().copied().unwrap_or(BlockKind::Paragraph);
        let text = std::mem::take(&mut self.text);
        if kind == BlockKind::TableRow {
            self.cells.retain(|cell| !cell.is_empty());
            return self.assembler.push(kind, &std::mem::take(&mut self.cells).join(" | "));
        }
        self.assembler.push(kind, &text)
    }
}

/// What blocks in a tag are, where the tag says it.
fn kind_of(tag: &Tag<'_>) -> Option<BlockKind> {
    Some(match tag {
        Tag::Heading { level, .. } => BlockKind::Heading(*level as u8),
        Tag::BlockQuote(_) => BlockKind::Quote,
        Tag::CodeBlock(_) => BlockKind::Code,
        Tag::Item => BlockKind::ListItem,
        Tag::TableHead | Tag::TableRow => BlockKind::TableRow,
        _ => return None,
    })
}

/// Whether [`kind_of`] gave the tag that ends here a kind.
fn has_kind(tag: &TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Heading(_)
            | TagEnd::BlockQuote(_)
            | TagEnd::CodeBlock
            | TagEnd::Item
            | TagEnd::TableHead
            | TagEnd::TableRow
    )
}

/// Whether a tag parts blocks.
fn is_block(tag: &TagEnd) -> bool {
    let inline = matches!(
        tag,
        TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::Link
            | TagEnd::Image
            | TagEnd::TableCell
    );
    !inline
}

/// A heading as the fragment that leads to it: small letters, digits, `-` and `_`; spaces become `-`.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}
