//! HTML → blocks.

use std::collections::HashSet;

use dom_query::{Document, Element, NodeData, NodeId, NodeRef};

use super::BlockKind;
use super::assemble::{Assembler, collapse};
use super::clutter::{attribute, is_one_of};
use super::select::{Phase, Selection, content, walk};
use super::tables::layout_rows;
use super::{front_matter, head, nesting};
use crate::error::Result;

/// Elements that stand on lines of their own.
const BLOCK: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "center",
    "dd",
    "details",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "legend",
    "li",
    "listing",
    "main",
    "menu",
    "nav",
    "ol",
    "p",
    "pre",
    "search",
    "section",
    "summary",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "ul",
    "xmp",
];

/// Reads a page or a fragment.
///
/// # Errors
///
/// `Limit` where the page is too long.
pub(super) fn read(html: &str, assembler: &mut Assembler) -> Result<()> {
    let (title, html) = front_matter::split(html);
    assembler.found_title(&title.unwrap_or_default());
    let flat = nesting::flatten(html)?;
    let is_fragment = !nesting::is_whole_page(html);
    let mut document = Document::from(&*flat);
    if !is_fragment {
        document = head::read(document, assembler);
    }
    let selection = content(&document, is_fragment);
    Reader::new(&selection, layout_rows(&document), assembler).read(&document)
}

/// Reads HTML that stands in a Markdown page.
///
/// # Errors
///
/// As [`read`].
pub(super) fn read_embedded(html: &str, assembler: &mut Assembler) -> Result<()> {
    let document = Document::from(&*nesting::flatten(html)?);
    let selection = content(&document, true);
    Reader::new(&selection, layout_rows(&document), assembler).read(&document)
}

/// What an element changed, to be set back when it is left.
struct Context {
    element: NodeId,
    kind: BlockKind,
    joined: bool,
}

/// Reads the content of a page in its order.
struct Reader<'r> {
    selection: &'r Selection,
    layout_rows: HashSet<NodeId>,
    assembler: &'r mut Assembler,
    /// The text of the block that is being read.
    text: String,
    kind: BlockKind,
    /// Whether elements inside the block do not end it: in headings and rows of data.
    joined: bool,
    contexts: Vec<Context>,
    /// The cells of the row that is being read.
    cells: Vec<String>,
    /// Line breaks since the last text.
    breaks: usize,
    /// An anchor in the midst of the block, which holds from the next on.
    anchor_next: Option<String>,
    /// Whether the heading that is being read has its anchor.
    heading_anchored: bool,
}

impl<'r> Reader<'r> {
    fn new(
        selection: &'r Selection,
        layout_rows: HashSet<NodeId>,
        assembler: &'r mut Assembler,
    ) -> Self {
        Reader {
            selection,
            layout_rows,
            assembler,
            text: String::new(),
            kind: BlockKind::Paragraph,
            joined: false,
            contexts: Vec::new(),
            cells: Vec::new(),
            breaks: 0,
            anchor_next: None,
            heading_anchored: false,
        }
    }

    fn read(mut self, document: &Document) -> Result<()> {
        walk(document.root(), &mut |node, phase| match phase {
            Phase::Enter => self.enter(node),
            Phase::Leave => self.leave(node).map(|()| true),
        })?;
        self.flush()
    }

    /// Takes in a text, or the beginning of an element; says whether to go into it.
    fn enter(&mut self, node: &NodeRef<'_>) -> Result<bool> {
        let Some(element) = node.element_ref() else {
            self.take_text(node);
            return Ok(true);
        };
        if is_one_of(&element, &["br"]) {
            self.line_break()?;
            return Ok(false);
        }
        if !self.selection.has_element(node) {
            self.pass_over(&element)?;
            return Ok(false);
        }
        if is_one_of(&element, BLOCK) {
            self.enter_block(node, &element)?;
        } else {
            self.note_anchor(&element);
            if self.is_permalink(node, &element) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes in a text of the content, and the space between texts.
    fn take_text(&mut self, node: &NodeRef<'_>) {
        let kept = self.selection.has_text(node);
        node.query(|inner| {
            let NodeData::Text { contents } = &inner.data else { return };
            if kept {
                self.breaks = 0;
                self.text.push_str(contents);
            } else if self.kind == BlockKind::Code && contents.chars().all(char::is_whitespace) {
                self.text.push_str(contents);
            } else {
                self.text.push(' ');
            }
        });
    }

    /// An element without content still parts blocks, or is an anchor.
    fn pass_over(&mut self, element: &Element) -> Result<()> {
        if is_one_of(element, BLOCK) && !self.joined {
            self.flush()?;
        } else if is_one_of(element, &["a", "span"]) {
            self.note_anchor(element);
        }
        Ok(())
    }

    fn enter_block(&mut self, node: &NodeRef<'_>, element: &Element) -> Result<()> {
        let (kind, joined) = (self.kind, self.joined);
        self.contexts.push(Context { element: node.id, kind, joined });
        if self.joined {
            self.text.push(' ');
            self.note_anchor(element);
            return Ok(());
        }
        self.flush()?;
        if let Some(kind) = kind_of(element) {
            self.kind = kind;
        }
        self.heading_anchored = false;
        self.note_anchor(element);
        let is_heading = matches!(kind_of(element), Some(BlockKind::Heading(_)));
        let is_row = is_one_of(element, &["tr"]) && !self.layout_rows.contains(&node.id);
        if is_row {
            self.kind = BlockKind::TableRow;
        }
        self.joined = is_heading || is_row;
        Ok(())
    }

    fn leave(&mut self, node: &NodeRef<'_>) -> Result<()> {
        if self.contexts.last().is_none_or(|context| context.element != node.id) {
            return Ok(());
        }
        let Some(context) = self.contexts.pop() else { return Ok(()) };
        if self.kind == BlockKind::TableRow
            && node.element_ref().is_some_and(|e| is_one_of(&e, &["td", "th"]))
        {
            self.end_cell();
        } else if context.joined {
            self.text.push(' ');
        } else {
            self.flush()?;
        }
        self.kind = context.kind;
        self.joined = context.joined;
        Ok(())
    }

    fn end_cell(&mut self) {
        let cell = collapse(&std::mem::take(&mut self.text));
        if !cell.is_empty() {
            self.cells.push(cell);
        }
    }

    /// A line break: two of them part paragraphs.
    fn line_break(&mut self) -> Result<()> {
        self.breaks += 1;
        if self.kind == BlockKind::Code {
            self.text.push('\n');
        } else if self.breaks > 1 && !self.joined {
            self.flush()?;
        } else {
            self.text.push(' ');
        }
        Ok(())
    }

    /// Remembers where an element's `id` leads, or the `name` of an old anchor.
    fn note_anchor(&mut self, element: &Element) {
        let name = if is_one_of(element, &["a"]) { attribute(element, "name") } else { None };
        let Some(id) = attribute(element, "id").or(name) else { return };
        let in_heading = matches!(self.kind, BlockKind::Heading(_));
        if in_heading {
            // The heading's own id outranks those in it.
            if !self.heading_anchored {
                self.assembler.anchor(id);
                self.heading_anchored = true;
            }
        } else if is_one_of(element, BLOCK)
            || is_one_of(element, &["a"])
            || self.text.trim().is_empty()
        {
            if self.text.trim().is_empty() && self.cells.is_empty() {
                self.assembler.anchor(id);
            } else {
                self.anchor_next = Some(id.to_string());
            }
        }
    }

    /// Whether an element is the `¶` or `#` with which a heading links to itself. Its target is the
    /// heading's anchor.
    fn is_permalink(&mut self, node: &NodeRef<'_>, element: &Element) -> bool {
        let in_heading = matches!(self.kind, BlockKind::Heading(_));
        if !in_heading || !is_one_of(element, &["a"]) {
            return false;
        }
        let Some(target) = attribute(element, "href").and_then(|href| href.strip_prefix('#'))
        else {
            return false;
        };
        if node.text().chars().any(char::is_alphanumeric) {
            return false;
        }
        if !self.heading_anchored {
            self.assembler.anchor(target);
            self.heading_anchored = true;
        }
        true
    }

    /// Ends the block that is being read.
    fn flush(&mut self) -> Result<()> {
        let mut text = std::mem::take(&mut self.text);
        if self.kind == BlockKind::TableRow {
            self.cells.push(collapse(&text));
            self.cells.retain(|cell| !cell.is_empty());
            text = std::mem::take(&mut self.cells).join(" | ");
        }
        let is_gutter = self.kind == BlockKind::Code
            && text.contains('\n')
            && text.chars().all(|c| c.is_ascii_digit() || c.is_whitespace());
        if !is_gutter {
            self.assembler.push(self.kind, &text)?;
        }
        self.breaks = 0;
        if let Some(id) = self.anchor_next.take() {
            self.assembler.anchor(&id);
        }
        Ok(())
    }
}

/// What blocks in an element are, where the element says it.
fn kind_of(element: &Element) -> Option<BlockKind> {
    Some(match &*element.name.local {
        "h1" => BlockKind::Heading(1),
        "h2" => BlockKind::Heading(2),
        "h3" => BlockKind::Heading(3),
        "h4" => BlockKind::Heading(4),
        "h5" => BlockKind::Heading(5),
        "h6" => BlockKind::Heading(6),
        "li" | "dt" | "dd" => BlockKind::ListItem,
        "blockquote" => BlockKind::Quote,
        "pre" | "listing" | "xmp" => BlockKind::Code,
        "table" | "caption" | "figcaption" => BlockKind::Paragraph,
        _ => return None,
    })
}
