//! Tables of data and tables that are there for the layout.

use std::collections::HashSet;

use dom_query::{Document, NodeId};

use super::clutter::is_one_of;
use super::select::{Phase, visit};

/// Elements that no cell of a data table has: a table with such a cell is there for the layout.
const LAYOUT_ONLY: &[&str] =
    &["table", "h1", "h2", "h3", "h4", "h5", "h6", "article", "section", "blockquote"];

/// Paragraphs in a row above which its table is there for the layout.
const ROW_PARAGRAPHS_MAX: usize = 4;

/// Lines of code in a cell above which its table is there for the layout, as around a listing.
const ROW_CODE_LINES_MAX: usize = 3;

/// Rows of tables that are there for the layout.
pub(super) fn layout_rows(document: &Document) -> HashSet<NodeId> {
    let mut layout = HashSet::new();
    let mut rows: Vec<(NodeId, usize)> = Vec::new();
    visit(document, &mut |node, phase| {
        let Some(element) = node.element_ref() else { return true };
        if is_one_of(&element, &["tr"]) {
            match phase {
                Phase::Enter => rows.push((node.id, 0)),
                Phase::Leave => drop(rows.pop()),
            }
        } else if phase == Phase::Enter
            && let Some((row, paragraphs)) = rows.last_mut()
        {
            *paragraphs += usize::from(is_one_of(&element, &["p"]));
            let lays_out = *paragraphs > ROW_PARAGRAPHS_MAX
                || is_one_of(&element, LAYOUT_ONLY)
                || (is_one_of(&element, &["pre"])
                    && node.text().lines().count() > ROW_CODE_LINES_MAX);
            if lays_out {
                layout.insert(*row);
            }
        }
        true
    });
    layout
}
