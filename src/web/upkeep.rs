//! Looking after an index: whether it is whole, mending it, tidying it.

use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::error::JsResult;
use super::search::{Index, to_js};
use super::transfer::{Transfer, ended};
use crate::index::Problem;

#[wasm_bindgen]
impl Index {
    /// Begins to look whether everything is whole, and gives the number of this look.
    ///
    /// # Errors
    ///
    /// Those of opening: what is read then is read again. So with `verifyNext`.
    #[wasm_bindgen(js_name = verifyBegin)]
    pub async fn verify_begin(&mut self) -> JsResult<u32> {
        let verification = self.index.verify_begin().await?;
        Ok(self.transfers.begin(Transfer::Verification(verification)))
    }

    /// Looks at some more pages. Undefined while there are more to come; then all that is not whole.
    #[wasm_bindgen(js_name = verifyNext, unchecked_return_type = "Problem[] | undefined")]
    pub async fn verify_next(&mut self, number: u32) -> JsResult<JsValue> {
        let Some(Transfer::Verification(mut verification)) = self.transfers.take(number) else {
            return Err(ended().into());
        };
        let Some(problems) = self.index.verify_next(&mut verification).await? else {
            self.transfers.put_back(number, Transfer::Verification(verification));
            return Ok(JsValue::UNDEFINED);
        };
        let problems: Vec<Told> = problems.into_iter().map(Told::from).collect();
        Ok(to_js(&problems)?)
    }

    /// Mends what can be mended and removes what cannot.
    ///
    /// # Errors
    ///
    /// `storage` or `storage-full`: then what was mended so far stays so.
    #[wasm_bindgen(unchecked_return_type = "RepairResult")]
    pub async fn repair(&mut self) -> JsResult<JsValue> {
        let repaired = self.index.repair().await?;
        let (saved, lost) = (repaired.saved, repaired.lost);
        Ok(to_js(&Mended { saved, lost, left_over: repaired.left_over })?)
    }

    /// Does one small step of tidying, and says whether there was one to do.
    ///
    /// # Errors
    ///
    /// `storage` or `storage-full`: then the index is as it was.
    pub async fn compact(&mut self) -> JsResult<bool> {
        Ok(self.index.compact().await?)
    }
}

/// What is not whole, as JavaScript sees it.
#[derive(Serialize)]
struct Told {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    message: String,
}

impl From<Problem> for Told {
    fn from(Problem { url, message }: Problem) -> Self {
        Told { url, message }
    }
}

/// What a repair has done, as JavaScript sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Mended {
    saved: Vec<String>,
    lost: Vec<String>,
    left_over: usize,
}
