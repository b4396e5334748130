//! Why the browser did not do what was asked, and what to do about it.

use js_sys::Reflect;
use wasm_bindgen::JsValue;

use crate::error::{Error, ErrorKind};

/// The name of the error with which opening is given up because another tab keeps an older
/// version of the database open.
pub(super) const BLOCKED: &str = "blocked";

/// Takes what JavaScript threw out of the error that `idb` wrapped around it.
pub(super) trait IntoValue {
    fn into_value(self) -> JsValue;
}

impl IntoValue for idb::Error {
    fn into_value(self) -> JsValue {
        use idb::Error as E;
        match self {
            E::DomException(exception) => exception.into(),
            E::IndexedDbNotFound(value)
            | E::IndexedDbOpenFailed(value)
            | E::IndexedDbDeleteFailed(value)
            | E::TransactionOpenFailed(value)
            | E::ObjectStoreNotFound(value)
            | E::GetFailed(value)
            | E::GetAllFailed(value)
            | E::GetAllKeysFailed(value)
            | E::AddFailed(value)
            | E::UpdateFailed(value)
            | E::DeleteFailed(value) => value,
            other => JsValue::from_str(&other.to_string()),
        }
    }
}

/// What failed, with the name that the browser gives it, and what to do.
pub(super) fn failure(doing: &str, cause: &JsValue) -> Error {
    let text =
        |key: &str| Reflect::get(cause, &key.into()).ok().and_then(|value| value.as_string());
    let name =
        cause.as_string().or_else(|| text("name")).unwrap_or_else(|| "no reason given".into());
    let (kind, advice) = match name.as_str() {
        "QuotaExceededError" => (
            ErrorKind::StorageFull,
            "free some space on the disk or remove pages; nothing that was committed is lost",
        ),
        "VersionError" => (
            ErrorKind::Fingerprint,
            "a newer version of this site made the database: reload the page to get that version",
        ),
        "InvalidStateError" => (
            ErrorKind::Storage,
            "another tab has upgraded or deleted the database: reload this page",
        ),
        BLOCKED => (
            ErrorKind::Storage,
            "another tab holds an older version of it open: close that tab and reload this page",
        ),
        _ => (
            ErrorKind::Storage,
            "the browser may refuse storage here, as in a private window: allow it for this site",
        ),
    };
    let detail = text("message").filter(|message| !message.is_empty());
    let detail = detail.map(|message| format!(": {message}")).unwrap_or_default();
    Error::new(
        kind,
        format!("could not {doing} the browser's IndexedDB ({name}{detail}); {advice}"),
    )
}
