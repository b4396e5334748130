//! The YAML between `---` lines that documentation tools put before a page. Only its title is read.

/// Parts a page into its front matter's title, if there is one, and what follows the front matter.
pub(super) fn split(content: &str) -> (Option<String>, &str) {
    let Some(rest) = after_fence(content) else { return (None, content) };
    let mut from = 0;
    for line in rest.split_inclusive('\n') {
        if matches!(line.trim_end(), "---" | "...") {
            return (title(&rest[..from]), &rest[from + line.len()..]);
        }
        from += line.len();
    }
    (None, content)
}

/// What follows the line `---` with which a front matter opens.
fn after_fence(content: &str) -> Option<&str> {
    let rest = content.strip_prefix("---")?;
    let (line, rest) = rest.split_once('\n')?;
    line.trim().is_empty().then_some(rest)
}

/// The value of `title:`, on its line or in a block below it.
fn title(yaml: &str) -> Option<String> {
    let mut lines = yaml.lines();
    let value = lines.find_map(|line| line.strip_prefix("title:"))?.trim();
    let indented = |line: &&str| line.starts_with([' ', '\t']);
    let continued: Vec<&str> = lines.take_while(indented).map(str::trim).collect();
    let head = if value.starts_with(['|', '>']) { "" } else { value };
    let whole = format!("{head} {}", continued.join(" "));
    let title = unquote(whole.trim());
    (!title.is_empty()).then_some(title)
}

/// A scalar without its quotes, or a plain one without its comment.
fn unquote(scalar: &str) -> String {
    if let Some(inner) = scalar.strip_prefix('\'') {
        return inner.strip_suffix('\'').unwrap_or(inner).replace("''", "'");
    }
    if let Some(inner) = scalar.strip_prefix('"') {
        let inner = inner.strip_suffix('"').unwrap_or(inner);
        return inner.replace("\\\"", "\"").replace("\\\\", "\\");
    }
    let end = scalar.find(" #").unwrap_or(scalar.len());
    scalar[..end].trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_in_every_form() {
        for (yaml, expected) in [
            ("title: Plain one # note", "Plain one"),
            ("title: 'It''s'\nslug: x", "It's"),
            ("slug: x\ntitle: \"A \\\"b\\\"\"", "A \"b\""),
            ("title: >-\n  Folded\n  over lines\ntags: x", "Folded over lines"),
            ("title: C# and F#", "C# and F#"),
        ] {
            let page = format!("---\n{yaml}\n---\n<p>body");
            assert_eq!(split(&page), (Some(expected.to_string()), "<p>body"), "{yaml}");
        }
    }

    #[test]
    fn what_is_no_front_matter_is_left_alone() {
        for page in ["", "---", "--- a\nb", "---\nnever closed", "text\n---\ntitle: x\n---\n"] {
            assert_eq!(split(page), (None, page));
        }
        assert_eq!(split("---\nslug: x\n---\nbody"), (None, "body"));
    }
}
