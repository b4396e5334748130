//! A whole index as one file, written part by part: no more than one page is in memory.

use sha2::{Digest, Sha256};

use super::Index;
use super::format::{self, Entry, ExportEnd, ExportHead};
use crate::error::{Error, ErrorKind, Result};
use crate::page::{EncodedPage, hash_in_pieces};
use crate::store::Store;

/// An export under way.
pub struct Export {
    /// The pages that were there when it began and are still to be written, by their addresses.
    pages: std::vec::IntoIter<(u32, Entry)>,
    count: usize,
    hasher: Sha256,
    next: Next,
}

/// What of a file comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Head,
    Pages,
    Nothing,
}

impl Export {
    /// How many pages the file will have.
    pub fn page_count(&self) -> usize {
        self.count
    }
}

impl<S: Store> Index<S> {
    /// Begins to write all pages that are there now: [`Index::export_next`] gives the parts.
    ///
    /// # Errors
    ///
    /// `Input` where nothing has ever been bound to the index: then there is nothing to write.
    pub fn export_begin(&self) -> Result<Export> {
        if self.state.made_with.is_none() {
            let message = "the index is empty and not yet made for a model: there is nothing to \
                           export";
            return Err(Error::new(ErrorKind::Input, message));
        }
        let pages = self.state.urls.values();
        let pages = pages.filter_map(|&page| Some((page, self.state.entries.get(&page)?.clone())));
        let pages: Vec<(u32, Entry)> = pages.collect();
        let count = pages.len();
        let (pages, hasher) = (pages.into_iter(), Sha256::new());
        Ok(Export { pages, count, hasher, next: Next::Head })
    }

    /// The next part of the file; `None` after the last. Equal content gives equal bytes, whatever
    /// the index has been through.
    ///
    /// Pages that are added meanwhile are not in the file. After an error nothing more comes.
    ///
    /// # Errors
    ///
    /// `Input` where a page that is still to be written was removed or replaced: export again.
    /// `Corrupt` where a page is damaged: it is left out from then on, so that the next export is
    /// one of all others. `Storage` where the store fails.
    pub async fn export_next(&mut self, export: &mut Export) -> Result<Option<Vec<u8>>> {
        let part = match self.part_to_export(export).await {
            Ok(Some(part)) => part,
            ended => {
                export.next = Next::Nothing;
                return ended;
            }
        };
        hash_in_pieces(&mut export.hasher, &part);
        Ok(Some(part))
    }

    async fn part_to_export(&mut self, export: &mut Export) -> Result<Option<Vec<u8>>> {
        match export.next {
            Next::Nothing => Ok(None),
            Next::Head => {
                export.next = Next::Pages;
                let fingerprint = self.state.made_with.clone().ok_or_else(changed_meanwhile)?;
                let head = ExportHead { fingerprint, pages: export.count };
                format::export_head_to_bytes(&head).map(Some)
            }
            Next::Pages => match export.pages.next() {
                Some((page, entry)) => {
                    let encoded = self.page_to_export(page, &entry).await?;
                    format::to_wire(&encoded).map(Some)
                }
                None => {
                    export.next = Next::Nothing;
                    let sha256 = export.hasher.clone().finalize().into();
                    format::export_end_to_bytes(&ExportEnd { pages: export.count, sha256 })
                        .map(Some)
                }
            },
        }
    }

    /// Reads a page that was listed when the export began.
    async fn page_to_export(&mut self, page: u32, entry: &Entry) -> Result<EncodedPage> {
        let is_there = |index: &Self| index.state.entries.get(&page) == Some(entry);
        if !is_there(self) {
            return Err(changed_meanwhile());
        }
        match self.read_page(page, entry).await {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                // Another tab may have removed it: that is no damage.
                self.catch_up().await?;
                if !is_there(self) {
                    return Err(changed_meanwhile());
                }
                self.state.leave_out(page, error.to_string());
                let message = format!(
                    "page {:?} cannot be exported and is left out from now on: {error}; or export \
                     again without it",
                    entry.url
                );
                Err(Error::new(ErrorKind::Corrupt, message))
            }
            read => read,
        }
    }
}

fn changed_meanwhile() -> Error {
    let message = "the index was changed while it was exported: export it again";
    Error::new(ErrorKind::Input, message)
}
