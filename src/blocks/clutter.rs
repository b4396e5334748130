//! Which parts of a page are not its content: hidden, machinery, or around the content.

use dom_query::{Element, NodeRef};

/// Elements that are never readable text.
const MACHINERY: &[&str] = &[
    "script",
    "style",
    "noscript",
    "template",
    "head",
    "title",
    "svg",
    "canvas",
    "iframe",
    "frame",
    "frameset",
    "noframes",
    "object",
    "embed",
    "applet",
    "audio",
    "video",
    "map",
    "button",
    "input",
    "select",
    "textarea",
    "datalist",
    "progress",
    "meter",
    "annotation",
    "annotation-xml",
    "rt",
    "rp",
];

/// Elements around the content, wherever they stand.
const AROUND: &[&str] = &["nav", "menu"];

/// Elements around the content where they do not stand in it: an `aside` in an article is a note.
const AROUND_OUTSIDE: &[&str] = &["header", "footer", "aside"];

/// Elements that hold content, in which [`AROUND_OUTSIDE`] belongs to the content.
const CONTENT: &[&str] = &["main", "article", "section", "blockquote"];

/// Landmarks of ARIA that are around the content.
const AROUND_ROLES: &[&str] = &[
    "navigation",
    "banner",
    "contentinfo",
    "complementary",
    "search",
    "menu",
    "menubar",
    "toolbar",
    "dialog",
    "alertdialog",
    "tablist",
];

/// First words of a class or id that name a part around the content: `cookie-banner` is one,
/// `has-sidebar` is the page beside one.
const AROUND_WORDS: &[&str] = &[
    "cookie",
    "cookies",
    "consent",
    "gdpr",
    "ccpa",
    "onetrust",
    "breadcrumb",
    "breadcrumbs",
    "newsletter",
    "navbar",
    "navbox",
    "sidebar",
    "skip",
    "pagination",
];

/// Whether an element and all in it is never shown as text.
pub(super) fn is_hidden(element: &Element) -> bool {
    is_one_of(element, MACHINERY)
        || attribute(element, "hidden")
            .is_some_and(|value| !value.eq_ignore_ascii_case("until-found"))
        || attribute(element, "style").is_some_and(hides)
        || (is_one_of(element, &["dialog"]) && attribute(element, "open").is_none())
        || (is_one_of(element, &["sup"]) && has_class(element, "reference"))
        || has_class(element, "mw-editsection")
}

/// Whether an element is decoration that screen readers pass over. Not to be believed of an element
/// that holds much of the page: pages mark all but an open dialog so.
pub(super) fn is_decoration(element: &Element) -> bool {
    attribute(element, "aria-hidden").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Whether an element stands around the content: navigation, banners, notices on cookies.
pub(super) fn is_around(node: &NodeRef<'_>, element: &Element) -> bool {
    if is_one_of(element, CONTENT) || is_one_of(element, &["body", "html"]) {
        return false;
    }
    is_one_of(element, AROUND)
        || attribute(element, "role").is_some_and(|role| AROUND_ROLES.contains(&role.trim()))
        || names_clutter(element)
        || (is_one_of(element, AROUND_OUTSIDE) && !is_in_content(node))
}

/// Whether an inline style takes an element out of sight.
fn hides(style: &str) -> bool {
    style.split(';').any(|rule| {
        let Some((property, value)) = rule.split_once(':') else { return false };
        let value = value.trim();
        let value = value.strip_suffix("!important").unwrap_or(value).trim_end();
        (property.trim().eq_ignore_ascii_case("display") && value.eq_ignore_ascii_case("none"))
            || (property.trim().eq_ignore_ascii_case("visibility")
                && value.eq_ignore_ascii_case("hidden"))
    })
}

/// Whether class or id say what the element is, in one of the words above.
fn names_clutter(element: &Element) -> bool {
    let names = [attribute(element, "class"), attribute(element, "id")];
    names.into_iter().flatten().flat_map(str::split_ascii_whitespace).any(|name| {
        let word = first_word(name);
        AROUND_WORDS.iter().any(|clutter| word.eq_ignore_ascii_case(clutter))
    })
}

/// What a name begins with: `cookie` of `cookieBanner`, `cookie-banner` and `cookie_banner`.
fn first_word(name: &str) -> &str {
    let mut last = ' ';
    let end = name.find(|c: char| {
        let ends = !c.is_alphanumeric() || (c.is_uppercase() && last.is_lowercase());
        last = c;
        ends
    });
    &name[..end.unwrap_or(name.len())]
}

fn is_in_content(node: &NodeRef<'_>) -> bool {
    node.ancestors_it(None)
        .any(|above| above.element_ref().is_some_and(|above| is_one_of(&above, CONTENT)))
}

/// Whether an element's name is in a list.
pub(super) fn is_one_of(element: &Element, names: &[&str]) -> bool {
    names.contains(&&*element.name.local)
}

/// An attribute's value.
pub(super) fn attribute<'e>(element: &'e Element, name: &str) -> Option<&'e str> {
    element
        .attrs
        .iter()
        .find(|attribute| &*attribute.name.local == name)
        .map(|attribute| &*attribute.value)
}

fn has_class(element: &Element, class: &str) -> bool {
    attribute(element, "class")
        .is_some_and(|classes| classes.split_ascii_whitespace().any(|one| one == class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_of_names() {
        for name in ["cookie", "cookieBanner", "cookie-banner", "cookie_banner"] {
            assert_eq!(first_word(name), "cookie");
        }
        assert_eq!(first_word("GDPR-notice"), "GDPR");
        assert_eq!(first_word("has-sidebar"), "has");
    }

    #[test]
    fn styles_that_hide() {
        for style in ["display:none", "color:red; DISPLAY : None !important", "visibility: hidden;"]
        {
            assert!(hides(style), "{style}");
        }
        for style in ["", "display:block", "display", "content:'display:none'"] {
            assert!(!hides(style), "{style}");
        }
    }
}
