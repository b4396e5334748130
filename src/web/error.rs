//! A failure as JavaScript sees it: an `Error` with a `kind`.

use js_sys::Reflect;
use wasm_bindgen::JsValue;

use crate::error::Error;

/// What an exported function throws, or rejects its promise with.
pub(super) type JsResult<T> = std::result::Result<T, JsValue>;

/// Lets `?` turn an [`Error`] into what JavaScript catches.
impl From<Error> for JsValue {
    fn from(error: Error) -> Self {
        let thrown = js_sys::Error::new(&error.to_string());
        let kind = JsValue::from_str(error.kind().name());
        // A new object is not frozen, so its property can be set; without it the error would still
        // be thrown, as one of a kind unknown.
        let _ = Reflect::set(&thrown, &JsValue::from_str("kind"), &kind);
        thrown.into()
    }
}
