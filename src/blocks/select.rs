//! Which of a page's texts are its content.
//!
//! A fragment is all content but for its navigation. Of a whole page, the readability algorithm picks
//! the article, on a copy: it moves and renames elements, while blocks are read from the page as it
//! is. What it picked is known by the text nodes that it left. Its pick is used unless it found
//! nothing, or next to nothing of the page.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;

use dom_query::{Document, NodeId, NodeRef};
use dom_smoothie::{Config, Readability};

use super::clutter;

/// Elements above which the article is not looked for: the search takes several copies of the page,
/// and time that grows faster than the page.
const ARTICLE_ELEMENTS_MAX: usize = 100_000;

/// Levels above which the article is not looked for: parts of the search are recursive, and
/// its time grows with depth. Real pages have fewer than 100.
const ARTICLE_DEPTH_MAX: usize = 256;

/// The share of the page's text, navigation left out, and the characters that a pick must have. Less
/// than this is a notice, and the article is elsewhere or there is none.
const ARTICLE_SHARE_MIN: f64 = 0.02;
const ARTICLE_CHARS_MIN: usize = 140;

/// An element is large where this many of its size make the page.
const LARGE_SHARE: usize = 3;

/// Text nodes that are content, and the elements in which they stand.
pub(super) struct Selection {
    texts: HashSet<NodeId>,
    elements: HashSet<NodeId>,
}

impl Selection {
    /// Whether a text is content.
    pub(super) fn has_text(&self, node: &NodeRef<'_>) -> bool {
        self.texts.contains(&node.id)
    }

    /// Whether content stands in an element.
    pub(super) fn has_element(&self, node: &NodeRef<'_>) -> bool {
        self.elements.contains(&node.id)
    }

    /// With all elements above the texts.
    fn of(document: &Document, texts: HashSet<NodeId>) -> Self {
        let mut elements = HashSet::new();
        for text in &texts {
            for above in document.tree.get_unchecked(text).ancestors_it(None) {
                if !elements.insert(above.id) {
                    break;
                }
            }
        }
        Selection { texts, elements }
    }
}

/// Selects the content of a page, or of a fragment.
pub(super) fn content(document: &Document, is_fragment: bool) -> Selection {
    let sizes = sizes(document);
    let page = texts(document, &sizes, Keep::Content);
    if page.chars == 0 {
        // All of it stands in navigation, or behind a dialog: better that than nothing.
        return Selection::of(document, texts(document, &sizes, Keep::Visible).nodes);
    }
    if is_fragment || page.elements > ARTICLE_ELEMENTS_MAX || page.depth > ARTICLE_DEPTH_MAX {
        return Selection::of(document, page.nodes);
    }
    let mut picked = article(document);
    picked.retain(|text| page.nodes.contains(text));
    let picked_chars = chars(document, &picked);
    let share = picked_chars as f64 / page.chars as f64;
    if picked_chars < ARTICLE_CHARS_MIN || share < ARTICLE_SHARE_MIN {
        picked = page.nodes;
    }
    Selection::of(document, picked)
}

/// What to take of a page.
#[derive(Clone, Copy, PartialEq)]
enum Keep {
    /// All that is shown.
    Visible,
    /// Of that, what is not around the content.
    Content,
}

/// Texts of a page, and how large the page is.
#[derive(Default)]
struct Texts {
    nodes: HashSet<NodeId>,
    chars: usize,
    elements: usize,
    depth: usize,
}

/// The texts of a page that are to be kept, those of white space only left out.
fn texts(document: &Document, sizes: &HashMap<NodeId, usize>, keep: Keep) -> Texts {
    let mut found = Texts::default();
    let mut depth = 0;
    let chars_all = sizes.get(&document.root().id).copied().unwrap_or(0);
    visit(document, &mut |node, phase| {
        if phase == Phase::Leave {
            depth -= 1;
            return true;
        }
        let chars = text_chars(node);
        if chars > 0 {
            found.nodes.insert(node.id);
            found.chars += chars;
        }
        let leaves_out = node.element_ref().is_some_and(|element| {
            found.elements += 1;
            // What an element says of itself is not believed where it holds much of the page:
            // pages mark all but an open dialog as decoration, and name their body after a sidebar.
            let is_large =
                || sizes.get(&node.id).is_some_and(|&chars| chars * LARGE_SHARE >= chars_all);
            clutter::is_hidden(&element)
                || (clutter::is_decoration(&element) && !is_large())
                || (keep == Keep::Content && clutter::is_around(node, &element) && !is_large())
        });
        if !leaves_out {
            depth += 1;
            found.depth = found.depth.max(depth);
        }
        !leaves_out
    });
    found
}

/// Characters of text in every element that is not hidden.
fn sizes(document: &Document) -> HashMap<NodeId, usize> {
    let mut sizes = HashMap::new();
    let mut open: Vec<usize> = Vec::new();
    visit(document, &mut |node, phase| {
        if phase == Phase::Enter {
            open.push(text_chars(node));
            let hidden = node.element_ref().is_some_and(|element| clutter::is_hidden(&element));
            if hidden {
                open.pop();
            }
            return !hidden;
        }
        let chars = open.pop().unwrap_or(0);
        if let Some(above) = open.last_mut() {
            *above += chars;
        }
        if chars > 0 && !node.is_text() {
            sizes.insert(node.id, chars);
        }
        true
    });
    sizes
}

/// Characters of a text node that are no white space; 0 for any other node.
fn text_chars(node: &NodeRef<'_>) -> usize {
    node.query_or(0, |inner| match &inner.data {
        dom_query::NodeData::Text { contents } => {
            contents.chars().filter(|c| !c.is_whitespace()).count()
        }
        _ => 0,
    })
}

fn chars(document: &Document, texts: &HashSet<NodeId>) -> usize {
    texts.iter().map(|text| text_chars(&document.tree.get_unchecked(text))).sum()
}

/// The texts that the readability algorithm takes for the article. None where it fails.
fn article(document: &Document) -> HashSet<NodeId> {
    let config = Config { disable_json_ld: true, ..Config::default() };
    let Ok(mut readability) = Readability::with_document(document.clone(), None, Some(config))
    else {
        return HashSet::new();
    };
    if readability.parse().is_err() {
        return HashSet::new();
    }
    let root = readability.doc.select_single("#readability-page-1");
    let descendants = root.nodes().iter().flat_map(|root| root.descendants_it());
    descendants.filter(|node| text_chars(node) > 0).map(|node| node.id).collect()
}

/// Whether a node is come to from above or left again.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Phase {
    Enter,
    Leave,
}

/// [`walk`] over a whole page, for visits that cannot fail.
pub(super) fn visit<'a>(
    document: &'a Document,
    visit: &mut impl FnMut(&NodeRef<'a>, Phase) -> bool,
) {
    let Ok(()) =
        walk(document.root(), &mut |node, phase| Ok::<bool, Infallible>(visit(node, phase)));
}

/// Visits a node and all in it, in the order of the page, without recursion. On entering, the visitor
/// says whether to go in; only where it does is the node left again.
pub(super) fn walk<'a, E>(
    root: NodeRef<'a>,
    visit: &mut impl FnMut(&NodeRef<'a>, Phase) -> Result<bool, E>,
) -> Result<(), E> {
    let mut node = root;
    loop {
        let mut inside = visit(&node, Phase::Enter)?;
        if inside && let Some(child) = node.first_child() {
            node = child;
            continue;
        }
        loop {
            if inside {
                visit(&node, Phase::Leave)?;
            }
            if node.id == root.id {
                return Ok(());
            }
            if let Some(sibling) = node.next_sibling() {
                node = sibling;
                break;
            }
            // A node below the root has a parent, and it was gone into.
            let Some(parent) = node.parent() else { return Ok(()) };
            node = parent;
            inside = true;
        }
    }
}
