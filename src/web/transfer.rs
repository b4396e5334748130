//! Export and import, by numbers: so nothing has to be freed by JavaScript, and an object of the
//! index stays the only one.

use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::error::JsResult;
use super::search::{Index, to_js};
use crate::error::{Error, ErrorKind, Result};
use crate::index::{Export, Imported, Importer, Verification};

/// The exports, imports and looks whether all is whole that are under way, few at a time. One that has failed is gone.
#[derive(Default)]
pub(super) struct Transfers {
    last: u32,
    under_way: Vec<(u32, Transfer)>,
}

pub(super) enum Transfer {
    Export(Export),
    Import(Importer),
    Verification(Verification),
}

impl Transfers {
    pub(super) fn begin(&mut self, transfer: Transfer) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.under_way.push((self.last, transfer));
        self.last
    }

    /// Takes one out for as long as it is worked on: where that fails, it stays out.
    pub(super) fn take(&mut self, number: u32) -> Option<Transfer> {
        let at = self.under_way.iter().position(|&(found, _)| found == number)?;
        Some(self.under_way.swap_remove(at).1)
    }

    /// There is more to be done.
    pub(super) fn put_back(&mut self, number: u32, transfer: Transfer) {
        self.under_way.push((number, transfer));
    }
}

#[wasm_bindgen]
impl Index {
    /// Begins an export of the pages that are there now, and gives its number.
    ///
    /// # Errors
    ///
    /// `input` where the index has never been bound to an encoder.
    #[wasm_bindgen(js_name = exportBegin)]
    pub fn export_begin(&mut self) -> JsResult<u32> {
        let export = self.index.export_begin()?;
        Ok(self.transfers.begin(Transfer::Export(export)))
    }

    /// The next part of the file; undefined after the last, which ends the export.
    ///
    /// # Errors
    ///
    /// `input` where a page was changed meanwhile, `corrupt` where one is damaged, `storage`. The
    /// export is ended then.
    #[wasm_bindgen(js_name = exportNext)]
    pub async fn export_next(&mut self, number: u32) -> JsResult<Option<Vec<u8>>> {
        let Some(Transfer::Export(mut export)) = self.transfers.take(number) else {
            return Err(ended().into());
        };
        let part = self.index.export_next(&mut export).await?;
        if part.is_some() {
            self.transfers.put_back(number, Transfer::Export(export));
        }
        Ok(part)
    }

    /// Begins an import, and gives its number.
    #[wasm_bindgen(js_name = importBegin)]
    pub fn import_begin(&mut self) -> u32 {
        self.transfers.begin(Transfer::Import(Importer::new()))
    }

    /// Takes in the next bytes of the file.
    ///
    /// # Errors
    ///
    /// Those of `Importer::push`. The import is ended then; pages taken in stay.
    #[wasm_bindgen(js_name = importPush, unchecked_return_type = "ImportResult")]
    pub async fn import_push(&mut self, number: u32, bytes: &[u8]) -> JsResult<JsValue> {
        let mut importer = self.importer(number)?;
        let imported = importer.push(&mut self.index, bytes).await?;
        self.transfers.put_back(number, Transfer::Import(importer));
        Ok(to_js(&ImportResult::from(imported))?)
    }

    /// Ends an import whose file has been given as a whole.
    ///
    /// # Errors
    ///
    /// `corrupt` where the file was cut off. Pages taken in stay.
    #[wasm_bindgen(js_name = importEnd, unchecked_return_type = "ImportResult")]
    pub fn import_end(&mut self, number: u32) -> JsResult<JsValue> {
        let imported = self.importer(number)?.finish()?;
        Ok(to_js(&ImportResult::from(imported))?)
    }

    /// Forgets what nobody goes on with.
    #[wasm_bindgen(js_name = transferEnd)]
    pub fn transfer_end(&mut self, number: u32) {
        self.transfers.take(number);
    }

    fn importer(&mut self, number: u32) -> Result<Importer> {
        match self.transfers.take(number) {
            Some(Transfer::Import(importer)) => Ok(importer),
            _ => Err(ended()),
        }
    }
}

pub(super) fn ended() -> Error {
    Error::new(ErrorKind::Input, "this export, import or verification has ended: begin another")
}

/// How far an import has come, as JavaScript sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImportResult {
    pages: usize,
    pages_total: usize,
    added: usize,
    replaced: usize,
    unchanged: usize,
}

impl From<Imported> for ImportResult {
    fn from(imported: Imported) -> Self {
        let pages = imported.pages();
        let Imported { pages_total, added, replaced, unchanged } = imported;
        ImportResult { pages, pages_total, added, replaced, unchanged }
    }
}
