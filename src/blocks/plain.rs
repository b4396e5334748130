//! Plain text → blocks: blank lines part paragraphs.

use super::BlockKind;
use super::assemble::Assembler;
use crate::error::Result;

/// Reads plain text.
pub(super) fn read(content: &str, assembler: &mut Assembler) -> Result<()> {
    let mut paragraph = String::new();
    for line in content.lines() {
        if line.trim().is_empty() {
            assembler.push(BlockKind::Paragraph, &paragraph)?;
            paragraph.clear();
        } else {
            paragraph.push_str(line);
            paragraph.push('\n');
        }
    }
    assembler.push(BlockKind::Paragraph, &paragraph)
}
