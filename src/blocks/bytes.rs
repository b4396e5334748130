//! From bytes to characters: what is not text is refused, what is broken is repaired.

use std::borrow::Cow;

use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::error::{Error, ErrorKind, Result};

/// How far into a page its nature is looked for.
const SAMPLE_BYTES: usize = 4096;

/// First bytes of files that are often given by mistake, and what people call them.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"\x89PNG", "a PNG image"),
    (b"\xFF\xD8\xFF", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a WebP, WAV or AVI file"),
    (b"%PDF-", "a PDF file"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1F\x8B", "gzip-compressed data"),
    (b"\x28\xB5\x2F\xFD", "zstd-compressed data"),
    (b"\0asm", "a WebAssembly module"),
    (b"\x7FELF", "a program"),
    (b"wOFF", "a font"),
    (b"wOF2", "a font"),
];

/// Refuses bytes that are not text in any encoding.
///
/// # Errors
///
/// `Input`, with what the bytes seem to be.
pub(super) fn refuse_binary(url: &str, content: &[u8]) -> Result<()> {
    let what = match SIGNATURES.iter().find(|(signature, _)| content.starts_with(signature)) {
        Some((_, what)) => *what,
        None if looks_binary(content) => "binary data",
        None => return Ok(()),
    };
    Err(Error::new(
        ErrorKind::Input,
        format!("The content of {url} is {what}, not a page. Give HTML, Markdown or plain text."),
    ))
}

/// Whether the head of the content has control bytes that text in no encoding has. A few are
/// forgiven, since real pages have stray ones. UTF-16 is full of NUL, and says so by its mark.
fn looks_binary(content: &[u8]) -> bool {
    if content.starts_with(b"\xFF\xFE") || content.starts_with(b"\xFE\xFF") {
        return false;
    }
    let sample = &content[..content.len().min(SAMPLE_BYTES)];
    let controls = sample
        .iter()
        .filter(|&&byte| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | 0x0B | 0x0C | b'\r' | 0x1B))
        .count();
    controls * 50 > sample.len()
}

/// The characters of a page.
///
/// A byte order mark outranks all. Then come bytes that are valid UTF-8, whatever the page claims:
/// a page taken from a browser is UTF-8 and still carries its old `meta charset`. Then the claim;
/// without one, UTF-8 with replacements where some of it is UTF-8, else windows-1252 as browsers do.
pub(super) fn decode(content: &[u8], html: bool) -> Cow<'_, str> {
    if let Some((encoding, mark_bytes)) = Encoding::for_bom(content) {
        return encoding.decode_without_bom_handling(&content[mark_bytes..]).0;
    }
    let claimed = if html { claimed_encoding(content) } else { None };
    match std::str::from_utf8(content) {
        // ISO-2022-JP is written in ASCII with escapes, so that it always passes for UTF-8.
        Ok(text) if claimed != Some(ISO_2022_JP) => Cow::Borrowed(text),
        _ => {
            let encoding = claimed.unwrap_or_else(|| guess(content));
            encoding.decode_without_bom_handling(content).0
        }
    }
}

/// The encoding for bytes that are not valid UTF-8 and claim nothing.
fn guess(content: &[u8]) -> &'static Encoding {
    let some_utf8 = content.utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
    if some_utf8 { UTF_8 } else { WINDOWS_1252 }
}

/// What `<meta charset>` or an XML declaration at the head of the page says.
fn claimed_encoding(content: &[u8]) -> Option<&'static Encoding> {
    let head = content[..content.len().min(SAMPLE_BYTES)].to_ascii_lowercase();
    let mut rest = &head[..];
    loop {
        let at = find(rest, b"charset").map(|at| at + 7).into_iter();
        let at = at.chain(find(rest, b"encoding").map(|at| at + 8)).min()?;
        rest = &rest[at..];
        let label = label(rest);
        if let Some(encoding) = Encoding::for_label(label) {
            // A page whose `meta` can be read byte by byte is not in UTF-16, whatever it says.
            let is_utf16 = encoding == UTF_16LE || encoding == UTF_16BE;
            return Some(if is_utf16 { UTF_8 } else { encoding });
        }
    }
}

/// The name that follows `=`, with or without quotes. Empty where there is none.
fn label(after: &[u8]) -> &[u8] {
    let Some(value) = after.trim_ascii_start().strip_prefix(b"=") else { return &[] };
    let value = value.trim_ascii_start();
    let value = value.strip_prefix(b"\"").or(value.strip_prefix(b"'")).unwrap_or(value);
    let end =
        value.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"-_:.".contains(byte));
    &value[..end.unwrap_or(value.len())]
}

/// Where a short string first stands in a short text.
fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_utf8_outranks_the_claim() {
        let page = "<meta charset=gb2312>gr\u{fc}n";
        assert_eq!(decode(page.as_bytes(), true), page);
    }

    #[test]
    fn a_claim_is_believed_where_the_bytes_are_not_utf8() {
        let (bytes, ..) =
            encoding_rs::SHIFT_JIS.encode("<meta charset='Shift_JIS'>\u{65e5}\u{672c}");
        assert!(decode(&bytes, true).ends_with("\u{65e5}\u{672c}"));
        let (bytes, ..) = encoding_rs::GBK.encode(
            "<meta http-equiv=Content-Type content=\"text/html; charset=gbk\">\u{4e2d}\u{6587}",
        );
        assert!(decode(&bytes, true).ends_with("\u{4e2d}\u{6587}"));
        let (bytes, ..) = ISO_2022_JP.encode("<meta charset=iso-2022-jp>\u{65e5}\u{672c}");
        assert!(decode(&bytes, true).ends_with("\u{65e5}\u{672c}"));
    }

    #[test]
    fn without_a_claim_broken_utf8_is_repaired_and_latin_is_read() {
        assert_eq!(decode(b"caf\xC3\xA9 \xFF!", true), "caf\u{e9} \u{fffd}!");
        assert_eq!(decode(b"caf\xE9", true), "caf\u{e9}");
    }

    #[test]
    fn marks_and_their_encodings() {
        assert_eq!(decode(b"\xEF\xBB\xBFhi", false), "hi");
        assert_eq!(decode(b"\xFF\xFEh\0i\0", false), "hi");
        assert!(refuse_binary("u", b"\xFF\xFEh\0i\0").is_ok());
    }

    #[test]
    fn binary_is_refused_and_a_stray_nul_is_not() {
        for bytes in [&b"\x89PNG\r\n\x1a\n"[..], b"PK\x03\x04rest", &[0; 100]] {
            assert_eq!(refuse_binary("u", bytes).unwrap_err().kind(), ErrorKind::Input);
        }
        let mut page = vec![b'a'; 1000];
        page[500] = 0;
        assert!(refuse_binary("u", &page).is_ok());
    }
}
