//! Bounds how deep a page's elements nest, before it is parsed.
//!
//! Some of the work on a parsed page is recursive, and a worker's stack is 1 MiB; some is quadratic
//! in depth. Browsers flatten pages beyond 512 levels for the same reasons. Here the start tags that
//! go too deep are cut out of the source; every character of text stays.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::{Error, ErrorKind, Result};

/// Open elements at any place, those that close themselves (`p`, `li`, cells) not counted.
const OPEN_MAX: usize = 512;

/// Formatting elements (`b`, `font`) that are open across paragraphs. The parser opens each of them
/// anew in every block, so that their number multiplies the page.
const FORMATTING_OPEN_MAX: usize = 32;

/// Attributes of one tag; the parser compares each with all before it.
const ATTRIBUTES_MAX: usize = 256;

/// Elements of a page. Each takes over 100 bytes when parsed. The longest pages of the web have
/// about half as many.
pub(super) const ELEMENTS_MAX: usize = 1_000_000;

/// Elements without content.
const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Elements that the next of their kind closes; how deep they nest is bounded by what is counted.
const SELF_CLOSING: &[&str] = &[
    "p", "li", "dd", "dt", "option", "optgroup", "tr", "td", "th", "tbody", "thead", "tfoot",
    "colgroup", "html", "head", "body", "rb", "rt", "rp", "rtc", "frame", "frameset",
];

/// Elements that the parser opens anew after a block has closed over them.
const FORMATTING: &[&str] =
    &["b", "big", "code", "em", "font", "i", "s", "small", "strike", "strong", "tt", "u"];

/// Elements whose content is no markup.
const RAW_TEXT: &[&str] =
    &["script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"];

/// The page without the start tags that pass the limits above; borrowed where none does.
///
/// # Errors
///
/// `Limit` where the page has more than [`ELEMENTS_MAX`] elements.
pub(super) fn flatten(html: &str) -> Result<Cow<'_, str>> {
    let mut scan = Scan { html, ..Scan::default() };
    let mut at = 0;
    while let Some(found) = html[at..].find('<') {
        at = scan.markup(at + found);
        if scan.elements > ELEMENTS_MAX {
            let message = format!(
                "The page has more than {ELEMENTS_MAX} elements. Split it, or give its text only."
            );
            return Err(Error::new(ErrorKind::Limit, message));
        }
    }
    Ok(scan.finish())
}

/// Whether the source is a page of its own rather than a part of one: whether it has any of the tags
/// that every parsed page has, so that the parsed page does not tell.
pub(super) fn is_whole_page(html: &str) -> bool {
    html.match_indices('<').any(|(at, _)| {
        let after = &html[at + 1..];
        let doctype = after.get(..8).is_some_and(|word| word.eq_ignore_ascii_case("!doctype"));
        doctype
            || tag_name(after)
                .is_some_and(|name| is_one_of(name, &["html", "head", "body", "title"]))
    })
}

/// What is open at a place in the page.
#[derive(Default)]
struct Scan<'a> {
    html: &'a str,
    open: Vec<&'a str>,
    /// How many of each of [`FORMATTING`] were opened and not closed by name.
    formatting: [usize; FORMATTING.len()],
    elements: usize,
    cut: Vec<Range<usize>>,
}

impl<'a> Scan<'a> {
    /// Takes in what begins with the `<` at a place, and gives the place after it.
    fn markup(&mut self, at: usize) -> usize {
        let rest = &self.html[at..];
        let after = &rest[1..];
        if after.starts_with("!--") {
            return at + comment_bytes(rest);
        }
        if let Some(name) = after.strip_prefix('/').and_then(tag_name) {
            self.close(name);
            return at + 2 + name.len() + attributes(&rest[2 + name.len()..]).bytes;
        }
        if let Some(name) = tag_name(after) {
            return self.start_tag(at, name);
        }
        if after.starts_with(['!', '?', '/']) {
            return at + rest.find('>').map_or(rest.len(), |end| end + 1);
        }
        at + 1
    }

    /// Takes in a start tag and, where its content is no markup, that content too.
    fn start_tag(&mut self, at: usize, name: &'a str) -> usize {
        let tag = attributes(&self.html[at + 1 + name.len()..]);
        let end = at + 1 + name.len() + tag.bytes;
        self.elements += 1;
        let foreign = self.open.iter().any(|open| is_one_of(open, &["svg", "math"]));
        if !foreign && name.eq_ignore_ascii_case("plaintext") {
            return self.html.len();
        }
        let content = if !foreign && is_one_of(name, RAW_TEXT) {
            raw_text_bytes(&self.html[end..], name)
        } else {
            0
        };
        let closed = content > 0
            || is_one_of(name, VOID)
            || is_one_of(name, SELF_CLOSING)
            || (foreign && tag.closes_itself);
        if tag.count > ATTRIBUTES_MAX || (!closed && !self.open(name)) {
            self.cut.push(at..end);
        }
        end + content
    }

    /// Opens an element, or says that it would be one too many.
    fn open(&mut self, name: &'a str) -> bool {
        let formatting = FORMATTING.iter().position(|known| name.eq_ignore_ascii_case(known));
        if let Some(which) = formatting {
            if self.formatting.iter().sum::<usize>() >= FORMATTING_OPEN_MAX {
                return false;
            }
            self.formatting[which] += 1;
        }
        let fits = self.open.len() < OPEN_MAX;
        if fits {
            self.open.push(name);
        }
        fits
    }

    /// Closes an element and, unless it is a formatting one, all that is open in it.
    fn close(&mut self, name: &str) {
        let innermost = self.open.iter().rposition(|open| open.eq_ignore_ascii_case(name));
        let formatting = FORMATTING.iter().position(|known| name.eq_ignore_ascii_case(known));
        if let Some(which) = formatting {
            self.formatting[which] = self.formatting[which].saturating_sub(1);
            if let Some(place) = innermost {
                self.open.remove(place);
            }
        } else if let Some(place) = innermost {
            self.open.truncate(place);
        }
    }

    fn finish(self) -> Cow<'a, str> {
        if self.cut.is_empty() {
            return Cow::Borrowed(self.html);
        }
        let mut kept = String::with_capacity(self.html.len());
        let mut from = 0;
        for cut in self.cut {
            kept.push_str(&self.html[from..cut.start]);
            from = cut.end;
        }
        kept.push_str(&self.html[from..]);
        Cow::Owned(kept)
    }
}

/// Whether a name is in a list, in whatever case the page writes it.
fn is_one_of(name: &str, list: &[&str]) -> bool {
    list.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// The name with which a tag's text begins, if it is one.
fn tag_name(text: &str) -> Option<&str> {
    if !text.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return None;
    }
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>');
    Some(&text[..end.unwrap_or(text.len())])
}

/// Bytes of a comment, both its ends included.
fn comment_bytes(rest: &str) -> usize {
    let mut at = 2;
    while let Some(dashes) = rest[at..].find("--") {
        at += dashes + 2;
        let after = &rest[at..];
        if after.starts_with('>') {
            return at + 1;
        }
        if after.starts_with("!>") && at > 4 {
            return at + 2;
        }
        // `--->` ends a comment too: the next pair of dashes may begin within this one.
        at -= 1;
    }
    rest.len()
}

/// Bytes of content up to the end tag of an element, the end tag not included.
fn raw_text_bytes(content: &str, name: &str) -> usize {
    let mut at = 0;
    while let Some(found) = content[at..].find("</") {
        at += found;
        let closes = tag_name(&content[at + 2..]).is_some_and(|tag| tag.eq_ignore_ascii_case(name));
        if closes {
            return at;
        }
        at += 2;
    }
    content.len()
}

/// What stands between a tag's name and its end.
struct Attributes {
    /// Up to and with the `>`.
    bytes: usize,
    count: usize,
    /// Whether the tag ends with `/>`.
    closes_itself: bool,
}

/// Where in a tag the scan is; the states of the HTML standard's tokenizer.
#[derive(Clone, Copy, PartialEq)]
enum State {
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    Quoted(u8),
    Unquoted,
}

/// Scans a tag's attributes.
fn attributes(text: &str) -> Attributes {
    let mut state = State::BeforeName;
    let mut count = 0;
    let mut last = 0;
    for (at, &byte) in text.as_bytes().iter().enumerate() {
        if byte == b'>' && !matches!(state, State::Quoted(_)) {
            return Attributes { bytes: at + 1, count, closes_itself: last == b'/' };
        }
        let next = next_state(state, byte);
        count += usize::from(
            next == State::Name && matches!(state, State::BeforeName | State::AfterName),
        );
        state = next;
        last = byte;
    }
    Attributes { bytes: text.len(), count, closes_itself: false }
}

/// The state after a byte of a tag that does not end it.
fn next_state(state: State, byte: u8) -> State {
    let space = byte.is_ascii_whitespace();
    match state {
        State::Quoted(quote) if byte == quote => State::BeforeName,
        State::Quoted(_) => state,
        State::BeforeValue if space => state,
        State::BeforeValue if byte == b'"' || byte == b'\'' => State::Quoted(byte),
        State::BeforeValue => State::Unquoted,
        State::Unquoted if space => State::BeforeName,
        State::Unquoted => state,
        State::BeforeName if space || byte == b'/' => state,
        State::BeforeName => State::Name,
        State::Name | State::AfterName if byte == b'/' => State::BeforeName,
        State::Name | State::AfterName if byte == b'=' => State::BeforeValue,
        State::Name | State::AfterName if space => State::AfterName,
        State::Name | State::AfterName => State::Name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_pages_are_untouched() {
        let page = "<!doctype html><!-- <div> --><body x='>' y=\">\"><p>a<br/><svg><path d=1 /></svg><script>if (a<b) '<div>'</script></body>";
        assert!(matches!(flatten(page).unwrap(), Cow::Borrowed(text) if text == page));
    }

    #[test]
    fn what_goes_too_deep_is_cut_and_the_text_stays() {
        let page = format!("{}deep{}", "<div>".repeat(2_000), "</div>".repeat(2_000));
        let flat = flatten(&page).unwrap();
        assert_eq!(flat.matches("<div>").count(), OPEN_MAX);
        assert!(flat.contains("deep"));
    }

    #[test]
    fn closed_elements_do_not_count() {
        let page = "<div><span>x</span></div><p><b>y</b>".repeat(5_000);
        assert!(matches!(flatten(&page).unwrap(), Cow::Borrowed(_)));
    }

    #[test]
    fn formatting_left_open_is_bounded() {
        let page = "<p><font size=1>x</p>".repeat(5_000);
        assert_eq!(flatten(&page).unwrap().matches("<font").count(), FORMATTING_OPEN_MAX);
    }

    #[test]
    fn tricks_that_would_hide_tags_do_not() {
        for trick in
            ["<!-->", "<!--->", "<!-- --!>", "<x a==\">", "<x ='>", "<x a=b\">", "<svg><style>"]
        {
            let page = format!("{trick}{}", "<div>".repeat(1_000));
            let cut = flatten(&page).unwrap();
            assert!(cut.matches("<div>").count() <= OPEN_MAX, "{trick}");
        }
    }

    #[test]
    fn too_many_attributes_and_elements() {
        let page = format!("<div {}>x", "a=1 ".repeat(1_000));
        assert_eq!(flatten(&page).unwrap(), "x");
        let page = "<br>".repeat(ELEMENTS_MAX + 1);
        assert_eq!(flatten(&page).unwrap_err().kind(), ErrorKind::Limit);
    }
}
